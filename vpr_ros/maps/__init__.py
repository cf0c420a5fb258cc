"""Maps on disk, as the robot reads them: opening, exact search, calibration."""

from vpr_ros.maps.place_map import PlaceMap

__all__ = ["PlaceMap"]
