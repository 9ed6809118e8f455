"""deploy/kubernetes: each manifest against the schema of Kubernetes, and what a careful cluster asks of pods."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
VALUES = "dagster-values.yaml"
VERSION = "1.37"
MANIFESTS: list[dict[str, Any]] = [
    document
    for file in sorted(FOLDER.glob("*.yaml"))
    if file.name != VALUES
    for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
]
PODS = {
    manifest["metadata"]["name"]: manifest["spec"]["template"]["spec"]
    for manifest in MANIFESTS
    if manifest["kind"] in ("Deployment", "Job")
}
CHART: dict[str, Any] = yaml.safe_load((FOLDER / VALUES).read_text(encoding="utf-8"))


def _of(kind: str, name: str) -> dict[str, Any]:
    return next(one for one in MANIFESTS if (one["kind"], one["metadata"]["name"]) == (kind, name))


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_a_manifest_is_what_kubernetes_takes(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_a_wrong_name_in_a_manifest_is_found() -> None:
    broken = {**_of("Service", "milk-reader"), "specs": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSION, strict=True)


@pytest.mark.parametrize("name", PODS)
def test_no_pod_is_root_or_can_write_to_its_root(name: str) -> None:
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"]
        assert "memory" in container["resources"]["limits"]
        assert not [env for env in container.get("env", []) if "://" in env["value"] and "@" in env["value"]]


@pytest.mark.parametrize("name", PODS)
def test_what_is_mounted_is_there(name: str) -> None:
    volumes = {volume["name"] for volume in PODS[name]["volumes"]}
    mounted = {mount["name"] for container in PODS[name]["containers"] for mount in container["volumeMounts"]}
    assert mounted == volumes


def test_the_reader_is_asked_for_what_it_can_say() -> None:
    (reader,) = PODS["milk-reader"]["containers"]
    probes = {name: reader[f"{name}Probe"]["httpGet"]["path"] for name in ("liveness", "readiness", "startup")}
    assert probes == {"liveness": "/livez", "readiness": "/readyz", "startup": "/livez"}
    assert _of("Deployment", "milk-reader")["spec"]["replicas"] == 2


def test_selectors_find_the_pods_of_the_reader() -> None:
    labels = _of("Deployment", "milk-reader")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        _of("Deployment", "milk-reader")["spec"]["selector"]["matchLabels"],
        _of("Service", "milk-reader")["spec"]["selector"],
        _of("PodDisruptionBudget", "milk-reader")["spec"]["selector"]["matchLabels"],
        _of("NetworkPolicy", "milk-reader")["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()


def test_metrics_and_the_online_route_are_led_to_nobody() -> None:
    (rule,) = _of("Ingress", "milk-reader")["spec"]["rules"]
    led = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    assert led.pop("/") == "milk-reader"
    assert set(led) == {"/metrics", "/v1/predictions/online", "/predictions/online", "/api/v1/get_online_prediction"}
    assert set(led.values()) == {"nobody"}


def test_the_chart_runs_the_same_image_as_the_rest_and_one_run_at_a_time() -> None:
    (location,) = CHART["dagster-user-deployments"]["deployments"]
    image = f"{location['image']['repository']}:{location['image']['tag']}"
    assert image == PODS["milk-prepare"]["containers"][0]["image"] == PODS["milk-reloader"]["containers"][0]["image"]
    coordinator = CHART["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert coordinator == {"maxConcurrentRuns": 1}
    (server,) = CHART["dagsterWebserver"]["workspace"]["servers"]
    assert (server["host"], server["port"]) == (location["name"], location["port"])
    assert location["securityContext"]["readOnlyRootFilesystem"] is True
    assert CHART["dagsterWebserver"]["pathPrefix"] == "/dagster"
