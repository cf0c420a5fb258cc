# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One ONNX Runtime session of a network that takes a batch of images and gives named outputs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import onnxruntime

from vpr_ros.core.errors import ModelError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.inference.bound_run import BoundRun
from vpr_ros.inference.gpu_libraries import check_libraries
from vpr_ros.inference.network_part import network_part
from vpr_ros.inference.options import CPU

INPUT = "image"
FATAL_ONLY = 4
Own = TypeVar("Own", bound="OnnxSession")
_NUMBERS = frozenset(f"tensor({kind})" for kind in ("float", "float16", "double", "int8", "uint8", "int32", "int64"))
_WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"


class OnnxSession:
    """A session that runs; what its network is for, whoever derives from it checks.

    Attributes:
        path: the ONNX file.
        provider: execution provider that runs it.
        fixed_batch: images the network takes at once; 0 for any number.
        max_batch: the same, or fewer.

    Args:
        path: see the attribute.
        provider: see the attribute; those after it in preference stay behind it for operators it lacks.
        provider_options: options of *provider*.
        threads: see ``InferenceOptions``.
        max_batch: images the network takes at once; 0 for any number.
        config: further entries of the session's configuration.
        only: outputs; what other ones alone need is not loaded. None: the whole network.

    Raises:
        ModelError: not an ONNX model, or not runnable here.
    """

    def __init__(
        self,
        path: Path,
        provider: str,
        provider_options: Mapping[str, str],
        threads: int,
        max_batch: int = 0,
        config: Mapping[str, str] | None = None,
        only: Sequence[str] | None = None,
    ) -> None:
        check_libraries(provider)
        onnxruntime.disable_telemetry_events()  # the environment says so too, but not to a runtime imported before us
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = FATAL_ONLY
        # A spinning pool answers a little sooner and burns the cores that the rest of the robot needs.
        part = None if only is None else network_part(path, only)
        beside = {} if part is None else {_WEIGHTS_FOLDER: str(path.absolute().parent)}
        for key, value in {"session.intra_op.allow_spinning": "0", **beside, **(config or {})}.items():
            options.add_session_config_entry(key, value)
        chain: list[Any] = [(provider, dict(provider_options))]
        if provider != CPU:
            chain.append(CPU)
        try:
            # Without the fall-back of its own, that is: it prints two screens and takes the CPU.
            self._session = onnxruntime.InferenceSession(part or str(path), options, providers=chain, enable_fallback=0)
        except Exception as error:  # ONNX Runtime raises a class of its own per status code
            raise ModelError(
                f"ONNX Runtime cannot load {path} on {provider}: {_first_line(error)}",
                _load_remedy(str(error), provider),
            ) from error
        if provider not in self._session.get_providers():
            raise ModelError(f"{provider} is installed but does not start here", _remedy(provider))
        self.path, self.provider = path, provider
        self.fixed_batch, self.max_batch = 0, max_batch
        self._one_image: BoundRun | None = None
        self._check()

    def _check(self) -> None:
        """Compare what runs with what its file says it is for; nothing is asked of a network without a purpose.

        Raises:
            ModelError: it is another one.
        """

    def metadata(self, key: str) -> str | None:
        """The entry *key* of the file's ``metadata_props``; None where it has none."""
        text = self._session.get_modelmeta().custom_metadata_map.get(key)
        return None if text is None else str(text)

    @property
    def output_shapes(self) -> dict[str, list[int | str | None]]:
        """Name of every output -> its shape as far as the file says it: a number, the name of a free size, or None."""
        return {output.name: list(output.shape) for output in self._session.get_outputs()}

    def check_ends(self, outputs: Sequence[str]) -> list[int | str | None]:
        """Take note of how many images the network takes at once; returns the shape of its input.

        Raises:
            ModelError: it has another input than one batch of images, or one of the *outputs* is missing or no numbers.
        """
        inputs = {i.name: i for i in self._session.get_inputs()}
        found = self.output_shapes
        if set(inputs) != {INPUT} or not set(outputs) <= set(found):
            raise ModelError(
                f"{self.path} has inputs {sorted(inputs)} and outputs {sorted(found)}, expected {INPUT!r} and "
                f"{', '.join(map(repr, outputs))}",
                "Export the model with `export_model`",
            )
        if inputs[INPUT].type != "tensor(float)":
            raise ModelError(
                f"{self.path} takes {inputs[INPUT].type}, expected tensor(float): images come as float32",
                "Export it with float32 input and output, as `export_model` does (keep_io_types elsewhere)",
            )
        kinds = {output.name: output.type for output in self._session.get_outputs() if output.name in outputs}
        if odd := {name: kind for name, kind in kinds.items() if kind not in _NUMBERS}:
            raise ModelError(
                f"{self.path} gives {', '.join(f'{name} as {kind}' for name, kind in odd.items())}, expected numbers",
                "Export it with float32 input and output, as `export_model` does (keep_io_types elsewhere)",
            )
        shape: list[int | str | None] = list(inputs[INPUT].shape)
        self.fixed_batch = shape[0] if shape and isinstance(shape[0], int) else 0
        self.max_batch = self.fixed_batch or self.max_batch
        return shape

    def run_outputs(self, batch: npt.NDArray[np.float32], outputs: Sequence[str]) -> list[npt.NDArray[Any]]:
        """(B, 3, H, W) float32 -> the named *outputs*, each with B rows, in one run of the network.

        Raises:
            ModelError: the runtime failed, or the network gives something else than one row per image.
        """
        try:
            if self.fixed_batch > len(batch) or 0 < self.max_batch < len(batch):
                return self._run_in_pieces(batch, outputs)
            return self._run(batch, outputs)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(
                f"the model failed on {self.provider}: {_first_line(error)}", _run_remedy(str(error), self.provider)
            ) from error

    def with_buffers(self: Own, runs: OnnxSession, on_failure: Callable[[str], None]) -> Own:
        """This session, whose single images run in buffers made once.

        Args:
            runs: what runs them: this session, or one of the same file with other options.
            on_failure: see ``BoundRun``; what fails in buffers runs without them, then and from then on.

        Raises:
            ModelError: it takes more than one image at once, or does not say how large; or the runtime failed.
        """
        image = self._session.get_inputs()[0].shape[1:]
        if self.fixed_batch > 1 or not all(isinstance(size, int) for size in image):
            raise ModelError(f"{self.path} does not take single images of one size", "Export it with `export_model`")
        given, names = np.zeros((1, *image), np.float32), list(self.output_shapes)
        bound = copy.copy(self)
        try:
            found = dict(zip(names, self.run_outputs(given, names), strict=True))
            bound._one_image = BoundRun(runs._session, self.provider, {INPUT: given}, found, on_failure)
        except ModelError:
            raise
        except Exception as error:  # ONNX Runtime raises a class of its own per status code
            raise ModelError(f"no buffers on {self.provider}: {_first_line(error)}", _remedy(self.provider)) from error
        return bound

    @property
    def is_bound(self) -> bool:
        """Whether single images run in buffers made once."""
        return self._one_image is not None and not self._one_image.failed

    def _computed(self, batch: npt.NDArray[np.float32], outputs: Sequence[str]) -> list[npt.NDArray[Any]]:
        if self._one_image is not None and self._one_image.fits(INPUT, batch):
            found = self._one_image({INPUT: batch}, outputs)
            if found is not None:
                return found
        return list(self._session.run(list(outputs), {INPUT: batch}))

    def _run(self, batch: npt.NDArray[np.float32], outputs: Sequence[str]) -> list[npt.NDArray[Any]]:
        found = self._computed(batch, outputs)
        for rows in found:
            if rows.shape[:1] != (len(batch),):
                raise ModelError(
                    f"the model {self.path.name} gave an output of shape {rows.shape} for {len(batch)} images, "
                    f"expected {(len(batch), *rows.shape[1:])}",
                    "Export a network that gives one row per image, and describe it with `describe_model`",
                )
        return found

    def _run_in_pieces(self, batch: npt.NDArray[np.float32], outputs: Sequence[str]) -> list[npt.NDArray[Any]]:
        pieces = []
        for start in range(0, len(batch), self.max_batch):
            piece = batch[start : start + self.max_batch]
            missing = max(0, self.fixed_batch - len(piece))
            padded = np.concatenate([piece, np.repeat(piece[-1:], missing, axis=0)])
            pieces.append([rows[: len(piece)] for rows in self._run(padded, outputs)])
        return [np.concatenate(rows) for rows in zip(*pieces, strict=True)]


def size_misfit(shape: list[int | str | None], preprocessing: Preprocessing) -> bool:
    """Whether the *shape* (B, 3, H, W) of an input contradicts what it is to be given."""
    wanted = [3, preprocessing.height_px, preprocessing.width_px]
    wrong = [w for w, found in zip(wanted, shape[1:], strict=False) if isinstance(found, int) and found != w]
    return len(shape) != len(wanted) + 1 or bool(wrong)


def _load_remedy(message: str, provider: str) -> str:
    low = message.lower()
    if any(sign in low for sign in ("external data", "external initializer", "no such file or directory")):
        return "Put the model's data file beside it, or export it as one file with `export_model`"
    if "epcontext" in low:
        return "It holds an engine prebuilt for another runtime: give the .onnx file that it was made of"
    if "opset" in low or "ir_version" in low or "ir version" in low:
        return "Update onnxruntime, or export the model with an older opset"
    if "not_implemented" in low or "could not find an implementation" in low or "is not a registered" in low:
        return "Update onnxruntime, or export the model without this operator"
    if provider != CPU:
        return _remedy(provider)
    return "Check that the file is a whole ONNX model, or export it again with `export_model`"


def _run_remedy(message: str, provider: str) -> str:
    low = message.lower()
    if any(sign in low for sign in ("out of memory", "bad_alloc", "failed to allocate", "cudaerrormemoryallocation")):
        return "Free memory on the device, use a smaller model, or choose another provider"
    if provider != CPU:
        return f"Try it without {provider} in the providers; if it fails there too, export the model again"
    return "Export the model again with `export_model`, whose gate runs it on real images"


def _remedy(provider: str) -> str:
    if provider == CPU:
        return "Install onnxruntime again"
    return "Check the driver, CUDA, cuDNN and TensorRT versions that this onnxruntime-gpu was built for"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
