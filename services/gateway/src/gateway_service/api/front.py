"""Which requests are webhooks: those never meet the control API."""

from starlette.types import ASGIApp, Receive, Scope, Send

SHARED = "/api/webhook/evolution"
INBOUND = "/api/webhooks/inbound/"
PUBLIC_ID = "webhook_public_id"


class FrontDoor:
    """Sends webhooks to their doors, and everything else to the control API.

    With `webhookByEvents` Evolution appends `/` and the event's name, and a second slash when
    the address ended in one; the body says which event it is, so the path need not. Three
    comparisons instead of a router's regular expressions: those cost 4 % of a whole webhook.
    """

    def __init__(self, *, shared: ASGIApp, inbound: ASGIApp, control: ASGIApp) -> None:
        self._shared = shared
        self._inbound = inbound
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path.startswith(INBOUND) and (public_id := path[len(INBOUND) :].partition("/")[0]):
            scope["path_params"] = {PUBLIC_ID: public_id}
            await self._inbound(scope, receive, send)
        elif path == SHARED or path.startswith(SHARED + "/"):
            await self._shared(scope, receive, send)
        else:
            await self._control(scope, receive, send)
