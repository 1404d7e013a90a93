"""Evolution's webhook token: signed once per event, and retried after it expired."""

import base64
import hashlib
import hmac
import time

import orjson
import pytest

from common.auth import verify_evolution_jwt
from common.errors import Unauthenticated

SECRET = "webhook-secret"
NOW = 1_800_000_000.0
CLAIMS = {"iat": NOW - 600, "exp": NOW, "app": "evolution", "action": "webhook"}


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def bearer(claims: object = None, secret: str = SECRET, algorithm: str = "HS256") -> str:
    signed = f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{encoded(claims or CLAIMS)}"
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"Bearer {signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


@pytest.mark.parametrize("age", [-600, 0, 60, 30 * 60])
def test_a_token_is_believed_up_to_half_an_hour_after_it_expired(age: int) -> None:
    verify_evolution_jwt(bearer(), SECRET, NOW + age)


def test_later_than_half_an_hour_is_too_late() -> None:
    with pytest.raises(Unauthenticated, match="expired"):
        verify_evolution_jwt(bearer(), SECRET, NOW + 30 * 60 + 1)


@pytest.mark.parametrize(
    "claims",
    [
        {**CLAIMS, "app": "other"},
        {**CLAIMS, "action": "login"},
        {"app": "evolution", "action": "webhook"},
        {**CLAIMS, "exp": "soon"},
        ["a list"],
    ],
)
def test_another_purpose_is_refused(claims: object) -> None:
    with pytest.raises(Unauthenticated):
        verify_evolution_jwt(bearer(claims), SECRET, NOW)


def test_another_secret_is_refused() -> None:
    with pytest.raises(Unauthenticated, match="not signed"):
        verify_evolution_jwt(bearer(secret="other"), SECRET, NOW)


def test_an_empty_secret_never_matches() -> None:
    with pytest.raises(Unauthenticated):
        verify_evolution_jwt(bearer(secret=""), "", NOW)


def test_an_announced_other_algorithm_is_refused_even_when_the_mac_is_right() -> None:
    with pytest.raises(Unauthenticated, match="HS256"):
        verify_evolution_jwt(bearer(algorithm="none"), SECRET, NOW)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer ",
        "Bearer a",
        "Bearer a.b",
        "Bearer a.b.c",
        "Basic YTpi",
        "Bearer é.é.é",
        "Bearer " + "a" * 10_000,
        "Bearer a.b.c.d",
    ],
)
def test_nonsense_is_refused(header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        verify_evolution_jwt(header, SECRET, NOW)


def test_a_changed_byte_of_the_claims_is_refused() -> None:
    head, payload, signature = bearer().split(".")
    forged = encoded({**CLAIMS, "exp": NOW + 10**6})

    assert forged != payload
    with pytest.raises(Unauthenticated):
        verify_evolution_jwt(f"{head}.{forged}.{signature}", SECRET, NOW)


def test_checking_is_cheap_enough_for_every_webhook() -> None:
    header = bearer()

    def hundred() -> float:
        started = time.perf_counter()
        for _ in range(100):
            verify_evolution_jwt(header, SECRET, NOW)
        return time.perf_counter() - started

    assert min(hundred() for _ in range(50)) / 100 < 60e-6  # measured: under 15 us
