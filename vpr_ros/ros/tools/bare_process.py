# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The bare loop as a process of its own, as fresh as the node's. No ROS.

In a process that has built maps and decoded images before, the same network takes up to a third longer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final

import numpy as np

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.option_arguments import add_option, config_from
from vpr_ros.inference import InferenceOptions, open_extractor
from vpr_ros.maps import PlaceMap
from vpr_ros.ros.tools.benchmark_bare import BareSearch, BareVerification, open_models

REPORT: Final = b"report\n"
"""Asked in place of an image: what ``BareVerification.report`` says."""


class BareProcess:
    """Gives images to a process that answers them with the milliseconds of each stage; a context."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """Start it; for *arguments* see ``arguments``."""
        command = [sys.executable, "-m", __name__, *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> BareProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def __call__(self, image_rgb: ImageRgb) -> dict[str, float]:
        """Milliseconds of each stage of an image, by the node's names.

        Raises:
            ConfigError: the process ended.
        """
        height, width = image_rgb.shape[:2]
        return self._asked(f"{height} {width}\n".encode() + image_rgb.tobytes())

    def report(self) -> dict[str, Any]:
        """See ``BareVerification.report``.

        Raises:
            ConfigError: the process ended.
        """
        return self._asked(REPORT)

    def _asked(self, question: bytes) -> dict[str, Any]:
        into, out = self._process.stdin, self._process.stdout
        assert into is not None and out is not None
        try:
            into.write(question)
            into.flush()
        except BrokenPipeError:
            pass  # it has ended, and says nothing
        if not (line := out.readline()):
            raise ConfigError("the process of the bare loop ended", "Read above what it says")
        answer: dict[str, Any] = json.loads(line)
        return answer


def arguments(
    place_map: Path, model: Path | None, local_model: Path | None, buffers: str, *, verify: bool
) -> list[str]:
    """What a ``BareProcess`` is started with: to search *place_map*, and to *verify* candidates by local features."""
    named = {"--map": place_map, "--model": model, "--local-model": local_model, "--buffers": buffers}
    said = [str(part) for name, value in named.items() if value is not None for part in (name, value)]
    return [*said, "--verify"] if verify else said


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_answer, sys.argv[1:] if argv is None else argv)


def _answer(argv: Sequence[str]) -> None:
    parser = CommandParser("bare_process", __doc__ or "", "  %(prog)s --map MAP")
    for name in ("--map", "--model", "--local-model"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--verify", action="store_true")
    add_option(parser, InferenceOptions, "buffers")
    options = parser.parse_args(argv)
    bare, asked = _bare(options), sys.stdin.buffer
    while header := asked.readline():
        said = bare.report() if header == REPORT else bare(_image(header, asked))
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def _bare(options: argparse.Namespace) -> BareSearch | BareVerification:
    how, place_map = config_from(InferenceOptions, options), PlaceMap.open(options.map)
    if not options.verify:
        return BareSearch(place_map, open_extractor(options.model, how))
    extractor, local = open_models(options.model, options.local_model, how)
    assert local is not None
    return BareVerification(place_map, extractor, local, place_map.manifest.cameras[0].intrinsics)


def _image(header: bytes, asked: BinaryIO) -> ImageRgb:
    height, width = map(int, header.split())
    return np.frombuffer(asked.read(3 * height * width), np.uint8).reshape(height, width, 3)


if __name__ == "__main__":
    sys.exit(main())
