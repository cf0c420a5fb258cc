# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What ``benchmark_train`` measured, for files and for people."""

from __future__ import annotations

from typing import Any

from vpr_ros.training.device_peak import DensePeak
from vpr_ros.training.throughput import Throughput


def throughput_report(result: Throughput, precision: str) -> dict[str, Any]:
    """Everything measured, as JSON can hold it; shares are null where the device's peak is unknown."""
    peak = result.peak
    return {
        "training_images_s": result.training_images_s,
        "bare_images_s": result.bare_images_s,
        "ratio": result.ratio,
        "device": result.device,
        "precision": precision,
        "gflops_per_image": 1e-9 * result.flops_per_image,
        "tflops": result.tflops,
        "dense_peak_tflops": None if peak is None else {k: v for k, v in peak._asdict().items() if v},
        "share_of_peak": {} if peak is None else {k: result.tflops / v for k, v in peak._asdict().items() if v},
    }


def throughput_lines(result: Throughput, precision: str) -> list[str]:
    """The report for people."""
    return [
        f"{result.device}, {precision}",
        f"data loading + step  {result.training_images_s:8.1f} images/s",
        f"bare step            {result.bare_images_s:8.1f} images/s",
        f"ratio                {result.ratio:8.3f}   (aim: 0.90 or more)",
        f"executed             {result.tflops:8.3f} TFLOP/s, loading included "
        f"({1e-9 * result.flops_per_image:.3g} GFLOP an image, forward and backward)",
        *_shares(result, result.peak),
    ]


def _shares(result: Throughput, peak: DensePeak | None) -> list[str]:
    if peak is None:
        return [f"share of dense peak   unknown   (no figure for {result.device!r})"]
    return [
        f"share of dense peak  {result.tflops / best:8.3f}   of {best:g} TFLOP/s in {name}"
        for name, best in peak._asdict().items()
        if best
    ]
