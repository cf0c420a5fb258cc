# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The local features of a map that is being built: who finds them, how much is kept, and what the map has already."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy.typing as npt

from vpr_ros.core.command import program
from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import DepthImage, SizePx
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.core.local_info import LocalModel
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.mapping.measured_depth import DepthImages
from vpr_ros.maps.local_codec import LocalLayout, encode
from vpr_ros.maps.local_entry import LocalEntry
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
        earlier: what the manifest of that map says.
        depth_images: reads depths where the recording has some.
    """

    model: LocalModel
    layout: LocalLayout
    base: Mapping[str, npt.NDArray[Any]] | None
    refines: bool = False
    earlier: LocalEntry | None = None
    depth_images: DepthImages = field(default_factory=DepthImages)

    @classmethod
    def of(cls, model: LocalModel, config: BuildConfig, base: PlaceMap | None) -> LocalPart:
        """The part of a build with *model*.

        Raises:
            MapError: the map that is added to has other ones, or none.
            ConfigError: not one fits into the bytes that a frame may have.
        """
        if base is not None:
            check_base(base, model)
        if base is None or base.local is None:
            fitting = LocalLayout.within(config.local_bytes, model.info.keypoints, model.info.dim, config.local_bits)
            return cls(model, fitting, None, config.refine_intrinsics)
        entry, folder = base.local.entry, base.path / LOCAL_NAME
        layout = entry.layout
        rows = {name: map_array(folder / name, (len(base), *row), kind) for name, (row, kind) in layout.rows.items()}
        return cls(model, layout, rows, config.refine_intrinsics, entry)

    def rows(
        self, features: LocalFeatures, size_px: SizePx, load_depth_m: Callable[[], DepthImage] | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """The rows of one image of this width and height, by file name, with the depths that its depth image gives."""
        depth_m = None
        if load_depth_m is not None and len(features):
            depth_m = self.depth_images.depths_m(load_depth_m, features.keypoints_px, *size_px)
        return encode(self.layout, features, *size_px, depth_m)


def local_folder(partial: Path) -> Path:
    """Where the files lie."""
    return partial / LOCAL_NAME


def check_base(base: PlaceMap, model: LocalModel | None) -> None:
    """Refuse to add to a map what *model* finds, or a session without where it is None.

    Raises:
        MapError: the map has local features of another model, or none, or some.
    """
    found = None if base.local is None else base.local.entry
    if base.local is not None and model is not None and model.sha256 == base.local.sha256:
        base.local.check_model(model.sha256, model.info)
        return
    if found is None and model is None:
        return
    again = f"`{program('build_map')} SOURCE --output {shlex.quote(str(base.path))} --overwrite`"
    if found is None:
        raise MapError(
            f"map {base.path} has no local features, the new session was to have some",
            "Leave --local-model out, or add --no-local where --model gives them; or give the map some first, from the "
            f"recordings it was built from: `{program('build_map')} RECORDING --output {shlex.quote(str(base.path))} "
            "--add-local` with --local-model",
        )
    offered = "none" if model is None else f"{model.info.name} {model.info.version}, {model.sha256[:12]}..."
    raise MapError(
        f"map {base.path} has local features of {found.name} {found.version}, {found.sha256[:12]}..., "
        f"the new session {offered}",
        "Give the model they are of with --local-model (where --model gives them itself, leave --no-local out), or "
        f"build the whole map again without: {again} with --no-local; --add-local --overwrite gives the map those of "
        "another model",
    )
