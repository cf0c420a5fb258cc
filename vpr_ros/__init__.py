"""vpr_ros: a robot's pose in a known map from one camera image.

Floors, each importing only from those below it (held by ``test/test_architecture.py``)::

    core  ->  sources, inference, simulation  ->  maps  ->  localization  ->  evaluation
    core  ->  models  ->  training  ->  export
    cli, ros assemble; nothing imports them, ``__main__`` starts them by name.
"""

__version__ = "0.1.0"
