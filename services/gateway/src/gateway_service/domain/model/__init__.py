"""Values and rules of the gateway."""
