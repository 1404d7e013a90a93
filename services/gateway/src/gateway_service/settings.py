"""What the gateway reads from its environment."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, PositiveFloat, PositiveInt, SecretStr

from common.settings import ServiceSettings


class OidcProvider(BaseModel):
    """Whose bearer tokens the public API believes besides its own keys."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str = Field(min_length=1)
    jwks_url: HttpUrl
    audience: str = Field(min_length=1)
    tenant_claim: str = "tenant_id"
    scope_claim: str = "scope"
    operator_scope: str | None = None
    """The scope that makes a bearer an operator of the whole suite; without it none is one."""


class Settings(ServiceSettings, env_prefix="GATEWAY_"):
    """Environment variables prefixed with GATEWAY_, for example GATEWAY_WEBHOOK_SECRET."""

    public_url: HttpUrl
    """Where the world reaches us; the API's documentation names it."""
    webhook_secret: Annotated[SecretStr, Field(min_length=16)]
    """What Evolution proves itself with on the shared webhook route."""
    operator_key: Annotated[SecretStr, Field(min_length=32)] | None = None
    """What an operator proves themselves with on `/api/operator`; without it (and without
    GATEWAY_OIDC__OPERATOR_SCOPE) tenants are made on the command line only."""
    whatsapp_url: HttpUrl
    agent_url: HttpUrl
    google_url: HttpUrl
    crm_url: HttpUrl
    oidc: OidcProvider | None = None
    """An identity provider, as GATEWAY_OIDC__ISSUER, __JWKS_URL, __AUDIENCE and so on."""

    webhook_max_bytes: PositiveInt = 52_428_800
    """The largest webhook body; Evolution inlines media as base64."""
    webhook_held_bytes: PositiveInt = 67_108_864
    """How many bytes of large webhook bodies a process holds at once; more are answered with 503.
    What it needs of memory is up to four times as much."""
    webhook_max_depth: PositiveInt = 100
    """How deep a webhook's JSON may be nested."""
    request_max_bytes: PositiveInt = 10 * 1024 * 1024
    """The largest body of a request to the public API."""
    rate_per_second: PositiveFloat = 50
    """Requests to the public API that one tenant may make for ever, per process."""
    rate_burst: PositiveInt = 200
    """How many of them at once."""
    requests_in_flight: Annotated[int, Field(ge=1, le=500)] = 100
    """Requests to the services that one tenant may have under way at once, event streams
    included, per process: of the thousand that a process passes on, no tenant may take all."""
    key_cache_seconds: Annotated[float, Field(ge=0, le=60)] = 5
    """How long a key that was looked up is believed: a revocation takes at most this long."""
    upstream_timeout_seconds: PositiveFloat = 30
    """How long a service may be silent before the caller gets a 504."""
    audit_days: PositiveInt = 400
    """How long the audit log is kept."""
    parked_days: PositiveInt = 14
    """How long parked webhook bodies are kept; longer than the topic's seven days."""
