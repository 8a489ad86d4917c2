"""What a Deployment does, seen from outside: ReplicaSets, pods, status, Events."""

from __future__ import annotations

from pocketmesh.objects import annotations_of, condition, labels_of, name_of

DEPLOYMENTS, SETS = "deployments.apps", "replicasets.apps"


def test_a_new_deployment_gets_a_replica_set_and_its_pods(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=2))
    (replica_set,) = world.client.all(SETS)
    digest = labels_of(replica_set)["pod-template-hash"]
    assert name_of(replica_set) == f"web-{digest}"
    assert len(digest) == 10
    assert annotations_of(replica_set)["deployment.kubernetes.io/revision"] == "1"
    assert [name_of(pod).startswith(f"web-{digest}-") for pod in world.pods()] == [True, True]
    assert world.messages("ScalingReplicaSet") == [f"Scaled up replica set web-{digest} from 0 to 2"]


def test_it_is_complete_when_its_pods_are_available(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=2))
    status = world.client.get(DEPLOYMENTS, "default", "web")["status"]
    assert condition({"status": status}, "Available")["reason"] == "MinimumReplicasUnavailable"
    world.run_all()
    found = world.client.get(DEPLOYMENTS, "default", "web")
    status = found["status"]
    assert {k: v for k, v in status.items() if k != "conditions"} == {
        "observedGeneration": 1,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "terminatingReplicas": 0,
    }
    set_name = name_of(world.client.all(SETS)[0])
    assert (
        condition(found, "Progressing")["message"] == f'ReplicaSet "{set_name}" has successfully progressed.'
    )
    assert condition(found, "Available")["status"] == "True"


def test_a_rolling_update_never_leaves_its_bounds(world, deployment):
    world.node()
    limits = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    world.create(DEPLOYMENTS, deployment(replicas=4, strategy=limits))
    world.run_all()
    world.client.merge(
        DEPLOYMENTS, "default", "web", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}
    )
    seen = []
    for _ in range(40):
        world.settle()
        active = [pod for pod in world.pods() if "deletionTimestamp" not in pod["metadata"]]
        ready = [
            pod for pod in active if condition(pod, "Ready") and condition(pod, "Ready")["status"] == "True"
        ]
        seen.append((len(active), len(ready)))
        pending = [pod for pod in active if pod["status"]["phase"] == "Pending"]
        for pod in pending[:1]:
            world.run_pod(pod)
    assert max(active for active, _ in seen) <= 5
    assert min(ready for _, ready in seen) >= 3
    sizes = sorted(each["spec"]["replicas"] for each in world.client.all(SETS))
    assert sizes == [0, 4]


def test_undoing_finds_the_old_replica_set_again_under_a_new_revision(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=1, image="busybox:1"))
    world.run_all()
    old = world.client.all(SETS)[0]
    container = {"name": "main", "image": "busybox:2"}
    world.client.merge(
        DEPLOYMENTS, "default", "web", {"spec": {"template": {"spec": {"containers": [container]}}}}
    )
    world.settle()
    world.run_all()
    container = {"name": "main", "image": "busybox:1"}
    world.client.merge(
        DEPLOYMENTS, "default", "web", {"spec": {"template": {"spec": {"containers": [container]}}}}
    )
    world.settle()
    world.run_all()
    again = world.client.get(SETS, "default", name_of(old))
    assert again["spec"]["replicas"] == 1
    assert annotations_of(again)["deployment.kubernetes.io/revision"] == "3"
    assert (
        annotations_of(world.client.get(DEPLOYMENTS, "default", "web"))["deployment.kubernetes.io/revision"]
        == "3"
    )


def test_a_paused_deployment_makes_no_replica_set_of_a_new_template(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=1))
    world.client.merge(DEPLOYMENTS, "default", "web", {"spec": {"paused": True}})
    world.client.merge(DEPLOYMENTS, "default", "web", {"spec": {"template": {"spec": {"hostname": "x"}}}})
    world.settle()
    assert len(world.client.all(SETS)) == 1
    paused = condition(world.client.get(DEPLOYMENTS, "default", "web"), "Progressing")
    assert (paused["status"], paused["reason"]) == ("Unknown", "DeploymentPaused")


def test_no_progress_within_the_deadline_is_told(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=1, progressDeadlineSeconds=60))
    world.clock.advance(70)
    world.settle()
    progress = condition(world.client.get(DEPLOYMENTS, "default", "web"), "Progressing")
    assert (progress["status"], progress["reason"]) == ("False", "ProgressDeadlineExceeded")


def test_recreate_waits_for_the_old_pods_to_be_gone(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=1, strategy={"type": "Recreate"}))
    world.run_all()
    world.client.merge(DEPLOYMENTS, "default", "web", {"spec": {"template": {"spec": {"hostname": "x"}}}})
    world.settle()
    assert len(world.pods()) == 1
    world.run_all()
    (pod,) = world.pods()
    assert pod["spec"]["hostname"] == "x"


def test_scaling_down_keeps_the_ready_pods(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=3))
    ready = world.pods()[1]
    world.run_pod(ready)
    world.client.merge(DEPLOYMENTS, "default", "web", {"spec": {"replicas": 1}})
    world.settle()
    left = [name_of(pod) for pod in world.pods() if "deletionTimestamp" not in pod["metadata"]]
    assert left == [name_of(ready)]


def image(name):
    return {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": name}]}}}}


def sizes(world):
    """The sizes of the ReplicaSets by the image of their pods."""
    return {
        each["spec"]["template"]["spec"]["containers"][0]["image"]: each["spec"]["replicas"]
        for each in world.client.all(SETS)
    }


def test_scaling_amid_a_rollout_shares_the_new_pods_out(world, deployment):
    world.node()
    limits = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    world.create(DEPLOYMENTS, deployment(replicas=10, strategy=limits))
    world.run_all()
    world.client.merge(DEPLOYMENTS, "default", "web", image("busybox:2"))
    world.settle()
    assert sizes(world) == {"busybox:1": 8, "busybox:2": 5}
    world.client.merge(DEPLOYMENTS, "default", "web", {"spec": {"replicas": 15}})
    world.settle()
    assert sizes(world) == {"busybox:1": 11, "busybox:2": 7}


def test_a_paused_deployment_is_scaled_where_it_stands(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=2))
    world.run_all()
    world.client.merge(
        DEPLOYMENTS, "default", "web", {"spec": {"paused": True, **image("busybox:2")["spec"]}}
    )
    world.client.merge(DEPLOYMENTS, "default", "web", {"spec": {"replicas": 4}})
    world.settle()
    assert sizes(world) == {"busybox:1": 4}


def test_resuming_rolls_the_template_out(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=1))
    world.run_all()
    world.client.merge(
        DEPLOYMENTS, "default", "web", {"spec": {"paused": True, **image("busybox:2")["spec"]}}
    )
    world.settle()
    world.client.merge(DEPLOYMENTS, "default", "web", {"spec": {"paused": None}})
    world.settle()
    world.run_all()
    assert sizes(world) == {"busybox:1": 0, "busybox:2": 1}
    progress = condition(world.client.get(DEPLOYMENTS, "default", "web"), "Progressing")
    assert (progress["status"], progress["reason"]) == ("True", "NewReplicaSetAvailable")


def test_recreate_makes_no_replica_set_before_the_old_pods_are_gone(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=1, strategy={"type": "Recreate"}))
    world.run_all()
    world.client.merge(DEPLOYMENTS, "default", "web", image("busybox:2"))
    world.settle()
    assert sizes(world) == {"busybox:1": 0}
    assert world.client.get(DEPLOYMENTS, "default", "web")["status"]["terminatingReplicas"] == 1
    world.run_all()
    assert sizes(world) == {"busybox:1": 0, "busybox:2": 1}


def test_a_cause_of_change_stays_with_its_revision(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=1))
    for cause, name in (("second", "busybox:2"), ("back", "busybox:1")):
        annotations = {"annotations": {"kubernetes.io/change-cause": cause}}
        world.client.merge(DEPLOYMENTS, "default", "web", {"metadata": annotations, **image(name)})
        world.settle()
        world.run_all()
    shown = {
        annotations_of(each)["deployment.kubernetes.io/revision"]: annotations_of(each)
        for each in world.client.all(SETS)
    }
    assert {revision: found["kubernetes.io/change-cause"] for revision, found in shown.items()} == {
        "2": "second",
        "3": "back",
    }
    assert shown["3"]["deployment.kubernetes.io/revision-history"] == "1"


def test_only_so_many_old_replica_sets_are_kept(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=1, revisionHistoryLimit=1))
    world.run_all()
    for number in (2, 3, 4):
        world.client.merge(DEPLOYMENTS, "default", "web", image(f"busybox:{number}"))
        world.settle()
        world.run_all()
    assert sizes(world) == {"busybox:3": 0, "busybox:4": 1}


def test_conditions_stand_in_the_order_in_which_they_changed(world, deployment):
    world.node()
    world.create(DEPLOYMENTS, deployment(replicas=1))
    world.run_all()
    status = world.client.get(DEPLOYMENTS, "default", "web")["status"]
    assert [entry["type"] for entry in status["conditions"]] == ["Available", "Progressing"]
