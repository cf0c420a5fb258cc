# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The shipped DDS profile for large images, for whoever publishes them: the publisher's segment carries the image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import vpr_ros

PROFILE: Final = "fastdds_large_images.xml"
PROFILE_VARIABLES: Final = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
OF_THE_USER: Final = (*PROFILE_VARIABLES, "FASTDDS_BUILTIN_TRANSPORTS")
FOUND_BY_FAST_DDS: Final = ("DEFAULT_FASTRTPS_PROFILES.xml", "DEFAULT_FASTDDS_PROFILES.xml")
"""Read from the working directory."""


def use_dds_profile() -> Path | None:
    """Set the shipped profile for this process and its children, unless the user has chosen one.

    An empty variable is a choice too: Fast DDS is left alone. To be called before ``rclpy.init``, which makes the
    participant.

    Returns:
        The profile, None where it was not set.
    """
    if any(name in os.environ for name in OF_THE_USER) or any(Path(name).exists() for name in FOUND_BY_FAST_DDS):
        return None
    for parent in Path(vpr_ros.__file__).resolve().parents:
        for file in (parent / "config" / PROFILE, parent / "share" / "vpr_ros" / "config" / PROFILE):
            if file.is_file():
                os.environ.update(dict.fromkeys(PROFILE_VARIABLES, str(file)))
                return file
    return None
