# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Records to descriptors in batches: images are decoded, and batches written, while the network computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import FrameDecodeError, NoDescriptorError
from vpr_ros.core.frames import FrameRecord, SizePx, size_px_of
from vpr_ros.core.joint import JointExtractor, in_one_run
from vpr_ros.core.model_info import DescriptorArray, Extractor
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.mapping.local_part import LocalPart
from vpr_ros.mapping.overlap import ordered_map
from vpr_ros.maps.thumbnails import encode_thumbnail

Rows = Mapping[str, npt.NDArray[Any]]
"""Of one frame or of B, by file name; nothing where the map has no local features."""


class _Prepared(NamedTuple):
    record: FrameRecord
    undecodable: str
    size_px: SizePx = (0, 0)
    inputs: npt.NDArray[np.float32] | None = None
    thumbnail: bytes | None = None
    local: Rows | None = None


@dataclass(eq=False)
class _Batch:
    records: list[FrameRecord] = field(default_factory=list)
    sizes_px: list[SizePx] = field(default_factory=list)
    inputs: list[npt.NDArray[np.float32]] = field(default_factory=list)
    thumbnails: list[bytes | None] = field(default_factory=list)
    local: list[Rows | None] = field(default_factory=list)
    undecodable: list[tuple[str, str]] = field(default_factory=list)

    def take(self, prepared: _Prepared) -> None:
        """Add one record."""
        if prepared.inputs is None:
            self.undecodable.append((prepared.record.name, prepared.undecodable))
            return
        self.records.append(prepared.record)
        self.sizes_px.append(prepared.size_px)
        self.inputs.append(prepared.inputs)
        self.thumbnails.append(prepared.thumbnail)
        self.local.append(prepared.local)

    def keep(self, kept: list[int]) -> None:
        """Leave out all but these rows."""
        self.records = [self.records[row] for row in kept]
        self.sizes_px = [self.sizes_px[row] for row in kept]
        self.inputs = [self.inputs[row] for row in kept]
        self.thumbnails = [self.thumbnails[row] for row in kept]
        self.local = [self.local[row] for row in kept]


@dataclass(frozen=True, eq=False)
class DescribedBatch:
    """B frames with their descriptors.

    Attributes:
        records: B records.
        descriptors: (B, D) float32.
        thumbnails: B JPEGs, None where none was asked for.
        local: B rows of each file of local features, see ``maps.local_codec``.
        undecodable: names and messages of the records between them that did not decode.
        undescribed: names and messages of those that the model has no descriptor for.
    """

    records: list[FrameRecord]
    descriptors: DescriptorArray
    thumbnails: list[bytes | None]
    local: Rows
    undecodable: list[tuple[str, str]]
    undescribed: list[tuple[str, str]]

    @property
    def consumed(self) -> int:
        """How many records went in."""
        return len(self.records) + len(self.undecodable) + len(self.undescribed)

    @classmethod
    def joined(cls, parts: Sequence[DescribedBatch]) -> DescribedBatch:
        """Several as one."""
        rows = [part.local for part in parts if part.local]
        return cls(
            list(chain.from_iterable(part.records for part in parts)),
            np.concatenate([part.descriptors for part in parts]),
            list(chain.from_iterable(part.thumbnails for part in parts)),
            {name: np.concatenate([part[name] for part in rows]) for name in (rows[0] if rows else ())},
            list(chain.from_iterable(part.undecodable for part in parts)),
            list(chain.from_iterable(part.undescribed for part in parts)),
        )


def describe_records(
    records: Iterable[FrameRecord], extractor: Extractor, config: BuildConfig, local: LocalPart | None = None
) -> Iterator[DescribedBatch]:
    """Yield descriptors in the order of *records*, ``config.batch_size`` at a time.

    A batch is smaller where the model has no descriptor for some of its images, and at the end; it may be empty.
    ``config.networks`` runs of the network share it.

    Raises:
        ModelError: the network failed.
    """
    joint = None if local is None else in_one_run(extractor, local.model)

    def prepare(record: FrameRecord) -> _Prepared:
        try:
            image_rgb = record.load_image()
        except FrameDecodeError as error:
            return _Prepared(record, str(error))
        thumbnail = encode_thumbnail(image_rgb, config.thumbnail_width_px) if config.thumbnails else None
        size_px, inputs = size_px_of(image_rgb), extractor.prepare([image_rgb])
        rows = None
        if local is not None and joint is None:
            rows = local.rows(local.model.extract(image_rgb), size_px, record.load_depth_m)
        return _Prepared(record, "", size_px, inputs, thumbnail, rows)

    def describe(batch: _Batch) -> DescribedBatch:
        return _described(batch, extractor, local, joint)

    with (
        ThreadPoolExecutor(config.decoders, "vpr_ros-decode") as decoders,
        ThreadPoolExecutor(config.networks, "vpr_ros-network") as networks,
        closing(ordered_map(decoders, prepare, records, 2 * config.decoders)) as prepared,
        closing(ordered_map(networks, describe, _runs(prepared, config), 2 * config.networks)) as described,
    ):
        while parts := list(islice(described, config.networks)):
            yield parts[0] if len(parts) == 1 else DescribedBatch.joined(parts)


def _runs(records: Iterable[_Prepared], config: BuildConfig) -> Iterator[_Batch]:
    """What the network is given at a time."""
    batch = _Batch()
    for prepared in records:
        batch.take(prepared)
        if len(batch.records) == config.images_per_run:
            yield batch
            batch = _Batch()
    if batch.records or batch.undecodable:
        yield batch


def _described(
    batch: _Batch, extractor: Extractor, local: LocalPart | None, joint: JointExtractor | None
) -> DescribedBatch:
    """Run the network, without the images that it has no descriptor for."""
    descriptors: DescriptorArray = np.empty((0, extractor.info.descriptor_dim), np.float32)
    undescribed: list[tuple[str, str]] = []
    while batch.records:
        try:
            inputs = np.concatenate(batch.inputs)
            if local is None or joint is None:
                descriptors = extractor.infer(inputs)
            else:
                descriptors, features = joint.infer_both(inputs, batch.sizes_px)
                loads = [record.load_depth_m for record in batch.records]
                batch.local = list(map(local.rows, features, batch.sizes_px, loads))
            break
        except NoDescriptorError as error:
            named = [batch.records[row].name for row in error.rows]
            undescribed += [(name, f"{name}: {error}") for name in named]
            batch.keep([row for row in range(len(batch.records)) if row not in error.rows])
    return DescribedBatch(
        batch.records, descriptors, batch.thumbnails, _stacked(batch.local), batch.undecodable, undescribed
    )


def _stacked(local: list[Rows | None]) -> Rows:
    """The rows of B frames as B rows of each file."""
    found = [rows for rows in local if rows is not None]
    return {name: np.stack([rows[name] for rows in found]) for name in (found[0] if found else ())}
