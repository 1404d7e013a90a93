"""Bytes by name: an object store, on a local folder or S3-compatible."""

from common.storage.objects import ObjectStore

__all__ = ["ObjectStore"]
