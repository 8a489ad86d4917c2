"""PersistentVolumes and claims: who gets which, when, and what stays afterwards."""

from __future__ import annotations

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.controllers.volume_matching import best
from pocketmesh.objects import annotations_of, condition, name_of

CLAIMS, VOLUMES, CLASSES = "persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io"

NONE = "kubernetes.io/no-provisioner"


def claim(name="data", storage="1Gi", cls="manual", **spec):
    resources = {"requests": {"storage": storage}}
    named = {} if cls is None else {"storageClassName": cls}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources, **named, **spec},
    }


def volume(name="disk", storage="1Gi", cls="manual", labels=None, **spec):
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": storage},
            "hostPath": {"path": f"/mnt/{name}"},
            "storageClassName": cls,
            **spec,
        },
    }


def storage_class(name="late", mode="WaitForFirstConsumer", provisioner="example.com/disks"):
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": provisioner,
        "volumeBindingMode": mode,
    }


def pod(name="user", claim_name="data"):
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}]
    container = {"name": "main", "image": "busybox"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [container], "volumes": volumes},
    }


RESERVED = {"claimRef": {"namespace": "default", "name": "data"}}
OTHERS = {"claimRef": {"namespace": "default", "name": "other"}}


@pytest.mark.parametrize(
    ("asked", "volumes", "chosen"),
    [
        pytest.param({}, [volume()], "disk", id="one that fits"),
        pytest.param({}, [volume("big", "5Gi"), volume("small", "2Gi")], "small", id="the smallest"),
        pytest.param({}, [volume(storage="500Mi")], None, id="not a smaller one"),
        pytest.param({}, [volume(cls="other")], None, id="not of another class"),
        pytest.param({"accessModes": ["ReadWriteMany"]}, [volume()], None, id="not without the mode"),
        pytest.param({}, [volume("big", "5Gi", **RESERVED), volume()], "big", id="the reserved one"),
        pytest.param({}, [volume(**OTHERS)], None, id="not one that is reserved for another"),
        pytest.param(
            {"selector": {"matchLabels": {"disk": "ssd"}}},
            [volume("a"), volume("b", "9Gi", labels={"disk": "ssd"})],
            "b",
            id="one that is selected",
        ),
    ],
)
def test_the_best_volume(asked, volumes, chosen):
    found = best(claim(**asked), volumes)
    assert (found and name_of(found)) == chosen


def of(world, resource, name):
    return world.client.get(resource, "" if resource == VOLUMES else "default", name)


def phase(world, resource, name):
    return of(world, resource, name)["status"]["phase"]


class TestByHand:
    def test_a_claim_is_bound_to_a_volume_that_fits(self, world):
        world.create(VOLUMES, volume())
        assert phase(world, VOLUMES, "disk") == "Available"
        world.create(CLAIMS, claim())
        bound = of(world, CLAIMS, "data")
        assert bound["spec"]["volumeName"] == "disk"
        assert bound["status"] == {
            "phase": "Bound",
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
        }
        assert phase(world, VOLUMES, "disk") == "Bound"

    def test_a_claim_waits_for_its_volume(self, world):
        world.create(CLAIMS, claim())
        assert phase(world, CLAIMS, "data") == "Pending"
        world.create(VOLUMES, volume())
        assert phase(world, CLAIMS, "data") == "Bound"

    def test_a_volume_whose_claim_is_gone_is_released_and_kept(self, world):
        world.create(VOLUMES, volume())
        world.create(CLAIMS, claim())
        world.client.delete(CLAIMS, "default", "data")
        world.settle()
        assert of(world, CLAIMS, "data") is None
        assert phase(world, VOLUMES, "disk") == "Released"
        world.create(CLAIMS, claim("another"))
        assert phase(world, CLAIMS, "another") == "Pending"

    def test_a_claim_whose_volume_is_gone_is_lost(self, world):
        world.create(VOLUMES, volume())
        world.create(CLAIMS, claim())
        world.client.delete(VOLUMES, "", "disk")
        world.settle()
        assert of(world, VOLUMES, "disk") is not None, "it is in use"
        world.client.merge(VOLUMES, "", "disk", {"metadata": {"finalizers": None}})
        world.settle()
        assert phase(world, CLAIMS, "data") == "Lost"
        assert world.messages("ClaimLost")

    @pytest.mark.parametrize(
        ("cls", "reason", "message"),
        [
            pytest.param(
                "", "FailedBinding", "no persistent volumes available for this claim and", id="none"
            ),
            pytest.param(
                "x", "ProvisioningFailed", 'storageclass.storage.k8s.io "x" not found', id="unknown"
            ),
        ],
    )
    def test_why_a_claim_is_pending_is_told(self, world, cls, reason, message):
        world.create(CLAIMS, claim(cls=cls))
        assert world.messages(reason)[0].startswith(message)


class TestTheFirstConsumer:
    def test_is_waited_for(self, world):
        world.create(CLASSES, storage_class())
        world.create(CLAIMS, claim(cls="late"))
        assert world.messages("WaitForFirstConsumer") == [
            "waiting for first consumer to be created before binding"
        ]

    def test_tells_the_provisioner_its_node(self, world):
        world.node()
        world.create(CLASSES, storage_class())
        world.create(CLAIMS, claim(cls="late"))
        world.create("pods", pod())
        notes = annotations_of(of(world, CLAIMS, "data"))
        assert notes["volume.kubernetes.io/selected-node"] == "node-1"
        assert notes["volume.kubernetes.io/storage-provisioner"] == "example.com/disks"
        assert "nodeName" not in of(world, "pods", "user")["spec"]
        world.create(VOLUMES, volume(cls="late", **RESERVED))
        assert phase(world, CLAIMS, "data") == "Bound"
        assert of(world, "pods", "user")["spec"]["nodeName"] == "node-1"

    def test_takes_a_volume_that_its_node_has(self, world):
        for name in ("node-1", "node-2"):
            world.node(name)
        hostname = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-2"]}
        required = {"required": {"nodeSelectorTerms": [{"matchExpressions": [hostname]}]}}
        world.create(CLASSES, storage_class(provisioner=NONE))
        world.create(VOLUMES, volume(cls="late", nodeAffinity=required))
        world.create(CLAIMS, claim(cls="late"))
        assert phase(world, CLAIMS, "data") == "Pending"
        world.create("pods", pod())
        assert phase(world, CLAIMS, "data") == "Bound"
        assert of(world, "pods", "user")["spec"]["nodeName"] == "node-2"

    @pytest.mark.parametrize(
        ("made", "why"),
        [
            pytest.param([], 'persistentvolumeclaim "data" not found', id="no claim"),
            pytest.param(
                [(CLAIMS, claim())], "pod has unbound immediate PersistentVolumeClaims", id="no volume"
            ),
            pytest.param(
                [
                    (CLASSES, storage_class(provisioner=NONE)),
                    (CLAIMS, claim(cls="late")),
                ],
                "1 node(s) didn't find available persistent volumes to bind",
                id="no volume on any node",
            ),
        ],
    )
    def test_waits_too_and_says_why(self, world, made, why):
        world.node()
        for resource, obj in made:
            world.create(resource, obj)
        world.create("pods", pod())
        message = condition(of(world, "pods", "user"), "PodScheduled")["message"]
        assert message.startswith(f"0/1 nodes are available: {why}. ")


class TestAClaim:
    def test_is_kept_while_a_pod_uses_it(self, world):
        world.node()
        world.create(VOLUMES, volume())
        world.create(CLAIMS, claim())
        world.create("pods", pod())
        world.run_all()
        world.client.delete(CLAIMS, "default", "data")
        world.settle()
        assert "deletionTimestamp" in of(world, CLAIMS, "data")["metadata"]
        world.client.delete("pods", "default", "user")
        world.run_all()
        assert of(world, CLAIMS, "data") is None

    @pytest.mark.parametrize(
        ("cls", "given"),
        [
            pytest.param(None, "usual", id="not said"),
            pytest.param("", "", id="none"),
            pytest.param("x", "x", id="another"),
        ],
    )
    def test_is_of_the_default_class_unless_it_says_otherwise(self, world, cls, given):
        usual = storage_class("usual")
        usual["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
        world.create(CLASSES, usual)
        assert world.create(CLAIMS, claim(cls=cls))["spec"]["storageClassName"] == given

    def test_grows_only_where_its_class_allows_it(self, world):
        world.create(VOLUMES, volume())
        world.create(CLAIMS, claim())
        change = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
        with pytest.raises(ApiError, match="only dynamically provisioned pvc can be resized") as refused:
            world.client.merge(CLAIMS, "default", "data", change)
        assert refused.value.code == 403
        world.create(CLASSES, {**storage_class("manual"), "allowVolumeExpansion": True})
        world.client.merge(CLAIMS, "default", "data", change)
