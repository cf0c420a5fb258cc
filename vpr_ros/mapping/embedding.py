"""Records to descriptors in batches: images are decoded and prepared while the network computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import FrameDecodeError, NoDescriptorError
from vpr_ros.core.frames import FrameRecord
from vpr_ros.core.model_info import DescriptorArray, Extractor
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.mapping.overlap import ahead, ordered_map
from vpr_ros.maps.thumbnails import encode_thumbnail

BATCHES_AHEAD = 2


@dataclass(eq=False)
class _Batch:
    records: list[FrameRecord] = field(default_factory=list)
    inputs: list[npt.NDArray[np.float32]] = field(default_factory=list)
    thumbnails: list[bytes | None] = field(default_factory=list)
    undecodable: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class DescribedBatch:
    """B frames with their descriptors.

    Attributes:
        records: B records.
        descriptors: (B, D) float32.
        thumbnails: B JPEGs, None where none was asked for.
        undecodable: names and messages of the records between them that did not decode.
        undescribed: names and messages of those that the model has no descriptor for.
    """

    records: list[FrameRecord]
    descriptors: DescriptorArray
    thumbnails: list[bytes | None]
    undecodable: list[tuple[str, str]]
    undescribed: list[tuple[str, str]]

    @property
    def consumed(self) -> int:
        """How many records went in."""
        return len(self.records) + len(self.undecodable) + len(self.undescribed)


def describe_records(
    records: Iterable[FrameRecord], extractor: Extractor, config: BuildConfig
) -> Iterator[DescribedBatch]:
    """Yield descriptors in the order of *records*, ``config.batch_size`` at a time.

    A batch is smaller where the model has no descriptor for some of its images, and at the end; it may be empty.

    Raises:
        ModelError: the network failed.
    """

    def prepare(record: FrameRecord) -> tuple[FrameRecord, npt.NDArray[np.float32] | FrameDecodeError, bytes | None]:
        try:
            image_rgb = record.load_image()
        except FrameDecodeError as error:
            return record, error, None
        thumbnail = encode_thumbnail(image_rgb, config.thumbnail_width_px) if config.thumbnails else None
        return record, extractor.prepare([image_rgb]), thumbnail

    def batches() -> Iterator[_Batch]:
        batch = _Batch()
        for record, prepared, thumbnail in ordered_map(pool, prepare, records, 2 * config.workers):
            if isinstance(prepared, FrameDecodeError):
                batch.undecodable.append((record.name, str(prepared)))
                continue
            batch.records.append(record)
            batch.inputs.append(prepared)
            batch.thumbnails.append(thumbnail)
            if len(batch.records) == config.batch_size:
                yield batch
                batch = _Batch()
        if batch.records or batch.undecodable:
            yield batch

    with ThreadPoolExecutor(config.workers, "vpr_ros-decode") as pool, ahead(batches(), BATCHES_AHEAD) as ready:
        for batch in ready:
            yield _described(batch, extractor)


def _described(batch: _Batch, extractor: Extractor) -> DescribedBatch:
    """Run the network, without the images that it has no descriptor for."""
    descriptors: DescriptorArray = np.empty((0, extractor.info.descriptor_dim), np.float32)
    undescribed: list[tuple[str, str]] = []
    while batch.records:
        try:
            descriptors = extractor.infer(np.concatenate(batch.inputs))
            break
        except NoDescriptorError as error:
            named = [batch.records[row].name for row in error.rows]
            undescribed += [(name, f"{name}: {error}") for name in named]
            kept = [row for row in range(len(batch.records)) if row not in error.rows]
            batch.records = [batch.records[row] for row in kept]
            batch.inputs = [batch.inputs[row] for row in kept]
            batch.thumbnails = [batch.thumbnails[row] for row in kept]
    return DescribedBatch(batch.records, descriptors, batch.thumbnails, batch.undecodable, undescribed)
