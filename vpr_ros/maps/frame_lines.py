# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The lines of a long ``frames.csv``, mapped: the name of one frame without reading those of all."""

from __future__ import annotations

import csv
import mmap
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import MapError
from vpr_ros.maps.map_files import DAMAGED

SCANNED_BYTES = 1 << 24


class FrameLines:
    """Where each line begins; 8 bytes a frame. The file may be deleted meanwhile, as descriptors may."""

    def __init__(self, path: Path, frames: int) -> None:
        """Look through the file at *path*, which has a header and so many *frames*.

        Raises:
            MapError: it has another number of lines.
            OSError: it cannot be read.
        """
        with path.open("rb") as stream:
            self._text = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        content = np.frombuffer(self._text, np.uint8)
        ends = [
            np.flatnonzero(content[start : start + SCANNED_BYTES] == ord("\n")) + start
            for start in range(0, len(content), SCANNED_BYTES)
        ]
        self._ends = np.concatenate(ends)
        if len(self._ends) != frames + 1:
            raise MapError(f"{path} has {len(self._ends)} lines, expected {frames + 1}", DAMAGED)

    def name(self, index: int) -> str:
        """Of frame *index*, as the table has it."""
        line = self._text[int(self._ends[index]) + 1 : int(self._ends[index + 1])]
        return next(csv.reader([line.decode("utf-8")]))[-1]
