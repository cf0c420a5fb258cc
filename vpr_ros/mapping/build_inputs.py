"""What a map is made from, as far as it tells whether one build can finish another's work or has done it already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vpr_ros.core.frames import FrameSource
from vpr_ros.core.hashing import file_sha256, json_sha256
from vpr_ros.core.model_info import Extractor
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.maps.manifest import MANIFEST_NAME

Inputs = Mapping[str, Any]
"""Plain JSON."""

REPLACED_KEY = "map_in_place"
"""The one input another run of the same command finds changed: the map that the first run has replaced."""


def build_inputs(source: FrameSource, extractor: Extractor, config: BuildConfig, output: Path, append: bool) -> Inputs:
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
        "min_distance_m": config.min_distance_m,
        "min_angle_rad": config.min_angle_rad,
        "batch_size": config.batch_size,
        "dtype": config.dtype,
        "thumbnails": config.thumbnail_width_px if config.thumbnails else 0,
        "append": append,
        "origin": "first frame" if config.local_origin else config.origin_m,
        REPLACED_KEY: file_sha256(replaced) if replaced.is_file() else None,
    }


def differences(found: Inputs, expected: Inputs) -> list[str]:
    """What keeps the build of the inputs *expected* from being the build of the inputs *found*, one line each."""
    wanted = json.loads(json.dumps(expected))
    return [f"{key} was {found.get(key)!r}, is {wanted[key]!r}" for key in wanted if found.get(key) != wanted[key]]


def without_replaced(inputs: Inputs) -> Inputs:
    """All that two runs of one command have in common, whichever map they found in place."""
    return {key: value for key, value in inputs.items() if key != REPLACED_KEY}


def inputs_sha256(inputs: Inputs) -> str:
    """Hash what two runs of one command have in common."""
    return json_sha256(without_replaced(inputs))


def _records_sha256(source: FrameSource) -> str:
    """Hash times, names and poses: the description of a folder gives no path, and every folder may be ``images/``."""
    digest = hashlib.sha256()
    for record in source:
        pose = record.T_map_base
        placed = None if pose is None else [float(number) for number in (*pose.position_m, *(pose.quat_xyzw or ()))]
        digest.update(repr((record.stamp_ns, record.camera, record.name, placed)).encode())
    return digest.hexdigest()
