# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a build works with: a recording, a model, the map it is added to, and what follows, found out once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

from vpr_ros.core.errors import ConfigError, MapError, SourceError
from vpr_ros.core.frames import CameraMount, FrameRecord, FrameSource, GeoDatum, PositionSigma
from vpr_ros.core.local_info import LocalModel
from vpr_ros.core.model_info import Extractor
from vpr_ros.core.mount import mount_problem
from vpr_ros.core.pose import Pose, PositionM
from vpr_ros.mapping.append_base import in_base_frame, merge_cameras, open_base
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.mapping.build_inputs import Inputs, build_inputs, inputs_sha256
from vpr_ros.mapping.local_part import LocalPart, check_base
from vpr_ros.mapping.origin import choose_origin
from vpr_ros.mapping.usable_frames import UsableFrames
from vpr_ros.maps.descriptor_file import DtypeName
from vpr_ros.maps.frame_table import FrameRow
from vpr_ros.maps.manifest_parts import SessionEntry
from vpr_ros.maps.place_map import PlaceMap


@dataclass(frozen=True, eq=False)
class BuildSession:
    """One recording that becomes a map, or another session of one. What is derived is derived when it is asked for.

    Attributes:
        source: frames with poses.
        extractor: the model.
        config: see ``BuildConfig``.
        output: where the map stands, or will.
        append: whether it is added to the map there.
        local_model: finds local features; None: the map gets none.
    """

    source: FrameSource
    extractor: Extractor
    config: BuildConfig
    output: Path
    append: bool = False
    local_model: LocalModel | None = None

    @cached_property
    def inputs(self) -> Inputs:
        """What tells this build from another; reads the whole source, but no image."""
        return build_inputs(self.source, self.extractor, self.config, self.output, self.append, self.local_model)

    @cached_property
    def local(self) -> LocalPart | None:
        """What is known of the map's local features.

        Raises:
            MapError, ConfigError: see ``check_base`` and ``LocalPart.of``.
        """
        if self.local_model is not None:
            return LocalPart.of(self.local_model, self.config, self.base)
        if self.base is not None:
            check_base(self.base, None)
        if self.config.refine_intrinsics:
            raise ConfigError(
                "--refine-intrinsics fits intrinsics to local features, and this map gets none",
                "Give a model of local features with --local-model, or leave --refine-intrinsics out",
            )
        return None

    @cached_property
    def usable(self) -> UsableFrames:
        """The records that enter the map."""
        return UsableFrames(self.source, self.config)

    @cached_property
    def base(self) -> PlaceMap | None:
        """The map that is added to.

        Raises:
            MapError: see ``open_base``.
        """
        if not self.append:
            return None
        return open_base(self.output, self.extractor, self.config, self.source.map_frame_id, self.source.datum)

    @cached_property
    def origin_m(self) -> PositionM | None:
        """Where the map's zero lies in the coordinates of its recordings; None: it has theirs.

        Raises:
            MapError: see ``choose_origin``.
        """
        return choose_origin(self.usable, self.config, self.base)

    @property
    def cameras(self) -> tuple[CameraMount, ...]:
        """Those of the map, this session's included."""
        return self._merged_cameras[0]

    @property
    def earlier(self) -> tuple[SessionEntry, ...]:
        """The sessions before this one."""
        return self.base.manifest.sessions if self.base else ()

    @property
    def datum(self) -> GeoDatum | None:
        """That of the map."""
        return self.base.manifest.datum if self.base else self.source.datum

    @property
    def dtype(self) -> DtypeName:
        """Of the descriptors on disk."""
        return cast(DtypeName, self.base.manifest.dtype) if self.base else self.config.dtype

    def check_mounts(self) -> None:
        """Refuse cameras where none can be.

        Raises:
            SourceError: which one, and what is wrong.
        """
        for camera in self.source.cameras.values():
            if camera.T_base_camera is not None and (problem := mount_problem(camera.T_base_camera)):
                raise SourceError(
                    f"{self.source.description}: the place of camera {camera.name} on the robot {problem}",
                    "Correct the transform from the base to the camera where the recording has it (TF, or sensor.yaml)",
                )

    def row(self, record: FrameRecord) -> FrameRow:
        """The line of a usable record in the map's table."""
        T_map_base = in_base_frame(cast(Pose, record.T_map_base), self.source.datum, self.datum)
        number, camera = len(self.earlier), self._merged_cameras[1][record.camera]
        return FrameRow(record.stamp_ns, number, camera, T_map_base.seen_from(self.origin_m), record.name)

    def check_cameras_of(self, rows: Sequence[FrameRow]) -> None:
        """Refuse *rows* of an interrupted build in which this session's cameras had other numbers.

        Raises:
            MapError: they had, for a calibration or a mount was changed since.
        """
        if not {row.camera for row in rows} <= set(self._merged_cameras[1].values()):
            raise MapError(
                f"the cameras of {self.source.description} sat or saw otherwise when the interrupted build was begun",
                "Put their calibration back, or start again with --overwrite instead of --resume, beside --append",
            )

    def entry(self, created_utc: str, frames: int, skipped: Counter[str]) -> SessionEntry:
        """What the manifest says of this session."""
        return SessionEntry(
            self.source.description,
            created_utc,
            frames,
            tuple(self.source.cameras),
            dict(skipped),
            inputs_sha256(self.inputs),
            self.source.map_frame_id,
            self.position_sigma,
        )

    @property
    def position_sigma(self) -> PositionSigma | None:
        """Of this session's positions: as somebody says, else as the recording does."""
        said_m = self.config.position_sigma_m
        if said_m is not None:
            return PositionSigma(said_m, said_m)
        known: PositionSigma | None = getattr(self.source, "position_sigma", None)
        return known

    @cached_property
    def _merged_cameras(self) -> tuple[tuple[CameraMount, ...], dict[str, int]]:
        return merge_cameras(self.base.manifest.cameras if self.base else (), self.source.cameras)
