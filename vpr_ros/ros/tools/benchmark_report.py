# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What ``benchmark`` measured, for files and for people."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from vpr_ros.ros.tools.benchmark_building import BuildingResult
from vpr_ros.ros.tools.benchmark_latency import STREAM_HZ, LatencyResult
from vpr_ros.ros.tools.benchmark_stages import stage_lines, to_stages


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
        **latency_report(latency),
        **_building_report(building),
        "build_without_local": building.without_local and _building_report(building.without_local),
        "map_frames": building.frames,
        "verification": None,
        "filter_ms": None,
    }


def _building_report(building: BuildingResult) -> dict[str, Any]:
    return {
        "build_hz": building.build_hz,
        "bare_build_hz": building.bare_hz,
        "build_over_bare": building.ratio,
        "describing_hz": building.describing_hz,
        "beside_embedding": building.beside_embedding,
    }


def latency_report(latency: LatencyResult) -> dict[str, Any]:
    """How long answers took."""
    return {
        "node_ms": _quantiles(latency.node_ms),
        "floor_ms": _quantiles(latency.floor_ms),
        "bare_ms": _quantiles(latency.bare_ms),
        "node_over_bare": latency.ratio,
        "node_over_bare_and_floor": latency.floor_ratio,
        "images": len(latency.node_ms),
        "stream_age_ms": {**_quantiles(latency.stream_age_ms), "max": float(latency.stream_age_ms.max())},
        "stream_age_over_bare": latency.age_ratio,
        "streamed": latency.streamed,
        "stream_answered": len(latency.stream_age_ms),
        "node_stages": latency.node_stages,
        "stages": to_stages(latency.node_stages, float(np.median(latency.node_ms)), latency.bare_stages),
    }


def to_lines(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    machine, verified, without = report["machine"], report["verification"], report["build_without_local"]
    how = "image to pose" if verified is None else "image to pose, nothing verified"
    return [
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load_1min']:.1f}, "
        f"onnxruntime {machine['onnxruntime']}, {report['model']} on {report['provider']}",
        *_latency_lines(report, how, "bare session + faiss"),
        *([] if verified is None else _verification_lines(verified)),
        *_building_lines(report, "" if verified is None else ", with local features"),
        *([] if without is None else _building_lines(without, ", without local features")),
        *(_filter_lines(report["filter_ms"]) if report["filter_ms"] else []),
    ]


def _latency_lines(report: dict[str, Any], how: str, beside: str) -> list[str]:
    node, bare, age = report["node_ms"], report["bare_ms"], report["stream_age_ms"]
    floor = report["floor_ms"]
    answered = f"{report['stream_answered']} of {report['streamed']}"
    return [
        "",
        f"{how:34s}{'p50':>9s}{'p95':>9s}",
        f"{'  node, over DDS':34s}{node['p50']:>6.1f} ms{node['p95']:>6.1f} ms",
        f"{f'  {beside}':34s}{bare['p50']:>6.1f} ms{bare['p95']:>6.1f} ms",
        f"{'  an empty node, over DDS (floor)':34s}{floor['p50']:>6.1f} ms{floor['p95']:>6.1f} ms",
        f"{'  node / bare':34s}{report['node_over_bare']:>9.2f}",
        f"{'  node / (bare + floor)':34s}{report['node_over_bare_and_floor']:>9.2f}",
        "",
        *stage_lines(report["stages"]),
        "",
        f"{f'a camera at {STREAM_HZ:g} Hz':34s}{'p50':>9s}{'p95':>9s}",
        f"{'  age of the pose':34s}{age['p50']:>6.1f} ms{age['p95']:>6.1f} ms   at most {age['max']:.1f} ms",
        f"{'  age (p95) / bare':34s}{report['stream_age_over_bare']:>9.2f}",
        f"{'  images answered':34s}{answered:>14s}",
    ]


def _verification_lines(report: dict[str, Any]) -> list[str]:
    """Of candidates by local features."""
    bare = report["verify_ms"]
    found = f"{report['candidates']:.0f} candidates, {report['features']:.0f} features"
    return [
        *_latency_lines(report, "image to pose, verified", "the same without ROS"),
        "",
        f"{f'verification of {found}':34s}",
        f"{'  without ROS':34s}{bare['p50']:>6.1f} ms{bare['p95']:>6.1f} ms",
        f"{'  images with a geometric pose':34s}{100 * report['geometric_poses']:>6.0f} %",
        f"{'  local features in the map':34s}{report['bytes_per_map_frame']:>6.0f} bytes/frame",
        f"{'  network for the descriptor':34s}{report['descriptor_ms']:>6.1f} ms",
        f"{'  network with local features':34s}{report['with_local_ms']:>6.1f} ms, "
        f"{100 * report['local_share']:.0f} % of it for them",
    ]


def _building_lines(report: dict[str, Any], what: str) -> list[str]:
    return [
        "",
        f"map building{what}",
        f"{'  build_map':34s}{report['build_hz']:>6.1f} images/s",
        f"{'  decode + bare session':34s}{report['bare_build_hz']:>6.1f} images/s",
        f"{'  build_map / bare':34s}{report['build_over_bare']:>9.2f}",
        f"{'  while it decodes and describes':34s}{report['describing_hz']:>6.1f} images/s",
        f"{'  its time beside that':34s}{100 * report['beside_embedding']:>6.0f} %",
    ]


def _filter_lines(growth: dict[str, dict[str, float]]) -> list[str]:
    rows = [
        f"{f'  {int(frames)} frames':34s}{ms['p50']:>6.2f} ms{ms['p95']:>6.2f} ms   opened in {ms['open']:.0f} ms"
        for frames, ms in growth.items()
    ]
    return ["", f"{'filter, an image':34s}{'p50':>9s}{'p95':>9s}", *rows]


def _quantiles(milliseconds: Any) -> dict[str, float]:
    return {"p50": float(np.quantile(milliseconds, 0.5)), "p95": float(np.quantile(milliseconds, 0.95))}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
