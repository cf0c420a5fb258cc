# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Draw docs/images/verified.jpg: match images of the node, side by side, for images asked of a map.

python docs/images/draw_verified.py MAP IMAGE [IMAGE ...] OUTPUT.jpg
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from vpr_ros.core.frames import Frame, ImageRgb
from vpr_ros.inference import open_extractor
from vpr_ros.localization import Localizer, LocalizerConfig
from vpr_ros.localization.local_model import local_extractor_for
from vpr_ros.maps import PlaceMap
from vpr_ros.ros.localizer.match_image import draw_match

QUALITY = 88
BETWEEN_PX = 8


def main() -> None:
    """Ask and draw."""
    place_map = PlaceMap.open(Path(sys.argv[1]))
    extractor = open_extractor(None)
    local = local_extractor_for(place_map, LocalizerConfig(), extractor, None)
    localizer = Localizer(extractor, place_map, LocalizerConfig(), local, place_map.local)
    drawn = [_drawn(localizer, Path(name)) for name in sys.argv[2:-1]]
    gap = np.full((len(drawn[0]), BETWEEN_PX, 3), 255, np.uint8)
    picture = np.concatenate([part for one in drawn for part in (gap, one)][1:], axis=1)
    cv2.imwrite(sys.argv[-1], picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def _drawn(localizer: Localizer, path: Path) -> ImageRgb:
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"{path} is no image")
    image_rgb = np.asarray(image, np.uint8)[:, :, ::-1].copy()
    answer = localizer.localize(Frame(image_rgb, 0, "camera", path.name))
    return draw_match(image_rgb, localizer.place_map.thumbnail(answer.matches[0].frame_index), answer)


if __name__ == "__main__":
    main()
