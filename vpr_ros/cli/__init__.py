"""The commands that need no ROS client: arguments in, one call of the floors below, a result or one line on stderr."""
