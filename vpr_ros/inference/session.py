# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One ONNX Runtime session of a place recognition model, checked against what the file says about itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_ros.core.command import program
from vpr_ros.core.errors import ModelError
from vpr_ros.core.local_info import LOCAL_KEY
from vpr_ros.core.model_info import METADATA_KEY, ModelInfo
from vpr_ros.inference.onnx_session import OnnxSession, size_misfit

OUTPUT = "descriptor"


class ModelSession(OnnxSession):
    """A session whose input, output and metadata are what the robot needs; for the arguments see ``OnnxSession``.

    Attributes:
        info: what the file says about itself.
        has_local: whether the file says that it gives local features too.

    Raises:
        ModelError: not an ONNX model, not a place recognition model, without metadata, or not runnable here.
    """

    def _check(self) -> None:
        self.info = _read_info(self.metadata(METADATA_KEY), self.path)
        self.has_local = self.metadata(LOCAL_KEY) is not None
        _check_shapes(self, self.info, self.path)

    def run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(B, 3, H, W) float32 -> (B, D) float32 as the network gives it.

        Raises:
            ModelError: the runtime failed, or the network gives something else than one row per image.
        """
        output: npt.NDArray[np.float32] = self.run_outputs(batch, [OUTPUT])[0]
        expected = (len(batch), self.info.descriptor_dim)
        if output.shape != expected:
            raise ModelError(
                f"the model {self.info.name} gave an output of shape {output.shape} for {len(batch)} images, expected "
                f"{expected}",
                "Export a network that gives one row per image, and describe it with `describe_model`",
            )
        return output


def _read_info(text: str | None, path: Path) -> ModelInfo:
    if text is None:
        raise ModelError(
            f"{path} has no {METADATA_KEY!r} metadata, so its preprocessing is unknown",
            f"Add it with `{program('describe_model')} MODEL.onnx` (--help shows an example)",
        )
    info = ModelInfo.from_json(text, str(path))
    if info.cross_image not in ("none", "single"):
        raise ModelError(
            f"{path}: its descriptors depend on the other images of a batch (cross_image={info.cross_image!r})",
            "Export it with the cross-image encoder in single mode",
        )
    return info


def _check_shapes(session: OnnxSession, info: ModelInfo, path: Path) -> None:
    """Compare inputs and outputs with the metadata."""
    shape = session.check_ends([OUTPUT])
    rows_and_dim = session.output_shapes[OUTPUT]
    if len(rows_and_dim) != 2 or _contradict(shape[0], rows_and_dim[0]):
        raise ModelError(
            f"{path} gives an output of shape {rows_and_dim} for an input of shape {shape}, expected one row per image",
            "Export a network that gives one vector per image",
        )
    dim = rows_and_dim[-1]
    if size_misfit(shape, info.preprocessing) or (isinstance(dim, int) and dim != info.descriptor_dim):
        wanted = [3, info.preprocessing.height_px, info.preprocessing.width_px]
        raise ModelError(
            f"{path} takes {shape} and gives {dim} numbers, its metadata says {wanted} and {info.descriptor_dim}",
            "Write the metadata again with `describe_model`, or export the model again",
        )


def _contradict(images: int | str | None, rows: int | str | None) -> bool:
    """Whether both numbers are written down and differ."""
    return isinstance(images, int) and isinstance(rows, int) and images != rows
