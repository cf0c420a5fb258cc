# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Memory that is free: of the machine, and within a container's limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpr_ros.core import free_memory


def test_the_smaller_of_machine_and_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(free_memory, "GROUP", tmp_path)
    assert free_memory.available_bytes() is None
    (tmp_path / "meminfo").write_text("MemTotal:  9000 kB\nMemAvailable:    4000 kB\n")
    assert free_memory.available_bytes() == 4_096_000
    for name, content in (("max", "3000000"), ("current", "2000000"), ("stat", "anon 5\nfile 500000")):
        (tmp_path / f"memory.{name}").write_text(content)
    assert free_memory.available_bytes() == 1_500_000
    (tmp_path / "memory.max").write_text("max")
    assert free_memory.available_bytes() == 4_096_000
