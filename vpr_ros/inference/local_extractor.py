# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Local features by an ONNX model: its outputs, checked against what its file says, in the image's own pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.command import program
from vpr_ros.core.errors import ModelError
from vpr_ros.core.frames import ImageRgb, SizePx, size_px_of
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.core.local_info import LOCAL_KEY, LocalInfo
from vpr_ros.inference.onnx_session import OnnxSession, size_misfit

LOCAL_OUTPUTS: Final = ("keypoints", "local_descriptors", "local_scores")
"""(B, M, 2) x and y in pixels of the network's input, (B, M, C), (B, M)."""
_AGAIN: Final = "Write the metadata again with `describe_model --local`, or export the model again"
LocalRows = Sequence[npt.NDArray[np.float32]]
"""(B, M, 2), (B, M, C) and (B, M), as a network gives them."""


class LocalSession(OnnxSession):
    """A session that gives local features; for the arguments see ``OnnxSession``.

    Attributes:
        info: what the file says about its local features.

    Raises:
        ModelError: not an ONNX model, without local features or their metadata, or not runnable here.
    """

    def _check(self) -> None:
        self.info = read_local_info(self)

    def run(self, batch: npt.NDArray[np.float32]) -> LocalRows:
        """(B, 3, H, W) float32 -> (B, M, 2), (B, M, C), (B, M) float32, as the network gives them.

        Raises:
            ModelError: the runtime failed, or gave another shape.
        """
        return checked_rows(self.info, len(batch), self.run_outputs(batch, LOCAL_OUTPUTS))


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
        batch = self.info.preprocessing.batch([image_rgb])
        return features_of_each(self.info, self._session.run(batch), [size_px_of(image_rgb)])[0]


def read_local_info(session: OnnxSession) -> LocalInfo:
    """What the file of a session says about the local features that it gives.

    Raises:
        ModelError: nothing, or the network gives others or none.
    """
    path, text = session.path, session.metadata(LOCAL_KEY)
    if text is None:
        raise ModelError(
            f"{path} has no {LOCAL_KEY!r} metadata, so that nobody knows whether it gives local features",
            f"Add it with `{program('describe_model')} --local {path} --output DESCRIBED.onnx` (--help shows an "
            f"example), where the network has the outputs {', '.join(LOCAL_OUTPUTS)}",
        )
    info = LocalInfo.from_json(text, str(path))
    shape = session.check_ends(LOCAL_OUTPUTS)
    if size_misfit(shape, info.preprocessing):
        wanted = [3, info.preprocessing.height_px, info.preprocessing.width_px]
        raise ModelError(f"{path} takes {shape}, its {LOCAL_KEY!r} metadata says {wanted}", _AGAIN)
    for name, expected in zip(LOCAL_OUTPUTS, _shapes(info), strict=True):
        found = session.output_shapes[name]
        if len(found) != len(expected) or any(
            isinstance(f, int) and f != e for f, e in zip(found[1:], expected[1:], strict=True)
        ):
            raise ModelError(
                f"{path} gives {name} of shape {found}, its {LOCAL_KEY!r} metadata says {list(expected[1:])} per image",
                _AGAIN,
            )
    return info


def checked_rows(info: LocalInfo, images: int, found: Sequence[npt.NDArray[Any]]) -> LocalRows:
    """What a network gave as ``LOCAL_OUTPUTS`` of so many *images*, as float32.

    Raises:
        ModelError: it is of another shape than its file says.
    """
    for name, rows, expected in zip(LOCAL_OUTPUTS, found, _shapes(info, images), strict=True):
        if rows.shape != expected:
            raise ModelError(f"the model {info.name} gave {name} of shape {rows.shape}, expected {expected}", _AGAIN)
    return [rows.astype(np.float32, copy=False) for rows in found]


def features_of_each(info: LocalInfo, rows: LocalRows, sizes_px: Sequence[SizePx]) -> tuple[LocalFeatures, ...]:
    """The rows of B images and their sizes -> B local features."""
    return tuple(
        local_features(info, keypoints, descriptors, scores, size_px)
        for keypoints, descriptors, scores, size_px in zip(*rows, sizes_px, strict=True)
    )


def local_features(
    info: LocalInfo,
    keypoints_px: npt.NDArray[np.float32],
    descriptors: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    size_px: SizePx,
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


def _shapes(info: LocalInfo, images: int = 1) -> tuple[tuple[int, ...], ...]:
    return (images, info.keypoints, 2), (images, info.keypoints, info.dim), (images, info.keypoints)
