"""What a map's frame is called, and whether the poses of another recording lie in it.

A map's frame is ``map`` (REP 105) unless somebody names it: the frame of the recording's poses is usually ``odom``, and
whoever publishes ``map -> odom`` from a map of that name relates ``odom`` to itself. The manifest keeps the recorded
name with each session. Two recordings can be compared when their recorded frames have one name, or when somebody says
that the poses are in the map's.
"""

from __future__ import annotations

from typing import Final

from vpr_ros.maps.manifest import MapManifest

DEFAULT_MAP_FRAME: Final = "map"


def map_frame(named: str | None, base: MapManifest | None) -> str:
    """The frame of a map that is built: that of the map appended to, the one that was *named*, or ``map``."""
    return base.frame_id if base is not None else named or DEFAULT_MAP_FRAME


def recorded_frames(manifest: MapManifest) -> tuple[str, ...]:
    """The frames of its recordings' poses, each once."""
    return tuple(dict.fromkeys(session.frame_id for session in manifest.sessions))


def lies_in(frame_id: str, manifest: MapManifest, *, named: bool) -> bool:
    """Whether poses in *frame_id* can be compared with the map's.

    Args:
        frame_id: the frame of the other poses.
        manifest: the map's.
        named: somebody said that they are in *frame_id*, so that the name of the map's own frame means that frame.
    """
    return frame_id in recorded_frames(manifest) or (named and frame_id == manifest.frame_id)


def describe_frames(manifest: MapManifest) -> str:
    """The map's frame, and where its recordings have another the name they have."""
    others = [repr(frame) for frame in recorded_frames(manifest) if frame != manifest.frame_id]
    recorded = f" (recorded in {', '.join(others)})" if others else ""
    return f"{manifest.frame_id!r}{recorded}"


def is_drifting(frame_id: str) -> bool:
    """Whether *frame_id* is that of odometry: REP 105's ``odom``, or a robot's own such as ``robot1/odom``."""
    return frame_id.rsplit("/", 1)[-1].startswith("odom")


def drift_warning(manifest: MapManifest) -> str:
    """What to know of a map made of odometry, "" where none of its recordings drifts."""
    drifting = [session.frame_id for session in manifest.sessions if is_drifting(session.frame_id)]
    if not drifting:
        return ""
    found = f"the poses are in {drifting[-1]!r}, the frame of odometry, which drifts and begins anew with every drive"
    if len(drifting) > 1:
        found += f"; {len(drifting)} sessions are laid over each other as if all had begun at one place"
    return (
        f"{found}. The map's frame is called {manifest.frame_id!r}. If the drive closes a loop, or another is to be "
        "added, take poses from SLAM or a localizer: --pose-topic, --poses, or --map-frame with the bag's TF."
    )
