"""What a pixel of a rendering shows."""

from __future__ import annotations

from enum import IntEnum


class Label(IntEnum):
    """Classes of ``Rendering.label``."""

    SKY = 0
    GROUND = 1
    STRUCTURE = 2
    """Walls, roofs, fences, shop signs: what stays where it is for years."""
    VEGETATION = 3
    DYNAMIC = 4
    """What can be gone tomorrow: cars, parked or moving, and people."""
    OTHER = 5
    """Street furniture: lamps, bins, posts."""
