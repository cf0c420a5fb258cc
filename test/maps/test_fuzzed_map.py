# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Maps damaged at random, each from a number: they open, or they are one error; nothing else, and nothing slowly."""

from __future__ import annotations

import copy as copying
import random
import shutil
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from damaged_map import put
from painted_wall import EVERY_FRAME, GridFeatures, PixelExtractor, WallSource

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import CameraMount, GeoDatum
from vpr_ros.core.pose import Pose
from vpr_ros.mapping import build_map
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.seal import sealed_yaml

CASES_PER_SEED = 20
MOST_S = 5.0
"""For one case, on a machine with much else to do; a case takes a tenth of a second."""
VALUES: list[Any] = [
    *(None, True, -1, 0, 2**64, 10**400, 1.5, 1e308, float("nan"), float("-inf")),
    *("", "..", "../../x", "a\0b", "[/red]", "\x1b[31m", "1e999999999", "float64", "object", "x" * 20_000),
    *([], [1], [1.0] * 3, [float("nan")] * 4, [0.0, 0.0, 0.0, 2.0], {}, {"a": {"b": []}}, {1: 2}, date(2024, 1, 1)),
]
CELLS = ["nan", "inf", "1e308", "1e999999999", "", '"', "9" * 5000, "-1", "0x10", "1.5", "\0", "é", "x" * 70_000]
Path_ = tuple[Any, ...]


LOCAL = [f"local/{name}" for name in ("sizes.npy", "keypoints.npy", "descriptors.npy", "scores.npy", "depth_m.npy")]
INTRINSICS = CameraIntrinsics(6, 4, 5.0, 5.5, 2.5, 1.5, distortion=(0.1, -0.2, 0.0, 1e-7))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of eight frames with all that a manifest can hold."""
    camera = CameraMount("camera", "optical", Pose((0.2, 0.0, 1.1)), INTRINSICS)
    source = WallSource([0.5 * number for number in range(8)], camera=camera, datum=GeoDatum(48.0, 11.0, 500.0))
    path = tmp_path_factory.mktemp("small") / "map"
    build_map(source, PixelExtractor(), path, EVERY_FRAME, local_model=GridFeatures())
    return path


def every_path(node: Any, above: Path_ = ()) -> list[Path_]:
    """Every entry of a tree, as the keys that lead there."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path for key, below in pairs for path in ((*above, key), *every_path(below, (*above, key)))]


def change_manifest(folder: Path, rng: random.Random) -> None:
    path = folder / "manifest.yaml"
    plain = copying.deepcopy(yaml.safe_load(path.read_text()))
    *above, last = rng.choice(every_path(plain))
    table = plain
    for key in above:
        table = table[key]
    if rng.random() < 0.2:
        del table[last]
    else:
        table[last] = rng.choice(VALUES)
    try:
        path.write_text(sealed_yaml(plain))
    except (MapError, TypeError):  # no value that can be sealed
        path.write_text(yaml.safe_dump(plain))


def change_bytes(folder: Path, rng: random.Random) -> None:
    name = rng.choice(["manifest.yaml", "frames.csv", "descriptors.npy", "thumbnails/000003.jpg", *LOCAL])
    content = bytearray((folder / name).read_bytes())
    place = rng.randrange(128 if name.endswith(".npy") and rng.random() < 0.8 else len(content))
    match rng.randrange(3):
        case 0:
            content[place] ^= 1 << rng.randrange(8)
        case 1:
            del content[place : place + rng.randrange(1, 300)]
        case _:
            content[place:place] = rng.randbytes(rng.randrange(1, 20))
    if name in ("frames.csv", "descriptors.npy", *LOCAL):
        put(folder, name, bytes(content))
    else:
        (folder / name).write_bytes(content)


def change_table(folder: Path, rng: random.Random) -> None:
    lines = (folder / "frames.csv").read_text().splitlines()
    row = rng.randrange(len(lines))
    cells = lines[row].split(",")
    cells[rng.randrange(len(cells))] = rng.choice(CELLS)
    lines[row] = ",".join(cells)
    put(folder, "frames.csv", ("\n".join(lines) + "\n").encode())


def use(opened: PlaceMap) -> None:
    """All that a robot and the tools ask of a map."""
    assert len(opened.frames.names) == len(opened) == 8
    assert opened.search(np.asarray(opened.descriptors[:1], dtype=np.float32), 3).indices[0, 0] == 0
    for index in range(len(opened)):
        assert opened.pose(index).is_finite
        opened.thumbnail(index)
        if opened.local is not None:
            assert np.isfinite(opened.local.of(index).descriptors).all()
    assert np.isfinite(opened.manifest.calibration.probability(np.zeros((1, 3)))).all()
    keypoints = opened.manifest.keypoint_calibration
    assert keypoints is None or np.isfinite(keypoints.probability(np.array([0.5]), np.array([[4.0, 1.0, 0.5, 3.0]])))
    assert np.isfinite(opened.manifest.calibration.residuals.variances(0.1, np.array([0.1, 0.05]), 0.01, 0.01)).all()
    opened.verify()


@pytest.mark.slow
@pytest.mark.parametrize("change", [change_manifest, change_bytes, change_table])
@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_map_works_or_is_one_error(small: Path, tmp_path: Path, change: Any, seed: int) -> None:
    outcomes = set()
    for number in range(CASES_PER_SEED):
        folder = Path(shutil.copytree(small, tmp_path / str(number)))
        change(folder, random.Random(f"{seed} {number}"))
        started_s = time.process_time()
        try:
            use(PlaceMap.open(folder))
            outcomes.add("works")
        except MapError as error:
            outcomes.add("refused")
            assert error.remedy and len(str(error)) < 2000 + len(str(folder)), number
        assert time.process_time() - started_s < MOST_S, number
    assert "refused" in outcomes
