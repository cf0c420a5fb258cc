# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A standard deviation as a function of similarity, fitted on answers whose errors were drawn from one."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pytest

from vpr_ros.mapping.residual_fit import fit_residual
from vpr_ros.maps.residuals import Residual, Residuals

Float = npt.NDArray[np.float64]

DEFAULT = Residual.constant(9.0)


def drawn(sigma: float, growth: float, seed: int) -> tuple[Float, Float]:
    """400 answers with two axes each: squared errors, how far the similarity fell."""
    rng = np.random.default_rng(seed)
    fall = rng.uniform(-0.2, 0.2, 400)
    deviation = (sigma * np.exp(growth * fall))[:, None]
    return (deviation * rng.standard_normal((400, 2))) ** 2, fall


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("sigma", "growth"), [(0.5, 5.0), (0.1, 0.0)])
def test_the_fit_finds_what_the_errors_were_drawn_from(sigma: float, growth: float, seed: int) -> None:
    squared, fall = drawn(sigma, growth, seed)
    fitted = fit_residual(squared, fall, 0.001, 100.0, DEFAULT)
    assert fitted.sigma == pytest.approx(sigma, rel=0.15)
    assert fitted.growth == pytest.approx(growth, abs=0.6)
    stated = np.array([fitted.after(f) for f in fall])[:, None] ** 2
    assert np.mean(squared / stated) == pytest.approx(1.0, abs=0.01)


def test_an_answer_that_gets_better_as_similarity_falls_is_not_believed() -> None:
    squared, fall = drawn(0.5, -5.0, 0)
    assert fit_residual(squared, fall, 0.001, 100.0, DEFAULT).growth == pytest.approx(0.0, abs=1e-6)


def test_it_stays_in_its_range() -> None:
    squared, fall = drawn(0.5, 5.0, 0)
    fitted = fit_residual(squared, fall, 0.3, 0.8, DEFAULT)
    assert fitted.after(5.0) == pytest.approx(0.8) and fitted.after(-5.0) >= 0.3
    free = fit_residual(squared, fall, 0.001, 100.0, DEFAULT)
    assert free.after(-5.0) == pytest.approx(free.after(fall.min()))  # better than ever seen is not better than that


def test_faultless_answers_have_the_floor() -> None:
    nothing = np.zeros((20, 2))
    assert fit_residual(nothing, np.zeros(20), 0.07, 5.0, DEFAULT).after(0.0) == pytest.approx(0.07)


@pytest.mark.parametrize("known", [0, 7])
def test_too_few_answers_give_the_default(known: int) -> None:
    squared = np.full((30, 1), np.nan)
    squared[:known] = 1.0
    assert fit_residual(squared, np.zeros(30), 0.1, 5.0, DEFAULT) is DEFAULT


def test_variances_follow_the_similarity_and_keep_the_floors() -> None:
    grows = Residual(0.2, np.log(2.0) / 0.1, 0.0, 10.0)
    parts = Residuals(0.6, grows, Residual.constant(0.0), Residual.constant(0.0), Residual.constant(0.3))
    expected = [0.4, 0.4, 0.01, 0.005, 0.005, 0.3]
    np.testing.assert_allclose(np.sqrt(parts.variances(0.5, np.array([0.5, 0.1]), 0.01, 0.005)), expected)
    assert Residuals.from_dict(asdict(parts)) == parts


def test_where_the_drop_is_known_another_light_changes_nothing() -> None:
    grows = Residual(0.2, 1.0, 0.0, 10.0)
    constant = Residual.constant(0.1)
    parts = Residuals(0.6, grows, constant, constant, constant, log_drop=float(np.log(0.2)))
    day, night = np.array([0.5, 0.8, *[0.6] * 9]), np.array([0.3, 0.4, *[0.2] * 9])
    for similarities in (day, night):  # the mean of the ten after the best is 0.59 and 0.21
        drop = float(similarities.max() - np.sort(similarities)[:-1].mean())
        sigma = np.sqrt(parts.variances(0.0, similarities, 0.01, 0.005)[0])
        assert sigma == pytest.approx(0.2 * 0.2 / drop)
    assert Residuals.from_dict(asdict(parts)) == parts
    plain = asdict(parts)
    del plain["log_drop"]  # as in a map up to format 4
    assert Residuals.from_dict(plain).log_drop is None
