# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A run that is killed goes on as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import lightning
import pytest
import tiny
import torch

QUIET = ["ignore:.*dataloader.*:UserWarning", "ignore:.*treespec.*:FutureWarning", "ignore:.*LeafSpec.*:FutureWarning"]
pytestmark = [pytest.mark.filterwarnings(w) for w in QUIET]

_CHILD = """
import sys
from pathlib import Path
import test_resume
test_resume.fit(sys.argv[1], Path(sys.argv[2]), None, die_at=int(sys.argv[3]))
"""


def fit(kind: str, folder: Path, checkpoint: Path | None, die_at: int | None = None) -> lightning.LightningModule:
    module: lightning.LightningModule
    if kind == "places":
        module, data, options = tiny.metric_module(), tiny.place_data(), {}
    else:
        module, data = tiny.triplet_module(), tiny.tuple_data()  # type: ignore[assignment]
        options = {"reload_dataloaders_every_n_epochs": 1}
    callbacks = [tiny.resume_point(folder), *([tiny.DieAt(die_at)] if die_at else [])]
    trainer = tiny.trainer(folder, 3, callbacks, **options)
    trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    return module


@pytest.mark.parametrize(("kind", "die_at"), [("places", 6), ("tuples", 5)])
def test_after_kill_9_the_weights_are_those_of_an_uninterrupted_run(tmp_path: Path, kind: str, die_at: int) -> None:
    whole = fit(kind, tmp_path / "whole", None)
    folder = tmp_path / "killed"
    here = Path(__file__).parent
    # Sums come out otherwise on another number of threads, which an earlier test may have set.
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    environment = {**os.environ, **threads, "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])])}
    arguments = [sys.executable, "-c", _CHILD, kind, str(folder), str(die_at)]
    child = subprocess.run(arguments, env=environment, capture_output=True, check=False, timeout=200)
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    resumed = fit(kind, folder, folder / "resume.ckpt")
    assert resumed.global_step == whole.global_step
    for key, value in tiny.weights(whole).items():
        assert torch.equal(value, tiny.weights(resumed)[key]), key


def test_the_random_numbers_of_a_step_do_matter(tmp_path: Path) -> None:
    """The comparison above would be worth nothing if dropout drew nothing."""
    first, other = tiny.metric_module(seed=0), tiny.metric_module(seed=1)
    for module in (first, other):
        tiny.trainer(tmp_path, 1).fit(module, tiny.place_data())
    assert any(not torch.equal(v, tiny.weights(other)[k]) for k, v in tiny.weights(first).items())


def test_worker_processes_change_nothing(tmp_path: Path) -> None:
    runs = []
    for workers in (0, 2):
        module = tiny.metric_module()
        tiny.trainer(tmp_path, 1).fit(module, tiny.place_data(workers=workers))
        runs.append(tiny.weights(module))
    assert all(torch.equal(value, runs[1][key]) for key, value in runs[0].items())
