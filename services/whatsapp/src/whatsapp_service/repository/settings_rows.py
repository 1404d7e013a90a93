"""How a tenant's wishes about sending are written to a row, and read from it."""

from datetime import timedelta
from typing import Any

from whatsapp_service.domain.model import QuietHours, SendingSettings

SETTINGS_COLUMNS = """
    s.quiet_from, s.quiet_until, s.quiet_zone, s.daily_budget, s.broadcast_gap_ms, s.warm_up,
    s.typing_ms_per_char, s.choices, s.opt_out_words, s.opt_in_words, s.opt_out_reply"""
DEFAULTS = SendingSettings()


def read_settings(row: Any) -> SendingSettings:
    """Read the wishes; a row of nulls (a tenant that never set any) gives the defaults."""
    if row["choices"] is None:
        return DEFAULTS
    quiet = None
    if row["quiet_from"] is not None:
        quiet = QuietHours(row["quiet_from"], row["quiet_until"], row["quiet_zone"])
    return SendingSettings(
        quiet=quiet,
        daily_budget=row["daily_budget"],
        broadcast_gap=timedelta(milliseconds=row["broadcast_gap_ms"]),
        warm_up=row["warm_up"],
        typing_ms_per_char=row["typing_ms_per_char"],
        choices=row["choices"],
        opt_out_words=tuple(row["opt_out_words"]),
        opt_in_words=tuple(row["opt_in_words"]),
        opt_out_reply=row["opt_out_reply"],
    )


def write_settings(settings: SendingSettings) -> dict[str, Any]:
    """Give the columns of a tenant's wishes."""
    quiet = settings.quiet
    return {
        "quiet_from": quiet.start if quiet else None,
        "quiet_until": quiet.end if quiet else None,
        "quiet_zone": quiet.zone if quiet else None,
        "daily_budget": settings.daily_budget,
        "broadcast_gap_ms": round(settings.broadcast_gap / timedelta(milliseconds=1)),
        "warm_up": settings.warm_up,
        "typing_ms_per_char": settings.typing_ms_per_char,
        "choices": settings.choices,
        "opt_out_words": list(settings.opt_out_words),
        "opt_in_words": list(settings.opt_in_words),
        "opt_out_reply": settings.opt_out_reply,
    }
