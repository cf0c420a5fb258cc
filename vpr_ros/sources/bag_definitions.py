# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How the bytes of a topic become a message: only the definitions of the topics that are read have to be understood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore

from vpr_ros.sources.bag_messages import TYPESTORE

_IDL_RULE: Final = "=" * 80 + "\n"


class TopicDecoder:
    """Deserialises the messages of one topic.

    Attributes:
        type_name: "package/msg/Type".
        notice: why the definition of the recording is not used, "" where it is or where there is none.
    """

    def __init__(self, type_name: str, definitions: Sequence[MessageDefinition]) -> None:
        """Take the first of *definitions* that can be used, else the one that ROS 2 ships."""
        self.type_name = type_name
        self.notice = ""
        self._store: Any = None
        problems = []
        for definition in dict.fromkeys(definitions):
            if definition.format == MessageDefinitionFormat.NONE:
                continue
            self._store, problem = _store(type_name, definition)
            if self._store is not None:
                return
            problems.append(problem)
        if type_name in TYPESTORE.fielddefs:
            self._store = TYPESTORE
            if problems:
                self.notice = f"the recorded definition of {type_name} {problems[0]}, that of ROS 2 is used"

    def decode(self, data: bytes) -> Any:
        """Deserialise one message; raises whatever the bytes lead the library to."""
        if self._store is None:
            raise ValueError(f"nothing defines {self.type_name}")
        return self._store.deserialize_cdr(data, self.type_name)


def three_part_name(type_name: str) -> str:
    """``package/msg/Type``, also where a recorder wrote ``package/Type``."""
    package, slash, name = type_name.partition("/")
    return f"{package}/msg/{name}" if slash and "/" not in name else type_name


def _store(type_name: str, definition: MessageDefinition) -> tuple[Any, str]:
    """What deserialises *type_name*, or None and what is wrong with its definition."""
    if not definition.data.strip() and _standard_fields(type_name):
        return None, "is empty"
    store = get_typestore(Stores.EMPTY)
    try:
        store.register(_parsed(type_name, definition))
        lacking = [field for field in _standard_fields(type_name) if not _has(store.fielddefs, *field)]
    except Exception as error:  # the parser raises whatever the text leads it to
        return None, f"cannot be parsed ({type(error).__name__})"
    if lacking:
        return None, f"has no {'.'.join(lacking[0])}"
    return store, ""


def _parsed(type_name: str, definition: MessageDefinition) -> Any:
    text = definition.data.replace("\r\n", "\n")
    if definition.format == MessageDefinitionFormat.MSG:
        return get_types_from_msg(text, type_name)
    if not text.startswith(f"{_IDL_RULE}IDL: "):
        return get_types_from_idl(text)
    types: Any = {}
    for part in text.split(_IDL_RULE)[1:]:
        types.update(get_types_from_idl(part.partition("\n")[2]))
    return types


def _standard_fields(type_name: str) -> list[tuple[str, str]]:
    """(type, field) of everything in a message of ROS 2, nested ones included; empty for the types of others."""
    found: dict[str, list[str]] = {}
    waiting = [type_name]
    while waiting:
        name = waiting.pop()
        if name in found or name not in TYPESTORE.fielddefs:
            continue
        fields = TYPESTORE.fielddefs[name][1]
        found[name] = [field for field, _ in fields]
        waiting += [part for _, kind in fields for part in _names(kind)]
    return [(name, field) for name, fields in found.items() for field in fields]


def _names(kind: Any) -> Iterator[str]:
    """The type names in the description of a field."""
    if isinstance(kind, str):
        yield kind
    elif isinstance(kind, tuple):
        for part in kind:
            yield from _names(part)


def _has(types: Any, type_name: str, field: str) -> bool:
    return type_name in types and any(name == field for name, _ in types[type_name][1])
