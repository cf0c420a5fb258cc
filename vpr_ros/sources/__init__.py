"""Frames with poses, from bags and image folders."""

from vpr_ros.sources.open import open_source
from vpr_ros.sources.options import SourceOptions

__all__ = ["SourceOptions", "open_source"]
