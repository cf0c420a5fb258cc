"""From torch to what a robot runs: ONNX in three precisions, TensorRT, and the gate every export must pass."""
