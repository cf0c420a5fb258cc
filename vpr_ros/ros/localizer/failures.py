# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Why an image got no answer at all: the names beside those of ``RejectionType``, which are of answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from vpr_ros.core.errors import FrameDecodeError, ModelError, NoDescriptorError
from vpr_ros.maps.remote.states import RemoteIndexError


class FailureType(Enum):
    """The names under which failures are published, counted and documented; they do not change."""

    NOT_ACTIVE = "not_active"
    NO_IMAGE = "no_image"
    IMAGE_UNREADABLE = "image_unreadable"
    NO_DESCRIPTOR = "no_descriptor"
    MODEL_FAILED = "model_failed"
    MODEL_STUCK = "model_stuck"
    INDEX_UNAVAILABLE = "index_unavailable"
    TOO_MANY_CALLERS = "too_many_callers"
    STOPPED = "stopped"
    OTHER = "other"


@dataclass(frozen=True)
class Failure:
    """Why there is no answer.

    Attributes:
        type: its name.
        said: what was found and what to do, in sentences.
    """

    type: FailureType
    said: str

    def __str__(self) -> str:
        """What ``~/localize`` says: scripts may read the name."""
        return f"failed ({self.type.value}): {self.said}"


OF_AN_IMAGE: Final = (
    FailureType.IMAGE_UNREADABLE,
    FailureType.NO_DESCRIPTOR,
    FailureType.MODEL_FAILED,
    FailureType.INDEX_UNAVAILABLE,
    FailureType.OTHER,
)
"""What ``failure_type`` gives, and the cameras count."""


def failure_type(error: BaseException) -> FailureType:
    """The type of an error that came instead of an answer."""
    if isinstance(error, FrameDecodeError):
        return FailureType.IMAGE_UNREADABLE
    if isinstance(error, NoDescriptorError):
        return FailureType.NO_DESCRIPTOR
    if isinstance(error, ModelError):
        return FailureType.MODEL_FAILED
    if isinstance(error, RemoteIndexError):
        return FailureType.INDEX_UNAVAILABLE
    return FailureType.OTHER
