# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the commands say of a map's local features."""

from __future__ import annotations

from vpr_ros.maps.local_entry import LocalEntry


def local_text(entry: LocalEntry) -> str:
    """In one line."""
    layout = entry.layout
    misfits = [
        f"{value:.2f} px ({name})"
        for name, value in (("epipolar", entry.epipolar_px), ("reprojection", entry.reprojection_px))
        if value is not None
    ]
    return (
        f"local features: {entry.name} {entry.version}, up to {layout.keypoints} keypoints of {layout.dim} x "
        f"{layout.bits} bits, {layout.bytes_per_frame} bytes a frame; {100 * entry.share_with_depth:.0f} % of "
        f"{entry.features} have a depth" + (f"; median misfit {', '.join(misfits)}" if misfits else "")
    )
