# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Manifests that somebody made to hurt, or that a slip made impossible: one error each, at once."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from damaged_map import edit, set_entry

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import MapError
from vpr_ros.maps import PlaceMap

INFINITE, NAN = float("inf"), float("nan")
MOUNT = {"position_m": [0.2, 0.0, 1.1], "quat_xyzw": [0.0, 0.0, 0.0, 1.0]}
DATUM = {"latitude_deg": 48.0, "longitude_deg": 11.0, "altitude_m": 500.0}


def mount(**changes: object) -> dict[str, Any]:
    return {"name": "camera", "frame_id": "", "T_base_camera": {**MOUNT, **changes}, "intrinsics": None}


def sees(**changes: object) -> dict[str, Any]:
    return {**mount(), "intrinsics": {**CameraIntrinsics(6, 4, 5.0, 5.0, 2.5, 1.5).to_dict(), **changes}}


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("format_version", True, "format_version is True"),
        ("format_version", date(2024, 1, 1), "format_version is datetime"),
        ("format_version", -1, "format_version is -1"),
        ("frame_id", ["map"], "frame_id is a list"),
        ("frame_id", "x" * 200_000, "frame_id has 200000 characters"),
        ("frames", INFINITE, "frames is inf, expected a whole number"),
        ("frames", True, "frames is True"),
        ("frames", "80", "frames is '80'"),
        ("frames", 80.0, "frames is 80.0"),
        ("frames", -80, "frames is -80"),
        ("frames", 0, "frames is 0"),
        ("frames", 10**60, "frames is a number of more than 18 digits"),
        ("dtype", "object", "dtype is 'object', expected float32 or float16"),
        ("dtype", "garbage", "dtype is 'garbage'"),
        ("thumbnails", -1, "thumbnails is -1"),
        ("sessions", {"a": 1}, "sessions is a dict"),
        ("sessions.0", 7, "7 stands where a table"),
        ("sessions.0.skipped", {"no pose": NAN}, "no pose is nan"),
        ("sessions.0.cameras", "camera", "cameras is 'camera', expected a list"),
        ("model.preprocessing.mean", [0.5, 0.5], "mean="),
        ("model.preprocessing.std", [1.0, 1.0, 1.0, 1.0], "std="),
        ("model.preprocessing.std", [1.0, 0.0, 1.0], "std="),
        ("model.preprocessing.std", [NAN, 1.0, 1.0], "std="),
        ("model.preprocessing.height_px", 10**9, "height_px=1000000000"),
        ("model.preprocessing.width_px", True, "width_px=True"),
        ("model.preprocessing.colour", "red", "colour"),
        ("model.descriptor_dim", 0, "descriptor_dim is 0"),
        ("cameras.0", sees(fx_px=0.0), "camera 'camera': found the focal lengths (0.0, 5.0) px"),
        ("cameras.0", sees(cx_px=NAN), "found the principal point (nan, 1.5) px"),
        ("cameras.0", sees(width_px=10**60), "found a camera of (1000000"),
        ("cameras.0", sees(distortion=[0.1] * 3), "found 3 coefficients of distortion"),
        ("cameras.0", sees(lens=["fisheye"]), "found the lens ['fisheye']"),
        ("cameras.0", {**mount(), "intrinsics": 7}, "found intrinsics that are no table"),
        ("cameras.0", mount(position_m=[1e308, 1e308, 0.0]), "T_base_camera of camera 'camera' is"),
        ("cameras.0", mount(position_m=[1.4e6, 0.0, 0.0]), "1.4e+06 m from the base, expected 300 m at most"),
        ("cameras.0", mount(position_m=[NAN, 0.0, 0.0]), "position_m is nan, expected a finite number"),
        ("cameras.0", mount(position_m=[0.0, 0.0]), "position_m has 2 numbers, expected 3"),
        ("cameras.0", mount(quat_xyzw=[0.0, 0.0, 0.0, 2.0]), "a quaternion of length 2, expected 1"),
        ("cameras.0", mount(quat_xyzw=[0.0, 0.0, 0.0, 0.0]), "is not finite"),
        ("cameras.0", mount(quat_xyzw=[1e308, 1e308, 1e308, 1e308]), "T_base_camera of camera 'camera' is not finite"),
        ("datum", {**DATUM, "latitude_deg": 480.0}, "latitude_deg is 480.0, expected -90 to 90"),
        ("datum", {**DATUM, "altitude_m": INFINITE}, "altitude_m is inf"),
        ("datum", "Munich", "'Munich' stands where a table"),
        ("origin_m", "123", "origin_m is '123', expected a list"),
        ("origin_m", [0.0, 0.0], "origin_m has 2 numbers, expected 3"),
        ("origin_m", [0.0, True, 0.0], "origin_m is True, expected a number"),
        ("origin_m", [0.0, 1e308, 0.0], "origin_m is 1e+308"),
        ("calibration.bias", "0.5", "bias is '0.5', expected a number"),
        ("calibration.bias", NAN, "bias is nan, expected -1e+06 to 1e+06"),
        ("calibration.mean", [0.1, 0.2], "mean has 2 numbers, expected 3"),
        ("calibration.mean", [0.1, 1e308, 0.1], "mean is 1e+308, expected -1e+06 to 1e+06"),
        ("calibration.scale", [0.1, 0.0, 0.1], "scale must be 1e-09 or more"),
        ("calibration.scale", [0.1, 1e-320, 0.1], "scale must be 1e-09 or more"),
        ("calibration.weights", [0.1, -0.1, 0.1], "weights not less"),
        ("calibration.weights", [0.1, 1e308, 0.1], "weights is 1e+308"),
        ("calibration.radius_m", 0.0, "radius_m is 0.0"),
        ("calibration.kind", "guess", "kind is 'guess', expected held_out or default"),
        ("calibration.evidence", ["similarity"], "reads the evidence"),
        ("calibration.samples_right", -3, "samples_right is -3"),
        ("calibration.unknown", 1, "unknown"),
        ("calibration.residuals.yaw_rad.sigma", INFINITE, "sigma is inf"),
        ("calibration.residuals.yaw_rad.growth", 1e6, "growth is 1000000.0"),
        ("calibration.residuals.yaw_rad", [1.0], "yaw_rad is a list"),
        ("files", [], "files is a list"),
        ("files", {"frames.csv": None}, "None stands where a table"),
        ("files", {"../map/frames.csv": {}}, "'../map/frames.csv', which is no name"),
        ("files", {"/etc/passwd": {}}, "'/etc/passwd', which is no name"),
        ("files", {"": {}}, "'', which is no name"),
        ("files", {"..": {}}, "'..', which is no name"),
        ("files", {"frames.csv\0": {}}, "which is no name"),
        ("files", {7: {}}, "files is a dict"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_entry_that_cannot_be_is_named(copy: Path, path: str, value: object, found: str) -> None:
    set_entry(copy, path, value)
    with pytest.raises(MapError) as caught:
        PlaceMap.open(copy)
    assert found in str(caught.value)
    assert len(str(caught.value)) < 1200


@pytest.mark.parametrize(
    "text",
    [
        "format_version: 2024-13-45",
        f"format_version: {'9' * 5000}",
        f"format_version: {':'.join(['1'] * 100_000)}",
        "[" * 5000 + "]" * 5000,
        "? [a, b]\n: c\n",
        "7: seven\n",
        "",
        "\ufeff\ufeff",
        "a: &a [*a]\n",
    ],
    ids=lambda value: repr(value)[:30],
)
def test_yaml_that_is_no_manifest_is_refused_at_once(copy: Path, text: str) -> None:
    (copy / "manifest.yaml").write_text(text)
    started_s = time.process_time()
    with pytest.raises(MapError) as caught:
        PlaceMap.open(copy)
    assert time.process_time() - started_s < 2.0
    assert "manifest.yaml" in caught.value.problem and len(str(caught.value)) < 1000


def test_nested_aliases_are_refused_with_the_limit(copy: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    with (copy / "manifest.yaml").open("a") as stream:
        stream.write("\n".join(lines))
    with pytest.raises(MapError, match=r"values once its aliases are followed, more than 40000"):
        PlaceMap.open(copy)


def test_more_values_than_any_manifest_has_are_refused_before_they_are_read(copy: Path) -> None:
    with (copy / "manifest.yaml").open("a") as stream:
        stream.write(f"more: [{'1, ' * 300_000}]\n")
    started_s = time.process_time()
    with pytest.raises(MapError, match="more than 40000 values"):
        PlaceMap.open(copy)
    assert time.process_time() - started_s < 5.0


def test_entries_of_a_later_version_are_passed_over(copy: Path) -> None:
    edit(copy, lambda plain: plain.update(source_frame="odom", tags=["north", 7], taken=date(2024, 1, 1)))
    assert len(PlaceMap.open(copy)) == 80


def test_numbers_and_dates_without_quotes_are_text_where_text_belongs(copy: Path) -> None:
    set_entry(copy, "model.version", 2.5)
    set_entry(copy, "created_utc", date(2024, 1, 31))
    manifest = PlaceMap.open(copy).manifest
    assert (manifest.model.version, manifest.created_utc) == ("2.5", "2024-01-31")
