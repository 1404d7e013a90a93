"""Comparing secrets without telling the time it took."""

import hmac


def secrets_equal(given: str | bytes | None, expected: str | bytes) -> bool:
    """Compare in a time that depends on neither value; None and empty never match."""
    left = given.encode() if isinstance(given, str) else given
    right = expected.encode() if isinstance(expected, str) else expected
    if not left or not right:
        return False
    return hmac.compare_digest(left, right)
