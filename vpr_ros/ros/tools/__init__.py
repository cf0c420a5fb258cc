"""Programs beside the node: recordings and towns played as a robot's camera, answers watched, time measured."""
