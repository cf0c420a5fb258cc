"""The only code that imports rclpy: nodes, conversions, parameters, diagnostics, markers."""
