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
