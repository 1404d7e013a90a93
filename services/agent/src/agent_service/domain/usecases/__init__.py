"""The verbs of the agent service."""
