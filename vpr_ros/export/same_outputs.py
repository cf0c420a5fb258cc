# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A model file that gives what an earlier one gives is called as that one, so that its maps go on; needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import onnx

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import ExportError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.core.model_info import Extractor
from vpr_ros.export.images import ImageFolder
from vpr_ros.export.metadata import load_onnx
from vpr_ros.inference import InferenceOptions, open_extractor, open_local_extractor
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.inference.onnx_fields import mapped
from vpr_ros.inference.options import CPU
from vpr_ros.inference.prebuilt import read_engine
from vpr_ros.inference.predecessor import PREDECESSOR_KEY, Predecessor, rest_sha256, without_predecessor
from vpr_ros.inference.probe import lowest_cosine

SAME_COSINE: Final = 0.99999
"""At least, on every image. The same weights in another graph give 0.9999999; those of another training 0.9."""
SAME_PX: Final = 0.01
BATCH: Final = 8


class SameOutputs(NamedTuple):
    """How far a file says what an earlier one says.

    Attributes:
        images: how many were compared.
        cosine_min: of the descriptors.
        local: whether the local features are the same too.
    """

    images: int
    cosine_min: float
    local: bool


def call_as(path: Path, earlier: Path, images: ImageFolder) -> SameOutputs:
    """Let the model file *path* stand for *earlier*, whose maps then go with it; it is written anew.

    Its local features are called as those of *earlier* where both have some and they are the same.

    Args:
        path: a described model file.
        earlier: another one.
        images: real ones, to compare what both say of them.

    Raises:
        ModelError: one of them cannot be opened.
        ExportError: other descriptors, another preprocessing, weights that lie in another file, or an engine inside;
            *path* stays as it was.
    """
    _check_whole(path)
    options = InferenceOptions(providers=(CPU,))
    one, other = open_extractor(earlier, options), open_extractor(path, options)
    _check_info(one, other, earlier, path)
    cosine_min = min(lowest_cosine(_described(one, some), _described(other, some)) for some in images.batches(BATCH))
    if not cosine_min >= SAME_COSINE:
        raise ExportError(
            f"{path} gives other descriptors than {earlier}: cosine {cosine_min:.6f} at worst over "
            f"{len(images.paths)} images, needed {SAME_COSINE}",
            "It is another model: leave --same-as out, and build its maps again",
        )
    local_sha256 = _same_local(one, other, earlier, path, images)
    _write(path, Predecessor(one.sha256, local_sha256, ""))
    return SameOutputs(len(images.paths), cosine_min, bool(local_sha256))


def _check_whole(path: Path) -> None:
    """Refuse what the hash of the file does not cover."""
    if read_engine(path) is not None:
        raise ExportError(
            f"{path} holds an engine", "Give the model file it was made of, and make the engine again of that"
        )
    if load_onnx(path) != onnx.load(path, load_external_data=False):
        raise ExportError(
            f"weights of {path} lie in another file, which nobody would see change",
            "Write it as one file: `onnx.save(onnx.load(MODEL), MODEL)`",
        )


def _check_info(one: Extractor, other: Extractor, earlier: Path, path: Path) -> None:
    differences = [
        f"{name} {getattr(one.info, name)} in {earlier.name}, {getattr(other.info, name)} in {path.name}"
        for name in ("preprocessing", "descriptor_dim", "cross_image")
        if getattr(one.info, name) != getattr(other.info, name)
    ]
    if differences:
        raise ExportError(
            f"{path} does not describe images as {earlier} does: {'; '.join(differences)}",
            "It is another model: leave --same-as out, and build its maps again",
        )


def _described(extractor: Extractor, images: Sequence[ImageRgb]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """As the robot does, one at a time."""
    rows = [extractor.infer(extractor.prepare([image])) for image in images]
    return np.concatenate(rows)  # type: ignore[return-value]


def _same_local(one: OnnxExtractor, other: OnnxExtractor, earlier: Path, path: Path, images: ImageFolder) -> str:
    """What maps call the local features of both; "" where they are not the same."""
    if not (one.has_local and other.has_local):
        return ""
    options = InferenceOptions(providers=(CPU,))
    before, now = open_local_extractor(earlier, options), open_local_extractor(path, options)
    if replace(before.info, name=now.info.name, version=now.info.version) != now.info:
        return ""
    compared = 0
    for image in (image for batch in images.batches(BATCH) for image in batch):
        found, found_now = before.extract(image), now.extract(image)
        if not _same_features(found, found_now):
            return ""
        compared += len(found)
    return before.sha256 if compared else ""  # of images without texture every network says the same


def _same_features(one: LocalFeatures, other: LocalFeatures) -> bool:
    if len(one) != len(other) or not len(one):
        return len(one) == len(other)
    apart_px = np.abs(one.keypoints_px - other.keypoints_px).max()
    return bool(apart_px <= SAME_PX and lowest_cosine(one.descriptors, other.descriptors) >= SAME_COSINE)


def _write(path: Path, entry: Predecessor) -> None:
    with mapped(path) as content:
        named = replace(entry, rest_sha256=rest_sha256(content))
        added = onnx.ModelProto(
            metadata_props=[onnx.StringStringEntryProto(key=PREDECESSOR_KEY, value=named.to_json())]
        )
        with new_file(path, ExportError) as part, part.open("wb") as stream:
            for start, end in without_predecessor(content):
                stream.write(content[start:end])
            stream.write(added.SerializeToString())  # a message goes on where another follows it
