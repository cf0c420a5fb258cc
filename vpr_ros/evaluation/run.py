# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Show a localizer every query, and nothing but its image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from vpr_ros.core.errors import FrameDecodeError, ModelError, NoDescriptorError, SourceError
from vpr_ros.core.frames import CameraMount, Frame, FrameRecord, FrameSource, ImageRgb, size_px_of
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.evaluation.baselines import pixel_descriptor
from vpr_ros.evaluation.ground_truth import GroundTruth
from vpr_ros.evaluation.outcome import Outcomes, QueryOutcome
from vpr_ros.evaluation.sequence.drive import Drive
from vpr_ros.localization import Localizer
from vpr_ros.localization.same_camera import mapped_intrinsics, refined_intrinsics

THUMBNAIL_WIDTH_PX = 320


@dataclass(frozen=True, eq=False)
class Run:
    """What came of the queries that could be decoded.

    Attributes:
        outcomes: one row per query answered.
        undecodable: names of the queries whose image does not decode; they are in no figure.
        undescribed: names of those the model has no descriptor for, a black image perhaps; they are in no figure.
    """

    outcomes: Outcomes
    undecodable: tuple[str, ...]
    undescribed: tuple[str, ...]


def run_queries(
    localizer: Localizer,
    queries: FrameSource,
    ground_truth: GroundTruth,
    with_pixels: bool = False,
    pictures: int = 8,
    progress: Callable[[int, int], None] | None = None,
    drive: Drive | None = None,
) -> Run:
    """Localize every counted query, each on its own unless the localizer has a filter.

    Args:
        localizer: what the robot runs.
        queries: the first ``len(ground_truth.counted)`` records are the queries.
        ground_truth: the correct map frames of the queries.
        with_pixels: keep the pixel baseline's descriptors.
        pictures: keep the images of that many wrong queries.
        progress: called with (done, total).
        drive: is told of every query; None where they are no sequence.

    Raises:
        ModelError: it has no descriptor for any image.
        SourceError: not one image decodes, or the source yields fewer records than it did before.
    """
    total, positives = int(ground_truth.counted.sum()), ground_truth.positives
    answered: list[int] = []
    rows: list[QueryOutcome] = []
    undecodable: list[str] = []
    undescribed: list[str] = []
    for done, (number, record) in enumerate(_counted_records(queries, ground_truth), start=1):
        if drive is not None:
            drive.before(record)
        try:
            row, image_rgb = _localize(localizer, record, queries.cameras.get(record.camera))
        except FrameDecodeError:
            undecodable.append(record.name)
        except NoDescriptorError:
            undescribed.append(record.name)
        else:
            wrong = not row.answer.matches or row.answer.matches[0].frame_index not in positives.indices[number]
            pictured = sum(earlier.thumbnail is not None for earlier in rows) if wrong else pictures
            rows.append(
                replace(
                    row,
                    truth=ground_truth.queries.poses[number],
                    pixels=pixel_descriptor(image_rgb) if with_pixels else None,
                    thumbnail=thumbnail(image_rgb) if pictured < pictures else None,
                )
            )
            answered.append(number)
            if drive is not None:
                drive.after(record, image_rgb)
        if progress is not None:
            progress(done, total)
    _check_readable(queries, len(rows), len(undecodable), len(undescribed), total)
    keep = np.isin(np.arange(len(positives)), answered)
    return Run(Outcomes(rows, positives.subset(keep)), tuple(undecodable), tuple(undescribed))


def _check_readable(queries: FrameSource, answered: int, undecodable: int, undescribed: int, total: int) -> None:
    if undescribed and not answered:
        raise ModelError(
            f"{queries.description}: the model has no descriptor for {undescribed} of {total} queries, and none of the "
            "others decodes",
            "Look at the images; if they are ordinary ones, export the model in a higher precision",
        )
    if answered + undecodable + undescribed < total or not answered:
        raise SourceError(
            f"{queries.description}: {answered} of {total} queries could be read",
            "Check that the recording is complete and its images decode",
        )


def thumbnail(image_rgb: ImageRgb) -> ImageRgb:
    """Shrink (H, W, 3) to at most 320 pixels of width."""
    height, width = image_rgb.shape[:2]
    if width <= THUMBNAIL_WIDTH_PX:
        return image_rgb
    return Preprocessing(max(1, round(height * THUMBNAIL_WIDTH_PX / width)), THUMBNAIL_WIDTH_PX, resize="area").resized(
        image_rgb
    )


def _counted_records(queries: Iterable[FrameRecord], ground_truth: GroundTruth) -> Iterator[tuple[int, FrameRecord]]:
    for number, (counted, record) in enumerate(zip(ground_truth.counted, queries, strict=False)):
        if counted:
            yield number, record


def _localize(localizer: Localizer, record: FrameRecord, camera: CameraMount | None) -> tuple[QueryOutcome, ImageRgb]:
    """Decode and localize one frame. The localizer never sees the true pose."""
    start = perf_counter()
    image_rgb = record.load().image_rgb
    decode_ms = 1e3 * (perf_counter() - start)
    frame = Frame(image_rgb, record.stamp_ns, record.camera, record.name)
    intrinsics, names = camera.intrinsics if camera else None, (record.camera,)
    if intrinsics is None:
        intrinsics = mapped_intrinsics(localizer.place_map, names, size_px_of(image_rgb))
    else:
        intrinsics = refined_intrinsics(localizer.place_map, names, intrinsics) or intrinsics
    mount = camera.T_base_camera if camera else None
    answer = localizer.localize(frame, T_base_camera=mount, intrinsics=intrinsics)
    return QueryOutcome(record.name, record.T_map_base, answer, decode_ms), image_rgb
