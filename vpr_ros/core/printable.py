# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Names of files as text that every table, page and terminal takes: one line of UTF-8."""

from __future__ import annotations

import re
from typing import Final

_NOT_ON_A_LINE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BYTES_NOT_UTF8: Final = range(0xDC80, 0xDD00)
"""How Python holds the bytes 80 to FF of a file name that is not UTF-8."""


def printable(name: str) -> str:
    r"""Write what would end a line, or is no UTF-8, as Python does in a string: ``\n``, ``\xe9``.

    All else stays, spaces of every kind and backslashes too, so that a name given back is the name that was.
    """
    return _NOT_ON_A_LINE.sub(_escaped, name)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code in _BYTES_NOT_UTF8:
        return f"\\x{code - 0xDC00:02x}"
    return found[0].encode("unicode_escape").decode("ascii")
