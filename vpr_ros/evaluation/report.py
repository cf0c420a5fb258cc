# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The folder an evaluation leaves behind: figures, table, pictures, one HTML page, and what made them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from vpr_ros.evaluation.acceptance_figure import acceptance_figure
from vpr_ros.evaluation.evaluate import Evaluation
from vpr_ros.evaluation.figure_style import save
from vpr_ros.evaluation.html_page import html_page
from vpr_ros.evaluation.mismatch_figure import mismatch_figure
from vpr_ros.evaluation.place_figure import place_figure
from vpr_ros.evaluation.query_table import write_query_table
from vpr_ros.evaluation.results_folder import MARKER, results_folder

PICTURES = {
    "places.png": "Where queries matched",
    "precision_recall.png": "What may be published, and whether the probabilities can be trusted",
    "wrong_matches.png": "The first wrong matches",
}


def write_report(evaluation: Evaluation, output: Path, made_by: Mapping[str, Any]) -> None:
    """Write the results to the folder *output*, all or nothing.

    Files: ``metrics.json``, ``queries.csv``, with queries from elsewhere ``off_map.csv``, with flipped ones
    ``mirrored.csv``, ``run.yaml`` (*made_by*), three PNG and ``report.html``, which holds the pictures itself and can
    be sent alone.

    Args:
        evaluation: what to write.
        output: the folder; an earlier result in it is replaced.
        made_by: command line, map, model and versions that made the figures.

    Raises:
        ConfigError: the folder cannot be written, or holds something else.
    """
    outcomes, place_map = evaluation.outcomes, evaluation.place_map
    with results_folder(output) as folder:
        (folder / MARKER).write_text(json.dumps(evaluation.metrics, indent=2) + "\n", encoding="utf-8")
        (folder / "run.yaml").write_text(yaml.safe_dump(dict(made_by), sort_keys=False), encoding="utf-8")
        write_query_table(folder / "queries.csv", outcomes)
        if evaluation.off_map is not None:
            write_query_table(folder / "off_map.csv", evaluation.off_map)
        if evaluation.mirrored is not None:
            write_query_table(folder / "mirrored.csv", evaluation.mirrored)
        save(place_figure(outcomes, place_map.frames.position_m), folder / "places.png")
        save(acceptance_figure(outcomes), folder / "precision_recall.png")
        save(mismatch_figure(outcomes, place_map), folder / "wrong_matches.png")
        pictures = {caption: (folder / name).read_bytes() for name, caption in PICTURES.items()}
        page = html_page(evaluation.metrics, made_by, pictures)
        (folder / "report.html").write_text(page, encoding="utf-8", errors="backslashreplace")
