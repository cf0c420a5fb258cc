"""Localizing known drives as the robot would: recall, precision, calibration, pose error, latency, and the report."""
