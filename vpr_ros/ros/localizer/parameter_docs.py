# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Write ``config/localize.yaml`` and ``docs/parameters.md`` from the schema: what a developer runs after changing it.

::

    python -m vpr_ros.ros.localizer.parameter_docs
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from vpr_ros.core.command import run_command
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.options import Option, as_text
from vpr_ros.ros.localizer.parameters import (
    EXTRINSICS_PREFIX,
    LOCALIZER_PREFIX,
    RIG_PREFIX,
    extrinsics_spec,
    node_specs,
)

ROOT = Path(__file__).resolve().parents[3]
YAML, TABLE = Path("config", "localize.yaml"), Path("docs", "parameters.md")
WIDTH = 118
UNITS = {"m": "metres", "rad": "radians", "s": "seconds"}
YAML_HEAD = """\
# Parameters of vpr_localizer, each with its default. Copy what you change; what you leave out keeps its default.
# Full table with bounds: docs/parameters.md. `ros2 launch vpr_ros localize.launch.py params_file:=this.yaml`
# Made from the schema by `python -m vpr_ros.ros.localizer.parameter_docs`.

/**:
  ros__parameters:
"""
TABLE_HEAD = """\
# Parameters of `vpr_localizer`

One schema (`vpr_ros/ros/localizer/parameters.py`, `config.py` and `rig.py` of `vpr_ros/localization`) declares and
checks them; this page and `config/localize.yaml` are made from it by `python -m vpr_ros.ros.localizer.parameter_docs`.
Unknown parameters fail at start. Parameters marked *start* cannot change while the node runs. A name that a parameter
had formerly is accepted with a warning for one release.
"""
TABLE_COLUMNS = """
| name | default | unit, bounds | meaning | when to change |
|---|---|---|---|---|
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_write, argv)


def files() -> dict[Path, str]:
    """What each generated file should hold, by its path below the repository."""
    return {YAML: _yaml(), TABLE: _table()}


def _write(_: Sequence[str]) -> None:
    for path, text in files().items():
        if not (ROOT / path).is_file():
            raise ConfigError(f"there is no {path} at {ROOT}", "Run this in a checkout of the source")
        (ROOT / path).write_text(text, encoding="utf-8")


def _yaml() -> str:
    sections, inside = [YAML_HEAD], ""
    for spec in node_specs().values():
        prefix = next((prefix for prefix in (LOCALIZER_PREFIX, RIG_PREFIX) if spec.name.startswith(prefix)), "")
        if prefix != inside:
            inside = prefix
            sections.append(f"    {prefix.rstrip('.')}:\n")
        indent = 6 if inside else 4
        lines = [f"# --- {spec.heading} ---", ""] if spec.heading else []
        for sentence in _sentences(spec):
            lines += [f"# {line}" for line in _wrapped(sentence, indent)]
        lines += [f"{spec.name.removeprefix(inside)}: {as_text(spec.default)}", ""]
        sections.append(textwrap.indent("\n".join(lines), " " * indent) + "\n")
    return "".join([*sections, _extrinsics_section()])


def _extrinsics_section() -> str:
    lines = ["--- Where each camera sits ---", "", *_wrapped(_sentence(extrinsics_spec("camera").description), 4)]
    lines += [f"When to change: {extrinsics_spec('camera').when}"]
    lines += ["T_base_camera:", "  camera: [0.3, 0.0, 1.4, -0.5, 0.5, -0.5, 0.5]"]
    return "".join(f"    # {line}".rstrip() + "\n" for line in lines)


def _wrapped(sentence: str, indent: int) -> list[str]:
    return textwrap.wrap(sentence, WIDTH - indent, break_on_hyphens=False)


def _table() -> str:
    parts = [TABLE_HEAD]
    for spec in node_specs().values():
        if spec.heading:
            group = "Localizer: " if spec.name.startswith(LOCALIZER_PREFIX) else ""
            parts.append(f"\n## {group}{spec.heading}\n{TABLE_COLUMNS}")
        parts.append(_row(spec.name, f"`{as_text(spec.default)}`", spec))
    extrinsics = extrinsics_spec("<camera>")
    parts += [f"\n## Where each camera sits\n{TABLE_COLUMNS}", _row(extrinsics.name, "`[]`", extrinsics)]
    return "".join(parts)


def _row(name: str, default: str, spec: Option) -> str:
    meaning = _sentence(spec.description) + "".join(f" Formerly `{old}`." for old in spec.renamed_from)
    limits = "6 or 7 numbers" if name.startswith(EXTRINSICS_PREFIX) else _limits(spec, "; *start*")
    cells = (f"`{name}`", default, limits, meaning, spec.when)
    return _escaped(f"| {' | '.join(cells)} |\n")


def _escaped(row: str) -> str:
    """What looks like an element of HTML is shown, not obeyed."""
    return re.sub(r"(?<!\.)<", r"\<", row)


def _sentences(spec: Option) -> Iterator[str]:
    yield _sentence(spec.description)
    if limits := _limits(spec, "; only at the start"):
        yield _sentence(limits)
    if spec.when:
        yield f"When to change: {spec.when}"


def _limits(spec: Option, at_start: str) -> str:
    """Unit, bounds and choices, and whether it is read at the start alone."""
    what = f"{'some' if spec.is_list else 'one'} of {', '.join(spec.choices)}" if spec.choices else spec.bounds
    unit = UNITS.get(spec.unit, spec.unit)
    return f"{', '.join(filter(None, (unit, what)))}{at_start if spec.read_only else ''}".removeprefix("; ")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


if __name__ == "__main__":
    raise SystemExit(main())
