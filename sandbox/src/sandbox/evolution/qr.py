"""A picture that looks like a QR code: valid PNG, nothing to scan in it."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib

_MODULES = 29
_PIXELS = 6
_FINDER = 7


def picture(code: str) -> str:
    """Return a data URI for `code`; the same code gives the same picture."""
    noise = hashlib.shake_256(code.encode()).digest(_MODULES * _MODULES)
    rows = bytearray()
    for y in range(_MODULES):
        line = bytearray()
        for x in range(_MODULES):
            dark = _finder(x, y) if _in_finder(x, y) else noise[y * _MODULES + x] & 1 == 1
            line += (b"\x00" if dark else b"\xff") * _PIXELS
        rows += (b"\x00" + line) * _PIXELS
    side = _MODULES * _PIXELS
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(rows))
    image = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data)
    image += _chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(image).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def _in_finder(x: int, y: int) -> bool:
    far = _MODULES - _FINDER
    return (x < _FINDER or x >= far) and (y < _FINDER or y >= far) and not (x >= far and y >= far)


def _finder(x: int, y: int) -> bool:
    far = _MODULES - _FINDER
    dx, dy = x if x < _FINDER else x - far, y if y < _FINDER else y - far
    ring = max(abs(dx - 3), abs(dy - 3))
    return ring != 2
