"""A webhook address proves whose it is, and only we can make one."""

import time

import pytest

from common.auth import Capabilities, WebhookCapability, generate_keyring
from common.contracts import derived_id, new_id
from common.errors import NotFound

RING = generate_keyring("k1")
TENANT, INTEGRATION = new_id("ten"), new_id("int")


def minted(capabilities: Capabilities, generation: int = 1) -> str:
    return capabilities.mint(
        tenant_id=TENANT, integration_id=INTEGRATION, provider="evolution", generation=generation
    )


def test_what_was_minted_reads_back() -> None:
    capabilities = Capabilities.parse(RING)

    assert capabilities.read(minted(capabilities, 7)) == WebhookCapability(
        TENANT, INTEGRATION, "evolution", 7
    )


@pytest.mark.parametrize("tenant", ["acme", "t_" + "A" * 32, "", "é" * 20, "f" * 32, "f" * 33])
def test_ids_of_any_shape_survive(tenant: str) -> None:
    capabilities = Capabilities.parse(RING)

    public_id = capabilities.mint(tenant_id=tenant, integration_id="i", provider="hubspot")

    assert capabilities.read(public_id).tenant_id == tenant
    assert capabilities.read(public_id).integration_id == "i"


def test_the_same_generation_has_one_address_on_every_replica() -> None:
    assert minted(Capabilities.parse(RING)) == minted(Capabilities.parse(RING))
    assert minted(Capabilities.parse(RING), 1) != minted(Capabilities.parse(RING), 2)


def test_the_address_is_short_and_safe_in_a_path() -> None:
    public_id = minted(Capabilities.parse(RING))

    assert len(public_id) <= 110
    assert public_id.replace("_", "").replace("-", "").isalnum()
    assert TENANT not in public_id


def test_no_altered_character_is_accepted() -> None:
    capabilities = Capabilities.parse(RING)
    public_id = minted(capabilities)

    for at, letter in enumerate(public_id):
        altered = public_id[:at] + ("A" if letter != "A" else "B") + public_id[at + 1 :]
        with pytest.raises(NotFound):
            capabilities.read(altered)


@pytest.mark.parametrize(
    "nonsense", ["", "k1", "k1_", "k9_AAAA", "k1_é", "k1_" + "A" * 9000, "a/b"]
)
def test_nonsense_is_not_found(nonsense: str) -> None:
    with pytest.raises(NotFound):
        Capabilities.parse(RING).read(nonsense)


def test_another_keyring_neither_reads_nor_derives() -> None:
    other = Capabilities.parse(generate_keyring("k1"))
    public_id = minted(Capabilities.parse(RING))

    with pytest.raises(NotFound):
        other.read(public_id)
    assert other.secret(public_id) != Capabilities.parse(RING).secret(public_id)


def test_an_address_outlives_a_new_first_key() -> None:
    old = Capabilities.parse(RING)
    rotated = Capabilities.parse(f"{generate_keyring('k2')},{RING}")
    public_id = minted(old)

    assert rotated.read(public_id).integration_id == INTEGRATION
    assert rotated.secret(public_id) == old.secret(public_id)
    assert minted(rotated).startswith("k2_")


def test_each_address_has_its_own_secret() -> None:
    capabilities = Capabilities.parse(RING)

    first, second = minted(capabilities, 1), minted(capabilities, 2)

    assert len(capabilities.secret(first)) == 43
    assert capabilities.secret(first) != capabilities.secret(second)
    with pytest.raises(NotFound):
        capabilities.secret("k9_AAAA")


def test_reading_is_cheap_enough_for_every_webhook() -> None:
    capabilities = Capabilities.parse(RING)
    public_id = capabilities.mint(
        tenant_id=TENANT, integration_id=derived_id("int", "a"), provider="evolution"
    )

    best = min(_seconds_for_a_hundred(capabilities, public_id) for _ in range(50))

    assert best / 100 < 60e-6  # measured: under 10 us; the rest is for a busy machine


def _seconds_for_a_hundred(capabilities: Capabilities, public_id: str) -> float:
    started = time.perf_counter()
    for _ in range(100):
        capabilities.read(public_id)
    return time.perf_counter() - started
