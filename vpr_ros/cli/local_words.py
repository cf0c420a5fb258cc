"""What the commands say of a map's local features."""

from __future__ import annotations

from vpr_ros.maps.local_entry import LocalEntry


def local_text(entry: LocalEntry) -> str:
    """In one line."""
    layout = entry.layout
    fit = [
        f"{name} {value:.2f} px"
        for name, value in (("epipolar", entry.epipolar_px), ("reprojection", entry.reprojection_px))
        if value is not None
    ]
    return (
        f"local features: {entry.name} {entry.version}, up to {layout.keypoints} of {layout.dim} x {layout.bits} bits, "
        f"{layout.bytes_per_frame} bytes a frame; {100 * entry.share_with_depth:.0f} % of {entry.features} have a depth"
        + (f" (median distances: {', '.join(fit)})" if fit else "")
    )
