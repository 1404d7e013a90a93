"""Evolution API v2.3 (https://github.com/evolution-foundation/evolution-api)."""

from whatsapp_service.providers.evolution.client import Evolution, WebhookAddress
from whatsapp_service.providers.evolution.errors import raise_for
from whatsapp_service.providers.evolution.translation import translate

__all__ = ["Evolution", "WebhookAddress", "raise_for", "translate"]
