"""One ONNX Runtime session of a place recognition model, checked against what the file says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from vpr_ros.core.command import program
from vpr_ros.core.errors import ModelError
from vpr_ros.core.model_info import METADATA_KEY, ModelInfo
from vpr_ros.inference.gpu_libraries import check_libraries
from vpr_ros.inference.options import CPU

INPUT, OUTPUT = "image", "descriptor"
FATAL_ONLY = 4


class ModelSession:
    """A session whose input, output and metadata are what the robot needs.

    Args:
        path: the ONNX file.
        provider: execution provider; those after it in preference stay behind it for operators it lacks.
        provider_options: options of *provider*.
        threads: see ``InferenceOptions``.
        max_batch: images the network takes at once; 0 for any number.
        config: further entries of the session's configuration.

    Raises:
        ModelError: not an ONNX model, not a place recognition model, without metadata, or not runnable here.
    """

    def __init__(
        self,
        path: Path,
        provider: str,
        provider_options: Mapping[str, str],
        threads: int,
        max_batch: int = 0,
        config: Mapping[str, str] | None = None,
    ) -> None:
        check_libraries(provider)
        onnxruntime.disable_telemetry_events()  # the environment says so too, but not to a runtime imported before us
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = FATAL_ONLY
        # A spinning pool answers a little sooner and burns the cores that the rest of the robot needs.
        for key, value in {"session.intra_op.allow_spinning": "0", **(config or {})}.items():
            options.add_session_config_entry(key, value)
        chain: list[Any] = [(provider, dict(provider_options))]
        if provider != CPU:
            chain.append(CPU)
        try:
            # Without the fall-back of its own, that is: it prints two screens and takes the CPU.
            self._session = onnxruntime.InferenceSession(str(path), options, providers=chain, enable_fallback=0)
        except Exception as error:  # ONNX Runtime raises a class of its own per status code
            raise ModelError(
                f"ONNX Runtime cannot load {path} on {provider}: {_first_line(error)}",
                _load_remedy(str(error), provider),
            ) from error
        if provider not in self._session.get_providers():
            raise ModelError(f"{provider} is installed but does not start here", _remedy(provider))
        self.provider = provider
        self.info = _read_info(self._session, path)
        self.fixed_batch = _check_shapes(self._session, self.info, path)
        self.max_batch = self.fixed_batch or max_batch

    def run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(B, 3, H, W) float32 -> (B, D) float32 as the network gives it.

        Raises:
            ModelError: the runtime failed, or the network gives something else than one row per image.
        """
        try:
            if self.fixed_batch > len(batch) or 0 < self.max_batch < len(batch):
                return self._run_in_pieces(batch)
            return self._run(batch)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(
                f"the model failed on {self.provider}: {_first_line(error)}", _run_remedy(str(error), self.provider)
            ) from error

    def _run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        output: npt.NDArray[np.float32] = self._session.run([OUTPUT], {INPUT: batch})[0]
        expected = (len(batch), self.info.descriptor_dim)
        if output.shape != expected:
            raise ModelError(
                f"the model {self.info.name} gave an output of shape {output.shape} for {len(batch)} images, expected "
                f"{expected}",
                "Export a network that gives one row per image, and describe it with `describe_model`",
            )
        return output

    def _run_in_pieces(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        rows = []
        for start in range(0, len(batch), self.max_batch):
            piece = batch[start : start + self.max_batch]
            missing = max(0, self.fixed_batch - len(piece))
            padded = np.concatenate([piece, np.repeat(piece[-1:], missing, axis=0)])
            rows.append(self._run(padded)[: len(piece)])
        return np.concatenate(rows)


def _read_info(session: onnxruntime.InferenceSession, path: Path) -> ModelInfo:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(
            f"{path} has no {METADATA_KEY!r} metadata, so its preprocessing is unknown",
            f"Add it with `{program('describe_model')} MODEL.onnx` (--help shows an example)",
        )
    info = ModelInfo.from_json(text, str(path))
    if info.cross_image not in ("none", "single"):
        raise ModelError(
            f"{path}: its descriptors depend on the other images of a batch (cross_image={info.cross_image!r})",
            "Export it with the cross-image encoder in single mode",
        )
    return info


def _check_shapes(session: onnxruntime.InferenceSession, info: ModelInfo, path: Path) -> int:
    """Compare inputs and outputs with the metadata; returns the fixed batch size, 0 where any will do."""
    inputs = {i.name: i for i in session.get_inputs()}
    outputs = {o.name: o for o in session.get_outputs()}
    if set(inputs) != {INPUT} or OUTPUT not in outputs:
        raise ModelError(
            f"{path} has inputs {sorted(inputs)} and outputs {sorted(outputs)}, expected {INPUT!r} and {OUTPUT!r}",
            "Export the model with `export_model`",
        )
    if inputs[INPUT].type != "tensor(float)":
        raise ModelError(
            f"{path} takes {inputs[INPUT].type}, expected tensor(float): images come as float32",
            "Export it with float32 input and output, as `export_model` does (keep_io_types elsewhere)",
        )
    wanted = [3, info.preprocessing.height_px, info.preprocessing.width_px]
    shape, rows_and_dim = inputs[INPUT].shape, outputs[OUTPUT].shape
    if len(rows_and_dim) != 2 or _contradict(shape[0], rows_and_dim[0]):
        raise ModelError(
            f"{path} gives an output of shape {rows_and_dim} for an input of shape {shape}, expected one row per image",
            "Export a network that gives one vector per image",
        )
    dim = rows_and_dim[-1]
    wrong_size = [w for w, found in zip(wanted, shape[1:], strict=False) if isinstance(found, int) and found != w]
    if len(shape) != len(wanted) + 1 or wrong_size or (isinstance(dim, int) and dim != info.descriptor_dim):
        raise ModelError(
            f"{path} takes {shape} and gives {dim} numbers, its metadata says {wanted} and {info.descriptor_dim}",
            "Write the metadata again with `describe_model`, or export the model again",
        )
    return shape[0] if isinstance(shape[0], int) else 0


def _contradict(images: int | str | None, rows: int | str | None) -> bool:
    """Whether both numbers are written down and differ."""
    return isinstance(images, int) and isinstance(rows, int) and images != rows


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
