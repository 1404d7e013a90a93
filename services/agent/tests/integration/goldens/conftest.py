"""The golden transcripts, against the strict stand-in or, if the environment says so, a real model.

GOLDEN_BASE_URL, GOLDEN_API_KEY and GOLDEN_MODEL name a real one; the model's lines in the
transcripts are then not used, and what is expected of it stays the same.
"""

import os

import pytest

_VARIABLES = {
    "openai_base_url": "GOLDEN_BASE_URL",
    "openai_api_key": "GOLDEN_API_KEY",
    "openai_model": "GOLDEN_MODEL",
}


@pytest.fixture(scope="module")
def model_server() -> dict[str, str]:
    """The settings of the model server that the environment names."""
    given = {field: os.environ.get(name, "") for field, name in _VARIABLES.items()}
    return given if all(given.values()) else {}
