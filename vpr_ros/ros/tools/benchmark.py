# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``benchmark``: what this package costs on this machine, beside the bare network and search."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.disk import write_text
from vpr_ros.core.errors import ConfigError
from vpr_ros.inference import open_extractor
from vpr_ros.maps import PlaceMap
from vpr_ros.ros.node_process import ros_running, without_ros_arguments
from vpr_ros.ros.tools.benchmark_building import BuildingResult, measure_building
from vpr_ros.ros.tools.benchmark_frames import FirstFrames, simulated_recording
from vpr_ros.ros.tools.benchmark_latency import STREAM_HZ, LatencyResult, measure_latency
from vpr_ros.ros.tools.dds_profile import use_dds_profile
from vpr_ros.sources import SourceOptions, open_source

EXAMPLE = """  %(prog)s
  %(prog)s --source drive.mcap --frames 200 --json benchmark.json"""
FEWEST_FRAMES: Final = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_benchmark, sys.argv[1:] if argv is None else argv)


def build_parser() -> CommandParser:
    """The command line without ROS's own arguments."""
    parser = CommandParser("benchmark", __doc__ or "", EXAMPLE)
    parser.add_argument("--source", type=Path, metavar="PATH", help="recording with poses (default: a simulated drive)")
    parser.add_argument("--poses", type=Path, metavar="FILE", help="trajectory of the recording")
    parser.add_argument("--model", type=Path, metavar="M.onnx", help="default: the shipped vpr_nano")
    parser.add_argument("--frames", type=int, default=200, metavar="N", help="how many images (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    return parser


def _benchmark(argv: Sequence[str]) -> None:
    options = build_parser().parse_args(without_ros_arguments(argv))
    if options.frames < FEWEST_FRAMES:
        raise ConfigError(f"--frames is {options.frames}, expected at least {FEWEST_FRAMES}", "Leave it at its default")
    use_dds_profile()
    extractor = open_extractor(options.model)
    with tempfile.TemporaryDirectory(prefix="vpr_benchmark_") as folder:
        source = FirstFrames(_source(options, Path(folder)), options.frames)
        building = measure_building(source, extractor, Path(folder) / "map")
        place_map = PlaceMap.open(Path(folder) / "map")
        with ros_running(["benchmark", *argv]):
            latency = measure_latency(source.images(), place_map, extractor, options.model)
    report = to_report(latency, building, f"{extractor.info.name} {extractor.info.version}", extractor.provider)
    print("\n".join([source.description, *to_lines(report)]))
    if options.json is not None:
        write_text(options.json, json.dumps(report, indent=2) + "\n", ConfigError)


def _source(options: argparse.Namespace, folder: Path) -> Any:
    if options.source is not None:
        return open_source(options.source, SourceOptions(poses=options.poses))
    print(f"recording {options.frames} images of a simulated drive ...", file=sys.stderr)
    return simulated_recording(folder, options.frames)


def to_report(latency: LatencyResult, building: BuildingResult, model: str, provider: str) -> dict[str, Any]:
    """Everything measured, as JSON can hold it."""
    return {
        "machine": {
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)),
            "load_1min": os.getloadavg()[0],
            "python": platform.python_version(),
            "onnxruntime": onnxruntime.__version__,
        },
        "model": model,
        "provider": provider,
        "node_ms": _quantiles(latency.node_ms),
        "bare_ms": _quantiles(latency.bare_ms),
        "node_over_bare": latency.ratio,
        "images": len(latency.node_ms),
        "stream_age_ms": {**_quantiles(latency.stream_age_ms), "max": float(latency.stream_age_ms.max())},
        "stream_age_over_bare": latency.age_ratio,
        "streamed": latency.streamed,
        "stream_answered": len(latency.stream_age_ms),
        "node_stages": latency.node_stages,
        "build_hz": building.build_hz,
        "bare_build_hz": building.bare_hz,
        "build_over_bare": building.ratio,
        "map_frames": building.frames,
    }


def to_lines(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    machine, node, bare = report["machine"], report["node_ms"], report["bare_ms"]
    age = report["stream_age_ms"]
    answered = f"{report['stream_answered']} of {report['streamed']}"
    return [
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load_1min']:.1f}, "
        f"onnxruntime {machine['onnxruntime']}, {report['model']} on {report['provider']}",
        "",
        f"{'image to pose':34s}{'p50':>9s}{'p95':>9s}",
        f"{'  node, over DDS':34s}{node['p50']:>6.1f} ms{node['p95']:>6.1f} ms",
        f"{'  bare session + faiss':34s}{bare['p50']:>6.1f} ms{bare['p95']:>6.1f} ms",
        f"{'  node / bare':34s}{report['node_over_bare']:>9.2f}",
        "",
        f"{f'a camera at {STREAM_HZ:g} Hz':34s}{'p50':>9s}{'p95':>9s}",
        f"{'  age of the pose':34s}{age['p50']:>6.1f} ms{age['p95']:>6.1f} ms   at most {age['max']:.1f} ms",
        f"{'  age (p95) / bare':34s}{report['stream_age_over_bare']:>9.2f}",
        f"{'  images answered':34s}{answered:>14s}",
        "",
        "map building",
        f"{'  build_map':34s}{report['build_hz']:>6.1f} images/s",
        f"{'  decode + bare session':34s}{report['bare_build_hz']:>6.1f} images/s",
        f"{'  build_map / bare':34s}{report['build_over_bare']:>9.2f}",
    ]


def _quantiles(milliseconds: Any) -> dict[str, float]:
    return {"p50": float(np.quantile(milliseconds, 0.5)), "p95": float(np.quantile(milliseconds, 0.95))}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
