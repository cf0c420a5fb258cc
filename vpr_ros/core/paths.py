# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Paths as a user, a parameter or a launch file names them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vpr_ros.core.errors import ConfigError

LONGEST_SHOWN: Final = 100


def user_path(name: str | Path, what: str) -> Path:
    """The path that *name* means, with ``~`` and ``~user`` followed; whether anything is there is not asked.

    Args:
        name: as it was given.
        what: is called so, e.g. "the map".

    Raises:
        ConfigError: no path (a NUL byte, too long), the home of nobody, or a folder on the way that may not be read.
    """
    shown = str(name) if len(str(name)) <= LONGEST_SHOWN else f"{str(name)[:LONGEST_SHOWN]}..."
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"{what} {shown} begins with the home folder of a user this machine does not know", "Write the path in full"
        ) from error
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"{what} {shown!r} is no path that can be opened ({reason})", "Check the path and who may read it"
        ) from error
    return path
