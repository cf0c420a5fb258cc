"""Folders as data sets publish them: TUM RGB-D, EuRoC, KITTI odometry; links, and times that must not be lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from some_images import write_images

from vpr_ros.core.errors import ClockError, SourceError
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.recorded_source import RecordedSource

SECOND = 1_000_000_000
EUROC_NS = 1403636579763555584
EUROC_TRUTH = "#timestamp, x, y, z, qw, qx, qy, qz, vx, vy, vz\n" + "".join(
    f"{EUROC_NS + k * SECOND},{k},0,0,1,0,0,0,0,0,0\n" for k in range(3)
)
KITTI_POSES = "".join(f"1 0 0 {k} 0 1 0 0 0 0 1 0\n" for k in range(3))


def stamps_ns(source: RecordedSource) -> list[int]:
    return [record.stamp_ns for record in source]


def x_m(source: RecordedSource) -> list[float | None]:
    return [record.T_map_base.position_m[0] if record.T_map_base else None for record in source]


@pytest.fixture
def tum(tmp_path: Path) -> Path:
    folder = tmp_path / "freiburg"
    names = ["10.000000.png", "10.500000.png"]
    write_images(folder / "rgb", names)
    write_images(folder / "depth", ["10.010000.png"])
    (folder / "rgb.txt").write_text("# color images\n" + "".join(f"{n[:-4]} rgb/{n}\n" for n in [*names, "11.0.png"]))
    (folder / "groundtruth.txt").write_text("# truth\n9.5 0 0 0 0 0 0 1\n10.5 1 0 0 0 0 0 1\n")
    return folder


@pytest.mark.parametrize("inside", [".", "rgb"])
def test_tum_rgbd(tum: Path, inside: str) -> None:
    source = open_source(tum / inside)
    assert [Path(record.name).name for record in source] == ["10.000000.png", "10.500000.png"]
    assert stamps_ns(source) == [10 * SECOND, 10 * SECOND + SECOND // 2]
    assert x_m(source) == pytest.approx([0.5, 1.0])
    assert "1 listed images are not there" in source.description


def test_tum_rgbd_from_inside(tum: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tum / "rgb")
    source = open_source(Path())
    assert x_m(source) == pytest.approx([0.5, 1.0])
    assert source.description.startswith("rgb: 2 images")


def test_a_list_of_images_that_are_not_there(tum: Path) -> None:
    (tum / "rgb.txt").write_text("1.0 rgb/a.png\n")
    with pytest.raises(SourceError, match=r"none of the 1 images that .*rgb\.txt names is there"):
        open_source(tum)
    (tum / "rgb.txt").write_text("a.png 1.0\n")
    with pytest.raises(SourceError, match=r"rgb\.txt: line 1 is 'a\.png 1\.0', expected STAMP rgb/NAME"):
        open_source(tum)


@pytest.mark.parametrize("inside", [".", "mav0", "mav0/cam0", "mav0/cam0/data", "mav0/cam1"])
def test_euroc(tmp_path: Path, inside: str) -> None:
    for camera in ("cam0", "cam1"):
        folder = tmp_path / "MH_01" / "mav0" / camera
        write_images(folder / "data", [f"{EUROC_NS + SECOND // 2}.png", f"{EUROC_NS + SECOND}.png"])
        lines = [f"{EUROC_NS + t},{EUROC_NS + t}.png\r\n" for t in (SECOND // 2, SECOND)]
        (folder / "data.csv").write_text("#timestamp [ns],filename\r\n" + "".join(lines))
        rows = "[0, -1, 0, 0.5, 1, 0, 0, 0.25, 0, 0, 1, 0.125, 0, 0, 0, 1]"
        (folder / "sensor.yaml").write_text(f"# camera\nT_BS:\n  cols: 4\n  rows: 4\n  data: {rows}\n")
    truth = tmp_path / "MH_01" / "mav0" / "state_groundtruth_estimate0"
    truth.mkdir()
    (truth / "data.csv").write_text(EUROC_TRUTH)
    source = open_source(tmp_path / "MH_01" / inside)
    assert stamps_ns(source) == [EUROC_NS + SECOND // 2, EUROC_NS + SECOND]
    assert x_m(source) == pytest.approx([0.5, 1.0])
    mount = source.cameras["camera"].T_base_camera
    assert mount is not None
    assert mount.position_m == (0.5, 0.25, 0.125)
    assert ("cam1" if inside.endswith("cam1") else "cam0") in source.description


def test_euroc_calibration_that_is_none(tmp_path: Path) -> None:
    write_images(tmp_path / "cam0" / "data", [f"{EUROC_NS}.png"])
    (tmp_path / "cam0" / "data.csv").write_text(f"{EUROC_NS},{EUROC_NS}.png\n")
    (tmp_path / "cam0" / "sensor.yaml").write_text("T_BS: {data: [1, 2]}\n")
    with pytest.raises(SourceError, match=r"sensor\.yaml holds no camera pose T_BS"):
        open_source(tmp_path, SourceOptions(require_poses=False))


def test_euroc_calibration_of_nested_aliases_is_refused_at_once(tmp_path: Path) -> None:
    write_images(tmp_path / "cam0" / "data", [f"{EUROC_NS}.png"])
    (tmp_path / "cam0" / "data.csv").write_text(f"{EUROC_NS},{EUROC_NS}.png\n")
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    (tmp_path / "cam0" / "sensor.yaml").write_text("\n".join(lines))
    with pytest.raises(SourceError, match=r"sensor\.yaml holds \d+ values once its aliases are followed"):
        open_source(tmp_path, SourceOptions(require_poses=False))


@pytest.mark.parametrize("inside", [".", "image_2"])
@pytest.mark.parametrize("poses", ["poses/07.txt", "sequences/07/poses.txt"])
def test_kitti_odometry(tmp_path: Path, inside: str, poses: str) -> None:
    sequence = tmp_path / "sequences" / "07"
    for camera in ("image_0", "image_2"):
        write_images(sequence / camera, [f"{k:06d}.png" for k in range(3)])
    (sequence / "times.txt").write_text("0.000000e+00\n1.036000e-01\n2.073000e-01\n")
    (tmp_path / poses).parent.mkdir(exist_ok=True)
    (tmp_path / poses).write_text(KITTI_POSES)
    source = open_source(sequence / inside)
    assert stamps_ns(source) == [0, 103_600_000, 207_300_000]
    assert x_m(source) == [0, 1, 2]
    assert "KITTI odometry image_2" in source.description


def test_recorded_times_are_kept_when_poses_go_by_order(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["frame9.png", "frame10.png", "frame11.png"])
    (tmp_path / "kitti.txt").write_text(KITTI_POSES)
    (tmp_path / "tum.txt").write_text("5.0 0 0 0 0 0 0 1\n5.5 1 0 0 0 0 0 1\n7.0 2 0 0 0 0 0 1\n")
    (tmp_path / "p.csv").write_text("file,x_m,y_m,stamp_ns\nframe9.png,0,0,5\nframe10.png,1,0,9\nframe11.png,2,0,11\n")

    def times(name: str) -> list[int]:
        source = open_source(folder, SourceOptions(poses=tmp_path / name))
        assert x_m(source) == [0, 1, 2]
        assert ("times made up" in source.description) == (stamps_ns(source)[1] == 33_333_333)
        return stamps_ns(source)

    assert times("tum.txt") == [5 * SECOND, 5 * SECOND + SECOND // 2, 7 * SECOND]
    assert times("p.csv") == [5, 9, 11]
    assert times("kitti.txt") == [0, 33_333_333, 66_666_666]
    (folder / "times.txt").write_text("3\n4\n6\n")
    assert times("kitti.txt") == [3 * SECOND, 4 * SECOND, 6 * SECOND]


def test_times_that_do_not_belong_to_the_images(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.png", "b.png"])
    for text, error, says in (
        ("3\n", SourceError, "has 1 times, the folder has 2 images"),
        ("3\nx\n", SourceError, "line 2 is 'x', expected a time in seconds"),
        ("3\n1\n", ClockError, r"jumps backwards in .*times\.txt: from 3\.000 s to 1\.000 s"),
    ):
        (folder / "times.txt").write_text(text)
        with pytest.raises(error, match=says):
            open_source(folder, SourceOptions(require_poses=False))


@pytest.mark.parametrize(("digits", "unit_ns"), [(13, 10**6), (16, 10**3), (19, 1)])
def test_names_in_milli_micro_and_nanoseconds(tmp_path: Path, digits: int, unit_ns: int) -> None:
    first = 17 * 10 ** (digits - 2)
    folder = write_images(tmp_path / "images", [f"{first}.png", f"{first + SECOND // unit_ns}.png"])
    (tmp_path / "tum.txt").write_text(f"{first} 0 0 0 0 0 0 1\n{first + 2 * SECOND // unit_ns} 2 0 0 0 0 0 1\n")
    source = open_source(folder, SourceOptions(poses=tmp_path / "tum.txt", max_gap_s=3))
    assert stamps_ns(source) == [first * unit_ns, first * unit_ns + SECOND]
    assert x_m(source) == pytest.approx([0, 1])


def test_linked_folders_are_entered_and_circles_are_not(tmp_path: Path) -> None:
    write_images(tmp_path / "elsewhere", ["1.png", "2.png"])
    folder = write_images(tmp_path / "images", ["0.png"])
    (folder / "more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (folder / "up").symlink_to(folder, target_is_directory=True)
    (tmp_path / "elsewhere" / "back").symlink_to(folder, target_is_directory=True)
    (folder / "self").symlink_to("self")
    (folder / "gone.png").symlink_to("absent.png")
    names = [record.name for record in open_source(folder, SourceOptions(require_poses=False))]
    # A link to nothing keeps its place, as poses go by order, and is left out by name when it is read.
    assert names == ["0.png", "gone.png", "more/1.png", "more/2.png"]


def test_poses_found_beside_images_but_not_theirs_do_not_stop_a_player(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.png", "b.png"])
    (folder / "poses.txt").write_text("0.0 0 0 0 0 0 0 1\n")
    with pytest.raises(SourceError, match="1 poses"):
        open_source(folder)
    source = open_source(folder, SourceOptions(require_poses=False))
    assert x_m(source) == [None, None]
    (warning,) = source.warnings
    assert "poses of poses.txt are not used" in warning
    assert "1 poses" in warning
    assert warning in source.description


def test_images_in_gaps_of_the_poses_play_without_a_truth(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["10.0.png", "13.0.png", "16.0.png", "30.0.png"])
    (tmp_path / "tum.txt").write_text("10 0 0 0 0 0 0 1\n11 1 0 0 0 0 0 1\n15 2 0 0 0 0 0 1\n16 3 0 0 0 0 0 1\n")
    source = open_source(folder, SourceOptions(poses=tmp_path / "tum.txt", require_poses=False))
    assert x_m(source) == [0, None, 3, None]
    assert "2 images without a pose" in source.description
