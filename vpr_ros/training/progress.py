# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How long work tells how far it is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager

from lightning.pytorch.utilities import rank_zero_only

Update = Callable[[int, int], None]
"""Called with how much is done and of how much."""

ShowProgress = Callable[[str], AbstractContextManager[Update]]
"""Called with what is done; the block it opens lasts as long as that."""


def no_update(_done: int, _total: int) -> None:
    """Where nobody looks."""


say = rank_zero_only(functools.partial(print, flush=True))
"""To the terminal, once however many processes train."""
