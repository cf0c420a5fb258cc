# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Intervals quoted in the documentation are those of the counts beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vpr_ros.evaluation.binomial import interval_text, percent_interval

RESULTS = (Path(__file__).resolve().parents[1] / "docs" / "results.md").read_text()
QUOTED = re.findall(r"(\d+)\s+of\s+(\d+):\s+([\d.]+)\s+\(([\d.]+\s+to\s+[\d.]+)\)", RESULTS)


def test_there_are_some() -> None:
    assert len(QUOTED) >= 10


@pytest.mark.parametrize(("count", "total", "percent", "interval"), QUOTED)
def test_an_interval_is_that_of_its_counts(count: str, total: str, percent: str, interval: str) -> None:
    assert percent == f"{100 * int(count) / int(total):.1f}"
    assert " ".join(interval.split()) == interval_text(percent_interval(int(count), int(total)))
