# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A real Milvus server of the PyPI package ``milvus``, with user, password and TLS, which a test may kill."""

from __future__ import annotations

import importlib
import lzma
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from optional_parts import need

FIRST_PASSWORD, PASSWORD = "Milvus", "correct-horse-7"
"""Of the root user: a new server's, and the one it gets."""
_SETTINGS = {"log.level": "error", "etcd.log.level": "error", "common.session.ttl": 3}
"""The last: so long a server that is started again waits for the one that was killed."""


def need_server() -> None:
    """Skip where no such server can be."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("the package milvus brings a server for Linux x86-64 only", allow_module_level=True)
    need("pymilvus")
    need("milvus")


class MilvusProcess:
    """One server in a folder of its own; it keeps what it was given when it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        milvus: Any = importlib.import_module("milvus")
        self.certificate, key = _certificate(folder)
        self._folder = folder
        self._config = milvus.MilvusServerConfig(data_dir=str(folder))
        ports = [key for key in self._config.configurable_items if key.endswith("_port") and key != "etcd_port"]
        *free, self._metrics_port = _free_ports(len(ports) + 1)
        self._config.update(**dict(zip(ports, free, strict=True)))
        for name, value in _SETTINGS.items():
            self._config.set(name, value)
        self._config.set("authorization_enabled", True)
        self._config.set("tls_mode", 1)
        self._config.set("server_pem_path", str(self.certificate))
        self._config.set("server_key_path", str(key))
        with warnings.catch_warnings():  # where etcd's usual port is taken, its socket is not closed but forgotten
            warnings.simplefilter("ignore", ResourceWarning)
            self._config.resolve()
        self.port = int(self._config.get("proxy_port"))
        _unpack(Path(milvus.__file__).parent / "data" / "bin", folder / "bin")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def server(self) -> str:
        return f"localhost:{self.port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What gives a process the right to ask."""
        return {
            "VPR_MILVUS_SERVER": self.server,
            "VPR_MILVUS_USER": "root",
            "VPR_MILVUS_PASSWORD": PASSWORD,
            "VPR_MILVUS_CA": str(self.certificate),
        }

    @property
    def fault(self) -> str:
        """Why it ended by itself, "" while it runs."""
        if self._process is None or self._process.poll() is None:
            return ""
        taken = "its etcd needs the ports 2379 and 2380 of this machine for itself"
        return f"the server ended with {self._process.returncode}: {taken}; {self._folder / 'output.txt'}"

    def start(self) -> None:
        """Start it; it serves some seconds later."""
        program = self._folder / "bin" / "milvus"
        env = {
            **os.environ,
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self._metrics_port),
            "MILVUS_RUN_DIR": str(self._folder / "run"),
            "LD_LIBRARY_PATH": str(program.parent),
        }
        with (self._folder / "output.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [str(program), "run", "standalone"], cwd=self._folder, env=env, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """As kill -9 does."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """From now on it takes what it is sent and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(one.getsockname()[1]) for one in sockets]


def _unpack(packed: Path, programs: Path) -> None:
    """What the package does when it starts its server, which takes it twice as long."""
    programs.mkdir()

    def unpack(file: Path) -> None:
        with lzma.open(file) as source, (programs / file.stem).open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        (programs / file.stem).chmod(0o755)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(unpack, sorted(packed.glob("*.lzma"), key=lambda file: -file.stat().st_size)))


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "server.pem", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key
