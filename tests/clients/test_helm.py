"""Helm 3 and Helm 4, built from source, with a chart of ours and with the one that Helm itself makes.

Helm 3 patches what differs between two manifests, Helm 4 applies on the server: two ways to the same end.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from kubernetes.client import ApiClient, AppsV1Api, CoreV1Api
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.resource import ResourceList

from pocketmesh.istio.install.charts import write_charts

CHART = Path(__file__).parent / "charts" / "greeter"
TOOLS = Path(__file__).parents[2] / ".cache" / "tools"
VERSIONS = ("v3.22.0", "v4.3.1")
PATIENCE = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@dataclass(frozen=True)
class Helm:
    """One Helm, in one namespace."""

    binary: Path
    environment: dict[str, str]
    namespace: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs to its end, whatever the exit code."""
        return subprocess.run(
            [self.binary, "--namespace", self.namespace, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def __call__(self, *arguments: str) -> str:
        """Runs and succeeds; returns what was printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.returncode}: {done.stderr}"
        return done.stdout


def built(version: str) -> Path:
    """The Helm of a version, installed by Go where it is not there yet."""
    program = TOOLS / f"helm-{version}" / "helm"
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        pytest.skip(f"needs Go to build Helm {version}")
    module = f"helm.sh/helm/{version.partition('.')[0]}/cmd/helm@{version}"
    flags = {"GOBIN": str(program.parent), "GOFLAGS": "-buildvcs=false -trimpath -ldflags=-s"}
    done = subprocess.run(
        ["nice", go, "install", module],
        env={**os.environ, **flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return program


_numbers = itertools.count(1)


@pytest.fixture
def make_helm(bare_cluster: Path, api_client: ApiClient, tmp_path: Path) -> Callable[[str], Helm]:
    """Helms of several versions in one new namespace."""
    namespace = f"helm-{next(_numbers)}"
    CoreV1Api(api_client).create_namespace({"metadata": {"name": namespace}})
    homes = {f"HELM_{home}_HOME": str(tmp_path / home) for home in ("CACHE", "CONFIG", "DATA")}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "KUBECONFIG": str(bare_cluster),
        **homes,
    }
    return lambda version: Helm(built(version), environment, namespace)


@pytest.fixture(params=VERSIONS, ids=[f"helm {version}" for version in VERSIONS])
def helm(request: pytest.FixtureRequest, make_helm: Callable[[str], Helm]) -> Helm:
    """Each Helm."""
    return make_helm(request.param)


@pytest.fixture
def release(helm: Helm) -> str:
    """The chart, installed."""
    helm("install", "one", str(CHART), "--wait", "--timeout=30s")
    return "one"


@pytest.fixture
def left(helm: Helm, api_client: ApiClient) -> Callable[[], set[str]]:
    """Says what is in the namespace besides what each namespace has."""
    usual = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}

    def found() -> set[str]:
        client = DynamicClient(api_client)
        kinds = [
            kind
            for kind in client.resources.search()
            if not isinstance(kind, ResourceList)
            and kind.namespaced
            and "list" in kind.verbs
            and kind.kind != "Event"
        ]
        return {
            f"{kind.kind}/{item.metadata.name}"
            for kind in kinds
            for item in client.get(kind, namespace=helm.namespace).items
        } - usual

    return found


def deployed(api_client: ApiClient, helm: Helm) -> tuple[int, str]:
    """What the chart's values came to in the cluster: replicas that are ready, and the greeting."""
    deployment = AppsV1Api(api_client).read_namespaced_deployment("one", helm.namespace)
    greeting = deployment.spec.template.spec.containers[0].env[0].value
    return deployment.status.ready_replicas, greeting


SHOWS = [
    ("list --short", "one\n"),
    ("status one", "STATUS: deployed"),
    ("get values one --all", "greeting: hello"),
    ("get manifest one", "# Source: greeter/templates/deployment.yaml"),
    ("get hooks one", "helm.sh/hook: post-install"),
    ("get notes one", "one says hello 1 times."),
    ("get metadata one", "CHART: greeter"),
    ("history one", "Install complete"),
]


def test_a_chart_of_ours_is_sound(helm: Helm) -> None:
    assert "1 chart(s) linted, 0 chart(s) failed" in helm("lint", str(CHART))


@pytest.mark.parametrize(("command", "expected"), SHOWS, ids=[command for command, _ in SHOWS])
def test_helm_shows(helm: Helm, release: str, command: str, expected: str) -> None:
    assert expected in helm(*command.split())


def test_install_waits_until_all_is_ready(helm: Helm, release: str, api_client: ApiClient) -> None:
    assert deployed(api_client, helm) == (1, "hello")


def test_install_makes_definitions_hooks_and_all_else(
    helm: Helm, release: str, left: Callable[[], set[str]]
) -> None:
    named = {thing for thing in left() if thing.endswith("/one") or "Secret" in thing or "after" in thing}

    assert named >= {
        "Greeting/one",
        "Deployment/one",
        "Service/one",
        "ServiceAccount/one",
        "ConfigMap/one-after",
        "Secret/sh.helm.release.v1.one.v1",
    }


def test_the_same_name_is_not_installed_twice(helm: Helm, release: str) -> None:
    done = helm.run("install", "one", str(CHART))

    assert done.returncode == 1
    assert "cannot" in done.stderr
    assert "name that is still in use" in done.stderr


def test_a_dry_run_on_the_server_changes_nothing(
    helm: Helm, release: str, left: Callable[[], set[str]]
) -> None:
    before = left()
    shown = helm("upgrade", "one", str(CHART), "--dry-run=server", "--set", "greeting=hi")

    assert "STATUS: pending-upgrade" in shown
    assert left() == before


def test_values_that_break_the_charts_schema_are_refused(helm: Helm) -> None:
    done = helm.run("install", "one", str(CHART), "--set", "replicas=none")

    assert done.returncode == 1
    assert "values don't meet the specifications of the schema" in done.stderr


def test_upgrade_and_rollback_go_there_and_back(helm: Helm, release: str, api_client: ApiClient) -> None:
    helm("upgrade", "one", str(CHART), "--wait", "--set", "replicas=2,greeting=hi")
    upgraded = deployed(api_client, helm)
    helm("rollback", "one", "1", "--wait")

    assert (upgraded, deployed(api_client, helm)) == ((2, "hi"), (1, "hello"))
    history = json.loads(helm("history", "one", "-o", "json"))
    assert [(entry["status"], entry["description"]) for entry in history] == [
        ("superseded", "Install complete"),
        ("superseded", "Upgrade complete"),
        ("deployed", "Rollback to 1"),
    ]


def test_upgrade_keeps_what_others_have_added(helm: Helm, release: str, api_client: ApiClient) -> None:
    apps = AppsV1Api(api_client)
    note = {"metadata": {"annotations": {"example.org/note": "mine"}}}
    apps.patch_namespaced_deployment("one", helm.namespace, note)
    helm("upgrade", "one", str(CHART), "--wait", "--set", "greeting=hi")

    found = apps.read_namespaced_deployment("one", helm.namespace)
    assert found.metadata.annotations["example.org/note"] == "mine"
    assert found.spec.template.spec.containers[0].env[0].value == "hi"


def test_a_hook_that_fails_fails_the_upgrade(helm: Helm, release: str, api_client: ApiClient) -> None:
    done = helm.run("upgrade", "one", str(CHART), "--wait", "--set", "greeting=failure")

    assert done.returncode == 1
    assert "UPGRADE FAILED: pre-upgrade hooks failed" in done.stderr
    assert deployed(api_client, helm) == (1, "hello")
    assert "failed" in helm("history", "one")


def test_an_upgrade_that_never_gets_ready_is_taken_back(
    helm: Helm, release: str, api_client: ApiClient
) -> None:
    undo = "--atomic" if "helm-v3" in str(helm.binary) else "--rollback-on-failure"
    more = ("--set", "greeting=hi,image=nowhere.example/nothing:1")
    done = helm.run("upgrade", "one", str(CHART), undo, "--timeout=2s", *more)

    assert done.returncode == 1
    assert "rolled back" in done.stderr
    assert deployed(api_client, helm) == (1, "hello")


def test_a_test_pod_runs_and_its_log_is_shown(helm: Helm, release: str) -> None:
    shown = helm("test", "one", "--logs")

    assert "Phase:          Succeeded" in shown
    assert "Hello version: v1, instance: one-" in shown


def test_uninstall_leaves_the_hooks_that_are_to_stay(
    helm: Helm, release: str, left: Callable[[], set[str]]
) -> None:
    helm("upgrade", "one", str(CHART), "--wait", "--set", "greeting=hi")
    helm("test", "one")
    said = helm("uninstall", "one", "--wait")

    assert said == 'release "one" uninstalled\n'
    assert left() == {"ConfigMap/one-after", "Pod/one-answers"}
    assert helm("list", "--short") == ""


def test_the_chart_that_helm_creates_runs(helm: Helm, left: Callable[[], set[str]], tmp_path: Path) -> None:
    chart = str(tmp_path / "web")
    image = "image.repository=gcr.io/k8s-staging-gateway-api/echo-basic,image.tag=v1,service.port=3000"
    helm("create", chart)
    helm("install", "web", chart, "--wait", "--set", f"{image},ingress.enabled=true,autoscaling.enabled=true")
    tested = helm("test", "web")
    helm("uninstall", "web", "--wait")

    assert "Phase:          Succeeded" in tested
    assert left() == {"Pod/web-test-connection"}


def test_helm_4_takes_a_release_over_from_helm_3(
    make_helm: Callable[[str], Helm], api_client: ApiClient
) -> None:
    three, four = (make_helm(version) for version in VERSIONS)
    three("install", "one", str(CHART), "--wait")
    four("upgrade", "one", str(CHART), "--wait", "--set", "replicas=2,greeting=hi")
    upgraded = deployed(api_client, four)
    four("uninstall", "one", "--wait")

    assert upgraded == (2, "hi")
    assert four("list", "--short") == ""


def test_istio_comes_and_goes_chart_by_chart(helm: Helm, tmp_path: Path, api_client: ApiClient) -> None:
    for chart in write_charts(tmp_path / "istio"):
        if chart.name in {"cni", "istiod"}:
            refused = helm.run("install", "refused", str(chart))
            assert "emulates the ambient profile only" in refused.stderr
    in_order = {"istio-base": "base", "istiod": "istiod", "istio-cni": "cni", "ztunnel": "ztunnel"}
    for release, chart in in_order.items():
        values = ("--set", "profile=ambient,meshConfig.accessLogFile=/dev/stdout")
        options = ("-n", "istio-system", "--create-namespace", "--wait", "--timeout=30s")
        helm("install", release, str(tmp_path / "istio" / chart), *values, *options)

    listed = helm("list", "-n", "istio-system", "-q").split()
    assert sorted(listed) == sorted(in_order)
    ready = AppsV1Api(api_client).list_namespaced_daemon_set("istio-system").items
    assert {it.metadata.name: it.status.number_ready for it in ready} == {"istio-cni-node": 1, "ztunnel": 1}
    configured = CoreV1Api(api_client).read_namespaced_config_map("istio", "istio-system").data["mesh"]
    assert "accessLogFile: /dev/stdout\n" in configured
    assert "rootNamespace: istio-system\n" in configured

    for release in reversed(in_order):
        helm("uninstall", release, "-n", "istio-system", "--wait", "--timeout=30s")
    assert AppsV1Api(api_client).list_namespaced_daemon_set("istio-system").items == []
