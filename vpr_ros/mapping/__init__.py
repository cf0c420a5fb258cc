"""What makes maps and cares for them: building, appending, resuming, self-calibration."""

from vpr_ros.mapping.build_config import BuildConfig, BuildReport
from vpr_ros.mapping.builder import build_map

__all__ = ["BuildConfig", "BuildReport", "build_map"]
