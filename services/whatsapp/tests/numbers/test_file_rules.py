"""What a file is by its bytes, and whether it is kept."""

import pytest

from whatsapp_service.domain.model.media import FileRules, sniff

RULES = FileRules(1000, ("image/", "audio/", "text/", "application/vnd.openxmlformats-"))
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("content", "declared", "found"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg", "image/jpeg"),
        (b"\xff\xd8\xff\xe0", "image/png", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp", "image/webp"),
        (b"OggS\x00", "audio/ogg; codecs=opus", "audio/ogg; codecs=opus"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4", "video/mp4"),
        (b"\x00\x00\x00\x18ftypM4A ", "audio/mp4", "audio/mp4"),
        (b"\xff\xfb\x90\x00", "audio/mpeg", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac", "audio/aac"),
        (b"PK\x03\x04", DOCX, DOCX),
        (b"PK\x03\x04", "image/png", "application/zip"),
        (b"%PDF-1.7", None, "application/pdf"),
        (b"MZ\x90", "application/pdf", "application/x-msdownload"),
        (b"#!/bin/sh", "text/plain", "text/x-script"),
        (b"#!AMR\n", "audio/amr", "audio/amr"),
        (b"  <!DOCTYPE html>", "text/plain", "text/html"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "text/xml", "text/xml"),
        (b"name,price\n", "text/csv", "text/csv"),
        (b"nothing known", "image/png", "application/octet-stream"),
        (b"", "image/png", "application/octet-stream"),
        (b"\x01", None, "application/octet-stream"),
    ],
)
def test_the_first_bytes_say_more_than_the_message(
    content: bytes, declared: str | None, found: str
) -> None:
    assert sniff(content, declared) == found


@pytest.mark.parametrize(
    ("content", "declared", "words"),
    [
        (b"", "text/plain", "empty"),
        (b"\xff\xd8\xff" + bytes(1000), "image/jpeg", "1003 bytes"),
        (b"\x7fELF", "image/jpeg", "x-executable"),
        (b"PK\x03\x04", "application/zip", "application/zip"),
    ],
)
def test_what_is_not_kept_has_a_reason(content: bytes, declared: str, words: str) -> None:
    _, refused = RULES.judge(content, declared)
    assert words in str(refused)


def test_what_is_kept_has_none() -> None:
    assert RULES.judge(b"\x89PNG\r\n\x1a\n", "image/png") == ("image/png", None)
    assert RULES.judge(b"PK\x03\x04", DOCX) == (DOCX, None)
