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
