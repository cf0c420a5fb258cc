# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Things painted on cut-out boards: trees, people, lamps, signs on poles, the sides of cars."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vpr_ros.simulation.conditions import Season
from vpr_ros.simulation.materials import random_colour
from vpr_ros.simulation.signs import paint_emblem, paint_sign
from vpr_ros.simulation.textures import Rgba


@dataclass(frozen=True)
class Tree:
    """A tree: green, orange or bare under snow. Its branches stay the same all year."""

    seed: int
    seasonal: bool = True

    def paint(self, season: Season) -> Rgba:
        """Paint on a board half as wide again as a crown; the fourth channel is opacity."""
        rng = np.random.default_rng([self.seed, 11])
        tree = np.zeros((224, 176, 4), dtype=np.uint8)
        tree[..., :3] = (62, 52, 42)
        self._paint_branches(rng, tree, 88.0, 223.0, -np.pi / 2, rng.uniform(62, 80), 7, season)
        if season is not Season.WINTER:
            leaves = np.random.default_rng([self.seed, 12])
            summer = np.array([leaves.uniform(45, 85), leaves.uniform(90, 125), leaves.uniform(30, 55)])
            autumn = np.array([leaves.uniform(165, 215), leaves.uniform(90, 140), leaves.uniform(20, 45)])
            base = summer if season is Season.SUMMER else autumn
            count = 260 if season is Season.SUMMER else 150
            round_x, round_y = leaves.uniform(46, 70), leaves.uniform(50, 66)
            for k in range(count):
                angle, radius = leaves.uniform(0, 2 * np.pi), leaves.uniform(0, 1) ** 0.5
                x, y = 88 + round_x * radius * np.cos(angle), 84 + round_y * radius * np.sin(angle)
                tone = (0.6 + 0.5 * k / 260) * leaves.uniform(0.8, 1.2)
                red, green, blue = (int(v) for v in np.clip(base * tone, 0, 255))
                cv2.circle(tree, (int(x), int(y)), int(leaves.integers(5, 13)), (red, green, blue, 255), -1)
        return tree

    def _paint_branches(
        self,
        rng: np.random.Generator,
        tree: Rgba,
        x: float,
        y: float,
        angle: float,
        length: float,
        thick: int,
        season: Season,
    ) -> None:
        end_x, end_y = x + length * np.cos(angle), y + length * np.sin(angle)
        bark = (66, 54, 44, 255)
        cv2.line(tree, (int(x), int(y)), (int(end_x), int(end_y)), bark, thick)
        if season is Season.WINTER and thick <= 4:
            cv2.line(tree, (int(x), int(y) - 1), (int(end_x), int(end_y) - 1), (216, 220, 226, 255), 1)
        if thick > 1:
            for _ in range(3):
                self._paint_branches(
                    rng, tree, end_x, end_y, angle + rng.uniform(-0.75, 0.75), length * rng.uniform(0.5, 0.75),
                    thick - 2, season,
                )  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody on foot."""

    seed: int
    seasonal: bool = False

    def paint(self, season: Season) -> Rgba:
        """Paint; the fourth channel is opacity."""
        del season
        rng = np.random.default_rng([self.seed, 13])
        person = np.zeros((128, 56, 4), dtype=np.uint8)
        coat, legs = random_colour(rng, (0.1, 0.9), (0.15, 0.8)), random_colour(rng, (0.1, 0.6), (0.1, 0.4))
        stride = int(rng.integers(2, 11))
        for side in (-1, 1):
            cv2.line(person, (28 + 3 * side, 70), (28 + side * stride, 124), (*legs, 255), 9)
            cv2.line(person, (28 + 9 * side, 34), (28 + 13 * side, 68), (*coat, 255), 6)
        cv2.ellipse(person, (28, 50), (12, 26), 0, 0, 360, (*coat, 255), -1)
        skin = [(224, 178, 150), (170, 120, 90), (110, 76, 58)][int(rng.integers(3))]
        cv2.circle(person, (28, 14), 9, (*skin, 255), -1)
        cv2.ellipse(person, (28, 10), (9, 6), 0, 180, 360, (*random_colour(rng, (0.2, 0.6), (0.05, 0.4)), 255), -1)
        return person


@dataclass(frozen=True)
class Pole:
    """A lamp post, a traffic sign or a plain post; *what* is "lamp", "post" or "sign"."""

    seed: int
    what: str
    seasonal: bool = False

    def paint(self, season: Season) -> Rgba:
        """Paint; the fourth channel is opacity."""
        del season
        rng = np.random.default_rng([self.seed, 14])
        grey = (92, 96, 98, 255)
        if self.what == "lamp":  # 2 m wide, 6 m high, the arm towards the right
            board = np.zeros((240, 80, 4), dtype=np.uint8)
            cv2.line(board, (8, 239), (8, 20), grey, 4)
            cv2.ellipse(board, (36, 22), (28, 14), 0, 180, 270, grey, 3)
            cv2.line(board, (36, 8), (68, 8), grey, 3)
            cv2.rectangle(board, (52, 6), (76, 13), (120, 122, 120, 255), -1)
        elif self.what == "sign":  # 0.8 m wide, 2.8 m high
            board = np.zeros((168, 48, 4), dtype=np.uint8)
            cv2.rectangle(board, (22, 20), (25, 167), grey, -1)
            face = random_colour(rng, (0.7, 1.0), (0.5, 0.95))
            if rng.random() < 0.5:
                cv2.circle(board, (24, 24), 22, (*face, 255), -1)
                cv2.circle(board, (24, 24), 15, (240, 240, 240, 255), -1)
            else:
                cv2.rectangle(board, (2, 2), (45, 45), (*face, 255), -1)
            paint_emblem(rng, board[4:44, 4:44], (20, 20, 24, 255))
        else:
            board = np.zeros((64, 16, 4), dtype=np.uint8)
            cv2.rectangle(board, (5, 2), (10, 63), (*random_colour(rng, (0.1, 0.9), (0.2, 0.7)), 255), -1)
        return board


@dataclass(frozen=True)
class Panel:
    """A board in one colour, letters, or plain light; *what* is "sign", "light", "metal", "bin" or "hedge"."""

    seed: int
    what: str
    width_px: int
    height_px: int

    @property
    def seasonal(self) -> bool:
        """Only hedges change."""
        return self.what == "hedge"

    def paint(self, season: Season) -> Rgba:
        """Paint; the fourth channel is light of its own."""
        rng = np.random.default_rng([self.seed, 15])
        if self.what == "sign":
            return paint_sign(rng, self.height_px, self.width_px, int(rng.integers(120, 256)))
        board = np.zeros((self.height_px, self.width_px, 4), dtype=np.uint8)
        if self.what == "metal":
            board[..., :3] = (92, 96, 98)
        elif self.what == "light":
            board[...] = (235, 228, 205, 255)
        elif self.what == "hedge":
            tones = {Season.SUMMER: (52, 84, 38), Season.AUTUMN: (122, 92, 40), Season.WINTER: (196, 202, 206)}
            grain = rng.normal(1.0, 0.25, (self.height_px, self.width_px, 1))
            board[..., :3] = np.clip(np.array(tones[season]) * grain, 0, 255)
        else:
            board[..., :3] = random_colour(rng, (0.1, 0.8), (0.15, 0.6))
            board[:: max(3, self.height_px // 5), :, :3] //= 2
        return board
