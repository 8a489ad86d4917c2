"""Namespaces, ownership, scheduling, and the other workloads."""

from __future__ import annotations

from pocketmesh.objects import condition, labels_of, name_of


def pod(name="a", namespace="default", **spec):
    metadata = {"name": name, "namespace": namespace, "labels": {"app": "web"}}
    container = {"name": "main", "image": "busybox"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container], **spec},
    }


def namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


class TestNamespaces:
    def test_a_namespace_is_furnished(self, world):
        world.create("namespaces", namespace("shop"))
        assert world.client.get("serviceaccounts", "shop", "default") is not None
        roots = world.client.get("configmaps", "shop", "kube-root-ca.crt")
        assert roots["data"] == {"ca.crt": "CERTIFICATE"}

    def test_furniture_that_is_deleted_comes_back(self, world):
        world.create("namespaces", namespace("shop"))
        world.client.delete("serviceaccounts", "shop", "default")
        world.settle()
        assert world.client.get("serviceaccounts", "shop", "default") is not None

    def test_a_deleted_namespace_goes_with_everything_in_it(self, world):
        world.node()
        world.create("namespaces", namespace("shop"))
        world.create("pods", pod(namespace="shop"))
        world.client.delete("namespaces", "", "shop")
        world.settle()
        assert world.client.get("namespaces", "", "shop")["status"]["phase"] == "Terminating"
        world.run_all()
        assert world.client.get("namespaces", "", "shop") is None
        assert world.client.all("configmaps", "shop") == []


class TestGarbageCollector:
    def owned(self, world, deployment, propagation):
        world.node()
        world.create("deployments.apps", deployment(replicas=1))
        world.run_all()
        world.client.delete("deployments.apps", "default", "web", propagation=propagation)
        world.settle()

    def test_background_deletion_takes_the_dependents_along(self, world, deployment):
        self.owned(world, deployment, "Background")
        world.run_all()
        assert world.client.all("replicasets.apps") == []
        assert world.pods() == []

    def test_foreground_deletion_keeps_the_owner_until_the_dependents_are_gone(self, world, deployment):
        self.owned(world, deployment, "Foreground")
        held = world.client.get("deployments.apps", "default", "web")
        assert held["metadata"]["finalizers"] == ["foregroundDeletion"]
        world.run_all()
        assert world.client.get("deployments.apps", "default", "web") is None

    def test_orphans_stay(self, world, deployment):
        self.owned(world, deployment, "Orphan")
        assert world.client.get("deployments.apps", "default", "web") is None
        (left,) = world.client.all("replicasets.apps")
        assert "ownerReferences" not in left["metadata"]
        assert len(world.pods()) == 1

    def test_an_object_of_an_owner_that_never_was_is_removed(self, world):
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "1-2-3"}
        metadata = {"name": "left", "namespace": "default", "ownerReferences": [owner]}
        world.create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        assert world.client.get("configmaps", "default", "left") is None


class TestScheduler:
    def test_a_pod_goes_to_the_node(self, world):
        world.node()
        world.create("pods", pod())
        bound = world.client.get("pods", "default", "a")
        assert bound["spec"]["nodeName"] == "node-1"
        assert condition(bound, "PodScheduled")["status"] == "True"
        assert world.messages("Scheduled") == ["Successfully assigned default/a to node-1"]

    def test_a_node_selector_that_nothing_matches_is_explained(self, world):
        world.node()
        world.create("pods", pod(nodeSelector={"disk": "ssd"}))
        refused = condition(world.client.get("pods", "default", "a"), "PodScheduled")
        assert refused["reason"] == "Unschedulable"
        assert refused["message"].startswith(
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
        )

    def test_a_waiting_pod_is_bound_when_a_node_comes(self, world):
        world.create("pods", pod())
        world.node()
        assert world.client.get("pods", "default", "a")["spec"]["nodeName"] == "node-1"

    def test_a_cordoned_node_takes_nothing(self, world):
        world.node(unschedulable=True)
        world.create("pods", pod())
        assert "node(s) were unschedulable" in world.messages("FailedScheduling")[0]


def workload(kind, template, **spec):
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"template": template, **spec},
    }


SELECTOR = {"matchLabels": {"app": "web"}}


class TestOtherWorkloads:
    def test_a_daemon_set_runs_once_on_each_node(self, world, template):
        world.node()
        world.create("daemonsets.apps", workload("DaemonSet", template(), selector=SELECTOR))
        world.run_all()
        status = world.client.get("daemonsets.apps", "default", "web")["status"]
        assert {field: status[field] for field in status if field != "conditions"} == {
            "currentNumberScheduled": 1,
            "desiredNumberScheduled": 1,
            "numberMisscheduled": 0,
            "numberReady": 1,
            "numberAvailable": 1,
            "updatedNumberScheduled": 1,
            "observedGeneration": 1,
        }

    def test_a_daemon_is_replaced_when_its_template_changes(self, world, template):
        world.node()
        world.create("daemonsets.apps", workload("DaemonSet", template(), selector=SELECTOR))
        world.run_all()
        before = name_of(world.pods()[0])
        world.client.merge(
            "daemonsets.apps", "default", "web", {"spec": {"template": {"spec": {"hostname": "x"}}}}
        )
        world.settle()
        world.run_all()
        (after,) = world.pods()
        assert name_of(after) != before
        assert after["spec"]["hostname"] == "x"

    def test_a_stateful_set_starts_its_pods_one_after_the_other(self, world, template):
        world.node()
        world.create(
            "statefulsets.apps",
            workload("StatefulSet", template(), selector=SELECTOR, replicas=2, serviceName="web"),
        )
        assert [name_of(pod) for pod in world.pods()] == ["web-0"]
        world.run_all()
        assert [name_of(pod) for pod in world.pods()] == ["web-0", "web-1"]
        assert labels_of(world.pods()[1])["apps.kubernetes.io/pod-index"] == "1"
        assert world.client.get("statefulsets.apps", "default", "web")["status"]["readyReplicas"] == 2

    def test_a_replication_controller_keeps_its_pods(self, world, template):
        world.node()
        wanted = workload("ReplicationController", template(), selector={"app": "web"}, replicas=2)
        world.create("replicationcontrollers", {**wanted, "apiVersion": "v1"})
        world.run_all()
        status = world.client.get("replicationcontrollers", "default", "web")["status"]
        assert (status["replicas"], status["readyReplicas"]) == (2, 2)

    def test_a_job_is_complete_when_its_pod_has_succeeded(self, world, template):
        world.node()
        world.create("jobs.batch", workload("Job", template(restartPolicy="Never")))
        world.run_pod(world.pods()[0], ready=False, phase="Succeeded")
        job = world.client.get("jobs.batch", "default", "web")
        assert job["status"]["succeeded"] == 1
        assert condition(job, "Complete")["message"] == "Reached expected number of succeeded pods"

    def test_a_job_gives_up_at_its_limit(self, world, template):
        world.node()
        world.create("jobs.batch", workload("Job", template(restartPolicy="Never"), backoffLimit=0))
        world.run_pod(world.pods()[0], ready=False, phase="Failed")
        failed = condition(world.client.get("jobs.batch", "default", "web"), "Failed")
        assert failed["reason"] == "BackoffLimitExceeded"


def test_the_same_event_is_counted_instead_of_written_again(world):
    world.node(unschedulable=True)
    world.create("pods", pod(nodeSelector={"a": "b"}))
    world.client.merge("pods", "default", "a", {"metadata": {"labels": {"touched": "yes"}}})
    world.settle()
    (event,) = [event for event in world.client.all("events") if event["reason"] == "FailedScheduling"]
    assert event["count"] >= 2


def test_an_event_is_forgotten_an_hour_after_it_last_happened(world):
    world.node(unschedulable=True)
    world.create("pods", pod())
    world.clock.advance(1800)
    world.client.merge("pods", "default", "a", {"metadata": {"labels": {"touched": "yes"}}})
    world.settle()
    world.clock.advance(1801)
    world.settle()
    assert world.messages("FailedScheduling")
    world.clock.advance(1800)
    world.settle()
    assert world.messages("FailedScheduling") == []
