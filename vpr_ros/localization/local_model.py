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
from vpr_ros.inference import InferenceOptions, open_local_extractor
from vpr_ros.maps.place_map import PlaceMap


def local_extractor_for(
    place_map: PlaceMap, named: Path | None, own: Path | None, options: InferenceOptions | None = None
) -> LocalExtractor | None:
    """Open what the candidates of *place_map* are verified with; None where the map has no local features.

    Args:
        place_map: the map.
        named: the model that somebody named for it.
        own: the map's own model where that gives local features too, None where it does not.
        options: how it is run.

    Raises:
        MapError: a model is named and the map has no local features, or has those of another one.
        ModelError: it cannot be opened.
    """
    if place_map.local is None:
        if named is not None:
            raise MapError(
                f"map {place_map.path} has no local features to compare those of {named} with",
                "Leave the local model out, or give the map some, from the recording it was built from: "
                f"`{program('build_map')} RECORDING --output {shlex.quote(str(place_map.path))} --add-local "
                f"--local-model {shlex.quote(str(named))}`",
            )
        return None
    path = named or own
    if path is None:
        return None
    extractor = open_local_extractor(path, options)
    if named is None and extractor.sha256 != place_map.local.sha256:
        return None
    place_map.local.check_model(extractor.sha256, extractor.info)
    return extractor


def missing_local_model(place_map: PlaceMap, *, is_given: bool) -> str:
    """A sentence about local features that nobody compares, "" where all is well."""
    if place_map.local is None or is_given:
        return ""
    entry = place_map.local.entry
    return (
        f"the map has local features of the model {entry.name} {entry.version}, which was not given: no candidate is "
        "verified, and no pose is geometric"
    )
