"""One study: every aggregation with every seed, each cell kept on disk, so that what was killed goes on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vpr_ros.core import disk
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.core.files import parse_json, read_text
from vpr_ros.core.hashing import file_sha256
from vpr_ros.models import PlaceModel
from vpr_ros.training.datasets.towns import TownDrives
from vpr_ros.training.frozen_tokens import FrozenTokens
from vpr_ros.training.progress import ShowProgress
from vpr_ros.training.study.cell import AGGREGATIONS, Cell, StudyTraining, TaskTokens, train_cell
from vpr_ros.training.study.tokens import task_tokens, training_tokens


@dataclass(frozen=True)
class Study:
    """What is compared on what.

    Attributes:
        real: folders of ``ImagePairs`` to measure on beside the towns.
        seeds: runs of each aggregation.
        towns: simulated towns to train on.
        steps: of training.
        size_px: height and width that the backbone sees.
        spacing_m, distance_m, offset_m: between two images, of a drive, and at most sideways of it.

    Raises:
        ConfigError: nothing to train.
    """

    real: tuple[Path, ...] = ()
    seeds: int = 3
    towns: int = 6
    steps: int = 300
    size_px: tuple[int, int] = (120, 160)
    spacing_m: float = 5.0
    distance_m: float = 400.0
    offset_m: float = 1.5

    def __post_init__(self) -> None:
        if min(self.seeds, self.towns, self.steps) < 1:
            raise ConfigError("--seeds, --towns and --steps count from 1", "Leave them at their defaults")

    @property
    def drives(self) -> TownDrives:
        """Through the towns."""
        height_px, width_px = self.size_px
        return TownDrives(self.spacing_m, self.distance_m, width_px, height_px, lateral_offset_m=self.offset_m)

    def settings(self, backbone_sha256: str) -> dict[str, Any]:
        """What tokens and cells depend on; those of other settings are never taken for these."""
        return {
            "backbone_sha256": backbone_sha256,
            "real": [root.name for root in self.real],
            **{name: getattr(self, name) for name in ("towns", "steps", "spacing_m", "distance_m", "offset_m")},
            "size": list(self.size_px),
        }


@dataclass(frozen=True)
class StudyResult:
    """What came out.

    Attributes:
        settings: of the study and its tasks, for who reads the table later.
        cells: aggregation by aggregation, seed by seed.
    """

    settings: dict[str, Any]
    cells: list[Cell]


def run_study(model: PlaceModel, backbone: Path, study: Study, output: Path, progress: ShowProgress) -> StudyResult:
    """Train and measure what *output* does not hold yet.

    Args:
        model: whose backbone is frozen under every aggregation.
        backbone: the file it came from; its hash tells one study from another.
        study: see there.
        output: folder for tokens and finished cells.
        progress: see there.

    Raises:
        TrainingError: a set that cannot be read, a loss that is not finite, or a disk that refuses.
    """
    settings = study.settings(file_sha256(backbone))
    folder = output / hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]
    size = replace(model.config.preprocessing, height_px=study.size_px[0], width_px=study.size_px[1])
    frozen = FrozenTokens(model, size, folder / "tokens")
    data = training_tokens(frozen, study.drives, study.towns, progress)
    tasks = list(task_tokens(frozen, study.drives, study.real, progress))
    training = StudyTraining(steps=study.steps)
    cells = []
    for row, aggregation in enumerate(AGGREGATIONS):
        for seed in range(study.seeds):
            kept = folder / "cells" / f"{row}_{seed}.json"
            with progress(f"{aggregation}, seed {seed}") as update:
                if not kept.is_file():
                    cell = train_cell(aggregation, seed, frozen.grid, data, tasks, training, update)
                    disk.write_text(kept, json.dumps(asdict(cell), indent=2), TrainingError)
            cells.append(Cell(**parse_json(read_text(kept, TrainingError), str(kept), TrainingError)))
    return StudyResult({**settings, "tasks": [_protocol(task) for task in tasks]}, cells)


def _protocol(task: TaskTokens) -> dict[str, Any]:
    return {
        "name": task.name,
        "database": len(task.database),
        "queries": len(task.queries),
        "answerable": int(task.positives.answerable.sum()),
        "rule": task.positives.rule,
    }
