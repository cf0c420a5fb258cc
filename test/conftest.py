"""Imported before every test module: vpr_ros switches ONNX Runtime's telemetry off, and must come first for that."""

import vpr_ros  # noqa: F401
