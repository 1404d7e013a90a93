"""Whom an agent ignores, in whichever way their number was written down."""

from dataclasses import replace

import pytest

from agent_service.domain.model import AgentSettings
from agent_service.domain.model.ignored import is_ignored, read_ignored


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("+5511988887777", "+5511988887777"),
        ("5511988887777", "+5511988887777"),
        (" +55 (11) 98888-7777 ", "+5511988887777"),
        ("551188887777", "+5511988887777"),
        ("551133334444", "+551133334444"),
        ("5511988887777@s.whatsapp.net", "+5511988887777"),
        ("5511988887777@C.US", "+5511988887777"),
        ("123456789012345", "123456789012345"),
        ("123456789012345@lid", "123456789012345"),
        ("120363025246125486", "120363025246125486@g.us"),
        ("120363025246125486@g.us", "120363025246125486@g.us"),
        ("5511988887777-1612345678@g.us", "5511988887777-1612345678@g.us"),
        ("120363 025246125486@g.us", "120363025246125486@g.us"),
        ("@g.us", "@g.us"),
        ("@s.whatsapp.net", "@s.whatsapp.net"),
    ],
)
def test_what_is_meant_is_read_however_it_is_written(written: str, read: str) -> None:
    assert read_ignored(written) == read
    assert read_ignored(read) == read


@pytest.mark.parametrize(
    "written",
    [
        "",
        "Ana",
        "12345",
        "+12",
        "011988887777",
        "@lid",
        "x@g.us",
        " -@g.us",
        "()",
        "1@example.com",
        "+",
        "+5511*",
    ],
)
def test_what_can_never_match_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is no contact"):
        read_ignored(written)


def test_persons_and_groups_are_ignored_one_by_one_or_all_of_a_kind() -> None:
    ana, group = {"+5511988887777", "123456789012345"}, {"1@g.us", "+5511988887777"}
    everybody = AgentSettings(answer_groups=True)
    assert not is_ignored(everybody, ana)
    assert not is_ignored(everybody, group)
    assert is_ignored(AgentSettings(), group), "groups are not answered unless wanted"
    for entry, persons, groups in (
        ("+5511988887777", True, True),
        ("123456789012345", True, False),
        ("1@g.us", False, True),
        ("@g.us", False, True),
        ("@s.whatsapp.net", True, False),
    ):
        settings = replace(everybody, ignored_contacts=(entry,))
        assert (is_ignored(settings, ana), is_ignored(settings, group)) == (persons, groups), entry
