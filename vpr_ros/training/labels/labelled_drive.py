# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A recording whose images are labelled by a folder of PNGs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from vpr_ros.core.frames import CameraMount, FrameRecord, FrameSource, GeoDatum
from vpr_ros.training.labels.label_png import read_label_png
from vpr_ros.training.labels.own_labels import LabelledImage, LabelledRecord

_IMAGES: Final = "images"


class LabelledDrive:
    """The frames of a source, each with the PNG of its name; looked for when somebody asks for labels.

    Args:
        source: the recording.
        labels: folder of the PNGs: ``a/b.png`` for ``a/b.jpg``, or for ``images/a/b.jpg``.
    """

    def __init__(self, source: FrameSource, labels: Path) -> None:
        self._source, self._labels = source, labels
        self.map_frame_id: str = source.map_frame_id
        self.cameras: Mapping[str, CameraMount] = source.cameras
        self.datum: GeoDatum | None = source.datum
        self.description: str = source.description
        self.is_drive: bool = source.is_drive

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[FrameRecord]:
        for record in self._source:
            yield LabelledRecord(
                record.stamp_ns,
                record.camera,
                record.name,
                record.T_map_base,
                record.load_image,
                record.load_depth_m,
                load_labelled=partial(_load, record, self._labels),
            )


def labels_beside(path: Path) -> Path | None:
    """The folder ``labels`` of a recording by ``simulate --labels``, from it or from its ``images``."""
    base = path.parent if path.name == _IMAGES else path
    labels = base / "labels"
    ours = (base / "camera.yaml").is_file() and (base / _IMAGES).is_dir() and labels.is_dir()
    return labels if ours else None


def _load(record: FrameRecord, labels: Path) -> LabelledImage:
    image_rgb = record.load_image()
    name = Path(record.name)
    if name.parts[0] == _IMAGES:
        name = name.relative_to(_IMAGES)
    path = labels / name.parent / f"{name.stem}.png"
    return image_rgb, read_label_png(path, (image_rgb.shape[0], image_rgb.shape[1]))
