# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a ``sensor_msgs/CameraInfo``, read from a bag or heard by a node, says of the images beside it."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import SizePx
from vpr_ros.core.lens_names import lens_named

INFO_NAME: Final = "camera_info"
_RECTIFIED: Final = "image_rect"


def is_rectified(image_topic: str) -> bool:
    """Whether the images on a topic are undistorted already, by the name that image_proc gives them."""
    return image_topic.rpartition("/")[2].startswith(_RECTIFIED)


def info_content(info: Any) -> tuple[object, ...]:
    """All that matters of a message, to be compared: the gaps between numbers may hold anything.

    Raises:
        AttributeError, TypeError, ValueError: it is none, whatever the recording calls it.
    """
    region = info.roi
    sizes = (info.width, info.height, info.binning_x, info.binning_y)
    window = (region.x_offset, region.y_offset, region.width, region.height)
    numbers = ((info.d, -1), (info.k, (3, 3)), (info.p, (3, 4)))
    arrays = (np.asarray(array, dtype=np.float64).reshape(shape).tobytes() for array, shape in numbers)
    return (str(info.distortion_model), *map(operator.index, (*sizes, *window)), *arrays)


def intrinsics_of(info: Any, size_px: SizePx | None, *, rectified: bool) -> CameraIntrinsics:
    """What a message says of the images beside it: K and the distortion, or P for those rectified already.

    Args:
        info: the message.
        size_px: of the images, for messages that give none.
        rectified: whether the images are, see ``is_rectified``: the message carries the distortion all the same.

    Raises:
        ConfigError: the camera is not calibrated, or the numbers cannot be those of one.
    """
    K = np.asarray(info.p).reshape(3, 4) if rectified else np.asarray(info.k).reshape(3, 3)
    if K[0, 0] == 0:
        raise ConfigError("the camera is not calibrated, its focal length is 0", "Calibrate it")
    width_px, height_px = int(info.width), int(info.height)
    if (width_px, height_px) == (0, 0) and size_px is not None:
        width_px, height_px = size_px
    coefficients = () if rectified else tuple(_numbers(info.d))
    lens = lens_named(str(info.distortion_model) if coefficients else "")
    fx_px, fy_px, cx_px, cy_px = _numbers((K[0, 0], K[1, 1], K[0, 2], K[1, 2]))
    whole = CameraIntrinsics(width_px, height_px, fx_px, fy_px, cx_px, cy_px, lens, coefficients)
    return _seen_part(whole if whole.has_distortion else whole.undistorted, info)  # d may be five zeros


def _seen_part(whole: CameraIntrinsics, info: Any) -> CameraIntrinsics:
    """The intrinsics of what the driver cut out of the sensor's image and binned."""
    region = info.roi
    if region.width and region.height:
        sides = (int(region.x_offset), int(region.y_offset), int(region.width), int(region.height))
        whole = whole.cropped(*sides)
    across, down = max(1, int(info.binning_x)), max(1, int(info.binning_y))
    if (across, down) == (1, 1):
        return whole
    return whole.scaled(whole.width_px // across, whole.height_px // down)


def _numbers(values: Iterable[Any]) -> list[float]:
    return [float(value) for value in values]
