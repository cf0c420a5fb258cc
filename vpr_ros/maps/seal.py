"""The line ``manifest_sha256``: a hash of all else the manifest says, so that no number in it changes unseen.

It covers values, not bytes: comments, order and layout may change. Somebody who changes a manifest on purpose seals it
again (``inspect_map MAP --reseal``).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from vpr_ros.core.command import program
from vpr_ros.core.errors import MapError
from vpr_ros.core.files import parse_yaml
from vpr_ros.core.hashing import json_sha256

SEAL_KEY = "manifest_sha256"


def content_sha256(plain: Mapping[str, Any]) -> str:
    """Hash the plain YAML of a manifest, without the line that holds the hash.

    Raises:
        TypeError: a value that is no text, number, date, list or table.
    """
    content = {key: value for key, value in plain.items() if key != SEAL_KEY}
    return json_sha256(content, _as_text)


def sealed_yaml(plain: Mapping[str, Any]) -> str:
    """The text of a manifest. The hash comes first: a file that is cut short does not lose it alone."""
    content = {key: value for key, value in plain.items() if key != SEAL_KEY}
    body = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    # Of what will be read: a pair is written as a list.
    return f"{SEAL_KEY}: {content_sha256(parse_yaml(body, 'the manifest', MapError))}\n{body}"


def resealed_yaml(text: str, plain: Mapping[str, Any], changed: Mapping[str, Any]) -> str:
    """Seal the manifest *text*, which says *plain*, with other values for some entries of its outermost table.

    Comments and layout of all else stay, where each of these entries begins a line.
    """
    content = {key: value for key, value in {**plain, **changed}.items() if key != SEAL_KEY}
    for key, value in content.items():
        if key not in plain or plain[key] != value:
            written = yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True)
            old = _block(key).search(text)
            text = text[: old.start()] + written + text[old.end() :] if old else written + text
    seal = {SEAL_KEY: content_sha256(content)}
    text = yaml.safe_dump(seal) + _block(SEAL_KEY).sub("", text)
    try:
        kept = parse_yaml(text, "the manifest", MapError) == {**content, **seal}
    except MapError:  # a text that is not laid out in lines
        kept = False
    return text if kept else sealed_yaml(content)


def _block(key: str) -> re.Pattern[str]:
    """An entry of the outermost table: its line, and the lines below that belong to it."""
    return re.compile(rf"^{re.escape(key)}:(?: .*)?\n(?:[ -].*\n)*", re.MULTILINE)


def check_seal(path: Path, plain: Mapping[str, Any], *, required: bool) -> str:
    """The seal of the manifest at *path* that says *plain*, "" where it has none and none is *required*.

    Raises:
        MapError: it says something else than when it was sealed, or the seal is gone.
    """
    accept = f"`{program('inspect_map')} {shlex.quote(str(path.parent))} --reseal`"
    if SEAL_KEY not in plain:
        if not required:
            return ""
        raise MapError(
            f"{path} lacks its line {SEAL_KEY}, so that nobody can tell whether it was changed",
            f"Restore the file from a backup, or accept it as it is with {accept}",
        )
    sealed, found = plain[SEAL_KEY], content_sha256(plain)
    if sealed != found:
        raise MapError(
            f"{path} was changed since it was written: the checksum of its content is {found[:16]}, "
            f"its line {SEAL_KEY} says {str(sealed)[:16]!r}",
            f"Undo the change, restore the file from a backup, or, if the change is meant, accept it with {accept}",
        )
    return found


def _as_text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"the manifest holds a {type(value).__name__}")
