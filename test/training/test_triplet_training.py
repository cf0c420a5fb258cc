# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which images tuple training starts from."""

from __future__ import annotations

import numpy as np
import tiny

from vpr_ros.training.image_sets import EvaluationData, RetrievalSet


class Unread(EvaluationData):
    """A validation set nobody may look at."""

    def open(self) -> RetrievalSet:
        raise AssertionError("the validation set was read")


def test_kmeans_starts_from_the_database_of_the_training_split() -> None:
    data = tiny.tuple_data()
    data.validation = (Unread(),)
    images = data.initialisation_images(5, seed=43)
    database = data.images.database
    chosen = [images.name(number) for number in range(len(images))]
    assert len(set(chosen)) == 5
    assert set(chosen) <= {database.name(number) for number in range(len(database))}
    np.testing.assert_array_equal(images.load(0), database.load(int(chosen[0].split("-")[1])))
