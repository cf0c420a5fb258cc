"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

Update = Callable[[int, int], None]
"""Called with how much is done and of how much."""

ShowProgress = Callable[[str], AbstractContextManager[Update]]
"""Called with what is done; the block it opens lasts as long as that."""


def no_update(_done: int, _total: int) -> None:
    """Where nobody looks."""
