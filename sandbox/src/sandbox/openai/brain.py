"""Decide what the model says: the first rule that applies, or a plain echo."""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from sandbox.ids import Ids
from sandbox.openai.conversation import Conversation
from sandbox.openai.errors import ApiError
from sandbox.openai.schemas import example
from sandbox.openai.script import Match, Rule, ScriptedReply
from sandbox.openai.tokens import count
from sandbox.wire import Json

_BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function the model wants called; `arguments` is JSON text, usually."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said.

    Attributes:
        incomplete: why it was cut off, if it was.
        failed: error code of a failed answer.
        output_tokens: what it cost.
    """

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    incomplete: str | None = None
    failed: str | None = None
    output_tokens: int = 1

    def row(self) -> Json:
        """Describe it for the control door."""
        return {
            "text": self.text,
            "tool_calls": [
                {"call_id": call.call_id, "name": call.name, "arguments": call.arguments}
                for call in self.tool_calls
            ],
            "refusal": self.refusal,
            "incomplete": self.incomplete,
            "failed": self.failed,
        }


@dataclass(slots=True)
class _Line:
    rule: Rule
    used: int = 0

    @property
    def spent(self) -> bool:
        return self.rule.times is not None and self.used >= self.rule.times


class Brain:
    """Answers conversations; deterministic but for the ids."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._lines: list[_Line] = []

    def learn(self, rules: list[Rule]) -> None:
        """Replace the script."""
        self._lines = [_Line(rule) for rule in rules]

    def rows(self) -> list[Json]:
        """Describe the script and how often each line was used."""
        return [
            {**line.rule.model_dump(by_alias=True, exclude_none=True), "used": line.used}
            for line in self._lines
        ]

    def answer(self, conversation: Conversation) -> Answer:
        """Say something.

        Raises:
            ApiError: the script orders an error.
        """
        line = next(
            (
                line
                for line in self._lines
                if not line.spent and _applies(line.rule.match, conversation)
            ),
            None,
        )
        if line is None:
            return self._unscripted(conversation)
        line.used += 1
        return self._scripted(line.rule.reply, conversation)

    def _scripted(self, reply: ScriptedReply, conversation: Conversation) -> Answer:
        if (error := reply.error) is not None:
            body = {
                "message": error.message,
                "type": error.type,
                "param": error.param,
                "code": error.code,
            }
            raise ApiError(error.status, body, retry_after=error.retry_after)
        text = _filled(reply, conversation)
        calls = tuple(
            self._call(
                call.name,
                call.arguments
                if isinstance(call.arguments, str)
                else orjson.dumps(call.arguments).decode(),
            )
            for call in reply.tool_calls
        )
        if not conversation.parallel:
            calls = calls[:1]
        if conversation.choice.mode == "none" and calls:
            calls, text = (), text or _echo(conversation)
        answer = _priced(
            Answer(text, calls, reply.refusal, reply.incomplete, reply.failed), conversation
        )
        if reply.output_tokens is None:
            return answer
        return _with_tokens(answer, reply.output_tokens)

    def _unscripted(self, conversation: Conversation) -> Answer:
        if conversation.choice.mode == "required" and conversation.tool_output is None:
            wanted = conversation.choice.name
            tool = next(
                tool for tool in conversation.tools if wanted is None or tool.name == wanted
            )
            value = example(tool.parameters, conversation.last_user) or {}
            call = self._call(tool.name, orjson.dumps(value).decode())
            return _priced(Answer(tool_calls=(call,)), conversation)
        text = _echo(conversation)
        if conversation.schema is not None:
            text = orjson.dumps(example(conversation.schema, text)).decode()
        elif conversation.json_mode:
            text = orjson.dumps({"answer": text}).decode()
        return _priced(Answer(text), conversation)

    def _call(self, name: str, arguments: str) -> ToolCall:
        return ToolCall(f"call_{self._ids.hexadecimal(96)}", name, arguments)


def _applies(match: Match, conversation: Conversation) -> bool:
    newest = "user" if conversation.tool_output is None else "tool"
    wanted = match.last_item or ("user" if match.tool_output is None else "tool")
    if wanted not in {"any", newest}:
        return False
    said, output = conversation.last_user, conversation.tool_output or ""
    conditions = (
        match.contains is None or match.contains.lower() in said.lower(),
        match.regex is None or re.search(match.regex, said) is not None,
        match.last_user is None or match.last_user == said,
        match.tool_output is None or match.tool_output in output,
        match.system_contains is None or match.system_contains in conversation.system,
        match.anywhere is None or match.anywhere in conversation.prompt,
        match.model is None or match.model == conversation.model,
        match.tool is None or match.tool in {tool.name for tool in conversation.tools},
    )
    return all(conditions)


def _echo(conversation: Conversation) -> str:
    if conversation.tool_output is not None:
        return f"The tool said: {conversation.tool_output}"
    return f"You said: {conversation.last_user}"


def _filled(reply: ScriptedReply, conversation: Conversation) -> str | None:
    if reply.json_value is not None:
        return orjson.dumps(reply.json_value).decode()
    if reply.text is None:
        return None
    text = reply.text.replace("{last_user}", conversation.last_user)
    return text.replace("{tool_output}", conversation.tool_output or "")


def _priced(answer: Answer, conversation: Conversation) -> Answer:
    """Estimate the cost, and cut a text that is longer than the request allows."""
    calls = sum(count(call.name) + count(call.arguments) + 4 for call in answer.tool_calls)
    tokens = count(answer.text or "") + count(answer.refusal or "") + calls
    limit = conversation.max_output
    if limit is not None and tokens > limit and answer.incomplete is None:
        text = (answer.text or "").encode()[: limit * _BYTES_PER_TOKEN].decode(errors="ignore")
        return Answer(text or None, (), None, "max_output_tokens", None, limit)
    return _with_tokens(answer, max(1, tokens))


def _with_tokens(answer: Answer, tokens: int) -> Answer:
    return Answer(
        answer.text,
        answer.tool_calls,
        answer.refusal,
        answer.incomplete,
        answer.failed,
        tokens,
    )
