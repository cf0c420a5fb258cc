# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The figures as small tables of text, for the terminal and for the HTML page alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vpr_ros.evaluation.binomial import count_text, interval_text
from vpr_ros.evaluation.metrics import Metrics

UNKNOWN = "-"
FINE = "0.25m_5deg"


@dataclass(frozen=True)
class TextTable:
    """A titled table of text; every row has as many cells as the header."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def summary_tables(metrics: Metrics) -> tuple[TextTable, ...]:
    """Tables in the order a reader asks: found? published? how far off? how fast?"""
    tables = (
        _recall(metrics),
        _acceptance(metrics),
        _cameras(metrics),
        _consistency(metrics),
        _rejections(metrics),
        _verification(metrics),
        _off_map(metrics),
        _mirrored(metrics),
        _sequence(metrics),
        _pose_error(metrics),
        _latency(metrics),
    )
    return tuple(table for table in tables if table.rows)


def summary_notes(metrics: Metrics) -> list[str]:
    """Who is in the denominators, one sentence each, without a final period."""
    names = {
        "queries_undecodable": "queries whose image does not decode are in no figure",
        "queries_undescribed": "queries the model has no descriptor for, black ones perhaps, are in no figure",
        "queries_uninformative": "queries marked uninformative were left out on request",
        "queries_unlisted": "queries the positives file does not name count as having no answer",
        "missing_map_frames": "entries of the positives file name frames the map does not hold",
    }
    notes = [
        "Intervals take the queries for independent, which neighbours in a drive are not: the truth is less certain"
    ]
    if unanswerable := metrics["queries_without_answer"]:
        notes.append(f"{unanswerable} queries have no correct answer in the map; they count as misses")
    if metrics["queries_without_answer"] == metrics["queries"]:
        notes.append("No query has one: are the poses of map and queries in one frame and of one origin (inspect_map)?")
    if alike := metrics["queries_like_their_match"]:
        notes.append(f"{alike} queries are the very images of the map: their figures say nothing of another drive")
    if alike := (metrics.get("off_map") or {}).get("like_their_match"):
        notes.append(f"{alike} images from elsewhere are the very images of the map: --off-map is for other places")
    notes += _camera_notes(metrics)
    return notes + [f"{metrics['left_out'][key]} {text}" for key, text in names.items() if metrics["left_out"][key]]


def _camera_notes(metrics: Metrics) -> list[str]:
    cameras = metrics.get("cameras")
    if cameras is None:
        return []
    if cameras["rig_left_out"] is not None:
        return [f"The cameras are not counted together: {cameras['rig_left_out']}"]
    return [
        f"The mount of {found['camera']} contradicts that of {found['other']} by {found['distance_m']:.2f} m and "
        f"{math.degrees(found['angle_rad']):.0f} degrees: it is left out of the rig"
        for found in cameras["contradicting_mounts"]
    ]


def _recall(metrics: Metrics) -> TextTable:
    ranks = tuple(metrics["recall_at"])
    unanswerable = metrics["queries_without_answer"]
    groups = {"all": ("recall_at", metrics["queries"])}
    if unanswerable:  # else the same numbers twice
        groups["answerable"] = ("recall_at_answerable", metrics["queries"] - unanswerable)
    rows = [(f"{name} queries", *_numbers(metrics[key], ranks), str(count)) for name, (key, count) in groups.items()]
    for name, (key, _) in groups.items():
        rows.append(
            (f"95 % interval, {name}", *(interval_text(metrics[f"{key}_interval"][rank]) for rank in ranks), "")
        )
    for name, baseline in metrics["baselines"].items():
        label = f"baseline {name.replace('_', ' ')}, answerable"
        count = str(baseline["queries"] - baseline["queries_without_answer"])
        rows.append((label, *_numbers(baseline["recall_at_answerable"], ranks), count))
    ranked = "" if metrics.get("panoramas") is None else f" of {metrics['panoramas']} panoramas, each by its best crop"
    title = f"Recall in percent{ranked} (correct: {metrics['correct_means']})"
    return TextTable(title, ("", *(f"@{rank}" for rank in ranks), "queries"), tuple(rows))


def _acceptance(metrics: Metrics) -> TextTable:
    accepted = metrics["accepted"]
    rows = (
        ("accepted", f"{accepted['count']} of {metrics['queries']}, {accepted['wrong']} of them wrong"),
        ("share accepted", _with_interval(accepted, "share")),
        ("share accepted and wrong", _with_interval(accepted, "wrong_share")),
        *_kinds(accepted),
        ("recall of what was accepted", _with_interval(accepted, "recall")),
        ("recall at 100 % precision", _percent(metrics["recall_at_100_precision"])),
        ("the same, sorted by similarity", _percent(metrics["recall_at_100_precision_by_similarity"])),
        ("average precision", _percent(metrics["average_precision"])),
        ("calibration error of the probability", _number(metrics["calibration"]["expected_calibration_error"], 3)),
        ("positions inside their 95 % ellipse", _inside(metrics["nees"]["published_xy"])),
        ("those of near misses", _inside(metrics["nees"]["published_near_misses_xy"])),
    )
    return TextTable(f"Answers, with 95 % intervals (right: {metrics['right_means']})", ("", ""), rows)


def _kinds(accepted: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What was accepted, by how far it is from the truth; a count of None is one that nobody knows."""
    count, kept = accepted["count"], accepted["right_best_matches"]
    errors = {"near misses: at most twice as far away": "near_misses", "wrong places: farther": "wrong_places"}
    return (
        ("right (precision of what was accepted)", count_text(accepted["right"], count)),
        *(
            (label, "nobody knows" if accepted[key] is None else count_text(accepted[key], count))
            for label, key in errors.items()
        ),
        ("right best matches that were accepted", count_text(accepted["right"], kept)),
    )


def _inside(nees: Mapping[str, Any] | None) -> str:
    return UNKNOWN if nees is None else f"{nees['within_95_percent']:.1f} % of {nees['count']}"


def _cameras(metrics: Metrics) -> TextTable:
    figures = metrics.get("cameras")
    if figures is None:
        return TextTable("", (), ())
    together = {} if figures["rig"] is None else {"rig, all together": figures["rig"]}
    rows = tuple(
        (
            name,
            str(row["answers"]),
            *(str(row[key]) for key in ("right", "accepted", "accepted_wrong", "accepted_geometric")),
            _number(row["published_median_m"], 2),
        )
        for name, row in {**figures["rows"], **together}.items()
    )
    header = ("camera", "answers", "right", "accepted", "of them wrong", "of them geometric", "median m of these")
    return TextTable("Cameras, each by itself and together", header, rows)


def _consistency(metrics: Metrics) -> TextTable:
    rows = []
    for source, figures in metrics["consistency"].items():
        for name, label in (("xy", "x, y"), ("yaw", "yaw")):
            if (found := figures[name]) is not None:
                mean, median = _number(found["mean"], 2), _number(found["median"], 2)
                inside = f"{found['within_95_percent']:.1f} %"
                rows.append((f"{source}, {label}", inside, mean, median, str(found["count"])))
    title = "Error against stated covariance (NEES) of accepted answers of the right scene"
    ideal = "consistent: 95 %, mean 2 of x, y and 1 of yaw"
    return TextTable(f"{title} ({ideal})", ("", "inside 95 %", "mean", "median", "poses"), tuple(rows))


def _rejections(metrics: Metrics) -> TextTable:
    rows = tuple((row["type"], row["reason"], str(row["count"])) for row in metrics["rejections"])
    return TextTable("Rejected", ("type", "reason", "queries"), rows)


def _pose_error(metrics: Metrics) -> TextTable:
    groups = {
        "every answer": metrics["pose_error"]["answer"],
        "best match alone": metrics["pose_error"]["top1"],
        "published": metrics["pose_error"]["published"],
    }
    if verification := metrics["verification"]:
        groups |= {f"{source} answers": group for source, group in verification["pose_error"].items()}
    bounds = tuple(metrics["pose_error"]["answer"]["within_percent"])
    rows = []
    for label, group in groups.items():
        if not group["count"]:
            continue
        metres, degrees = group["translation_m"], group["rotation_deg"]
        rows.append(
            (
                label,
                *(_number(metres[name], 2) for name in ("median", "p90")),
                *(_number(degrees[name], 1) for name in ("median", "p90")),
                *(_percent(group["within_percent"][bound]) for bound in bounds),
                _percent(group["within_percent_of_all"][FINE]),
                str(group["count"]),
            )
        )
    names = tuple(map(_bound, bounds))
    header = ("", "median m", "p90 m", "median deg", "p90 deg", *names, f"{_bound(FINE)} of all", "poses")
    return TextTable("Pose error", header, tuple(rows))


def _bound(name: str) -> str:
    return name.replace("_", ", ").replace("m,", " m,").replace("deg", " deg")


def _verification(metrics: Metrics) -> TextTable:
    figures = metrics["verification"]
    if figures is None:
        return TextTable("", (), ())
    ranks = tuple(figures["recall_at_before"])
    inliers = figures["median_inliers"]
    rows = (
        ("before", *_numbers(figures["recall_at_before"], ranks), ""),
        (
            "after",
            *_numbers(figures["recall_at_after"], ranks),
            f"{_number(inliers['right'], 0)} right, {_number(inliers['wrong'], 0)} wrong",
        ),
    )
    title = (
        f"Recall in percent of all queries, before and after verification (of {figures['candidates_compared']:.1f} "
        f"candidates on average, in {figures['compared']} queries)"
    )
    return TextTable(title, ("", *(f"@{rank}" for rank in ranks), "median inliers of best matches"), rows)


def _off_map(metrics: Metrics) -> TextTable:
    figures = metrics.get("off_map")
    if figures is None:
        return TextTable("", (), ())
    rows = [
        ("accepted", f"{figures['accepted']} of {figures['queries']}"),
        ("share accepted", _with_interval(figures, "accepted_share")),
        ("refuted", str(figures["refuted"])),
        *((f"AUROC of the {name}", _number(value, 3)) for name, value in figures["auroc"].items()),
    ]
    return TextTable("Queries from elsewhere", ("", ""), tuple(rows))


def _mirrored(metrics: Metrics) -> TextTable:
    figures = metrics.get("mirrored")
    if figures is None:
        return TextTable("", (), ())
    rows = (
        ("accepted", count_text(figures["accepted"], figures["queries"])),
        ("verified by keypoints", f"{figures['verified']}"),
    )
    return TextTable("The queries flipped left to right, with 95 % intervals", ("", ""), rows)


def _sequence(metrics: Metrics) -> TextTable:
    figures = metrics.get("sequence")
    if figures is None:
        return TextTable("", (), ())
    rows = tuple(
        (
            name.replace("_", " "),
            str(found["accepted"]),
            f"{found['wrong']} ({found['accepted_off_map']} off the map)",
            _percent(found["share_of_on_map"]),
            _percent(found["recall_at_100_precision"]),
            ", ".join("never" if value is None else f"{value:.0f}" for value in found["recovered_s"]) or UNKNOWN,
        )
        for name, found in figures["methods"].items()
    )
    how = "with odometry" if figures["odometry"] else "without odometry"
    title = (
        f"As one drive {how}: {figures['on_map']} of {figures['images']} images on the map, {figures['kidnappings']} "
        "kidnappings (averaging and seqslam accept above their highest wrong score)"
    )
    header = ("", "accepted", "wrong", "right of on-map images", "recall at 100 % precision", "recovered after [s]")
    return TextTable(title, header, rows)


def _latency(metrics: Metrics) -> TextTable:
    rows = tuple(
        (stage, _number(row["p50"], 1), _number(row["p95"], 1)) for stage, row in metrics["latency_ms"].items()
    )
    return TextTable("Latency in milliseconds", ("stage", "p50", "p95"), rows)


def _numbers(values: Mapping[str, float | None], keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_number(values[key], 1) for key in keys)


def _number(value: Any, digits: int) -> str:
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def _with_interval(values: Mapping[str, Any], key: str) -> str:
    known = values[key] is not None
    return f"{_percent(values[key])} ({interval_text(values[f'{key}_interval'])})" if known else UNKNOWN


def _percent(value: Any) -> str:
    return UNKNOWN if value is None else f"{value:.1f} %"
