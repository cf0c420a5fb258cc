# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Memory of a process through which images flow."""

from __future__ import annotations

from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_TOP_PAD: Final = -2
M_MMAP_THRESHOLD: Final = -3
"""Parameters of mallopt(3), glibc."""
LARGEST_KEPT_BYTES: Final = 32 * 2**20
"""The most glibc takes; a 4K RGB image has 25 MB."""
KEPT_BYTES: Final = 256 * 2**20
PADDING_BYTES: Final = 16 * 2**20


def keep_freed_memory() -> bool:
    """Let glibc keep blocks of an image's size for the next image; returns whether it does.

    By itself it hands them back to the kernel as soon as they are free, and every page is then faulted in again for
    every copy of every image, which is most of the time it takes to receive one. Costs nothing but memory that was in
    use a moment ago. Elsewhere than on glibc nothing happens.
    """
    import ctypes  # noqa: PLC0415  # a signal while it loads is caught here

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    wanted = {M_MMAP_THRESHOLD: LARGEST_KEPT_BYTES, M_TRIM_THRESHOLD: KEPT_BYTES, M_TOP_PAD: PADDING_BYTES}
    return all(mallopt(parameter, size) == 1 for parameter, size in wanted.items())
