# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Names of frames: what no frame can be called is refused before a pose goes out under it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from some_setup import some_setup

from vpr_ros.core.errors import ConfigError


@pytest.mark.parametrize("name", ["", " ", "\x1b[2J", "a\nb"])
def test_a_name_that_no_frame_has_is_refused(texture_map: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"base_frame is .*expected the name of a frame"):
        some_setup(texture_map, base_frame=name)
    if name:  # an empty map_frame is that of the map
        with pytest.raises(ConfigError, match=r"map_frame is .*expected the name of a frame"):
            some_setup(texture_map, map_frame=name)
