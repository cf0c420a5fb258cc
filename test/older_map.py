"""The stored map of format 1: how it answered, and how it looked before there were checksums."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from vpr_ros.core.frames import Frame, ImageRgb
from vpr_ros.core.model_info import ModelInfo
from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization, Localizer, PosePrior
from vpr_ros.maps import PlaceMap

STORED = Path(__file__).resolve().parent / "data" / "format_1"
ANSWERS: list[dict[str, Any]] = json.loads((STORED / "answers.json").read_text())
TOLERANCE = {"similarity": 1e-6, "probability": 1e-5, "pose": 1e-4, "covariance": 1e-3}
"""For the stored descriptors: libraries may sum in another order. In metres and radians, their squares, and 1."""
IN_ANOTHER_RUNTIME = {"similarity": 3e-3, "probability": 1e-2, "pose": 0.1, "covariance": 0.1}
"""For the stored image, which another decoder and another runtime see a little differently."""


class StoredQueries:
    """An extractor whose images are numbers of stored descriptors."""

    provider = "stored"

    def __init__(self, place_map: PlaceMap) -> None:
        model = place_map.manifest.model
        self.info = ModelInfo(model.name, model.version, model.preprocessing, model.descriptor_dim, {"name": "stored"})
        self.sha256 = model.sha256
        self._descriptors = np.load(STORED / "queries.npy", allow_pickle=False)

    def prepare(self, images_rgb: Sequence[ImageRgb]) -> npt.NDArray[np.float32]:
        """The number that each image consists of: (B, 1)."""
        return np.array([[image[0, 0, 0]] for image in images_rgb], dtype=np.float32)

    def infer(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(B, 1) numbers -> (B, D)."""
        return np.asarray(self._descriptors[batch[:, 0].astype(np.int64)])


def ask(localizer: Localizer, image_rgb: ImageRgb, answer: dict[str, Any]) -> Localization:
    """Ask what *answer* was given to."""
    mount, within = answer["T_base_camera"], answer["within"]
    T_base_camera = mount and Pose(tuple(mount[:3]), tuple(mount[3:]))
    prior = within and PosePrior(Pose(tuple(within[:3]), None), within[3])
    return localizer.localize(Frame(image_rgb, 0), T_base_camera, prior)


def check(found: Localization, answer: dict[str, Any], tolerance: dict[str, float]) -> None:
    best = found.matches[: len(answer["frames"])]
    assert found.accepted == answer["accepted"]
    assert [match.frame_index for match in best] == answer["frames"]
    close = np.testing.assert_allclose
    close([match.similarity for match in best], answer["similarities"], atol=tolerance["similarity"])
    close([match.probability for match in best], answer["probabilities"], atol=tolerance["probability"])
    close(found.probability, answer["probability"], atol=tolerance["probability"])
    assert found.T_map_base is not None and found.T_map_base.quat_xyzw is not None and found.covariance is not None
    pose = [*found.T_map_base.position_m, *found.T_map_base.quat_xyzw]
    close(pose, answer["T_map_base"], rtol=0, atol=tolerance["pose"])
    close(found.covariance, answer["covariance"], rtol=tolerance["covariance"], atol=tolerance["covariance"])


def check_answers(folder: Path) -> None:
    """Every stored question again."""
    place_map = PlaceMap.open(folder)
    place_map.verify()
    localizer = Localizer(StoredQueries(place_map), place_map)
    for answer in ANSWERS:
        check(ask(localizer, np.full((1, 1, 3), answer["query"], np.uint8), answer), answer, TOLERANCE)


def make_first(folder: Path) -> None:
    """Take away what the first maps of format 1 did not have: they had all else."""
    path = folder / "manifest.yaml"
    plain = yaml.safe_load(path.read_text())
    for key in ("manifest_sha256", "thumbnails_sha256", "origin_m"):
        del plain[key]
    for session in plain["sessions"]:
        del session["inputs_sha256"], session["frame_id"]
    path.write_text(yaml.safe_dump(plain, sort_keys=False))
