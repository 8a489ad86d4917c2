"""What istiod deploys for a Gateway: a ServiceAccount, a Deployment and a Service.

Upstream: istio/istio manifests/charts/istio-control/istio-discovery/files/{waypoint,kube-gateway}.yaml and
pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go.
"""

from __future__ import annotations

from typing import Any, Final

from pocketmesh.istio.gateway_api.classes import ClassInfo
from pocketmesh.istio.istiod.placement import deployed_name
from pocketmesh.istio.settings import Settings
from pocketmesh.istio.waypoints import GATEWAY_MANAGED, GATEWAY_NAME
from pocketmesh.objects import Object, annotations_of, labels_of, name_of, namespace_of, uid_of
from pocketmesh.versions import ISTIO

CONTROLLER_VERSION: Final = "gateway.istio.io/controller-version"
IMAGE: Final = f"registry.istio.io/release/proxyv2:{ISTIO}-distroless"

_CLASS_NAME: Final = "gateway.networking.k8s.io/gateway-class-name"
_SERVICE_ACCOUNT: Final = "gateway.istio.io/service-account"
_OWN_ANNOTATIONS: Final = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "gateway.istio.io/name-override",
        _SERVICE_ACCOUNT,
        CONTROLLER_VERSION,
    }
)


def generated(gateway: Object, info: ClassInfo, settings: Settings) -> list[Object]:
    """The objects for a Gateway, in the order in which they are applied.

    An account that the Gateway names by annotation is somebody else's, and not among them.
    """
    labels, annotations = _labels(gateway, info), _annotations(gateway)
    meta: Object = {
        "namespace": namespace_of(gateway),
        "labels": labels,
        **({"annotations": annotations} if annotations else {}),
        "ownerReferences": [
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "Gateway",
                "name": name_of(gateway),
                "uid": uid_of(gateway),
            }
        ],
    }
    name = deployed_name(gateway, info)
    account = annotations_of(gateway).get(_SERVICE_ACCOUNT) or name
    selector = {GATEWAY_NAME: name_of(gateway)}
    service_meta: Object = {**meta, "name": name}
    if info.template == "waypoint":
        preference = {"networking.istio.io/traffic-distribution": "PreferClose"}
        service_meta["annotations"] = {**annotations, **preference}
    objects: list[Object] = [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**meta, "name": name},
            "spec": {
                "selector": {"matchLabels": selector},
                "template": {
                    "metadata": {
                        "labels": {
                            **labels,
                            "sidecar.istio.io/inject": "false",
                            "istio.io/dataplane-mode": labels.get("istio.io/dataplane-mode", "none"),
                            "service.istio.io/canonical-name": name,
                            "service.istio.io/canonical-revision": "latest",
                        },
                        "annotations": {
                            **annotations,
                            "istio.io/rev": settings.revision,
                            "prometheus.io/path": "/stats/prometheus",
                            "prometheus.io/port": "15020",
                            "prometheus.io/scrape": "true",
                        },
                    },
                    "spec": _pod(gateway, name, account, info, settings),
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": service_meta,
            "spec": {
                "type": annotations_of(gateway).get("networking.istio.io/service-type") or info.service_type,
                "ipFamilyPolicy": "PreferDualStack",
                "ports": _ports(gateway),
                "selector": selector,
                **_requested_address(gateway),
            },
        },
    ]
    if account == name:
        objects.insert(0, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**meta, "name": name}})
    return objects


def _labels(gateway: Object, info: ClassInfo) -> dict[str, str]:
    infrastructure = gateway["spec"].get("infrastructure") or {}
    given = infrastructure["labels"] if "labels" in infrastructure else labels_of(gateway)
    own = {"istio.io/dataplane-mode": "none"} if info.template == "router" else {}
    return {
        **own,
        **given,
        GATEWAY_NAME: name_of(gateway),
        _CLASS_NAME: gateway["spec"]["gatewayClassName"],
        GATEWAY_MANAGED: info.managed,
    }


def _annotations(gateway: Object) -> dict[str, str]:
    infrastructure = gateway["spec"].get("infrastructure") or {}
    given = infrastructure["annotations"] if "annotations" in infrastructure else annotations_of(gateway)
    return {key: value for key, value in given.items() if key not in _OWN_ANNOTATIONS}


def _ports(gateway: Object) -> list[Object]:
    ports = [{"name": "status-port", "port": 15021, "protocol": "TCP", "appProtocol": "tcp"}]
    for listener in gateway["spec"].get("listeners") or []:
        if all(port["port"] != listener["port"] for port in ports):
            protocol = listener["protocol"].lower()
            ports.append(
                {
                    "name": listener["name"],
                    "port": listener["port"],
                    "protocol": "TCP",
                    "appProtocol": protocol,
                }
            )
    return ports


def _requested_address(gateway: Object) -> Object:
    addresses = gateway["spec"].get("addresses") or []
    return {"loadBalancerIP": addresses[0]["value"]} if addresses else {}


def _pod(gateway: Object, name: str, account: str, info: ClassInfo, settings: Settings) -> Object:
    arguments = ["proxy", info.template, "--domain", f"$(POD_NAMESPACE).svc.{settings.domain}"]
    if info.template == "waypoint":
        arguments += ["--serviceCluster", f"{name_of(gateway)}.$(POD_NAMESPACE)"]
    arguments += ["--proxyLogLevel", "warning", "--proxyComponentLogLevel", "misc:error"]
    return {
        "serviceAccountName": account,
        "terminationGracePeriodSeconds": 30,
        "containers": [
            {
                "name": "istio-proxy",
                "image": IMAGE,
                "args": [*arguments, "--log_output_level", "default:info"],
                "env": _environment(gateway, name, settings),
                "ports": [
                    {"name": "metrics", "containerPort": 15020, "protocol": "TCP"},
                    {"name": "status-port", "containerPort": 15021, "protocol": "TCP"},
                    {"name": "http-envoy-prom", "containerPort": 15090, "protocol": "TCP"},
                ],
                "resources": {
                    "requests": {"cpu": "100m", "memory": "128Mi"},
                    "limits": {"cpu": "2", "memory": "1Gi"},
                },
                # Upstream waits a second before the first look; this Envoy is up long before that.
                "startupProbe": _probe(failureThreshold=30, periodSeconds=1),
                "readinessProbe": _probe(failureThreshold=4, periodSeconds=15),
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "privileged": False,
                    "readOnlyRootFilesystem": True,
                    "runAsGroup": 1337,
                    "runAsNonRoot": True,
                    "runAsUser": 1337,
                },
                "volumeMounts": [
                    {"name": "istiod-ca-cert", "mountPath": "/var/run/secrets/istio"},
                    {"name": "istio-data", "mountPath": "/var/lib/istio/data"},
                    {"name": "istio-envoy", "mountPath": "/etc/istio/proxy"},
                    {"name": "istio-token", "mountPath": "/var/run/secrets/tokens"},
                ],
            }
        ],
        "volumes": [
            {"name": "istio-envoy", "emptyDir": {"medium": "Memory"}},
            {"name": "istio-data", "emptyDir": {}},
            {
                "name": "istio-token",
                "projected": {
                    "sources": [
                        {
                            "serviceAccountToken": {
                                "audience": "istio-ca",
                                "expirationSeconds": 43200,
                                "path": "istio-token",
                            }
                        }
                    ]
                },
            },
            {"name": "istiod-ca-cert", "configMap": {"name": "istio-ca-root-cert"}},
        ],
    }


def _probe(**timing: int) -> Object:
    request: dict[str, Any] = {"path": "/healthz/ready", "port": 15021, "scheme": "HTTP"}
    return {"httpGet": request, "successThreshold": 1, "timeoutSeconds": 1, **timing}


def _environment(gateway: Object, name: str, settings: Settings) -> list[Object]:
    namespace = namespace_of(gateway)
    fields = {
        "POD_NAME": "metadata.name",
        "POD_NAMESPACE": "metadata.namespace",
        "INSTANCE_IP": "status.podIP",
        "HOST_IP": "status.hostIP",
        "SERVICE_ACCOUNT": "spec.serviceAccountName",
        "ISTIO_META_NODE_NAME": "spec.nodeName",
    }
    values = {
        "PILOT_CERT_PROVIDER": "istiod",
        "CA_ADDR": f"istiod.{settings.root_namespace}.svc:15012",
        "ISTIO_META_CLUSTER_ID": "Kubernetes",
        "ISTIO_META_WORKLOAD_NAME": name,
        "ISTIO_META_OWNER": f"kubernetes://apis/apps/v1/namespaces/{namespace}/deployments/{name}",
        "ISTIO_META_MESH_ID": "cluster.local",
        "TRUST_DOMAIN": "cluster.local",
    }
    from_fields = [
        {"name": key, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
        for key, path in fields.items()
    ]
    return [*from_fields, *({"name": key, "value": value} for key, value in values.items())]
