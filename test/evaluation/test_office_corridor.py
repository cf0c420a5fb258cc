# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A real recording, two laps of an office corridor, through the shipped model: no figure falls out of its tolerance."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml
from optional_parts import need

from vpr_ros.evaluation.evaluate import EvaluationOptions, evaluate
from vpr_ros.evaluation.ground_truth import GroundTruthRule
from vpr_ros.evaluation.positives import IntArray
from vpr_ros.inference import open_extractor, open_local_model
from vpr_ros.localization import Localizer, LocalizerConfig
from vpr_ros.localization.local_model import local_extractor_for
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.maps import PlaceMap
from vpr_ros.sources import SourceOptions, open_source

CORRIDOR = Path(__file__).resolve().parents[1] / "data" / "office_corridor"


@pytest.mark.slow
def test_the_second_lap_is_known_as_well_as_it_was(tmp_path: Path) -> None:
    need("onnxruntime")
    extractor = open_extractor(with_local=True)
    first_lap = open_source(CORRIDOR / "map", SourceOptions(poses=CORRIDOR / "poses.csv"))
    every_frame = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0)
    local_model = open_local_model(extractor)
    build_map(first_lap, extractor, tmp_path / "map", every_frame, local_model=local_model)
    place_map = PlaceMap.open(tmp_path / "map")
    second_lap = open_source(CORRIDOR / "query", SourceOptions(require_poses=False))
    options = EvaluationOptions(GroundTruthRule(positives_csv=CORRIDOR / "gt.csv"))
    config = LocalizerConfig(verify_time_ms=60_000.0)  # the same answers on every machine
    local = local_extractor_for(place_map, config, extractor, None)
    localizer = Localizer(extractor, place_map, config, local, place_map.local)
    result = evaluate(localizer, place_map, second_lap, options)
    figures = {
        "recall_at_1_percent": result.metrics["recall_at"]["1"],
        "recall_at_5_percent": result.metrics["recall_at"]["5"],
        "accepted_percent": result.metrics["accepted"]["share"],
        "accepted_and_wrong_percent": result.metrics["accepted"]["wrong_share"],
        "median_error_images": median_error_images(result.outcomes.predictions[:, 0] + 1),
    }
    tolerances = yaml.safe_load((CORRIDOR / "tolerances.yaml").read_text())
    assert set(figures) == set(tolerances)
    for name, figure in figures.items():
        limits = tolerances[name]
        assert limits.get("at_least", 0.0) <= figure <= limits.get("at_most", 100.0), (name, figure, limits)


def median_error_images(best_matches: IntArray) -> float:
    """How many images the best match, (Q,) numbers of images, lies beside the one annotated as the best."""
    with (CORRIDOR / "gt.csv").open() as file:
        annotated = [int(Path(row["best"]).stem) for row in csv.DictReader(file)]
    return float(np.median(np.abs(best_matches - annotated)))


def test_it_is_all_there_with_its_licence() -> None:
    assert "IntRoLab" in (CORRIDOR / "LICENSE").read_text()
    assert [len(list((CORRIDOR / lap).glob("*.jpg"))) for lap in ("map", "query")] == [40, 44]
    assert sum(file.stat().st_size for file in CORRIDOR.rglob("*") if file.is_file()) < 1.2 * 2**20
