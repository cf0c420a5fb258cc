# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a user can turn about the localizer. The node declares these as parameters, under ``localizer.``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from vpr_ros.core.options import check_options, option
from vpr_ros.core.pose_average import MAX_ANGLE_RAD, SIMILARITY_TEMPERATURE
from vpr_ros.maps.promise import USUAL_DELTA

MIN_PROBABILITY: Final = 0.9
NO_PROMISE: Final = 1.0
"""The ``max_wrong_rate`` that asks for none."""


@dataclass(frozen=True)
class LocalizerConfig:
    """How the localizer decides and estimates."""

    top_k: int = option(
        20,
        "how many map frames are retrieved for an image",
        unit="frames",
        minimum=1,
        maximum=1000,
        when="More for dense maps, where many frames show one place.",
        heading="Retrieve",
    )
    verify_candidates: int = option(
        10,
        "how many of the retrieved frames are compared with the image by local features, where the map has some; "
        "0 = none",
        unit="frames",
        minimum=0,
        maximum=1000,
        when="Fewer where the processor is slow, more where the right place comes late among the candidates.",
        heading="Verify",
    )
    verify_time_ms: float = option(
        50.0,
        "how long comparing them may take for an image, the network not counted: over it fewer are compared and no "
        "pose is sought. The answer is the same each time only where the time suffices",
        unit="ms",
        minimum=1.0,
        maximum=60_000.0,
        when="Raise it to compare all candidates on a slow processor, see `verify` on /diagnostics.",
    )
    min_inliers: int = option(
        15,
        "an answer is rejected as refuted when image and map frame have a hundred keypoints or more, and with none of "
        "the compared candidates so many fit one rigid scene; 0 = never. Forty prove a match, whatever this says",
        minimum=0,
        maximum=100_000,
        when="Raise it where answers are accepted off the map; 0 where light or season leave few keypoints alike and "
        "places are told apart by the descriptor all the same.",
    )
    min_local_cosine: float = option(
        0.5,
        "keypoints whose descriptors are less alike than this are not matched",
        minimum=-1.0,
        maximum=1.0,
        when="Raise it for local models whose descriptors are alike wherever they are from; light and season lower it.",
    )
    max_wrong_rate: float = option(
        0.01,
        "at most this share of the accepted answers is in a wrong place, beyond twice the map's radius: the map says "
        "how well an answer must be proved for that. Where it cannot vouch for this rate, the next one up to 0.1 that "
        "it can vouch for is used, and where for none, or with 1, min_probability decides",
        minimum=0.0001,
        maximum=1.0,
        when="Lower it where a wrong pose costs more than none; 0.05 accepts far more. `inspect_map` says what the map "
        "can vouch for. 1 where every guess is wanted.",
        heading="Decide",
    )
    max_wrong_rate_delta: float = option(
        USUAL_DELTA,
        "how likely it may be that more are in a wrong place than max_wrong_rate says, on days like those that taught "
        "the map",
        minimum=0.001,
        maximum=0.5,
        when="Lower it for a surer promise, which takes more proof, or more drives to calibrate on.",
    )
    min_probability: float = option(
        MIN_PROBABILITY,
        "where no max_wrong_rate is vouched for, an answer is accepted when its calibrated probability of being right "
        "is at least this. Where one is, any value but the default is a further condition; with the default an answer "
        "without a pose of its own keypoints needs 0.5",
        minimum=0.0,
        maximum=1.0,
        when="Lower it in maps without local features to see more guesses. The precision-recall curve of `evaluate` on "
        "a second drive says how far.",
    )
    min_similarity: float = option(
        -1.0,
        "an answer is rejected when its best cosine similarity is below this, whatever its probability",
        minimum=-1.0,
        maximum=1.0,
        when="A hard floor for maps too small to calibrate themselves.",
    )
    pose_radius_m: float = option(
        0.0,
        "candidates farther than this from the best one do not join its pose; 0 = the map's radius. An answer is "
        "judged at the map's radius whatever this says, for its probability was calibrated there",
        unit="m",
        minimum=0.0,
        maximum=1000.0,
        when="Lower it when poses are averaged over frames that lie too far apart. The map's own radius: "
        "`vpr_ros build_map --radius`.",
        heading="Estimate",
        renamed_from=("radius_m",),
    )
    max_angle_rad: float = option(
        MAX_ANGLE_RAD,
        "candidates turned further than this from the best one do not join its pose",
        unit="rad",
        minimum=0.0,
        maximum=math.pi,
        when="Lower it for cameras with a narrow field of view; 0.52 is 30 degrees.",
    )
    temperature: float = option(
        SIMILARITY_TEMPERATURE,
        "difference of cosine similarity that lowers a candidate's weight in the pose by e",
        minimum=1e-4,
        maximum=10.0,
        when="Higher averages over more candidates, lower trusts the best one.",
    )

    @property
    def also_asks_probability(self) -> bool:
        """Whether ``min_probability`` was set, and is asked for beside a promise."""
        return self.min_probability != MIN_PROBABILITY

    def __post_init__(self) -> None:
        """Refuse values outside their bounds.

        Raises:
            ConfigError: see ``Option.checked``.
        """
        check_options(self)
