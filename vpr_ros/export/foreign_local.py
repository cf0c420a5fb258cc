# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Descriptions for ONNX files of others that give local features; needs ``onnx``, not torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vpr_ros.core.disk import folder_beside
from vpr_ros.core.errors import ExportError, ModelError
from vpr_ros.core.local_info import LOCAL_KEY, LocalInfo
from vpr_ros.core.model_info import METADATA_KEY
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.foreign_model import described_preprocessing
from vpr_ros.export.graph_ends import image_input, rename_ends, shape_of
from vpr_ros.export.metadata import load_onnx, save_onnx, set_metadata
from vpr_ros.inference.local_extractor import LOCAL_OUTPUTS, LocalSession
from vpr_ros.inference.onnx_session import OnnxSession
from vpr_ros.inference.options import CPU


@dataclass(frozen=True)
class LocalDescription:
    """What a foreign file does not say itself.

    Attributes:
        name, version: for people.
        outputs: names of keypoints, descriptors and scores in the file.
        preprocessing: fields of ``Preprocessing``; the size is needed where the file leaves it open.
    """

    name: str
    version: str = "1"
    outputs: tuple[str, str, str] = LOCAL_OUTPUTS
    preprocessing: Mapping[str, Any] = field(default_factory=dict)


def describe_local_onnx(source: Path, target: Path, description: LocalDescription) -> LocalInfo:
    """Write *source* with a description of its local features as *target*; its ends get the names the robot asks for.

    How many features of which length it gives is found by running it once; before the file takes its place it is
    opened and run as the robot would.

    Raises:
        ExportError: unreadable, without one of the outputs, a size that contradicts the file, or a network that does
            not run, or gives something else than keypoints, descriptors and scores of as many features of each image.
    """
    model = load_onnx(source)
    image = image_input(model, source)
    found = {value.name: shape_of(value) for value in model.graph.output}
    if missing := [name for name in description.outputs if name not in found]:
        shown = ", ".join(f"{name} ({', '.join(map(str, shape))})" for name, shape in found.items())
        raise ExportError(
            f"{source} has the outputs {shown}, none is called {' or '.join(missing)}",
            "Name keypoints (B, M, 2), descriptors (B, M, C) and scores (B, M) with --local-outputs; a network that "
            "gives dense maps has to choose its best M itself",
        )
    seen = described_preprocessing(image, description.preprocessing, source)
    rename_ends(model, image.name, dict(zip(description.outputs, LOCAL_OUTPUTS, strict=True)))
    entries = [entry for entry in model.metadata_props if entry.key != METADATA_KEY]  # its output is left out
    del model.metadata_props[:]
    model.metadata_props.extend(entries)
    with folder_beside(target, ExportError) as folder:
        trial = folder / target.name
        try:
            save_onnx(model, trial)
            info = _info(trial, seen, description)
            set_metadata(model, LOCAL_KEY, info.to_json())
            save_onnx(model, trial)
            LocalSession(trial, CPU, {}, threads=0).run(_noise(seen))
        except ModelError as error:
            raise ExportError(
                f"{source} does not run as it says: {error.problem.replace(str(trial), str(source))}",
                "Export the network again, with outputs keypoints (B, M, 2), descriptors (B, M, C), scores (B, M)",
            ) from error
        trial.replace(target)
    return info


def _info(path: Path, seen: Preprocessing, description: LocalDescription) -> LocalInfo:
    session = OnnxSession(path, CPU, {}, threads=0)
    session.check_ends(LOCAL_OUTPUTS)
    shapes = [rows.shape for rows in session.run_outputs(_noise(seen), LOCAL_OUTPUTS)]
    keypoints, descriptors, scores = shapes
    if (
        [len(shape) for shape in shapes] != [3, 3, 2]
        or keypoints[2] != 2
        or not keypoints[1] == descriptors[1] == scores[1]
    ):
        raise ModelError(
            f"{path} gives keypoints, descriptors and scores of the shapes {keypoints}, {descriptors} and {scores}",
            "Give (B, M, 2), (B, M, C) and (B, M)",
        )
    return LocalInfo(description.name, description.version, seen, int(descriptors[1]), int(descriptors[2]))


def _noise(seen: Preprocessing) -> np.ndarray[Any, np.dtype[np.float32]]:
    patches = np.random.default_rng(0).integers(0, 256, (2, seen.height_px, seen.width_px, 3)).astype(np.uint8)
    return seen.batch(list(patches))
