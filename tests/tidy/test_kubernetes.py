"""The Kubernetes manifests: valid by Kubernetes' own schemas, and true of the program and of what `andamio init` writes."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy import cli
from deploy.install import folder
from deploy.install.folder import Installation
from deploy.services import SERVICES
from deploy.serving import settings_class
from shared.http import DEFAULT_TIMEOUT_SECONDS
from tests.tidy.test_watching import ASKED_IN_A_SCRAPE

ROOT = Path(__file__).resolve().parents[2] / "deploy/kubernetes"
OVERLAYS = ("dev", "prod")


def manifests() -> list[dict[str, Any]]:
    kustomization = yaml.safe_load((ROOT / "base/kustomization.yaml").read_text())
    return [made for name in kustomization["resources"] for made in yaml.safe_load_all((ROOT / "base" / name).read_text())]


def edge() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "edge/edge.yaml").read_text()))


def named(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def pods() -> list[tuple[str, dict[str, Any]]]:
    return [(named(made), made["spec"]["template"]["spec"]) for made in manifests() if made["kind"] in {"Deployment", "Job"}]


def overlay(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "overlays" / name / "kustomization.yaml").read_text())
    return read


def test_every_manifest_is_valid() -> None:
    for manifest in manifests() + edge():
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_what_the_document_shows_is_valid_and_meets_the_pods() -> None:
    shown = re.findall(r"```yaml\n(.*?)```", (ROOT.parents[1] / "docs/operations/kubernetes.md").read_text(), re.DOTALL)
    [policy] = [yaml.safe_load(text) for text in shown]
    kubernetes_validate.validate(policy, kubernetes_validate.latest_version(), strict=True)
    [expression] = policy["spec"]["podSelector"]["matchExpressions"]
    labels = [made["spec"]["template"]["metadata"]["labels"] for made in manifests() if made["kind"] in {"Deployment", "Job"}]
    roles = {each[expression["key"]] for each in labels}
    assert set(expression["values"]) == roles


def test_no_two_manifests_have_one_name() -> None:
    names = [named(made) for made in manifests()]
    assert len(names) == len(set(names))


def test_each_pod_runs_a_command_that_the_program_has() -> None:
    parser = cli.make_parser()
    for name, pod in pods():
        assert parser.parse_args(pod["containers"][0]["args"]).command, name


def test_every_pod_keeps_to_the_restricted_standard() -> None:
    for name, pod in pods():
        [container] = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not pod["automountServiceAccountToken"]
        assert {"requests", "limits"} <= set(container["resources"]), name


def test_the_edge_is_the_one_of_a_single_host_and_reaches_every_service(tmp_path: Path) -> None:
    """The configuration of `andamio init` names the services and the files that the pod has; nobody but it is let to the web pods."""
    folder.write(Installation(tmp_path, "servicios.example.cl", "Quilpalín", "800 000 000"))
    config = (tmp_path / "edge/nginx.conf").read_text()
    upstreams = (ROOT / "edge/upstreams.conf").read_text()
    assert set(re.findall(r"proxy_pass http://(\S+);", config)) == set(SERVICES)
    assert re.findall(r"upstream (\w+) \{ server \1:(\d+); keepalive", upstreams) == [(service, "8080") for service in SERVICES]
    assert {f"Service/{service}" for service in SERVICES} <= {named(made) for made in manifests()}
    by_name = {named(made): made for made in edge()}
    pod = by_name["Deployment/edge"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    mounted = {volume["mountPath"] for volume in container["volumeMounts"]}
    items = {f"/etc/nginx/tls/{item['path']}" for volume in pod["volumes"] if "secret" in volume for item in volume["secret"]["items"]}
    named_files = set(re.findall(r"(?:include|ssl_certificate|ssl_certificate_key) (/etc/nginx/\S+);", config))
    assert named_files <= mounted | items
    ports = {port["containerPort"] for port in container["ports"]}
    assert ports == set(map(int, re.findall(r"listen (\d+)", config)))
    made = overlay("prod")
    assert (made["components"], made["resources"]) == (["../../edge"], ["../../base"])
    [let_in] = by_name["NetworkPolicy/edge-to-web"]["spec"]["ingress"]
    assert let_in["from"] == [{"podSelector": {"matchLabels": by_name["Deployment/edge"]["spec"]["template"]["metadata"]["labels"]}}]


def test_selectors_find_their_pods() -> None:
    labels = {named(made): made["spec"]["template"]["metadata"]["labels"] for made in manifests() if made["kind"] == "Deployment"}
    for made in manifests():
        if made["kind"] in {"Service", "PodDisruptionBudget"}:
            selector = made["spec"]["selector"]
            wanted = selector.get("matchLabels", selector)
            assert any(wanted.items() <= of_pods.items() for of_pods in labels.values()), named(made)
        if made["kind"] == "HorizontalPodAutoscaler":
            target = made["spec"]["scaleTargetRef"]
            assert f"{target['kind']}/{target['name']}" in labels


def reached(pod_labels: dict[str, str]) -> tuple[set[tuple[str, int]], set[int]]:
    """(Where, port) that a pod may reach by its one policy, and the ports of the world's that it may."""
    found = []
    for made in manifests():
        if made["kind"] == "NetworkPolicy" and made["spec"]["podSelector"]:
            selector = made["spec"]["podSelector"]
            [roles] = selector["matchExpressions"]
            if selector["matchLabels"].items() <= pod_labels.items() and pod_labels[roles["key"]] in roles["values"]:
                found.append(made["spec"]["egress"])
    [egress] = found
    places: set[tuple[str, int]] = set()
    world: set[int] = set()
    for rule in egress:
        ports = {port["port"] for port in rule["ports"]}
        for to in rule.get("to", [{"ipBlock": {}}]):
            if "ipBlock" in to:
                world |= ports
            elif "namespaceSelector" in to:
                places |= {(to["namespaceSelector"]["matchLabels"]["andamio/role"], port) for port in ports}
            else:
                places |= {(to["podSelector"]["matchLabels"]["app.kubernetes.io/component"] + " pods", port) for port in ports}
    return places, world


@pytest.mark.parametrize("service", SERVICES)
def test_the_network_lets_every_pod_reach_what_its_settings_may_name_and_no_more(service: str) -> None:
    """docs/operations/queue.md and sizing.md name the engines; what has no business outside is not let there."""
    engines = {("engines", port) for port in (5432, 6432, 6379, 26379, 5671, 5672)}
    if "clamd_address" in {field.name for field in fields(settings_class(service))}:
        engines.add(("engines", 3310))
    for made in manifests():
        labels = made["spec"]["template"]["metadata"]["labels"] if made["kind"] in {"Deployment", "Job"} else {}
        if labels.get("app.kubernetes.io/name") != service:
            continue
        places, world = reached(labels)
        if labels["app.kubernetes.io/component"] in {"web", "worker"}:
            assert places == engines | {("watch", 4318), ("edge", 443), ("edge pods", 443)}
            assert {53, 123, 443} <= world
        else:
            assert (places, world) == (engines, {53, 123}), named(made)


def test_what_is_scaled_has_no_number_of_its_own() -> None:
    """Each time that something is applied it would take back what the scaler made of it."""
    scaled = {made["spec"]["scaleTargetRef"]["name"] for made in manifests() if made["kind"] == "HorizontalPodAutoscaler"}
    numbered = {made["metadata"]["name"] for made in manifests() if made["kind"] == "Deployment" and "replicas" in made["spec"]}
    assert scaled == {f"{service}-{role}" for service in SERVICES for role in ("web", "worker")}
    assert numbered == {f"{service}-relay" for service in SERVICES}


def test_workers_are_scaled_by_a_metric_that_there_is_and_that_the_adapter_offers() -> None:
    asked = [
        metric["external"]["metric"]["name"]
        for made in manifests()
        if made["kind"] == "HorizontalPodAutoscaler"
        for metric in made["spec"]["metrics"]
        if metric["type"] == "External"
    ]
    assert len(asked) == len(SERVICES)
    [rule] = yaml.safe_load((ROOT / "watch/adapter.yml").read_text())["externalRules"]
    assert set(asked) == {rule["name"]["as"]} <= ASKED_IN_A_SCRAPE.keys()
    assert rule["metricsQuery"].startswith("max by (service) "), "every web pod tells of the same rows"


def test_a_web_whose_threads_all_wait_for_somebody_slow_is_not_killed() -> None:
    for name, pod in pods():
        probe = pod["containers"][0].get("livenessProbe", {})
        if "httpGet" in probe:
            assert probe["timeoutSeconds"] > DEFAULT_TIMEOUT_SECONDS, name
            assert probe["periodSeconds"] * probe["failureThreshold"] >= 120, name


def test_only_a_migration_knows_the_owner_of_a_database() -> None:
    for name, pod in pods():
        [secret] = [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]
        assert secret.endswith("-migrate-secrets") == name.startswith("Job/"), name


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_gives_each_pod_its_settings_and_secrets_as_init_writes_them(name: str, tmp_path: Path) -> None:
    installation = Installation(tmp_path, "servicios.example.cl", "Quilpalín", "800 000 000")
    folder.write(installation)
    made = overlay(name)
    for generated in made["configMapGenerator"] + made["secretGenerator"]:
        for path in generated.get("files", []) + generated.get("envs", []):
            assert (tmp_path / path).exists(), path
    given = {generated["name"] for generated in made["configMapGenerator"] + made["secretGenerator"]}
    for _, pod in pods():
        asked = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
        asked |= {source["configMapRef"]["name"] for source in pod["containers"][0]["envFrom"]}
        assert asked <= given
    for service in SERVICES:
        env = (tmp_path / f"env/{service}.env").read_text()
        [secrets] = [generated["files"] for generated in made["secretGenerator"] if generated["name"] == f"{service}-secrets"]
        files = {Path(path).name for path in secrets}
        assert set(re.findall(r"=/run/andamio/(\w+)", env)) == files


@pytest.mark.parametrize("name", OVERLAYS)
def test_each_patch_of_an_overlay_meets_something(name: str) -> None:
    for patch in overlay(name)["patches"]:
        target, pattern = patch["target"], patch["target"].get("name", ".*")
        met = [made for made in manifests() if made["kind"] == target["kind"] and re.fullmatch(pattern, made["metadata"]["name"])]
        assert met
        for operation in yaml.safe_load(patch["patch"]):
            for made in met:
                place: Any = made
                for step in operation["path"].strip("/").split("/"):
                    place = place[int(step)] if isinstance(place, list) else place[step]


def test_production_asks_of_the_edge_no_more_pods_than_it_has() -> None:
    """A budget that can never be met keeps a node from ever being emptied."""
    [budget] = [made for made in edge() if made["kind"] == "PodDisruptionBudget"]
    for patch in overlay("prod")["patches"]:
        if patch["target"]["kind"] == budget["kind"]:
            assert not re.fullmatch(patch["target"].get("name", ".*"), budget["metadata"]["name"])
