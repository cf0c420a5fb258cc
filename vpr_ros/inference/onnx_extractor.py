# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The extractor: one model, run by the best provider that works, exchanged for a better one when it is ready."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import ModelError, NoDescriptorError, VprError
from vpr_ros.core.frames import ImageRgb, SizePx
from vpr_ros.core.joint import LocalOutputs
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.core.local_info import LocalInfo
from vpr_ros.core.model_info import DescriptorArray, ModelInfo
from vpr_ros.inference.local_extractor import features_of_each
from vpr_ros.inference.options import EventLog, InferenceEvent
from vpr_ros.inference.predecessor import ModelIdentity
from vpr_ros.inference.probe import misfit
from vpr_ros.inference.session import ModelSession


class OnnxExtractor:
    """Image to descriptor, and to local features where it was opened with them; see ``core.joint.JointExtractor``.

    Args:
        session: what runs the model now.
        sha256: hash of the first model file that gave these descriptors, see ``predecessor``.
        log: what was chosen and why; engine builds are added to it.
        local_sha256: hash of the first file that gave these local features; "" for the same.
    """

    def __init__(self, session: ModelSession, sha256: str, log: EventLog | None = None, local_sha256: str = "") -> None:
        self._log = log or EventLog()
        self._session = session
        self._sha256 = sha256
        self._local_sha256 = local_sha256 or sha256

    @property
    def info(self) -> ModelInfo:
        """What the model says about itself."""
        return self._session.info

    @property
    def sha256(self) -> str:
        """Hash of the first model file that gave these descriptors; mostly the one that was opened."""
        return self._sha256

    @property
    def local_sha256(self) -> str:
        """By which maps know its local features."""
        return self._local_sha256

    @property
    def identity(self) -> ModelIdentity:
        """What it is called in maps."""
        return ModelIdentity(self._sha256, self._sha256, self._local_sha256)

    @property
    def provider(self) -> str:
        """What runs the model now."""
        return self._session.provider

    @property
    def path(self) -> Path:
        """The model file."""
        return self._session.path

    @property
    def fixed_batch(self) -> int:
        """Images the network takes at once; 0 for any number."""
        return self._session.fixed_batch

    @property
    def has_local(self) -> bool:
        """Whether the model's file gives local features too, opened or not."""
        return self._session.has_local

    @property
    def local_info(self) -> LocalInfo | None:
        """What the model says of local features that come in one run with the descriptor; None where none do."""
        return self._session.local_info

    @property
    def local(self) -> LocalOutputs | None:
        """The local features that come in one run with the descriptor; None where none do."""
        return None if self.local_info is None else LocalOutputs(self, self.local_info)

    @property
    def events(self) -> tuple[InferenceEvent, ...]:
        """What was chosen, what could not run and why, and how the engine build goes; oldest first."""
        return self._log.events

    def prepare(self, images_rgb: Sequence[ImageRgb]) -> npt.NDArray[np.float32]:
        """Preprocess B images to (B, 3, H, W) float32 as the model's metadata says."""
        return self.info.preprocessing.batch(images_rgb)

    def infer(self, batch: npt.NDArray[np.float32]) -> DescriptorArray:
        """(B, 3, H, W) float32 -> (B, D) float32, rows of unit length.

        Raises:
            NoDescriptorError: the network has none for some of the images.
            ModelError: the runtime failed, or gave another shape.
        """
        session = self._session
        return _unit(session, session.run(batch))

    def infer_both(
        self, batch: npt.NDArray[np.float32], sizes_px: Sequence[SizePx]
    ) -> tuple[DescriptorArray, tuple[LocalFeatures, ...]]:
        """The same, and the local features of the B images of *sizes_px* (width, height), in one run of the network.

        Raises:
            NoDescriptorError: the network has no descriptor for some of the images.
            ModelError: the runtime failed, or gave another shape; or it was opened without local features.
        """
        session = self._session
        output, rows = session.run_both(batch)
        return _unit(session, output), features_of_each(cast(LocalInfo, session.local_info), rows, sizes_px)

    def infer_local(self, batch: npt.NDArray[np.float32], sizes_px: Sequence[SizePx]) -> tuple[LocalFeatures, ...]:
        """The local features alone, whether the images have descriptors or not.

        Raises:
            ModelError: see ``infer_both``.
        """
        session = self._session
        rows = session.run_local(batch)
        return features_of_each(cast(LocalInfo, session.local_info), rows, sizes_px)

    def upgrade_in_background(self, build: Callable[[], ModelSession], provider: str) -> None:
        """Build a better session in a thread of its own and use it from then on.

        A first TensorRT build takes minutes; until it ends, or if it fails, the current session answers. So it does
        where the engine's descriptors are not those of the current session: the map would be searched with others than
        it was made of. The log hears "building", and at the end "built" or "fallback".
        """

        def work() -> None:
            self._log(
                InferenceEvent(
                    "building", provider, f"building the {provider} engine, {self.provider} answers meanwhile"
                )
            )
            try:
                session = build()
                self._check_agreement(session, provider)  # the engine is built by the first run, not with the session
            except VprError as error:
                self._log(InferenceEvent("fallback", provider, f"{error} {self.provider} goes on"))
                return
            self._session = session
            self._log(InferenceEvent("built", provider, f"{provider} answers from now on"))

        threading.Thread(target=work, name="engine-build", daemon=True).start()

    def _check_agreement(self, session: ModelSession, provider: str) -> None:
        # Image by image, as a node runs it: TensorRT builds for the first shape it sees, and anew for one outside that.
        if problem := misfit(self, OnnxExtractor(session, self.sha256), f"{provider} and {self.provider}", 1):
            raise ModelError(
                problem,
                "Export the model for half precision with `export_model --precision fp16`, whose gate checks it",
            )


def _unit(session: ModelSession, output: npt.NDArray[np.float32]) -> DescriptorArray:
    descriptors = np.asarray(output, dtype=np.float32)
    length = np.linalg.norm(descriptors, axis=1, keepdims=True)
    usable = np.isfinite(length[:, 0]) & (length[:, 0] > 0)
    if not usable.all():
        raise NoDescriptorError(
            tuple(np.flatnonzero(~usable).tolist()),
            f"the model {session.info.name} has no descriptor for the image: its numbers are not finite or all zero on "
            f"{session.provider}",
            "Leave the image out if it shows a single colour; if ordinary images are refused, export the model in a "
            "higher precision",
        )
    unit: DescriptorArray = descriptors / length
    return unit
