"""The controllers as a learner meets them: through kubectl, on a cluster that is served."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ...conftest import Serving

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="no kubectl on PATH")
PATIENCE = "--timeout=20s"

POD = """
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: "busybox:1", command: [sleep, infinity]}]
"""
DEPLOYMENT = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, annotations: {{kubernetes.io/change-cause: first}}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template: {POD}
"""
STATEFUL_SET = f"""
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: web}}
spec:
  replicas: 2
  serviceName: web
  selector: {{matchLabels: {{app: web}}}}
  template: {POD}
"""
DAEMON_SET = f"""
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template: {POD}
"""
BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
"""
AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
"""
TOKEN = """
apiVersion: v1
kind: Secret
metadata: {name: robot, annotations: {kubernetes.io/service-account.name: default}}
type: kubernetes.io/service-account-token
"""

Run = Callable[..., str]
numbers = itertools.count()


@pytest.fixture(scope="module")
def kubeconfig(serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with serving(tmp_path_factory.mktemp("cluster"), "none") as kubeconfig:
        yield kubeconfig


@pytest.fixture
def kubectl(kubeconfig: Path) -> Run:
    """Runs kubectl in a namespace of the test's own; `fails` expects an error and returns its text."""
    namespace = f"test-{next(numbers)}"

    def run(*words: str, stdin: str = "", fails: bool = False) -> str:
        command = [str(KUBECTL), "--kubeconfig", str(kubeconfig), "--namespace", namespace, *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode != 0) is fails, done.stderr
        return done.stderr if fails else done.stdout

    run("create", "namespace", namespace)
    return run


def apply(kubectl: Run, *manifests: str) -> None:
    kubectl("apply", "-f", "-", stdin="---".join(manifests))


def test_a_rollout_is_followed_told_of_and_undone(kubectl):
    apply(kubectl, DEPLOYMENT)
    kubectl("rollout", "status", "deployment/web", PATIENCE)
    kubectl("set", "image", "deployment/web", "main=busybox:2")
    kubectl("annotate", "deployment/web", "kubernetes.io/change-cause=second", "--overwrite")
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", PATIENCE)
    history = kubectl("rollout", "history", "deployment/web").split("\n")
    assert history[2:4] == ["1         first", "2         second"]
    kubectl("rollout", "undo", "deployment/web")
    kubectl("rollout", "status", "deployment/web", PATIENCE)
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert kubectl("get", "deployment/web", "-o", image) == "busybox:1"


@pytest.mark.parametrize(
    ("kind", "manifest"),
    [("statefulset", STATEFUL_SET), ("daemonset", DAEMON_SET)],
    ids=["stateful", "daemon"],
)
def test_revisions_are_listed_and_undone(kubectl, kind, manifest):
    apply(kubectl, manifest)
    kubectl("rollout", "status", f"{kind}/web", PATIENCE)
    kubectl("rollout", "restart", f"{kind}/web")
    kubectl("rollout", "status", f"{kind}/web", PATIENCE)
    assert "kubectl.kubernetes.io/restartedAt" in kubectl("rollout", "history", f"{kind}/web", "--revision=2")
    kubectl("rollout", "undo", f"{kind}/web")
    kubectl("rollout", "status", f"{kind}/web", PATIENCE)
    numbers = [
        line.split()[0] for line in kubectl("rollout", "history", f"{kind}/web").splitlines()[2:] if line
    ]
    assert numbers == ["2", "3"]


def test_a_job_runs_to_its_end_and_is_found_by_its_name(kubectl):
    kubectl("create", "job", "once", "--image=busybox:1", "--", "sh", "-c", "echo hello")
    kubectl("wait", "--for=condition=Complete", "job/once", PATIENCE)
    assert kubectl("logs", "job/once") == "hello\n"
    said = kubectl("describe", "job/once")
    assert "0 Active (0 Ready) / 1 Succeeded / 0 Failed" in said
    assert "Job completed" in said


def test_a_cron_job_may_be_started_by_hand(kubectl):
    kubectl("create", "cronjob", "tick", "--image=busybox:1", "--schedule=0 0 1 1 *", "--", "true")
    kubectl("create", "job", "now", "--from=cronjob/tick")
    kubectl("wait", "--for=condition=Complete", "job/now", PATIENCE)
    owner = "jsonpath={.metadata.ownerReferences[0].kind}/{.metadata.ownerReferences[0].name}"
    assert kubectl("get", "job/now", "-o", owner) == "CronJob/tick"


def test_a_job_that_fails_says_why(kubectl):
    manifest = """
apiVersion: batch/v1
kind: Job
metadata: {name: bad}
spec:
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: "busybox:1", command: ["false"]}]}}
"""
    apply(kubectl, manifest)
    kubectl("wait", "--for=condition=Failed", "job/bad", PATIENCE)
    assert "BackoffLimitExceeded" in kubectl("describe", "job/bad")


def test_deleting_in_the_foreground_leaves_nothing_behind(kubectl):
    apply(kubectl, DEPLOYMENT)
    kubectl("rollout", "status", "deployment/web", PATIENCE)
    kubectl("delete", "deployment/web", "--cascade=foreground", PATIENCE)
    assert kubectl("get", "replicasets,pods", "-o", "name") == ""


def test_orphans_are_taken_in_again(kubectl):
    apply(kubectl, DEPLOYMENT)
    kubectl("rollout", "status", "deployment/web", PATIENCE)
    before = kubectl("get", "pods", "-o", "name")
    kubectl("delete", "deployment/web", "--cascade=orphan")
    apply(kubectl, DEPLOYMENT)
    kubectl("rollout", "status", "deployment/web", PATIENCE)
    assert kubectl("get", "pods", "-o", "name") == before


def test_a_budget_is_described_and_an_autoscaler_too(kubectl):
    apply(kubectl, DEPLOYMENT, BUDGET, AUTOSCALER)
    kubectl("rollout", "status", "deployment/web", PATIENCE)
    kubectl("wait", "--for=jsonpath={.status.currentHealthy}=2", "pdb/web", PATIENCE)
    assert "Allowed disruptions:  0" in kubectl("describe", "pdb/web")
    kubectl("wait", "--for=jsonpath={.status.conditions[1].type}=ScalingActive", "hpa/web", PATIENCE)
    assert "FailedGetResourceMetric" in kubectl("describe", "hpa/web")


def test_a_load_balancer_has_an_address(kubectl):
    kubectl("create", "service", "loadbalancer", "web", "--tcp=80")
    kubectl("wait", "--for=jsonpath={.status.loadBalancer.ingress[0].ip}", "service/web", PATIENCE)
    assert "Ensured load balancer" in kubectl("describe", "service/web")


def test_the_token_in_a_secret_opens_the_api(kubectl):
    apply(kubectl, TOKEN)
    kubectl("wait", "--for=jsonpath={.data.token}", "secret/robot", PATIENCE)
    template = "{{ .data.token | base64decode }}"
    token = kubectl("get", "secret/robot", "-o", f"go-template={template}")
    kubectl("config", "set-credentials", "robot", "--token", token)
    assert "system:serviceaccount:" in kubectl("--user=robot", "auth", "whoami")


def test_a_namespace_goes_with_all_that_is_in_it(kubectl):
    kubectl("create", "namespace", "doomed")
    kubectl("-n", "doomed", "create", "deployment", "web", "--image=busybox:1", "--", "sleep", "infinity")
    kubectl("-n", "doomed", "rollout", "status", "deployment/web", PATIENCE)
    kubectl("delete", "namespace", "doomed", PATIENCE)
    assert "NotFound" in kubectl("get", "namespace", "doomed", fails=True)


def test_autoscaling_is_asked_for_in_either_version(kubectl):
    apply(kubectl, DEPLOYMENT)
    kubectl("autoscale", "deployment/web", "--min=1", "--max=3", "--cpu-percent=40")
    share = "jsonpath={.spec.metrics[0].resource.target.averageUtilization}"
    assert kubectl("get", "horizontalpodautoscalers.v2.autoscaling/web", "-o", share) == "40"
    old = "jsonpath={.spec.targetCPUUtilizationPercentage}"
    assert kubectl("get", "horizontalpodautoscalers.v1.autoscaling/web", "-o", old) == "40"
    kubectl(
        "patch",
        "horizontalpodautoscalers.v1.autoscaling/web",
        "--patch",
        '{"spec": {"targetCPUUtilizationPercentage": 70}}',
    )
    assert kubectl("get", "horizontalpodautoscalers.v2.autoscaling/web", "-o", share) == "70"
