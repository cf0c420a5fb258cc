# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Depth images in files: which one belongs to which image, and their pixels in metres."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from vpr_ros.core.depth_codec import decode_depth_png
from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.files import read_bytes
from vpr_ros.core.frames import DepthImage
from vpr_ros.core.printable import printable
from vpr_ros.sources.image_file import LARGEST_IMAGE_BYTES
from vpr_ros.sources.stamped_images import read_rgb_txt
from vpr_ros.sources.text_lines import is_file

TUM_PER_M: Final = 5000.0
"""Of the 16-bit numbers in a TUM RGB-D data set."""
LARGEST_GAP_NS: Final = 20_000_000
"""Between an image and its depth image; what the data set's own tools take for one time."""

DepthLoader = Callable[[], DepthImage]


@dataclass(frozen=True)
class DepthFiles:
    """A list of depth images.

    Attributes:
        file: ``stamp path`` per line, the stamp in seconds, the path relative to the file.
        per_m: what a metre is in them.
    """

    file: Path
    per_m: float

    def loaders(self, times_ns: Sequence[int], max_pixels: int) -> list[DepthLoader | None]:
        """What loads the depth image of each of these times; None where there is none.

        Raises:
            SourceError: the list cannot be read.
        """
        listed = read_rgb_txt(self.file)
        there = sorted((t, p) for t, p in zip(listed.stamps_ns, listed.paths, strict=True) if is_file(p))
        stamps_ns = [stamp_ns for stamp_ns, _ in there]
        nearest = [nearest_stamp(stamps_ns, time_ns) for time_ns in times_ns]
        return [None if n is None else partial(read_depth, there[n][1], self.per_m, max_pixels) for n in nearest]


def nearest_stamp(stamps_ns: Sequence[int], time_ns: int, largest_gap_ns: int = LARGEST_GAP_NS) -> int | None:
    """Which of the sorted stamps is nearest to a time; None where none is near."""
    after = bisect_left(stamps_ns, time_ns)
    near = [number for number in (after - 1, after) if 0 <= number < len(stamps_ns)]
    found = min(near, key=lambda number: abs(stamps_ns[number] - time_ns), default=None)
    return None if found is None or abs(stamps_ns[found] - time_ns) > largest_gap_ns else found


def read_depth(path: Path, per_m: float, max_pixels: int) -> DepthImage:
    """Read and decode one file.

    Raises:
        FrameDecodeError: it cannot be read, or is no 16-bit grey PNG.
    """
    encoded = read_bytes(path, LARGEST_IMAGE_BYTES, FrameDecodeError)
    return decode_depth_png(encoded, printable(str(path)), per_m, max_pixels=max_pixels)
