"""The control door: what tests and demos may order the outside world to do."""
