"""Between services a caller proves its name, and gets no more than it is trusted with."""

import base64

import orjson
import pytest

from common.auth import (
    InternalTokens,
    Principal,
    TrustedCaller,
    generate_internal_key,
    trusted_callers,
)
from common.errors import InvalidInput, Unauthenticated

PRIVATE, PUBLIC = generate_internal_key()
OTHER_PRIVATE, OTHER_PUBLIC = generate_internal_key()
ANA = Principal("ten_1", "key:1", frozenset({"crm:read", "crm:write"}))


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock) -> InternalTokens:
    return InternalTokens("gateway", PRIVATE, clock=clock)


@pytest.fixture
def crm(clock: Clock) -> InternalTokens:
    trusted = {"gateway": TrustedCaller(PUBLIC, frozenset({"crm:read", "crm:write"}))}
    return InternalTokens("crm", OTHER_PRIVATE, trusted, clock=clock)


def test_a_trusted_caller_speaks_for_its_principal(
    gateway: InternalTokens, crm: InternalTokens
) -> None:
    assert crm.verify(gateway.sign(ANA, audience="crm")) == ANA


def test_a_caller_gets_no_more_than_it_is_trusted_with(
    gateway: InternalTokens, clock: Clock
) -> None:
    trusted = {"gateway": TrustedCaller(PUBLIC, frozenset({"crm:read"}))}
    crm = InternalTokens("crm", OTHER_PRIVATE, trusted, clock=clock)

    assert crm.verify(gateway.sign(ANA, audience="crm")).scopes == {"crm:read"}


def test_a_token_for_one_service_is_refused_by_another(
    gateway: InternalTokens, crm: InternalTokens
) -> None:
    with pytest.raises(Unauthenticated, match="another service"):
        crm.verify(gateway.sign(ANA, audience="google"))


def test_a_token_dies_after_a_minute_even_when_it_was_seen_before(
    gateway: InternalTokens, crm: InternalTokens, clock: Clock
) -> None:
    token = gateway.sign(ANA, audience="crm")
    crm.verify(token)
    clock.now += 66

    with pytest.raises(Unauthenticated, match="expired"):
        crm.verify(token)


def test_a_token_serves_half_its_life_and_is_then_signed_anew(
    gateway: InternalTokens, clock: Clock
) -> None:
    first = gateway.sign(ANA, audience="crm")
    clock.now += 29
    assert gateway.sign(ANA, audience="crm") == first
    assert gateway.sign(ANA, audience="google") != first
    clock.now += 2

    assert gateway.sign(ANA, audience="crm") != first


@pytest.mark.parametrize("name", ["gateway", "stranger"])
def test_another_key_is_refused_whatever_name_it_claims(
    crm: InternalTokens, clock: Clock, name: str
) -> None:
    impostor = InternalTokens(name, OTHER_PRIVATE, clock=clock)

    with pytest.raises(Unauthenticated):
        crm.verify(impostor.sign(ANA, audience="crm"))


def test_a_trusted_caller_cannot_write_another_name_into_the_token(
    crm: InternalTokens, clock: Clock
) -> None:
    stranger = InternalTokens("stranger", PRIVATE, clock=clock)

    with pytest.raises(Unauthenticated):
        crm.verify(stranger.sign(ANA, audience="crm"))


@pytest.mark.parametrize("algorithm", ["none", "HS256", "EdDSA"])
def test_no_other_algorithm_is_believed(
    gateway: InternalTokens, crm: InternalTokens, algorithm: str
) -> None:
    _, payload, signature = gateway.sign(ANA, audience="crm").split(".")
    raw = orjson.dumps({"alg": algorithm, "kid": "gateway", "typ": "JWT"})
    head = base64.urlsafe_b64encode(raw).decode().rstrip("=")

    with pytest.raises(Unauthenticated):
        crm.verify(f"{head}.{payload}.{signature}")


@pytest.mark.parametrize("token", ["", "a.b.c", "....", "é", "x" * 100_000])
def test_nonsense_is_refused(crm: InternalTokens, token: str) -> None:
    with pytest.raises(Unauthenticated):
        crm.verify(token)


def test_a_service_that_trusts_nobody_believes_nobody(gateway: InternalTokens) -> None:
    with pytest.raises(Unauthenticated):
        gateway.verify(gateway.sign(ANA, audience="gateway"))


def test_an_allowed_caller_without_a_key_is_named() -> None:
    with pytest.raises(InvalidInput, match="agent"):
        trusted_callers({"gateway": PUBLIC}, {"agent": frozenset()})


def test_a_wrong_key_is_refused_without_showing_it() -> None:
    with pytest.raises(InvalidInput) as refusal:
        InternalTokens("gateway", "c2VjcmV0")

    assert "c2VjcmV0" not in str(refusal.value)
