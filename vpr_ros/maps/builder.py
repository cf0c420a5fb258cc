"""Build a map from a source of frames with poses."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

from vpr_ros.core.errors import MapError, SourceError
from vpr_ros.core.frames import FrameRecord, FrameSource
from vpr_ros.core.model_info import Extractor
from vpr_ros.core.pose import Pose, PositionM
from vpr_ros.maps.append_base import in_base_frame, link_thumbnails, merge_cameras, open_base
from vpr_ros.maps.build_config import BuildConfig, BuildReport
from vpr_ros.maps.build_inputs import build_inputs
from vpr_ros.maps.describe import describe
from vpr_ros.maps.descriptor_file import DtypeName
from vpr_ros.maps.disk_errors import disk_errors
from vpr_ros.maps.finish import finish_map
from vpr_ros.maps.frame_table import FrameRow
from vpr_ros.maps.journal import JOURNAL_NAME
from vpr_ros.maps.leftovers import is_done, put_back
from vpr_ros.maps.manifest import MANIFEST_NAME, read_manifest
from vpr_ros.maps.map_warnings import map_warnings
from vpr_ros.maps.origin import choose_origin
from vpr_ros.maps.partial import PartialMap, partial_path
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.publish import publish
from vpr_ros.maps.usable_frames import UNDECODABLE, UsableFrames

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
        output: the folder to make.
        config: see ``BuildConfig``.
        append: add the source as another session to the map in *output*.
        resume: finish a build that was interrupted; without one, start. One that was complete when it was
            interrupted is not done again: the report says so.
        progress: see ``Progress``.

    Raises:
        MapError: something stands at *output*, the inputs do not fit it, or the disk is full.
        SourceError: no frame of the source can be used.
        ModelError: the network failed.
    """
    started = time.monotonic()
    output = Path(output)
    with disk_errors(partial_path(output), config, append=append):
        put_back(output)
        inputs = build_inputs(source, extractor, config, output, append)
        if is_done(output, inputs, append=append, resume=resume):
            return _report_of_complete(output, started)
        interrupted = resume and partial_path(output).exists()
        _check_output(output, config, append=append, interrupted=interrupted)
        base = open_base(output, source, extractor, config.dtype) if append else None
        origin_m = choose_origin(source, config, base)
        dtype = cast(DtypeName, base.manifest.dtype) if base else config.dtype
        descriptors = base.descriptors if base else None
        partial = PartialMap(partial_path(output), extractor.info.descriptor_dim, dtype, descriptors)
        try:
            partial.open(inputs, resume=resume, restart=config.overwrite)
            resumed = len(partial.rows)
            skipped = _describe_all(source, extractor, config, partial, base, origin_m, progress)
            if not partial.rows:
                partial.discard()
                raise _nothing_usable(source, skipped)
            manifest = finish_map(partial, source, extractor, config, base, origin_m, skipped)
            _publish(partial, output)
            # Last, and held until then: a map with a journal is one whose build has something left to remove.
            (output / JOURNAL_NAME).unlink()
        finally:
            partial.close()
    seconds = time.monotonic() - started
    return BuildReport(
        output, manifest.frames, len(partial.rows), resumed, dict(skipped), manifest.calibration, seconds, origin_m
    )


def _publish(partial: PartialMap, output: Path) -> None:
    publish(partial.path, output)
    for warning in map_warnings(PlaceMap.open(output)):
        _LOG.warning("warning: %s", warning)


def _report_of_complete(output: Path, started: float) -> BuildReport:
    manifest = read_manifest(output)
    seconds = time.monotonic() - started
    return BuildReport(output, manifest.frames, 0, 0, {}, manifest.calibration, seconds, was_complete=True)


def _check_output(output: Path, config: BuildConfig, *, append: bool, interrupted: bool) -> None:
    if append and not output.exists():
        raise MapError(
            f"map {output} does not exist, so nothing can be added to it", "Build it first, without --append"
        )
    if append or interrupted or not output.exists():
        return
    if not config.overwrite:
        raise MapError(
            f"{output} exists", "Add --overwrite to replace it, --append to add a session, or choose another --output"
        )
    if not (output / MANIFEST_NAME).is_file():
        raise MapError(f"{output} exists and is not a map, so it is not replaced", "Choose another --output")


def _describe_all(
    source: FrameSource,
    extractor: Extractor,
    config: BuildConfig,
    partial: PartialMap,
    base: PlaceMap | None,
    origin_m: PositionM | None,
    progress: Progress | None,
) -> Counter[str]:
    """Describe every usable frame that is not yet in *partial*; returns reason -> frames left out."""
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
        for message in batch.undecodable:
            _LOG.warning("left out: %s", message)
        if rows:
            partial.add(
                rows, batch.descriptors, batch.thumbnails, consumed=batch.consumed, undecodable=len(batch.undecodable)
            )
        else:
            partial.undecodable += len(batch.undecodable)
    return usable.skipped + Counter({UNDECODABLE: partial.undecodable})


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


def _nothing_usable(source: FrameSource, skipped: Counter[str]) -> SourceError:
    reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items()) or "the source is empty"
    return SourceError(
        f"{source.description}: none of {len(source)} frames can be used ({reasons})",
        "Check the poses (`--poses`, `--pose-topic`) and the image topic",
    )
