# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``inspect_map``: what a map holds, as a table, as JSON, as a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from vpr_ros.cli.local_words import local_text
from vpr_ros.cli.map_words import grid_text
from vpr_ros.cli.place_words import place_lines
from vpr_ros.cli.tables import stdout_console
from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.frames import EXACT, GeoDatum, PositionSigma
from vpr_ros.core.pose import PositionM
from vpr_ros.evaluation.map_figure import write_map_figure
from vpr_ros.mapping.care.places import place_statistics
from vpr_ros.mapping.upkeep import reseal, upgrade
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.calibration import Calibration
from vpr_ros.maps.format import FORMAT_VERSION
from vpr_ros.maps.geometry_calibration import GeometryCalibration
from vpr_ros.maps.manifest import MapManifest
from vpr_ros.maps.map_frame import describe_frames
from vpr_ros.maps.map_warnings import map_warnings
from vpr_ros.maps.promise import LIKELY, SHOWN, USUAL_DELTA, Promise, Vouched
from vpr_ros.maps.spacing import median_spacing_m

SHOWN_RATES = (0.01, 0.02, 0.05)
EXAMPLE = """  %(prog)s my_map
  %(prog)s my_map --verify --picture my_map.png
  %(prog)s my_map --json
  %(prog)s my_map --places
  %(prog)s my_map --reseal
  %(prog)s old_map --upgrade"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_inspect, argv)


def build_parser() -> CommandParser:
    """The command line."""
    parser = CommandParser("inspect_map", "Show what MAP holds and how reliable it found itself.", EXAMPLE)
    parser.add_argument("map", type=Path, metavar="MAP", help="map folder made by build_map")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--verify", action="store_true", help="read every byte and compare the checksums")
    change = parser.add_mutually_exclusive_group()
    change.add_argument(
        "--reseal",
        action="store_true",
        help="accept manifest.yaml, changed by hand, and the thumbnails as they are: write their checksums anew",
    )
    change.add_argument(
        "--upgrade", action="store_true", help="bring a map of an older format to the current one, in its place"
    )
    parser.add_argument(
        "--places", action="store_true", help="ask the map about its own frames: its least distinct places, and more"
    )
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="draw the map from above")
    return parser


def _inspect(argv: Sequence[str]) -> None:
    arguments = build_parser().parse_args(argv)
    opened = reseal if arguments.reseal else upgrade if arguments.upgrade else PlaceMap.open
    place_map = opened(arguments.map)
    if arguments.verify:
        place_map.verify()
    if arguments.picture is not None:
        write_map_figure(place_map, arguments.picture)
    places = place_statistics(place_map) if arguments.places else None
    if arguments.json:
        added = {} if places is None else {"places": places.to_dict()}
        print(json.dumps({**_plain(place_map), **added}, indent=2))
        return
    _print(place_map, verified=arguments.verify)
    for line in place_lines(places) if places is not None else ():
        print(line)
    if arguments.picture is not None:
        print(f"picture: {arguments.picture}")


def _plain(place_map: PlaceMap) -> dict[str, Any]:
    low, high = place_map.frames.position_m.min(axis=0), place_map.frames.position_m.max(axis=0)
    return {
        **place_map.manifest.to_dict(),
        "manifest_sha256": place_map.manifest.manifest_sha256,
        "path": str(place_map.path),
        "spacing_m": median_spacing_m(place_map.frames),
        "extent_m": {"min": low.tolist(), "max": high.tolist()},
    }


def _answers(calibration: Calibration | GeometryCalibration) -> str:
    return f"{calibration.samples_right} right, {calibration.samples_wrong} wrong"


def _positions(sigma: PositionSigma) -> str:
    if sigma == EXACT:
        return "taken for exact, see --position-sigma of build_map"
    return f"within {sigma.horizontal_m:.2f} m along x and y, {sigma.vertical_m:.2f} m along z (standard deviation)"


def _print(place_map: PlaceMap, *, verified: bool) -> None:
    manifest, plain = place_map.manifest, _plain(place_map)
    low, high = plain["extent_m"]["min"], plain["extent_m"]["max"]
    calibration, keypoints = manifest.calibration, manifest.keypoint_calibration
    rows = {
        "frames": f"{manifest.frames} in frame {describe_frames(manifest)}, {manifest.thumbnails} thumbnails",
        "extent": f"{high[0] - low[0]:.1f} x {high[1] - low[1]:.1f} x {high[2] - low[2]:.1f} m",
        "spacing": f"{plain['spacing_m']:.2f} m between neighbours, one place within {calibration.radius_m:.2f} m"
        + (f", one scene {seen.words}" if manifest.local and (seen := manifest.local.viewing_range) else ""),
        "model": f"{manifest.model.name} {manifest.model.version} {manifest.model.precision}, "
        f"sha256 {manifest.model.sha256[:12]}...",
        "descriptors": f"{manifest.model.descriptor_dim} x {manifest.dtype}, "
        f"{sum(entry.size_bytes for entry in manifest.files.values()) / 2**20:.1f} MiB with the table",
        "index": _index(place_map),
        "local features": _local(place_map),
        "calibration": f"{calibration.kind}: {_answers(calibration)}; "
        f"residual {calibration.residuals.horizontal_m.sigma:.2f} m, {calibration.residuals.yaw_rad.sigma:.3f} rad"
        + (f"; with keypoints {keypoints.kind}: {_answers(keypoints)}" if keypoints else ""),
        "calibrated on": _drives(manifest),
        "promise": _promise(manifest.promise),
        "datum": _datum(manifest.datum),
        "positions": _positions(manifest.position_sigma),
        "origin": "that of the recordings" if manifest.origin_m is None else origin_text(manifest.origin_m),
        "grid": "not aligned with one (edit_map align)" if manifest.grid is None else grid_text(manifest.grid),
        "format": f"{manifest.format_version}, "
        + ("the current one" if manifest.format_version == FORMAT_VERSION else "an older one (see --upgrade)"),
        "manifest": "as it was sealed"
        if manifest.manifest_sha256
        else "has no checksum, as of an older map: changes do not show (--upgrade adds it)",
        "files": "every checksum holds" if verified else "sizes and samples hold (--verify reads everything)",
        "written": f"{manifest.created_utc} by {manifest.software}",
    }
    for camera in manifest.cameras:
        where = "extrinsics unknown"
        if camera.T_base_camera is not None:
            where = "at {:.2f} {:.2f} {:.2f} m on the base".format(*camera.T_base_camera.position_m)
        frame = f", frame {camera.frame_id}" if camera.frame_id else ""
        rows[f"camera {camera.name}"] = f"{where}{frame}, {_intrinsics(camera.intrinsics)}"
        if manifest.local and (given := manifest.local.given_intrinsics.get(camera.name)):
            rows[f"camera {camera.name}"] += f"; fitted to the map, given: {_intrinsics(given)}"
    for number, session in enumerate(manifest.sessions):
        skipped = "".join(f", {count} {reason}" for reason, count in session.skipped.items() if count)
        rows[f"session {number}"] = f"{session.frames} frames of {session.source}{skipped}"
    table = Table(title=_shown(str(place_map.path)), title_justify="left", show_header=False)
    for name, value in rows.items():
        table.add_row(_shown(name), _shown(value))
    stdout_console().print(table)
    for warning in map_warnings(place_map):
        print(f"warning: {warning}")


def _index(place_map: PlaceMap) -> str:
    """What finds its frames, and how that was found out."""
    if (entry := place_map.manifest.index) is None:
        return "exact"
    asked = f" of {entry.questions} of its own frames" if entry.recall is not None else ""
    size = f", {entry.file.size_bytes / 2**20:.1f} MiB" if entry.file is not None else ""
    return f"{entry.words}{asked}{size}" + ("; it cannot be used" if place_map.index.fault else "")


def _promise(promise: Promise | None) -> str:
    """What it can vouch for at the usual confidence, rate by rate."""
    if promise is None:
        return "none, for keypoints say nothing of its places: min_probability decides"
    vouched = [promise.vouched(rate, USUAL_DELTA) for rate in SHOWN_RATES]
    lines = dict.fromkeys(_vouched(promise, one) for one in vouched if one)
    asked = f"{promise.left_out.answers} own frames asked" if promise.left_out.answers else "never asked itself"
    return f"wrong places at most {', '.join(lines) or 'nothing'}; {asked}"


def _vouched(promise: Promise, line: Vouched) -> str:
    answers, wrong = promise.counted(line)
    whose = "its drives'" if line.source in (SHOWN, LIKELY) else "other maps'"
    rests_on = f"{line.source}: {wrong} of {whose} {answers} wrong"
    return f"{100 * line.rate:g} % from {line.least_proof:.0f} inliers on ({rests_on})"


def _local(place_map: PlaceMap) -> str:
    if place_map.local is None:
        return "none (build_map --add-local gives some)"
    missing = place_map.local.files.not_looked_at()
    told = f"; {missing} frames have none yet (build_map --add-local)" if missing else ""
    return local_text(place_map.local.entry).partition(": ")[2] + told


def _drives(manifest: MapManifest) -> str:
    """The drives that calibrate took into the map, one a line."""
    if not manifest.drives:
        return "no drive: it knows the light of its own drives alone (calibrate MAP QUERIES)"
    return "\n".join(drive.words for drive in manifest.drives)


def origin_text(origin_m: PositionM) -> str:
    """Where a map's zero lies, for people."""
    return "{:.10g} {:.10g} {:.10g} m of the recordings' poses: add it to put a pose back".format(*origin_m)


def _intrinsics(camera: CameraIntrinsics | None) -> str:
    if camera is None:
        return "intrinsics unknown"
    lens = f"{camera.lens.value} distortion" if camera.has_distortion else "no distortion"
    return f"{camera.width_px}x{camera.height_px} px, focal length {camera.fx_px:.1f} {camera.fy_px:.1f} px, {lens}"


def _shown(value: str) -> Text:
    """What a map says, as it is: no markup, and nothing that a terminal or its encoding takes amiss."""
    return Text("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value))


def _datum(datum: GeoDatum | None) -> str:
    if datum is None:
        return "none"
    return f"{datum.latitude_deg:.7f}, {datum.longitude_deg:.7f}, {datum.altitude_m:.1f} m"


if __name__ == "__main__":
    raise SystemExit(main())
