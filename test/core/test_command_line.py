"""The one parser of commands: it complains as the package does, and shows an example."""

from __future__ import annotations

import pytest

from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError


@pytest.fixture
def parser() -> CommandParser:
    parser = CommandParser("drive", "Drive\nas told.", "  %(prog)s --speed 2")
    parser.add_argument("--speed", type=float, required=True)
    return parser


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "the following arguments are required: --speed"),
        (["--speed", "fast"], "argument --speed: invalid float value: 'fast'"),
        (["--speed", "2", "--gear", "3"], "unrecognized arguments: --gear 3"),
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
