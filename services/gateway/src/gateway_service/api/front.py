"""Which requests are webhooks: those never meet the control API."""

from starlette.routing import Route, Router
from starlette.types import ASGIApp

SHARED = "/api/webhook/evolution"
INBOUND = "/api/webhooks/inbound/{webhook_public_id}"


def front_door(*, shared: ASGIApp, inbound: ASGIApp, control: ASGIApp) -> Router:
    """Put the webhook routes in front of everything else.

    With `webhookByEvents` Evolution appends `/` and the event's name, and a second slash when
    the address ended in one; the body says which event it is, so the path need not.
    """
    return Router(
        routes=[
            Route(INBOUND, inbound),
            Route(f"{INBOUND}/{{suffix:path}}", inbound),
            Route(SHARED, shared),
            Route(f"{SHARED}/{{suffix:path}}", shared),
        ],
        redirect_slashes=False,
        default=control,
    )
