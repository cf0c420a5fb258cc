# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The model that finds keypoints in images as it found them in the map's."""

from __future__ import annotations

import shlex
from pathlib import Path

from vpr_ros.core.command import program
from vpr_ros.core.errors import MapError
from vpr_ros.core.local_features import LocalExtractor
from vpr_ros.inference import InferenceOptions, open_local_model
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.maps.place_map import PlaceMap


def in_one_run_with(sha256: str, place_map: PlaceMap, config: LocalizerConfig) -> bool:
    """Whether the model of this hash, which describes images, is to find keypoints too, see ``open_extractor``."""
    return bool(config.verify_candidates) and place_map.local is not None and place_map.local.sha256 == sha256


def local_extractor_for(
    place_map: PlaceMap,
    config: LocalizerConfig,
    extractor: OnnxExtractor,
    named: Path | None,
    options: InferenceOptions | None = None,
) -> LocalExtractor | None:
    """Open what the candidates of *place_map* are verified with; None where it has no local features, or none are.

    Args:
        place_map: the map.
        config: how many candidates are verified.
        extractor: describes the images; counts where its file is what found the map's local features.
        named: the model that somebody named for them.
        options: how it is run.

    Raises:
        MapError: a model is named and the map has no local features, or has those of another one.
        ModelError: it cannot be opened.
    """
    if place_map.local is None and named is not None:
        raise MapError(
            f"map {place_map.path} has no local features to compare those of {named} with",
            "Leave the local model out, or give the map some, from the recording it was built from: "
            f"`{program('build_map')} RECORDING --output {shlex.quote(str(place_map.path))} --add-local "
            f"--local-model {shlex.quote(str(named))}`",
        )
    if place_map.local is None or not config.verify_candidates:
        return None
    if named is None and extractor.local_sha256 != place_map.local.sha256:
        return None
    local = open_local_model(extractor, named, options)
    if local is not None:
        place_map.local.check_model(local.sha256, local.info)
    return local


def missing_local_model(place_map: PlaceMap, *, is_given: bool) -> str:
    """A sentence about local features that nobody compares, "" where all is well."""
    if place_map.local is None or is_given:
        return ""
    entry = place_map.local.entry
    return (
        f"the map has local features of the model {entry.name} {entry.version}, which was not given: no candidate is "
        "verified, and no pose is geometric"
    )
