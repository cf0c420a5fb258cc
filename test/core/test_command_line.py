# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The one parser of commands: it complains as the package does, and shows an example."""

from __future__ import annotations

import pytest

from vpr_ros.core.command_line import CommandParser, count_from_zero
from vpr_ros.core.errors import ConfigError


@pytest.fixture
def parser() -> CommandParser:
    parser = CommandParser("drive", "Drive\nas told.", "  %(prog)s --speed 2")
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--wheels", type=count_from_zero, default=4)
    return parser


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "the following arguments are required: --speed"),
        (["--speed", "fast"], "argument --speed: invalid float value: 'fast'"),
        (["--speed", "2", "--gear", "3"], "unrecognized arguments: --gear 3"),
        (["--speed", "2", "--wheels", "-1"], "argument --wheels: '-1', expected a whole number, 0 or more"),
        (["--speed", "2", "--wheels", "1.5"], "argument --wheels: '1.5', expected a whole number, 0 or more"),
        (["--spe", "2"], "the following arguments are required: --speed"),
    ],
)
def test_a_bad_argument_is_an_error_with_its_remedy(
    parser: CommandParser, arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        parser.parse_args(arguments)
    assert refused.value.problem == problem
    assert refused.value.remedy == f"See {parser.prog} --help"
    assert capsys.readouterr() == ("", "")


def test_the_docstring_of_a_module_is_a_description() -> None:
    text = CommandParser("drive", "``drive``: turns wheels.\n\nSee ``park``.", "  %(prog)s").format_help()
    assert "\n\nTurns wheels.\n\nSee `park`.\n\n" in text


def test_help_keeps_the_lines_and_ends_with_the_example(parser: CommandParser) -> None:
    text = parser.format_help()
    assert "Drive\nas told.\n" in text
    assert text.endswith(f"example:\n  {parser.prog} --speed 2\n")
