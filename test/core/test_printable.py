# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Names of files as text that every table and page takes."""

from __future__ import annotations

import os

import pytest

from vpr_ros.core.printable import printable


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("plain.jpg", "plain.jpg"),
        (" blanks  and\u202fnarrow\u00a0ones ", " blanks  and\u202fnarrow\u00a0ones "),
        ("back\\slash #?%,;'\".jpg", "back\\slash #?%,;'\".jpg"),
        (os.fsdecode(b"caf\xe9\xff.jpg"), r"caf\xe9\xff.jpg"),
        ("a\nb\r\tc\x00\x1b\x7f\x85.jpg", r"a\nb\r\tc\x00\x1b\x7f\x85.jpg"),
        ("line\u2028paragraph\u2029", r"line\u2028paragraph\u2029"),
        ("\ud800", r"\ud800"),
        ("\u0645\u0631 \U0001f600", "\u0645\u0631 \U0001f600"),
    ],
)
def test_it_is_one_line_of_utf8_and_stays_so(name: str, written: str) -> None:
    assert printable(name) == written
    assert printable(written) == written
    assert len(written.encode().decode().splitlines()) <= 1
