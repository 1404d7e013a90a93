"""The options of a Responses request beside its input, its tools and its format."""

from __future__ import annotations

from sandbox.openai.checks import bounded, chosen, needed, objects, only, typed
from sandbox.openai.errors import invalid, missing, moved, not_kept, wrong_type
from sandbox.openai.options import EFFORTS, check_common
from sandbox.wire import Json

_FIELDS = (
    "access_programs",
    "background",
    "background_options",
    "context_management",
    "conversation",
    "image",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
)
_MOVED = {
    "messages": "input",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
}
_INCLUDABLE = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)
_SUMMARIES = ("auto", "concise", "detailed")
_REASONING = ("context", "effort", "generate_summary", "mode", "summary")


def check_names(body: Json) -> None:
    """Refuse a request that misses what it needs, or has a field that there is none of.

    Raises:
        ApiError: 400.
    """
    for name in ("model", "input"):
        if name not in body:
            raise missing(name)
    for name, place in _MOVED.items():
        if name in body:
            raise moved(name, place)
    only(body, _FIELDS)


def check_options(body: Json) -> None:
    """Check every option.

    Raises:
        ApiError: 400.
    """
    typed(body, "background", "boolean", nullable=True)
    bounded(body, "max_tool_calls", "integer", 1, 1000)
    chosen(body, "truncation", ("auto", "disabled"), nullable=True)
    for name in ("access_programs", "background_options", "image"):
        typed(body, name, "object")
    for index, entry in enumerate(objects(body, "context_management", nullable=True)):
        needed(entry, "type", "string", f"context_management[{index}].")
    check_reasoning(body)
    for index, name in enumerate(typed(body, "include", "array", nullable=True) or []):
        needed({f"include[{index}]": name}, f"include[{index}]", "string")
        chosen({f"include[{index}]": name}, f"include[{index}]", _INCLUDABLE)
    check_common(body, streaming=("include_obfuscation",))


def check_reasoning(body: Json) -> None:
    """Check how the model shall think.

    Raises:
        ApiError: 400.
    """
    reasoning = typed(body, "reasoning", "object", nullable=True)
    if reasoning is None:
        return
    only(reasoning, _REASONING, "reasoning.")
    chosen(reasoning, "effort", EFFORTS, "reasoning.", nullable=True)
    for name in ("summary", "generate_summary"):
        chosen(reasoning, name, _SUMMARIES, "reasoning.", nullable=True)
    contexts = ("auto", "current_turn", "all_turns")
    chosen(reasoning, "context", contexts, "reasoning.", nullable=True)
    typed(reasoning, "mode", "string", "reasoning.")


def refuse_state(body: Json) -> None:
    """Refuse what would need something stored: calls are stateless here, as the facts recommend.

    Raises:
        ApiError: 400, or 404.
    """
    conversation = body.get("conversation")
    if isinstance(conversation, dict):
        conversation = needed(conversation, "id", "string", "conversation.")
    if conversation is not None:
        if not isinstance(conversation, str):
            raise wrong_type("conversation", "one of a string or object", conversation)
        raise not_kept(f"Conversation with id '{conversation}' not found.")
    prompt = typed(body, "prompt", "object", nullable=True)
    if prompt is not None:
        identity = needed(prompt, "id", "string", "prompt.")
        raise not_kept(f"Prompt with id '{identity}' not found.")
    previous = typed(body, "previous_response_id", "string", nullable=True)
    if previous is not None:
        message = f"Previous response with id '{previous}' not found."
        raise invalid(message, "previous_response_id", "previous_response_not_found")
    if body.get("background"):
        raise invalid("The sandbox answers at once; background is not offered.", "background")
