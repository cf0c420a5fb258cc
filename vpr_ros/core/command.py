"""How every command of the package ends: 0 on success, 2 on a user's error with one line on stderr."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, NoReturn

from vpr_ros.core.errors import VprError
from vpr_ros.core.process_memory import keep_freed_memory

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


def run_command(command: Callable[[Sequence[str]], None], argv: Sequence[str] | None = None) -> int:
    """Run *command* with the arguments and turn how it ended into an exit status.

    Only ``VprError`` is expected; anything else is a defect and keeps its traceback.
    """
    keep_freed_memory()
    _print_any_name()
    try:
        with _unwinding_when_terminated():
            command(sys.argv[1:] if argv is None else argv)
    except VprError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _print_any_name() -> None:
    """Let a path that is no UTF-8 be printed, with escapes, as stderr does: it is no reason to fail at the end."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def _unwinding_when_terminated() -> Iterator[None]:
    """Let SIGTERM end the block as an exception does, so that half-written folders are cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: Any) -> NoReturn:
    raise SystemExit(EXIT_TERMINATED)
