# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The local features of a map that is being built: who finds them, how much is kept, and what the map has already."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy.typing as npt

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.command import program
from vpr_ros.core.errors import MapError
from vpr_ros.core.joint import SizePx
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.core.local_info import LocalModel
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.maps.local_codec import DEPTH, LocalLayout, encode
from vpr_ros.maps.local_store import LOCAL_NAME
from vpr_ros.maps.npy_file import map_array
from vpr_ros.maps.place_map import PlaceMap


@dataclass(frozen=True, eq=False)
class LocalPart:
    """What a build needs for local features.

    Attributes:
        model: finds them.
        layout: how much is kept of each frame.
        base: by file name the rows of the map that is added to; None where there is none.
        refines: whether intrinsics are fitted to the matches of the map.
        earlier_cameras: how many the map that is added to has; they stay as they are.
        given_intrinsics: by camera what the intrinsics of that map were before they were fitted.
    """

    model: LocalModel
    layout: LocalLayout
    base: Mapping[str, npt.NDArray[Any]] | None
    refines: bool = False
    earlier_cameras: int = 0
    given_intrinsics: Mapping[str, CameraIntrinsics] = field(default_factory=dict)

    @classmethod
    def of(cls, model: LocalModel | None, config: BuildConfig, base: PlaceMap | None) -> LocalPart | None:
        """The part of a build with *model*; None where the map gets no local features.

        Raises:
            MapError: the map that is added to has other ones, or none.
            ConfigError: not one fits into the bytes that a frame may have.
        """
        if base is not None:
            _check_base(base, model)
        if model is None:
            return None
        if base is None or base.local is None:
            fitting = LocalLayout.within(config.local_bytes, model.info.keypoints, model.info.dim, config.local_bits)
            return cls(model, fitting, None, config.refine_intrinsics)
        entry, folder = base.local.entry, base.path / LOCAL_NAME
        layout = entry.layout
        rows = {name: map_array(folder / name, (len(base), *row), kind) for name, (row, kind) in layout.rows.items()}
        earlier = len(base.manifest.cameras)
        return cls(model, layout, rows, config.refine_intrinsics, earlier, entry.given_intrinsics)

    @property
    def files(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Those that grow with every batch: shape and dtype of a row."""
        return {name: row for name, row in self.layout.rows.items() if name != DEPTH}

    def rows(self, features: LocalFeatures, size_px: SizePx) -> dict[str, npt.NDArray[Any]]:
        """The rows of one image of this width and height, by file name."""
        return encode(self.layout, features, *size_px)


def local_folder(partial: Path) -> Path:
    """Where the files lie."""
    return partial / LOCAL_NAME


def _check_base(base: PlaceMap, model: LocalModel | None) -> None:
    found = None if base.local is None else base.local.entry
    if (found and found.sha256) == (model and model.sha256):
        return
    again = f"`{program('build_map')} SOURCE --output {shlex.quote(str(base.path))} --overwrite`"
    if found is None:
        raise MapError(
            f"map {base.path} has no local features, the new session was to have some",
            f"Leave --local-model out, or add --no-local where --model gives them; or build the whole map again with "
            f"them, {again} with --local-model",
        )
    offered = "none" if model is None else f"{model.info.name} {model.info.version}, {model.sha256[:12]}..."
    raise MapError(
        f"map {base.path} has local features of {found.name} {found.version}, {found.sha256[:12]}..., "
        f"the new session {offered}",
        f"Give the model they are of with --local-model, or build the whole map again without: {again}",
    )
