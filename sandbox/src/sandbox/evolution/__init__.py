"""A strict stand-in for Evolution API 2.3.7, as it was observed on the real server."""
