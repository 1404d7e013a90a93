"""The history of the agent schema."""
