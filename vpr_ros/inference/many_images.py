# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A model that is to describe many images, and not one as soon as it can: each core runs the network by itself."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import onnxruntime

from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.inference.open import open_extractor
from vpr_ros.inference.options import CPU, InferenceOptions


def open_for_many(
    model: Path | None, options: InferenceOptions, at_once: int, *, with_local: bool = False
) -> tuple[OnnxExtractor, InferenceOptions, int]:
    """Open *model* as ``open_extractor`` does, for throughput.

    On a CPU two runs beside each other, each on a core, are done sooner than one after the other on both, for threads
    of one run wait for each other; and no core is idle while an image is decoded.

    Args:
        model: the file, or None for the shipped one.
        options: see ``InferenceOptions``.
        at_once: at most so many images are in the network at a time, which bounds the memory that they take.
        with_local: see ``open_extractor``.

    Returns:
        the extractor, with what options it was opened, and how many runs of it are to go on beside each other.

    Raises:
        ConfigError, ModelError: see ``open_extractor``.
    """
    if any(provider != CPU and provider in onnxruntime.get_available_providers() for provider in options.providers):
        extractor = open_extractor(model, options, with_local=with_local)
        if extractor.provider != CPU:
            return extractor, options, 1
    cores = options.threads or len(os.sched_getaffinity(0))
    runs = min(cores, at_once)
    apart = replace(options, threads=cores - runs + 1)  # ONNX Runtime shares those beside the callers' among the runs
    extractor = open_extractor(model, apart, with_local=with_local)
    if extractor.provider == CPU and extractor.fixed_batch <= 1:
        return extractor, apart, runs
    # Smaller batches would be filled up to the one that the network insists on.
    return open_extractor(model, options, with_local=with_local), options, 1
