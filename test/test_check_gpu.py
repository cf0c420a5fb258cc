# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""scripts/check_gpu.sh says what it found, and without a device that there is none and what it did not run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from gpu_table import names_of_checks, table, why_no_device

ROOT = Path(__file__).resolve().parents[1]
RESULTS = """<testsuites><testsuite>
<testcase name="test_a_b[fp32]" time="2.4"><properties><property name="figure" value="3.1 ms"/></properties></testcase>
<testcase name="test_c" time="0"><skipped message="no TensorRT">at a line</skipped></testcase>
<testcase name="test_d" time="1"><failure message="assert 1 == 2&#10;more">trace</failure></testcase>
</testsuite></testsuites>"""


def test_the_table_says_of_every_check_what_became_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPR_ROS_GPU_STAND_IN", "cpu")
    (tmp_path / "r.xml").write_text(RESULTS)
    machine, _, *rows, _, counts = table(tmp_path / "r.xml")
    assert machine.startswith("THE CPU STANDS IN") and "Python" in machine
    assert [line.split() for line in rows] == [
        ["a", "b[fp32]", "ok", "2", "s", "3.1", "ms"],
        ["c", "NOT", "RUN", "0", "s", "no", "TensorRT"],
        ["d", "FAILED", "1", "s", "assert", "1", "==", "2"],
    ]
    assert counts == "1 ok, 1 FAILED, 1 NOT RUN"


@pytest.mark.slow
@pytest.mark.skipif(not why_no_device(), reason="there is a device")
def test_without_a_device_it_says_so_and_names_what_it_did_not_run() -> None:
    command = [str(ROOT / "scripts" / "check_gpu.sh")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: no NVIDIA GPU: ")
    names = names_of_checks(ROOT / "test" / "gpu")
    assert len(names) > 8 and all(f"  {name}\n" in done.stderr for name in names)
