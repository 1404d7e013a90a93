"""Who waits for a number hears from us, not that we were silent."""

from gateway_service.settings import Settings as GatewaySettings
from whatsapp_service.providers import agents
from whatsapp_service.providers.evolution.instances import ORDER_SECONDS
from whatsapp_service.settings import Settings

_OUR_OWN_TRANSACTIONS = 3.0
_PATIENCE = GatewaySettings.model_fields["upstream_timeout_seconds"].default


def test_a_making_ends_before_the_gateways_patience_does() -> None:
    making = Settings.model_fields["create_seconds"].default

    assert agents.SECONDS + making + _OUR_OWN_TRANSACTIONS < _PATIENCE


def test_an_order_for_a_number_ends_before_the_gateways_patience_does() -> None:
    assert 3 * ORDER_SECONDS + _OUR_OWN_TRANSACTIONS < _PATIENCE
