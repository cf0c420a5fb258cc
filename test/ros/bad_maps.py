"""Maps with one fault each, and what has to be said about it: the problem and its remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from vpr_ros.core.hashing import file_fingerprint, file_sha256
from vpr_ros.maps.seal import sealed_yaml


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text())
    change(manifest)
    (folder / "manifest.yaml").write_text(sealed_yaml(manifest))


def corrupt_descriptors(path: Path) -> None:
    file = path / "descriptors.npy"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def short_descriptors(path: Path) -> None:
    file = path / "descriptors.npy"
    file.write_bytes(file.read_bytes()[:-64])


def newer_manifest(path: Path) -> None:
    edit(path, lambda manifest: manifest.update(format_version=7))


def other_model(path: Path) -> None:
    edit(path, lambda manifest: manifest["model"].update(sha256="f" * 64))


def nan_pose(path: Path) -> None:
    """A map frame that is nowhere, in a map whose checksums are right."""
    file = path / "frames.csv"
    lines = file.read_text().splitlines()
    fields = lines[4].split(",")
    lines[4] = ",".join([*fields[:4], "nan", *fields[5:]])
    file.write_text("\n".join(lines) + "\n")
    entry = {"size_bytes": file.stat().st_size, "sha256": file_sha256(file), "fingerprint": file_fingerprint(file)}
    edit(path, lambda manifest: manifest["files"].update({"frames.csv": entry}))


Damage = Callable[[Path], None]
BAD_MAPS: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "corrupt descriptors": (
        corrupt_descriptors,
        ("descriptors.npy is corrupt", "Restore the file from a backup or build the map again"),
    ),
    "short descriptors": (
        short_descriptors,
        ("descriptors.npy has", "the manifest says", "Restore the file from a backup or build the map again"),
    ),
    "newer manifest": (newer_manifest, ("format 7", "up to 1", "Update vpr_ros")),
    "other model": (other_model, ("f" * 64 + " in the map", "in the model", "build_map SOURCE", "--overwrite")),
    "pose that is not finite": (
        nan_pose,
        ("frames.csv", "1 lines are damaged, the first is frame 3", "Restore the file from a backup"),
    ),
    "nothing there": (shutil.rmtree, ("does not exist", "build_map")),
}
