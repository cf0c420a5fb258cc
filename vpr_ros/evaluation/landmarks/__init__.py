"""Landmark retrieval as DELG is measured: the revisited sets, and re-ranking by local features (docs/methods.md 7)."""
