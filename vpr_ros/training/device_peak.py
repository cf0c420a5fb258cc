# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What known devices multiply at best, dense, by the makers' data sheets; of others nothing is claimed."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch


class DensePeak(NamedTuple):
    """TFLOP/s of dense matrix products, without the sparsity that data sheets like to count.

    Attributes:
        bf16: in bfloat16, summed in float32; 0 where the device has none.
        tf32: in TensorFloat-32; 0 where the device has none.
        fp32: in float32.
    """

    bf16: float
    tf32: float
    fp32: float


_PEAKS: Final = {
    "H200": DensePeak(989.4, 494.7, 66.9),
    "H100 PCIe": DensePeak(756.0, 378.0, 51.2),
    "H100 NVL": DensePeak(835.5, 417.7, 60.0),
    "H100": DensePeak(989.4, 494.7, 66.9),
    "A100": DensePeak(312.0, 156.0, 19.5),
    "A40": DensePeak(149.7, 74.8, 37.4),
    "A10G": DensePeak(70.0, 35.0, 31.5),
    "A10": DensePeak(125.0, 62.5, 31.2),
    "L40S": DensePeak(362.1, 183.2, 91.6),
    "L40": DensePeak(181.1, 90.5, 90.5),
    "L4": DensePeak(121.0, 60.5, 30.3),
    "RTX 4090": DensePeak(165.2, 82.6, 82.6),
    "RTX 3090": DensePeak(71.0, 35.6, 35.6),
    "RTX A6000": DensePeak(154.8, 77.4, 38.7),
    "V100": DensePeak(0.0, 0.0, 15.7),
    "T4": DensePeak(0.0, 0.0, 8.1),
}
"""By what stands in the device's name, the longest that does. A Jetson is not here: its name does not say its clock."""


def device_name(device: torch.device) -> str:
    """What the device calls itself; "cpu" for the CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def dense_peak(name: str) -> DensePeak | None:
    """The figures of the device called *name*; None where there is none."""
    words = f" {name} ".replace("-", " ")
    known = [key for key in _PEAKS if f" {key} " in words]
    return _PEAKS[max(known, key=len)] if known else None
