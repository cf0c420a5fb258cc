# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Fields of an ONNX file that somebody made to hurt: refused before they cost time."""

from __future__ import annotations

import pytest

from vpr_ros.inference.onnx_fields import metadata_entry
from vpr_ros.inference.protobuf import fields, length_prefix

ENTRY = b"\x0a\x01k\x12\x01v"
"""Key and value."""


def test_an_entry_of_many_fields_is_not_looked_through() -> None:
    for added, found in ((0, (b"k", b"v")), (13, (b"k", b"v")), (10_000, None)):
        content = b"\x18\x01" * added + ENTRY
        message = length_prefix(14, len(content)) + content
        (field,) = fields(message)
        if found is not None:
            assert metadata_entry(message, field) == found
        else:
            with pytest.raises(ValueError, match="more than 16 fields"):
                metadata_entry(message, field)


@pytest.mark.parametrize("inner", [b"\x08\x80", b"\x08", b"\x12\x02a", b"\x0d\x00\x00\x00"])
def test_a_field_that_ends_behind_its_message_is_none(inner: bytes) -> None:
    message = inner + b"\x01" * 20
    with pytest.raises((ValueError, IndexError)):
        list(fields(message, begin=0, end=len(inner)))
