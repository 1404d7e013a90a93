"""The outside APIs of the agent service, one per module."""
