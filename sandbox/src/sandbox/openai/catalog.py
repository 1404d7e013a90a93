"""The models of the stand-in, with their limits."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.openai.errors import model_not_found


@dataclass(frozen=True, slots=True)
class Model:
    """One model.

    Attributes:
        purpose: chat, transcription or moderation.
        context_window: tokens of input and output together.
        legacy_max_tokens: whether Chat Completions still takes ``max_tokens``.
        only_json: whether transcriptions come as ``json`` only.
    """

    name: str
    purpose: str = "chat"
    context_window: int = 400_000
    legacy_max_tokens: bool = False
    only_json: bool = True


_DEFAULTS = (
    *(
        Model(name)
        for name in (
            "gpt-5-mini",
            "gpt-5.4-mini",
            "gpt-5.5",
            "gpt-5.6-sol",
            "gpt-5.6-terra",
            "gpt-5.6-luna",
            "gpt-6-sol",
            "gpt-6-luna",
            "gpt-6-astra",
        )
    ),
    *(
        Model(name, context_window=128_000, legacy_max_tokens=True)
        for name in ("gpt-4o", "gpt-4o-mini", "gpt-4.1-mini", "llama3.2", "sandbox-model")
    ),
    # Small enough for a test to run over it.
    Model("sandbox-tiny", context_window=400, legacy_max_tokens=True),
    *(
        Model(name, purpose="transcription")
        for name in ("gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
    ),
    Model("whisper-1", purpose="transcription", only_json=False),
    Model("omni-moderation-latest", purpose="moderation"),
)


class Catalog:
    """The models that exist right now; the control door adds and retires some."""

    def __init__(self) -> None:
        self._models = {model.name: model for model in _DEFAULTS}

    def find(self, name: str, purpose: str) -> Model:
        """Return a model.

        Raises:
            ApiError: 404 model_not_found, also for a model of another purpose.
        """
        model = self._models.get(name)
        if model is None or model.purpose != purpose:
            raise model_not_found(name)
        return model

    def get(self, name: str) -> Model | None:
        """Return a model, or None."""
        return self._models.get(name)

    def add(self, model: Model) -> None:
        """Add or replace a model."""
        self._models[model.name] = model

    def retire(self, name: str) -> None:
        """Let a model be gone."""
        self._models.pop(name, None)

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._models)
