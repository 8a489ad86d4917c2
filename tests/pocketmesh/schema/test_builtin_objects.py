"""Objects of built-in kinds are read, completed and judged as kube-apiserver does."""

# ruff: noqa: E501 - the server's words stay in one piece

from __future__ import annotations

import pytest

from pocketmesh.schema.errors import Undecodable

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: web, image: "docker.io/curlimages/curl:8.16.0"}]}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""


def lines(prepared):
    return [str(error) for error in prepared.errors]


def test_unknown_fields_and_nulls_and_empty_lists_go(judge):
    prepared = judge(POD.replace("name: web, image", "args: [], env: null, imagee: x, name: web, image"))
    assert prepared.unknown == ["spec.containers[0].imagee"]
    assert not {"args", "env", "imagee"} & prepared.object["spec"]["containers"][0].keys()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "selector:",
            "replicas: two\n  selector:",
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            "image: nginx",
            "image: nginx, env: [{name: A, value: 1}]",
            "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of "
            "type string",
        ),
        (
            "matchLabels: {app: web}",
            "matchLabels: [app]",
            "json: cannot unmarshal array into Go struct field LabelSelector.spec.selector.matchLabels of type "
            "map[string]string",
        ),
        (
            "image: nginx",
            "image: nginx, resources: {limits: {cpu: lots}}",
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ],
    ids=["a word for a number", "a number for a word", "a list for a map", "no quantity"],
)
def test_a_value_of_another_type_makes_the_body_unreadable(judge, old, new, message):
    with pytest.raises(Undecodable) as refusal:
        judge(DEPLOYMENT.replace(old, new, 1))
    assert str(refusal.value) == f'Deployment in version "v1" cannot be handled as a Deployment: {message}'


def test_a_deployment_is_completed(judge):
    prepared = judge(DEPLOYMENT)
    assert prepared.errors == []
    assert prepared.object["status"] == {}
    assert prepared.object["spec"] == {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "nginx",
                        "imagePullPolicy": "Always",
                        "resources": {},
                        "terminationMessagePath": "/dev/termination-log",
                        "terminationMessagePolicy": "File",
                    }
                ],
                "dnsPolicy": "ClusterFirst",
                "restartPolicy": "Always",
                "schedulerName": "default-scheduler",
                "securityContext": {},
                "terminationGracePeriodSeconds": 30,
            },
        },
    }


def test_preparing_twice_changes_nothing(judge, builtins):
    import yaml

    once = judge(DEPLOYMENT).object
    assert judge(yaml.safe_dump(once)).object == once


def test_what_admission_adds_to_a_pod_is_no_default(judge):
    spec = judge(POD).object["spec"]
    assert not {"serviceAccountName", "serviceAccount", "tolerations", "priority"} & spec.keys()


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("localhost:5000/nginx", "Always"),
        ("nginx@sha256:0123", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(judge, image, policy):
    pod = judge(POD.replace("docker.io/curlimages/curl:8.16.0", image)).object
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_a_service_is_completed(judge):
    spec = judge(SERVICE).object["spec"]
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert (spec["type"], spec["sessionAffinity"], spec["internalTrafficPolicy"]) == (
        "ClusterIP",
        "None",
        "Cluster",
    )


def test_a_namespace_is_labelled_with_its_name(judge):
    namespace = judge("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}").object
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "shop"}
    assert (namespace["spec"], namespace["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})


def test_plain_text_of_a_secret_is_encoded(judge):
    secret = judge("{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: hello}}").object
    assert (secret["type"], secret["data"]) == ("Opaque", {"a": "aGVsbG8="})
    assert "stringData" not in secret


def test_a_network_policy_is_about_what_it_has_rules_for(judge):
    policy = judge(
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: {egress: [{}]}}"
    ).object
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.parametrize(
    ("manifest", "line"),
    [
        (
            DEPLOYMENT.replace("labels: {app: web}", "labels: {app: wbe}"),
            'spec.template.metadata.labels: Invalid value: {"app":"wbe"}: `selector` does not match template `labels`',
        ),
        (DEPLOYMENT.replace("selector: {matchLabels: {app: web}}", ""), "spec.selector: Required value"),
        (
            DEPLOYMENT.replace("matchLabels: {app: web}", ""),
            "spec.selector: Invalid value: {}: empty selector is invalid for deployment",
        ),
        (DEPLOYMENT.replace(", image: nginx", ""), "spec.template.spec.containers[0].image: Required value"),
        (
            DEPLOYMENT.replace("image: nginx", "image: nginx, volumeMounts: [{name: v, mountPath: /v}]"),
            'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "v"',
        ),
        (
            POD.replace("name: web, image", "name: w_b, image"),
            'spec.containers[0].name: Invalid value: "w_b": a lowercase RFC 1123 label must consist of lower case '
            "alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  "
            "or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
        ),
        (
            POD.replace("[{name: web", "[{ports: [{}], name: web"),
            "spec.containers[0].ports[0].containerPort: Required value",
        ),
        (SERVICE.replace("ports: [{port: 80}]", ""), "spec.ports: Required value"),
        (
            SERVICE.replace("{port: 80}", "{port: 80}, {port: 81}"),
            "spec.ports[0].name: Required value",
        ),
        (
            SERVICE.replace("port: 80", "port: 0"),
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
        (
            SERVICE.replace("spec: {", "spec: {type: Public, "),
            'spec.type: Unsupported value: "Public": supported values: "ClusterIP", "ExternalName", "LoadBalancer", '
            '"NodePort"',
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {}}",
            "metadata.name: Required value: name or generateName is required",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, labels: {a: -}}}".replace("-", "b c"),
            'metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
            "'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
        (
            f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c, annotations: {{a: {'x' * 262144}}}}}}}",
            "metadata.annotations: Too long: may not be more than 262144 bytes",
        ),
        (
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r}, rules: [{resources: [pods]}]}",
            "rules[0].verbs: Required value: verbs must contain at least one value",
        ),
    ],
)
def test_what_is_wrong_is_told_as_upstream_does(judge, manifest, line):
    assert line in lines(judge(manifest))


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            DEPLOYMENT,
            DEPLOYMENT.replace("app: web", "app: shop"),
            'spec.selector: Invalid value: {"matchLabels":{"app":"shop"}}: field is immutable',
        ),
        (
            POD,
            POD.replace("spec: {", "spec: {hostNetwork: true, "),
            "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
            "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
            '@@ -11,7 +11,6 @@\n   ],\n   "dnsPolicy": "ClusterFirst",\n   "enableServiceLinks": true,\n-  "hostNetwork": true,\n'
            '   "restartPolicy": "Always",\n   "schedulerName": "default-scheduler",\n   "securityContext": {},',
        ),
        (
            SERVICE.replace("spec: {", "spec: {clusterIP: 10.96.0.7, clusterIPs: [10.96.0.7], "),
            SERVICE.replace("spec: {", "spec: {clusterIP: 10.96.0.8, clusterIPs: [10.96.0.8], "),
            'spec.clusterIPs[0]: Invalid value: ["10.96.0.8"]: may not change once set',
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}, immutable: true}",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: c}, immutable: true}",
            "data: Forbidden: field is immutable when `immutable` is set",
        ),
    ],
    ids=["selector", "pod", "cluster IP", "config map"],
)
def test_what_may_not_change_is_told(judge, old, new, line):
    assert line in lines(judge(new, old))


def test_an_image_of_a_running_pod_may_change(judge):
    assert judge(POD.replace("8.16.0", "8.17.0"), POD).errors == []
