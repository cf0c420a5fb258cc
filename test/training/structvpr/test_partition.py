# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Ranks, groups and weights of training pairs, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from vpr_ros.core.errors import ConfigError
from vpr_ros.training.structvpr.distillation_loss import Bridge, distillation_loss
from vpr_ros.training.structvpr.partition import DISJOINT, Partition
from vpr_ros.training.structvpr.ranks import NO_RANK, best_ranks
from vpr_ros.training.structvpr.sample_weights import (
    WeightRule,
    rank_weight,
    said_if_nothing_is_distilled,
    said_if_the_student_knows_better,
    sample_weights,
)

#                    D1  D1  D2 D2 D3 D4  D4  none
TEACHER = np.array([1, 10, 1, 4, 5, 11, 99, NO_RANK])
STUDENT = np.array([11, 99, 1, 10, 2, 1, 98, NO_RANK])


def on_a_circle(*degrees: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_the_rank_counts_definite_negatives_before_the_best_positive() -> None:
    queries = on_a_circle(0, 90, 180)
    database = on_a_circle(10, 20, 30, 85, 60)
    positives = [np.array([1, 2]), np.array([4]), np.array([], dtype=np.int64)]
    ignored = [np.array([1, 2]), np.array([3, 4]), np.array([0])]
    # the first is beaten by number 0; the second only by number 3, which is too near to be wrong
    assert best_ranks(queries, database, positives, ignored.__getitem__).tolist() == [2, 1, NO_RANK]
    ignored[1] = np.array([4])
    assert best_ranks(queries, database, positives, ignored.__getitem__).tolist() == [2, 2, NO_RANK]


def test_who_describes_all_images_alike_finds_nothing() -> None:
    alike = on_a_circle(*[45] * 6)
    assert best_ranks(alike[:1], alike, [np.array([3])], lambda _query: np.array([3])).tolist() == [6]


def test_every_ranked_pair_is_in_one_group_of_four() -> None:
    partition = Partition(TEACHER, STUDENT, threshold=10)
    assert partition.numbers.tolist() == [1, 1, 2, 2, 3, 4, 4, 0]
    assert partition.members("S1").tolist() == [True] * 5 + [False] * 3
    assert partition.members("S2").tolist() == partition.members("D4").tolist()
    assert partition.members("R1").tolist() == [False, False, True, True, True, True, False, False]
    assert partition.members("R2").tolist() == [True, True, False, False, False, False, True, False]
    assert partition.members("all").tolist() == [True] * 7 + [False]
    assert partition.share("D1") == pytest.approx(2 / 7)
    assert sum(partition.share(name) for name in DISJOINT) == pytest.approx(1)


def test_the_weight_follows_both_rules_of_the_paper() -> None:
    """10 is nearly nothing; a lead of 4 at rank 1 counts 1 + ln 4; no lead leaves the first factor; 3 is the most."""
    x = np.array([1, 10, 1, 2, 4, 1, 11])
    y = np.array([1, 10, 4, 1, 2, 10_000, 99])
    first = 1 - np.log(x) / np.log(11)
    expected = [1.0, 0.039749, 1 + np.log(4), first[3], first[4], 3.0, 0.0]
    np.testing.assert_allclose(rank_weight(x, y, 10), expected, rtol=1e-4)
    better_teachers = rank_weight(np.arange(1, 11), np.full(10, 20), 10)
    assert (np.diff(better_teachers) < 0).all()
    assert (np.diff(rank_weight(np.full(10, 3), np.arange(3, 13), 10)) > 0).all()


def test_weights_are_one_on_average_over_their_group() -> None:
    partition = Partition(TEACHER, STUDENT, threshold=10)
    weights = sample_weights(partition, WeightRule())
    assert weights[:5].mean() == pytest.approx(1)
    assert (weights[5:] == 0).all()
    raw = rank_weight(TEACHER[:5], STUDENT[:5], 10)
    np.testing.assert_allclose(weights[:5], raw / raw.mean(), rtol=1e-6)
    plain = sample_weights(partition, WeightRule("D4", by_rank=False))
    assert plain.tolist() == [0, 0, 0, 0, 0, 1, 1, 0]


def test_an_empty_group_distils_nothing_and_says_so() -> None:
    partition = Partition(np.array([11, 12]), np.array([1, 1]), threshold=10)
    assert sample_weights(partition, WeightRule()).tolist() == [0, 0]
    assert said_if_nothing_is_distilled(partition, WeightRule("S2", by_rank=False)) is None
    said = said_if_nothing_is_distilled(partition, WeightRule()) or ""
    assert "none of 2 training pairs counts in group S1 (D1 0.0 %" in said
    assert "place recognition loss alone" in said


def test_a_student_that_knows_better_than_its_teacher_is_told() -> None:
    taught = Partition(np.array([1, 1, 2]), np.array([12, 1, 1]), threshold=10)  # D1, D2, D3
    assert said_if_the_student_knows_better(taught) is None
    said = said_if_the_student_knows_better(Partition(np.array([1, 2]), np.array([1, 1]), threshold=10)) or ""
    assert said.startswith("the student ranks 50.0 % of the training pairs better than its teacher, which knows 0.0 %")


def test_unknown_groups_and_thresholds_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'D5'.*Name one of D1, D2"):
        WeightRule("D5")
    with pytest.raises(ConfigError, match="threshold of 0"):
        Partition(TEACHER, STUDENT, threshold=0)


def test_the_loss_is_a_weighted_mean_of_squared_distances() -> None:
    student = functional.normalize(torch.randn(3, 2, 4), dim=2).requires_grad_()
    teacher = functional.normalize(torch.randn(3, 2, 4), dim=2).requires_grad_()
    weights = torch.tensor([2.0, 0.0, 1.0])
    loss = distillation_loss(student, teacher, weights)
    distance = (student - teacher).square().sum(dim=(1, 2))
    torch.testing.assert_close(loss, (2 * distance[0] + distance[2]) / 3)
    loss.backward()
    assert teacher.grad is None
    assert student.grad is not None
    assert (student.grad[1] == 0).all()
    assert distillation_loss(student, teacher, torch.zeros(3)).item() == 0


def test_the_bridge_is_nothing_where_the_sizes_are_equal() -> None:
    same, wider = Bridge(4, 4), Bridge(4, 6)
    descriptors = functional.normalize(torch.randn(3, 4), dim=1)
    assert same(descriptors) is descriptors
    assert not list(same.parameters())
    assert wider(descriptors).shape == (3, 6)
    torch.testing.assert_close(wider(descriptors).norm(dim=1), torch.ones(3))
