# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A folder of results that is either whole or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vpr_ros.core.disk import refusal, writing
from vpr_ros.core.errors import ConfigError

MARKER = "metrics.json"


def check_results_folder(path: Path) -> None:
    """Refuse to replace what is not an earlier result. Call before the long work.

    Raises:
        ConfigError: *path* is a file, a folder with other things in it, or nothing can be written there.
    """
    with writing(path, ConfigError):
        if path.is_dir():
            if not (path / MARKER).is_file() and any(path.iterdir()):
                raise ConfigError(f"{path} is not empty and holds no {MARKER}", "Give another --output, or empty it")
        elif path.exists():
            raise ConfigError(f"{path} is a file, expected a folder for the results", "Give another --output")
        _probe(path)


def _probe(path: Path) -> None:
    """Make and remove a folder where the results will be made; an ``OSError`` now is cheaper than after the work."""
    above = next(parent for parent in path.absolute().parents if parent.is_dir())
    tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=above).cleanup()


@contextmanager
def results_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside *path* that takes its place when the block ends well.

    An earlier result is moved aside first and deleted last, so that one of the two is always whole.

    Raises:
        ConfigError: the folder cannot be written, or see ``check_results_folder``.
    """
    check_results_folder(path)
    path = path.absolute()
    partial, old = (path.with_name(f".{path.name}.{what}-{os.getpid()}") for what in ("partial", "old"))
    try:
        partial.mkdir(parents=True)
        yield partial
        if path.exists():
            path.rename(old)
        partial.rename(path)
    except OSError as error:
        if old.exists() and not path.exists():
            old.rename(path)
        raise refusal(path, error, ConfigError) from error
    finally:
        for leftover in (partial, old) if path.exists() else (partial,):
            with suppress(OSError):
                shutil.rmtree(leftover)
