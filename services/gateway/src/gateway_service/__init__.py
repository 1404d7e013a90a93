"""The front door: verifies, records, publishes; the public API."""
