# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The query above the map frame it was matched with, for a person to judge."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import ImageRgb, SizePx
from vpr_ros.localization import Localization
from vpr_ros.localization.match_geometry import Verdict
from vpr_ros.localization.sentences import answer_sentence, source_words, verdict

WIDTH_PX: Final = 320
"""Of the whole picture. RViz shrinks a picture by leaving out pixels, and letters with them: this fits its panel."""
LARGEST_PANEL_HEIGHT_PX: Final = 320
CAPTION_HEIGHT_PX: Final = 104
ACCEPTED_RGB = (60, 220, 90)
REJECTED_RGB = (240, 90, 70)
PLAIN_RGB = (230, 230, 230)
MOST_LINES: Final = 60
_MARGIN_PX = 6
_LINE_PX = 18
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE = 0.45


def draw_match(query_rgb: ImageRgb, match_rgb: ImageRgb | None, localization: Localization) -> ImageRgb:
    """Draw the answer, below it the query, below that the match; lines join the keypoints that prove it.

    Args:
        query_rgb: (H, W, 3) uint8.
        match_rgb: thumbnail of the best match, None where the map keeps none.
        localization: the answer.

    Returns:
        (height, WIDTH_PX, 3) uint8; the height is CAPTION_HEIGHT_PX and that of the two panels.
    """
    query = _panel(query_rgb)
    match = _panel(match_rgb) if match_rgb is not None else np.full_like(query, 40)
    if match_rgb is None:
        _text(match, "no thumbnail in the map", min(_LINE_PX, len(match)), (200, 200, 200))
    picture = np.concatenate([_caption(localization), query, match])
    geometry = localization.matches[0].geometry if localization.matches else None
    if geometry is not None and match_rgb is not None:
        height_px, width_px = query_rgb.shape[:2]
        above = _on_panel(geometry.query_px, (width_px, height_px), CAPTION_HEIGHT_PX)
        below = _on_panel(geometry.mapped_px, geometry.mapped_size_px, CAPTION_HEIGHT_PX + len(query))
        _join(picture, above, below, ACCEPTED_RGB if geometry.verdict is Verdict.VERIFIED else REJECTED_RGB)
    return picture


def _caption(localization: Localization) -> ImageRgb:
    """The verdict in its colour, why, and the map frame; every line is cut to fit, so that none ends at the edge."""
    caption = np.zeros((CAPTION_HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    color = ACCEPTED_RGB if localization.accepted else REJECTED_RGB
    _text(caption, verdict(localization), 22, color, 0.7)
    last_px = CAPTION_HEIGHT_PX - 8
    if not localization.matches:
        return _lines(caption, _wrapped(answer_sentence(localization), 4), 42)
    best = localization.matches[0]
    numbers = f"similarity {best.similarity:.3f}, probability {localization.probability:.2f}"
    if localization.was_compared:
        numbers += f", {source_words(localization)}"
    _lines(caption, _wrapped(numbers if localization.accepted else answer_sentence(localization), 3), 42)
    _text(caption, _cut(f"map frame {best.frame_index} {_printable(best.name)}"), last_px, PLAIN_RGB)
    return caption


def _lines(caption: ImageRgb, lines: list[str], first_px: int) -> ImageRgb:
    for number, line in enumerate(lines):
        _text(caption, line, first_px + number * _LINE_PX, PLAIN_RGB)
    return caption


def _panel(image_rgb: ImageRgb) -> ImageRgb:
    """The image as wide as the picture, or as high as a panel may be with black beside it."""
    height, width = image_rgb.shape[:2]
    size = _panel_size(width, height)
    if height == width == 1:  # which the OpenCV of Ubuntu 22.04 refuses
        image_rgb = np.repeat(image_rgb, 2, axis=0)
    resized = cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    left_px = (WIDTH_PX - size[0]) // 2
    return np.pad(resized, ((0, 0), (left_px, WIDTH_PX - size[0] - left_px), (0, 0)))


def _panel_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of an image in its panel."""
    scale = min(WIDTH_PX / width, LARGEST_PANEL_HEIGHT_PX / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _on_panel(pixels_px: npt.NDArray[np.float64], size_px: SizePx, top_px: int) -> npt.NDArray[np.int64]:
    """(N, 2) pixels of an image of *size_px* -> of its panel below *top_px*, whatever the size of the one shown."""
    width_px, height_px = _panel_size(*size_px)
    shown = (pixels_px + 0.5) / size_px * (width_px, height_px) - 0.5
    left_px = (WIDTH_PX - width_px) // 2
    return np.asarray(np.rint(np.add(shown, (left_px, top_px))), dtype=np.int64)


def _join(
    picture: ImageRgb, above: npt.NDArray[np.int64], below: npt.NDArray[np.int64], rgb: tuple[int, int, int]
) -> None:
    """Draw a line for each inlier, for some of many."""
    stride = max(1, len(above) // MOST_LINES)
    for one, other in zip(above[::stride].tolist(), below[::stride].tolist(), strict=True):
        cv2.line(picture, one, other, rgb, 1, cv2.LINE_AA)
        for end in (one, other):
            cv2.circle(picture, end, 2, rgb, 1, cv2.LINE_AA)


def _printable(text: str) -> str:
    """The letters that OpenCV's font has."""
    return text.encode("ascii", "replace").decode()


def _fits(text: str) -> bool:
    return bool(cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)[0][0] <= WIDTH_PX - 2 * _MARGIN_PX)


def _cut(text: str) -> str:
    """The text with its middle left out until it fits: a name ends in what tells it from the next."""
    kept = text
    for left_out in range(len(text)):
        if _fits(kept):
            break
        half = (len(text) - left_out) // 2
        kept = f"{text[:half]}...{text[len(text) - half :]}"
    return kept


def _wrapped(text: str, most_lines: int) -> list[str]:
    """The text in lines that fit, the last of them cut where there is more."""
    lines, words = [""], _printable(text).split()
    while words:
        longer = f"{lines[-1]} {words[0]}".strip()
        if not _fits(longer) and lines[-1]:
            if len(lines) == most_lines:
                lines[-1] = _cut(f"{lines[-1]} {' '.join(words)}")
                break
            lines.append("")
            continue
        lines[-1] = _cut(longer)
        words.pop(0)
    return lines


def _text(
    image_rgb: npt.NDArray[np.uint8],
    text: str,
    baseline_px: int,
    color: tuple[int, int, int],
    scale: float = _FONT_SCALE,
) -> None:
    cv2.putText(image_rgb, text, (_MARGIN_PX, baseline_px), _FONT, scale, color, 1, cv2.LINE_AA)
