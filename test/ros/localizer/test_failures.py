# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The names of what comes instead of an answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vpr_ros.core.errors import FrameDecodeError, MapError, ModelError, NoDescriptorError
from vpr_ros.localization import RejectionType
from vpr_ros.maps.remote.states import RemoteIndexError, RemoteState
from vpr_ros.ros.localizer.failures import OF_AN_IMAGE, Failure, FailureType, failure_type

ERRORS = {
    FrameDecodeError("truncated", "Look"): FailureType.IMAGE_UNREADABLE,
    NoDescriptorError((0,), "black", "Look"): FailureType.NO_DESCRIPTOR,
    ModelError("no memory", "Look"): FailureType.MODEL_FAILED,
    RemoteIndexError(RemoteState.GONE, "gone"): FailureType.INDEX_UNAVAILABLE,
    MapError("gone", "Look"): FailureType.OTHER,
    KeyError("pose"): FailureType.OTHER,
}


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_has_a_type_that_cameras_count(error: Exception) -> None:
    assert failure_type(error) is ERRORS[error]
    assert set(ERRORS.values()) == set(OF_AN_IMAGE)


def test_names_are_one_word_each_and_no_two_are_equal() -> None:
    names = [kind.value for kind in (*FailureType, *RejectionType)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z_]+", name) for name in names)
    assert str(Failure(FailureType.NO_IMAGE, "nothing. Wait.")) == "failed (no_image): nothing. Wait."


def test_the_interface_explains_every_type() -> None:
    text = Path(__file__).parents[3].joinpath("docs/interface.md").read_text(encoding="utf-8")
    section = text.partition("## Why there is no pose\n")[2].partition("\n## ")[0]
    explained = re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", section, re.MULTILINE)
    assert sorted(explained) == sorted(kind.value for kind in (*FailureType, *RejectionType))
