"""A map's own zero: large coordinates, such as UTM, moved to where consumers can use them."""

from __future__ import annotations

from collections.abc import Iterable

from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import FrameRecord
from vpr_ros.core.pose import PositionM
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.maps.place_map import PlaceMap


def choose_origin(usable: Iterable[FrameRecord], config: BuildConfig, base: PlaceMap | None) -> PositionM | None:
    """Where the map's zero lies in the coordinates of its recordings; None: it has theirs.

    A map that is added to keeps the origin it has.

    Raises:
        MapError: another origin is asked for than the one of the map that is added to.
    """
    if base is not None:
        kept = base.manifest.origin_m
        if (config.local_origin and kept is None) or (config.origin_m is not None and config.origin_m != kept):
            wanted = "one of its own" if config.origin_m is None else config.origin_m
            raise MapError(
                f"map {base.path} has the origin {kept or (0.0, 0.0, 0.0)}, asked for is {wanted}",
                "Leave --origin and --local-origin out: a map that is added to keeps its origin",
            )
        return kept
    if not config.local_origin:
        return config.origin_m
    first = next(iter(usable), None)
    if first is None or first.T_map_base is None:
        return None  # the build will say that there is nothing to build
    x_m, y_m, z_m = (float(round(value_m)) for value_m in first.T_map_base.position_m)
    return x_m, y_m, z_m
