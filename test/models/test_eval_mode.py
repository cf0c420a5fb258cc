# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Eval mode for a while."""

from __future__ import annotations

import pytest
from torch import nn

from vpr_ros.models.eval_mode import eval_mode


def test_every_part_gets_its_own_mode_back_whatever_happens() -> None:
    frozen = nn.BatchNorm2d(2).eval()
    module = nn.Sequential(nn.BatchNorm2d(2), nn.Sequential(nn.Dropout(), frozen))
    before = [part.training for part in module.modules()]
    with pytest.raises(KeyError), eval_mode(module):
        assert not any(part.training for part in module.modules())
        raise KeyError
    assert [part.training for part in module.modules()] == before == [True, True, True, True, False]
