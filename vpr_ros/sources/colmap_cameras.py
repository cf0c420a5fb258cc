# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""COLMAP ``cameras.txt``: ``CAMERA_ID MODEL WIDTH HEIGHT PARAMS...``.

Its zero is the corner of the first pixel, ours the centre.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from vpr_ros.core.camera import CameraIntrinsics, Lens
from vpr_ros.core.errors import ConfigError, SourceError
from vpr_ros.core.files import read_text
from vpr_ros.core.frames import SizePx
from vpr_ros.sources.text_lines import numbered_lines, numbers

CAMERAS_NAME: Final = "cameras.txt"
_FIRST_CENTRE_PX: Final = 0.5
_LARGEST_BYTES: Final = 1 << 22
"""Of tens of thousands of cameras, one for each image."""
_BEFORE_PARAMETERS: Final = 4


class _Model(NamedTuple):
    """The parameters of a camera model: one focal length or two, the centre, so many coefficients."""

    focal_lengths: int
    coefficients: int
    lens: Lens = Lens.BROWN_CONRADY
    padded_to: int = 0


_MODELS: Final[Mapping[str, _Model]] = {
    "SIMPLE_PINHOLE": _Model(1, 0),
    "PINHOLE": _Model(2, 0),
    "SIMPLE_RADIAL": _Model(1, 1, padded_to=4),
    "RADIAL": _Model(1, 2, padded_to=4),
    "OPENCV": _Model(2, 4, padded_to=4),
    "FULL_OPENCV": _Model(2, 8, padded_to=8),
    "SIMPLE_RADIAL_FISHEYE": _Model(1, 1, Lens.KANNALA_BRANDT, 4),
    "RADIAL_FISHEYE": _Model(1, 2, Lens.KANNALA_BRANDT, 4),
    "OPENCV_FISHEYE": _Model(2, 4, Lens.KANNALA_BRANDT, 4),
}


def colmap_intrinsics(file: Path, _: SizePx | None) -> CameraIntrinsics | None:
    """Those of the one camera of *file*; None where it holds none.

    Raises:
        SourceError, ConfigError: a line is none of a camera, a model that is not known, or cameras that differ.
    """
    found = {
        _camera(file, number, line.split())
        for number, line in numbered_lines(read_text(file, SourceError, _LARGEST_BYTES))
        if line.strip() and not line.startswith("#")
    }
    if len(found) > 1:
        raise ConfigError(f"it holds {len(found)} cameras that differ", "Give a model of one camera")
    return next(iter(found), None)


def names_a_model(content: str) -> bool:
    """Whether a text reads as such a file: a line names one of the models where it belongs."""
    rows = (line.split(maxsplit=2) for line in content.splitlines() if not line.startswith("#"))
    return any(len(row) > 1 and row[1] in _MODELS for row in rows)


def _camera(file: Path, number: int, cells: list[str]) -> CameraIntrinsics:
    model = _MODELS.get(cells[1]) if len(cells) > 1 else None
    if model is None:
        raise ConfigError(
            f"line {number} is {' '.join(cells)[:80]!r}, expected CAMERA_ID MODEL WIDTH HEIGHT PARAMS with one of "
            f"{', '.join(_MODELS)}",
            "Calibrate with one of these models",
        )
    columns = _BEFORE_PARAMETERS + model.focal_lengths + 2 + model.coefficients
    width_px, height_px, *parameters = numbers(file, number, cells, columns, 2)
    focal_px, rest = parameters[: model.focal_lengths], parameters[model.focal_lengths :]
    cx_px, cy_px = (value - _FIRST_CENTRE_PX for value in rest[:2])
    coefficients = rest[2:] + [0.0] * (model.padded_to - model.coefficients)
    if not (width_px.is_integer() and height_px.is_integer()):
        raise ConfigError(f"line {number} has no size of an image", "Correct it")
    size_px = int(width_px), int(height_px)
    return CameraIntrinsics(*size_px, focal_px[0], focal_px[-1], cx_px, cy_px, model.lens, tuple(coefficients))
