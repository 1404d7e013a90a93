"""The manifests say what the code says: topics, groups, variables, probes; and nobody is root."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from common.bus import KafkaProducer
from common.contracts import SERVICES, TOPICS
from common.service.serving import DRAIN_SECONDS
from devstack.docs.services import topics_heard_by
from devstack.docs.variables import variables

BASE = Path(__file__).parents[2] / "deploy/k8s/base"
OVERLAYS = BASE.parent / "overlays"
CUSTOM = {
    "kafka.strimzi.io/v1",
    "postgresql.cnpg.io/v1",
    "keda.sh/v1alpha1",
    "gateway.networking.k8s.io/v1",
    "monitoring.coreos.com/v1",
}
DEPLOYMENTS = {f"{service}-{part}" for service in SERVICES for part in ("api", "worker")}

Manifest = dict[str, Any]


def applied(folder: Path = BASE) -> Iterator[Manifest]:
    """Every resource that the kustomization of a folder takes in."""
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))["resources"]
    for name in listed:
        path = folder / name
        if path.is_dir():
            yield from applied(path)
        else:
            yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


MANIFESTS = list(applied())


def identity(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def of(kind: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in MANIFESTS if one["kind"] == kind}


def pods() -> dict[str, Manifest]:
    found = {**of("Deployment"), **of("Job")}
    return {name: one["spec"]["template"] for name, one in found.items()}


PODS = pods()


def container(pod: Manifest) -> Manifest:
    [only] = pod["spec"]["containers"]
    inside: Manifest = only
    return inside


def test_every_file_is_taken_in() -> None:
    on_disk = [
        one
        for path in BASE.rglob("*.yaml")
        if path.name != "kustomization.yaml"
        for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]
    assert sorted(map(identity, on_disk)) == sorted(map(identity, MANIFESTS))


@pytest.mark.parametrize(
    "manifest", MANIFESTS, ids=lambda one: f"{one['kind']}/{one['metadata']['name']}"
)
def test_a_resource_is_valid_by_its_schema(manifest: Manifest) -> None:
    if manifest["apiVersion"] in CUSTOM:
        assert manifest["spec"]
        return
    latest = kubernetes_validate.latest_version()
    kubernetes_validate.validate(manifest, latest, strict=True)


def test_a_service_is_two_deployments_and_a_migration() -> None:
    assert set(of("Deployment")) == DEPLOYMENTS
    assert set(of("Job")) == {f"{service}-migrate" for service in SERVICES}
    assert set(of("Service")) == set(SERVICES)
    for name, pod in PODS.items():
        service, _, verb = name.partition("-")
        assert container(pod)["args"] == [f"{service}_service", verb]
        assert container(pod)["image"].startswith(f"parley/{service}:")
        assert not container(pod)["image"].endswith(":latest")


def test_every_deployment_has_a_budget_and_every_pod_an_identity() -> None:
    budgets = of("PodDisruptionBudget")
    assert set(budgets) == DEPLOYMENTS
    for name, deployment in of("Deployment").items():
        assert budgets[name]["spec"]["selector"] == deployment["spec"]["selector"]
        assert budgets[name]["spec"]["maxUnavailable"] == 1
    for name, pod in PODS.items():
        assert pod["spec"]["serviceAccountName"] == name.partition("-")[0]
    assert set(of("ServiceAccount")) == set(SERVICES)


@pytest.mark.parametrize("name", PODS)
def test_a_pod_is_restricted(name: str) -> None:
    spec, inside = PODS[name]["spec"], container(PODS[name])
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inside["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    resources = inside["resources"]
    assert resources["limits"] == {"memory": resources["requests"]["memory"]}


def test_the_namespace_enforces_it() -> None:
    labels = of("Namespace")["parley"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_is_probed_and_has_time_to_drain(name: str) -> None:
    spec, inside = PODS[name]["spec"], container(PODS[name])
    [port] = inside["ports"]
    service = name.partition("-")[0]
    given = {entry["name"]: entry.get("value") for entry in inside["env"]}
    assert given[f"{service.upper()}_PORT"] == str(port["containerPort"])
    assert given[f"{service.upper()}_HOST"] == "0.0.0.0"  # noqa: S104 - what the pod must say
    for probe, path in (("startup", "/livez"), ("liveness", "/livez"), ("readiness", "/readyz")):
        assert inside[f"{probe}Probe"]["httpGet"] == {"path": path, "port": port["name"]}
    drain = inside.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert spec["terminationGracePeriodSeconds"] > DRAIN_SECONDS + drain
    assert bool(drain) == name.endswith("-api")


@pytest.mark.parametrize("name", PODS)
def test_a_pod_gets_every_variable_it_must_have_and_none_it_does_not_read(name: str) -> None:
    known = {v.name: v for v in variables(name.partition("-")[0])}
    given = {entry["name"]: entry for entry in container(PODS[name])["env"]}
    assert set(given) <= set(known)
    assert {v.name for v in known.values() if v.required} <= set(given)
    settled = of("ConfigMap")["parley"]["data"]
    for variable, entry in given.items():
        source = entry.get("valueFrom", {})
        assert known[variable].secret == ("secretKeyRef" in source)
        assert {reference["key"] for reference in source.values()} <= {variable}
        reference = source.get("configMapKeyRef", {})
        assert not reference or reference.get("optional") or variable in settled
        called = entry.get("value", "").removeprefix("http://")
        assert called == entry.get("value", "") or called in of("Service")


def test_settings_that_no_service_reads_are_not_set() -> None:
    known = {v.name for service in SERVICES for v in variables(service)}
    for folder in (BASE, *OVERLAYS.iterdir()):
        path = folder / "configuration.yaml"
        if path.is_file():
            assert set(yaml.safe_load(path.read_text())["data"]) <= known


def test_kafka_has_the_topics_of_the_registry() -> None:
    topics = of("KafkaTopic")
    assert set(topics) == {topic.value for topic in TOPICS}
    largest = KafkaProducer("", client_id="test").options["max_request_size"]
    for topic, declared in TOPICS.items():
        spec = topics[topic.value]["spec"]
        assert spec["partitions"] == declared.partitions
        assert spec["replicas"] == 3
        assert spec["config"]["retention.ms"] == declared.retention.total_seconds() * 1000
        assert spec["config"]["max.message.bytes"] >= largest
        assert spec["config"]["min.insync.replicas"] == 2


@pytest.mark.parametrize("service", SERVICES)
def test_a_kafka_user_may_do_what_the_registry_says_and_no_more(service: str) -> None:
    acls = of("KafkaUser")[service]["spec"]["authorization"]["acls"]
    allowed = {
        (acl["resource"]["type"], acl["resource"]["name"], operation)
        for acl in acls
        for operation in acl["operations"]
    }
    read = {topic.value for topic in TOPICS if service in TOPICS[topic].consumers}
    written = {topic.value for topic in TOPICS if service in TOPICS[topic].producers}
    assert allowed == {
        *(("topic", topic, "Describe") for topic in read | written),
        *(("topic", topic, "Read") for topic in read),
        *(("topic", topic, "Write") for topic in written),
        *((("group", service, "Read"), ("group", service, "Describe")) if read else ()),
    }
    assert all(acl["resource"]["patternType"] == "literal" for acl in acls)


def test_workers_scale_on_the_lag_of_the_groups_they_are() -> None:
    """A worker's group is its service's name: tests/architecture/test_topics.py."""
    scaled = of("ScaledObject")
    hearing = {service for service in SERVICES if topics_heard_by(service)}
    assert set(scaled) == {f"{service}-worker" for service in hearing}
    bootstrap = of("ConfigMap")["parley"]["data"]["KAFKA_BOOTSTRAP_SERVERS"]
    for service in hearing:
        spec = scaled[f"{service}-worker"]["spec"]
        assert spec["scaleTargetRef"] == {"name": f"{service}-worker"}
        assert "replicas" not in of("Deployment")[f"{service}-worker"]["spec"]
        triggers = [trigger["metadata"] for trigger in spec["triggers"]]
        assert {trigger["consumerGroup"] for trigger in triggers} == {service}
        assert {trigger["topic"] for trigger in triggers} == set(topics_heard_by(service))
        assert {trigger["bootstrapServers"] for trigger in triggers} == {bootstrap}
        most = max(TOPICS[topic].partitions for topic in topics_heard_by(service))
        assert spec["maxReplicaCount"] == most


def test_postgres_has_a_database_and_two_roles_per_service() -> None:
    roles = {role["name"]: role for role in of("Cluster")["postgres"]["spec"]["managed"]["roles"]}
    assert set(of("Database")) == set(SERVICES)
    assert len(roles) == 2 * len(SERVICES)
    for service in SERVICES:
        name = f"parley_{service}"
        assert roles[f"{name}_api"]["login"] is False
        assert roles[name]["login"] is True
        assert roles[name]["inRoles"] == [f"{name}_api"]
        assert roles[name]["passwordSecret"] == {"name": f"postgres-{service}"}
        database = of("Database")[service]["spec"]
        assert (database["name"], database["owner"]) == (name, name)


def test_nobody_is_reached_who_is_not_meant_to_be() -> None:
    policies = of("NetworkPolicy")
    assert policies["default-deny"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    ports = {
        port["port"]
        for name in ("edge-to-gateway", "gateway-to-services", "whatsapp-to-agent")
        for rule in policies[name]["spec"]["ingress"]
        for port in rule["ports"]
    }
    served = {port["containerPort"] for n in DEPLOYMENTS for port in container(PODS[n])["ports"]}
    assert ports == served
    [out] = [
        one["to"]
        for one in policies["services-go-out"]["spec"]["egress"]
        if "ipBlock" in one["to"][0]
    ]
    assert "169.254.0.0/16" in out[0]["ipBlock"]["except"]


def test_the_world_reaches_the_gateway_and_none_of_its_probes() -> None:
    [rule] = of("HTTPRoute")["gateway"]["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "gateway", "port": 80}]
    paths = [match["path"]["value"] for match in rule["matches"]]
    assert not any(probe.startswith(path) for probe in ("/livez", "/metrics") for path in paths)


def test_metrics_are_collected_from_every_deployment() -> None:
    spec = of("PodMonitor")["parley"]["spec"]
    [endpoint] = spec["podMetricsEndpoints"]
    for name in DEPLOYMENTS:
        labels = PODS[name]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
        assert endpoint["port"] in {port["name"] for port in container(PODS[name])["ports"]}


@pytest.mark.parametrize("overlay", sorted(OVERLAYS.iterdir()), ids=lambda path: path.name)
def test_an_overlay_changes_only_what_is_there(overlay: Path) -> None:
    written = yaml.safe_load((overlay / "kustomization.yaml").read_text(encoding="utf-8"))
    assert written["resources"] == ["../../base"]
    kinds = {one["kind"] for one in MANIFESTS}
    for patch in written["patches"]:
        if "path" in patch:
            assert (overlay / patch["path"]).is_file()
            continue
        target = patch["target"]
        assert target["kind"] in kinds
        assert target.get("name") is None or target["name"] in of(target["kind"])
        assert yaml.safe_load(patch["patch"])
