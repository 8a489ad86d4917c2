"""The official Python client, typed and dynamic: verbs, watches, patches and streams."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from kubernetes.client import (
    ApiClient,
    ApiException,
    ApiextensionsV1Api,
    AppsV1Api,
    AuthenticationV1Api,
    AuthorizationV1Api,
    Configuration,
    CoordinationV1Api,
    CoreV1Api,
    V1ConfigMap,
    V1DeleteOptions,
    V1ObjectMeta,
    VersionApi,
)
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import BadRequestError, ConflictError, UnprocessibleEntityError
from kubernetes.stream import portforward, stream
from kubernetes.watch import Watch

CURL = "docker.io/curlimages/curl:8.16.0"
HELLO = "registry.istio.io/release/examples-helloworld-v1:1.0"
KEPT_EVENTS = 10_000
_numbers = itertools.count(1)


@pytest.fixture
def core(api_client: ApiClient) -> CoreV1Api:
    """The core group's methods."""
    return CoreV1Api(api_client)


@pytest.fixture
def namespace(core: CoreV1Api) -> str:
    """A new namespace, with what every namespace is given."""
    name = f"python-{next(_numbers)}"
    core.create_namespace({"metadata": {"name": name}})
    watch = Watch()
    for _ in watch.stream(core.list_namespaced_config_map, name, timeout_seconds=20):
        watch.stop()
    return name


@pytest.fixture
def dynamic(api_client: ApiClient) -> DynamicClient:
    """The client that asks the server what there is."""
    return DynamicClient(api_client)


def configmap(name: str, **data: str) -> V1ConfigMap:
    return V1ConfigMap(metadata=V1ObjectMeta(name=name, labels={"made": "here"}), data=data)


def pod(image: str, *command: str) -> dict[str, Any]:
    main = {"name": "main", "image": image, **({"command": list(command)} if command else {})}
    return {"metadata": {"name": "box"}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [main]}}


@pytest.fixture
def run(core: CoreV1Api, namespace: str) -> Callable[..., str]:
    """Runs a pod and returns its name once it is ready."""

    def running(image: str, *command: str) -> str:
        core.create_namespaced_pod(namespace, pod(image, *command))
        watch = Watch()
        for event in watch.stream(core.list_namespaced_pod, namespace, timeout_seconds=20):
            conditions = event["object"].status.conditions or []
            if any(condition.type == "Ready" and condition.status == "True" for condition in conditions):
                watch.stop()
        return "box"

    return running


def refused(error: pytest.ExceptionInfo[ApiException]) -> tuple[int, str]:
    """The code and the reason of a refusal, which comes as a Status."""
    status = json.loads(error.value.body)
    assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", error.value.status)
    return error.value.status, status["reason"]


# Verbs


def test_an_object_is_created_read_replaced_patched_and_deleted(core: CoreV1Api, namespace: str) -> None:
    made = core.create_namespaced_config_map(namespace, configmap("one", a="1"))
    made.data["b"] = "2"
    replaced = core.replace_namespaced_config_map("one", namespace, made)
    core.patch_namespaced_config_map("one", namespace, {"data": {"a": None, "c": "3"}})
    found = core.read_namespaced_config_map("one", namespace)
    core.delete_namespaced_config_map("one", namespace, body=V1DeleteOptions(propagation_policy="Background"))

    assert found.data == {"b": "2", "c": "3"}
    assert int(made.metadata.resource_version) < int(replaced.metadata.resource_version)
    assert found.metadata.uid == made.metadata.uid
    assert core.list_namespaced_config_map(namespace, label_selector="made=here").items == []


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"label_selector": "tier=web"}, ["a"]),
        ({"label_selector": "tier in (web, data)"}, ["a", "b"]),
        ({"label_selector": "tier notin (web),app"}, ["b", "c"]),
        ({"label_selector": "!tier,app"}, ["c"]),
        ({"field_selector": "metadata.name=b"}, ["b"]),
        ({"field_selector": "metadata.name!=b", "label_selector": "app"}, ["a", "c"]),
    ],
    ids=str,
)
def test_lists_are_selected(
    core: CoreV1Api, namespace: str, selector: dict[str, str], expected: list[str]
) -> None:
    for name, labels in {"a": {"tier": "web"}, "b": {"tier": "data"}, "c": {}}.items():
        metadata = {"name": name, "labels": {"app": "x", **labels}}
        core.create_namespaced_config_map(namespace, {"metadata": metadata})

    found = core.list_namespaced_config_map(namespace, **selector)

    assert [item.metadata.name for item in found.items] == expected


def test_a_list_is_read_in_pages(core: CoreV1Api, namespace: str) -> None:
    for number in range(5):
        core.create_namespaced_config_map(namespace, configmap(f"n{number}"))
    first = core.list_namespaced_config_map(namespace, limit=2, label_selector="made=here")
    rest = core.list_namespaced_config_map(
        namespace, limit=9, label_selector="made=here", _continue=first.metadata._continue
    )

    assert [item.metadata.name for item in (*first.items, *rest.items)] == [f"n{n}" for n in range(5)]
    assert rest.metadata._continue is None


def test_a_collection_is_deleted(core: CoreV1Api, namespace: str) -> None:
    for name in ("one", "two"):
        core.create_namespaced_config_map(namespace, configmap(name))
    core.delete_collection_namespaced_config_map(namespace, label_selector="made=here")

    left = core.list_namespaced_config_map(namespace)
    assert [item.metadata.name for item in left.items] == ["kube-root-ca.crt"]


def test_the_scale_of_a_deployment_is_a_resource_of_its_own(api_client: ApiClient, namespace: str) -> None:
    apps = AppsV1Api(api_client)
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": pod(CURL, "sleep", "infinity")["spec"]}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    apps.create_namespaced_deployment(namespace, {"metadata": {"name": "web"}, "spec": spec})
    apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 2}})

    assert apps.read_namespaced_deployment_scale("web", namespace).spec.replicas == 2
    assert apps.read_namespaced_deployment("web", namespace).spec.replicas == 2


REFUSALS: list[tuple[str, Callable[[CoreV1Api, str], Any], tuple[int, str]]] = [
    ("not there", lambda c, n: c.read_namespaced_config_map("nope", n), (404, "NotFound")),
    (
        "there already",
        lambda c, n: c.create_namespaced_config_map(n, configmap("kube-root-ca.crt")),
        (409, "AlreadyExists"),
    ),
    (
        "an impossible name",
        lambda c, n: c.create_namespaced_config_map(n, configmap("A_B")),
        (422, "Invalid"),
    ),
    (
        "a stale version",
        lambda c, n: c.replace_namespaced_config_map(
            "kube-root-ca.crt", n, {"metadata": {"name": "kube-root-ca.crt", "resourceVersion": "1"}}
        ),
        (409, "Conflict"),
    ),
    (
        "another's name",
        lambda c, n: c.replace_namespaced_config_map("one", n, configmap("two")),
        (400, "BadRequest"),
    ),
    (
        "the future",
        lambda c, n: c.list_namespaced_config_map(n, resource_version="999999999"),
        (504, "Timeout"),
    ),
    (
        "a selector that is none",
        lambda c, n: c.list_namespaced_config_map(n, label_selector="a in b"),
        (400, "BadRequest"),
    ),
    (
        "no such namespace",
        lambda c, n: c.create_namespaced_config_map("nope", configmap("a")),
        (404, "NotFound"),
    ),
    (
        "a pod without containers",
        lambda c, n: c.create_namespaced_pod(n, {"metadata": {"name": "p"}}),
        (422, "Invalid"),
    ),
]


@pytest.mark.parametrize(
    ("call", "expected"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_refusals_come_as_a_status(
    core: CoreV1Api, namespace: str, call: Callable[[CoreV1Api, str], Any], expected: tuple[int, str]
) -> None:
    with pytest.raises(ApiException) as error:
        call(core, namespace)

    assert refused(error) == expected


# Watches


def test_a_watch_goes_on_from_the_revision_of_a_list(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, configmap("before"))
    revision = core.list_namespaced_config_map(namespace).metadata.resource_version
    core.create_namespaced_config_map(namespace, configmap("one", a="1"))
    core.patch_namespaced_config_map("one", namespace, {"data": {"a": "2"}})
    core.delete_namespaced_config_map("one", namespace)
    events = Watch().stream(
        core.list_namespaced_config_map, namespace, resource_version=revision, timeout_seconds=1
    )

    assert [(event["type"], event["object"].metadata.name, event["object"].data) for event in events] == [
        ("ADDED", "one", {"a": "1"}),
        ("MODIFIED", "one", {"a": "2"}),
        ("DELETED", "one", {"a": "2"}),
    ]


def test_a_watch_without_a_revision_starts_with_what_is_there(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, configmap("one"))
    watch, seen = Watch(), []
    for event in watch.stream(core.list_namespaced_config_map, namespace, timeout_seconds=20):
        seen.append((event["type"], event["object"].metadata.name))
        if seen[-1] == ("DELETED", "one"):
            watch.stop()
        elif seen[-1] == ("ADDED", "one"):
            core.delete_namespaced_config_map("one", namespace)

    assert seen == [("ADDED", "kube-root-ca.crt"), ("ADDED", "one"), ("DELETED", "one")]


def test_a_watch_with_a_selector_sees_objects_come_and_go(core: CoreV1Api, namespace: str) -> None:
    revision = core.create_namespaced_config_map(namespace, configmap("one")).metadata.resource_version
    for labels in ({"tier": "web"}, {"tier": "web", "more": "x"}, {"tier": None}):
        core.patch_namespaced_config_map("one", namespace, {"metadata": {"labels": labels}})
    events = Watch().stream(
        core.list_namespaced_config_map,
        namespace,
        resource_version=revision,
        label_selector="tier=web",
        timeout_seconds=1,
    )

    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]


def test_a_watch_list_ends_its_state_with_a_bookmark(core: CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, configmap("one"))
    events = Watch().stream(
        core.list_namespaced_config_map,
        namespace,
        send_initial_events=True,
        resource_version_match="NotOlderThan",
        allow_watch_bookmarks=True,
        timeout_seconds=1,
    )
    seen = [(event["type"], event["raw_object"]["metadata"]) for event in events]

    assert [kind for kind, _ in seen] == ["ADDED", "ADDED", "BOOKMARK"]
    assert seen[-1][1]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(seen[-1][1]["resourceVersion"]) >= int(seen[1][1]["resourceVersion"])


@pytest.mark.slow
def test_a_watch_from_too_long_ago_is_gone(api_client: ApiClient, core: CoreV1Api, namespace: str) -> None:
    leases = CoordinationV1Api(api_client)
    for number in range(KEPT_EVENTS // 2):
        leases.create_namespaced_lease(namespace, {"metadata": {"name": f"lease-{number}"}})
    leases.delete_collection_namespaced_lease(namespace)

    with pytest.raises(ApiException) as error:
        list(Watch().stream(core.list_namespaced_config_map, namespace, resource_version="1"))

    assert error.value.status == 410
    assert "Expired: too old resource version: 1" in error.value.reason


# Apply, through the dynamic client

WIDGETS = {
    "metadata": {"name": "widgets.python.example.org"},
    "spec": {
        "group": "python.example.org",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "size": {"type": "integer", "maximum": 9, "default": 3},
                                    "color": {"type": "string"},
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture
def widgets(api_client: ApiClient) -> Iterator[Any]:
    """A custom resource, as the dynamic client discovers it."""
    definitions = ApiextensionsV1Api(api_client)
    definitions.create_custom_resource_definition(WIDGETS)
    found = DynamicClient(api_client).resources.get(api_version="python.example.org/v1", kind="Widget")
    yield found
    definitions.delete_custom_resource_definition("widgets.python.example.org")


def widget(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "python.example.org/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}


def applied(resource: Any, namespace: str, body: dict[str, Any], manager: str, **options: Any) -> Any:
    return resource.server_side_apply(body=body, namespace=namespace, field_manager=manager, **options)


def test_apply_creates_and_defaults(widgets: Any, namespace: str) -> None:
    made = applied(widgets, namespace, widget(color="red"), "me")

    assert made.spec.to_dict() == {"color": "red", "size": 3}
    assert [entry.operation for entry in made.metadata.managedFields] == ["Apply"]


def test_apply_over_anothers_field_conflicts_until_forced(widgets: Any, namespace: str) -> None:
    applied(widgets, namespace, widget(color="red"), "me")
    with pytest.raises(ConflictError) as error:
        applied(widgets, namespace, widget(color="blue"), "you")
    forced = applied(widgets, namespace, widget(color="blue"), "you", force_conflicts=True)

    assert 'conflict with "me": .spec.color' in json.loads(error.value.body)["message"]
    assert forced.spec.color == "blue"


def test_what_is_no_longer_applied_goes(widgets: Any, namespace: str) -> None:
    applied(widgets, namespace, widget(color="red", size=5), "me")
    found = applied(widgets, namespace, widget(size=5), "me")

    assert found.spec.to_dict() == {"size": 5}


def test_a_custom_object_that_breaks_its_schema_is_refused(widgets: Any, namespace: str) -> None:
    with pytest.raises(UnprocessibleEntityError) as error:
        widgets.create(body=widget(size=10), namespace=namespace)

    assert "spec.size: Invalid value: 10: spec.size in body should be less than or equal to 9" in str(
        json.loads(error.value.body)["message"]
    )


def test_an_unknown_field_is_refused_where_that_is_asked_for(dynamic: DynamicClient, namespace: str) -> None:
    maps = dynamic.resources.get(api_version="v1", kind="ConfigMap")
    strictly = [("fieldValidation", "Strict")]
    with pytest.raises(BadRequestError) as error:
        maps.create({"metadata": {"name": "one"}, "dato": {}}, namespace, query_params=strictly)

    assert 'strict decoding error: unknown field "dato"' in json.loads(error.value.body)["message"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/merge-patch+json", {"spec": {"color": "green", "size": None}}),
        (
            "application/json-patch+json",
            [
                {"op": "replace", "path": "/spec/color", "value": "green"},
                {"op": "remove", "path": "/spec/size"},
            ],
        ),
    ],
)
def test_custom_objects_are_patched(widgets: Any, namespace: str, content_type: str, body: Any) -> None:
    widgets.create(body=widget(color="red", size=5), namespace=namespace)
    found = widgets.patch(name="w", namespace=namespace, body=body, content_type=content_type)

    assert found.spec.to_dict() == {"color": "green", "size": 3}


def test_the_dynamic_client_watches(widgets: Any, dynamic: DynamicClient, namespace: str) -> None:
    made = widgets.create(body=widget(color="red"), namespace=namespace)
    widgets.delete(name="w", namespace=namespace)
    revision = str(int(made.metadata.resourceVersion) - 1)
    events = dynamic.watch(widgets, namespace=namespace, resource_version=revision, timeout=1)

    assert [(event["type"], event["object"].spec.color) for event in events] == [
        ("ADDED", "red"),
        ("DELETED", "red"),
    ]


def test_built_in_objects_are_patched_strategically(dynamic: DynamicClient, namespace: str) -> None:
    pods = dynamic.resources.get(api_version="v1", kind="Pod")
    pods.create(body=pod(CURL, "sleep", "infinity"), namespace=namespace)
    body = {"spec": {"containers": [{"name": "main", "image": f"{CURL}-new"}]}}
    found = pods.patch(
        name="box", namespace=namespace, body=body, content_type="application/strategic-merge-patch+json"
    )

    assert [(one.image, one.command) for one in found.spec.containers] == [
        (f"{CURL}-new", ["sleep", "infinity"])
    ]


# Who is asking


def test_a_token_of_a_service_account_is_known_and_may_nothing(
    core: CoreV1Api, api_client: ApiClient, namespace: str
) -> None:
    core.create_namespaced_service_account(namespace, {"metadata": {"name": "robot"}})
    token = core.create_namespaced_service_account_token("robot", namespace, {"spec": {}}).status.token
    robot = Configuration(host=api_client.configuration.host, api_key={"authorization": f"Bearer {token}"})
    robot.ssl_ca_cert = api_client.configuration.ssl_ca_cert
    with ApiClient(robot) as connected:
        me = AuthenticationV1Api(connected).create_self_subject_review({}).status.user_info.username
        may = AuthorizationV1Api(connected).create_self_subject_access_review(
            {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": namespace}}}
        )
        with pytest.raises(ApiException) as error:
            CoreV1Api(connected).list_namespaced_pod(namespace)

    assert me == f"system:serviceaccount:{namespace}:robot"
    assert not may.status.allowed
    assert refused(error) == (403, "Forbidden")


def test_the_version_is_a_kubernetes_one(api_client: ApiClient) -> None:
    assert VersionApi(api_client).get_code().git_version.startswith("v1.36.")


# Streams


@contextmanager
def executing(core: CoreV1Api, namespace: str, *command: str, stdin: bool = False) -> Iterator[Any]:
    """A program in the pod `box`, its streams not yet read."""
    program = stream(
        core.connect_get_namespaced_pod_exec,
        "box",
        namespace,
        command=list(command),
        stdin=stdin,
        stdout=True,
        stderr=True,
        tty=False,
        _preload_content=False,
    )
    try:
        yield program
    finally:
        program.sock.shutdown()  # its own `close` leaves the socket open when the server closed first


def test_exec_keeps_the_outputs_apart_and_tells_the_exit_code(
    core: CoreV1Api, namespace: str, run: Callable[..., str]
) -> None:
    run(CURL, "sleep", "infinity")
    with executing(core, namespace, "sh", "-c", "echo out; echo err >&2; exit 3") as program:
        program.run_forever(timeout=20)

        assert (program.read_stdout(), program.read_stderr()) == ("out\n", "err\n")
        assert program.returncode == 3


def test_exec_converses_with_a_shell(core: CoreV1Api, namespace: str, run: Callable[..., str]) -> None:
    run(CURL, "sleep", "infinity")
    with executing(core, namespace, "/bin/sh", stdin=True) as shell:
        shell.write_stdin("greeting=hello\ncd /tmp\n")
        shell.write_stdin("echo $greeting from $PWD\n")
        answer = shell.readline_stdout(timeout=20)
        shell.write_stdin("echo bad >&2; exit 4\n")
        shell.run_forever(timeout=20)

        assert answer == "hello from /tmp"
        assert (shell.read_stderr(), shell.returncode) == ("bad\n", 4)


def test_logs_are_followed_to_the_end(core: CoreV1Api, namespace: str) -> None:
    spec = pod("busybox", "sh", "-c", "for n in 1 2 3; do echo line $n; sleep 0.1; done")
    spec["spec"]["restartPolicy"] = "Never"
    core.create_namespaced_pod(namespace, spec)
    watch = Watch()
    for event in watch.stream(core.list_namespaced_pod, namespace, timeout_seconds=20):
        if event["object"].status.phase in ("Running", "Succeeded"):
            watch.stop()

    lines = list(Watch().stream(core.read_namespaced_pod_log, "box", namespace))

    assert lines == ["line 1", "line 2", "line 3"]


@contextmanager
def forwarding(core: CoreV1Api, namespace: str, port: int) -> Iterator[tuple[Any, socket.socket]]:
    """A port of the pod `box`: the forwarder, and a socket that is connected through it."""
    forward = portforward(core.connect_get_namespaced_pod_portforward, "box", namespace, ports=str(port))
    with closing(forward.socket(port)) as connection:
        connection.settimeout(20)
        yield forward, connection
    for thread in threading.enumerate():
        if thread.name.startswith("Kubernetes port forward proxy"):
            thread.join(20)
    forward.websocket.shutdown()  # as for exec


def test_a_port_is_forwarded(core: CoreV1Api, namespace: str, run: Callable[..., str]) -> None:
    run(HELLO)
    with forwarding(core, namespace, 5000) as (forward, connection):
        connection.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert b"200 OK" in answer.partition(b"\r\n")[0]
    assert answer.endswith(b"Hello version: v1, instance: box\n")
    assert forward.error(5000) is None


def test_a_closed_port_says_so(core: CoreV1Api, namespace: str, run: Callable[..., str]) -> None:
    run(HELLO)
    with forwarding(core, namespace, 9) as (forward, connection):
        nothing = connection.recv(1)

    assert nothing == b""
    assert "connection refused" in forward.error(9).lower()
