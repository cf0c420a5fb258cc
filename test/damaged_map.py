"""Ways to damage a map so that one thing about it is wrong and all else is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from vpr_ros.core.hashing import file_fingerprint, file_sha256
from vpr_ros.maps.seal import sealed_yaml


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest and seal it, so that only what it says can be wrong."""
    path = folder / "manifest.yaml"
    plain = yaml.safe_load(path.read_text())
    change(plain)
    path.write_text(sealed_yaml(plain))


def entry(plain: Any, path: str) -> Any:
    """What lies at a path of keys and numbers separated by dots."""
    for key in path.split("."):
        plain = plain[int(key)] if key.isdigit() else plain[key]
    return plain


def set_entry(folder: Path, path: str, value: object) -> None:
    """Replace one entry of the manifest, or add it."""
    *above, last = path.split(".")

    def change(plain: dict[str, Any]) -> None:
        table: Any = entry(plain, ".".join(above)) if above else plain
        table[int(last) if last.isdigit() else last] = value

    edit(folder, change)


def put(folder: Path, name: str, content: bytes) -> None:
    """Replace a file together with its entry, so that only its content can be wrong."""
    path = folder / name
    path.write_bytes(content)
    found = {"size_bytes": len(content), "sha256": file_sha256(path), "fingerprint": file_fingerprint(path)}
    of_local, _, short = name.rpartition("/")
    edit(folder, lambda plain: (plain[of_local] if of_local else plain)["files"].update({short: found}))
