# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a model file says about its local features, and what finds them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final, Protocol

from vpr_ros.core.errors import ModelError
from vpr_ros.core.local_features import LocalExtractor
from vpr_ros.core.model_info import LONGEST_TEXT, described_fields, whole
from vpr_ros.core.preprocess import Preprocessing

LOCAL_KEY: Final = "vpr_ros.local"
"""Of the entry in the ONNX file's ``metadata_props``; a file may have the one of its descriptor beside it."""
LOCAL_VERSION: Final = 1
MOST_KEYPOINTS: Final = 1 << 14
LARGEST_LOCAL_DIM: Final = 1 << 12
MOST_LOCAL_NUMBERS: Final = 1 << 24
"""Of the descriptors of one image, 64 MiB: what compares them, and a batch of images, takes a multiple."""
_REMEDY: Final = "Write it again with `describe_model --local` of this version"


@dataclass(frozen=True)
class LocalInfo:
    """The ``vpr_ros.local`` entry of an ONNX file's ``metadata_props``, as JSON.

    Attributes:
        name, version: for people; together with the file's sha256 they name the model in a map.
        preprocessing: see ``Preprocessing``; keypoints are pixels of what it makes.
        keypoints: M, how many the network gives of one image; what it does not find has a score of 0 or less.
        dim: C of the descriptors (B, M, C).
    """

    name: str
    version: str
    preprocessing: Preprocessing
    keypoints: int
    dim: int

    def to_json(self) -> str:
        """Serialise for ``metadata_props``."""
        return json.dumps({"metadata_version": LOCAL_VERSION, **asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, origin: str) -> LocalInfo:
        """Parse the entry of the file called *origin*.

        Raises:
            ModelError: not JSON, a newer metadata version, or a field that is missing, unknown, or of another kind.
        """
        what = f"{origin}: the {LOCAL_KEY!r} metadata"
        fields = described_fields(text, what, LOCAL_VERSION, _REMEDY)
        try:
            info = cls(**fields)
            for name in ("name", "version"):
                value = fields[name]
                if not isinstance(value, str) or len(value) > LONGEST_TEXT:
                    raise TypeError(f"{name} is no text of at most {LONGEST_TEXT} characters")
            for name, most in (("keypoints", MOST_KEYPOINTS), ("dim", LARGEST_LOCAL_DIM)):
                if not 0 < whole(fields[name]) <= most:
                    raise ValueError(f"{name} is {str(fields[name])[:80]}, expected 1 to {most}")
            if info.keypoints * info.dim > MOST_LOCAL_NUMBERS:
                numbers = f"{info.keypoints} keypoints of {info.dim} numbers"
                raise ValueError(f"{numbers}, expected {MOST_LOCAL_NUMBERS} numbers at most")
        except (TypeError, KeyError, ValueError) as error:
            raise ModelError(f"{what} is incomplete ({error!r})", _REMEDY) from error
        return info


class LocalModel(LocalExtractor, Protocol):
    """A ``LocalExtractor`` that says what it is, as a map is built with."""

    @property
    def info(self) -> LocalInfo:
        """What the model says about itself."""
