# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where the model that comes with the package lies, in a colcon install, a pip install and a checkout alike."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from vpr_ros.core.errors import ModelError


def shipped_model_path() -> Path:
    """The ONNX file of ``vpr_nano``.

    Raises:
        ModelError: the installation lost the file.
    """
    path = Path(str(files("vpr_ros.inference") / "weights" / "vpr_nano.onnx"))
    if not path.is_file():
        raise ModelError(f"the shipped model is not at {path}", "Install vpr_ros again, or name a model with --model")
    return path
