"""Kubernetes resources that repeat per service, topic or role; the rest is written by hand."""

from collections.abc import Mapping
from importlib.resources import files
from string import Template
from textwrap import indent
from typing import Any

import yaml

from common.bus import KafkaProducer
from common.contracts import SERVICES, TOPICS, Topic
from devstack.docs.services import topics_heard_by
from devstack.docs.variables import Variable, variables

BASE = "deploy/k8s/base"
FOLDERS = tuple(f"{BASE}/{service}" for service in SERVICES)
"""Folders in which every file is ours."""
BOOTSTRAP = "parley-kafka-bootstrap.parley.svc:9093"
_NOTE = "# Written by `make docs`; the templates are in devstack/src/devstack/docs/manifests.\n"
_PORT = 8000
_VERSION = "0.1.0"
_REPLICAS = 3
_KAFKA_FILES = {
    "KAFKA_SSL_CA_FILE": "ca.crt",
    "KAFKA_SSL_CERTIFICATE_FILE": "user.crt",
    "KAFKA_SSL_KEY_FILE": "user.key",
}
"""As pod.yaml mounts them."""
_CPU = {"api": "200m", "worker": "500m", "migrate": "100m"}

Node = dict[str, Any]


def documents() -> Mapping[str, str]:
    """Give every generated manifest as a file's content, by its path."""
    found = {
        f"{BASE}/kafka/topics.yaml": _dumped([_topic(topic) for topic in TOPICS]),
        f"{BASE}/kafka/users.yaml": _dumped([_user(s) for s in SERVICES] + [_lag_reader()]),
        f"{BASE}/postgres/databases.yaml": _dumped([_database(service) for service in SERVICES]),
    }
    for service in SERVICES:
        found |= _of_service(service)
    return found


def _of_service(service: str) -> Mapping[str, str]:
    parts = {name: _filled(name, service, verb=name) for name in ("api", "worker", "migrate")}
    if topics_heard_by(service):
        parts["scaling"] = _scaling(service)
    resources = "\n".join(f"  - {name}.yaml" for name in sorted(parts))
    parts["kustomization"] = _template("kustomization", service=service, resources=resources)
    return {f"{BASE}/{service}/{name}.yaml": _NOTE + text for name, text in parts.items()}


def _filled(name: str, service: str, *, verb: str) -> str:
    environment = yaml.safe_dump([_entry(service, v) for v in _wanted(service)], sort_keys=False)
    pod = _template(
        "pod",
        service=service,
        verb=verb,
        version=_VERSION,
        cpu=_CPU[verb],
        environment=indent(environment.rstrip("\n"), " " * 6),
    )
    if verb != "migrate":
        pod = pod.replace("volumes:\n", _template("served", port=_PORT) + "volumes:\n")
    if verb == "api":
        # The endpoint is taken out of the Service while the last requests still arrive.
        pod = pod.replace("volumes:\n", _template("drain") + "volumes:\n")
    # Where lag decides, the number of replicas is KEDA's alone.
    replicas = "  # How many: see scaling.yaml." if topics_heard_by(service) else "  replicas: 1"
    return _template(
        name,
        service=service,
        replicas=replicas,
        spread=indent(_template("spread", service=service, verb=verb).rstrip("\n"), " " * 6),
        pod=indent(pod.rstrip("\n"), " " * 6),
    )


def _wanted(service: str) -> list[Variable]:
    """List what must be set, where to listen, where spans go, and who may make tenants."""
    also = {
        *(f"{service.upper()}_HOST", "OTEL_EXPORTER_OTLP_ENDPOINT", "KAFKA_SECURITY_PROTOCOL"),
        *_KAFKA_FILES,
        "GATEWAY_OPERATOR_KEY",
    }
    return [v for v in variables(service) if v.required or v.name in also]


def _entry(service: str, variable: Variable) -> Node:
    name = variable.name
    own = name.removeprefix(f"{service.upper()}_").lower()
    if own in {"host", "port"}:
        return {"name": name, "value": "0.0.0.0" if own == "host" else str(_PORT)}  # noqa: S104 - a pod's address is not known before it runs; NetworkPolicies say who reaches it
    if name == "KAFKA_SECURITY_PROTOCOL":
        return {"name": name, "value": "SSL"}
    if name in _KAFKA_FILES:
        return {"name": name, "value": f"/etc/kafka/{_KAFKA_FILES[name]}"}
    if own.removesuffix("_url") in SERVICES:
        return {"name": name, "value": f"http://{own.removesuffix('_url')}"}
    kind, store = "configMapKeyRef", "parley"
    if variable.secret:
        kind, store = "secretKeyRef", "parley-shared" if variable.shared else f"parley-{service}"
    reference: Node = {"name": store, "key": name}
    if not variable.required:
        reference |= {"optional": True}
    return {"name": name, "valueFrom": {kind: reference}}


def _scaling(service: str) -> str:
    topics = sorted(topics_heard_by(service))
    triggers = "".join(
        _template("trigger", service=service, topic=topic.value, bootstrap=BOOTSTRAP)
        for topic in topics
    )
    most = max(TOPICS[topic].partitions for topic in topics)
    return _template(
        "scaling", service=service, most=most, triggers=indent(triggers.rstrip("\n"), " " * 4)
    )


def _topic(topic: Topic) -> Node:
    spec = TOPICS[topic]
    largest = KafkaProducer("", client_id="docs").options["max_request_size"]
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": topic.value, "labels": {"strimzi.io/cluster": "parley"}},
        "spec": {
            "partitions": spec.partitions,
            "replicas": _REPLICAS,
            "config": {
                "retention.ms": int(spec.retention.total_seconds() * 1000),
                "max.message.bytes": largest,
                "min.insync.replicas": _REPLICAS - 1,
            },
        },
    }


def _lag_reader() -> Node:
    """Let KEDA see how far consumer groups are behind, and nothing else."""
    heard = sorted({topic for service in SERVICES for topic in topics_heard_by(service)})
    acls = [_acl("topic", topic.value) for topic in heard]
    acls += [_acl("group", service) for service in SERVICES if topics_heard_by(service)]
    return _kafka_user("keda", acls)


def _user(service: str) -> Node:
    read = [topic for topic in TOPICS if service in TOPICS[topic].consumers]
    written = [topic for topic in TOPICS if service in TOPICS[topic].producers]
    acls = [_acl("topic", topic.value, "Read") for topic in read]
    acls += [_acl("topic", topic.value, "Write") for topic in written]
    acls += [_acl("group", service, "Read")] if read else []
    return _kafka_user(service, acls)


def _kafka_user(name: str, acls: list[Node]) -> Node:
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": name, "labels": {"strimzi.io/cluster": "parley"}},
        "spec": {
            "authentication": {"type": "tls"},
            "authorization": {"type": "simple", "acls": acls},
        },
    }


def _acl(kind: str, name: str, *operations: str) -> Node:
    resource = {"type": kind, "name": name, "patternType": "literal"}
    return {"resource": resource, "operations": ["Describe", *operations]}


def _database(service: str) -> Node:
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Database",
        "metadata": {"name": service},
        "spec": {
            "name": f"parley_{service}",
            "owner": f"parley_{service}",
            "cluster": {"name": "postgres"},
        },
    }


def _template(name: str, **values: object) -> str:
    path = files("devstack.docs") / "manifests" / f"{name}.yaml"
    return Template(path.read_text(encoding="utf-8")).substitute(values)


def _dumped(nodes: list[Node]) -> str:
    text: str = yaml.safe_dump_all(nodes, sort_keys=False)
    return "# Written by `make docs` from common.contracts.TOPICS and SERVICES.\n" + text
