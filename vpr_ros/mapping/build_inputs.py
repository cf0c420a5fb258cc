# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a map is made from, as far as it tells whether one build can finish another's work or has done it already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from vpr_ros.core.frames import FrameSource
from vpr_ros.core.hashing import file_sha256, json_sha256
from vpr_ros.core.local_info import LocalModel
from vpr_ros.core.model_info import Extractor
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.maps.manifest import MANIFEST_NAME
from vpr_ros.maps.manifest_parts import camera_to_dict

Inputs = Mapping[str, Any]
"""Plain JSON."""

ADDS_LOCAL = "local features"
"""What is appended by a build that adds no session."""
EDITS = "edit"
"""The same word in the journal of a map that is written anew from finished ones."""
LOCAL_KEY = "local"
REPLACED_KEY = "map_in_place"
"""The one input another run of the same command finds changed: the map that the first run has replaced."""


def build_inputs(
    source: FrameSource,
    extractor: Extractor,
    config: BuildConfig,
    output: Path,
    append: bool,
    local_model: LocalModel | None = None,
) -> Inputs:
    """What must be the same for one build to finish another's work."""
    replaced = output / MANIFEST_NAME
    return {
        "source": source.description,
        "source_frames": len(source),
        "records_sha256": _records_sha256(source),
        "frame_id": source.map_frame_id,
        "map_frame": config.frame_id,
        "model_sha256": extractor.sha256,
        "preprocessing": asdict(extractor.info.preprocessing),
        **config.gates(source.is_drive)._asdict(),
        "batch_size": config.batch_size,
        "dtype": config.dtype,
        "thumbnails": config.thumbnail_width_px if config.thumbnails else 0,
        "append": append,
        "origin": "first frame" if config.local_origin else config.origin_m,
        **({} if config.position_sigma_m is None else {"position_sigma_m": config.position_sigma_m}),
        LOCAL_KEY: None if local_model is None else _local_inputs(source, config, local_model),
        REPLACED_KEY: file_sha256(replaced) if replaced.is_file() else None,
    }


def differences(found: Inputs, expected: Inputs) -> list[str]:
    """What keeps the build of the inputs *expected* from being the build of the inputs *found*, one line each."""
    wanted = json.loads(json.dumps(expected))
    return [f"{key} was {found.get(key)!r}, is {wanted[key]!r}" for key in wanted if found.get(key) != wanted[key]]


def without_replaced(inputs: Inputs) -> Inputs:
    """All that two runs of one command have in common, whichever map they found in place."""
    of_either = {key: value for key, value in inputs.items() if key != REPLACED_KEY}
    if of_either.get(LOCAL_KEY) is None:  # a build without local features is that of a version that knew none
        of_either.pop(LOCAL_KEY, None)
    return of_either


def inputs_sha256(inputs: Inputs) -> str:
    """Hash what two runs of one command have in common."""
    return json_sha256(without_replaced(inputs))


def _local_inputs(source: FrameSource, config: BuildConfig, local_model: LocalModel) -> Inputs:
    cameras = {name: camera_to_dict(replace(camera, name=name)) for name, camera in source.cameras.items()}
    with_depth = sum(record.load_depth_m is not None for record in source)
    return {
        **({"depth_images": with_depth} if with_depth else {}),
        "model_sha256": local_model.sha256,
        "bytes_per_frame": config.local_bytes,
        "bits": config.local_bits,
        "refine_intrinsics": config.refine_intrinsics,
        "cameras_sha256": json_sha256(cameras),
    }


def _records_sha256(source: FrameSource) -> str:
    """Hash times, names and poses: the description of a folder gives no path, and every folder may be ``images/``."""
    digest = hashlib.sha256()
    for record in source:
        pose = record.T_map_base
        placed = None if pose is None else [float(number) for number in (*pose.position_m, *(pose.quat_xyzw or ()))]
        digest.update(repr((record.stamp_ns, record.camera, record.name, placed)).encode())
    return digest.hexdigest()
