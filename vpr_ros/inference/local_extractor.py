# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Local features of one image by an ONNX model, in the image's own pixels."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.command import program
from vpr_ros.core.errors import ModelError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.core.local_info import LOCAL_KEY, LocalInfo
from vpr_ros.inference.onnx_session import OnnxSession, size_misfit

LOCAL_OUTPUTS: Final = ("keypoints", "local_descriptors", "local_scores")
"""(B, M, 2) x and y in pixels of the network's input, (B, M, C), (B, M)."""
_AGAIN: Final = "Write the metadata again with `describe_model --local`, or export the model again"


class LocalSession(OnnxSession):
    """A session that gives local features; for the arguments see ``OnnxSession``.

    Attributes:
        info: what the file says about its local features.

    Raises:
        ModelError: not an ONNX model, without local features or their metadata, or not runnable here.
    """

    def _check(self) -> None:
        path = self.path
        text = self.metadata(LOCAL_KEY)
        if text is None:
            raise ModelError(
                f"{path} has no {LOCAL_KEY!r} metadata, so that nobody knows whether it gives local features",
                f"Add it with `{program('describe_model')} --local {path} --output DESCRIBED.onnx` (--help shows an "
                f"example), where the network has the outputs {', '.join(LOCAL_OUTPUTS)}",
            )
        self.info = LocalInfo.from_json(text, str(path))
        shape = self.check_ends(LOCAL_OUTPUTS)
        if size_misfit(shape, self.info.preprocessing):
            wanted = [3, self.info.preprocessing.height_px, self.info.preprocessing.width_px]
            raise ModelError(f"{path} takes {shape}, its {LOCAL_KEY!r} metadata says {wanted}", _AGAIN)
        for name, expected in zip(LOCAL_OUTPUTS, self._shapes(), strict=True):
            found = self.output_shapes[name]
            if len(found) != len(expected) or any(
                isinstance(f, int) and f != e for f, e in zip(found[1:], expected[1:], strict=True)
            ):
                raise ModelError(
                    f"{path} gives {name} of shape {found}, its {LOCAL_KEY!r} metadata says {list(expected[1:])} per "
                    "image",
                    _AGAIN,
                )

    def run(self, batch: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """(B, 3, H, W) float32 -> (B, M, 2), (B, M, C), (B, M) float32, as the network gives them.

        Raises:
            ModelError: the runtime failed, or gave another shape.
        """
        found = [rows.astype(np.float32, copy=False) for rows in self.run_outputs(batch, LOCAL_OUTPUTS)]
        for name, rows, expected in zip(LOCAL_OUTPUTS, found, self._shapes(len(batch)), strict=True):
            if rows.shape != expected:
                raise ModelError(
                    f"the model {self.info.name} gave {name} of shape {rows.shape}, expected {expected}", _AGAIN
                )
        return found

    def _shapes(self, images: int = 1) -> tuple[tuple[int, ...], ...]:
        keypoints, dim = self.info.keypoints, self.info.dim
        return (images, keypoints, 2), (images, keypoints, dim), (images, keypoints)


class OnnxLocalExtractor:
    """Image to local features; satisfies ``core.local_info.LocalModel``. Safe to use from several threads.

    Args:
        session: what runs the model.
        sha256: hash of the first model file that gave these local features, see ``predecessor``.
    """

    def __init__(self, session: LocalSession, sha256: str) -> None:
        self._session = session
        self._sha256 = sha256

    @property
    def info(self) -> LocalInfo:
        """What the model says about itself."""
        return self._session.info

    @property
    def sha256(self) -> str:
        """Hash of the first model file that gave these local features; mostly the one that was opened."""
        return self._sha256

    @property
    def provider(self) -> str:
        """What runs the model."""
        return self._session.provider

    def extract(self, image_rgb: ImageRgb) -> LocalFeatures:
        """Find the keypoints of one image, best first; none in an image without texture.

        Raises:
            ModelError: the runtime failed, or gave another shape.
        """
        height_px, width_px = image_rgb.shape[:2]
        batch = self.info.preprocessing.batch([image_rgb])
        keypoints, descriptors, scores = (rows[0] for rows in self._session.run(batch))
        return local_features(self.info, keypoints, descriptors, scores, (width_px, height_px))


def local_features(
    info: LocalInfo,
    keypoints_px: npt.NDArray[np.float32],
    descriptors: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    size_px: tuple[int, int],
) -> LocalFeatures:
    """Make the rows that a network gave of one image its local features.

    Rows that are not finite, without length, outside the network's input or of a score of 0 or less are left out: a
    network of fixed size fills up with them.

    Args:
        info: of the network.
        keypoints_px: (M, 2) in pixels of the network's input.
        descriptors: (M, C), of any length.
        scores: (M,).
        size_px: width and height of the image.
    """
    seen = info.preprocessing
    edges = np.array([seen.width_px, seen.height_px]) - 0.5
    with np.errstate(invalid="ignore", over="ignore"):
        length = np.linalg.norm(descriptors, axis=1)
        usable = np.isfinite(length) & (length > 0) & np.isfinite(scores) & (scores > 0)
        usable &= ((keypoints_px >= -0.5) & (keypoints_px <= edges)).all(axis=1)
    order = np.flatnonzero(usable)
    order = order[np.argsort(-scores[order], kind="stable")]
    in_image_px = seen.to_image_px(keypoints_px[order], *size_px)
    return LocalFeatures(
        in_image_px.astype(np.float32), descriptors[order] / length[order, None], scores[order].astype(np.float32)
    )
