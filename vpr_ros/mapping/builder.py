"""Build a map from a source of frames with poses."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

from vpr_ros.core.errors import MapError, ModelError, SourceError, VprError
from vpr_ros.core.frames import FrameRecord, FrameSource
from vpr_ros.core.model_info import Extractor
from vpr_ros.core.pose import Pose, PositionM
from vpr_ros.mapping.append_base import in_base_frame, link_thumbnails, merge_cameras, open_base
from vpr_ros.mapping.build_config import BuildConfig, BuildReport
from vpr_ros.mapping.build_inputs import build_inputs
from vpr_ros.mapping.disk_errors import disk_errors
from vpr_ros.mapping.embedding import describe
from vpr_ros.mapping.finish import finish_map
from vpr_ros.mapping.journal import JOURNAL_NAME
from vpr_ros.mapping.leftovers import is_done, put_back
from vpr_ros.mapping.origin import choose_origin
from vpr_ros.mapping.partial import PartialMap, partial_path
from vpr_ros.mapping.publish import is_free, publish, resolved_output
from vpr_ros.mapping.usable_frames import UNDECODABLE, UNDESCRIBED, UsableFrames
from vpr_ros.maps.descriptor_file import DtypeName
from vpr_ros.maps.frame_table import FrameRow
from vpr_ros.maps.manifest import MANIFEST_NAME, read_manifest
from vpr_ros.maps.manifest_parts import mount_problem
from vpr_ros.maps.map_frame import drift_warning
from vpr_ros.maps.map_warnings import map_warnings
from vpr_ros.maps.place_map import PlaceMap

Progress = Callable[[int, int], None]
"""Called with the records taken from the source so far, and how many it has."""

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
) -> BuildReport:
    """Build the map *output*, in a folder beside it that takes its place when complete.

    Args:
        source: frames with poses; iterated three times (for times and poses alone, for the images, and for a few
            images to calibrate with).
        extractor: the model; the map can be asked with the same one only.
        output: the folder to make, or an empty one; for links see ``resolved_output``.
        config: see ``BuildConfig``.
        append: add the source as another session to the map in *output*.
        resume: finish a build that was interrupted; without one, start. One that was complete when it was
            interrupted is not done again: the report says so.
        progress: see ``Progress``.

    Raises:
        MapError: something stands at *output*, the inputs do not fit it, or the disk is full.
        SourceError: no frame of the source can be used, or a camera cannot sit where it says.
        ModelError: the network failed.
    """
    started = time.monotonic()
    output = resolved_output(Path(output), append=append)
    with disk_errors(partial_path(output), config, append=append):
        put_back(output)
        _check_mounts(source)
        inputs = build_inputs(source, extractor, config, output, append)
        if is_done(output, inputs, append=append, resume=resume):
            return _report_of_complete(output, started)
        interrupted = resume and partial_path(output).exists()
        _check_output(output, config, append=append, interrupted=interrupted)
        base = _open_base(output, source, extractor, config) if append else None
        origin_m = choose_origin(source, config, base)
        dtype = cast(DtypeName, base.manifest.dtype) if base else config.dtype
        descriptors = base.descriptors if base else None
        partial = PartialMap(partial_path(output), extractor.info.descriptor_dim, dtype, descriptors)
        try:
            partial.open(inputs, resume=resume, restart=config.overwrite)
            resumed = len(partial.rows)
            skipped, undecodable = _describe_all(source, extractor, config, partial, base, origin_m, progress)
            if not partial.rows:
                partial.discard()
                raise _nothing_usable(source, skipped)
            finished = finish_map(partial, source, extractor, config, base, origin_m, skipped)
            publish(partial.path, output)
            _warn_of(finished)
            # Last, and held until then: a map with a journal is one whose build has something left to remove.
            (output / JOURNAL_NAME).unlink()
        finally:
            partial.close()
    seconds = time.monotonic() - started
    counts = (len(finished), len(partial.rows), resumed, dict(skipped))
    return BuildReport(output, *counts, finished.manifest.calibration, seconds, undecodable, origin_m)


def _open_base(output: Path, source: FrameSource, extractor: Extractor, config: BuildConfig) -> PlaceMap:
    return open_base(output, source, extractor, config.dtype, frame_named=config.frame_id is not None)


def _warn_of(place_map: PlaceMap) -> None:
    for warning in filter(None, (*map_warnings(place_map), drift_warning(place_map.manifest))):
        _LOG.warning("warning: %s", warning)


def _report_of_complete(output: Path, started: float) -> BuildReport:
    manifest = read_manifest(output)
    seconds = time.monotonic() - started
    return BuildReport(output, manifest.frames, 0, 0, {}, manifest.calibration, seconds, was_complete=True)


def _check_mounts(source: FrameSource) -> None:
    for camera in source.cameras.values():
        if camera.T_base_camera is not None and (problem := mount_problem(camera.T_base_camera)):
            raise SourceError(
                f"{source.description}: the place of camera {camera.name} on the robot {problem}",
                "Correct the transform from the base to the camera where the recording has it (TF, or sensor.yaml)",
            )


def _check_output(output: Path, config: BuildConfig, *, append: bool, interrupted: bool) -> None:
    if append and not output.exists():
        raise MapError(
            f"map {output} does not exist, so nothing can be added to it", "Build it first, without --append"
        )
    if output.is_mount():
        raise MapError(
            f"{output} is where a disk is mounted, which a map cannot take the place of",
            f"Choose a folder inside it, for example {output / 'map'}",
        )
    if append or interrupted or is_free(output):
        return
    if not (output / MANIFEST_NAME).is_file():
        raise MapError(f"{output} exists and is not a map, so it is not replaced", "Choose another --output")
    if not config.overwrite:
        raise MapError(
            f"{output} exists", "Add --overwrite to replace it, --append to add a session, or choose another --output"
        )


def _describe_all(
    source: FrameSource,
    extractor: Extractor,
    config: BuildConfig,
    partial: PartialMap,
    base: PlaceMap | None,
    origin_m: PositionM | None,
    progress: Progress | None,
) -> tuple[Counter[str], tuple[str, ...]]:
    """Describe every usable frame that is not yet in *partial*.

    Returns:
        Reason -> frames left out, and the names of those that do not decode.
    """
    left_out: list[str] = []
    session = len(base.manifest.sessions) if base else 0
    datum = base.manifest.datum if base else None
    _, camera_numbers = merge_cameras(base.manifest.cameras if base else (), source.cameras)
    if base is not None:
        link_thumbnails(base, partial.path)
    usable = UsableFrames(_Reporting(source, progress), config)
    for batch in describe(islice(usable, partial.consumed, None), extractor, config):
        rows = [
            FrameRow(
                record.stamp_ns,
                session,
                camera_numbers[record.camera],
                in_base_frame(cast(Pose, record.T_map_base), source.datum, datum).seen_from(origin_m),
                record.name,
            )
            for record in batch.records
        ]
        for name, message in (*batch.undecodable, *batch.undescribed):
            _LOG.warning("left out: %s", message)
            left_out.append(name)
        if rows:
            partial.add(
                rows,
                batch.descriptors,
                batch.thumbnails,
                consumed=batch.consumed,
                undecodable=len(batch.undecodable),
                undescribed=len(batch.undescribed),
            )
        else:
            partial.undecodable += len(batch.undecodable)
            partial.undescribed += len(batch.undescribed)
    unusable = Counter({UNDECODABLE: partial.undecodable, UNDESCRIBED: partial.undescribed})
    return usable.skipped + unusable, tuple(left_out)


class _Reporting:
    """A source that tells how far it has been read."""

    def __init__(self, source: FrameSource, progress: Progress | None) -> None:
        self._source = source
        self._progress = progress

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[FrameRecord]:
        total = len(self._source)
        for number, record in enumerate(self._source, start=1):
            yield record
            if self._progress is not None:
                self._progress(number, total)


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
