"""Tokens, external authorization and NetworkPolicies, with kubectl and curl in a pod, as in Istio's tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from .conftest import DEADLINE, Kubectl, wait_for

ISSUER = "https://kubernetes.default.svc.cluster.local"
TARGET = {"kind": "Service", "group": "", "name": "hello"}
SECURITY = "security.istio.io/v1"
HELLO = "http://hello:5000/hello"


class Town:
    """A namespace of the mesh: a server behind a waypoint, an authorizer, and a pod to call from."""

    def __init__(self, kubectl: Kubectl, directory: Path) -> None:
        self.kubectl = kubectl
        self._file = directory / "object.json"
        kubectl("label", "namespace", kubectl.namespace, "istio.io/dataplane-mode=ambient")
        self.pod("curl", "curlimages/curl", command=["sleep", "infinity"])
        self.pod("hello", "istio/examples-helloworld-v1")
        self.pod("ext-authz", "istio/ext-authz")
        self.service("hello", 5000, **{"istio.io/use-waypoint": "waypoint"})
        self.service("ext-authz", 8000)
        listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
        gateway = {"gatewayClassName": "istio-waypoint", "listeners": [listener]}
        self.apply("gateway.networking.k8s.io/v1", "Gateway", "waypoint", gateway)
        kubectl("wait", "--for=condition=Programmed", "gtw/waypoint", f"--timeout={DEADLINE}s")
        kubectl("wait", "--for=condition=Ready", "pod", "--all", f"--timeout={DEADLINE}s")

    def apply(self, version: str, kind: str, name: str, spec: object, **labels: str) -> None:
        meta = {"name": name, "labels": labels}
        obj = {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}
        self._file.write_bytes(orjson.dumps(obj))
        self.kubectl("apply", "-f", str(self._file))

    def pod(self, name: str, image: str, **container: object) -> None:
        container = {"name": "app", "image": image, **container}
        self.apply("v1", "Pod", name, {"containers": [container]}, app=name)

    def service(self, name: str, port: int, **labels: str) -> None:
        ports = [{"name": "http", "port": port}]
        self.apply("v1", "Service", name, {"selector": {"app": name}, "ports": ports}, **labels)

    def curl(self, *words: str) -> str:
        return self.kubectl("exec", "curl", "--", "curl", "-s", *words)

    def code(self, *words: str) -> str:
        return self.curl("-o", "/dev/null", "-w", "%{http_code}", *words)

    def failure(self, *words: str) -> str:
        """What a shell in the pod says that curl's exit code is."""
        command = f"curl -s -o /dev/null {' '.join(words)}; echo $?"
        return self.kubectl("exec", "curl", "--", "sh", "-c", command).strip()


@pytest.fixture(scope="module")
def namespace(
    in_new_namespace: Callable[[], Kubectl], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    kubectl = in_new_namespace()
    yield Town(kubectl, tmp_path_factory.mktemp("security"))
    kubectl("delete", "namespace", kubectl.namespace, "--wait=false")


@pytest.fixture
def town(namespace: Town) -> Iterator[Town]:
    yield namespace
    kinds = "authorizationpolicies,requestauthentications,networkpolicies"
    namespace.kubectl("delete", kinds, "--all")
    wait_for(lambda: namespace.code(HELLO) == "200")


def test_the_clusters_own_tokens_are_validated_with_its_keys(town: Town) -> None:
    if town.kubectl.minor < 24:
        pytest.skip("needs kubectl 1.24: `create token` is new")
    keys = town.kubectl("get", "--raw", "/openid/v1/jwks")
    rule = {"issuer": ISSUER, "jwks": keys}
    town.apply(SECURITY, "RequestAuthentication", "tokens", {"targetRefs": [TARGET], "jwtRules": [rule]})
    subject = f"{ISSUER}/system:serviceaccount:{town.kubectl.namespace}:default"
    rules = [{"from": [{"source": {"requestPrincipals": [subject]}}]}]
    town.apply(SECURITY, "AuthorizationPolicy", "token", {"targetRefs": [TARGET], "rules": rules})
    token = town.kubectl("create", "token", "default").strip()
    bearer = ("-H", f"Authorization: Bearer {token}")

    wait_for(lambda: town.curl(HELLO) == "RBAC: access denied")

    assert town.curl(*bearer, HELLO).startswith("Hello version: v1")
    assert (
        town.curl("-H", "Authorization: Bearer x.y.z", HELLO) == "Jwt header is an invalid Base64url encoded"
    )


def test_an_authorizer_of_the_mesh_configuration_is_asked(town: Town) -> None:
    service = f"ext-authz.{town.kubectl.namespace}.svc.cluster.local"
    kind = {"service": service, "port": 8000, "includeRequestHeadersInCheck": ["x-ext-authz"]}
    config = orjson.loads(town.kubectl("get", "cm", "istio", "-n", "istio-system", "-o", "json"))
    provider = orjson.dumps([{"name": "tests", "envoyExtAuthzHttp": kind}]).decode()
    mesh = {"data": {"mesh": f"{config['data']['mesh']}\nextensionProviders: {provider}\n"}}
    town.kubectl("patch", "cm", "istio", "-n", "istio-system", "-p", orjson.dumps(mesh).decode())
    custom = {"targetRefs": [TARGET], "action": "CUSTOM", "provider": {"name": "tests"}, "rules": [{}]}
    town.apply(SECURITY, "AuthorizationPolicy", "custom", custom)

    wait_for(lambda: town.code(HELLO) == "403")

    assert town.curl(HELLO).startswith("denied by ext_authz")
    assert town.code("-H", "x-ext-authz: allow", HELLO) == "200"


def isolated(pod: str, direction: str, *ports: int) -> dict[str, object]:
    rules = [{"ports": [{"port": port}]} for port in ports]
    selector = {"matchLabels": {"app": pod}}
    return {"podSelector": selector, "policyTypes": [direction], direction.lower(): rules}


def test_a_network_policy_for_the_applications_port_breaks_the_mesh(town: Town) -> None:
    kind = ("networking.k8s.io/v1", "NetworkPolicy", "hello")
    town.apply(*kind, isolated("hello", "Ingress", 5000))

    assert town.code(HELLO) == "503"

    town.apply(*kind, isolated("hello", "Ingress", 15008))

    assert town.code(HELLO) == "200"


def test_a_pod_without_egress_reaches_nothing_and_resolves_only_what_ztunnel_knows(town: Town) -> None:
    ip = town.kubectl("get", "svc", "hello", "-o", "jsonpath={.spec.clusterIP}")
    town.apply("networking.k8s.io/v1", "NetworkPolicy", "curl", isolated("curl", "Egress"))

    elsewhere = "http://elsewhere.example"
    assert (town.failure(elsewhere), town.failure("-m", "2", elsewhere)) == ("6", "28")
    assert (town.failure(HELLO), town.failure(f"http://{ip}:5000/hello")) == ("56", "56")
