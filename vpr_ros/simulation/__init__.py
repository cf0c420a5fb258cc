"""A small procedural town to drive through: images with exact pose, depth and labels, by NumPy and OpenCV alone."""
