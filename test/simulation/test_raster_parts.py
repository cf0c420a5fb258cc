# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vpr_ros.simulation.conditions import Season
from vpr_ros.simulation.noise import tileable_noise
from vpr_ros.simulation.occlusion import NearestCover
from vpr_ros.simulation.sprites import Panel
from vpr_ros.simulation.textures import Rgba, RipMap, TextureStore


def test_cover_never_promises_more_than_is_there() -> None:
    rng = np.random.default_rng(0)
    inverse_depth = rng.uniform(0.1, 1.0, (119, 163)).astype(np.float32)
    inverse_depth[40:70, 50:90] = 5.0
    low = rng.integers(0, (162, 118), (200, 2))
    high = low + 1 + (rng.random((200, 2)) * ((163, 119) - low - 1)).astype(np.int64)
    boxes = np.concatenate([low, high], axis=1)
    answer = NearestCover(inverse_depth).smallest(boxes)
    for (left, top, right, bottom), bound in zip(boxes, answer, strict=True):
        assert bound <= inverse_depth[top:bottom, left:right].min()
    assert NearestCover(inverse_depth).smallest(np.array([[56, 48, 88, 64]]))[0] == 5.0
    assert np.isfinite(answer).all()


def test_ripmap_halves_each_side_on_its_own() -> None:
    base = np.random.default_rng(1).integers(0, 256, (64, 48, 4), dtype=np.uint8)
    ripmap = RipMap(base)
    assert ripmap.level(0, 0) is base
    assert ripmap.level(2, 0).shape == (64, 12, 4)
    assert ripmap.level(1, 3).shape == (8, 24, 4)
    assert abs(float(ripmap.level(3, 3).mean()) - float(base.mean())) < 2.0


@dataclass(frozen=True)
class CountingPanel(Panel):
    painted: ClassVar[list[int]] = []

    def paint(self, season: Season) -> Rgba:
        self.painted.append(self.seed)
        return super().paint(season)


def test_textures_are_painted_once_until_memory_is_short() -> None:
    CountingPanel.painted.clear()
    panels = [CountingPanel(seed, "bin", 32, 32) for seed in range(4)]
    store = TextureStore(panels, capacity_bytes=3 * RipMap(panels[0].paint(Season.SUMMER)).nbytes)
    CountingPanel.painted.clear()
    for index in (0, 0, 1, 2, 0, 3, 0, 1):
        store.get(index, Season.SUMMER)
    assert CountingPanel.painted == [0, 1, 2, 3, 1]


def test_noise_repeats_without_a_seam() -> None:
    noise = tileable_noise(np.random.default_rng(2), 128, 4, 3)
    step = np.abs(np.diff(noise, axis=1)).mean()
    assert np.abs(noise[:, 0] - noise[:, -1]).mean() < 2 * step
    assert np.abs(noise[0] - noise[-1]).mean() < 2 * step
