# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Random light, weather and sensors: what changes between two visits although the place does not.

Every function takes (B, 3, H, W) float images on the 0..1 scale and draws one set of parameters per image.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class AppearanceRange:
    """Shares of images that get each change, and how strong it may be.

    Attributes:
        night: share of images turned into a lamp-lit night.
        fog: share of images that lose contrast to a grey veil.
        low_resolution: share of images that come from a coarser sensor.
        blur: share of blurred images.
        occluders: share of images with one or two opaque patches.
        grey: share of images without colour.
        gamma: largest exponent of the tone curve, either way.
        noise: largest standard deviation of the sensor noise.
    """

    night: float = 0.15
    fog: float = 0.1
    low_resolution: float = 0.25
    blur: float = 0.25
    occluders: float = 0.3
    grey: float = 0.15
    gamma: float = 2.0
    noise: float = 0.06


def change_appearance(images: Tensor, limits: AppearanceRange, generator: torch.Generator) -> Tensor:
    """Draw and apply every change; the result stays on the 0..1 scale."""
    images = _tone(images, limits, generator)
    images = _mix(_night(images, generator), images, limits.night, generator)
    images = _mix(_fog(images, generator), images, limits.fog, generator)
    images = _mix(images.mean(1, keepdim=True).expand_as(images), images, limits.grey, generator)
    images = _mix(_occlude(images, generator), images, limits.occluders, generator)
    images = _mix(_blur(images, generator), images, limits.blur, generator)
    images = _mix(_coarse(images), images, limits.low_resolution, generator)
    deviation = limits.noise * _random(images, generator).square()
    noise = torch.randn(images.shape, generator=generator, device=images.device, dtype=images.dtype)
    return (images + deviation * noise).clamp(0.0, 1.0)


def _random(images: Tensor, generator: torch.Generator, channels: int = 1) -> Tensor:
    return torch.rand(images.shape[0], channels, 1, 1, generator=generator, device=images.device, dtype=images.dtype)


def _mix(changed: Tensor, images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    return torch.where(_random(images, generator) < share, changed, images)


def _field(images: Tensor, cells: int, generator: torch.Generator) -> Tensor:
    """A smooth random field (B, 1, H, W) in 0..1."""
    coarse = torch.rand(images.shape[0], 1, cells, cells, generator=generator, device=images.device, dtype=images.dtype)
    return functional.interpolate(coarse, images.shape[-2:], mode="bicubic", align_corners=False).clamp(0.0, 1.0)


def _tone(images: Tensor, limits: AppearanceRange, generator: torch.Generator) -> Tensor:
    exponent = limits.gamma ** (2.0 * _random(images, generator) - 1.0)
    white_balance = 0.8 + 0.4 * _random(images, generator, channels=3)
    gain = 0.6 + 0.8 * _random(images, generator)
    light = 0.5 + _field(images, 4, generator)
    return (images.clamp(min=1e-4) ** exponent * white_balance * gain * light).clamp(0.0, 1.0)


def _night(images: Tensor, generator: torch.Generator) -> Tensor:
    lamps = _field(images, 5, generator) ** 4
    dark = images**1.5 * (0.08 + 0.9 * lamps)
    tint = torch.tensor([1.1, 0.95, 0.7], device=images.device, dtype=images.dtype).view(1, 3, 1, 1)
    grain = 0.04 * torch.randn(images.shape, generator=generator, device=images.device, dtype=images.dtype)
    exposure = 1.0 + 2.0 * _random(images, generator)
    return ((dark * tint + grain) * exposure).clamp(0.0, 1.0)


def _fog(images: Tensor, generator: torch.Generator) -> Tensor:
    density = 0.2 + 0.5 * _random(images, generator)
    return images * (1.0 - density) + density * (0.6 + 0.3 * _random(images, generator))


def _occlude(images: Tensor, generator: torch.Generator) -> Tensor:
    height, width = images.shape[-2:]
    ys = torch.linspace(0, 1, height, device=images.device, dtype=images.dtype).view(1, 1, -1, 1)
    xs = torch.linspace(0, 1, width, device=images.device, dtype=images.dtype).view(1, 1, 1, -1)
    for _ in range(2):
        centre_y, centre_x = 0.3 + 0.7 * _random(images, generator), _random(images, generator)
        half_height, half_width = 0.25 * _random(images, generator), 0.15 * _random(images, generator)
        inside = ((ys - centre_y).abs() < half_height) & ((xs - centre_x).abs() < half_width)
        colour = _random(images, generator, channels=3) * (0.7 + 0.3 * _field(images, 6, generator))
        images = torch.where(inside, colour, images)
    return images


def _blur(images: Tensor, generator: torch.Generator) -> Tensor:
    """Blur along a random axis or both: defocus and motion."""
    horizontal = functional.avg_pool2d(images, (1, 7), 1, (0, 3), count_include_pad=False)
    both = functional.avg_pool2d(
        functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False), 3, 1, 1, count_include_pad=False
    )
    return torch.where(_random(images, generator) < 0.4, horizontal, both)


def _coarse(images: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    small = functional.interpolate(images, (height // 2, width // 2), mode="area")
    return functional.interpolate(small, (height, width), mode="bilinear", align_corners=False)
