# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whether a JPEG is all there: libjpeg fills what is missing with grey, and OpenCV calls that decoded.

ITU-T T.81, annexes B (markers), F (restart intervals) and G (progressive). No pixel is decoded here: the marks between
the coded data say whether the end was reached, whether every part of every component came, and whether restart marks
are missing. A file that somebody closed with an end mark where it was cut needs a second look, ``is_short``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

_SOI, _EOI, _SOS, _DRI, _TEM = 0xD8, 0xD9, 0xDA, 0xDD, 0x01
_RST: Final = range(0xD0, 0xD8)
_SOF: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE: Final = frozenset({0xC2, 0xCA})
_MOST_SCANS: Final = 256
"""Encoders write a dozen; each more costs a walk over the whole image, whatever it holds."""
_COEFFICIENTS: Final = 64
_NEVER_CAME: Final = 99
_FILLING: Final = bytes(range(1, 255, 4))
_WITHOUT_DATA: Final = (128, 128, 128)
"""What libjpeg makes of blocks it has no data for."""


@dataclass
class JpegStructure:
    """What the marks of a JPEG say.

    Attributes:
        fault: what is missing, for people; "" where nothing is.
        scans: how many there are.
        data_end: where the coded data of the last scan ends.
    """

    fault: str = ""
    scans: int = 0
    data_end: int = 0
    _size_px: tuple[int, int] = (0, 0)
    _progressive: bool = False
    _restart_interval: int = 0
    _sampling: dict[int, tuple[int, int]] = field(default_factory=dict)
    _lowest_bit: dict[int, list[int]] = field(default_factory=dict)
    """By component: the lowest bit of each coefficient that came."""

    @property
    def components(self) -> int:
        """How many components the frame header names."""
        return len(self._sampling)

    def read_frame_header(self, marker: int, body: bytes) -> None:
        """Take size and components from a start of frame."""
        self._size_px = _size(body)
        self._progressive = marker in _PROGRESSIVE
        for at in range(6, 6 + 3 * body[5], 3):
            self._sampling[body[at]] = (body[at + 1] >> 4 or 1, body[at + 1] & 15 or 1)
            self._lowest_bit[body[at]] = [_NEVER_CAME] * _COEFFICIENTS

    def read_restart_interval(self, body: bytes) -> None:
        """Take the number of units between two restart marks."""
        self._restart_interval = int.from_bytes(body[:2], "big")

    def read_scan(self, body: bytes, restarts: npt.NDArray[np.uint8]) -> None:
        """Note what a scan brings; *restarts* are the restart marks in its data."""
        self.scans += 1
        components = [body[at] for at in range(1, 1 + 2 * body[0], 2)]
        first, last, bits = body[1 + 2 * body[0] :][:3]
        if not self._progressive:
            first, last, bits = 0, _COEFFICIENTS - 1, 0
        for component in components:
            for coefficient in range(first, min(last, _COEFFICIENTS - 1) + 1):
                self._lowest_bit[component][coefficient] = bits & 15
        if self._restart_interval:
            expected = -(-self._units(components) // self._restart_interval) - 1
            in_order = bool((restarts == np.arange(len(restarts)) % len(_RST)).all())
            if len(restarts) < expected or not in_order:
                self.fault = f"{len(restarts)} restart marks of {expected} came, or not in their order"
        if self.scans > _MOST_SCANS:
            self.fault = f"it has more than {_MOST_SCANS} scans"

    def end(self) -> None:
        """Note what has not come before the end mark."""
        if not self.scans:
            self.fault = "it holds no pixels"
        elif any(lowest for component in self._lowest_bit.values() for lowest in component):
            self.fault = "it ends before its last scan"

    def _units(self, components: list[int]) -> int:
        """Minimum coded units of a scan of *components* (A.2)."""
        across, down = (max(of) for of in zip(*self._sampling.values(), strict=True))
        if len(components) == 1:
            across_one, down_one = self._sampling[components[0]]
            width, height = (-(-self._size_px[0] * across_one // across), -(-self._size_px[1] * down_one // down))
            return -(-width // 8) * -(-height // 8)
        return -(-self._size_px[0] // (8 * across)) * -(-self._size_px[1] // (8 * down))


def jpeg_size(jpeg: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as the frame header says, None where there is none before the pixels."""
    position = 2
    while (segment := _segment(jpeg, position)) is not None:
        marker, start, position = segment
        if marker in _SOF:
            return _size(jpeg[start:position]) if start + 6 <= len(jpeg) else None
        if marker in (_SOS, _EOI):
            break
    return None


def read_structure(jpeg: bytes) -> JpegStructure:
    """Walk over the marks of *jpeg*."""
    found = JpegStructure()
    at, marks = _marks_in_data(jpeg)
    ends = at[~np.isin(marks, _RST)]
    position = 2
    try:
        while not found.fault:
            segment = _segment(jpeg, position)
            if segment is None or segment[2] > len(jpeg):
                found.fault = "it ends without its end mark"
                break
            marker, start, position = segment
            if marker == _EOI:
                found.end()
                break
            if marker == _SOI:
                found.fault = "another one begins inside it"
            elif marker in _SOF:
                found.read_frame_header(marker, jpeg[start:position])
            elif marker == _DRI:
                found.read_restart_interval(jpeg[start:position])
            elif marker == _SOS:
                body, first = jpeg[start:position], position
                after = int(np.searchsorted(ends, first))
                position = found.data_end = int(ends[after]) if after < len(ends) else len(jpeg)
                inside = slice(*np.searchsorted(at, [first, position]))
                found.read_scan(body, marks[inside] - np.uint8(_RST.start))
    except (IndexError, KeyError, ValueError):
        found.fault = "its headers contradict each other"
    return found


def may_be_short(structure: JpegStructure, pixels: npt.NDArray[np.generic]) -> bool:
    """Whether ``is_short`` must be asked: a corner is as grey as if it had no data, or its colour would not tell.

    Any corner, because an EXIF orientation turns the last one to another place. The colour does not tell where there
    are several scans, or four components, from which other colours are made.
    """
    corners = pixels[:: max(1, len(pixels) - 1), :: max(1, pixels.shape[1] - 1), :3].reshape(-1, 3)
    return structure.scans > 1 or structure.components > 3 or bool((corners == _WITHOUT_DATA).all(axis=1).any())


def is_short(jpeg: bytes, structure: JpegStructure) -> bool:
    """Whether coded data are missing before the last end mark: then more of them change the picture.

    Pillow decodes both, at an eighth of the size where that is enough, because its libjpeg does not print.
    """
    longer = jpeg[: structure.data_end] + _FILLING + jpeg[structure.data_end :]
    try:
        return _grey(jpeg, structure) != _grey(longer, structure)
    except (OSError, ValueError, SyntaxError):  # a JPEG that only OpenCV reads
        return False


def _grey(jpeg: bytes, structure: JpegStructure) -> bytes:
    with Image.open(BytesIO(jpeg)) as image:
        if structure.scans == 1:  # else what is missing may be fine detail or a colour
            image.draft("L", (image.width // 8, image.height // 8))
        return image.tobytes()


def _size(frame_header: bytes) -> tuple[int, int]:
    return int.from_bytes(frame_header[3:5], "big"), int.from_bytes(frame_header[1:3], "big")


def _segment(jpeg: bytes, position: int) -> tuple[int, int, int] | None:
    """Marker, start and end of the body of the next segment, None at the end; what lies between is skipped."""
    while (position := jpeg.find(b"\xff", position)) >= 0:
        while jpeg[position : position + 1] == b"\xff":
            position += 1
        if position >= len(jpeg):
            return None
        marker = jpeg[position]
        position += 1
        if marker in (0, _TEM) or marker in _RST:
            continue
        if marker in (_SOI, _EOI):
            return marker, position, position
        length = int.from_bytes(jpeg[position : position + 2], "big")
        return marker, position + 2, position + max(2, length)
    return None


def _marks_in_data(jpeg: bytes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint8]]:
    """Where a byte FF is followed by one that ends or restarts coded data, and that one."""
    data = np.frombuffer(jpeg, np.uint8)
    at = np.flatnonzero(data[:-1] == 0xFF)
    after = data[at + 1]
    real = (after != 0) & (after != 0xFF)
    return at[real], after[real]
