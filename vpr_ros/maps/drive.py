# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A second drive through a map whose poses are known: what the map answered, and how well that was proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vpr_ros.maps.manifest_values import count, items, table, text
from vpr_ros.maps.restated import BINS, StatedBin
from vpr_ros.maps.tally import Tally

MOST_DRIVES: Final = 100


@dataclass(frozen=True)
class Drive:
    """What the map keeps of it.

    Attributes:
        name: of the drive.
        created_utc: when it was asked, ISO 8601.
        answers: its answers by proof; near misses count as right there.
        near_misses: how many of those were between one and two radii away.
        condition: such as "night"; "" none was given.
        stated: its reliability table: what the map stated before any drive, and what came true; here a near miss is
            not right.
        images_sha256: of its images: it is not counted twice.
        image_marks: of some of them, by which a drive that has a part of them is known; "" in older maps.
    """

    name: str
    created_utc: str
    answers: Tally
    near_misses: int = 0
    condition: str = ""
    stated: tuple[StatedBin, ...] = ()
    images_sha256: str = ""
    image_marks: str = ""

    @property
    def words(self) -> str:
        """The drive for people, on one line."""
        wrong = self.answers.wrong_answers
        right = self.answers.answers - wrong - self.near_misses
        kept = f"{right} right, {self.near_misses} near misses, {wrong} in a wrong place"
        return f"{self.name}{self.condition and f' ({self.condition})'}, {self.created_utc[:10]}: {kept}"

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for the manifest."""
        return {
            "name": self.name,
            "created_utc": self.created_utc,
            "condition": self.condition,
            "images_sha256": self.images_sha256,
            "image_marks": self.image_marks,
            "near_misses": self.near_misses,
            "answers": self.answers.to_dict(),
            "stated": [row.to_list() for row in self.stated],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Drive:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        rows = items(plain, "stated")
        if len(rows) > BINS:
            raise ValueError(f"stated has {len(rows)} rows, expected {BINS} at most")
        answers = Tally.from_dict(table(plain, "answers"))
        return cls(
            text(plain, "name"),
            text(plain, "created_utc"),
            answers,
            count(plain, "near_misses", most=answers.answers - answers.wrong_answers),
            text(plain, "condition"),
            tuple(map(StatedBin.from_list, rows)),
            text(plain, "images_sha256"),
            text(plain, "image_marks") if "image_marks" in plain else "",
        )


def drives_from_list(plain: list[Any]) -> tuple[Drive, ...]:
    """Read those of a manifest.

    Raises:
        TypeError, ValueError: too many, or one that cannot be read.
    """
    if len(plain) > MOST_DRIVES:
        raise ValueError(f"drives has {len(plain)} entries, expected {MOST_DRIVES} at most")
    try:
        return tuple(map(Drive.from_dict, plain))
    except KeyError as error:
        raise ValueError(f"one of the drives has no entry {error}") from error
