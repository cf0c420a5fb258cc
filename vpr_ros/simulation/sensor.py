"""What the sensor makes of the light: exposure, white balance, blur and noise."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import ImageRgb
from vpr_ros.simulation.conditions import Conditions


def expose(radiance: npt.NDArray[np.float32], conditions: Conditions, noise_seed: int) -> ImageRgb:
    """Turn (H, W, 3) grey levels of light into (H, W, 3) uint8. *noise_seed* should differ from frame to frame."""
    gain = np.asarray(conditions.white_balance_rgb, dtype=np.float32) * np.float32(conditions.exposure_gain)
    radiance = radiance * gain
    if conditions.motion_blur_px >= 2.0:
        length = int(conditions.motion_blur_px)
        radiance = cv2.blur(radiance, (length, 1)).astype(np.float32, copy=False)
    if conditions.noise_std > 0:
        radiance += _grain(radiance.shape, noise_seed) * np.float32(conditions.noise_std)
    np.clip(radiance, 0.0, 255.0, out=radiance)
    return radiance.astype(np.uint8)


def _grain(shape: tuple[int, ...], seed: int) -> npt.NDArray[np.float32]:
    """Standard normal noise. The sum of the four bytes of a random word: near enough, and five times as fast."""
    count = int(np.prod(shape))
    words = np.random.default_rng(seed).bytes(4 * count)
    total = np.frombuffer(words, np.uint8).reshape(count, 4).sum(axis=1, dtype=np.uint16)
    return np.asarray((total.astype(np.float32) - np.float32(510.0)) / np.float32(147.8)).reshape(shape)
