"""From torch to what a robot runs: ONNX in three precisions, with a TensorRT engine inside if wanted, and the gate every export must pass."""
