# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How much memory a process may still take."""

from __future__ import annotations

from pathlib import Path
from typing import Final

MEMINFO: Final = Path("/proc/meminfo")
GROUP: Final = Path("/sys/fs/cgroup")


def available_bytes() -> int | None:
    """What the kernel says can be had without swapping, within the limit of a container; None where nobody says."""
    known = [one for one in (_of_machine(), _of_group()) if one is not None]
    return min(known) if known else None


def _of_machine() -> int | None:
    try:
        lines = MEMINFO.read_text(encoding="utf-8").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _of_group() -> int | None:
    """Of the control group, version 2; pages of files count as used there, though they can be had."""
    try:
        most = int((GROUP / "memory.max").read_text(encoding="utf-8"))
        used = int((GROUP / "memory.current").read_text(encoding="utf-8"))
        counts = dict(line.split() for line in (GROUP / "memory.stat").read_text(encoding="utf-8").splitlines())
        return most - used + int(counts.get("file", 0))
    except (OSError, ValueError):
        return None
