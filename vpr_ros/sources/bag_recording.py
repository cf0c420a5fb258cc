"""A rosbag2 recording, open for reading, whatever its storage."""

from __future__ import annotations

import heapq
import struct
import weakref
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from rosbags.interfaces import Connection, ConnectionExtRosbag2
from rosbags.rosbag2 import Reader

from vpr_ros.core.errors import SourceError
from vpr_ros.core.time_ns import from_sec_nanosec
from vpr_ros.sources.bag_definitions import TopicDecoder, three_part_name
from vpr_ros.sources.bag_files import find_bag_files, shown
from vpr_ros.sources.bag_messages import READ_TYPES
from vpr_ros.sources.bag_metadata import differences
from vpr_ros.sources.bag_storage import BagStorage, damaged, decompressed

_ZSTD: Final = b"\x28\xb5\x2f\xfd"
"""Begins what was compressed message by message; a message itself begins with a zero."""

_HEADER_BYTES: Final = 16
"""CDR's own four, the stamp and the length of the frame's name."""


class RawMessage(NamedTuple):
    """A message that is not deserialised yet."""

    topic: str
    log_ns: int
    data: bytes


class BagRecording:
    """Topics and messages of a bag. The files are closed when the object is collected.

    Attributes:
        path: the folder or storage file.
        types: message type by topic, topics without messages left out; of a topic with several types the one that
            is read here, else the one with most messages.
        notices: what is not as it should be with the recording as a whole, one sentence each.
    """

    def __init__(self, path: Path) -> None:
        """Open the folder, ``.mcap`` or ``.db3`` file *path*.

        A folder without ``metadata.yaml`` is read too: its storage files as one recording, by time. Where there is
        one, only its file names and its numbers of messages are taken from there.

        Raises:
            SourceError: it is no bag, or damaged.
        """
        self.path = path
        files = find_bag_files(path)
        self._files = files.paths
        self._storage = BagStorage(files.paths)
        self._promised = files.promised
        self._connections: dict[str, list[tuple[Reader, Connection]]] = {}
        self._open()
        self.types: Mapping[str, str] = {topic: _type_of(found) for topic, found in self._connections.items()}
        self._decoders: dict[str, TopicDecoder] = {}
        self.notices = [*files.notices, *self._storage.notices]
        if self._foreign:
            listed = ", ".join(
                f"{topic} ({encoding or 'unknown'})" for topic, encoding in sorted(self._foreign.items())
            )
            self.notices.append(f"not read, because they are not encoded as ROS 2 messages are: {listed}")

    def _open(self) -> None:
        self._readers = self._storage.open()
        for reader in self._readers:
            weakref.finalize(self, reader.close)
        self._connections.clear()
        self._foreign: dict[str, str] = {}
        for reader in self._readers:
            is_counted = any(connection.msgcount for connection in reader.connections)
            for connection in reader.connections:
                encoding = cast("ConnectionExtRosbag2", connection.ext).serialization_format
                if is_counted and not connection.msgcount:
                    continue
                if encoding != "cdr":
                    self._foreign[connection.topic] = encoding
                else:
                    self._connections.setdefault(connection.topic, []).append((reader, connection))

    def reopened(self) -> BagRecording:
        """The same recording with files of its own: a forked process must not share its parent's."""
        again: BagRecording = object.__new__(BagRecording)
        again.__dict__.update(self.__dict__)
        again._connections = {}
        again._open()
        return again

    def remarks(self, topics: Collection[str]) -> list[str]:
        """What is not as it should be with *topics*, and what was promised and is not there, one sentence each."""
        sentences = []
        for topic in topics:
            others = Counter[str]()
            for _, connection in self._connections[topic]:
                others[three_part_name(connection.msgtype)] += connection.msgcount
            count = others.pop(self.types[topic])
            if others:
                kinds = ", ".join(f"{number} {name}" for name, number in others.items())
                sentences.append(f"{topic} carries several types: {count} {self.types[topic]} are read, {kinds} not")
            notice = self._decoder(topic).notice
            sentences += [f"{topic}: {notice}"] if notice else []
        found = {topic: sum(c.msgcount for _, c in self._connections[topic]) for topic in topics}
        return sentences + differences(self._promised, {**found, **dict.fromkeys(self._absent, 0)})

    @property
    def missing(self) -> list[str]:
        """A sentence for the topics that are promised by the metadata, but of which no message is there."""
        return differences(self._promised, dict.fromkeys(self._absent, 0))

    @property
    def _absent(self) -> list[str]:
        known = {*self.types, *self._foreign}
        return [topic for topic, count in self._promised.items() if count and topic not in known]

    def messages(
        self, topics: Collection[str], start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[RawMessage]:
        """Yield the messages of *topics* in order of their log time, start <= log time < stop.

        Raises:
            SourceError: the file is damaged.
        """
        streams = []
        for reader, file in zip(self._readers, self._files, strict=True):
            wanted = [connection for topic in topics for connection in self._read_from(reader, topic)]
            if wanted:  # none would be all of them
                streams.append(_stream(file, reader.messages(wanted, start_ns, stop_ns)))
        yield from heapq.merge(*streams, key=lambda raw: raw.log_ns)

    def _read_from(self, reader: Reader, topic: str) -> list[Connection]:
        return [
            connection
            for owner, connection in self._connections[topic]
            if owner is reader and three_part_name(connection.msgtype) == self.types[topic]
        ]

    def decode(self, raw: RawMessage) -> Any:
        """Deserialise one message.

        Raises:
            SourceError: its bytes are not a message of the topic's type.
        """
        try:
            return self._decoder(raw.topic).decode(raw.data)
        except Exception as error:  # see _stream
            raise SourceError(
                f"{shown(self.path)}: a message of {raw.topic} at {raw.log_ns} ns is not a {self.types[raw.topic]} "
                f"({error!r})",
                "Check what publishes it, or choose other topics",
            ) from error

    def _decoder(self, topic: str) -> TopicDecoder:
        if topic not in self._decoders:
            definitions = [
                connection.msgdef
                for _, connection in self._connections[topic]
                if three_part_name(connection.msgtype) == self.types[topic]
            ]
            self._decoders[topic] = TopicDecoder(self.types[topic], definitions)
        return self._decoders[topic]


def _stream(file: Path, messages: Iterator[tuple[Connection, int, bytes]]) -> Iterator[RawMessage]:
    try:
        for connection, log_ns, data in messages:
            content = bytes(data or b"")
            yield RawMessage(connection.topic, log_ns, decompressed(content) if content.startswith(_ZSTD) else content)
    except Exception as error:  # the storage libraries raise whatever the damaged bytes lead them to
        raise damaged(file, error) from error


def read_header(raw: RawMessage) -> tuple[int, str]:
    """Stamp and frame of a message that begins with a ``std_msgs/Header``, without touching the rest.

    Where the publisher left the stamp at zero, the time of recording takes its place.

    Raises:
        SourceError: the message is too short to hold a header.
    """
    if is_headless(raw):
        raise SourceError(
            f"a message of {raw.topic} at {raw.log_ns} ns has {len(raw.data)} bytes, too few for a header",
            "Check what publishes it, or choose other topics",
        )
    order = "<" if raw.data[1] & 1 else ">"
    sec, nanosec, length = struct.unpack_from(f"{order}iII", raw.data, 4)
    frame_id = raw.data[16 : 16 + length].split(b"\0", 1)[0].decode(errors="replace")
    return from_sec_nanosec(sec, nanosec) or raw.log_ns, frame_id.lstrip("/")


def is_headless(raw: RawMessage) -> bool:
    """Whether a message is too short for ``read_header``."""
    return len(raw.data) < _HEADER_BYTES


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


def _type_of(found: Sequence[tuple[Reader, Connection]]) -> str:
    counts = Counter[str]()
    for _, connection in found:
        counts[three_part_name(connection.msgtype)] += connection.msgcount
    return max(counts, key=lambda name: (name in READ_TYPES, counts[name]))
