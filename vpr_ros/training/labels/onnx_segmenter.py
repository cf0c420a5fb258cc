# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Any segmentation network in an ONNX file: logits or a class map of one image."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from torch.utils.data import get_worker_info

from vpr_ros.core.errors import ModelError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.hashing import file_sha256, json_sha256
from vpr_ros.core.model_info import described_fields
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.inference.onnx_session import OnnxSession
from vpr_ros.inference.options import CPU, CUDA
from vpr_ros.training.labels.segmenter import ClassMap, check_finite, most_likely, nearest

METADATA_KEY: Final = "vpr_ros_segmenter"
METADATA_VERSION: Final = 1
STRIDE_PX: Final = 32
"""A network of any input size gets the image's own, brought to multiples of this."""
_KINDS: Final[dict[str, Any]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
_USUAL_OUTPUTS: Final = frozenset({"out", "logits"})


class OnnxSegmenter:
    """A network whose input is one image and whose answer is C logits, or a class number, for each pixel.

    What is not given is taken from the file: its ``metadata_props`` may hold ``vpr_ros_segmenter``, JSON with
    ``metadata_version`` 1, ``preprocessing`` (fields of ``Preprocessing``) and ``class_names``. Where neither says so,
    mean and deviation are ImageNet's, and a network of any size gets the image's own, to the nearest 32 pixels.

    Args:
        path: the file. Its input is (1, 3, h, w) or (1, h, w, 3) of float32, float16 (both normalised) or uint8.
        size_px: height and width of the network's input.
        mean, std: of RGB, on the 0..1 scale; a network of 0..255 has the mean 0 and the deviation 1/255.
        bgr: the network takes blue first.
        output: which one, where it has several. (1, C, h, w) floats, channels last as in the input, or (1, h, w)
            integers, with or without a dimension for one channel.
        device: "cpu" or "cuda"; in a loader's worker process it is the CPU.

    Raises:
        ModelError: no ONNX file that runs here, or one with another input or output.
    """

    def __init__(
        self,
        path: Path,
        size_px: tuple[int, int] | None = None,
        mean: tuple[float, float, float] | None = None,
        std: tuple[float, float, float] | None = None,
        bgr: bool = False,
        output: str | None = None,
        device: str = "cpu",
    ) -> None:
        if not path.is_file():
            raise ModelError(f"there is no segmentation network at {path}", "Give the path of an ONNX file")
        if device not in ("cpu", "cuda"):
            raise ModelError(f"{path} cannot run on {device!r}", "Name cpu or cuda")
        self._path, self._bgr, self._provider = path, bgr, CUDA if device == "cuda" else CPU
        self._opened: tuple[int, _Session] | None = None
        session = self._session()
        self._input, self._kind, shape = session.image_input()
        self._channels_last = shape[1] != 3
        described = session.described()
        self.class_names: tuple[str, ...] = described[1]
        self._output, self.class_count = session.answer(output, self._channels_last)
        sides = shape[1:3] if self._channels_last else shape[2:]
        base = described[0] or Preprocessing(STRIDE_PX, STRIDE_PX)
        self._preprocessing = replace(base, mean=mean or base.mean, std=std or base.std)
        said = size_px or (None if described[0] is None else (base.height_px, base.width_px))
        self._size_px = _size(path, sides, said)

    @property
    def description(self) -> str:
        """The file's name."""
        return self._path.name

    @cached_property
    def sha256(self) -> str:
        """Of the file, its data files and how it is used."""
        return json_sha256(
            {
                "files": [file_sha256(file) for file in _files(self._path)],
                "preprocessing": asdict(self._preprocessing),
                "size_px": self._size_px,
                "bgr": self._bgr,
                "output": self._output,
            }
        )

    def classes(self, image_rgb: ImageRgb) -> ClassMap:
        """See ``Segmenter.classes``."""
        height, width = self._size_px or (_to_stride(image_rgb.shape[0]), _to_stride(image_rgb.shape[1]))
        sized = replace(self._preprocessing, height_px=height, width_px=width)
        seen = np.ascontiguousarray(image_rgb[..., ::-1]) if self._bgr else image_rgb
        batch = sized.resized(seen).transpose(2, 0, 1)[None] if self._kind == np.uint8 else sized.batch([seen])
        if self._channels_last:
            batch = batch.transpose(0, 2, 3, 1)
        answer = self._session().answered(self._input, np.ascontiguousarray(batch, dtype=self._kind), self._output)
        classes = self._class_map(answer, (height, width))
        return nearest(classes, (image_rgb.shape[0], image_rgb.shape[1]))

    def _class_map(self, answer: npt.NDArray[Any], size_px: tuple[int, int]) -> ClassMap:
        what = f"{self._path.name}: output {self._output!r}"
        planes = answer[0] if answer.ndim in (3, 4) and len(answer) == 1 else None
        if planes is not None and np.issubdtype(answer.dtype, np.integer):
            if planes.ndim == 3 and 1 in (planes.shape[0], planes.shape[-1]):
                planes = planes[0] if planes.shape[0] == 1 else planes[..., 0]
            if planes.ndim == 2:
                return planes
        elif planes is not None and planes.ndim == 3:
            logits = planes.transpose(2, 0, 1) if self._channels_last else planes
            if len(logits) > 1:
                check_finite(logits, what)
                return most_likely(logits, size_px)
        raise ModelError(
            f"{what} is {answer.dtype} {answer.shape} for one image of {size_px}, expected logits (1, C, h, w) of "
            "two classes or more, or class numbers (1, h, w) as integers",
            "Name another output (`output`), or export the network with its logits",
        )

    def _session(self) -> _Session:
        """A session of this process: threads do not survive a fork."""
        if self._opened is None or self._opened[0] != os.getpid():
            one_of_many = get_worker_info() is not None  # each on one core, and on none of a device the trainer has
            provider, threads = (CPU, 1) if one_of_many else (self._provider, 0)
            self._opened = os.getpid(), _Session(self._path, provider, {}, threads)
        return self._opened[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}


class _Session(OnnxSession):
    """A network of somebody else's."""

    def image_input(self) -> tuple[str, Any, list[int | str | None]]:
        """Name, NumPy type and shape of the one input.

        Raises:
            ModelError: another input than an image.
        """
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape) if len(inputs) == 1 else []
        fits = len(shape) == 4 and 3 in (shape[1], shape[3]) and (shape[0] == 1 or not isinstance(shape[0], int))
        if not fits or inputs[0].type not in _KINDS:
            found = ", ".join(f"{i.name} {i.type} {list(i.shape)}" for i in inputs)
            raise ModelError(
                f"{self.path} takes {found}; expected one RGB image: (1, 3, h, w) or (1, h, w, 3) of "
                f"{', '.join(_KINDS)}",
                "Export the network so that it takes one image",
            )
        return str(inputs[0].name), _KINDS[inputs[0].type], shape

    def answer(self, wanted: str | None, channels_last: bool) -> tuple[str, int | None]:
        """Name of the output to ask for, and how many classes it says it has.

        Raises:
            ModelError: no such output, or several that might be it.
        """
        found = {output.name: output for output in self._session.get_outputs()}
        usual = [name for name in found if name in _USUAL_OUTPUTS]
        name = wanted or (next(iter(found)) if len(found) == 1 else usual[0] if len(usual) == 1 else "")
        if name not in found:
            listed = ", ".join(f"{o.name} {o.type} {list(o.shape)}" for o in found.values())
            raise ModelError(
                f"{self.path} has the outputs {listed}" + (f", not {wanted!r}" if wanted else ""),
                "Name the one with logits or class numbers as `output`",
            )
        shape = list(found[name].shape)
        channels = shape[-1 if channels_last else 1] if len(shape) == 4 and "int" not in found[name].type else None
        return name, channels if isinstance(channels, int) and channels > 1 else None

    def described(self) -> tuple[Preprocessing | None, tuple[str, ...]]:
        """What the file says of itself: preprocessing and class names.

        Raises:
            ModelError: a description that cannot be read.
        """
        text = self.metadata(METADATA_KEY)
        if text is None:
            return None, ()
        what = f"{self.path}: the {METADATA_KEY!r} metadata"
        remedy = "Write metadata_version, preprocessing and class_names, or leave the entry out"
        fields = described_fields(text, what, METADATA_VERSION, remedy)
        names = fields.get("class_names", ())
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise ModelError(f"{what} has the class names {names!r}", remedy)
        return fields["preprocessing"], tuple(names)

    def answered(self, name: str, batch: npt.NDArray[Any], output: str) -> npt.NDArray[Any]:
        """The output for a batch of one.

        Raises:
            ModelError: the runtime failed.
        """
        try:
            found: npt.NDArray[Any] = self._session.run([output], {name: batch})[0]
        except Exception as error:  # ONNX Runtime raises a class of its own per status code
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
            raise ModelError(
                f"{self.path} failed on an image of {list(batch.shape)}: {first}",
                "Give the input size it was trained with as `size_px`, or export it again",
            ) from error
        return found


def _size(path: Path, sides: list[int | str | None], said: tuple[int, int] | None) -> tuple[int, int] | None:
    """Height and width of the input; None where the network takes any and nobody said one.

    Raises:
        ModelError: the network takes another size than was said.
    """
    fixed = [side if isinstance(side, int) else None for side in sides]
    if said is not None:
        if any(side not in (None, wanted) for side, wanted in zip(fixed, said, strict=True)):
            raise ModelError(
                f"{path} takes images of {sides[0]}x{sides[1]}, not of {said[0]}x{said[1]}", "Leave `size_px` out"
            )
        return said[0], said[1]
    if fixed[0] is not None and fixed[1] is not None:
        return fixed[0], fixed[1]
    if fixed != [None, None]:
        raise ModelError(f"{path} takes images of {sides[0]}x{sides[1]}", "Give both sides as `size_px`")
    return None


def _to_stride(side_px: int) -> int:
    return max(1, round(side_px / STRIDE_PX)) * STRIDE_PX


def _files(path: Path) -> list[Path]:
    """The file, and those beside it that hold its weights."""
    tensors = onnx.load(str(path), load_external_data=False).graph.initializer
    names = {entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location"}
    return [path, *(path.parent / name for name in sorted(names))]
