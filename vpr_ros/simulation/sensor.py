# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the sensor makes of the light: exposure, white balance, blur and noise."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import ImageRgb
from vpr_ros.simulation.conditions import Conditions


def expose(radiance: npt.NDArray[np.float32], conditions: Conditions, noise_seed: int) -> ImageRgb:
    """Turn (3, H, W) grey levels of light into (H, W, 3) uint8. *noise_seed* should differ from frame to frame."""
    gain = np.asarray(conditions.white_balance_rgb, dtype=np.float32) * np.float32(conditions.exposure_gain)
    radiance = radiance * gain[:, None, None]
    if conditions.motion_blur_px >= 2.0:
        kernel = (int(conditions.motion_blur_px), 1)
        radiance = np.stack([cv2.blur(channel, kernel) for channel in radiance]).astype(np.float32, copy=False)
    if conditions.noise_std > 0:
        grain = np.random.default_rng(noise_seed).standard_normal(radiance.shape, dtype=np.float32)
        radiance += grain * np.float32(conditions.noise_std)
    np.clip(radiance, 0.0, 255.0, out=radiance)
    return np.ascontiguousarray(np.moveaxis(radiance, 0, -1), dtype=np.uint8)
