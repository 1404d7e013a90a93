"""Who calls a route: proven by the token in its header, before the route runs."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from common.auth import Principal
from common.errors import Unauthenticated
from common.telemetry import bind

Authenticate = Callable[[str], Principal | Awaitable[Principal]]
"""Turns a bearer token into a principal: `InternalTokens.verify`, or the gateway's own."""

_bearer = HTTPBearer(auto_error=False, description="A token for this service")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def principal(scope: str | None = None) -> Callable[..., Awaitable[Principal]]:
    """Make the dependency of a route: `caller: Annotated[Principal, Depends(principal("x:read"))]`.

    The route then sees only a caller with that scope; others get 401 or 403. Tenant and subject
    are bound to every log line of the request.
    """

    async def proven(request: Request, credentials: Credentials) -> Principal:
        if credentials is None:
            raise Unauthenticated("Send a bearer token in the Authorization header.")
        authenticate: Authenticate | None = getattr(request.app.state, "authenticate", None)
        if authenticate is None:
            raise Unauthenticated("This service believes no tokens.")
        found = authenticate(credentials.credentials)
        caller = await found if inspect.isawaitable(found) else found
        if scope is not None:
            caller.require(scope)
        bind(tenant=caller.tenant_id, subject=caller.subject)
        return caller

    return proven
