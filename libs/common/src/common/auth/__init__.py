"""Who may do what: keys, tokens, sealed secrets and addresses that prove themselves."""

from common.auth.api_keys import ApiKey
from common.auth.capabilities import Capabilities, WebhookCapability
from common.auth.constant_time import secrets_equal
from common.auth.evolution_jwt import verify_evolution_jwt
from common.auth.internal_tokens import (
    InternalTokens,
    TrustedCaller,
    generate_internal_key,
    trusted_callers,
)
from common.auth.keyring import Keyring, SealContext
from common.auth.keys import base64url, derive, generate_keyring, unbase64url
from common.auth.oidc import OidcSettings, OidcVerifier, TokenFacts
from common.auth.principal import Principal

__all__ = [
    "ApiKey",
    "Capabilities",
    "InternalTokens",
    "Keyring",
    "OidcSettings",
    "OidcVerifier",
    "Principal",
    "SealContext",
    "TokenFacts",
    "TrustedCaller",
    "WebhookCapability",
    "base64url",
    "derive",
    "generate_internal_key",
    "generate_keyring",
    "secrets_equal",
    "trusted_callers",
    "unbase64url",
    "verify_evolution_jwt",
]
