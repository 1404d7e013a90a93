"""The rules that say what the stand-in's brain answers, as they are ordered at the door."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from sandbox.strict import Strict


class Match(Strict):
    """When a rule applies; all given conditions must hold.

    A rule without `tool_output` and `last_item` applies only while the newest item is a user's
    message, so that a scripted tool call is not repeated for ever.

    Attributes:
        contains: part of the newest user text, in any case.
        regex: found in the newest user text.
        last_user: the newest user text, exactly.
        tool_output: part of the newest tool output, which must be the newest item.
        system_contains: part of the system text.
        anywhere: part of any text of the request.
        model: the model's name.
        tool: a tool on offer.
        last_item: what the newest item must be; ``any`` for no matter what.
    """

    contains: str | None = None
    regex: str | None = None
    last_user: str | None = None
    tool_output: str | None = None
    system_contains: str | None = None
    anywhere: str | None = None
    model: str | None = None
    tool: str | None = None
    last_item: Literal["user", "tool", "any"] | None = None

    @field_validator("regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from None
        return value


class ScriptedCall(Strict):
    """A tool call; `arguments` may be text that is no JSON, as models sometimes write."""

    name: str
    arguments: dict[str, Any] | str = Field(default_factory=dict)


class ScriptedError(Strict):
    """An HTTP error."""

    status: int = Field(default=500, ge=400, le=599)
    type: str = "server_error"
    code: str | None = None
    message: str = "The server had an error while processing your request."
    param: str | None = None
    retry_after: float | None = None


class ScriptedReply(Strict):
    """What the model answers.

    Attributes:
        text: a text; ``{last_user}`` and ``{tool_output}`` are filled in. May stand beside
            tool_calls or incomplete.
        json_value: an object, written as JSON text (``json`` in JSON).
        incomplete: the answer is cut off, for this reason.
        failed: a 200 whose status is failed, with this error code (Responses only).
        output_tokens: overrides the estimated output tokens.
    """

    text: str | None = None
    json_value: Any = Field(default=None, alias="json")
    tool_calls: list[ScriptedCall] = Field(default_factory=list)
    refusal: str | None = None
    incomplete: Literal["max_output_tokens", "content_filter"] | None = None
    failed: str | None = None
    error: ScriptedError | None = None
    output_tokens: PositiveInt | None = None

    @model_validator(mode="after")
    def _says_something(self) -> ScriptedReply:
        given = [self.text, self.json_value, self.refusal, self.incomplete, self.failed, self.error]
        if not self.tool_calls and all(part is None for part in given):
            raise ValueError(
                "a reply needs one of: text, json, tool_calls, refusal, incomplete, failed, error"
            )
        return self


class Rule(Strict):
    """One line of the script.

    Attributes:
        times: how often it applies; null for always.
    """

    match: Match = Field(default_factory=Match)
    reply: ScriptedReply
    times: PositiveInt | None = None
