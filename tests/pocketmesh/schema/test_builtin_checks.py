"""What is wrong with objects of the built-in kinds, in upstream's words."""

# ruff: noqa: E501 - the server's words stay in one piece

from __future__ import annotations

from typing import Any

import pytest
import yaml

from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.schema.prepare import prepare

KINDS = Kinds(builtin_kinds())
HEADS = {
    "policy": "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a}, spec: %s}",
    "ingress": "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: %s}",
    "autoscaler": "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: %s}",
    "budget": "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}, spec: %s}",
    "quota": "{apiVersion: v1, kind: ResourceQuota, metadata: {name: a}, spec: %s}",
    "limits": "{apiVersion: v1, kind: LimitRange, metadata: {name: a}, spec: {limits: [%s]}}",
    "claim": "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: %s}",
    "slice": "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a}, %s}",
    "webhook": "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: a}, webhooks: [%s]}",
}
HOOK = "name: a.b.c, sideEffects: None, admissionReviewVersions: [v1], clientConfig: {url: 'https://a'}"


def said(head: str, body: str, old: str = "") -> list[str]:
    objects: list[Any] = [yaml.safe_load(HEADS[head] % text) for text in (body, old) if text]
    kind = KINDS.of(objects[0]["apiVersion"], objects[0]["kind"])
    assert kind is not None
    before = prepare(kind, objects[1]).object if old else None
    return [str(error) for error in prepare(kind, objects[0], before).errors]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (
            "policy",
            "{podSelector: {}, ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: http}, {port: 1, endPort: 9}]}]}",
        ),
        (
            "ingress",
            "{rules: [{host: '*.example.com', http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]}",
        ),
        ("autoscaler", "{scaleTargetRef: {kind: Deployment, name: a}, maxReplicas: 3}"),
        ("budget", "{minAvailable: 50%, selector: {}}"),
        (
            "quota",
            "{hard: {pods: 3, requests.cpu: 1, count/deployments.apps: 1, requests.nvidia.com/gpu: 1}}",
        ),
        ("limits", "{type: Container, min: {cpu: 100m}, default: {cpu: 200m}, max: {cpu: 1}}"),
        ("claim", "{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}"),
        (
            "slice",
            "addressType: IPv4, endpoints: [{addresses: [10.1.2.3]}], ports: [{port: 80}, {name: b, port: 81}]",
        ),
        (
            "webhook",
            f"{{{HOOK}, rules: [{{apiGroups: ['*'], apiVersions: ['*'], operations: [CREATE], resources: [pods, '*/status']}}]}}",
        ),
    ],
)
def test_nothing_is_wrong_with(head, body):
    assert said(head, body) == []


@pytest.mark.parametrize(
    ("head", "body", "line"),
    [
        (
            "policy",
            "{podSelector: {}, ingress: [{from: [{}]}]}",
            "spec.ingress[0].from[0]: Required value: must specify a peer",
        ),
        (
            "policy",
            "{podSelector: {}, egress: [{to: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]}",
            "spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer",
        ),
        (
            "policy",
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: ten}}]}]}",
            'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "ten": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
        ),
        (
            "policy",
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/16, except: [10.0.0.0/8]}}]}]}",
            'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
        ),
        (
            "policy",
            "{podSelector: {}, ingress: [{ports: [{port: 80, endPort: 79}]}]}",
            "spec.ingress[0].ports[0].endPort: Invalid value: 79: must be greater than or equal to `port`",
        ),
        (
            "policy",
            "{podSelector: {}, ingress: [{ports: [{protocol: ICMP}]}]}",
            'spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
        ),
        (
            "policy",
            "{podSelector: {}, policyTypes: [Both]}",
            'spec.policyTypes[0]: Unsupported value: "Both": supported values: "Ingress", "Egress"',
        ),
        ("ingress", "{}", "spec: Invalid value: []: either `defaultBackend` or `rules` must be specified"),
        (
            "ingress",
            "{rules: [{host: 10.0.0.1, http: {paths: [{path: /, pathType: Exact, backend: {service: {name: a, port: {name: b}}}}]}}]}",
            'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
        ),
        (
            "ingress",
            "{rules: [{http: {paths: [{path: a, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]}",
            'spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path',
        ),
        (
            "ingress",
            "{rules: [{http: {paths: [{path: /, backend: {service: {name: a, port: {number: 80}}}}]}}]}",
            "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
        ),
        (
            "ingress",
            "{defaultBackend: {service: {name: a}}}",
            "spec.defaultBackend: Required value: port name or number is required",
        ),
        (
            "ingress",
            "{defaultBackend: {service: {name: a, port: {name: b, number: 1}}}}",
            'spec.defaultBackend: Invalid value: "": cannot set both port name & port number',
        ),
        (
            "autoscaler",
            "{scaleTargetRef: {kind: Deployment, name: a}, minReplicas: 4, maxReplicas: 3}",
            "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
        ),
        (
            "autoscaler",
            "{scaleTargetRef: {name: a}, maxReplicas: 1}",
            "spec.scaleTargetRef.kind: Required value",
        ),
        (
            "autoscaler",
            "{scaleTargetRef: {kind: D, name: a}, maxReplicas: 1, metrics: [{type: Resource}]}",
            "spec.metrics[0].resource: Required value: must populate information for the given metric source",
        ),
        (
            "autoscaler",
            "{scaleTargetRef: {kind: D, name: a}, maxReplicas: 1, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization}}}]}",
            "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization",
        ),
        (
            "budget",
            "{minAvailable: 1, maxUnavailable: 1}",
            "minAvailable and maxUnavailable cannot be both set",
        ),
        (
            "budget",
            "{minAvailable: 101%}",
            'spec.minAvailable: Invalid value: "101%": must not be greater than 100%',
        ),
        (
            "budget",
            "{maxUnavailable: -1}",
            "spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            "quota",
            "{hard: {cars: 1}}",
            'spec.hard[cars]: Invalid value: "cars": must be a standard resource for quota',
        ),
        (
            "quota",
            "{hard: {pods: -1}}",
            'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0',
        ),
        ("quota", "{hard: {pods: 1}, scopes: [BestEffort, NotBestEffort]}", "conflicting scopes"),
        (
            "limits",
            "{type: Container, min: {cpu: 2}, max: {cpu: 1}}",
            'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
        ),
        (
            "limits",
            "{type: Pod, default: {cpu: 1}}",
            "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
        ),
        (
            "claim",
            "{resources: {requests: {storage: 1Gi}}}",
            "spec.accessModes: Required value: at least 1 access mode is required",
        ),
        ("claim", "{accessModes: [ReadWriteOnce]}", "spec.resources[storage]: Required value"),
        (
            "claim",
            "{accessModes: [Everybody], resources: {requests: {storage: 1Gi}}}",
            'spec.accessModes: Unsupported value: "Everybody": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
        ),
        (
            "slice",
            "addressType: IPv4, endpoints: [{addresses: ['::1']}]",
            'endpoints[0].addresses[0]: Invalid value: "::1": must be a valid IPv4 address',
        ),
        (
            "slice",
            "addressType: IPv4, endpoints: [{addresses: [127.0.0.1]}]",
            "may not be in the loopback range (127.0.0.0/8, ::1/128)",
        ),
        (
            "slice",
            "addressType: IPv4, endpoints: [{addresses: []}]",
            "endpoints[0].addresses: Required value: must contain at least 1 address",
        ),
        ("slice", "endpoints: []", "addressType: Required value"),
        (
            "webhook",
            "{name: a.b.c, sideEffects: None, admissionReviewVersions: [v1]}",
            "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
        ),
        (
            "webhook",
            "{name: a, sideEffects: None, admissionReviewVersions: [v1], clientConfig: {url: 'https://a'}}",
            'webhooks[0].name: Invalid value: "a": should be a domain with at least three segments separated by dots',
        ),
        (
            "webhook",
            "{name: a.b.c, admissionReviewVersions: [v1], clientConfig: {url: 'https://a'}}",
            "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
        ),
        (
            "webhook",
            "{name: a.b.c, sideEffects: None, clientConfig: {url: 'https://a'}}",
            "webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1",
        ),
        (
            "webhook",
            f"{{{HOOK}, timeoutSeconds: 31}}",
            "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
        ),
        (
            "webhook",
            f"{{{HOOK}, rules: [{{apiGroups: ['*', apps], apiVersions: [v1], operations: [CREATE], resources: [pods]}}]}}",
            "if '*' is present, must not specify other API groups",
        ),
        ("webhook", f"{{{HOOK}}}, {{{HOOK}}}", 'webhooks[1].name: Duplicate value: "a.b.c"'),
    ],
)
def test_what_is_wrong_is_told(head, body, line):
    found = said(head, body)
    assert any(line in each for each in found), found


@pytest.mark.parametrize(
    ("head", "old", "new", "line"),
    [
        (
            "slice",
            "addressType: IPv4",
            "addressType: IPv6",
            'addressType: Invalid value: "IPv6": field is immutable',
        ),
        (
            "quota",
            "{scopes: [BestEffort]}",
            "{scopes: [Terminating]}",
            'spec.scopes: Invalid value: ["Terminating"]: field is immutable',
        ),
        (
            "claim",
            "{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}",
            "{accessModes: [ReadOnlyMany], resources: {requests: {storage: 1Gi}}}",
            "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
        ),
    ],
)
def test_what_stays_is_told(head, old, new, line):
    found = said(head, new, old)
    assert any(line in each for each in found), found
