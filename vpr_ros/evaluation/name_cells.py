# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which frames the cells of a column mean: names, several in a cell, or frame numbers in the whole column.

A name may hold spaces and digits, and its digits are a frame number to whoever splits it there. So a cell is taken
whole first, then its words are joined to names, and numbers are frame numbers only where a column holds nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from vpr_ros.core.errors import SourceError
from vpr_ros.evaluation.frame_names import FrameNames

_WORD = re.compile(r"\S+")
_FRAME_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
"""As people count frames: ``041`` is a name, and so is a stamp, which has ten digits or more."""
_SPACED_FOLDER = re.compile(r"\s.*[/\\]")
_MORE_WORDS = 8
"""Beyond the longest known name: a cell may write more folders than the map knows, with spaces of their own."""


@dataclass(frozen=True)
class Reading:
    """The frames of one cell.

    Attributes:
        frames: their numbers.
        missing: how many it names that are not there.
    """

    frames: tuple[int, ...]
    missing: int


@dataclass(frozen=True)
class _Token:
    """One name in a cell: the frame it means, or None."""

    text: str
    frame: int | None

    @property
    def is_number(self) -> bool:
        return self.frame is None and _FRAME_NUMBER.fullmatch(self.text) is not None


def read_column(cells: Sequence[str], frames: FrameNames, where: str, *, several: bool) -> list[Reading]:
    """Read the cells of one column.

    Args:
        cells: stripped.
        frames: what they may name.
        where: file and column, for messages.
        several: whether a cell may name several frames, separated by semicolons or spaces.

    Raises:
        SourceError: a name fits several frames, or some cells hold numbers and others names.
    """
    split = [_split(cell, frames) if several else _single(cell, frames) for cell in cells]
    tokens = [token for row in split for token in row]
    numbers = [token for token in tokens if token.is_number]
    names = [token for token in tokens if not token.is_number]
    if numbers and names:
        raise SourceError(
            f"{where} holds the number {numbers[0].text!r} and the name {names[0].text!r}, "
            "so the number could be a frame's or part of a name",
            "Write every name with its extension, or number all frames of the column from 0",
        )
    if numbers:
        split = [[_numbered(token, len(frames)) for token in row] for row in split]
    return [
        Reading(
            tuple(token.frame for token in row if token.frame is not None), sum(token.frame is None for token in row)
        )
        for row in split
    ]


def _numbered(token: _Token, count: int) -> _Token:
    number = int(token.text)
    return _Token(token.text, number if number < count else None)


def _single(cell: str, frames: FrameNames) -> list[_Token]:
    return [_Token(cell, frames.find(cell))] if cell else []


def _split(cell: str, frames: FrameNames) -> list[_Token]:
    """The names in a cell: the whole of it, or what semicolons part, or what spaces part."""
    whole = frames.find_whole(cell) if cell else None
    if whole is not None:
        return [_Token(cell, whole)]
    return [token for part in cell.split(";") if part.strip() for token in _split_part(part.strip(), frames)]


def _split_part(part: str, frames: FrameNames) -> list[_Token]:
    words = [(match.start(), match.end()) for match in _WORD.finditer(part)]
    tokens: list[_Token] = []
    unknown: list[str] = []
    at = 0
    while at < len(words):
        last = min(len(words), at + frames.most_words + _MORE_WORDS)
        texts = [part[words[at][0] : words[end][1]] for end in range(at, last)]
        token, used = _first_name(texts, frames)
        if token is None:
            unknown.append(texts[0])
        else:
            tokens += [*_not_there(unknown), token]
            unknown = []
        at += used
    return [*tokens, *_not_there(unknown)]


def _first_name(texts: Sequence[str], frames: FrameNames) -> tuple[_Token | None, int]:
    """The name that begins here, and of how many words it is; None and 1 where none does.

    Args:
        texts: the first word, the first two, the first three, ...
        frames: the longest known name wins, then the longest with folders before it that hold no space: "map/001
            map/002" ends like the second, as if it lay in a folder "001 map".
    """
    nearest = range(min(len(texts), frames.most_words), 0, -1)
    for words in nearest:
        if (frame := frames.find_whole(texts[words - 1])) is not None:
            return _Token(texts[words - 1], frame), words
    plain = [words for words in nearest if not _SPACED_FOLDER.search(texts[words - 1])]
    for words in (*plain, *range(1, len(texts) + 1)):
        if (frame := frames.find(texts[words - 1])) is not None:
            return _Token(texts[words - 1], frame), words
    return None, 1


def _not_there(words: list[str]) -> list[_Token]:
    """Words nobody knows: frame numbers where all are numbers, else names, as many as end like files."""
    if all(_FRAME_NUMBER.fullmatch(word) for word in words):
        return [_Token(word, None) for word in words]
    names = max(1, sum(bool(PurePosixPath(word).suffix) for word in words))
    return [_Token(" ".join(words), None)] * names
