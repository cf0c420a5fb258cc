"""The world of the map tests, and one map of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from optional_parts import imports_of_optional_parts

sys.path.append(str(Path(__file__).resolve().parents[1] / "maps"))

with imports_of_optional_parts():
    from painted_wall import build_wall_map

    from vpr_ros.maps import PlaceMap


@pytest.fixture(scope="session")
def wall_map(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    """80 frames, half a metre apart. Do not write into it: copy the folder first."""
    return build_wall_map(tmp_path_factory.mktemp("wall") / "map")
