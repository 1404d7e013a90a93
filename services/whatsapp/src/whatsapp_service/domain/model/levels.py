"""How far a message of ours has come: an order in which it only ever moves forward."""

from common.contracts import DeliveryStatus

LEVELS = {
    DeliveryStatus.PENDING: 0,
    DeliveryStatus.SENT: 1,
    # A refusal ends the way, unless the message had arrived (or proves to have) after all.
    DeliveryStatus.FAILED: 2,
    DeliveryStatus.DELIVERED: 3,
    DeliveryStatus.READ: 4,
    DeliveryStatus.PLAYED: 5,
}


def is_further(status: DeliveryStatus, than: DeliveryStatus | None) -> bool:
    """Say whether a message came further than it was known to."""
    return than is None or LEVELS[status] > LEVELS[than]
