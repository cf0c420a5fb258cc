# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Launch files: described arguments everywhere, and real launches where ``launch`` is installed."""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from optional_parts import need

ROOT = Path(__file__).resolve().parents[1]
LAUNCH_FILES = sorted((ROOT / "launch").glob("*.launch.py"))
LOWEST_DOMAIN, DOMAINS = 10, 220
DEADLINE_S = 40.0
RUN_LAUNCH_FILE = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
arguments = [tuple(a.split(":=", 1)) for a in sys.argv[2:]]
service = LaunchService()
source = PythonLaunchDescriptionSource(sys.argv[1])
service.include_launch_description(LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)]))
sys.exit(service.run())
"""

ASK_PARAMETERS = """
import sys
import rclpy
from rcl_interfaces.srv import GetParameters
rclpy.init()
node = rclpy.create_node("asks")
client = node.create_client(GetParameters, sys.argv[1] + "/get_parameters")
assert client.wait_for_service(20.0)
future = client.call_async(GetParameters.Request(names=sys.argv[2:]))
rclpy.spin_until_future_complete(node, future, timeout_sec=20.0)
print(*(value.bool_value if value.type == 1 else value.string_value for value in future.result().values))
"""

WAIT_FOR_DIAGNOSTICS = """
import sys, time
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
rclpy.init()
node = rclpy.create_node("listens")
seen = []
node.create_subscription(DiagnosticArray, "/diagnostics", lambda m: seen.append(str(m)), 10)
end_s = time.monotonic() + 30.0
while not any(sys.argv[1] in text for text in seen):
    assert time.monotonic() < end_s, seen
    rclpy.spin_once(node, timeout_sec=0.5)
"""

INCLUDES = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, LogInfo
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node, PushRosNamespace
def generate_launch_description():
    names = {names!r}
    told = [item for name in names for item in (f" {{name}}=", LaunchConfiguration(name, default="-"))]
    return LaunchDescription([
        DeclareLaunchArgument("rviz_config", default_value="of the includer"),
        *{before},
        IncludeLaunchDescription(PythonLaunchDescriptionSource({file!r}), launch_arguments=[("rviz", "false")]),
        LogInfo(msg=["left behind:", *told, " pad=", EnvironmentVariable("MALLOC_TOP_PAD_", default_value="-"), "."]),
        *{after},
    ])
"""


def declared(file: Path) -> dict[str, ast.Call]:
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    found = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "DeclareLaunchArgument"]
    return {ast.literal_eval(call.args[0]): call for call in found}


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((k.value for k in call.keywords if k.arg == name), None)


@pytest.mark.parametrize("file", LAUNCH_FILES, ids=lambda f: f.name)
def test_compiles_and_describes_every_argument(file: Path) -> None:
    compile(file.read_text(), str(file), "exec")
    arguments = declared(file)
    assert arguments
    for name, call in arguments.items():
        description = keyword(call, "description")
        assert isinstance(description, ast.Constant) and len(str(description.value)) > 10, name
        assert keyword(call, "default_value") is not None, name


def test_localize_declares_the_contract() -> None:
    arguments = declared(ROOT / "launch" / "localize.launch.py")
    wanted = {"map", "model", "local_model", "image", "params_file", "rviz", "use_sim_time", "namespace", "dds_profile"}
    assert wanted <= set(arguments)
    default = keyword(arguments["use_sim_time"], "default_value")
    assert isinstance(default, ast.Constant) and default.value == "false"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An installation of the package by hand: what `ros2 launch` looks for, pointing at this checkout."""
    pytest.importorskip("launch", reason="needs ROS 2's launch")
    pytest.importorskip("launch_ros", reason="needs ROS 2's launch_ros")
    need("onnxruntime")
    index = tmp_path / "prefix" / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "vpr_ros").touch()
    executables = tmp_path / "prefix" / "lib" / "vpr_ros"
    executables.mkdir(parents=True)
    rviz = tmp_path / "prefix" / "lib" / "rviz2" / "rviz2"
    rviz.parent.mkdir()
    (index / "rviz2").touch()
    # RViz needs a screen: what it would have been started with is all that can be seen of it here.
    rviz.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" > "$HOME/rviz_arguments.part"\n'
        'mv "$HOME/rviz_arguments.part" "$HOME/rviz_arguments"\n'
    )
    rviz.chmod(0o755)
    modules = {"localize": "ros.localizer.node", "simulate": "ros.tools.simulate", "build_map": "cli.build_map"}
    for name, module in modules.items():
        script = executables / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vpr_ros.{module} "$@"\n')
        script.chmod(0o755)
    return tmp_path / "prefix"


Launch = Callable[..., tuple["subprocess.Popen[bytes]", Path]]


@pytest.fixture
def launch(prefix: Path, tmp_path: Path) -> Iterator[Launch]:
    """Run a launch file in a process group of its own; its output goes to a file."""
    started: list[subprocess.Popen[bytes]] = []

    def start(file: str, *arguments: str, **env: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = tmp_path / "launch.log"
        environment = {
            **os.environ,
            "AMENT_PREFIX_PATH": f"{prefix}:{os.environ.get('AMENT_PREFIX_PATH', sys.prefix)}",
            "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
            "HOME": str(tmp_path),
            "ROS_LOG_DIR": str(tmp_path / "log"),
            "ROS_DOMAIN_ID": str(LOWEST_DOMAIN + os.getpid() % DOMAINS),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "PYTHONUNBUFFERED": "1",
            **env,
        }
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-c", RUN_LAUNCH_FILE, str(ROOT / "launch" / file), *arguments],
                env=environment, cwd=tmp_path, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        started.append(process)
        return process, log

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(text: str, log: Path, deadline_s: float = DEADLINE_S) -> str:
    end_s = time.monotonic() + deadline_s
    while text not in (output := log.read_text(errors="replace")):
        assert time.monotonic() < end_s, f"still waiting for {text!r} in:\n{output}"
        time.sleep(0.1)
    return output


def environment_of(command: str, name: str, log: Path) -> dict[str, str]:
    """The environment of the running node, as the kernel knows it."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().decode(errors="replace")
            variables = (process / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        found = dict(item.split("=", 1) for item in variables.split("\0") if "=" in item)
        if (
            command in arguments
            and found.get("ROS_LOG_DIR") == str(log.parent / "log")
            and "-c" not in arguments.split("\0")
        ):
            return found
    raise AssertionError(f"{name} does not run:\n{log.read_text(errors='replace')}")


def test_without_rviz_the_localizer_runs_on_with_a_warning(launch: Launch, prefix: Path) -> None:
    (prefix / "share" / "ament_index" / "resource_index" / "packages" / "rviz2").unlink()
    process, log = launch(
        "localize.launch.py", "map:=no_such_map", "rviz:=true", AMENT_PREFIX_PATH=str(prefix)
    )  # a ROS installation may have RViz
    output = wait_for("no_such_map", log)
    assert "[WARNING] [localize.launch.py]: rviz2 is not installed" in output
    interrupt(process, log)


def test_without_rviz_the_demo_drives_all_the_same(launch: Launch, prefix: Path, tmp_path: Path) -> None:
    (prefix / "share" / "ament_index" / "resource_index" / "packages" / "rviz2").unlink()
    process, log = launch(
        "demo.launch.py", f"folder:={tmp_path / 'demo'}", "distance_m:=12.0", "rate_hz:=2.0",
        AMENT_PREFIX_PATH=str(prefix),
    )  # fmt: skip
    output = wait_for("[simulate-4]: process has finished cleanly", log, deadline_s=90.0)
    assert "published 4 images" in output and "rviz2 is not installed" in output
    interrupt(process, log)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=lambda s: s.name)
def test_nothing_outlives_a_launch_that_is_killed(launch: Launch, end: signal.Signals) -> None:
    process, log = launch("localize.launch.py", "map:=no_such_map", "rviz:=false")
    wait_for("no_such_map", log)
    process.send_signal(end)
    process.wait(DEADLINE_S)
    nothing_left(process, log)


def test_nothing_outlives_a_launch_in_which_something_else_fails(launch: Launch, tmp_path: Path) -> None:
    failing = "[Node(package='no_such_package', executable='no_such_thing')]"
    process, log = launch(str(including(tmp_path, after=failing)))
    assert process.wait(DEADLINE_S) == 1
    assert "no_such_package" in log.read_text()
    nothing_left(process, log)


def test_no_argument_and_no_variable_is_left_behind_in_an_including_launch_file(launch: Launch, tmp_path: Path) -> None:
    names = [name for name in declared(ROOT / "launch" / "localize.launch.py") if name != "rviz"]
    process, log = launch(str(including(tmp_path, names=names)), MALLOC_TOP_PAD_="")
    output = wait_for("vpr_localizer]: ", log)
    expected = " ".join(f"{name}={'of the includer' if name == 'rviz_config' else '-'}" for name in names)
    assert f"left behind: {expected} pad=." in output
    interrupt(process, log)


def including(folder: Path, names: Sequence[str] = (), before: str = "[]", after: str = "[]") -> Path:
    """A launch file that includes localize.launch.py and then says what it finds of *names*."""
    path = folder / "including.launch.py"
    file = str(ROOT / "launch" / "localize.launch.py")
    path.write_text(INCLUDES.format(names=list(names), file=file, before=before, after=after))
    return path


def test_a_namespace_that_the_includer_pushed_holds(launch: Launch, tmp_path: Path) -> None:
    process, log = launch(str(including(tmp_path, before="[PushRosNamespace('fleet')]")), "namespace:=robot")
    wait_for("[fleet.robot.vpr_localizer]: ", log)
    interrupt(process, log)


def test_the_log_level_holds_in_a_namespace(launch: Launch) -> None:
    process, log = launch("localize.launch.py", "map:=no_such_map", "namespace:=robot/front", "log_level:=FATAL")
    wait_for("process started", log)
    environment = environment_of("vpr_ros.ros.localizer.node", "the localizer", log)
    asked = subprocess.run(
        [sys.executable, "-c", WAIT_FOR_DIAGNOSTICS, "no_such_map"],
        env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr + log.read_text()
    assert "no_such_map" not in log.read_text(), "an error is less than fatal"
    interrupt(process, log)


@pytest.mark.parametrize(
    ("argument", "found"),
    [
        ("params_file:=no_such.yaml", "no_such.yaml cannot be read"),
        ("rviz_config:=no_such.rviz", "no_such.rviz is not a file"),
        ("log_level:=loud", "log_level is 'loud'. Choose one of debug, info, warn, error, fatal"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_starts(launch: Launch, argument: str, found: str) -> None:
    process, log = launch("localize.launch.py", "map:=no_such_map", "rviz:=true", argument)
    assert process.wait(DEADLINE_S) == 1
    output = log.read_text()
    assert found in output
    assert "process started" not in output
    nothing_left(process, log)


def test_a_parameter_file_for_other_nodes_is_named(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("vpr_localizer:\n  ros__parameters:\n    map: not_used\n")
    process, log = launch("localize.launch.py", "map:=no_such_map", "params_file:=~/own.yaml", "namespace:=robot")
    output = wait_for("no_such_map", log)
    assert "own.yaml has no parameters for /robot/vpr_localizer" in output
    interrupt(process, log)


def test_localize_starts_the_node_with_its_arguments_and_profile(launch: Launch) -> None:
    process, log = launch("localize.launch.py", "map:=no_such_map", "namespace:=robot")
    wait_for("no_such_map", log)
    variables = environment_of("vpr_ros.ros.localizer.node", "the localizer", log)
    assert variables["FASTRTPS_DEFAULT_PROFILES_FILE"] == str(ROOT / "config" / "fastdds_large_images.xml")
    assert int(variables["MALLOC_TOP_PAD_"]) > 0
    assert "robot.vpr_localizer" in log.read_text()
    interrupt(process, log)


def test_a_profile_of_the_user_stays(launch: Launch, tmp_path: Path) -> None:
    own = tmp_path / "own.xml"
    own.write_text((ROOT / "config" / "fastdds_large_images.xml").read_text())
    _, log = launch("localize.launch.py", "map:=no_such_map", FASTRTPS_DEFAULT_PROFILES_FILE=str(own))
    wait_for("no_such_map", log)
    assert environment_of("vpr_ros.ros.localizer.node", "the localizer", log)["FASTRTPS_DEFAULT_PROFILES_FILE"] == str(
        own
    )


def test_demo_builds_a_map_and_drives(launch: Launch, tmp_path: Path) -> None:
    process, log = launch(
        "demo.launch.py", f"folder:={tmp_path / 'demo'}", "rviz:=true", "distance_m:=12.0", "rate_hz:=2.0"
    )
    wait_for("published ", log, deadline_s=90.0)
    wait_for("[simulate-5]: process has finished cleanly", log)
    place_map = tmp_path / "demo" / "map_1"
    arguments = rviz_arguments(tmp_path)
    shown = yaml.safe_load(Path(arguments[arguments.index("-d") + 1]).read_text())["Visualization Manager"]
    assert shown["Global Options"]["Fixed Frame"] == "map"
    first = (place_map / "frames.csv").read_text().splitlines()[1].split(",")
    camera = shown["Views"]["Current"]
    assert camera["Scale"] * abs(float(first[4]) - camera["X"]) < 600.0, "the map is in the window"
    assert camera["Scale"] * abs(float(first[5]) - camera["Y"]) < 450.0
    interrupt(process, log)


def test_the_demo_ends_with_ctrl_c_in_the_middle_of_the_drive(launch: Launch, tmp_path: Path) -> None:
    demo = ("demo.launch.py", f"folder:={tmp_path / 'demo'}", "rviz:=false", "distance_m:=60.0", "rate_hz:=2.0")
    process, log = launch(*demo)
    wait_for("frames in 'map'", log, deadline_s=90.0)
    interrupt(process, log)
    assert "simulated town" in wait_for("published ", log)
    process, log = launch(*demo)
    wait_for("frames in 'map'", log)
    assert "recording a drive" not in log.read_text(), "the map of the first time is used again"
    interrupt(process, log)


def test_arguments_win_over_the_parameter_file_and_the_rest_of_it_holds(launch: Launch, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("/**:\n  ros__parameters:\n    map: not_this_one\n    base_frame: base_footprint\n")
    process, log = launch(
        "localize.launch.py", "map:=no_such_map", f"params_file:={own}", "namespace:=robot", "use_sim_time:=true",
        "image:=/front/image_raw",
    )  # fmt: skip
    wait_for("no_such_map", log)
    environment = environment_of("vpr_ros.ros.localizer.node", "the localizer", log)
    asked = subprocess.run(
        [sys.executable, "-c", ASK_PARAMETERS, "/robot/vpr_localizer", "map", "base_frame", "use_sim_time"],
        env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert asked.stdout.split() == ["no_such_map", "base_footprint", "True"], asked.stderr
    interrupt(process, log)


def test_rviz_follows_the_namespace_and_opens_without_a_map_too(launch: Launch, tmp_path: Path) -> None:
    process, log = launch("localize.launch.py", "map:=no_such_map", "namespace:=robot", "rviz:=true")
    output = wait_for("vpr_localizer]: ", log)
    assert "RViz does not open on the map: map no_such_map does not exist" in output
    arguments = rviz_arguments(tmp_path)
    assert arguments[arguments.index("-d") + 1] == str(ROOT / "config" / "vpr.rviz")
    config = yaml.safe_load((ROOT / "config" / "vpr.rviz").read_text())["Visualization Manager"]
    shown = [display["Topic"]["Value"] for display in config["Displays"] if "Topic" in display]
    for topic in [*shown, "/initialpose"]:
        assert f"{topic}:=/robot{topic}" in arguments
    interrupt(process, log)


def test_rviz_shows_the_frame_that_the_parameters_name(launch: Launch, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "slam_toolbox:\n  ros__parameters:\n    map_frame: theirs\n"
        "vpr_localizer:\n  ros__parameters:\n    map_frame: earth\n"
    )
    process, log = launch("localize.launch.py", "map:=no_such_map", f"params_file:={own}", "rviz:=true")
    wait_for("vpr_localizer]: ", log)
    arguments = rviz_arguments(tmp_path)
    assert arguments[arguments.index("--fixed-frame") + 1] == "earth"
    assert not [argument for argument in arguments if argument.startswith("/vpr_localizer/")]
    interrupt(process, log)


def rviz_arguments(home: Path) -> list[str]:
    end_s = time.monotonic() + DEADLINE_S
    while not (home / "rviz_arguments").exists():
        assert time.monotonic() < end_s, "RViz was not started"
        time.sleep(0.1)
    return (home / "rviz_arguments").read_text().splitlines()


def interrupt(process: subprocess.Popen[bytes], log: Path) -> None:
    """Ctrl-C, as a terminal sends it: to every process of the launch. All end, none of them with an error."""
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(DEADLINE_S) == 0
    output = log.read_text()
    for word in ("Traceback", "process has died", "escalating", "defect"):
        assert word not in output, output
    nothing_left(process, log)


def nothing_left(process: subprocess.Popen[bytes], log: Path) -> None:
    """Every process of the launch ends soon after it."""
    end_s = time.monotonic() + DEADLINE_S
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < end_s:
            os.killpg(process.pid, 0)
            time.sleep(0.1)
    print(log.read_text(errors="replace"))
