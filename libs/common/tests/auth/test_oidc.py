"""Bearer tokens of a foreign provider: believed by its keys, which are read sparingly."""

import asyncio
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from common.auth import OidcSettings, OidcVerifier
from common.errors import Unauthenticated, Unavailable

NOW = 1_800_000_000
SETTINGS = OidcSettings(
    issuer="https://id.example", jwks_url="https://id.example/jwks", audience="parley"
)
CLAIMS = {
    "iss": "https://id.example",
    "aud": ["parley", "other"],
    "sub": "user-1",
    "tenant_id": "ten_1",
    "scope": "agents:read agents:write",
    "exp": NOW + 60,
}


def a_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})


def signed(key: ECKey, **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)


class Provider:
    """Publishes keys, counts how often they are read, and can be away."""

    def __init__(self, *keys: ECKey) -> None:
        self.keys = list(keys)
        self.reads = 0
        self.away = False
        self.now = float(NOW)

    async def fetch(self, url: str) -> bytes:
        assert url == SETTINGS.jwks_url
        self.reads += 1
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("away")
        return orjson.dumps(KeySet(list(self.keys)).as_dict(private=False))

    def verifier(self) -> OidcVerifier:
        return OidcVerifier(SETTINGS, self.fetch, clock=lambda: self.now)


async def test_a_signed_token_names_tenant_subject_and_scopes() -> None:
    key = a_key("one")

    principal = await Provider(key).verifier().verify(signed(key))

    assert (principal.tenant_id, principal.subject) == ("ten_1", "user-1")
    assert principal.scopes == {"agents:read", "agents:write"}


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"aud": None},
        {"exp": NOW - 61},
        {"exp": None},
        {"nbf": NOW + 120},
        {"tenant_id": None},
        {"tenant_id": ["ten_1"]},
        {"sub": None},
    ],
)
async def test_a_token_for_another_place_or_time_is_refused(changes: dict[str, Any]) -> None:
    key = a_key("one")

    with pytest.raises(Unauthenticated):
        await Provider(key).verifier().verify(signed(key, **changes))


async def test_clocks_may_differ_by_the_leeway() -> None:
    key = a_key("one")

    principal = await Provider(key).verifier().verify(signed(key, exp=NOW - 30))

    assert principal.subject == "user-1"


async def test_keys_are_read_once_for_many_callers() -> None:
    key = a_key("one")
    provider = Provider(key)
    verifier = provider.verifier()

    await asyncio.gather(*(verifier.verify(signed(key)) for _ in range(20)))

    assert provider.reads == 1


async def test_a_new_key_of_the_provider_is_found_and_unknown_ones_cost_one_reading() -> None:
    old, new, unknown = a_key("old"), a_key("new"), a_key("unknown")
    provider = Provider(old)
    verifier = provider.verifier()
    await verifier.verify(signed(old))
    provider.keys.append(new)
    provider.now += 31

    await verifier.verify(signed(new))
    for _ in range(10):
        with pytest.raises(Unauthenticated, match="unknown key"):
            await verifier.verify(signed(unknown))

    assert provider.reads == 2


async def test_known_keys_go_on_serving_while_the_provider_is_away() -> None:
    key = a_key("one")
    provider = Provider(key)
    verifier = provider.verifier()
    await verifier.verify(signed(key, exp=NOW + 9000))
    provider.away = True
    provider.now += 3700

    principal = await verifier.verify(signed(key, exp=NOW + 9000))

    assert principal.subject == "user-1"
    assert provider.reads == 2


async def test_a_provider_that_was_never_reached_is_a_reason_to_try_again_later() -> None:
    key = a_key("one")
    provider = Provider(key)
    provider.away = True

    with pytest.raises(Unavailable):
        await provider.verifier().verify(signed(key))


async def test_a_shared_secret_signature_is_refused() -> None:
    key = a_key("one")
    secret = OctKey.import_key("x" * 40, {"kid": "one"})
    forged = jwt.encode({"alg": "HS256", "kid": "one"}, CLAIMS, secret)

    with pytest.raises(Unauthenticated):
        await Provider(key).verifier().verify(forged)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "a.b", "é.é.é", "x" * 20_000])
async def test_nonsense_is_refused_without_reading_keys(token: str) -> None:
    provider = Provider(a_key("one"))

    with pytest.raises(Unauthenticated):
        await provider.verifier().verify(token)

    assert provider.reads == 0
