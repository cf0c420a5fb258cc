# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A short recorded drive on disk: pictures of a painted wall and a CSV of where each was taken."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SPACING_M = 0.5


def write_drive(folder: Path, frames: int, seed: int = 0, start_m: float = 0.0) -> Path:
    """Write *frames* images and ``poses.csv`` to *folder*; one *seed* is one wall."""
    folder.mkdir(parents=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 400, 3), dtype=np.uint8)
    wall = cv2.resize(coarse, (400 * 40, 240), interpolation=cv2.INTER_CUBIC)
    lines = ["file,x_m,y_m,yaw_deg"]
    for number in range(frames):
        along_m = start_m + number * SPACING_M
        left = round(along_m * 40)
        name = f"{number:04d}.jpg"
        assert cv2.imwrite(str(folder / name), wall[:, left : left + 320])
        lines.append(f"{name},{along_m},0,90")
    (folder / "poses.csv").write_text("\n".join(lines) + "\n")
    return folder
