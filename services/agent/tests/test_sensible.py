"""Settings that can never do anything are refused by their name."""

from typing import Any

import pytest

from agent_service.domain.model import AgentSettings
from agent_service.domain.model.sensible import sensible


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"finish_keyword": "!!"}, "finish_keyword"),
        ({"finish_keyword": "Sair!"}, "finish_keyword"),
        ({"hand_off_words": ("parar",)}, "hand_off_words"),
        ({"hand_off_words": ("boss", "?!")}, "hand_off_words"),
        ({"hand_off_words": ("* *",)}, "hand_off_words"),
        ({"forbidden_phrases": ("**",)}, "forbidden_phrases"),
        ({"quiet_seconds": 40.0}, "deadline_seconds"),
        ({"ignored_contacts": ("Ana",)}, "ignored_contacts"),
    ],
)
def test_what_can_never_do_anything_is_refused(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: "):
        sensible(AgentSettings(**settings))


def test_what_is_meant_is_kept_in_the_form_that_works() -> None:
    given = AgentSettings(ignored_contacts=("5511988887777", "+55 11 98888-7777", "@g.us"))
    assert sensible(given).ignored_contacts == ("+5511988887777", "@g.us")
    usual = AgentSettings(finish_keyword="#SAIR", hand_off_words=("*parar*",))
    assert sensible(usual) == usual
    usual = AgentSettings(finish_keyword=" ", forbidden_phrases=("!!",), deadline_seconds=3.0)
    assert sensible(usual) == usual
