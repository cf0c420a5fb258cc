# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Frames of a map described once more to calibrate it: as if taken another time, and the wrong way round."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, takewhile
from threading import Event
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import FrameDecodeError, NoDescriptorError
from vpr_ros.core.frames import FrameRecord, ImageRgb, SizePx, size_px_of
from vpr_ros.core.joint import in_one_run
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.core.local_info import LocalModel
from vpr_ros.core.model_info import DescriptorArray, Extractor
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.core.printable import printable
from vpr_ros.mapping.augment import augmented
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.mapping.embedding import describe_records
from vpr_ros.mapping.evenly import evenly
from vpr_ros.mapping.overlap import ordered_map
from vpr_ros.mapping.usable_frames import Progress
from vpr_ros.maps.frame_table import FrameRow

FEWEST_FRAMES: Final = 20
"""A smaller map is not asked."""
SHARE_RETAKEN: Final = 0.08
MIN_RETAKEN, MAX_RETAKEN = 16, 200
SEED: Final = 0
MOST_MIRRORED: Final = 30
SOON_S: Final = 2.0
"""What is ready by then needs no progress."""


class Retaken(NamedTuple):
    """Frames as they could have been taken another time.

    Attributes:
        rows: (M,) which frames of the map.
        queries: (M, D) their descriptors.
    """

    rows: npt.NDArray[np.int64]
    queries: npt.NDArray[np.float32]


class MirroredFrame(NamedTuple):
    """What the networks find in a frame the wrong way round, which is another place."""

    descriptor: DescriptorArray
    features: LocalFeatures
    size_px: SizePx


@dataclass(frozen=True, eq=False)
class SecondLook:
    """Describes them in a thread of its own, so that the network runs while the map is measured.

    Attributes:
        retaken: described in another light.
        mirrored: the wrong way round.
        waited_for: set when somebody has nothing else to do; then the progress is told.
    """

    retaken: Future[Retaken]
    mirrored: Future[list[MirroredFrame]]
    waited_for: Event

    def all_retaken(self) -> Retaken:
        """What is described in another light, when it is."""
        wait([self.retaken], timeout=SOON_S)
        self.waited_for.set()
        return self.retaken.result()


@contextmanager
def second_look(
    records: Iterable[FrameRecord],
    rows: list[FrameRow],
    first_row: int,
    extractor: Extractor,
    config: BuildConfig,
    local_model: LocalModel | None,
    progress: Progress | None = None,
) -> Iterator[SecondLook]:
    """Look again at some of the frames that came with this build. Whoever leaves the block ends it.

    Args:
        records: where the last ``len(rows)`` frames of the map came from.
        rows: their lines in the table; records that are not among them are passed over.
        first_row: number of the first one in the map.
        extractor: the model.
        config: batch size and threads.
        local_model: finds local features; None: nothing is mirrored.
        progress: is told of the frames described in another light, once nothing but them is waited for.
    """
    left, waited_for = Event(), Event()
    asked = first_row + len(rows) >= FEWEST_FRAMES

    def asked_for() -> Iterator[FrameRecord]:
        return takewhile(lambda _: not left.is_set(), records if asked else ())

    def tell(done: int, total: int, stage: str = "", /) -> None:
        if progress is not None and waited_for.is_set():
            progress(done, total, stage)

    def retaken() -> Retaken:
        return _retaken(asked_for(), rows, first_row, extractor, config, tell)

    def mirrored() -> list[MirroredFrame]:
        if local_model is None:
            return []
        images = mirrored_images(asked_for(), len(rows))
        return list(_looked_at(images, extractor, local_model, config))

    with ThreadPoolExecutor(1, "vpr_ros-again") as pool:
        try:
            yield SecondLook(pool.submit(retaken), pool.submit(mirrored), waited_for)
        finally:
            left.set()


def _retaken(
    records: Iterable[FrameRecord],
    rows: list[FrameRow],
    first_row: int,
    extractor: Extractor,
    config: BuildConfig,
    progress: Progress,
) -> Retaken:
    """Describe a share of the images once more, augmented."""
    count = int(np.clip(round(SHARE_RETAKEN * len(rows)), MIN_RETAKEN, MAX_RETAKEN))
    chosen = set(evenly(len(rows), count).tolist())
    row_of: dict[FrameRecord, int] = {}

    def retakes() -> Iterator[FrameRecord]:
        for number, record in _in_map(records, rows):
            if number in chosen:
                load_image = partial(_retake, record.load_image, number, extractor.info.preprocessing)
                retake = replace(record, load_image=load_image)
                row_of[retake] = first_row + number
                yield retake

    taken: list[int] = []
    described: list[npt.NDArray[np.float32]] = [np.empty((0, extractor.info.descriptor_dim), np.float32)]
    for batch in describe_records(retakes(), extractor, replace(config, thumbnails=False)):
        taken += [row_of[record] for record in batch.records]
        described.append(batch.descriptors)
        progress(len(taken), len(chosen))
    return Retaken(np.array(taken, dtype=np.int64), np.concatenate(described))


def _in_map(records: Iterable[FrameRecord], rows: list[FrameRow]) -> Iterator[tuple[int, FrameRecord]]:
    """The records the rows were made from, numbered; the source is read no further than the last of them."""
    number = 0
    for record in records:
        # Names as the table keeps them: rows that a resumed build found on disk have theirs from there.
        row = rows[number]
        if record.stamp_ns == row.stamp_ns and printable(record.name).split() == printable(row.name).split():
            yield number, record
            number += 1
            if number == len(rows):
                return


def _retake(load_image: Callable[[], ImageRgb], number: int, network: Preprocessing) -> ImageRgb:
    """The image as the network could have seen it another time; at the network's size, which costs least."""
    image_rgb = load_image()
    height, width = image_rgb.shape[:2]
    scale = max(network.height_px / height, network.width_px / width)
    if scale < 1.0:
        size = (max(network.width_px, round(scale * width)), max(network.height_px, round(scale * height)))
        image_rgb = cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return augmented(image_rgb, np.random.default_rng([SEED, number]))


def mirrored_images(records: Iterable[FrameRecord], frames: int) -> Iterator[ImageRgb]:
    """Some of at least so many *frames*, mirrored; the records are read no further than the last of them."""
    chosen = evenly(frames, MOST_MIRRORED).tolist()
    for number, record in enumerate(islice(records, chosen[-1] + 1 if chosen else 0)):
        if number in chosen:
            try:
                yield np.ascontiguousarray(record.load_image()[:, ::-1])
            except FrameDecodeError:
                continue  # the build has said so


def _looked_at(
    images: Iterable[ImageRgb], extractor: Extractor, local_model: LocalModel, config: BuildConfig
) -> Generator[MirroredFrame, None, None]:
    """What the networks find in each, but in those that have no descriptor."""
    joint = in_one_run(extractor, local_model)

    def look(image_rgb: ImageRgb) -> MirroredFrame | None:
        batch, size_px = extractor.prepare([image_rgb]), size_px_of(image_rgb)
        try:
            if joint is None:
                return MirroredFrame(extractor.infer(batch), local_model.extract(image_rgb), size_px)
            descriptor, (features,) = joint.infer_both(batch, [size_px])
        except NoDescriptorError:
            return None  # neither has the image the right way round, as the build has said
        return MirroredFrame(descriptor, features, size_px)

    with (
        ThreadPoolExecutor(config.networks, "vpr_ros-network") as pool,
        closing(ordered_map(pool, look, images, 2 * config.networks)) as found,
    ):
        yield from (one for one in found if one is not None)
