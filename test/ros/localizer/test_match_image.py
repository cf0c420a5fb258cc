"""The picture of a match: the verdict, the query, the map frame, in true colours and whatever the images' shapes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from some_answers import IMPROBABLE, STAMP_NS, accepted, rejected, some_matches

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from vpr_ros.core.frames import ImageRgb
from vpr_ros.localization import Rejection
from vpr_ros.localization.rejection import Dissimilar, NoCandidate, Refuted
from vpr_ros.ros.localizer.image_job import to_frame
from vpr_ros.ros.localizer.match_image import (
    ACCEPTED_RGB,
    CAPTION_HEIGHT_PX,
    LARGEST_PANEL_HEIGHT_PX,
    REJECTED_RGB,
    WIDTH_PX,
    draw_match,
)
from vpr_ros.ros.messages import to_image_message

RED, BLUE = (200, 10, 20), (15, 25, 220)


def plain(rgb: tuple[int, int, int], height: int, width: int) -> ImageRgb:
    return np.full((height, width, 3), rgb, np.uint8)


def caption_has(picture: ImageRgb, rgb: tuple[int, int, int]) -> bool:
    """Whether letters of this colour, or a darker shade of it along their edges, stand above the panels."""
    letters = picture[:CAPTION_HEIGHT_PX].reshape(-1, 3).astype(float)
    letters = letters[letters.max(axis=1) > 0.5 * max(rgb)]
    off = letters / letters.max(axis=1, keepdims=True) - np.array(rgb) / max(rgb)
    return bool((np.abs(off).max(axis=1) < 0.05).any())


def middle(panel: ImageRgb) -> npt.NDArray[np.uint8]:
    return panel[panel.shape[0] // 2, panel.shape[1] // 2]


def test_the_query_above_its_match_both_in_their_own_shape() -> None:
    picture = draw_match(plain(RED, 480, 640), plain(BLUE, 60, 160), accepted())
    query_px, match_px = 480 * WIDTH_PX // 640, 60 * WIDTH_PX // 160
    assert picture.shape == (CAPTION_HEIGHT_PX + query_px + match_px, WIDTH_PX, 3)
    assert picture.dtype == np.uint8
    panels = picture[CAPTION_HEIGHT_PX:]
    assert (panels[:query_px] == RED).all()
    assert (panels[query_px:] == BLUE).all()


def test_a_high_picture_keeps_its_shape_and_leaves_room() -> None:
    panels = draw_match(plain(RED, 960, 480), plain(BLUE, 48, 64), accepted())[CAPTION_HEIGHT_PX:]
    red = (panels == RED).all(axis=2)
    assert red.sum(axis=0).max() == LARGEST_PANEL_HEIGHT_PX
    assert red.sum(axis=1).max() == LARGEST_PANEL_HEIGHT_PX // 2
    assert red[0, WIDTH_PX // 2]


def test_the_verdict_stands_above_in_its_colour() -> None:
    query, match = plain(RED, 48, 64), plain(BLUE, 48, 64)
    yes, no = draw_match(query, match, accepted()), draw_match(query, match, rejected(matches=some_matches()))
    assert caption_has(yes, ACCEPTED_RGB) and not caption_has(yes, REJECTED_RGB)
    assert caption_has(no, REJECTED_RGB) and not caption_has(no, ACCEPTED_RGB)
    frame = slice(CAPTION_HEIGHT_PX - 20, CAPTION_HEIGHT_PX)
    assert yes[frame].any()
    assert not draw_match(query, match, rejected())[frame].any()


@pytest.mark.parametrize("name", ["short", f"camera/front/{'1' * 200}.png", "w" * 90, ""])
@pytest.mark.parametrize("rejection", [NoCandidate(3.0), Refuted(20), Dissimilar(0.5, 0.6, 0.125), IMPROBABLE])
def test_no_line_is_cut_off_at_the_edge(name: str, rejection: Rejection) -> None:
    matches = tuple(replace(match, name=name) for match in some_matches())
    for answer in (rejected(matches=matches), rejected()):
        picture = draw_match(plain(RED, 48, 64), None, replace(answer, rejection=rejection))
        caption = picture[:CAPTION_HEIGHT_PX]
        assert caption.any()
        assert not caption[:, WIDTH_PX - 3 :].any()
        assert not caption[-1].any()


def test_a_name_is_cut_in_its_middle_so_that_its_end_tells_it_from_the_next() -> None:
    first, second = (
        draw_match(plain(RED, 48, 64), None, accepted(matches=(replace(some_matches()[0], name=f"{'x' * 80}{end}"),)))
        for end in ("1.png", "2.png")
    )
    assert (
        first[CAPTION_HEIGHT_PX - 20 : CAPTION_HEIGHT_PX] != second[CAPTION_HEIGHT_PX - 20 : CAPTION_HEIGHT_PX]
    ).any()


def test_a_map_without_thumbnails_says_so_below_the_query() -> None:
    picture = draw_match(plain(RED, 48, 64), None, accepted())
    panels = picture[CAPTION_HEIGHT_PX:]
    half = len(panels) // 2
    assert (panels[:half] == RED).all()
    assert panels[half:].max() > 150
    assert middle(panels[half:]).tolist() == [40, 40, 40]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 60), (400, 2), (240, 320), (480, 640)])
def test_any_shape_is_drawn_and_the_query_stays_as_it_is(height: int, width: int) -> None:
    query = plain(RED, height, width)
    picture = draw_match(query, None, accepted())
    assert picture.shape[1] == WIDTH_PX
    assert CAPTION_HEIGHT_PX + 2 <= picture.shape[0] <= CAPTION_HEIGHT_PX + 2 * LARGEST_PANEL_HEIGHT_PX
    assert (query == RED).all()
    assert (picture[CAPTION_HEIGHT_PX, WIDTH_PX // 2] == RED).all()


def test_a_query_whose_rows_are_padded_is_drawn_without_the_padding() -> None:
    message = to_image_message(plain(RED, 48, 64), STAMP_NS, "camera")
    rows = np.frombuffer(bytes(message.data), np.uint8).reshape(48, 192)
    message.data, message.step = np.pad(rows, ((0, 0), (0, 8)), constant_values=255).tobytes(), 200
    query = to_frame(message, "front", STAMP_NS).image_rgb
    panels = draw_match(query, plain(BLUE, 48, 64), accepted())[CAPTION_HEIGHT_PX:]
    assert (panels[: len(panels) // 2] == RED).all()


def test_names_in_any_script_are_drawn() -> None:
    named = some_matches()[0]
    foreign = type(named)(7, 0.5, 0.5, named.T_map_base, "straße/北.png", "front")
    assert caption_has(draw_match(plain(RED, 48, 64), None, accepted(matches=(foreign,))), ACCEPTED_RGB)
