# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What may stand where a path is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.paths import user_path


def test_a_path_is_followed_home_and_need_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/maps/office", "the map") == tmp_path / "maps" / "office"
    (tmp_path / "file").touch()
    assert user_path(tmp_path / "file" / "below", "the map") == tmp_path / "file" / "below"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("~nosuchuser/x", ("the map ~nosuchuser/x", "home folder of a user")),
        ("x" * 300, ("the map 'xxx", "File name too long")),
        ("y/" * 5000, ("File name too long",)),
        ("a\0b", ("null",)),
    ],
)
def test_what_is_no_path_is_an_error_of_ours_of_readable_length(name: str, words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as error:
        user_path(name, "the map")
    assert all(word in str(error.value) for word in words), str(error.value)
    assert len(str(error.value)) < 300


def test_a_link_to_itself_is_named(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(ConfigError, match="symbolic links"):
        user_path(loop, "the map")
