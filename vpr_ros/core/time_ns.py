# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Time is whole nanoseconds; seconds are for people, parameters and messages."""

from __future__ import annotations

from typing import Final

NS_PER_S: Final = 1_000_000_000


def sec_nanosec(stamp_ns: int) -> tuple[int, int]:
    """The two fields of a ``builtin_interfaces/Time``; the second is never negative."""
    return divmod(stamp_ns, NS_PER_S)


def from_sec_nanosec(sec: int, nanosec: int) -> int:
    """Nanoseconds of the two fields of a ``builtin_interfaces/Time``."""
    return int(sec) * NS_PER_S + int(nanosec)
