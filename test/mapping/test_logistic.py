# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The logistic calibration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vpr_ros.core.errors import MapError
from vpr_ros.mapping.logistic import LogisticFit, fit_logistic
from vpr_ros.maps.calibration import Calibration, default_calibration


def probability(fit: LogisticFit, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-((x - fit.mean) / fit.scale @ fit.weights + fit.bias))))


def drawn(count: int, seed: int = 0) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Evidence and truth from a logistic law of weights 2, 1 and 0."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, 3))
    return x, rng.random(count) < 1 / (1 + np.exp(-(x @ [2.0, 1.0, 0.0])))


def test_it_finds_the_law_the_data_were_drawn_from() -> None:
    x, right = drawn(4000)
    fit = fit_logistic(x, right)
    np.testing.assert_allclose(fit.weights, [2.0, 1.0, 0.0], atol=0.25)
    stated = probability(fit, x)
    for low in np.arange(0.1, 0.9, 0.2):
        chosen = (stated >= low) & (stated < low + 0.2)
        assert right[chosen].mean() == pytest.approx(stated[chosen].mean(), abs=0.06)


def test_evidence_never_speaks_against() -> None:
    x, right = drawn(500)
    fit = fit_logistic(-x, right)
    assert (fit.weights >= 0).all()


def test_right_and_wrong_weigh_the_same_however_many_they_are() -> None:
    x, right = drawn(2000)
    keep = right | (np.arange(2000) % 10 == 0)
    np.testing.assert_allclose(probability(fit_logistic(x[keep], right[keep]), np.zeros((1, 3))), 0.5, atol=0.12)


def test_little_data_does_not_make_certainty() -> None:
    x = np.array([[1.0, 1.0, 1.0]] * 8 + [[0.0, 0.0, 0.0]] * 8)
    stated = probability(fit_logistic(x, np.arange(16) < 8), x)
    assert 0.8 < stated[0] <= 0.91 and 0.09 <= stated[-1] < 0.2  # (8 + 1) / (8 + 2) at most


def test_a_narrow_prior_keeps_one_weight_small() -> None:
    x, right = drawn(4000)
    freely, held = fit_logistic(x, right), fit_logistic(x, right, (0.01, 3.0, 3.0))
    assert held.weights[0] < 0.1 * freely.weights[0]
    assert held.weights[1] > 0.5 * freely.weights[1]


def test_evidence_that_never_changes_is_harmless() -> None:
    x, right = drawn(200)
    x[:, 2] = 0.5
    assert np.isfinite(probability(fit_logistic(x, right), x)).all()


def test_a_calibration_survives_the_manifest() -> None:
    calibration = default_calibration(2.0, 0.5)
    assert Calibration.from_dict(calibration.to_dict()) == calibration


@pytest.mark.parametrize(
    "change", [{"radius_m": 0.0}, {"weights": [1.0, 2.0]}, {"evidence": ["similarity"]}, {"kind_of": 1}, {"bias": "x"}]
)
def test_a_calibration_this_software_cannot_use(change: dict[str, object]) -> None:
    with pytest.raises(MapError, match="calibration"):
        Calibration.from_dict({**default_calibration(2.0, 0.5).to_dict(), **change})


def test_the_default_accepts_clear_matches_only() -> None:
    calibration = default_calibration(2.0, 0.5)
    clear, alike, unlike = calibration.probability(np.array([[0.9, 0.3, 0.6], [0.9, 0.0, 0.1], [0.4, 0.1, 0.3]]))
    assert clear > 0.9
    assert alike < clear and unlike < 0.5
