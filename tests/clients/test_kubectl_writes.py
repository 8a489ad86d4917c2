"""What kubectl changes, and how it is told that it may not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %(plural)s.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: %(plural)s, singular: widget, kind: %(kind)s}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        description: A thing that turns.
        properties:
          spec:
            type: object
            properties:
              size: {type: integer, description: How big it is., minimum: 1}
"""


def test_creating_says_what_was_created(kubectl: Any) -> None:
    said = [
        kubectl("create", "deployment", "d", "--image=busybox"),
        kubectl("create", "configmap", "c", "--from-literal=a=b"),
        kubectl("create", "secret", "generic", "s", "--from-literal=a=b"),
        kubectl("create", "serviceaccount", "a"),
        kubectl("create", "service", "clusterip", "v", "--tcp=80"),
        kubectl("create", "role", "r", "--verb=get", "--resource=pods"),
        kubectl("create", "rolebinding", "b", "--role=r", "--serviceaccount=default:default"),
    ]

    assert "".join(said).split("\n")[:-1] == [
        "deployment.apps/d created",
        "configmap/c created",
        "secret/s created",
        "serviceaccount/a created",
        "service/v created",
        "role.rbac.authorization.k8s.io/r created",
        "rolebinding.rbac.authorization.k8s.io/b created",
    ]


def test_a_secret_keeps_its_bytes(kubectl: Any) -> None:
    kubectl("create", "secret", "generic", "s", "--from-literal=word=hunter2")

    assert kubectl("get", "secret", "s", "-o", "jsonpath={.data.word} {.type}") == "aHVudGVyMg== Opaque"


def test_a_token_lets_its_account_in(kubectl: Any) -> None:
    if kubectl.minor < 24:
        pytest.skip("kubectl create token came with 1.24")
    token = kubectl("create", "token", "default").strip()
    account = f"system:serviceaccount:{kubectl.namespace}:default"

    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    answer = json.loads(kubectl("create", "-o", "json", "-f", "-", stdin=json.dumps(review)))

    assert answer["status"]["authenticated"] is True
    assert answer["status"]["user"]["username"] == account


def test_apply_creates_then_changes_then_leaves_alone(kubectl: Any, web: str) -> None:
    again = kubectl("apply", "-f", "-", stdin=web)
    changed = kubectl("apply", "-f", "-", stdin=web.replace("replicas: 2", "replicas: 3"))

    assert again.splitlines() == ["deployment.apps/web unchanged", "service/web unchanged"]
    assert changed.splitlines() == ["deployment.apps/web configured", "service/web unchanged"]
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "3"


def test_apply_removes_what_the_file_no_longer_says(kubectl: Any, web: str) -> None:
    kubectl("apply", "-f", "-", stdin=web.replace("labels: {app: web}", "labels: {app: web, tier: front}", 1))
    kubectl("apply", "-f", "-", stdin=web)

    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.metadata.labels}") == '{"app":"web"}'


def test_diff_shows_what_apply_would_change(kubectl: Any, web: str) -> None:
    same = kubectl.run("diff", "-f", "-", stdin=web)
    other = kubectl.run("diff", "-f", "-", stdin=web.replace("replicas: 2", "replicas: 3"))

    assert (same.returncode, same.stdout) == (0, "")
    assert other.returncode == 1
    assert "-  replicas: 2\n+  replicas: 3\n" in other.stdout


def test_server_side_apply_names_who_owns_a_field(kubectl: Any) -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '%s'}\n"
    kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=config % 1)

    refused = kubectl.run("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=config % 2)
    forced = kubectl(
        "apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=config % 2
    )

    assert refused.returncode == 1
    assert 'Apply failed with 1 conflict: conflict with "one": .data.a' in refused.stderr
    assert forced == "configmap/c serverside-applied\n"


@pytest.mark.parametrize("how", ["client", "server"])
def test_a_dry_run_changes_nothing(kubectl: Any, how: str) -> None:
    said = kubectl("create", "configmap", "c", f"--dry-run={how}")

    assert "dry run" in said
    assert kubectl.run("get", "configmap", "c").returncode == 1


def test_a_mistyped_field_is_named(kubectl: Any, manifest: str) -> None:
    done = kubectl.run("create", "-f", "-", stdin=manifest.replace("replicas:", "replicass:"))

    assert done.returncode == 1
    assert 'unknown field "spec.replicass"' in done.stderr or 'unknown field "replicass"' in done.stderr


def test_an_invalid_value_is_named(kubectl: Any, manifest: str) -> None:
    done = kubectl.run("create", "-f", "-", stdin=manifest.replace("name: web", "name: Web_1", 1))

    assert done.returncode == 1
    assert 'The Deployment "Web_1" is invalid: metadata.name: Invalid value: "Web_1"' in done.stderr


@pytest.mark.parametrize(
    ("command", "path", "expected"),
    [
        ("label configmap c color=blue", "{.metadata.labels.color}", "blue"),
        ("annotate configmap c note=yes", "{.metadata.annotations.note}", "yes"),
        ('patch configmap c -p {"data":{"b":"2"}}', "{.data}", '{"a":"1","b":"2"}'),
        ('patch configmap c --type=merge -p {"data":{"a":null}}', "{.data}", ""),
        (
            'patch configmap c --type=json -p [{"op":"replace","path":"/data/a","value":"3"}]',
            "{.data.a}",
            "3",
        ),
    ],
)
def test_a_change_is_there_afterwards(kubectl: Any, command: str, path: str, expected: str) -> None:
    kubectl("create", "configmap", "c", "--from-literal=a=1")

    kubectl(*command.split())

    assert kubectl("get", "configmap", "c", "-o", f"jsonpath={path}") == expected


def test_a_strategic_patch_merges_containers_by_name(kubectl: Any, web: str) -> None:
    patch = '{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"A","value":"1"}]}]}}}}'

    kubectl("patch", "deployment", "web", "-p", patch)

    path = "{.spec.template.spec.containers[*].name} {.spec.template.spec.containers[0].env[0].value}"
    assert kubectl("get", "deployment", "web", "-o", f"jsonpath={path}") == "app 1"


def test_edit_goes_through_an_editor(kubectl: Any, tmp_path: Path) -> None:
    kubectl("create", "configmap", "c", "--from-literal=color=blue")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed \'s/color: blue/color: red/\' "$1" > "$1.new" && mv "$1.new" "$1"\n')
    editor.chmod(0o700)

    said = kubectl("edit", "configmap", "c", EDITOR=str(editor))

    assert said == "configmap/c edited\n"
    assert kubectl("get", "configmap", "c", "-o", "jsonpath={.data.color}") == "red"


def test_replacing_a_stale_object_is_a_conflict(kubectl: Any) -> None:
    kubectl("create", "configmap", "c", "--from-literal=a=1")
    stale = kubectl("get", "configmap", "c", "-o", "yaml")
    kubectl("label", "configmap", "c", "x=y")

    done = kubectl.run("replace", "-f", "-", stdin=stale)

    assert done.returncode == 1
    assert "the object has been modified; please apply your changes to the latest version" in done.stderr


def test_scale_and_rollout(kubectl: Any, web: str) -> None:
    kubectl("scale", "deployment", "web", "--replicas=3")
    kubectl("wait", "deployment/web", "--for=condition=Available", "--timeout=20s")
    kubectl("rollout", "restart", "deployment/web")

    said = kubectl("rollout", "status", "deployment/web", "--timeout=20s")

    assert "successfully rolled out" in said
    assert len(kubectl("rollout", "history", "deployment/web").splitlines()) == 5


def test_delete_waits_until_it_is_gone(kubectl: Any, web: str) -> None:
    kubectl("delete", "deployment,service", "web")

    assert kubectl.run("get", "deployment", "web").returncode == 1


def test_delete_waits_for_finalizers(kubectl: Any) -> None:
    held = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, finalizers: [example.com/held]}\n"
    kubectl("create", "-f", "-", stdin=held)
    with kubectl.running("delete", "configmap", "c") as deleting:
        assert deleting.stdout.readline() == 'configmap "c" deleted\n'
        kubectl("patch", "configmap", "c", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')

        assert deleting.wait(timeout=20) == 0


def test_a_namespace_goes_with_all_it_holds(kubectl: Any, web: str) -> None:
    kubectl("delete", "namespace", kubectl.namespace, "--timeout=20s")

    assert kubectl("get", "all", "--ignore-not-found") == ""


def test_a_custom_resource_is_a_resource(kubectl: Any) -> None:
    plural = f"w{kubectl.namespace.removeprefix('test-')}s"
    kind = plural.capitalize()
    kubectl("apply", "-f", "-", stdin=CRD % {"plural": plural, "kind": kind})
    kubectl("wait", "--for=condition=Established", f"crd/{plural}.example.com", "--timeout=20s")
    one = f"apiVersion: example.com/v1\nkind: {kind}\nmetadata: {{name: one}}\nspec: {{size: 3}}\n"
    kubectl("apply", "-f", "-", stdin=one)

    shown = kubectl("get", plural).split()
    explained = kubectl("explain", f"{plural}.spec.size")
    invalid = kubectl.run("apply", "-f", "-", stdin=one.replace("size: 3", "size: 0"))
    unknown = kubectl.run("apply", "-f", "-", stdin=one.replace("size", "sise"))

    assert shown == ["NAME", "SIZE", "one", "3"]
    assert "How big it is." in explained
    assert "spec.size in body should be greater than or equal to 1" in invalid.stderr
    assert 'unknown field "spec.sise"' in unknown.stderr or 'unknown field "sise"' in unknown.stderr
    kubectl("delete", "crd", f"{plural}.example.com")
    assert kubectl.run("get", plural).returncode == 1
