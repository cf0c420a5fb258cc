"""Maps on disk: building, opening, exact search, calibration."""

from vpr_ros.maps.build_config import BuildConfig, BuildReport
from vpr_ros.maps.builder import build_map
from vpr_ros.maps.place_map import PlaceMap

__all__ = ["BuildConfig", "BuildReport", "PlaceMap", "build_map"]
