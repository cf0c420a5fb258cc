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
