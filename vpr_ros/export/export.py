# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A network becomes a file a robot can run, or nothing is written."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from vpr_ros.core.disk import folder_beside
from vpr_ros.core.errors import ConfigError, ExportError
from vpr_ros.core.hashing import file_sha256
from vpr_ros.core.model_info import Extractor
from vpr_ros.export.exportable import Exportable
from vpr_ros.export.graph import read_back, write_fp32
from vpr_ros.export.half_storage import store_in_half
from vpr_ros.export.images import ImageFolder
from vpr_ros.export.local_parity import LocalParity, check_local, measure_local, session_features, torch_features
from vpr_ros.export.metadata import load_onnx, save_onnx
from vpr_ros.export.parity import Parity, RecallSet, check, extractor_describer, measure, torch_describer
from vpr_ros.export.precision import Precision, require_converter, write_fp16, write_int8
from vpr_ros.export.same_outputs import call_as
from vpr_ros.inference import InferenceOptions, open_extractor
from vpr_ros.inference.local_extractor import LocalSession
from vpr_ros.inference.options import CPU


@dataclass(frozen=True, eq=False)
class ExportOptions:
    """What to write and what to measure it on.

    Attributes:
        precision: "fp32", "fp16" or "int8".
        images: real images for the parity gate.
        calibration: images int8 takes its ranges from; None takes those of the gate.
        task: to state what the export does to recall@1; None states nothing.
        store_half: an fp32 file keeps its weights in half precision; see ``store_in_half``.
        same_as: an earlier file that gives the same descriptors, and whose maps are to go with this one.
    """

    images: ImageFolder
    precision: Precision = "fp32"
    calibration: ImageFolder | None = None
    task: RecallSet | None = None
    store_half: bool = False
    same_as: Path | None = None


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how well it agrees with the torch model.

    Attributes:
        model: path of the ONNX file.
        precision: of the file.
        bytes: its size.
        sha256: its hash.
        parity: see ``Parity``.
        local: the same of the local features; None without.
    """

    model: str
    precision: str
    bytes: int
    sha256: str
    parity: Parity
    local: LocalParity | None = None

    def to_json(self) -> str:
        """Serialise, with the recall change spelled out."""
        entries = asdict(self)
        if self.local is None:
            del entries["local"]
        entries["parity"]["recall_at_1_change"] = self.parity.recall_at_1_change
        return json.dumps(entries, indent=2)


def export_onnx(exportable: Exportable, path: Path, options: ExportOptions) -> ExportReport:
    """Write *path* and its report ``<name>.export.json`` beside it, if the parity gate opens.

    Args:
        exportable: see ``exportable_place_model`` and ``hub_model``.
        path: of the ONNX file.
        options: see there.

    Raises:
        ConfigError: an unknown precision, or half storage of another than fp32.
        ExportError: the network cannot be exported, the export does not agree with it, or not with the file it is to
            be the same as; an older file stays.
    """
    if options.precision not in get_args(Precision):
        raise ConfigError(f"precision {options.precision!r}", f"Expected one of {', '.join(get_args(Precision))}")
    require_converter(options.precision)
    if options.store_half and options.precision != "fp32":
        raise ConfigError(f"half storage of an {options.precision} export", "Use it with precision fp32")
    with folder_beside(path, ExportError) as folder:
        made = _write(exportable, folder, options)
        read_back(made)
        extractor: Extractor = open_extractor(made, InferenceOptions(providers=(CPU,)))
        parity = measure(torch_describer(exportable), extractor_describer(extractor), options.images, options.task)
        check(parity, options.precision)
        local = _local_parity(exportable, made, options)
        if options.same_as is not None:
            call_as(made, options.same_as, options.images)
        sha256 = file_sha256(made)
        report = ExportReport(path.name, options.precision, made.stat().st_size, sha256, parity, local)
        (folder / "report.json").write_text(report.to_json() + "\n", encoding="utf-8")
        made.replace(path)
        (folder / "report.json").replace(report_path(path))
    return report


def report_path(path: Path) -> Path:
    """Where the report of an export lies."""
    return path.with_suffix(".export.json")


def _local_parity(exportable: Exportable, made: Path, options: ExportOptions) -> LocalParity | None:
    """Measure and check the local features, where there are some."""
    if exportable.keypoints is None:
        return None
    reference = torch_features(exportable.keypoints.model, exportable.info.preprocessing.batch)
    local = measure_local(reference, session_features(LocalSession(made, CPU, {}, threads=0)), options.images)
    check_local(local, options.precision)
    return local


def _write(exportable: Exportable, folder: Path, options: ExportOptions) -> Path:
    fp32 = folder / "fp32.onnx"
    write_fp32(exportable, fp32)
    if options.precision == "fp32":
        if options.store_half:
            model = load_onnx(fp32)
            store_in_half(model)
            save_onnx(model, fp32)
        return fp32
    path = folder / f"{options.precision}.onnx"
    if options.precision == "fp16":
        write_fp16(fp32, path, exportable.info)
    else:
        write_int8(fp32, path, exportable.info, options.calibration or options.images)
    return path
