# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The one preprocessing against what the published evaluation and training feed their networks."""

from __future__ import annotations

import numpy as np
import pytest
from golden import golden

from vpr_ros.core.preprocess import Preprocessing, Resize

ONE_GREY_LEVEL = 1.0 / 255.0 / 0.224


@pytest.mark.parametrize(
    ("key", "resize"), [("official_antialias_off", "bilinear"), ("pil_train_path", "bilinear_antialias")]
)
def test_both_published_resizes_are_met(key: str, resize: Resize) -> None:
    """The published evaluation resizes floats, the published training 8-bit images."""
    reference = golden("eval_resize")
    found = Preprocessing(42, 42, resize=resize).batch([reference["image_u8"].numpy()])[0]
    difference = np.abs(found - reference[key].numpy())
    assert difference.max() <= 3e-5


def test_the_two_differ_far_more_than_that() -> None:
    reference = golden("eval_resize")
    found = Preprocessing(42, 42, resize="bilinear").batch([reference["image_u8"].numpy()])[0]
    assert np.abs(found - reference["antialias_on"].numpy()).max() > 10 * ONE_GREY_LEVEL
