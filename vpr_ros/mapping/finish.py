"""The last step of a build: table, calibration and manifest of a folder whose descriptors are complete."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import vpr_ros
from vpr_ros.core.frames import FrameSource
from vpr_ros.core.hashing import file_fingerprint, file_sha256
from vpr_ros.core.model_info import Extractor
from vpr_ros.core.pose import PositionM
from vpr_ros.mapping.append_base import base_rows, merge_cameras
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.mapping.partial import PartialMap
from vpr_ros.mapping.self_calibration import self_calibration
from vpr_ros.mapping.usable_frames import UsableFrames
from vpr_ros.maps.descriptor_file import open_descriptors
from vpr_ros.maps.frame_table import read_frame_table, write_frame_table
from vpr_ros.maps.manifest import MANIFEST_NAME, MapManifest
from vpr_ros.maps.manifest_parts import FileEntry, ModelEntry, SessionEntry
from vpr_ros.maps.map_frame import map_frame
from vpr_ros.maps.place_map import DESCRIPTORS_NAME, FRAMES_NAME, PlaceMap
from vpr_ros.maps.spacing import median_spacing_m, place_radius_m
from vpr_ros.maps.thumbnails import thumbnails_sha256


def finish_map(
    partial: PartialMap,
    source: FrameSource,
    extractor: Extractor,
    config: BuildConfig,
    base: PlaceMap | None,
    origin_m: PositionM | None,
    skipped: Counter[str],
) -> PlaceMap:
    """Write everything but the descriptors' rows, and open the result as a robot would.

    Raises:
        MapError: the map does not open, and must not take the place of one that does.
    """
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    cameras, _ = merge_cameras(base.manifest.cameras if base else (), source.cameras)
    earlier = base.manifest.sessions if base else ()
    partial.finish()
    rows = [*(base_rows(base) if base else ()), *partial.rows]
    write_frame_table(partial.path / FRAMES_NAME, rows)
    frames = read_frame_table(partial.path / FRAMES_NAME, tuple(camera.name for camera in cameras))
    spacing_m = median_spacing_m(frames)
    radius_m = config.radius_m or place_radius_m(frames, spacing_m)
    descriptors = open_descriptors(
        partial.path / DESCRIPTORS_NAME, len(rows), extractor.info.descriptor_dim, partial.dtype
    )
    calibration = self_calibration(
        frames,
        descriptors,
        UsableFrames(source, config),
        partial.rows,
        extractor,
        config,
        radius_m,
        spacing_m,
    )
    thumbnails, pictures_sha256 = thumbnails_sha256(partial.path, len(rows))
    manifest = MapManifest(
        frame_id=map_frame(config.frame_id, base.manifest if base else None),
        created_utc=now,
        software=f"vpr_ros {vpr_ros.__version__}",
        model=ModelEntry.of(extractor.info, extractor.sha256),
        frames=len(rows),
        dtype=partial.dtype,
        sessions=(*earlier, _session(partial, source, skipped, now)),
        cameras=cameras,
        datum=base.manifest.datum if base else source.datum,
        files={name: _file_entry(partial.path / name) for name in (FRAMES_NAME, DESCRIPTORS_NAME)},
        thumbnails=thumbnails,
        thumbnails_sha256=pictures_sha256,
        calibration=calibration,
        origin_m=origin_m,
    )
    (partial.path / MANIFEST_NAME).unlink(missing_ok=True)
    (partial.path / MANIFEST_NAME).write_text(manifest.to_yaml(), encoding="utf-8")
    return PlaceMap.open(partial.path)


def _session(partial: PartialMap, source: FrameSource, skipped: Counter[str], now: str) -> SessionEntry:
    return SessionEntry(
        source.description,
        now,
        len(partial.rows),
        tuple(source.cameras),
        dict(skipped),
        partial.inputs_sha256,
        source.map_frame_id,
    )


def _file_entry(path: Path) -> FileEntry:
    return FileEntry(path.stat().st_size, file_sha256(path), file_fingerprint(path))
