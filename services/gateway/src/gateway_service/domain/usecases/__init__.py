"""What the gateway does: one verb, one function."""
