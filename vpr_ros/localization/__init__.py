# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""From an image to a pose: retrieve, verify, filter, decide, estimate."""

from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.localization.localizer import Localizer
from vpr_ros.localization.rejection import Rejection, RejectionType
from vpr_ros.localization.result import Localization, Match, PosePrior

__all__ = ["Localization", "Localizer", "LocalizerConfig", "Match", "PosePrior", "Rejection", "RejectionType"]
