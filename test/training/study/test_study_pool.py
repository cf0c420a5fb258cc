# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Cells that are trained side by side end with the command."""

from __future__ import annotations

from concurrent.futures import CancelledError
from itertools import count

import pytest

from vpr_ros.training.study.pool import stoppable_pool


def test_ctrl_c_ends_the_cell_that_runs_and_those_that_wait() -> None:
    with pytest.raises(KeyboardInterrupt), stoppable_pool(1) as (pool, update):

        def endless() -> None:
            for step in count():
                update(step, 0)

        jobs = [pool.submit(endless) for _ in range(2)]
        raise KeyboardInterrupt
    for job in jobs:
        assert job.cancelled() or isinstance(job.exception(), CancelledError)
