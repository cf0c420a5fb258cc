# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Lettering of shops: invented names, colours and emblems that no two shops share."""

from __future__ import annotations

import math

import cv2
import numpy as np

from vpr_ros.simulation.materials import random_colour
from vpr_ros.simulation.textures import Rgba

_ONSETS = ("b", "br", "d", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v", "z", "ch")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ou", "ei")
_CODAS = ("", "", "n", "r", "l", "s", "m", "x", "ck", "nd")
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


def invented_word(rng: np.random.Generator) -> str:
    """Make up a word that can be pronounced."""
    word = "".join(
        str(rng.choice(_ONSETS)) + str(rng.choice(_VOWELS)) + str(rng.choice(_CODAS))
        for _ in range(int(rng.integers(1, 4)))
    )
    return word.upper() if rng.random() < 0.6 else word.capitalize()


def paint_sign(rng: np.random.Generator, height_px: int, width_px: int, light: int) -> Rgba:
    """Paint a sign board with a name and perhaps an emblem; the fourth channel is *light* (0..255)."""
    dark_ground = rng.random() < 0.6
    ground = random_colour(rng, (0.3, 1.0), (0.15, 0.55) if dark_ground else (0.75, 1.0))
    ink = random_colour(rng, (0.0, 0.6), (0.85, 1.0) if dark_ground else (0.05, 0.35))
    board = np.empty((height_px, width_px, 4), dtype=np.uint8)
    board[...] = (*ground, light // 2)
    left = 0
    if rng.random() < 0.6 and width_px > 2 * height_px:
        paint_emblem(rng, board[:, :height_px], (*ink, light))
        left = height_px
    text = invented_word(rng)
    if rng.random() < 0.4:
        text += " " + str(int(rng.integers(1, 99)))
    _write(rng, board[:, left:], text, (*ink, light))
    if rng.random() < 0.4:
        cv2.rectangle(board, (1, 1), (width_px - 2, height_px - 2), (*ink, light), 1)
    return board


def _write(rng: np.random.Generator, board: Rgba, text: str, ink: tuple[int, int, int, int]) -> None:
    """Write *text* as large as it fits."""
    font = int(rng.choice(_FONTS))
    height, width = board.shape[:2]
    (text_width, text_height), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = min(0.9 * width / text_width, 0.62 * height / text_height)
    thickness = max(1, round(scale * 2.2))
    canvas = np.ascontiguousarray(board)
    origin = (int((width - text_width * scale) / 2), int((height + text_height * scale) / 2))
    cv2.putText(canvas, text, origin, font, scale, ink, thickness, cv2.LINE_AA)
    board[...] = canvas


def paint_emblem(rng: np.random.Generator, board: Rgba, ink: tuple[int, int, int, int]) -> None:
    """Draw a random emblem: a polygon, a star, rings or bars."""
    canvas = np.ascontiguousarray(board)
    height, width = canvas.shape[:2]
    centre, radius = (width // 2, height // 2), 0.36 * min(width, height)
    kind = int(rng.integers(4))
    if kind <= 1:
        tips = int(rng.integers(3, 9))
        inner = 1.0 if kind == 0 else rng.uniform(0.35, 0.6)
        angles = np.arange(2 * tips) * math.pi / tips + rng.uniform(0, math.pi)
        radii = np.where(np.arange(2 * tips) % 2 == 0, radius, radius * inner)
        tip_xy = np.stack([centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)], axis=1)
        cv2.fillPoly(canvas, [tip_xy.astype(np.int32)], ink, cv2.LINE_AA)
    elif kind == 2:
        for share in (1.0, 0.6, 0.25)[: int(rng.integers(1, 4))]:
            cv2.circle(canvas, centre, int(radius * share), ink, max(1, int(radius / 6)), cv2.LINE_AA)
    else:
        for x in np.linspace(-radius, radius, int(rng.integers(2, 6))):
            cv2.line(
                canvas,
                (int(centre[0] + x), int(centre[1] - radius)),
                (int(centre[0] + x * rng.uniform(-1, 1)), int(centre[1] + radius)),
                ink,
                max(1, int(radius / 5)),
                cv2.LINE_AA,
            )
    board[...] = canvas
