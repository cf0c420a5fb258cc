"""Storage files that are named, cut off or compressed in ways the library alone does not read; none is changed."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from backports import zstd
from some_bags import BRIGHTNESS, COUNT, X_M, brightness, images, odom, write, x_m

from vpr_ros.core.errors import SourceError
from vpr_ros.sources import SourceOptions, open_source

QOS = "- history: 3\n  depth: 0\n  reliability: 1\n"


def storage_file(bag: Path, suffix: str = ".db3") -> Path:
    (file,) = bag.glob(f"*{suffix}")
    return file


def contents(folder: Path) -> dict[str, str]:
    return {
        os.fsdecode(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def cut_off(tmp_path: Path, *, shared_memory: bool, metadata: bool) -> Path:
    """A recording that lost power: the second half of its messages stands in the -wal only."""
    whole = write(tmp_path / "whole", images(), odom(), storage="sqlite3")
    work = tmp_path / "work.db3"
    shutil.copy(storage_file(whole), work)
    cut = tmp_path / "cut"
    cut.mkdir()
    database = sqlite3.connect(work)
    rows = database.execute("SELECT * FROM messages ORDER BY timestamp").fetchall()
    half = rows[len(rows) // 2 :]
    database.execute("DELETE FROM messages WHERE timestamp >= ?", (half[0][2],))
    database.commit()
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA wal_autocheckpoint=0")
    database.executemany("INSERT INTO messages VALUES (?, ?, ?, ?)", half)
    database.commit()
    for suffix in ("", "-wal", *(["-shm"] if shared_memory else [])):
        shutil.copy(f"{work}{suffix}", cut / f"whole.db3{suffix}")
    database.close()
    if metadata:
        shutil.copy(whole / "metadata.yaml", cut)
    return cut


@pytest.mark.parametrize("shared_memory", [True, False])
@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize("single_file", [True, False])
def test_what_a_recorder_left_in_the_wal_is_read_from_a_copy(
    tmp_path: Path, shared_memory: bool, metadata: bool, single_file: bool
) -> None:
    cut = cut_off(tmp_path, shared_memory=shared_memory, metadata=metadata)
    before = contents(cut)
    source = open_source(storage_file(cut) if single_file else cut)
    assert x_m(source) == X_M
    assert brightness(source) == BRIGHTNESS
    (warning,) = source.warnings
    assert warning == f"whole.db3-wal: the recorder was cut off, {COUNT} messages it left there are read too"
    assert contents(cut) == before


def test_the_wal_is_beside_what_a_link_leads_to(tmp_path: Path) -> None:
    cut = cut_off(tmp_path, shared_memory=False, metadata=False)
    link = tmp_path / "link.db3"
    link.symlink_to(storage_file(cut))
    assert brightness(open_source(link)) == BRIGHTNESS


def test_a_wal_that_is_not_one_is_named(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", images(), odom(), storage="sqlite3")
    Path(f"{storage_file(bag)}-wal").write_bytes(b"")
    assert open_source(bag).warnings == ()
    Path(f"{storage_file(bag)}-wal").write_bytes(b"no wal")
    source = open_source(bag)
    assert brightness(source) == BRIGHTNESS
    assert source.warnings == ("bag.db3-wal: the recorder was cut off, no more messages were found there",)
    damaged = storage_file(bag)
    damaged.write_bytes(damaged.read_bytes()[:5000])
    Path(f"{damaged}-wal").write_bytes(b"no wal")
    with pytest.raises(SourceError, match=r"bag\.db3 cannot be read.*sqlite3 bag\.db3 \.recover"):
        open_source(bag)


def test_no_copy_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(room))
    source = open_source(cut_off(tmp_path, shared_memory=False, metadata=False))
    assert len(list(room.iterdir())) == 1
    del source
    assert list(room.iterdir()) == []


def test_no_room_for_a_copy_says_where_it_would_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = cut_off(tmp_path, shared_memory=False, metadata=False)
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: full)
    with pytest.raises(SourceError, match=r"only from a copy, which needs .* GB in .*Set .* TMPDIR"):
        open_source(cut)


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
@pytest.mark.parametrize("name", ["run #3", "50%20kmh", "what? drive", "a\\b", os.fsdecode(b"caf\xe9"), "\u202edrive"])
def test_any_name_is_read(tmp_path: Path, name: str, storage: str) -> None:
    suffix = {"sqlite3": ".db3", "mcap": ".mcap"}[storage]
    bag = write(tmp_path / "bag", images(), odom(), storage=storage)  # type: ignore[arg-type]
    decoy = write(tmp_path / "decoy", images(count=1), odom(count=1), storage="sqlite3")
    (tmp_path / name.partition("#")[0].partition("?")[0]).with_name("run ").symlink_to(storage_file(decoy))
    folder = bag.rename(tmp_path / name)
    source = open_source(folder)
    assert x_m(source) == X_M
    assert brightness(source) == BRIGHTNESS
    source.description.encode()
    (odd,) = folder.glob(f"*{suffix}")
    odd = odd.rename(tmp_path / f"{name}{suffix}")
    assert x_m(open_source(odd)) == X_M


@pytest.mark.parametrize("name", ["run #3", "50%20kmh", "what? drive"])
def test_a_recording_is_written_where_it_was_asked_for_or_not_at_all(tmp_path: Path, name: str) -> None:
    for path in (tmp_path / name, tmp_path / name / "bag"):
        with pytest.raises(SourceError, match=r"sqlite3 recording cannot be written to .*or record as mcap"):
            write(path, images(), odom(), storage="sqlite3")
    assert list(tmp_path.iterdir()) == []
    assert x_m(open_source(write(tmp_path / name, images(), odom()))) == X_M
    with pytest.raises(SourceError, match=r"mcap recording cannot be written to .*caf\\xe9.*UTF-8"):
        write(tmp_path / os.fsdecode(b"caf\xe9"), images())


@pytest.mark.parametrize("blank", [True, False])
def test_definitions_and_qos_that_nobody_reads_do_not_matter_in_sqlite3(tmp_path: Path, blank: bool) -> None:
    bag = write(tmp_path / "bag", images(), odom(), storage="sqlite3")
    with sqlite3.connect(storage_file(bag)) as database:
        text = "" if blank else QOS
        database.execute("UPDATE message_definitions SET encoding='unknown', encoded_message_definition=''")
        database.execute("UPDATE topics SET offered_qos_profiles = ?", (text,))
    database.close()
    source = open_source(bag)
    assert x_m(source) == X_M
    assert brightness(source) == BRIGHTNESS


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_files_that_were_compressed_are_read(tmp_path: Path, storage: str) -> None:
    suffix = {"sqlite3": ".db3", "mcap": ".mcap"}[storage]
    bag = write(tmp_path / "bag", images(), odom(), storage=storage)  # type: ignore[arg-type]
    file = storage_file(bag, suffix)
    Path(f"{file}.zstd").write_bytes(zstd.compress(file.read_bytes()))
    metadata = (bag / "metadata.yaml").read_text()
    metadata = metadata.replace(file.name, f"{file.name}.zstd").replace(
        "compression_mode: ''", "compression_mode: FILE"
    )
    (bag / "metadata.yaml").write_text(metadata.replace("compression_format: ''", "compression_format: zstd"))
    file.unlink()
    assert brightness(open_source(bag)) == BRIGHTNESS
    Path(f"{file}.zstd").write_bytes(b"not compressed")
    with pytest.raises(SourceError, match=r"\.zstd cannot be read"):
        open_source(bag)


def test_messages_that_were_compressed_are_read(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", images(), odom(), storage="sqlite3")
    with sqlite3.connect(storage_file(bag)) as database:
        for number, data in database.execute("SELECT id, data FROM messages").fetchall():
            database.execute("UPDATE messages SET data = ? WHERE id = ?", (zstd.compress(data), number))
    database.close()
    source = open_source(bag)
    assert x_m(source) == X_M
    assert brightness(source) == BRIGHTNESS


def test_a_forked_process_reads_with_files_of_its_own(tmp_path: Path) -> None:
    source = open_source(write(tmp_path / "bag", images(), odom(), storage="sqlite3").rename(tmp_path / "run #3"))
    first, *_, last = source
    assert int(first.load_image()[0, 0, 0]) == 0
    child = os.fork()
    if child == 0:
        os._exit(int(last.load_image()[0, 0, 0]))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 10 * (COUNT - 1)
    assert brightness(source) == BRIGHTNESS


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.mcap", b"", "It is empty"),
        ("a.mcap", b"no bag", r"does not begin as \.mcap files do"),
        ("a.mcap", b"\x89MCAP0\r\n" + bytes(50), "mcap recover a.mcap"),
        ("a.db3", b"no bag at all " * 100, r"does not begin as \.db3 files do"),
    ],
)
def test_the_remedy_is_one_for_this_file(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=rf"{name} cannot be read as a rosbag2 recording.*{says}"):
        open_source(tmp_path / name)


def test_a_recording_needs_no_poses_to_be_played(tmp_path: Path) -> None:
    cut = cut_off(tmp_path, shared_memory=False, metadata=True)
    assert len(open_source(cut, SourceOptions(require_poses=False))) == COUNT
