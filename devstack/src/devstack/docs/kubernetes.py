"""Stub."""

FOLDERS: tuple[str, ...] = ()


def documents() -> dict[str, str]:
    return {}
