"""Times for people: what the messages about clocks print."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vpr_ros.core.time_ns import NS_PER_S

Stamps = npt.NDArray[np.int64]
"""(N,) nanoseconds."""


def time_range(stamps_ns: Stamps) -> str:
    """First and last time as ``[1.250, 9.500] s``; large enough for clocks since 1970 to be told apart."""
    if len(stamps_ns) == 0:
        return "[] (no times)"
    return f"[{seconds(int(stamps_ns.min()))}, {seconds(int(stamps_ns.max()))}] s"


def seconds(stamp_ns: int) -> str:
    """Nanoseconds as seconds with milliseconds, exact for any clock."""
    sign = "-" if stamp_ns < 0 else ""
    whole, rest = divmod(abs(stamp_ns), NS_PER_S)
    return f"{sign}{whole}.{rest // 1_000_000:03d}"
