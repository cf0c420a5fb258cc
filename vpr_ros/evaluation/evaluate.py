# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The evaluation on one screen: ground truth, queries, figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import EXACT, FrameSource, PositionSigma, declared_sigma
from vpr_ros.core.options import check_options, option
from vpr_ros.evaluation.baselines import chance_recall, pixel_descriptor
from vpr_ros.evaluation.cameras import camera_figures
from vpr_ros.evaluation.ground_truth import GroundTruth, GroundTruthRule, find_ground_truth
from vpr_ros.evaluation.metrics import Metrics, compute_metrics, json_ready
from vpr_ros.evaluation.mirrored import MirroredSource, mirrored_figures
from vpr_ros.evaluation.off_map import ask_off_map, off_map_figures
from vpr_ros.evaluation.outcome import Outcomes
from vpr_ros.evaluation.panoramas import Panoramas
from vpr_ros.evaluation.query_list import list_queries
from vpr_ros.evaluation.recall import Recall
from vpr_ros.evaluation.retrieval import evaluate_retrieval
from vpr_ros.evaluation.run import Run, run_queries
from vpr_ros.evaluation.sequence.drive import Drive
from vpr_ros.evaluation.sequence.figures import sequence_figures
from vpr_ros.localization import Localizer
from vpr_ros.localization.rig import RigConfig
from vpr_ros.maps import PlaceMap


@dataclass(frozen=True)
class EvaluationOptions:
    """What to evaluate and how.

    Attributes:
        rule: which map frames are correct.
        rig: which images of several cameras are counted together as well.
        frame_named: somebody said that the queries' poses are in the frame their source names.
    """

    rule: GroundTruthRule = field(default_factory=GroundTruthRule)
    rig: RigConfig = field(default_factory=RigConfig)
    limit: int | None = option(None, "use the first so many queries only (default: all)", minimum=1)
    baselines: bool = option(False, "also count chance and 32x32 grey pixels on the same queries")
    pictures: int = option(8, "how many wrong matches to picture", minimum=0)
    per_panorama: bool = option(
        False, "rank the panoramas that the map's frames are crops of, each by its best crop, as Tokyo 24/7 asks for"
    )
    mirrored: bool = option(
        False, "also ask every query flipped left to right, which is another place, and count how many are accepted"
    )
    frame_named: bool = False
    truth_sigma_m: float | None = option(
        None,
        "standard deviation of the queries' own positions along x and y, as of GPS, added where covariances are judged "
        "(default: what their fixes say, else 0)",
        unit="m",
        minimum=0.0,
        maximum=1000.0,
    )

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing.

        Raises:
            ConfigError: see ``Option.checked``; or baselines, which rank frames, beside panoramas.
        """
        check_options(self)
        if self.baselines and self.per_panorama:
            raise ConfigError("--baselines and --per-panorama are given: baselines rank frames", "Give one of the two")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything the report is made of.

    Attributes:
        outcomes: one row per query.
        metrics: the content of ``metrics.json``.
        place_map: what was queried, for the pictures.
        off_map: one row per query from elsewhere, None where there is none.
        mirrored: one row per flipped query, None where nobody asked for them.
    """

    outcomes: Outcomes
    metrics: Metrics
    place_map: PlaceMap
    off_map: Outcomes | None = None
    mirrored: Outcomes | None = None


def evaluate(
    localizer: Localizer,
    place_map: PlaceMap,
    queries: FrameSource,
    options: EvaluationOptions,
    progress: Callable[[int, int], None] | None = None,
    elsewhere: Sequence[FrameSource] = (),
    drive: Drive | None = None,
) -> Evaluation:
    """Localize *queries* in *place_map* and count; of *elsewhere* no image shows a place of the map.

    The ground truth is found before the first image is decoded, so that a wrong file fails at once. *elsewhere* comes
    first, for most of what could fail there would otherwise take the answers of all queries with it. With *drive* the
    queries are one drive in its order, which the localizer's filter follows from their first on.

    Raises:
        ConfigError, SourceError: see ``list_queries``, ``find_ground_truth`` and ``run_queries``.
    """
    listed = list_queries(
        queries, place_map, options.rule.needs_query_poses, options.limit, frame_named=options.frame_named
    )
    ground_truth = find_ground_truth(options.rule, place_map, listed)
    panoramas = Panoramas.of_names(place_map.frames.names) if options.per_panorama else None
    off_map = ask_off_map(localizer, place_map, elsewhere, options.limit, progress)
    if localizer.place_filter is not None:
        localizer.place_filter.reset()
    run = run_queries(localizer, queries, ground_truth, options.baselines, options.pictures, progress, drive)
    run = replace(run, outcomes=replace(run.outcomes, panoramas=panoramas))
    flipped = [MirroredSource(queries)] if options.mirrored else []
    mirrored = ask_off_map(localizer, place_map, flipped, options.limit, progress)
    baselines = _baselines(run.outcomes, place_map) if options.baselines else {}
    metrics = compute_metrics(run.outcomes, baselines, _of_truth(queries, options))
    metrics["panoramas"] = None if panoramas is None else panoramas.count
    metrics["left_out"] = _left_out(ground_truth, run)
    metrics["queries_like_their_match"] = run.outcomes.like_their_match
    limit_ms = options.rig.max_stamp_difference_ms
    metrics["cameras"] = json_ready(
        camera_figures(run.outcomes, place_map, queries.cameras, localizer.config, limit_ms)
    )
    metrics["off_map"] = None if off_map is None else json_ready(off_map_figures(run.outcomes, off_map))
    metrics["mirrored"] = None if mirrored is None else json_ready(mirrored_figures(mirrored))
    metrics["sequence"] = None if drive is None else json_ready(sequence_figures(run.outcomes, drive, place_map))
    return Evaluation(run.outcomes, metrics, place_map, off_map, mirrored)


def _of_truth(queries: FrameSource, options: EvaluationOptions) -> PositionSigma:
    said_m = options.truth_sigma_m
    return (declared_sigma(queries) or EXACT) if said_m is None else PositionSigma(said_m, said_m)


def _left_out(ground_truth: GroundTruth, run: Run) -> dict[str, int]:
    """What a reader must know about the denominators."""
    return {
        "queries_undecodable": len(run.undecodable),
        "queries_undescribed": len(run.undescribed),
        "queries_uninformative": int((~ground_truth.counted).sum()),
        "queries_unlisted": ground_truth.unlisted_queries,
        "missing_map_frames": ground_truth.missing_map_frames,
    }


def _baselines(outcomes: Outcomes, place_map: PlaceMap) -> dict[str, Recall]:
    """Chance, and the pixel descriptors of the map's thumbnails where it has them all."""
    baselines = {"chance": chance_recall(len(place_map), outcomes.positives)}
    thumbnails = [place_map.thumbnail(index) for index in range(len(place_map))]
    if all(image is not None for image in thumbnails):
        map_pixels = np.stack([pixel_descriptor(image) for image in thumbnails if image is not None])
        query_pixels = np.stack([row.pixels for row in outcomes.rows if row.pixels is not None])
        baselines["pixels_32x32"] = evaluate_retrieval(map_pixels, query_pixels, outcomes.positives)
    return baselines
