"""Names and shapes that must never be read in a log."""

import pytest

from common.telemetry import mask_text
from common.telemetry.masking import masked


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Authorization",
        "apikey",
        "apiKey",
        "x-api-key",
        "access_token",
        "idToken",
        "client_secret",
        "clientSecret",
        "password",
        "db_password",
        "cookie",
        "Set-Cookie",
        "code",
    ],
)
def test_a_secret_name_hides_its_value_in_any_spelling(name: str) -> None:
    assert masked(name, "s3cret") == "***"
    assert masked("body", {name: ["s3cret"]}) == {name: "***"}
    assert masked(name, 123456) == "***"


@pytest.mark.parametrize("name", ["tokens_used", "barcode", "secretary", "topic", "record_key"])
def test_a_name_that_only_looks_similar_is_kept(name: str) -> None:
    assert masked(name, "plain") == "plain"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abc.def-g", "Authorization: Bearer ***"),
        ("postgresql://crm:hunter2@db/x", "postgresql://crm:***@db/x"),
        ("GET /cb?code=4/abc&state=xyz", "GET /cb?code=***&state=***"),
        ("key pk_0123abcd_SECRET-part", "key pk ***"),
        ("5511987654321@s.whatsapp.net wrote", "***4321@s.whatsapp.net wrote"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_a_sentence_loses_what_looks_like_a_secret(text: str, expected: str) -> None:
    assert mask_text(text) == expected


def test_a_phone_keeps_its_last_four_digits() -> None:
    assert masked("phone", "+5511987654321") == "+***4321"
    assert masked("number", "5511987654321") == "***4321"


def test_endless_nesting_ends() -> None:
    deep: dict[str, object] = {}
    deep["again"] = deep

    assert "…" in str(masked("body", deep))
