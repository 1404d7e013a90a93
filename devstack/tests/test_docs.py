"""The generator: it writes what the code says, sees what is stale, and removes left-overs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.contracts import EVENTS, SERVICES, TOPICS, Topic
from devstack.docs import asyncapi, flow, schemas, tree, variables
from devstack.docs.services import heard_by, said_by
from devstack.places import here


@pytest.fixture
def described() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(asyncapi.document(here().root))
    return document


def test_asyncapi_has_every_topic_and_every_event(described: dict[str, Any]) -> None:
    assert described["asyncapi"] == "3.1.0"
    assert set(described["channels"]) == {topic.value for topic in TOPICS}
    assert set(described["components"]["messages"]) == set(EVENTS)


def test_every_reference_in_asyncapi_leads_somewhere(described: dict[str, Any]) -> None:
    def references(node: object) -> list[str]:
        match node:
            case {"$ref": str(target)}:
                return [target]
            case dict():
                return [found for value in node.values() for found in references(value)]
            case list():
                return [found for value in node for found in references(value)]
            case _:
                return []

    found = references(described)
    assert found
    for target in found:
        if target.startswith("./"):
            assert f"docs/events/{target[2:]}" in schemas.documents()
            continue
        node: object = described
        for step in target.removeprefix("#/").split("/"):
            assert isinstance(node, dict)
            node = node[step]


def test_every_event_in_asyncapi_has_an_example(described: dict[str, Any]) -> None:
    messages = described["components"]["messages"]
    assert all(message["examples"] for message in messages.values())


def test_what_a_service_says_and_hears_is_found_in_its_code() -> None:
    said = {service: {event.type for event in said_by(service)} for service in SERVICES}
    assert "gateway.evolution_webhook.received" in said["gateway"]
    assert "whatsapp.message.received" in said["whatsapp"]
    assert said["agent"] >= {"whatsapp.message.send", "agent.handoff.requested"}
    heard = {service: {event.type for event in heard_by(service)} for service in SERVICES}
    assert "gateway.evolution_webhook.received" in heard["whatsapp"]
    assert heard["agent"] == {
        "whatsapp.message.received",
        "whatsapp.message.edited",
        "whatsapp.message.deleted",
        "whatsapp.message.failed",
        "whatsapp.media.stored",
    }


def test_the_flow_is_drawn_between_the_markers_and_nowhere_else() -> None:
    page = f"# Before\n{flow.BEGIN}\nold\n{flow.END}\nafter\n"
    drawn = flow.drawn_into(page)
    assert drawn.startswith(f"# Before\n{flow.BEGIN}\n")
    assert drawn.endswith(f"{flow.END}\nafter\n")
    assert "old" not in drawn
    assert all(topic.value in drawn for topic in Topic)
    assert flow.drawn_into(drawn) == drawn


def test_a_page_without_markers_is_an_error() -> None:
    with pytest.raises(ValueError, match="markers"):
        flow.drawn_into("# Before\n")


def test_settings_name_type_default_and_meaning_of_every_variable() -> None:
    page = variables.documents()["docs/settings.md"]
    assert "| `GATEWAY_DATABASE_URL` | secret | **required** | Where the service keeps" in page
    assert "| `GATEWAY_POOL_SIZE` | integer, ≥ 1, ≤ 200 | `10` |" in page
    assert "| `GATEWAY_OIDC__ISSUER` | text, length ≥ 1 | none |" in page
    assert "| `KAFKA_BOOTSTRAP_SERVERS` |" in page
    assert "| `AGENT_MODEL_HOSTS` | JSON list | `[]` |" in page


def test_the_example_environment_has_each_variable_once_and_no_secret() -> None:
    lines = variables.documents()[".env.example"].splitlines()
    pairs = [line.removeprefix("# ").split("=", 1) for line in lines if "=" in line]
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names))
    values = dict(pairs)
    for service in SERVICES:
        for variable in variables.variables(service):
            assert values[variable.name] == variable.default
            assert not (variable.secret and values[variable.name])


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the generator reads besides the code."""
    (tmp_path / "docs").mkdir()
    shutil.copy(here().root / "docs/architecture.md", tmp_path / "docs")
    return tmp_path


def test_it_writes_once_and_then_finds_nothing_to_do(clone: Path) -> None:
    wanted = {"docs/events/a.schema.json": "{}\n", "docs/settings.md": "# Settings\n"}
    assert tree.write(clone, wanted) == list(wanted)
    assert tree.write(clone, wanted) == []
    assert list(tree.differences(clone, wanted)) == []


def test_a_stale_file_is_shown_as_a_difference(clone: Path) -> None:
    tree.write(clone, {"docs/settings.md": "old\n"})
    shown = list(tree.differences(clone, {"docs/settings.md": "new\n"}))
    assert "-old" in shown
    assert "+new" in shown


def test_a_left_over_file_is_named_and_removed(clone: Path) -> None:
    tree.write(clone, {"docs/openapi/gone.json": json.dumps({})})
    assert list(tree.differences(clone, {})) == [
        "docs/openapi/gone.json: nothing in the code asks for this file"
    ]
    assert tree.write(clone, {}) == ["docs/openapi/gone.json"]
    assert not (clone / "docs/openapi/gone.json").exists()
