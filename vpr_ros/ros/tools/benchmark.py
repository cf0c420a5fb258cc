# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``benchmark``: what this package costs on this machine, beside the bare network, search and verification."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.disk import write_text
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import FrameSource
from vpr_ros.core.local_info import LocalModel
from vpr_ros.core.option_arguments import add_option, config_from
from vpr_ros.inference import InferenceOptions, open_extractor
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.ros.node_process import ros_running, without_ros_arguments
from vpr_ros.ros.tools.bare_process import BareProcess, arguments
from vpr_ros.ros.tools.benchmark_bare import measure_local_head, open_models
from vpr_ros.ros.tools.benchmark_building import BuildingResult, for_many, measure_building
from vpr_ros.ros.tools.benchmark_filter import measure_filter_growth
from vpr_ros.ros.tools.benchmark_frames import FirstFrames, simulated_recording
from vpr_ros.ros.tools.benchmark_latency import measure_latency
from vpr_ros.ros.tools.benchmark_report import latency_report, to_lines, to_report
from vpr_ros.ros.tools.dds_profile import use_dds_profile
from vpr_ros.sources import SourceOptions, open_source

EXAMPLE = """  %(prog)s
  %(prog)s --source drive.mcap --frames 200 --json benchmark.json
  %(prog)s --local-model keypoints.onnx   (verification too, where the model itself finds no keypoints)"""
FEWEST_FRAMES: Final = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_benchmark, sys.argv[1:] if argv is None else argv)


def build_parser() -> CommandParser:
    """The command line without ROS's own arguments."""
    parser = CommandParser("benchmark", __doc__ or "", EXAMPLE)
    parser.add_argument("--source", type=Path, metavar="PATH", help="recording with poses (default: a simulated drive)")
    parser.add_argument("--poses", type=Path, metavar="FILE", help="trajectory of the recording")
    parser.add_argument("--intrinsics", type=Path, metavar="FILE", help="of its camera, see build_map")
    parser.add_argument("--model", type=Path, metavar="M.onnx", help="default: the shipped vpr_nano")
    parser.add_argument(
        "--local-model", type=Path, metavar="L.onnx", help="finds local features (default: the model, if it gives any)"
    )
    add_option(parser, InferenceOptions, "buffers")
    parser.add_argument("--frames", type=int, default=200, metavar="N", help="how many images (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    return parser


def _benchmark(argv: Sequence[str]) -> None:
    options = build_parser().parse_args(without_ros_arguments(argv))
    if options.frames < FEWEST_FRAMES:
        raise ConfigError(f"--frames is {options.frames}, expected at least {FEWEST_FRAMES}", "Leave it at its default")
    use_dds_profile()
    how = config_from(InferenceOptions, options)
    extractor, local = open_models(options.model, options.local_model, how)
    alone = extractor if local is None else open_extractor(options.model, how)
    with tempfile.TemporaryDirectory(prefix="vpr_benchmark_") as folder:
        source, where = FirstFrames(_source(options, Path(folder)), options.frames), Path(folder) / "map"
        building = _building(source, (extractor, local, alone), options.local_model, how, where)
        images, camera = source.images(), next(iter(source.cameras.values()))
        named = {"model": options.model, "local_model": options.local_model, "buffers": options.buffers}
        asked = {"map": where, "cameras": json.dumps([camera.name]), **{key: it for key, it in named.items() if it}}
        with ros_running(["benchmark", *argv]):
            with BareProcess(arguments(where, **named, verify=False)) as bare:
                plain = measure_latency(images, bare, {**asked, "localizer.verify_candidates": 0})
            report = to_report(plain, building, f"{extractor.info.name} {extractor.info.version}", extractor.provider)
            if local is not None:
                with BareProcess(arguments(where, **named, verify=True)) as bare:
                    verified, found = measure_latency(images, bare, asked), bare.report()
                head = measure_local_head(images, extractor, local, alone)
                report["verification"] = {**latency_report(verified), **found, **head}
    report["filter_ms"] = measure_filter_growth()
    print("\n".join([source.description, *to_lines(report)]))
    if options.json is not None:
        write_text(options.json, json.dumps(report, indent=2) + "\n", ConfigError)


def _building(
    source: FrameSource,
    models: tuple[OnnxExtractor, LocalModel | None, OnnxExtractor],
    named: Path | None,
    how: InferenceOptions,
    where: Path,
) -> BuildingResult:
    """With local features and without, where there are any; the map with them stays at *where*."""
    extractor, local, alone = models
    building = measure_building(source, (extractor, local), for_many((extractor, local), named, how), where)
    if local is None:
        return building
    beside = where.with_name(f"{where.name}_without_local")
    without = measure_building(source, (alone, None), for_many((alone, None), None, how), beside)
    return replace(building, without_local=without)


def _source(options: argparse.Namespace, folder: Path) -> Any:
    if options.source is not None:
        return open_source(options.source, SourceOptions(poses=options.poses, intrinsics=options.intrinsics))
    print(f"recording {options.frames} images of a simulated drive ...", file=sys.stderr)
    return simulated_recording(folder, options.frames)


if __name__ == "__main__":
    sys.exit(main())
