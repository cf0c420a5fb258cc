"""Image to descriptor with ONNX Runtime. No torch."""

from vpr_ros.inference.open import open_extractor, open_local_extractor
from vpr_ros.inference.options import InferenceEvent, InferenceOptions
from vpr_ros.inference.shipped import shipped_model_path

__all__ = ["InferenceEvent", "InferenceOptions", "open_extractor", "open_local_extractor", "shipped_model_path"]
