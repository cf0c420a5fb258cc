# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What may run the model is the integrator's choice, and a choice this machine cannot meet is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from harness import Diagnostics, GraphClient, StartNode
from some_setup import some_setup

from vpr_ros.core.errors import ConfigError
from vpr_ros.inference.options import CPU, CUDA, PREFERENCE
from vpr_ros.ros.localizer.parameters import node_specs

ERROR = 2

without_cuda = pytest.mark.skipif(
    CUDA in onnxruntime.get_available_providers(), reason="this onnxruntime has what the test asks for in vain"
)


@pytest.mark.parametrize("value", [[], ["GpuExecutionProvider"], [CPU, "cpu"]])
def test_what_is_no_provider_is_refused_with_the_choices(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"parameter providers is .*, expected one or more of") as caught:
        node_specs()["providers"].checked(value)
    assert all(name in str(caught.value) for name in PREFERENCE)


def test_the_model_is_run_by_what_was_chosen(texture_map: Path, tmp_path: Path) -> None:
    extractor = some_setup(texture_map, providers=(CPU,), engine_cache=str(tmp_path / "engines")).extractor
    assert extractor.provider == CPU
    assert {event.provider for event in extractor.events} == {CPU}
    assert not (tmp_path / "engines").exists()  # no TensorRT, no engines


@without_cuda
def test_a_provider_this_machine_lacks_is_an_error_with_its_remedy(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    process = start_localizer(map=texture_map, providers=f"[{CUDA}]")
    client.wait_for(lambda: diagnostics.level("localizer") == ERROR, "an ERROR")
    assert CUDA in diagnostics.message("localizer")
    assert "Install onnxruntime-gpu, or ask for CPUExecutionProvider" in diagnostics.message("localizer")
    assert process.process.poll() is None
