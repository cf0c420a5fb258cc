# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How every command starts and ends: 0 on success, 2 on a user's error with one line on stderr, 128 + n on a signal."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

from vpr_ros.core.disk import DISK_REFUSES
from vpr_ros.core.errors import ConfigError, VprError
from vpr_ros.core.process_memory import keep_freed_memory

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
EXIT_NOBODY_READS = 141


def start(name: str, module: str, remedy: str, argv: Sequence[str] | None = None) -> int:
    """Import the module of a command and run its ``main``; return the exit status.

    Args:
        name: of the command, for messages.
        module: full name of the module.
        remedy: what to do where a library it needs is missing.
        argv: arguments without the program's name.
    """

    def command(arguments: Sequence[str]) -> int:
        try:
            loaded = load(module)
        except ImportError as error:
            if (error.name or "").partition(".")[0] == "vpr_ros":
                raise  # a defect, not a library that is missing
            raise ConfigError(f"{name} needs a library that cannot be loaded ({error})", remedy) from error
        return int(loaded.main(arguments))

    return run_command(command, argv)


def load(module: str) -> Any:
    """Import a module; SIGINT and SIGTERM meanwhile end the process at once.

    Nothing is half done then, while a library that is interrupted in its import prints a traceback, says that it is
    broken, or goes on as if nothing had been.

    Raises:
        ImportError: see ``importlib.import_module``.
    """
    with _ending_at_once():
        return importlib.import_module(module)


def run_command(command: Callable[[Sequence[str]], int | None], argv: Sequence[str] | None = None) -> int:
    """Run *command* with the arguments and turn how it ended into an exit status.

    Only ``VprError``, a disk that refuses and a reader of the output that has gone are expected; anything else is a
    defect and keeps its traceback.
    """
    _print_any_name()
    try:
        keep_freed_memory()
        with _unwinding_when_terminated():
            status = command(sys.argv[1:] if argv is None else argv)
            sys.stdout.flush()
    except VprError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _let_go_of_stdout()
        return EXIT_NOBODY_READS
    except OSError as error:
        if error.errno not in DISK_REFUSES:
            raise
        _let_go_of_stdout()
        file = f"{error.filename} cannot be used" if error.filename else "what is printed, or a file, cannot be written"
        return _refuse(f"{file} ({error.strerror}). Free some space, or check its permissions.")
    return status or 0


def program(name: str) -> str:
    """How this process's user calls the command *name*: by ROS, by ``python -m``, or by pip's word."""
    started = Path(sys.argv[0]).absolute()
    if started.parent.parts[-2:] == ("lib", "vpr_ros"):
        return f"ros2 run vpr_ros {name}"
    return f"{'python -m ' if started.parts[-2:] == ('vpr_ros', '__main__.py') else ''}vpr_ros {name}"


def _refuse(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return EXIT_USER_ERROR


def _let_go_of_stdout() -> None:
    """Forget what was printed and does not arrive, or Python fails on it once more at the very end."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_any_name() -> None:
    """Let a path that is no UTF-8 be printed, with escapes, as stderr does: it is no reason to fail at the end."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def _unwinding_when_terminated() -> Iterator[None]:
    """Let SIGTERM end the block as an exception does, so that half-written folders are cleaned up."""
    with _handling({signal.SIGTERM: _terminate}):
        yield


@contextmanager
def _ending_at_once() -> Iterator[None]:
    with _handling({signal.SIGINT: _end_at_once, signal.SIGTERM: _end_at_once}):
        yield


@contextmanager
def _handling(handlers: dict[signal.Signals, Callable[[int, Any], None]]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # SIGINT is ignored by a job in the background of a script; None is a handler that Python cannot put back.
    before = {number: kept for number in handlers if (kept := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, handlers[number])
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminate(_number: int, _frame: Any) -> NoReturn:
    raise SystemExit(EXIT_TERMINATED)


def _end_at_once(number: int, _frame: Any) -> NoReturn:
    if number == signal.SIGINT:
        with suppress(OSError):
            os.write(2, b"interrupted\n")
    os._exit(128 + number)
