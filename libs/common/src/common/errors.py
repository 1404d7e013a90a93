"""Every failure we raise on purpose: may a retry help, and what does the caller see?

ParleyError
├── Transient                 a retry may help; the runtime retries, nobody else
│   ├── Unavailable           a dependency is away                          503
│   │   └── HeldBack          not now, by our own rules: nothing was tried  503
│   ├── RateLimited           somebody asked us to slow down                429
│   ├── TimedOut              no answer in time, and nothing was done       504
│   └── OutcomeUnknown        the request left, no answer came: ask first   504
└── Permanent                 the same again fails again; dead letter at once
    ├── InvalidInput          the caller's words are wrong                  422
    │   ├── Malformed         not the format that was announced             400
    │   ├── TooLarge          over a limit that the message names           413
    │   └── UnsupportedMedia  a content type we do not read                 415
    ├── Unauthenticated       who are you?                                  401
    ├── Forbidden             you may not                                   403
    ├── NotFound              it does not exist, or not for you             404
    ├── Conflict              it is in another state than you think         409
    └── Refused               the provider understood and said no           502
        └── NeedsOperator     only a person can mend it                     502
"""

from datetime import timedelta
from typing import ClassVar


class ParleyError(Exception):
    """The root: an HTTP status, a stable code, and a sentence for a person."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message or self.code)
        self.hint = hint
        """What the caller or an operator can do next; empty when nothing."""


class Transient(ParleyError):
    """A retry may help, after `retry_after` when the other side named a time."""

    status = 503
    code = "transient"

    def __init__(
        self, message: str = "", *, hint: str = "", retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class Unavailable(Transient):
    """A dependency is away or answers with its own failure."""

    code = "unavailable"


class HeldBack(Unavailable):
    """Our own rules say not now; nobody was asked for anything, so it has not had its turn."""

    code = "held_back"


class RateLimited(Transient):
    """Somebody asked us to slow down."""

    status = 429
    code = "rate_limited"


class TimedOut(Transient):
    """No answer in time, and the work was certainly not done."""

    status = 504
    code = "timed_out"


class OutcomeUnknown(Transient):
    """The request left and no answer came: it may or may not have been done."""

    status = 504
    code = "outcome_unknown"


class Permanent(ParleyError):
    """The same again would fail again."""

    status = 400
    code = "permanent"


class InvalidInput(Permanent):
    """The caller's words are wrong; the message names the field or the limit."""

    status = 422
    code = "invalid_input"


class Malformed(InvalidInput):
    """The bytes are not the format that was announced."""

    status = 400
    code = "malformed"


class TooLarge(InvalidInput):
    """Over a limit that the message names."""

    status = 413
    code = "too_large"


class UnsupportedMedia(InvalidInput):
    """A content type that this route does not read."""

    status = 415
    code = "unsupported_media_type"


class Unauthenticated(Permanent):
    """The caller did not prove who they are."""

    status = 401
    code = "unauthenticated"


class Forbidden(Permanent):
    """The caller is known and may not do this."""

    status = 403
    code = "forbidden"


class NotFound(Permanent):
    """It does not exist, or it belongs to somebody else: the caller cannot tell which."""

    status = 404
    code = "not_found"


class Conflict(Permanent):
    """The thing is in another state than the caller assumed."""

    status = 409
    code = "conflict"


class Refused(Permanent):
    """A provider understood the request and said no."""

    status = 502
    code = "refused"


class NeedsOperator(Refused):
    """Only a person can mend this: a licence, a wrong key, a scan of a QR code."""

    code = "needs_operator"
