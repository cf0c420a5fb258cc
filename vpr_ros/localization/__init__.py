"""From an image to a pose: retrieve, verify, filter, decide, estimate."""

from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.localization.localizer import Localizer
from vpr_ros.localization.rejection import Rejection, RejectionType
from vpr_ros.localization.result import Localization, Match, PosePrior

__all__ = ["Localization", "Localizer", "LocalizerConfig", "Match", "PosePrior", "Rejection", "RejectionType"]
