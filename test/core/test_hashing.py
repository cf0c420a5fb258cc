"""Hashes of files and of plain values, against numbers that `sha256sum` prints."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from vpr_ros.core.hashing import SAMPLE_BYTES, SAMPLES, file_fingerprint, file_sha256, json_sha256


def test_every_byte_of_a_file_counts(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_fingerprint_covers_small_files_and_the_ends_of_large_ones(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    content = bytearray(SAMPLES * SAMPLE_BYTES + 100)
    path.write_bytes(content)
    before = file_fingerprint(path)
    content[-1] = 1
    path.write_bytes(content)
    assert file_fingerprint(path) != before
    path.write_bytes(content[:-1])
    assert file_fingerprint(path) != before


def test_a_table_has_one_hash_whatever_its_order() -> None:
    # printf '{"a": 1, "b": [2]}' | sha256sum
    assert json_sha256({"b": (2,), "a": 1}) == "ae8a9a50524642753023cd4de34447191a8651989979c60bbcc5b0eeebb6e1dc"
    assert json_sha256({"a": date(2026, 1, 2)}, str) == json_sha256({"a": "2026-01-02"})
