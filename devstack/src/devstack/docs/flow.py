"""The event flow, drawn from the topics' registry and the services' routers."""

from collections.abc import Iterator

from common.contracts import SERVICES, TOPICS, Topic
from devstack.docs.services import events_on, topics_heard_by, topics_said_by

BEGIN = "<!-- event flow: written by `make docs` -->"
END = "<!-- end of the event flow -->"


def drawn_into(page: str) -> str:
    """Replace what stands between the markers.

    Raises:
        ValueError: the page has no markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("docs/architecture.md lacks the markers of the event flow")
    return f"{before}{BEGIN}\n\n{_graph()}\n\n{_table()}\n\n{END}{after}"


def _graph() -> str:
    lines = ["```mermaid", "flowchart LR"]
    lines += [f"  {service}[{service}]" for service in SERVICES]
    for number, topic in enumerate(_streams()):
        lines.append(f"  t{number}([{topic.value}])")
        lines += _arrows(topic, f"t{number}")
    return "\n".join([*lines, "```", "", "Dashed: declared in `TOPICS`, no code yet."])


def _arrows(topic: Topic, node: str) -> Iterator[str]:
    for producer in TOPICS[topic].producers:
        yield f"  {producer} {'-->' if topic in topics_said_by(producer) else '-.->'} {node}"
    for consumer in TOPICS[topic].consumers:
        yield f"  {node} {'-->' if topic in topics_heard_by(consumer) else '-.->'} {consumer}"


def _streams() -> list[Topic]:
    return [topic for topic in TOPICS if ".dead-letters." not in topic]


def _table() -> str:
    lines = ["| topic | key | partitions | kept | events |", "|---|---|---|---|---|"]
    for topic in TOPICS:
        spec = TOPICS[topic]
        events = ", ".join(f"`{event.type}`" for event in events_on(topic))
        if topic not in _streams():
            events = "records as they were, with the reason in `dl_` headers"
        cells = (f"`{topic.value}`", spec.key, str(spec.partitions), f"{spec.retention.days} days")
        lines.append("| " + " | ".join((*cells, events or "none yet")) + " |")
    return "\n".join(lines)
