# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The one tree of errors.

::

    VprError                 anything a user can mend; an entry point prints it on one line and exits with 2
      ConfigError            a parameter, an option or a configuration file
      SourceError            a bag, an image folder or a trajectory
        FrameDecodeError     one image of a source; the others are fine
        ClockError           poses and images whose times do not meet
      ModelError             a model file, its metadata, or a runtime that cannot run it
        NoDescriptorError    images that a model has no descriptor for; others are fine
      MapError               a map folder: missing, damaged, newer, or made by another model
      TrainingError          data, recipe or checkpoint of the trainer
      ExportError            a model that must not be exported
"""

from __future__ import annotations


class VprError(Exception):
    """A problem the user can mend.

    Args:
        problem: what was found and what was expected, one sentence without a final period.
        remedy: what to do about it, one sentence without a final period.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}.")
        self.problem = problem
        self.remedy = remedy


class ConfigError(VprError):
    """A parameter, an option or a configuration file is wrong."""


class SourceError(VprError):
    """A bag, an image folder or a trajectory cannot be used."""


class FrameDecodeError(SourceError):
    """One image does not decode; the rest of its source is not affected."""


class ClockError(SourceError):
    """The times of poses and images do not meet."""


class ModelError(VprError):
    """A model file, its metadata, or the runtime that should run it is wrong."""


class NoDescriptorError(ModelError):
    """The model answered some images of a batch with numbers that are no descriptor; the others are fine.

    Args:
        rows: which images of the batch.
        problem, remedy: see ``VprError``.
    """

    def __init__(self, rows: tuple[int, ...], problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.rows = rows


class MapError(VprError):
    """A map folder is missing, damaged, newer than this software, or made by another model."""


class TrainingError(VprError):
    """Data, recipe or checkpoint of the trainer cannot be used."""


class ExportError(VprError):
    """The model must not be exported as it is."""
