"""Types everybody shares: poses, frames, errors, model description, the one image preprocessing."""
