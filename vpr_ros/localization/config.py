"""Every number a user can turn, with its unit and bounds. The node declares its parameters from here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose_average import MAX_ANGLE_RAD, SIMILARITY_TEMPERATURE


def _option(default: float, description: str, unit: str, low: float, high: float) -> Any:
    return field(default=default, metadata={"description": description, "unit": unit, "min": low, "max": high})


@dataclass(frozen=True)
class LocalizerConfig:
    """How the localizer decides and estimates. Each field's metadata holds description, unit, min and max."""

    top_k: int = _option(20, "how many map frames are retrieved for an image", "frames", 1, 1000)
    min_probability: float = _option(
        0.5, "an answer is accepted when its calibrated probability of being right is at least this", "1", 0.0, 1.0
    )
    min_similarity: float = _option(
        -1.0,
        "an answer is rejected when its best cosine similarity is below this, whatever its probability",
        "1",
        -1.0,
        1.0,
    )
    radius_m: float = _option(
        0.0,
        "candidates within this distance of the best one are the same place; 0 = the map's own radius",
        "m",
        0.0,
        1000.0,
    )
    max_angle_rad: float = _option(
        MAX_ANGLE_RAD,
        "candidates turned further than this from the best one do not join its pose",
        "rad",
        0.0,
        math.pi,
    )
    temperature: float = _option(
        SIMILARITY_TEMPERATURE,
        "difference of cosine similarity that lowers a candidate's weight in the pose by e",
        "1",
        1e-4,
        10.0,
    )

    def __post_init__(self) -> None:
        """Refuse values outside their bounds.

        Raises:
            ConfigError: which field, what was found, what is allowed.
        """
        for option in fields(self):
            value, low, high = getattr(self, option.name), option.metadata["min"], option.metadata["max"]
            kind = int if option.type == "int" else (int, float)
            if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
                bounds = f"{option.type} from {low:g} to {high:g} {option.metadata['unit']}"
                raise ConfigError(
                    f"{option.name} is {value!r}, expected {bounds}",
                    f"Set {option.name} ({option.metadata['description']}) within its bounds",
                )
