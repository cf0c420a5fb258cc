# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Windows, doors and shop fronts, painted into a facade."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.simulation.materials import Colour, random_colour
from vpr_ros.simulation.signs import paint_sign
from vpr_ros.simulation.textures import Rgba


@dataclass(frozen=True)
class WindowStyle:
    """How the windows of one house look. Lengths in pixels.

    Attributes:
        width, height: of the glass.
        panes_across, panes_down: how bars divide it.
        arched: round at the top.
        frame, trim, shutter: colours; no trim or shutters where None.
        sill, hood: whether there is a sill below, a ledge above.
    """

    width: int
    height: int
    panes_across: int
    panes_down: int
    arched: bool
    frame: Colour
    trim: Colour | None
    shutter: Colour | None
    sill: bool
    hood: bool


def random_window_style(rng: np.random.Generator, px_per_m: float, storey_m: float, spacing_m: float) -> WindowStyle:
    """Draw a style that fits a storey and the spacing of the windows."""
    frame = (238, 236, 230) if rng.random() < 0.55 else random_colour(rng, (0.1, 0.8), (0.12, 0.5))
    return WindowStyle(
        width=int(px_per_m * spacing_m * rng.uniform(0.36, 0.66)),
        height=int(px_per_m * storey_m * rng.uniform(0.42, 0.68)),
        panes_across=int(rng.integers(1, 4)),
        panes_down=int(rng.integers(1, 4)),
        arched=bool(rng.random() < 0.2),
        frame=frame,
        trim=random_colour(rng, (0.0, 0.3), (0.4, 1.0)) if rng.random() < 0.6 else None,
        shutter=random_colour(rng, (0.3, 0.9), (0.2, 0.6)) if rng.random() < 0.22 else None,
        sill=bool(rng.random() < 0.7),
        hood=bool(rng.random() < 0.3),
    )


def paint_window(rng: np.random.Generator, wall: Rgba, x: int, y: int, style: WindowStyle) -> None:
    """Paint one window, its glass from (x, y) on. Curtains and light differ from window to window."""
    w, h = style.width, style.height
    if style.trim is not None:
        cv2.rectangle(wall, (x - 4, y - 4), (x + w + 3, y + h + 3), (*style.trim, 0), -1)
    if style.hood:
        cv2.rectangle(wall, (x - 6, y - 9), (x + w + 5, y - 6), _shade(style.trim or style.frame, 0.9), -1)
    if style.shutter is not None:
        half = max(3, w // 2 - 1)
        for left in (x - half - 2, x + w + 2):
            cv2.rectangle(wall, (left, y), (left + half, y + h), (*style.shutter, 0), -1)
            for slat in range(y + 2, y + h - 1, 4):
                cv2.line(wall, (left + 1, slat), (left + half - 1, slat), _shade(style.shutter, 0.75), 1)
    inside = _glass(rng, h, w)
    _bars(inside, style)
    top, left = max(0, y), max(0, x)
    target = wall[top : y + h, left : x + w]
    inside = inside[top - y :, left - x :][: target.shape[0], : target.shape[1]]
    if style.arched:
        shape: npt.NDArray[np.uint8] = np.zeros((h, w), dtype=np.uint8)
        cv2.rectangle(shape, (0, w // 2), (w, h), 1, -1)
        cv2.circle(shape, (w // 2, w // 2), w // 2, 1, -1)
        shape = shape[top - y :, left - x :][: target.shape[0], : target.shape[1]]
        target[shape > 0] = inside[shape > 0]
    else:
        target[...] = inside
    if style.sill:
        cv2.rectangle(wall, (x - 4, y + h + 1), (x + w + 3, y + h + 4), _shade(style.trim or style.frame, 0.85), -1)
        cv2.rectangle(wall, (x - 3, y + h + 5), (x + w + 2, y + h + 6), _shade(style.frame, 0.35), -1)


def _shade(colour: Colour, factor: float) -> tuple[int, int, int, int]:
    red, green, blue = (int(v * factor) for v in colour)
    return red, green, blue, 0


def _glass(rng: np.random.Generator, height: int, width: int) -> Rgba:
    """Paint what is seen through the glass; the fourth channel orders the windows by how early they are lit."""
    glass = np.empty((height, width, 4), dtype=np.uint8)
    tone = rng.uniform(0.7, 1.5)
    fall = np.linspace(1.25, 0.75, height)[:, None]
    glass[..., :3] = np.clip(np.array([48, 58, 70]) * tone * fall[..., None], 0, 255)
    glass[..., 3] = int(rng.integers(40, 256))
    kind = rng.random()
    cloth = random_colour(rng, (0.0, 0.45), (0.6, 0.95))
    if kind < 0.3:
        glass[: int(height * rng.uniform(0.2, 0.9)), :, :3] = cloth
    elif kind < 0.6:
        share = int(width * rng.uniform(0.15, 0.4))
        glass[:, :share, :3] = cloth
        glass[:, width - share :, :3] = cloth
    elif kind < 0.72:
        cv2.circle(glass, (int(rng.integers(width)), height - 2), max(2, width // 4), (60, 110, 50, 90), -1)
    if rng.random() < 0.5:  # a reflection of the bright sky
        start = int(rng.integers(-width, width))
        corner_xy = np.array(
            [[start, height], [start + width // 2, height], [start + width, 0], [start + width // 2, 0]]
        )
        bright = glass.copy()
        cv2.fillConvexPoly(bright, corner_xy.astype(np.int32), (170, 185, 200, 0))
        glass[..., :3] = cv2.addWeighted(glass, 0.75, bright, 0.25, 0)[..., :3]
    return glass


def _bars(glass: Rgba, style: WindowStyle) -> None:
    height, width = glass.shape[:2]
    ink = (*style.frame, 0)
    cv2.rectangle(glass, (0, 0), (width - 1, height - 1), ink, 2)
    for k in range(1, style.panes_across):
        cv2.line(glass, (k * width // style.panes_across, 0), (k * width // style.panes_across, height), ink, 2)
    for k in range(1, style.panes_down):
        cv2.line(glass, (0, k * height // style.panes_down), (width, k * height // style.panes_down), ink, 1)


def paint_door(rng: np.random.Generator, wall: Rgba, x: int, width: int, height: int) -> None:
    """Paint a door that stands on the ground, its left edge at *x*."""
    bottom = wall.shape[0] - 1
    leaf = random_colour(rng, (0.2, 0.9), (0.15, 0.6))
    surround = random_colour(rng, (0.0, 0.2), (0.45, 0.9))
    cv2.rectangle(wall, (x - 4, bottom - height - 4), (x + width + 4, bottom), (*surround, 0), -1)
    cv2.rectangle(wall, (x, bottom - height), (x + width, bottom), (*leaf, 0), -1)
    light = int(rng.integers(100, 256))
    cv2.rectangle(
        wall, (x + 2, bottom - height + 2), (x + width - 2, bottom - int(0.82 * height)), (70, 80, 90, light), -1
    )
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    for row in range(rows):
        for column in range(columns):
            left = x + 4 + column * (width - 4) // columns
            top = bottom - int(0.78 * height) + row * int(0.76 * height) // rows
            corner = (left + max(2, (width - 4) // columns - 6), top + max(2, int(0.76 * height) // rows - 5))
            cv2.rectangle(wall, (left, top), corner, _shade(leaf, 0.7), 1 if rng.random() < 0.7 else -1)


def paint_shop(rng: np.random.Generator, wall: Rgba, left: int, right: int, height: int, px_per_m: float) -> None:
    """Paint a shop front on the ground between two columns of pixels: glass, goods, a door and a sign above."""
    bottom = wall.shape[0] - 1
    top = bottom - height
    frame = random_colour(rng, (0.1, 0.9), (0.12, 0.7))
    cv2.rectangle(wall, (left, top), (right, bottom), (*frame, 0), -1)
    sign_px = int(px_per_m * rng.uniform(0.5, 0.85))
    wall[top + 2 : top + 2 + sign_px, left + 3 : right - 3] = paint_sign(
        rng, sign_px, right - left - 6, int(rng.integers(120, 256))
    )
    sill = bottom - int(px_per_m * rng.uniform(0.2, 0.7))
    panes = max(2, round((right - left) / px_per_m / rng.uniform(1.4, 2.6)))
    door = int(rng.integers(panes))
    edges = np.linspace(left + 4, right - 4, panes + 1).astype(int)
    light = int(rng.integers(140, 256))
    for k in range(panes):
        low = bottom if k == door else sill
        x0, x1, y0 = edges[k] + 2, edges[k + 1] - 2, top + sign_px + 6
        cv2.rectangle(wall, (x0, y0), (x1, low), (66, 76, 84, light), -1)
        if k != door:
            for _ in range(int(rng.integers(3, 12))):  # goods on show
                size = int(rng.integers(3, max(4, (x1 - x0) // 3)))
                x, y = int(rng.integers(x0, max(x0 + 1, x1 - size))), int(rng.integers(y0, max(y0 + 1, low - size)))
                goods = random_colour(rng, (0.2, 1.0), (0.3, 1.0))
                cv2.rectangle(wall, (x, y), (min(x1, x + size), min(low, y + size * 2)), (*goods, light // 2), -1)
