"""One map for every test that only reads."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from optional_parts import imports_of_optional_parts

with imports_of_optional_parts():
    from painted_wall import build_wall_map

    from vpr_ros.maps import PlaceMap


@pytest.fixture(scope="session")
def wall_map(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    """80 frames, half a metre apart. Do not write into it: copy the folder first."""
    return build_wall_map(tmp_path_factory.mktemp("wall") / "map")


@pytest.fixture
def copy(wall_map: PlaceMap, tmp_path: Path) -> Path:
    """A copy of ``wall_map`` that a test may damage."""
    return Path(shutil.copytree(wall_map.path, tmp_path / "map"))
