"""Fit a map's calibration on frames it was built from, re-taken with other light and viewpoint."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.frames import FrameRecord, ImageRgb
from vpr_ros.core.model_info import Extractor
from vpr_ros.maps.augment import augmented
from vpr_ros.maps.calibration import Calibration, Residuals, Triple, default_calibration
from vpr_ros.maps.descriptor_file import Descriptors
from vpr_ros.maps.frame_table import FrameRow, FrameTable
from vpr_ros.maps.held_out import HeldOut, KnownPlaces
from vpr_ros.maps.logistic import fit_logistic

MIN_FRAMES = 20
MIN_ANSWERS = 8
SHARE_RETAKEN = 0.1
MIN_RETAKEN, MAX_RETAKEN = 16, 200
MAX_AS_THEY_ARE = 200
SEED = 0


def self_calibration(
    frames: FrameTable,
    descriptors: Descriptors,
    records: Iterable[FrameRecord],
    rows: list[FrameRow],
    extractor: Extractor,
    batch_size: int,
    radius_m: float,
    spacing_m: float,
) -> Calibration:
    """Calibrate the map, or return the cautious default where it is too small.

    Args:
        frames: every frame of the map.
        descriptors: (N, D).
        records: where the last ``len(rows)`` frames of the map came from.
        rows: their lines in the table; records that are not among them are passed over.
        extractor: the model.
        batch_size: images per call of it.
        radius_m: two frames nearer than this are the same place.
        spacing_m: median distance between neighbouring frames.
    """
    default = default_calibration(radius_m, spacing_m)
    if len(frames) < MIN_FRAMES:
        return default
    retaken, queries = _retaken(records, rows, len(frames) - len(rows), extractor, batch_size)
    as_they_are = _evenly(len(frames), MAX_AS_THEY_ARE)
    asked = np.concatenate([retaken, as_they_are])
    queries = np.concatenate([queries, descriptors[as_they_are].astype(np.float32)])
    held_out = HeldOut(frames, descriptors, radius_m, spacing_m)
    known = held_out.known_places(asked, queries)
    unknown = held_out.unknown_places(asked, queries)
    evidence = np.concatenate([known.evidence, unknown])
    right = np.concatenate([known.right, np.zeros(len(unknown), dtype=bool)])
    residuals = _residuals(known, spacing_m, default.residuals)
    if min(right.sum(), (~right).sum()) < MIN_ANSWERS:
        return default
    fit = fit_logistic(evidence, right)
    return Calibration(
        kind="held_out",
        radius_m=radius_m,
        mean=_triple(fit.mean),
        scale=_triple(fit.scale),
        weights=_triple(fit.weights),
        bias=fit.bias,
        residuals=residuals,
        samples_right=int(right.sum()),
        samples_wrong=int((~right).sum()),
    )


def _retaken(
    records: Iterable[FrameRecord], rows: list[FrameRow], first_row: int, extractor: Extractor, batch_size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Describe a share of the images once more, augmented: (M,) map rows and (M, D) descriptors."""
    count = int(np.clip(round(SHARE_RETAKEN * len(rows)), MIN_RETAKEN, MAX_RETAKEN))
    chosen = set(_evenly(len(rows), count).tolist())
    rng = np.random.default_rng(SEED)
    taken: list[int] = []
    described: list[npt.NDArray[np.float32]] = [np.empty((0, extractor.info.descriptor_dim), np.float32)]
    images: list[ImageRgb] = []
    number = 0
    for record in records:
        if number == len(rows):
            break
        if (record.stamp_ns, record.name) != (rows[number].stamp_ns, rows[number].name):
            continue
        if number in chosen:
            try:
                images.append(augmented(record.load_image(), rng))
            except FrameDecodeError:
                number += 1
                continue
            taken.append(first_row + number)
        number += 1
        if len(images) == batch_size:
            described.append(extractor.infer(extractor.prepare(images)))
            images = []
    if images:
        described.append(extractor.infer(extractor.prepare(images)))
    return np.array(taken, dtype=np.int64), np.concatenate(described)


def _residuals(errors: KnownPlaces, spacing_m: float, default: Residuals) -> Residuals:
    floor_m = spacing_m / np.sqrt(12)
    return Residuals(
        horizontal_m=_sigma(errors, [0, 1], floor_m, default.horizontal_m),
        vertical_m=_sigma(errors, [2], 0.0, default.vertical_m),
        tilt_rad=_sigma(errors, [3, 4], 0.0, default.tilt_rad),
        yaw_rad=_sigma(errors, [5], 0.0, default.yaw_rad),
    )


def _sigma(errors: KnownPlaces, axes: list[int], floor: float, default: float) -> float:
    """The sigma that, added to the spread, makes the mean of error^2 / variance one: consistent by measurement."""
    squared, spread = errors.squared[:, axes].ravel(), errors.spread[:, axes].ravel()
    known = np.isfinite(squared)
    squared, spread = squared[known], spread[known]
    if len(squared) < MIN_ANSWERS:
        return default

    def excess(variance: float) -> float:
        return float(np.mean(squared / (spread + variance))) - 1.0

    low, high = max(floor**2, 1e-12), float(squared.max()) + floor**2 + 1e-9
    return float(np.sqrt(low if excess(low) <= 0 else brentq(excess, low, high)))


def _evenly(total: int, count: int) -> npt.NDArray[np.int64]:
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(np.int64))


def _triple(values: npt.NDArray[np.float64]) -> Triple:
    one, two, three = values.tolist()
    return one, two, three
