# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Build a map from a source of frames with poses."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

from vpr_ros.core.errors import ModelError, SourceError, VprError
from vpr_ros.core.frames import FrameSource
from vpr_ros.core.local_info import LocalModel
from vpr_ros.core.model_info import Extractor
from vpr_ros.mapping.add_local import CALIBRATE_AGAIN, AddedLocal, LocalTask, carry_out
from vpr_ros.mapping.append_base import link_thumbnails
from vpr_ros.mapping.build_config import BuildConfig, BuildReport
from vpr_ros.mapping.build_inputs import ADDS_LOCAL, build_inputs
from vpr_ros.mapping.embedding import describe_records
from vpr_ros.mapping.finish import finish_map
from vpr_ros.mapping.journal import JOURNAL_NAME
from vpr_ros.mapping.output import check_output, resolved_output
from vpr_ros.mapping.recovery import disk_errors, is_done, put_back
from vpr_ros.mapping.session import BuildSession
from vpr_ros.mapping.transaction import PartialMap, partial_path, publish
from vpr_ros.mapping.usable_frames import UNDECODABLE, UNDESCRIBED, Progress
from vpr_ros.maps.manifest import read_manifest
from vpr_ros.maps.map_frame import drift_warning
from vpr_ros.maps.map_warnings import map_warnings
from vpr_ros.maps.place_map import PlaceMap

_LOG = logging.getLogger(__name__)


def build_map(
    source: FrameSource,
    extractor: Extractor,
    output: Path,
    config: BuildConfig,
    *,
    append: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
    local_model: LocalModel | None = None,
) -> BuildReport:
    """Build the map *output*, in a folder beside it that takes its place when complete.

    Args:
        source: frames with poses; read three times (times and poses, images, a few to calibrate with; mirrored: four).
        extractor: the model; the map can be asked with the same one only.
        output: the folder to make, or an empty one; for links see ``resolved_output``.
        config: see ``BuildConfig``.
        append: add the source as another session to the map in *output*.
        resume: finish a build that was interrupted; without one, start. One that was complete when it was
            interrupted is not done again: the report says so.
        progress: see ``Progress``.
        local_model: finds the local features of each frame; without one the map has none.

    Raises:
        ConfigError: not one local feature fits into the bytes that a frame may have.
        MapError: something stands at *output*, the inputs do not fit it, or the disk is full.
        SourceError: no frame of the source can be used, or a camera cannot sit where it says.
        ModelError: the network failed.
    """
    started = time.monotonic()
    output = resolved_output(Path(output), append=append)
    session = BuildSession(source, extractor, config, output, append, local_model)
    with disk_errors(partial_path(output), config, append=append):
        put_back(output)
        session.check_mounts()
        if is_done(output, session.inputs, append=append, resume=resume):
            return _report_of_complete(output, started)
        interrupted = resume and partial_path(output).exists()
        check_output(output, append=append, overwrite=config.overwrite, interrupted=interrupted)
        partial = _partial_map(session)
        try:
            partial.open(session.inputs, resume=resume, restart=config.overwrite)
            session.check_cameras_of(partial.rows)
            resumed = len(partial.rows)
            skipped, undecodable, describing_s = _describe_all(session, partial, progress)
            if not partial.rows:
                partial.discard()
                raise _nothing_usable(source, skipped)
            finished = finish_map(session, partial, skipped, progress)
            publish(partial.path, output)
            _warn_of(finished, session.base)
            # Last, and held until then: a map with a journal is one whose build has something left to remove.
            (output / JOURNAL_NAME).unlink()
        finally:
            partial.close()
    seconds = (time.monotonic() - started, describing_s)
    counts = (len(finished), len(partial.rows), resumed, dict(skipped))
    return BuildReport.of(output, counts, finished.manifest, seconds, undecodable)


def add_local(
    source: FrameSource,
    extractor: Extractor,
    local_model: LocalModel,
    output: Path,
    config: BuildConfig,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> AddedLocal:
    """Add local features to the frames of the map *output* that *source* shows; all else stays as it is, to the byte.

    The map is made anew in a folder beside it, as ``build_map`` does. A map of several recordings is given them one by
    one. Intrinsics that the map does not know are taken from the recording.

    Args:
        source: the recording; needs no poses.
        extractor: the map's model.
        local_model: finds the local features.
        output: the map.
        config: see ``BuildConfig``; with ``overwrite`` the frames are looked at anew, and local features of another
            model are replaced.
        resume: finish what was interrupted; without it, start.
        progress: see ``Progress``.

    Raises:
        MapError: no map, one of another model or with other local features, a recording of something else, or a full
            disk.
        ConfigError: not one local feature fits into the bytes that a frame may have.
        ModelError: the network failed.
    """
    started = time.monotonic()
    output = resolved_output(Path(output), append=True)
    with disk_errors(partial_path(output), replace(config, thumbnails=False), append=True):
        put_back(output)
        inputs = {**build_inputs(source, extractor, config, output, False, local_model), "append": ADDS_LOCAL}
        done = is_done(output, inputs, append=False, resume=resume)
        check_output(output, append=True, overwrite=config.overwrite, interrupted=False)
        task = LocalTask.of(tuple(source), source.cameras, extractor, local_model, output, config)
        if done or not task.records:
            return AddedLocal.of(task, task.known, None, time.monotonic() - started)
        looked_at, entry = carry_out(task, inputs, output, config, resume, progress)
    return AddedLocal.of(task, looked_at, entry, time.monotonic() - started)


def _partial_map(session: BuildSession) -> PartialMap:
    """Where it grows; what does not fit is refused before anything is written there."""
    _ = session.origin_m
    base = session.base.descriptors if session.base else None
    dim = session.extractor.info.descriptor_dim
    return PartialMap(partial_path(session.output), dim, session.dtype, base, session.local)


def _warn_of(place_map: PlaceMap, base: PlaceMap | None) -> None:
    lost = CALIBRATE_AGAIN if base is not None and base.manifest.drives else ""
    for warning in filter(None, (*map_warnings(place_map), drift_warning(place_map.manifest), lost)):
        _LOG.warning("warning: %s", warning)


def _report_of_complete(output: Path, started: float) -> BuildReport:
    manifest = read_manifest(output)
    seconds = time.monotonic() - started
    return BuildReport(output, manifest.frames, 0, 0, {}, manifest.calibration, seconds, was_complete=True)


def _describe_all(
    session: BuildSession, partial: PartialMap, progress: Progress | None
) -> tuple[Counter[str], tuple[str, ...], float]:
    """Describe every usable frame that is not yet in *partial*.

    Returns:
        Reason -> frames left out, the names of those that do not decode, and how many seconds that took.
    """
    started = time.monotonic()
    left_out: list[str] = []
    if session.base is not None:
        link_thumbnails(session.base, partial.path)
    records = islice(session.usable.read(progress), partial.consumed, None)
    for batch in describe_records(records, session.extractor, session.config, session.local):
        for name, message in (*batch.undecodable, *batch.undescribed):
            _LOG.warning("left out: %s", message)
            left_out.append(name)
        partial.add([session.row(record) for record in batch.records], batch)
    unusable = Counter({UNDECODABLE: partial.undecodable, UNDESCRIBED: partial.undescribed})
    return session.usable.skipped + unusable, tuple(left_out), time.monotonic() - started


def _nothing_usable(source: FrameSource, skipped: Counter[str]) -> VprError:
    reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items()) or "the source is empty"
    if skipped[UNDESCRIBED]:
        return ModelError(
            f"{source.description}: the model has no descriptor for any of the {skipped[UNDESCRIBED]} images that "
            "could be used: its numbers are not finite or all zero",
            "Look at the images; if they are ordinary ones, export the model in a higher precision",
        )
    return SourceError(
        f"{source.description}: none of {len(source)} frames can be used ({reasons})",
        "Open some of the images with another program: they are damaged, or no images"
        if skipped[UNDECODABLE] * 2 > sum(skipped.values())
        else "Check the poses (`--poses`, `--pose-topic`) and the image topic",
    )
