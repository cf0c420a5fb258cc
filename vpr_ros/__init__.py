# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""vpr_ros: a robot's pose in a known map from one camera image.

Floors, each importing only from those below it (held by ``test/test_architecture.py``)::

    core  ->  sources, inference, simulation  ->  maps  ->  localization  ->  evaluation
    core  ->  models  ->  training  ->  export
    cli, ros assemble; nothing imports them, ``__main__`` starts them by name.
"""

import os

__version__ = "0.1.0"

# ONNX Runtime's official builds for Linux look up a collector's address and keep a device id under the user's cache
# folder unless this is set before they are imported. A robot tells nobody anything it was not asked to tell.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
