from __future__ import annotations

import hashlib

import numpy as np
import pytest

from vpr_ros.core.errors import ConfigError
from vpr_ros.simulation.conditions import Season
from vpr_ros.simulation.facades import Facade
from vpr_ros.simulation.shadows import shadow_heights_m
from vpr_ros.simulation.town import Town


def facades(town: Town) -> list[Facade]:
    return [painting for painting in town.textures.paintings if isinstance(painting, Facade)]


def facade_hashes(town: Town) -> list[str]:
    return [hashlib.sha256(f.paint(Season.SUMMER)[..., :3].tobytes()).hexdigest() for f in facades(town)]


@pytest.mark.slow
def test_no_facade_is_seen_twice_in_one_town_or_in_another() -> None:
    hashes = facade_hashes(Town(1, 1, 1)) + facade_hashes(Town(2, 1, 1))
    assert len(hashes) > 100
    assert len(set(hashes)) == len(hashes)


@pytest.mark.slow
def test_the_same_seed_grows_the_same_town() -> None:
    one, other = Town(3, 1, 1), Town(3, 1, 1)
    assert np.array_equal(one.surfaces.corner_m, other.surfaces.corner_m)
    assert facade_hashes(one)[:12] == facade_hashes(other)[:12]
    assert np.array_equal(one.ground.texture.base, other.ground.texture.base)


def test_another_seed_grows_another_town() -> None:
    one, other = Town(3, 1, 1), Town(4, 1, 1)
    assert not np.allclose(one.plan.crossings_xy, other.plan.crossings_xy, atol=0.5)


def test_houses_keep_off_the_roadway(town: Town) -> None:
    for street in town.plan.streets:
        for house in town.houses:
            corner_to_centre = np.linalg.norm(house.plan_xy[:, None] - street.centre(200)[None], axis=2).min()
            assert corner_to_centre > street.roadway_m / 2


def test_every_surface_has_a_painting(town: Town) -> None:
    assert town.surfaces.texture.min() >= 0
    assert town.surfaces.texture.max() < len(town.textures.paintings)


def test_trees_change_with_the_season_and_facades_do_not(town: Town) -> None:
    seasonal = [k for k, painting in enumerate(town.textures.paintings) if painting.seasonal]
    assert seasonal
    tree = town.textures.paintings[int(town.surfaces.texture[town.surfaces.label == 3][0])]
    pictures = [tree.paint(season) for season in Season]
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
    wall = facades(town)[0]
    assert np.array_equal(wall.paint(Season.SUMMER), wall.paint(Season.WINTER))


def test_a_tower_throws_its_shadow_away_from_the_sun() -> None:
    heights = np.zeros((41, 81), dtype=np.float32)
    heights[18:23, 38:43] = 10.0
    shadow = shadow_heights_m(heights, 0.5, azimuth_rad=0.0, elevation_rad=np.pi / 4)  # the sun in the east
    assert shadow[20, 60] == 0.0
    assert shadow[20, 28] == pytest.approx(10.0 - 0.5 * 10, abs=0.6)  # 10 cells west of the wall, 45 degrees
    assert shadow[20, 10] == 0.0
    northern_sun = shadow_heights_m(heights, 0.5, azimuth_rad=np.pi / 2, elevation_rad=np.pi / 4)
    assert northern_sun[30, 40] > 4.0  # rows run south
    assert northern_sun[10, 40] == 0.0


@pytest.mark.parametrize(("seed", "blocks", "block_m"), [(-1, 1, 70.0), (0, 0, 70.0), (0, 1, 20.0)])
def test_impossible_towns_are_refused(seed: int, blocks: int, block_m: float) -> None:
    with pytest.raises(ConfigError, match="1x1 blocks"):
        Town(seed, blocks, blocks, block_m)
