"""A rosbag2 recording, open for reading, whatever its storage."""

from __future__ import annotations

import struct
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection

from vpr_ros.core.errors import SourceError
from vpr_ros.sources.bag_messages import NANOSECONDS, TYPESTORE
from vpr_ros.sources.image_file import natural_key

BAG_SUFFIXES = (".db3", ".mcap")


class RawMessage(NamedTuple):
    """A message that is not deserialised yet."""

    topic: str
    log_ns: int
    data: bytes


class BagRecording:
    """Topics and messages of a bag. The file is closed when the object is collected.

    Attributes:
        path: the folder or storage file.
        types: message type by topic, topics without messages left out.
    """

    def __init__(self, path: Path) -> None:
        """Open the folder, ``.mcap`` or ``.db3`` file *path*.

        A folder without ``metadata.yaml`` is read too: its storage files as one recording, by time.

        Raises:
            SourceError: it is no bag, or damaged.
        """
        self.path = path
        self._reader = _open_reader(path)
        weakref.finalize(self, self._reader.close)
        self._connections: dict[str, list[Connection]] = {}
        for connection in self._reader.connections:
            if connection.msgcount:
                self._connections.setdefault(connection.topic, []).append(connection)
        self.types: Mapping[str, str] = {
            topic: connections[0].msgtype for topic, connections in self._connections.items()
        }

    def messages(
        self, topics: Collection[str], start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[RawMessage]:
        """Yield the messages of *topics* in order of their log time, start <= log time < stop.

        Raises:
            SourceError: the file is damaged.
        """
        connections = [connection for topic in topics for connection in self._connections[topic]]
        try:
            for connection, log_ns, data in self._reader.messages(connections, start_ns, stop_ns):
                yield RawMessage(connection.topic, log_ns, bytes(data))
        except Exception as error:  # the storage libraries raise whatever the damaged bytes lead them to
            raise _damaged(self.path, error) from error

    def decode(self, raw: RawMessage) -> Any:
        """Deserialise one message.

        Raises:
            SourceError: its bytes are not a message of the topic's type.
        """
        type_name = self.types[raw.topic]
        try:
            return self._reader.typestore.deserialize_cdr(raw.data, type_name)
        except Exception as error:  # see messages()
            raise SourceError(
                f"{self.path}: a message of {raw.topic} at {raw.log_ns} ns is not a {type_name} ({error!r})",
                "Record again, or leave the topic out",
            ) from error


def read_header(raw: RawMessage) -> tuple[int, str]:
    """Stamp and frame of a message that begins with a ``std_msgs/Header``, without touching the rest.

    Where the publisher left the stamp at zero, the time of recording takes its place.

    Raises:
        SourceError: the message is too short to hold a header.
    """
    try:
        order = "<" if raw.data[1] & 1 else ">"
        sec, nanosec, length = struct.unpack_from(f"{order}iII", raw.data, 4)
        frame_id = raw.data[16 : 16 + length].split(b"\0", 1)[0].decode(errors="replace")
    except (IndexError, struct.error) as error:
        raise SourceError(
            f"a message of {raw.topic} at {raw.log_ns} ns has {len(raw.data)} bytes, too few for a header",
            "Record again, or leave the topic out",
        ) from error
    return (sec * NANOSECONDS + nanosec) or raw.log_ns, frame_id.lstrip("/")


def is_unstamped(raw: RawMessage) -> bool:
    """Whether the header's stamp is zero: not set, or the beginning of a simulated clock."""
    return raw.data[4:12] == bytes(8)


def mend_zero_stamps(stamps_ns: Sequence[int], unstamped: Sequence[bool]) -> list[int]:
    """Take zero for what it is where the other stamps of the topic tell a simulated clock that began there.

    Args:
        stamps_ns: as ``read_header`` gives them: the time of recording stands in for zero.
        unstamped: which of them are stand-ins.
    """
    stamped_ns = next((stamp for stamp, unset in zip(stamps_ns, unstamped, strict=True) if not unset), None)
    return [
        0 if unset and stamped_ns is not None and stamped_ns < stamp // 2 else stamp
        for stamp, unset in zip(stamps_ns, unstamped, strict=True)
    ]


def unset_stamps(what: str, stamps_ns: Sequence[int], unstamped: Sequence[bool]) -> list[str]:
    """A sentence where stamps were not set and the time of recording stands in: it is later than what it stands for.

    Args:
        what: of which messages, for people.
        stamps_ns: as ``mend_zero_stamps`` gives them.
        unstamped: which of them were zero.
    """
    count = sum(unset and stamp_ns != 0 for stamp_ns, unset in zip(stamps_ns, unstamped, strict=True))
    return [f"{count} of {len(stamps_ns)} {what} have no stamp, the time of recording stands in"] if count else []


def _open_reader(path: Path) -> AnyReader:
    try:
        reader = AnyReader(_storage(path), default_typestore=TYPESTORE)
        reader.open()
    except SourceError:
        raise
    except Exception as error:  # see BagRecording.messages
        raise _damaged(path, error) from error
    return reader


def _storage(path: Path) -> list[Path]:
    """What the library is to open: the bag itself, or the storage files of a folder that lost its metadata.

    Raises:
        SourceError: the folder holds files of both kinds.
    """
    if not path.is_dir() or (path / "metadata.yaml").is_file():
        return [path]
    files = sorted((p for p in path.iterdir() if p.suffix in BAG_SUFFIXES), key=lambda p: natural_key(p.name))
    kinds = sorted({p.suffix for p in files})
    if len(kinds) > 1:
        raise SourceError(
            f"{path} has no metadata.yaml and holds {' and '.join(kinds)} files",
            "Give one of the files, or put each recording in a folder of its own and run `ros2 bag reindex` on it",
        )
    return files


def _damaged(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"{path} cannot be read as a rosbag2 recording ({str(error).rstrip('.') or repr(error)})",
        "Check it with `ros2 bag info`; a recording that was cut off can be mended with `ros2 bag reindex` "
        "or `mcap recover`",
    )
