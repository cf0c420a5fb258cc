"""The real images an export is measured and calibrated on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import ExportError, FrameDecodeError, SourceError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.sources.image_file import list_images, read_image


@dataclass(frozen=True)
class ImageFolder:
    """The images under a folder, in the order of their paths.

    Attributes:
        paths: of the images.
        names: relative to the folder.
    """

    paths: tuple[Path, ...]
    names: tuple[str, ...]

    @classmethod
    def open(cls, folder: Path, limit: int | None = None) -> ImageFolder:
        """List the images; with a limit, so many spread evenly over the folder.

        Raises:
            ExportError: no such folder, or no image in it.
        """
        if not folder.is_dir():
            raise ExportError(f"there is no folder {folder}", "Give a folder with images as the robot sees them")
        try:
            found = list_images(folder)
        except SourceError as error:
            raise ExportError(error.problem, "Give a folder with images as the robot sees them") from error
        if limit is not None and len(found) > limit:
            found = [found[int(i)] for i in np.linspace(0, len(found) - 1, limit).round()]
        return cls(tuple(found), tuple(str(p.relative_to(folder)) for p in found))

    def batches(self, size: int) -> Iterator[Sequence[ImageRgb]]:
        """Yield decoded images, *size* at a time.

        Raises:
            ExportError: an image does not decode.
        """
        for start in range(0, len(self.paths), size):
            yield [_read(path) for path in self.paths[start : start + size]]


def _read(path: Path) -> ImageRgb:
    try:
        return read_image(path)
    except FrameDecodeError as error:
        raise ExportError(f"an image cannot be used: {error.problem}", "Leave it out of the folder") from error
