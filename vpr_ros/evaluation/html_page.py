# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One HTML page that holds everything, pictures included: no script, nothing fetched from anywhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

from vpr_ros.evaluation.binomial import interval_text
from vpr_ros.evaluation.metrics import Metrics
from vpr_ros.evaluation.summary import TextTable, summary_notes, summary_tables

_PAGE = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light; --ink: #26323f; --soft: #6b7785; --line: #dde3ea; --accent: #1b9e77; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: #f5f7f9; margin: 0; }
main { max-width: 1020px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 16px; margin: 0 0 10px; }
.sub { color: var(--soft); margin: 4px 0 22px; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; margin-bottom: 16px; }
.card, section { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; }
.card b { display: block; font-size: 26px; color: var(--accent); line-height: 1.25; }
.card span { color: var(--soft); font-size: 13px; }
section { margin-bottom: 16px; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
th { color: var(--soft); font-weight: 600; } td, th { padding: 5px 10px; border-bottom: 1px solid var(--line); }
td:not(:first-child), th:not(:first-child) { text-align: right; } td:first-child, th:first-child { text-align: left; }
tr:last-child td { border-bottom: 0; } img { width: 100%; height: auto; }
pre { margin: 0; font-size: 12.5px; white-space: pre-wrap; overflow-wrap: anywhere; }
</style></head><body><main>
<h1>$title</h1><p class="sub">$subtitle</p>
<div class="cards">$cards</div>
$sections
</main></body></html>
"""
)


def html_page(metrics: Metrics, made_by: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """Render the page.

    Args:
        metrics: the content of ``metrics.json``.
        made_by: what made the figures; shown as it is.
        pictures: caption -> PNG file.
    """
    sections = [_table(table) for table in summary_tables(metrics)]
    sections[1:1] = [_picture(caption, png) for caption, png in pictures.items()]
    sections.append(_notes(metrics))
    made = "\n".join(f"{key}: {value}" for key, value in made_by.items())
    sections.append(_section("Made by", f"<pre>{escape(made)}</pre>"))
    return _PAGE.substitute(
        title="Place recognition report",
        subtitle=escape(f"{made_by.get('queries', '')} in {made_by.get('map', '')}"),
        cards="".join(_card(value, label) for value, label in _headlines(metrics)),
        sections="\n".join(sections),
    )


def _headlines(metrics: Metrics) -> list[tuple[str, str]]:
    error_m = metrics["translation_error_m"]["median"]
    recall_interval = interval_text(metrics["recall_at_interval"]["1"])
    latency = metrics["latency_ms"].get("total", {}).get("p50")
    return [
        (f"{metrics['recall_at']['1']:.1f} %", f"recall@1 of {metrics['queries']} queries ({recall_interval})"),
        (f"{metrics['accepted']['count']}", f"accepted, {_errors(metrics['accepted'])}"),
        (f"{metrics['recall_at_100_precision']:.1f} %", "recall at 100 % precision"),
        ("-" if error_m is None else f"{error_m:.2f} m", "median position error"),
        ("-" if latency is None else f"{latency:.0f} ms", "median time per image"),
    ]


def _errors(accepted: Mapping[str, Any]) -> str:
    if accepted["wrong_places"] is None:
        return f"{accepted['wrong']} of them wrong"
    return f"{accepted['near_misses']} near misses, {accepted['wrong_places']} wrong places"


def _notes(metrics: Metrics) -> str:
    items = "".join(f"<p>{escape(note)}.</p>" for note in summary_notes(metrics))
    return _section("About the denominators", items)


def _table(table: TextTable) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return _section(table.title, f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _picture(caption: str, png: bytes) -> str:
    data = b64encode(png).decode("ascii")
    return _section(caption, f'<img alt="{escape(caption)}" src="data:image/png;base64,{data}">')


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _card(value: str, label: str) -> str:
    return f'<div class="card"><b>{escape(value)}</b><span>{escape(label)}</span></div>'
