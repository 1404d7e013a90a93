"""Files in messages: what we take, and how we know what they are."""

from dataclasses import dataclass
from enum import StrEnum

OCTETS = "application/octet-stream"
_DANGEROUS = (
    (b"MZ", "application/x-msdownload"),
    (b"\x7fELF", "application/x-executable"),
    (b"#!", "text/x-script"),
)
_KNOWN = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"#!AMR", "audio/amr"),
    (b"PK\x03\x04", "application/zip"),
    (b"\xd0\xcf\x11\xe0", "application/x-ole-storage"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_SYNC, _FRAME, _LAYER = 0xFF, 0xE0, 0x06
"""MPEG audio: eleven bits that are set, then the layer, which AAC leaves at zero."""
_ISO_BRANDS = {b"qt  ": "video/quicktime", b"M4A ": "audio/mp4", b"heic": "image/heic"}
_MARKUP = (b"<!doctype html", b"<html", b"<script", b"<svg")
_XML = b"<?xml"
"""Brazilian invoices are XML: kept, and never shown by a browser, since it only downloads them."""
_SNIFFED_AS = {
    "application/zip": ("application/vnd.openxmlformats-", "application/vnd.oasis."),
    "application/x-ole-storage": ("application/msword", "application/vnd.ms-"),
    "audio/mp4": ("audio/aac", "audio/x-m4a", "video/mp4"),
    "video/mp4": ("audio/mp4", "audio/aac", "audio/x-m4a", "video/3gpp"),
    "audio/mpeg": ("audio/mp3",),
    "audio/ogg": ("audio/opus", "application/ogg", "video/ogg"),
    "application/xml": ("text/xml",),
}
"""Types that share a beginning: what we can tell, and what it may then truly be."""
_TOLD_BY_BYTES = frozenset(
    {kind for _, kind in _KNOWN} | {"image/webp", "audio/wav", "audio/mp4", "video/mp4"}
)


class FileState(StrEnum):
    """Where the file of a message stands."""

    WAITING = "waiting"
    STORED = "stored"
    EXPIRED = "expired"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class FileRules:
    """What we take."""

    max_bytes: int
    types: tuple[str, ...]
    """Types (`application/pdf`) or families of them (`image/`)."""

    def refuse_by_name(self, mimetype: str | None, size: int | None) -> str | None:
        """Say why a file is not even fetched, as far as its message tells."""
        if size is not None and size > self.max_bytes:
            return f"The file has {size} bytes; the limit is {self.max_bytes}."
        if mimetype is not None and not self._takes(plain_type(mimetype)):
            return f"Files of the type {plain_type(mimetype)} are not kept."
        return None

    def judge(self, content: bytes, declared: str | None) -> tuple[str, str | None]:
        """Give the type that a file really has, and why it is refused, if it is."""
        found = sniff(content, declared)
        if not content:
            return found, "The file is empty."
        return found, self.refuse_by_name(found, len(content))

    def _takes(self, mimetype: str) -> bool:
        return any(
            mimetype.startswith(kind) if kind.endswith(("/", "-", ".")) else mimetype == kind
            for kind in self.types
        )


def plain_type(mimetype: str) -> str:
    """Give a type without its parameters (`audio/ogg; codecs=opus`)."""
    return mimetype.partition(";")[0].strip().lower()


def sniff(content: bytes, declared: str | None) -> str:
    """Say what a file is by its first bytes, believing its message only where they are silent.

    What claims to be of a type that its bytes would show, and does not show it, is bytes.
    """
    told = plain_type(declared) if declared else OCTETS
    shown = _shown(content)
    if shown is None:
        return OCTETS if told in _TOLD_BY_BYTES else told
    if told == shown or told.startswith(_SNIFFED_AS.get(shown, ())):
        # The codec is a fact that the first bytes do not tell.
        return declared or shown
    return shown


def _shown(content: bytes) -> str | None:
    head = content[:64]
    for mark, kind in (*_KNOWN, *_DANGEROUS):
        if head.startswith(mark):
            return kind
    if head[4:8] == b"ftyp":
        return _ISO_BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if len(head) > 1 and head[0] == _SYNC and head[1] & _FRAME == _FRAME:
        return "audio/aac" if head[1] & _LAYER == 0 else "audio/mpeg"
    words = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if words.startswith(_XML):
        return "application/xml"
    return "text/html" if words.startswith(_MARKUP) else None


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file as it is kept."""

    mimetype: str
    size: int
    sha256: str
    reference: str
