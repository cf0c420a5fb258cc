# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One command with a table: what it lists, what it answers to a wrong name, and how a signal ends it while it loads."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from optional_parts import need

from vpr_ros.__main__ import COMMANDS, main

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/*.md", "config/recipes/*.yaml", "config/*.yaml")
WITHOUT_RICH = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "rich":
            raise ModuleNotFoundError("No module named 'rich'", name=name)
sys.meta_path.insert(0, Missing())
from vpr_ros.__main__ import main
sys.exit(main(["inspect_map", "somewhere"]))
"""


def test_every_command_is_a_module_with_a_main_that_takes_arguments() -> None:
    for command in COMMANDS.values():
        tree = ast.parse((ROOT / command.module.replace(".", "/")).with_suffix(".py").read_text())
        mains = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
        assert [[argument.arg for argument in node.args.args] for node in mains] == [["argv"]]


def test_setup_installs_the_commands_of_the_table() -> None:
    tree = ast.parse((ROOT / "setup.py").read_text())
    assigned = {
        target.id: node.value
        for node in tree.body if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip
    assert ast.literal_eval(assigned["COMMANDS"]) == list(COMMANDS)


def test_help_lists_every_command_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = dict(re.findall(r"^  (\w+) +(\S.*)$", capsys.readouterr().out, flags=re.MULTILINE))
    assert listed == {name: command.summary for name, command in COMMANDS.items()}


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("bild_map", "'bild_map' is no command. The nearest is `vpr_ros build_map`"),
        ("export-model", "'export-model' is no command. The nearest is `vpr_ros export_model`"),
        ("simulation", "'simulation' is no command. The nearest is `vpr_ros simulate`"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(
    asked: str, answered: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([asked]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {answered}")
    assert said.count("\n") == 1


def test_without_a_name_it_says_where_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err == "error: no command is given. `vpr_ros --help` lists them.\n"


@pytest.mark.slow
def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = "import sys; from vpr_ros.__main__ import main; main(['--help']); print(sorted(sys.modules))"
    done = run([sys.executable, "-c", code])
    assert not {"numpy", "rclpy", "torch", "cv2"} & set(ast.literal_eval(done.stdout.splitlines()[-1]))


@pytest.mark.slow
def test_a_missing_library_is_one_line_with_what_to_install() -> None:
    done = run([sys.executable, "-c", WITHOUT_RICH])
    assert done.returncode == 2
    assert done.stderr == (
        "error: inspect_map needs a library that cannot be loaded (No module named 'rich'). "
        "Install it: `rosdep install` in a workspace, or `pip install '.[ros]'` without ROS.\n"
    )


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, ["interrupted"]), (signal.SIGTERM, [])])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_while_it_loads_ends_it_without_a_traceback(
    name: str, number: signal.Signals, said: list[str]
) -> None:
    """The signal comes at the first line of numpy in Python's own log of imports."""
    if COMMANDS[name].module.startswith("vpr_ros.ros"):
        pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")
    if "train" in COMMANDS[name].remedy and name != "describe_model":  # which needs onnx alone
        need("torch")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPROFILEIMPORTTIME": "1"}
    command = [sys.executable, "-m", "vpr_ros", name]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        loading = any("numpy" in line for line in process.stderr)
        process.send_signal(number)
        printed = [line for line in process.stderr.read().splitlines() if not line.startswith("import time:")]
        assert (loading, printed, process.wait(60)) == (True, said, 128 + number)


def options_typed(name: str) -> set[str]:
    """Those that a document shows behind ``vpr_ros NAME``; with a dot they are a recipe's entries, checked by it."""
    texts = [path.read_text() for file in DOCUMENTS for path in ROOT.glob(file)]
    lines = [line for text in texts for line in typed(text.replace("\\\n", " "))]
    prose = [re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL).replace("\n", " ") for text in texts]
    lines += [code for text in prose for code in re.findall(r"`([^`]+)`", text)]
    calls = [line.partition("#")[0] for line in lines if re.match(rf"(vpr_ros|ros2 run vpr_ros) {name} ", line)]
    found = {word.partition("=")[0] for line in calls for word in re.findall(r"(?<= )--[\w.=-]+", line)}
    return {option for option in found - {"--ros-args"} if "." not in option}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_a_document_shows_is_there(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = options_typed(name)
    if not options:
        pytest.skip("no document shows an option of it")
    if COMMANDS[name].module.startswith("vpr_ros.ros"):
        pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")
    if "train" in COMMANDS[name].remedy:
        need("torch")
    with suppress(SystemExit):
        main([name, *(["fit"] if name == "train" else []), "--help"])
    assert options <= set(re.findall(r"--[\w-]+", capsys.readouterr().out))


def typed(text: str) -> list[str]:
    """What a reader of *text* would type: indented or fenced lines, comments with a command, and inline code."""
    fences = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in fences for line in block.splitlines()]
    lines += re.findall(r"^(?: {4}|# {3,})(\S.*)$", text, flags=re.MULTILINE)
    inline = [code for code in re.findall(r"`([^`\n]+)`", text) if " -" in code]
    return [part.strip() for line in (*lines, *inline) for part in line.split("&&")]


@pytest.mark.parametrize("file", DOCUMENTS)
def test_documents_call_commands_by_a_name_that_is_on_path(file: str) -> None:
    bare = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in ROOT.glob(file)
        for line in typed(path.read_text())
        if line.partition(" ")[0] in COMMANDS
    ]
    assert bare == []
