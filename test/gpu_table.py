# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What scripts/check_gpu.sh prints: the machine, a row for each check, what was not run. Needs Python alone."""

import ast
import ctypes
import os
import platform
import sys
import xml.etree.ElementTree as ET
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("onnxruntime-gpu", "onnxruntime", "torch", "tensorrt-cu13-libs", "tensorrt", "numpy")


def why_no_device() -> str:
    """Why no NVIDIA GPU answers; "" where one does."""
    try:
        driver, count = ctypes.CDLL("libcuda.so.1"), ctypes.c_int()
    except OSError:
        return "no NVIDIA GPU: its driver's libcuda.so.1 is not found"
    status = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    return "" if status == 0 and count.value else f"no NVIDIA GPU: the driver finds none (status {status})"


def device_name() -> str:
    """What the first GPU calls itself."""
    if os.environ.get("VPR_ROS_GPU_STAND_IN") == "cpu":
        return "THE CPU STANDS IN: this says nothing of any GPU"
    name, driver = ctypes.create_string_buffer(256), ctypes.CDLL("libcuda.so.1")
    driver.cuInit(0)
    driver.cuDeviceGetName(name, len(name), 0)
    return name.value.decode(errors="replace")


def machine() -> str:
    """The line above the table."""
    found = [f"{package} {_version(package)}" for package in PACKAGES if _version(package)]
    python = f"Python {platform.python_version()}"
    return ", ".join([device_name(), f"{platform.machine()}, {os.cpu_count()} cores", python, *found])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def words(name: str) -> str:
    """The name of a test as people read it."""
    return name.removeprefix("test_").replace("_", " ")


def names_of_checks(folder: Path) -> list[str]:
    """Every check below *folder*, by reading the files."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("test_*.py"))]
    functions = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [words(function.name) for function in functions if function.name.startswith("test_")]


def row(case: ET.Element) -> tuple[str, str, str, str]:
    """Check, result, what it measured or why it did not run, seconds."""
    figures = [entry.get("value", "") for entry in case.iter("property") if entry.get("name") == "figure"]
    result, said = "ok", "; ".join(figures)
    for kind, called in (("skipped", "NOT RUN"), ("failure", "FAILED"), ("error", "FAILED")):
        found = case.find(kind)
        if found is not None:
            result, said = called, (found.get("message") or "").strip().splitlines()[0][:200]
    return words(case.get("name", "")), result, said, f"{float(case.get('time', 0)):.0f} s"


def table(results: Path) -> list[str]:
    """Lines of the table of a JUnit file."""
    rows = [row(case) for case in ET.parse(results).iter("testcase")]  # pytest wrote it a moment ago
    widths = [max(len(line[column]) for line in [*rows, ("", "", "", "")]) for column in (0, 1, 3)]
    lines = [
        f"{check:{widths[0]}s}  {result:{widths[1]}s}  {took:>{widths[2]}s}  {said}".rstrip()
        for check, result, said, took in rows
    ]
    counts = {name: sum(line[1] == name for line in rows) for name in ("ok", "FAILED", "NOT RUN")}
    return [machine(), "", *lines, "", ", ".join(f"{count} {name}" for name, count in counts.items())]


def main(argv: list[str]) -> int:
    """Print the table of a JUnit file, or the checks of a folder that were not run."""
    if argv[0] == "--not-run":
        print("\n".join(f"  {name}" for name in names_of_checks(Path(argv[1]))))
    else:
        print("\n".join(table(Path(argv[0]))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
