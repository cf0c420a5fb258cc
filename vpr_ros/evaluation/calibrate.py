# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Ask a map about a second drive whose poses are known, and keep what came of it in its manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

import numpy as np

from vpr_ros.core.disk import folder_beside, held
from vpr_ros.core.errors import ConfigError, MapError
from vpr_ros.core.frames import FrameSource
from vpr_ros.core.hashing import json_sha256
from vpr_ros.core.options import check_options, option
from vpr_ros.evaluation.answer_kind import AnswerKind
from vpr_ros.evaluation.ground_truth import GroundTruth, GroundTruthRule, find_ground_truth
from vpr_ros.evaluation.image_marks import MarkedImages, kept_marks, shared
from vpr_ros.evaluation.outcome import BEYOND, SAME_IMAGE, Outcomes
from vpr_ros.evaluation.query_list import list_queries
from vpr_ros.evaluation.run import run_queries
from vpr_ros.localization import Localizer
from vpr_ros.mapping.restated_fit import fit_restated
from vpr_ros.mapping.upkeep import check_no_build, upgrade
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.drive import MOST_DRIVES, Drive
from vpr_ros.maps.manifest import MANIFEST_NAME, MapManifest, read_manifest, rewrite_manifest
from vpr_ros.maps.restated import stated_bins
from vpr_ros.maps.tally import Tally

MOST_OWN_IMAGES: Final = 0.1
"""Of a drive's answers, that may be the very images of the map: more, and it is the map's own drive."""

MOST_SHARED: Final = 0.1
"""Of a drive's images, that may be those of another one: more, and it is a part of that one."""
ANSWERING: Final = ("model", "files", "local", "calibration")
"""What of a manifest tells whether a map answers as another one does."""


@dataclass(frozen=True)
class CalibrateOptions:
    """What a drive is called, and how much of it is asked.

    Attributes:
        rule: which map frames are correct.
        frame_named: somebody said that the drive's poses are in the frame their source names.
    """

    rule: GroundTruthRule
    name: str = option("", "what the drive is called in the map (default: the name of QUERIES)")
    condition: str = option(
        "", "such as day or night: what the map promises has to hold in each condition by itself, not on average"
    )
    limit: int | None = option(None, "use the first so many images only (default: all)", minimum=1)
    frame_named: bool = False

    def __post_init__(self) -> None:
        """Refuse names that no table shows.

        Raises:
            ConfigError: see ``Option.checked``; or a name that is not printable.
        """
        check_options(self)
        for what, text in (("--name", self.name), ("--condition", self.condition)):
            if not text.isprintable() or len(text) > LONGEST_NAME:
                raise ConfigError(
                    f"{what} is {text[:80]!r}, expected {LONGEST_NAME} printable characters at most", "Give another"
                )


LONGEST_NAME: Final = 80


@dataclass(frozen=True, eq=False)
class AskedDrive:
    """What came of it.

    Attributes:
        drive: what the map keeps.
        outcomes: one row per answer that counts.
        own_images: answers left out, for they are very images of the map.
        copies: answers left out, for their images are copies of others of the drive.
    """

    drive: Drive
    outcomes: Outcomes
    own_images: int
    copies: int = 0


def uncalibrated(place_map: PlaceMap) -> PlaceMap:
    """The map as it was built: what a drive says is held against this, whatever other drives said before."""
    manifest = replace(place_map.manifest, drives=(), restated=None)
    return place_map.with_manifest(manifest)


def ask_drive(
    localizer: Localizer,
    queries: FrameSource,
    options: CalibrateOptions,
    progress: Callable[[int, int], None] | None = None,
) -> AskedDrive:
    """Localize every image of *queries* as the robot would, each on its own, and count.

    Args:
        localizer: of a map as ``uncalibrated`` gives it.
        queries: the drive, with poses unless the rule does without.
        options: see ``CalibrateOptions``.
        progress: called with (done, total).

    Raises:
        ConfigError: the drive has no poses, is elsewhere, is the map's own, or none of its answers is right.
        SourceError, ModelError: see ``run_queries``.
    """
    place_map = localizer.place_map
    needs_poses = options.rule.needs_query_poses
    listed = list_queries(queries, place_map, needs_poses, options.limit, frame_named=options.frame_named)
    truth = find_ground_truth(options.rule, place_map, listed)
    _check_place(truth, place_map)
    marked = MarkedImages(queries)
    outcomes = run_queries(localizer, marked, truth, pictures=0, progress=progress).outcomes
    own, marks = outcomes.similarity >= SAME_IMAGE, marked.marks(outcomes.rows)
    _check_drive(outcomes, int(own.sum()), queries.description)
    is_copy = np.ones(len(marks), dtype=bool)
    is_copy[np.unique(marks, return_index=True)[1]] = False  # the first of each
    answered = np.array([kind is not AnswerKind.NOTHING for kind in outcomes.kinds])
    counted = outcomes.subset(~own & ~is_copy & answered)
    kinds = counted.kinds
    is_wrong = np.array(
        [kind in BEYOND or seen is False for kind, seen in zip(kinds, counted.pose_in_scene, strict=True)], np.bool_
    )
    drive = Drive(
        name=options.name,
        created_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        answers=Tally.of(np.array([row.answer.proof for row in counted.rows]), is_wrong),
        near_misses=sum(kind is AnswerKind.NEAR_MISS for kind in kinds),
        condition=options.condition,
        stated=stated_bins(counted.probability, counted.right),
        images_sha256=json_sha256({"images": sorted(set(marks))}),
        image_marks=kept_marks(marks),
    )
    return AskedDrive(drive, counted, int(own.sum()), int(is_copy.sum()))


def check_new(path: Path, name: str) -> None:
    """Refuse a drive of a name that the map at *path* has, before it is asked.

    Raises:
        MapError: it has one; or a build of the map is going on, the manifest is damaged, or the disk refuses.
    """
    with folder_beside(path / MANIFEST_NAME, MapError):
        pass  # an error now is cheaper than after the drive
    for other in _drives(path):
        if other.name == name:
            raise MapError(
                f"the map is calibrated on a drive called {name!r} already, of {other.created_utc}",
                f"Give this one another --name, or take that one out first with --remove {name!r}",
            )


def add_drive(path: Path, drive: Drive, asked: MapManifest | None = None) -> MapManifest:
    """Keep *drive* in the manifest of the map at *path*, beside those that are there; in one step, or not at all.

    Args:
        path: of the map.
        drive: what it answered.
        asked: of the map that answered, where another may have taken its place meanwhile.

    Raises:
        MapError: see ``rewrite_manifest``; a build of the map is going on, it has the drive already, or it is not the
            map that was asked.
    """
    upgrade(path)
    with held(path):
        _check_asked(path, asked)
        return _added(path, drive)


def _check_asked(path: Path, asked: MapManifest | None) -> None:
    """Refuse what another map answered: an edit or a build may have taken minutes less than the asking."""
    found = read_manifest(path)
    if asked is not None and any(getattr(found, part) != getattr(asked, part) for part in ANSWERING):
        raise MapError(
            f"the map at {path} was changed while the drive was asked: what it answered is not this map's",
            "Run the same command again",
        )


def _added(path: Path, drive: Drive) -> MapManifest:
    check_new(path, drive.name)
    drives = _drives(path)
    for other in drives:
        if other.images_sha256 == drive.images_sha256:
            raise MapError(
                f"the map is calibrated on these images already, as {other.name!r}: counted twice they would promise "
                "more than they show",
                f"Give another drive, or take that one out first with --remove {other.name!r}",
            )
        if (share := shared(other.image_marks, drive.image_marks)) > MOST_SHARED:
            raise MapError(
                f"{100 * share:.0f} % of the images are those of the drive {other.name!r}, or the other way round: "
                "counted twice they would promise more than they show",
                f"Give another drive, or take that one out first with --remove {other.name!r}",
            )
    if len(drives) >= MOST_DRIVES:
        raise MapError(
            f"the map is calibrated on {len(drives)} drives, the most it keeps", "Take one out: --remove NAME"
        )
    return _keep(path, (*drives, drive))


def remove_drive(path: Path, name: str) -> MapManifest:
    """Take the drive called *name* out of the manifest of the map at *path*.

    Raises:
        MapError: see ``rewrite_manifest``; a build of the map is going on, or there is no such drive.
    """
    with held(path):
        drives = _drives(path)
        kept = tuple(drive for drive in drives if drive.name != name)
        if len(kept) == len(drives):
            known = ", ".join(repr(drive.name) for drive in drives) or "none"
            raise MapError(f"the map is calibrated on no drive called {name!r}; it has {known}", "Name one that it has")
        return _keep(path, kept)


def _drives(path: Path) -> tuple[Drive, ...]:
    check_no_build(path, "calibrate the map")
    return read_manifest(path).drives


def _keep(path: Path, drives: Sequence[Drive]) -> MapManifest:
    restated = fit_restated([row for drive in drives for row in drive.stated])
    promise = replace(read_manifest(path), drives=tuple(drives)).promise
    return rewrite_manifest(
        path,
        sealed=True,
        drives=[drive.to_dict() for drive in drives],
        promise=None if promise is None else promise.to_be_read(),
        restated=None if restated is None else restated.to_dict(),
    )


def _check_place(truth: GroundTruth, place_map: PlaceMap) -> None:
    if truth.positives.answerable.any():
        return
    low, high = (
        bound.tolist() for bound in (place_map.frames.position_m.min(axis=0), place_map.frames.position_m.max(axis=0))
    )
    raise ConfigError(
        f"none of the {len(truth.queries)} images was taken at a place of the map, which reaches from "
        f"{_point(low)} to {_point(high)}: it is a drive of another map, or its poses are in another frame",
        "Give a drive through this map; `evaluate` and `inspect_map` show where both are",
    )


def _point(position_m: Sequence[float]) -> str:
    return "{:.1f} {:.1f} {:.1f} m".format(*position_m)


def _check_drive(outcomes: Outcomes, own: int, description: str) -> None:
    if own > MOST_OWN_IMAGES * len(outcomes):
        raise ConfigError(
            f"{description}: {own} of {len(outcomes)} images are very images of the map, so it is the map's own drive, "
            "which shows nothing of another day",
            "Give another drive; on its own images a map calibrates itself when it is built",
        )
    if not outcomes.right.any():
        raise ConfigError(
            f"{description}: not one of {len(outcomes)} answers is right, so the images are of another place, or their "
            "poses do not fit the map's",
            "Give a drive through this map; `evaluate` and its pictures show what was found",
        )
