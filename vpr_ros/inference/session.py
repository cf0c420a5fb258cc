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
from vpr_ros.core.local_info import LOCAL_KEY, LocalInfo
from vpr_ros.core.model_info import METADATA_KEY, ModelInfo
from vpr_ros.inference.local_extractor import LOCAL_OUTPUTS, LocalRows, checked_rows, read_local_info
from vpr_ros.inference.onnx_session import OnnxSession, size_misfit

OUTPUT = "descriptor"


class ModelSession(OnnxSession):
    """A session whose input, output and metadata are what the robot needs; for the arguments see ``OnnxSession``.

    Attributes:
        info: what the file says about itself.
        has_local: whether the file says that it gives local features too.
        local_info: what it says of those that come in the same run; None where they are not loaded, or ask for another
            preprocessing.

    Raises:
        ModelError: not an ONNX model, not a place recognition model, without metadata, or not runnable here.
    """

    def _check(self) -> None:
        self.info = _read_info(self.metadata(METADATA_KEY), self.path)
        self.has_local = self.metadata(LOCAL_KEY) is not None
        _check_shapes(self, self.info, self.path)
        self.local_info = self._joint_info()

    def run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(B, 3, H, W) float32 -> (B, D) float32 as the network gives it.

        Raises:
            ModelError: the runtime failed, or the network gives something else than one row per image.
        """
        return self._descriptors(self.run_outputs(batch, [OUTPUT])[0], len(batch))

    def run_both(self, batch: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], LocalRows]:
        """The same and the local features, in one run.

        Raises:
            ModelError: the runtime failed, or the network gives another shape, or no local features.
        """
        local = self._local()
        descriptors, *rows = self.run_outputs(batch, [OUTPUT, *LOCAL_OUTPUTS])
        return self._descriptors(descriptors, len(batch)), checked_rows(local, len(batch), rows)

    def run_local(self, batch: npt.NDArray[np.float32]) -> LocalRows:
        """The local features alone.

        Raises:
            ModelError: see ``run_both``.
        """
        local = self._local()
        return checked_rows(local, len(batch), self.run_outputs(batch, LOCAL_OUTPUTS))

    def _local(self) -> LocalInfo:
        if self.local_info is None:
            raise ModelError(f"{self.path} was opened for its descriptor alone", "Open it with its local features")
        return self.local_info

    def _joint_info(self) -> LocalInfo | None:
        if not self.has_local or set(self.output_shapes) == {OUTPUT}:
            return None
        local = read_local_info(self)
        return local if local.preprocessing == self.info.preprocessing else None

    def _descriptors(self, output: npt.NDArray[np.float32], images: int) -> npt.NDArray[np.float32]:
        expected = (images, self.info.descriptor_dim)
        if output.shape != expected:
            raise ModelError(
                f"the model {self.info.name} gave an output of shape {output.shape} for {images} images, expected "
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
