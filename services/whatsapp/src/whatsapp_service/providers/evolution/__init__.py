"""Evolution API v2.3 (https://github.com/evolution-foundation/evolution-api)."""

from whatsapp_service.providers.evolution.archive import EvolutionArchive, without_files
from whatsapp_service.providers.evolution.errors import raise_for
from whatsapp_service.providers.evolution.instances import EvolutionNumbers, WebhookAddress
from whatsapp_service.providers.evolution.sending import EvolutionMessenger
from whatsapp_service.providers.evolution.translation import translate

__all__ = [
    "EvolutionArchive",
    "EvolutionMessenger",
    "EvolutionNumbers",
    "WebhookAddress",
    "raise_for",
    "translate",
    "without_files",
]
