# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.simulation.labels import Label
from vpr_ros.training.labels.grouping import read_grouping, shipped_groupings

SMALL = """
groups: {low: 0.5, high: 2}
classes:
  low: {0: Road, 1: path}
  high: {7: tower}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "grouping.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "classes"), [("ade20k", 150), ("cityscapes", 19), ("coco_stuff", 182), ("voc", 21), ("towns", 6)]
)
def test_shipped_groupings_have_the_six_default_groups_and_list_every_class(name: str, classes: int) -> None:
    grouping = read_grouping(name)
    assert [(group.name, group.weight) for group in grouping.groups] == [
        ("sky", 0.5),
        ("ground", 1.0),
        ("static structure", 2.0),
        ("vegetation", 1.0),
        ("dynamic", 0.5),
        ("other", 1.0),
    ]
    assert set(range(classes)) == set(grouping.numbers) - {255}
    assert grouping.unlisted is None
    assert classes in grouping.class_counts
    assert classes + 1 not in grouping.class_counts


def test_all_shipped_groupings_are_named_here() -> None:
    assert shipped_groupings() == ["ade20k", "cityscapes", "coco_stuff", "towns", "voc"]


def test_the_towns_group_what_the_renderer_calls_a_pixel() -> None:
    grouping = read_grouping("towns")
    for label in Label:
        assert grouping.groups[grouping.numbers[label]].name.endswith(label.name.lower())


def test_classes_become_groups(tmp_path: Path) -> None:
    grouping = read_grouping(write(tmp_path, SMALL))
    found = grouping.groups_of(np.array([[0, 7], [1, 7]], dtype=np.uint16), "a map")
    assert found.dtype == np.uint8
    assert found.tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize("number", [-1, 2, 254, 255, 65535, 65536])
def test_classes_that_are_not_listed_are_refused_or_said_once(
    tmp_path: Path, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    classes = np.array([[7, number]])
    with pytest.raises(TrainingError, match=rf"a map holds the classes {number}, which .*grouping.yaml does not list"):
        read_grouping(write(tmp_path, SMALL)).groups_of(classes, "a map")
    grouping = read_grouping(write(tmp_path, SMALL + "unlisted: low\n"))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert grouping.groups_of(classes, "a map").tolist() == [[1, 0]]
    assert [record.message.endswith(f"the classes [{number}]; they are 'low'") for record in caplog.records] == [True]


def test_a_segmenter_that_names_its_classes_may_count_in_its_own_order(tmp_path: Path) -> None:
    grouping = read_grouping(write(tmp_path, SMALL)).renumbered(["tower", "road"])
    assert grouping.groups_of(np.array([[0, 1]]), "a map").tolist() == [[1, 0]]
    with pytest.raises(ConfigError, match="lists no class named 'moon'"):
        read_grouping(write(tmp_path, SMALL)).renumbered(["tower", "moon"])


def test_the_hash_is_of_what_a_grouping_does(tmp_path: Path) -> None:
    first = read_grouping(write(tmp_path, SMALL)).sha256
    assert read_grouping(write(tmp_path, "# as before\n" + SMALL)).sha256 == first
    assert read_grouping(write(tmp_path, SMALL.replace("2}", "1}"))).sha256 != first
    assert read_grouping(write(tmp_path, SMALL.replace("7:", "8:"))).sha256 != first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "found list"),
        ("groups: {a: 1, b: 1}", "found .'groups'."),
        ("groups: {a: 1}\nclasses: {}", "2 to 64"),
        ("groups: {a: 1, b: -1}\nclasses: {}", "weight -1"),
        ("groups: {a: 1, b: true}\nclasses: {}", "weight True"),
        ("groups: {a: 1, b: 1}\nclasses: {c: {0: x}}", "group that does not exist"),
        ("groups: {a: 1, b: 1}\nclasses: {a: [0]}", "classes of a are list"),
        ("groups: {a: 1, b: 1}\nclasses: {a: {sky: 0}}", "class number 'sky'"),
        ("groups: {a: 1, b: 1}\nclasses: {a: {0: x}, b: {0: y}}", "class 0 is in two groups"),
        ("groups: {a: 1, b: 1}\nclasses: {}\nunlisted: c", "unlisted is 'c'"),
    ],
)
def test_what_is_no_grouping_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_grouping(write(tmp_path, text))


def test_an_unknown_name_lists_what_is_shipped() -> None:
    with pytest.raises(ConfigError, match=r"no grouping mars.*ade20k, cityscapes"):
        read_grouping("mars")
    with pytest.raises(ConfigError, match=r"no group 'moon'.*sky, ground"):
        read_grouping("voc").group_number("moon")
