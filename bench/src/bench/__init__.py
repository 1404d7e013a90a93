"""Measurements against raw limits and peers, each a ratio in one run."""
