# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Model, map and localizer as the parameters ask for them: opened together, checked, exchanged as one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpr_ros.core.command import program
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.local_features import LocalExtractor
from vpr_ros.core.paths import user_path
from vpr_ros.inference import InferenceOptions, model_identity, open_extractor
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.localization import Localizer
from vpr_ros.localization.local_model import in_one_run_with, local_extractor_for, missing_local_model
from vpr_ros.localization.place_filter import FilterConfig, PlaceFilter
from vpr_ros.localization.rig import RigConfig
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.local_codec import LOCAL_FILES
from vpr_ros.maps.local_store import LOCAL_NAME
from vpr_ros.maps.manifest import MANIFEST_NAME
from vpr_ros.maps.map_warnings import map_warnings
from vpr_ros.maps.place_map import DESCRIPTORS_NAME, FRAMES_NAME
from vpr_ros.maps.remote.index import MilvusIndex
from vpr_ros.ros.localizer.camera_extrinsics import CameraExtrinsics
from vpr_ros.ros.localizer.frame_names import IN_A_TRANSFORM, check_names, check_transform, map_frame_warning
from vpr_ros.ros.localizer.parameters import NodeSettings, Settings
from vpr_ros.ros.localizer.transforms import Transforms

LARGEST_IN_MEMORY_BYTES = 1 << 29
"""Up to here (170 000 frames of 768 numbers) a map is copied into memory. A larger one is mapped from its file, and
whoever overwrites that file in place (cp, rsync --inplace) ends the process with a bus error."""


@dataclass(frozen=True, eq=False)
class LocalizerSetup:
    """Everything a frame needs on its way to a pose. Never changed, only replaced.

    Attributes:
        settings: the node's parameters it was opened with.
        filter: those of the filter.
        extractor, place_map, localizer, extrinsics, rig: see their classes.
        local_extractor: finds keypoints; None where the map has none, or they are of another model.
        transforms: TF, None where it is not installed or not asked for.
    """

    settings: NodeSettings
    filter: FilterConfig
    extractor: OnnxExtractor
    local_extractor: LocalExtractor | None
    place_map: PlaceMap
    localizer: Localizer
    extrinsics: CameraExtrinsics
    transforms: Transforms | None
    rig: RigConfig

    @property
    def map_frame(self) -> str:
        """The frame the published poses are given in."""
        return self.settings.map_frame or self.place_map.manifest.frame_id


def open_setup(
    settings: Settings,
    topics: Mapping[str, str],
    transforms: Transforms | None,
    previous: LocalizerSetup | None,
    named: Collection[str] = (),
) -> LocalizerSetup:
    """Open what *settings* name, taking over from *previous* what did not change.

    Args:
        settings: the parameters.
        topics: camera -> its image topic.
        transforms: TF, or None.
        previous: the setup in use, if any.
        named: parameters that were just set: "map" and the models are opened again even under the same path.

    Raises:
        ConfigError: no map is named, or a frame has no usable name; or one of the parameters *named* makes publish_tf
            relate a frame to itself.
        MapError: the map is missing, damaged, newer, or made by another model.
        ModelError: the model is missing, lacks its metadata, or cannot be run.
    """
    place_map = _open_map(settings.node.map, None if "map" in named else previous)
    _begin_to_connect(place_map, settings.node)
    extractor = _extractor(settings, place_map, previous, named)
    place_map.check_model(extractor.info, extractor.sha256)
    local_extractor = _local_extractor(settings, extractor, place_map, previous, named)
    place_filter = _place_filter(settings, place_map, previous)
    localizer = Localizer(extractor, place_map, settings.localizer, local_extractor, place_map.local, place_filter)
    asked = transforms if settings.node.use_tf else None
    extrinsics = CameraExtrinsics(settings.node.base_frame, settings.extrinsics, topics, place_map, asked)
    setup = LocalizerSetup(
        settings.node,
        settings.filter,
        extractor,
        local_extractor,
        place_map,
        localizer,
        extrinsics,
        transforms,
        settings.rig,
    )
    check_names(settings.node, setup.map_frame)
    _wait_for_first_try(place_map)
    if IN_A_TRANSFORM.intersection(named):  # a start goes on without the transform, which is an error on /diagnostics
        check_transform(settings.node, setup.map_frame)
    return setup


def log_setup(setup: LocalizerSetup, logger: Any) -> None:
    """Say which map and model are in use, and what is to be known about them."""
    info, place_map = setup.extractor.info, setup.place_map
    logger.info(
        f"map {place_map.path}: {len(place_map)} frames in {setup.map_frame!r}; "
        f"model {info.name} {info.version} on {setup.extractor.provider}"
    )
    fallbacks = [event.message for event in setup.extractor.events if event.kind == "fallback"]
    unwanted = not setup.localizer.config.verify_candidates
    unused = missing_local_model(place_map, is_given=setup.local_extractor is not None or unwanted)
    frame_warning = map_frame_warning(setup.settings, setup.map_frame)
    for warning in (frame_warning, unused, *map_warnings(place_map), *fallbacks):
        if warning:
            logger.warning(warning)


def files_state(settings: NodeSettings) -> tuple[tuple[int, int] | None, ...]:
    """What the map's files and the model look like on disk; a change is a reason to try again.

    Every file of the map counts: one that is being copied into place has its manifest long before its descriptors.
    """
    of_local = (f"{LOCAL_NAME}/{name}" for name in LOCAL_FILES)
    names = [f"{settings.map}/{name}" for name in (MANIFEST_NAME, FRAMES_NAME, DESCRIPTORS_NAME, *of_local)]
    return tuple(map(_file_state, (*names, settings.model, settings.local_model)))


def _open_map(folder: str, previous: LocalizerSetup | None) -> PlaceMap:
    if not folder:
        raise ConfigError(
            "the parameter map is empty, expected the folder of a map",
            f"Build one with `{program('build_map')} SOURCE --output MAP`, then set the parameter map to its path",
        )
    if previous is not None and previous.settings.map == folder:
        # One that was replaced or deleted meanwhile goes on working: another parameter is no reason to change maps.
        return previous.place_map
    place_map = PlaceMap.open(user_path(folder, "the map"))
    if place_map.index.kind == "remote":
        return place_map
    fits = place_map.descriptors.nbytes <= LARGEST_IN_MEMORY_BYTES
    return place_map.in_memory() if fits else place_map


def _begin_to_connect(place_map: PlaceMap, settings: NodeSettings) -> None:
    """To the server that has the map's descriptors, while the model is opened."""
    if isinstance(place_map.index, MilvusIndex):
        place_map.index.begin(settings.search_time_ms / 1e3)


def _wait_for_first_try(place_map: PlaceMap) -> None:
    """A few seconds at most: a server that is gone is told on /diagnostics, and found when it is back."""
    if isinstance(place_map.index, MilvusIndex):
        place_map.index.settled()


def _extractor(
    settings: Settings, place_map: PlaceMap, previous: LocalizerSetup | None, named: Collection[str]
) -> OnnxExtractor:
    """What describes images, taken over from *previous* where it is the same, and as much of it is asked for."""
    config = settings.localizer
    if previous is not None and previous.settings.model == settings.node.model and "model" not in named:
        sha256, before = previous.extractor.local_sha256, previous.localizer
        if in_one_run_with(sha256, place_map, config) == in_one_run_with(sha256, previous.place_map, before.config):
            return previous.extractor
    model = _path(settings.node.model, "the model")
    with_local = in_one_run_with(model_identity(model).local_sha256, place_map, config)
    return open_extractor(model, _inference(settings.node), with_local=with_local)


def _local_extractor(
    settings: Settings,
    extractor: OnnxExtractor,
    place_map: PlaceMap,
    previous: LocalizerSetup | None,
    named: Collection[str],
) -> LocalExtractor | None:
    """What finds keypoints as the map's were found, taken over from *previous* where neither map nor models changed."""
    if (
        previous is not None
        and previous.place_map is place_map
        and previous.extractor is extractor
        and previous.settings.local_model == settings.node.local_model
        and bool(previous.localizer.config.verify_candidates) == bool(settings.localizer.verify_candidates)
        and "local_model" not in named
    ):
        return previous.local_extractor
    local_model = _path(settings.node.local_model, "the local model")
    return local_extractor_for(place_map, settings.localizer, extractor, local_model, _inference(settings.node))


def _place_filter(settings: Settings, place_map: PlaceMap, previous: LocalizerSetup | None) -> PlaceFilter | None:
    """What remembers earlier images, with all it remembers where the map is the same; None where nobody asks for it."""
    if not settings.node.continuous or not settings.filter.enabled:
        return None
    before = None if previous is None else previous.localizer.place_filter
    same_map = previous is not None and previous.place_map is place_map
    if before is not None and same_map and before.config == settings.filter:
        return before
    return PlaceFilter.of_map(place_map, settings.filter)


def _inference(settings: NodeSettings) -> InferenceOptions:
    engine_cache = _path(settings.engine_cache, "engine_cache")
    return InferenceOptions(providers=settings.providers, engine_cache=engine_cache, buffers=settings.buffers)


def _path(name: str, what: str) -> Path | None:
    return user_path(name, what) if name else None


def _file_state(name: str) -> tuple[int, int] | None:
    try:
        status = user_path(name, "the file").stat()
    except (OSError, ConfigError):
        return None
    return status.st_ino, status.st_mtime_ns
