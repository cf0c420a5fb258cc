"""Nanoseconds and the two fields ROS makes of them."""

from __future__ import annotations

import pytest

from vpr_ros.core.time_ns import from_sec_nanosec, sec_nanosec


@pytest.mark.parametrize(
    ("stamp_ns", "fields"),
    [(1_700_000_000_123_456_789, (1_700_000_000, 123_456_789)), (0, (0, 0)), (-1, (-1, 999_999_999))],
)
def test_two_fields_and_back(stamp_ns: int, fields: tuple[int, int]) -> None:
    assert sec_nanosec(stamp_ns) == fields
    assert from_sec_nanosec(*fields) == stamp_ns
