"""Strict stand-ins for the outside world, one file per provider."""
