"""The operator's API: tenants and their keys, for who runs the suite and nobody else."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from common.auth import Principal, TokenFacts
from common.contracts import TenantId, uuid7
from common.errors import Unauthenticated
from common.service import create_app
from gateway_service.api import Audited, operators
from gateway_service.domain.usecases.authenticate import KeyAuthenticator, TokenAuthenticator

KEY = "the-operators-key-of-32-characters-or-more"
OPERATOR = {"Authorization": f"Bearer {KEY}"}
ROUTES = [
    ("POST", "/api/operator/tenants"),
    ("GET", "/api/operator/tenants"),
    ("POST", "/api/operator/tenants/ten_a/suspend"),
    ("POST", "/api/operator/tenants/ten_a/resume"),
    ("GET", "/api/operator/tenants/ten_a/keys"),
    ("POST", "/api/operator/tenants/ten_a/keys"),
    ("DELETE", "/api/operator/tenants/ten_a/keys/00000000"),
]


@dataclass
class Office:
    """The operator's API on accounts in memory."""

    accounts: Any
    authenticator: KeyAuthenticator

    @classmethod
    def of(cls, accounts: Any) -> "Office":
        return cls(
            accounts,
            KeyAuthenticator(accounts, seconds=5, now=lambda: accounts.now, clock=lambda: 0.0),
        )

    def client(self, gate: operators.OperatorGate) -> httpx2.AsyncClient:
        app = create_app("gateway", "test", [operators.router])
        app.state.operators = gate
        app.state.open_all = self.accounts.open
        app.state.authenticator = self.authenticator
        door = Audited(app, self.accounts, now=lambda: self.accounts.now, new_id=uuid7)
        transport = httpx2.ASGITransport(door)
        return httpx2.AsyncClient(transport=transport, base_url="http://gateway")

    async def may(self, key: str) -> bool:
        try:
            await self.authenticator.principal(key)
        except Unauthenticated:
            return False
        return True


async def read_token(token: str) -> TokenFacts:
    """Play the identity provider: the token says who it is and what they may."""
    subject, scope, _ = token.split(".")
    return TokenFacts(subject, frozenset({scope}), {})


@pytest.fixture
def office(accounts: Any) -> Office:
    return Office.of(accounts)


@pytest.fixture
async def client(office: Office) -> AsyncGenerator[httpx2.AsyncClient]:
    async with office.client(operators.OperatorGate(SecretStr(KEY))) as client:
        yield client


async def test_an_operator_makes_a_tenant_that_can_work_at_once(
    client: httpx2.AsyncClient, office: Office
) -> None:
    made = await client.post("/api/operator/tenants", json={"name": "Bakery"}, headers=OPERATOR)

    assert made.status_code == 201
    tenant = made.json()
    assert await office.may(tenant["key"])
    [listed] = (await client.get("/api/operator/tenants", headers=OPERATOR)).json()
    assert listed == {name: value for name, value in tenant.items() if name != "key"}
    [line] = office.accounts.lines
    assert (line.tenant, line.subject) == (tenant["id"], "operator:key")
    assert (line.action, line.outcome) == ("POST /api/operator/tenants", "done")


async def test_tenants_are_listed_page_by_page(client: httpx2.AsyncClient, office: Office) -> None:
    for name in "abc":
        office.accounts.add("*", tenant=f"ten_{name}")
    path = "/api/operator/tenants?limit=2"
    first = (await client.get(path, headers=OPERATOR)).json()
    second = (await client.get(f"{path}&after={first[-1]['id']}", headers=OPERATOR)).json()

    assert [one["id"] for one in first + second] == ["ten_a", "ten_b", "ten_c"]


async def test_a_suspended_tenants_keys_are_refused_until_it_is_resumed(
    client: httpx2.AsyncClient, office: Office
) -> None:
    key, other = office.accounts.add("*").reveal(), office.accounts.add("*", tenant="ten_b")
    assert await office.may(key)
    suspended = await client.post("/api/operator/tenants/ten_a/suspend", headers=OPERATOR)
    again = await client.post("/api/operator/tenants/ten_a/suspend", headers=OPERATOR)

    assert suspended.json()["suspended_at"] == again.json()["suspended_at"] is not None
    assert not await office.may(key)
    assert await office.may(other.reveal())
    await client.post("/api/operator/tenants/ten_a/resume", headers=OPERATOR)
    assert await office.may(key)
    assert [line.tenant for line in office.accounts.lines] == ["ten_a"] * 3


async def test_a_suspended_tenants_tokens_are_refused_too(accounts: Any) -> None:
    async def verify(token: str) -> Principal:
        return Principal(token, "user")

    accounts.add("*")
    now = [0.0]
    tokens = TokenAuthenticator(verify, accounts, seconds=5, clock=lambda: now[0])
    assert (await tokens.principal("ten_a")).subject == "user"
    async with accounts.open() as context:
        await context.tenants.suspend(TenantId("ten_a"), accounts.now)
    await tokens.principal("ten_a")
    now[0] = 5.0
    with pytest.raises(Unauthenticated, match="suspended"):
        await tokens.principal("ten_a")
    assert accounts.lookups == ["ten_a"] * 2


async def test_an_operator_makes_lists_and_revokes_a_tenants_keys(
    client: httpx2.AsyncClient, office: Office
) -> None:
    foreign = office.accounts.add("*", tenant="ten_b")
    office.accounts.add("*")
    path = "/api/operator/tenants/ten_a/keys"
    made = await client.post(
        path, json={"name": "till", "scopes": ["agents:read"]}, headers=OPERATOR
    )

    assert made.status_code == 201
    assert await office.may(made.json()["key"])
    listed = (await client.get(path, headers=OPERATOR)).json()
    assert {key["id"] for key in listed} >= {made.json()["id"]}
    assert foreign.id not in {key["id"] for key in listed}
    gone = await client.delete(f"{path}/{made.json()['id']}", headers=OPERATOR)
    assert gone.status_code == 204
    assert not await office.may(made.json()["key"])
    mixed_up = await client.delete(f"{path}/{foreign.id}", headers=OPERATOR)
    assert (mixed_up.status_code, await office.may(foreign.reveal())) == (404, True)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_nobody_else_is_let_in(
    client: httpx2.AsyncClient, office: Office, method: str, path: str
) -> None:
    tenants_own = office.accounts.add("*").reveal()
    before = (dict(office.accounts.tenants), dict(office.accounts.stored))
    wrong = ["", "x", KEY[:-1], f"{KEY}x", KEY.upper(), tenants_own, "a.parley:operator.c"]
    body = {"name": "x", "scopes": ["*"]} if path.endswith("keys") else {"name": "x"}
    for credential in wrong:
        for headers in ({"Authorization": f"Bearer {credential}"}, {"X-API-Key": credential}):
            answer = await client.request(
                method, path, json=body if method == "POST" else None, headers=headers
            )
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert (office.accounts.tenants, office.accounts.stored) == before
    assert {(line.tenant, line.subject) for line in office.accounts.lines} == {("-", "unknown")}


async def test_without_a_credential_in_the_settings_nobody_is_an_operator(office: Office) -> None:
    for gate in (operators.OperatorGate(None), operators.OperatorGate(None, oidc=read_token)):
        async with office.client(gate) as client:
            for credential in ("", "None", "ana.parley:operator.c"):
                headers = {"Authorization": f"Bearer {credential}"}
                answer = await client.get("/api/operator/tenants", headers=headers)
                assert answer.status_code == 401


async def test_a_token_with_the_operators_scope_is_an_operators(office: Office) -> None:
    gate = operators.OperatorGate(None, oidc=read_token, scope="parley:operator")
    async with office.client(gate) as client:
        for scope, status in (("parley:operator", 201), ("agents:write", 403)):
            headers = {"Authorization": f"Bearer ana.{scope}.c"}
            answer = await client.post("/api/operator/tenants", json={"name": "x"}, headers=headers)
            assert answer.status_code == status
    assert [line.subject for line in office.accounts.lines] == ["operator:ana"]


@pytest.mark.parametrize("order", ["suspend", "resume", "keys"])
async def test_an_unknown_tenant_is_not_found(client: httpx2.AsyncClient, order: str) -> None:
    path, body = f"/api/operator/tenants/ten_none/{order}", {"name": "x", "scopes": ["*"]}
    assert (await client.post(path, json=body, headers=OPERATOR)).status_code == 404
