# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Fixtures of the ROS tests: one DDS domain per session, one map, processes that never outlive their test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from optional_parts import imports_of_optional_parts

with imports_of_optional_parts():
    import rclpy
    from harness import (
        Diagnostics,
        GraphClient,
        RosProcess,
        StartNode,
        clean_environment,
        init_client_context,
    )

NODE_MODULE = "vpr_ros.ros.localizer.node"
LOWEST_DOMAIN, DOMAINS = 10, 220


@pytest.fixture(scope="session")
def ros_env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment for child processes; the test's own process gets the same domain."""
    env = clean_environment(tmp_path_factory.mktemp("ros_home"), LOWEST_DOMAIN + os.getpid() % DOMAINS)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        init_client_context()
        yield env
        rclpy.try_shutdown()


@pytest.fixture
def client(ros_env: dict[str, str]) -> Iterator[GraphClient]:
    """A node of the test."""
    graph_client = GraphClient()
    yield graph_client
    graph_client.close()


@pytest.fixture
def diagnostics(client: GraphClient) -> Diagnostics:
    """What the graph says on /diagnostics."""
    return Diagnostics(client)


@pytest.fixture
def start_process(
    ros_env: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., RosProcess]]:
    """Start ``python -m module arguments...``; its output is shown when the test fails. None in *env* unsets a name."""
    with ExitStack() as stack:
        started: list[RosProcess] = []

        def start(module: str, *arguments: str, env: Mapping[str, str | None] | None = None) -> RosProcess:
            log = tmp_path / f"process_{len(started)}.log"
            given = {name: value for name, value in {**ros_env, **(env or {})}.items() if value is not None}
            process = stack.enter_context(RosProcess(module, arguments, given, log))
            started.append(process)
            return process

        yield start
        for process in started:
            print(f"--- {process.log.name} (status {process.process.poll()}):\n{process.output}")


@pytest.fixture
def start_localizer(start_process: Callable[..., RosProcess]) -> StartNode:
    """Start the node with parameters: ``start_localizer(map=path, continuous="false")``."""

    def start(*arguments: str, **parameters: object) -> RosProcess:
        given = [item for name, value in parameters.items() for item in ("-p", f"{name}:={value}")]
        return start_process(NODE_MODULE, "--ros-args", *given, *arguments)

    return start


@pytest.fixture(scope="session")
def texture_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of ``TextureSource`` by the shipped model. Read only: copy it before changing it."""
    from harness import make_map  # a test that needs no more of it is then skipped with the reason

    return make_map(tmp_path_factory.mktemp("maps") / "textures")
