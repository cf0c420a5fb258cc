# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Give a session buffers of its own, and CUDA's launches as one graph, as far as that works and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vpr_ros.core.errors import ModelError, VprError
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.inference.options import BOUND, CPU, CUDA, GRAPH, NEW, EventLog, InferenceEvent
from vpr_ros.inference.probe import misfit
from vpr_ros.inference.session import ModelSession

MIN_COSINE = 0.9999
"""The same network on the same device: what differs is at most in which order it sums."""
_WAYS = {NEW: (), BOUND: (BOUND,), GRAPH: (GRAPH, BOUND)}
_REMEDY = f"Leave `buffers` at {NEW} if nobody needs to know"


def with_buffers(
    plain: ModelSession, wanted: str, reopen: Callable[[Mapping[str, str]], ModelSession], log: EventLog
) -> ModelSession:
    """The session *plain*, or one that runs single images in buffers made once and everything else as *plain* does.

    Each way is compared with *plain* on four images, one after the other, before it is used: a graph that replays an
    old image would show. What does not work or differs is said, and the next way is tried.

    Args:
        plain: opened and checked.
        wanted: see ``InferenceOptions.buffers``.
        reopen: opens the same file with further options of its provider.
        log: hears what became of it.
    """
    for way in _WAYS[wanted]:
        try:
            bound = _bound(plain, way, reopen, log)
        except VprError as error:
            log(InferenceEvent("fallback", plain.provider, f"buffers: {way} is not used: {error}"))
            continue
        how = "the launches of one image are replayed as a CUDA graph" if way == GRAPH else "buffers are made once"
        log(InferenceEvent("bound", plain.provider, f"{how}; more images at once run as before"))
        return bound
    return plain


def _bound(
    plain: ModelSession, way: str, reopen: Callable[[Mapping[str, str]], ModelSession], log: EventLog
) -> ModelSession:
    """One way of the two, compared.

    Raises:
        VprError: it does not work here, or gives something else.
    """
    able = (CUDA,) if way == GRAPH else (CUDA, CPU)
    if plain.provider not in able:
        raise ModelError(f"{plain.provider} has no such way, only {' and '.join(able)}", _REMEDY)

    def failed(reason: str) -> None:
        log(InferenceEvent("fallback", plain.provider, f"buffers: {way} failed and is not used any longer: {reason}"))

    bound = plain.with_buffers(reopen({"enable_cuda_graph": "1"}) if way == GRAPH else plain, failed)
    problem = misfit(OnnxExtractor(plain, ""), OnnxExtractor(bound, ""), f"{NEW} and {way} buffers", 1, MIN_COSINE)
    if problem:
        raise ModelError(problem, _REMEDY)
    if not bound.is_bound:
        raise ModelError("the comparison did not run in them", _REMEDY)
    return bound
