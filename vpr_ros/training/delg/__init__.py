"""DELG: its losses, its recipe, the extraction of features, and the paper's claims in miniature (docs/methods.md 7)."""
