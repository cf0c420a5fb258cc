# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What drives say of a map, as tables: its probabilities before and after them, and what it can promise."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from vpr_ros.evaluation.binomial import interval_text, percent_interval
from vpr_ros.evaluation.summary import TextTable
from vpr_ros.maps.manifest import MapManifest
from vpr_ros.maps.promise import LIKELY, SHOWN, USUAL_DELTA, Promise
from vpr_ros.maps.tally import Tally, fewest_answers

ROWS: Final = 10
"""Of the reliability table; the drives keep finer ones."""
SHOWN_RATES: Final = (0.01, 0.02, 0.05)
NONE: Final = TextTable("", (), ())


def restated_table(manifest: MapManifest) -> TextTable:
    """Of all drives together: what the map stated, what came true, and what it states since."""
    kept = [row for drive in manifest.drives for row in drive.stated]
    if not kept:
        return NONE
    stated, answers, right = np.array([row.to_list() for row in kept]).T
    bin_of = np.minimum((stated * ROWS).astype(np.int64), ROWS - 1)
    rows = []
    for inside in (bin_of == number for number in range(ROWS)):
        if not (count := int(answers[inside].sum())):
            continue
        true = int(right[inside].sum())
        mean = float(stated[inside] @ answers[inside]) / count
        now = mean if manifest.restated is None else float(manifest.restated.of(np.array([mean]))[0])
        interval = interval_text(percent_interval(true, count))
        rows.append((f"{mean:.2f}", str(count), f"{100 * true / count:.1f} % ({interval})", f"{now:.2f}"))
    title = f"Probabilities held against {_drives(manifest)}, with 95 % intervals"
    return TextTable(title, ("stated when it was built", "answers", "right", "stated now"), tuple(rows))


def promise_table(manifest: MapManifest) -> TextTable:
    """What the map can vouch for, on what ground, and what its drives lack to vouch for it themselves."""
    promise = manifest.promise
    if promise is None:
        return NONE
    answers = sum((drive.answers for drive in manifest.drives), Tally())
    rows = []
    for rate in SHOWN_RATES:
        vouched = promise.vouched(rate, USUAL_DELTA)
        if vouched is None:
            line = ("nothing", "min_probability decides", "-")
        else:
            accepted, wrong = answers.from_line_on(vouched.least_proof)
            asked = "" if vouched.is_as_asked else f" ({100 * vouched.rate:g} % only)"
            line = (f"{vouched.least_proof:.0f} inliers{asked}", vouched.source, f"{accepted}, {wrong} of them wrong")
        rows.append((f"{100 * rate:g} %", *line, lacking(answers, rate)))
    header = ("wrong places at most", "accepted from", "rests on", "of the drives' answers", "the drives by themselves")
    return TextTable(f"What the map promises, at a confidence of {1 - USUAL_DELTA:.0%}", header, tuple(rows))


def lacking(answers: Tally, rate: float) -> str:
    """What drives are too small to promise, and how many answers it takes."""
    if not answers.answers:
        return "none yet"
    if answers.line(rate, USUAL_DELTA) is not None:
        return "enough"
    accepted, wrong = answers.from_level_on()
    clean = int(accepted[wrong == 0].max(initial=0))
    needed = fewest_answers(rate, USUAL_DELTA)
    return f"too few: {needed} proved answers and none wrong are needed, there are {clean}"


def raised_note(promise: Promise | None) -> str:
    """What to say where drives without a fault raised a line, "" where they did not."""
    if promise is None or not promise.drives:
        return ""
    now, before = (one.vouched(SHOWN_RATES[0], USUAL_DELTA) for one in (promise, replace(promise, drives=())))
    if now is None or before is None or now.rate != before.rate or now.least_proof <= before.least_proof:
        return ""
    answers = sum((drive.answers for drive in promise.drives), Tally())
    (accepted, wrong), (fewer, _) = (answers.from_line_on(line.least_proof) for line in (before, now))
    if wrong or now.source not in (SHOWN, LIKELY):
        return ""
    return (
        f"by itself the map vouched for {100 * now.rate:g} % from {before.least_proof:.0f} inliers on, with its drives "
        f"it takes {now.least_proof:.0f}: {accepted - fewer} of the drives' answers had fewer, and of what hardly "
        "anybody saw little is known. A drive in harder light, or farther beside the track, lowers it"
    )


def _drives(manifest: MapManifest) -> str:
    count = len(manifest.drives)
    return f"the drive {manifest.drives[0].name!r}" if count == 1 else f"{count} drives"
