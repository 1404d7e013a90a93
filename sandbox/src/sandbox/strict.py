"""A model that refuses fields it does not know, and names the ones it does."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Strict(BaseModel):
    """Base of every body that the control door accepts."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _known_fields_only(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        names = sorted(field.alias or name for name, field in cls.model_fields.items())
        unknown = sorted(set(value) - set(names) - set(cls.model_fields))
        if unknown:
            raise ValueError(f"unknown field(s): {', '.join(unknown)}; valid: {', '.join(names)}")
        return value
