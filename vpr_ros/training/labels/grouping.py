# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The classes of a segmentation network gathered into a few weighted groups.

StructVPR groups classes and weights them (Shen et al., 2023); its number of groups, their content and their weights
are not published. The six groups shipped here and their weights are this project's own defaults.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.core.files import read_yaml
from vpr_ros.core.hashing import json_sha256

SHIPPED: Final = Path(__file__).parent / "groupings"
MOST_GROUPS: Final = 64
LARGEST_CLASS: Final = 65535
_UNLISTED: Final = 255
_NOT_LABELLED: Final = 255
"""Class number of pixels that nobody labelled, in Cityscapes, Pascal VOC, COCO-Stuff and others."""

_LOG = logging.getLogger(__name__)

GroupMap = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class LabelGroup:
    """Classes that are one channel of the one-hot map.

    Attributes:
        name: such as "static structure".
        weight: what the channel holds where the group is.
    """

    name: str
    weight: float


@dataclass(frozen=True)
class LabelGrouping:
    """Which group each class of a segmenter belongs to.

    Attributes:
        origin: the file, for messages.
        groups: their place in this tuple is their number.
        numbers: class number -> group number.
        names: class name in lower case -> group number.
        unlisted: group of every other class; None refuses them.
    """

    origin: str
    groups: tuple[LabelGroup, ...]
    numbers: Mapping[int, int]
    names: Mapping[str, int]
    unlisted: int | None = None
    _said: set[int] = field(default_factory=set, repr=False, compare=False)

    @property
    def sha256(self) -> str:
        """Hash of what it does; not of its file's name or comments."""
        return json_sha256(
            {
                "groups": [asdict(group) for group in self.groups],
                "numbers": {str(number): group for number, group in self.numbers.items()},
                "names": dict(self.names),
                "unlisted": self.unlisted,
            }
        )

    @property
    def class_counts(self) -> range:
        """How many classes a segmenter may have that counts as this grouping does; 255 is what nobody labelled."""
        listed = max((number for number in self.numbers if number != _NOT_LABELLED), default=0) + 1
        return range(listed, listed + 1 if self.unlisted is None else LARGEST_CLASS)

    def group_number(self, name: str) -> int:
        """The number of the group of this name.

        Raises:
            ConfigError: there is none.
        """
        found = [group.name for group in self.groups]
        if name not in found:
            raise ConfigError(f"{self.origin} has no group {name!r}", f"Name one of {', '.join(found)}")
        return found.index(name)

    def renumbered(self, class_names: Sequence[str]) -> LabelGrouping:
        """The grouping of a segmenter that counts its classes in the order of *class_names*.

        Raises:
            ConfigError: names this grouping does not list, where it has no group for unlisted ones.
        """
        known = {n: self.names[c.lower()] for n, c in enumerate(class_names) if c.lower() in self.names}
        if self.unlisted is None and len(known) < len(class_names):
            unknown = [c for c in class_names if c.lower() not in self.names]
            raise ConfigError(
                f"{self.origin} lists no class named {', '.join(map(repr, unknown[:5]))}",
                "Add these names to a copy of the grouping, or give it a group for `unlisted`",
            )
        return replace(self, numbers=known)

    def groups_of(self, classes: npt.NDArray[Any], where: str) -> GroupMap:
        """(H, W) class numbers of any integer type -> (H, W) uint8 group numbers.

        Args:
            classes: at most ``LARGEST_CLASS``.
            where: names the map in an error.

        Raises:
            TrainingError: a class that is not listed, where the grouping has no group for these.
        """
        groups = self._table[np.clip(classes, 0, LARGEST_CLASS)]
        groups = np.where((classes < 0) | (classes > LARGEST_CLASS), _UNLISTED, groups)
        strange = groups == _UNLISTED
        if strange.any():
            self._allow(np.unique(np.asarray(classes)[strange]).tolist(), where)
            groups = np.where(strange, np.uint8(self.unlisted or 0), groups)
        return groups.astype(np.uint8, copy=False)

    @cached_property
    def _table(self) -> GroupMap:
        table = np.full(LARGEST_CLASS + 1, _UNLISTED, dtype=np.uint8)
        table[list(self.numbers)] = list(self.numbers.values())
        return table

    def _allow(self, unknown: Sequence[int], where: str) -> None:
        """Say once of each class that it goes with the unlisted ones, or refuse it."""
        if self.unlisted is None:
            raise TrainingError(
                f"{where} holds the classes {', '.join(map(str, unknown[:8]))}, which {self.origin} does not list",
                "Choose the grouping of this segmenter, or give a copy of it these classes or a group for `unlisted`",
            )
        new = sorted(set(unknown) - self._said)
        if new:
            group = self.groups[self.unlisted].name
            _LOG.warning("%s: %s does not list the classes %s; they are %r", where, self.origin, new[:8], group)
            self._said.update(new)


def read_grouping(name_or_path: str | Path) -> LabelGrouping:
    """Read a grouping: a file, or the name of one that is shipped (``shipped_groupings``).

    Raises:
        ConfigError: no such file, or not a grouping.
    """
    shipped = SHIPPED / f"{name_or_path}.yaml"
    path = shipped if str(name_or_path) in shipped_groupings() else Path(name_or_path)
    if not path.is_file():
        raise ConfigError(
            f"there is no grouping {name_or_path}", f"Give a YAML file, or one of {', '.join(shipped_groupings())}"
        )
    return _parsed(read_yaml(path), str(name_or_path))


def shipped_groupings() -> list[str]:
    """Names of the groupings that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def _parsed(content: Any, origin: str) -> LabelGrouping:
    def wrong(found: str, expected: str) -> ConfigError:
        return ConfigError(f"grouping {origin}: {found}, expected {expected}", "Copy one of the shipped groupings")

    if not isinstance(content, dict) or not {"groups", "classes"} <= set(content) <= {"groups", "classes", "unlisted"}:
        keys = sorted(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise wrong(f"found {keys}", "groups, classes and perhaps unlisted")
    groups, classes, unlisted = content["groups"], content["classes"], content.get("unlisted")
    if not isinstance(groups, dict) or not 2 <= len(groups) <= MOST_GROUPS:
        raise wrong("groups is no table of 2 to 64 entries", "a weight for each name")
    for name, weight in groups.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
            raise wrong(f"group {name} has the weight {weight!r}", "a number of at least 0")
    order = {str(name): number for number, name in enumerate(groups)}
    if unlisted is not None and unlisted not in order:
        raise wrong(f"unlisted is {unlisted!r}", f"one of {', '.join(order)}")
    if not isinstance(classes, dict) or not set(classes) <= set(order):
        raise wrong("classes names a group that does not exist", f"only {', '.join(order)}")
    numbers: dict[int, int] = {}
    names: dict[str, int] = {}
    for group, members in classes.items():
        for number, name in _members(members, group, wrong):
            if numbers.setdefault(number, order[group]) != order[group]:
                raise wrong(f"class {number} is in two groups", "each class once")
            names.setdefault(name.lower(), order[group])
    return LabelGrouping(
        origin,
        tuple(LabelGroup(str(name), float(weight)) for name, weight in groups.items()),
        numbers,
        names,
        None if unlisted is None else order[unlisted],
    )


def _members(members: Any, group: str, wrong: Any) -> list[tuple[int, str]]:
    """The numbers and names of one group's classes."""
    if members is None:
        return []
    if not isinstance(members, dict):
        raise wrong(f"the classes of {group} are {type(members).__name__}", "a name for each class number")
    for number in members:
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= LARGEST_CLASS:
            raise wrong(f"{group} has the class number {number!r}", f"a whole number from 0 to {LARGEST_CLASS}")
    return [(number, str(name)) for number, name in members.items()]
