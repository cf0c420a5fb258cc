"""A real map, a real model and a real localizer, opened in the test's own process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vpr_ros.ros.localizer.parameters import Value, build_settings, extrinsics_spec, node_specs
from vpr_ros.ros.localizer.setup import LocalizerSetup, open_setup
from vpr_ros.ros.localizer.transforms import Transforms


def some_setup(
    place_map: Path,
    transforms: Any = None,
    previous: LocalizerSetup | None = None,
    cameras: tuple[str, ...] = ("camera",),
    **parameters: Value,
) -> LocalizerSetup:
    """Open what the node would open with these parameters and otherwise its defaults.

    Args:
        place_map: folder of the map.
        transforms: what looks like ``Transforms``, where tf2_ros is not installed.
        previous: a setup to take the opened model from.
        cameras: their names; their topics are called the same.
        parameters: others than the defaults.
    """
    values = {name: spec.default for name, spec in node_specs().items()}
    values |= {extrinsics_spec(camera).name: () for camera in cameras}
    values |= {"map": str(place_map), "cameras": cameras, "image_topics": cameras, **parameters}
    tree: Transforms | None = transforms
    return open_setup(build_settings(values), {camera: f"/{camera}" for camera in cameras}, tree, previous)
