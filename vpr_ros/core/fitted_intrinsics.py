# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The calibration of a recording beside its images: used where both are of one size, or of one shape."""

from __future__ import annotations

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.frames import SizePx

Fitted = tuple[CameraIntrinsics | None, list[str]]
"""How the camera sees, None where nobody says or it cannot be trusted; what is to be said of it, one sentence each."""


def fitted(intrinsics: CameraIntrinsics, size_px: SizePx | None, origin: str) -> Fitted:
    """Fit *intrinsics*, which *origin* gives, to images of *size_px*; None: of the size they were calibrated with."""
    if size_px is None or size_px == (intrinsics.width_px, intrinsics.height_px):
        return intrinsics, []
    width_px, height_px = size_px
    found = (
        f"{origin} is for images of {intrinsics.width_px}x{intrinsics.height_px} px, "
        f"these are of {width_px}x{height_px} px"
    )
    if width_px * intrinsics.height_px != height_px * intrinsics.width_px:
        return None, [f"{found}, which is another shape: their intrinsics are not known"]
    return intrinsics.scaled(width_px, height_px), [f"{found}: it is scaled"]
