"""From torch to what a robot runs: ONNX in three precisions, an engine inside if wanted, the gate of every export."""
