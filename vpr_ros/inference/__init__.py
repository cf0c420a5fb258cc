# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Image to descriptor with ONNX Runtime. No torch."""

from vpr_ros.inference.many_images import open_for_many
from vpr_ros.inference.open import is_model, model_identity, open_extractor, open_local_extractor, open_local_model
from vpr_ros.inference.options import InferenceEvent, InferenceOptions
from vpr_ros.inference.shipped import shipped_model_path

__all__ = [
    "InferenceEvent",
    "InferenceOptions",
    "is_model",
    "model_identity",
    "open_extractor",
    "open_for_many",
    "open_local_extractor",
    "open_local_model",
    "shipped_model_path",
]
