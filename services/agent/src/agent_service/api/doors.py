"""What the doors share: who may come in, and what may be written."""

from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import AfterValidator, Field, SecretStr

from agent_service.domain.ports import OpenForTenant
from common.auth import Principal
from common.errors import InvalidInput
from common.names import checked_name
from common.service import Pages, principal

Reader = Annotated[Principal, Depends(principal("agents:read"))]
Writer = Annotated[Principal, Depends(principal("agents:write"))]
ConversationReader = Annotated[Principal, Depends(principal("conversations:read"))]
ConversationWriter = Annotated[Principal, Depends(principal("conversations:write"))]
Limit = Annotated[int, Query(ge=1, le=200)]
Page = Annotated[Pages, Depends()]
_LONGEST_KEY = 500


def _storable(text: str) -> str:
    if "\0" in text or text.encode(errors="ignore").decode() != text:
        raise ValueError("must not contain U+0000 or half a surrogate pair")
    return text


def _fits_a_header(key: SecretStr) -> SecretStr:
    plain = key.get_secret_value()
    if len(plain) > _LONGEST_KEY or not (plain.isascii() and plain.isprintable()):
        raise ValueError(f"must be at most {_LONGEST_KEY} printable ASCII characters")
    return key


def _named(name: str) -> str:
    try:
        return checked_name(name)
    except InvalidInput as refused:
        raise ValueError(str(refused)) from None


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_named)]
Words = Annotated[str, AfterValidator(_storable)]
"""Text as Postgres can hold it."""
ApiKey = Annotated[SecretStr, AfterValidator(_fits_a_header)]


def _opener(request: Request) -> OpenForTenant:
    opener: OpenForTenant = request.app.state.open_for
    return opener


Opens = Annotated[OpenForTenant, Depends(_opener)]
