"""Lists, pages, selectors and watches."""

from __future__ import annotations

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.api.selectors import parse_fields, parse_labels, selectable_fields
from pocketmesh.store import Key


def config(name: str, **metadata: object) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "shop", **metadata}}


def names(objects) -> list[str]:
    return [obj["metadata"]["name"] for obj in objects]


def changes(watching) -> list[tuple[str, str]]:
    return [
        (change.type, change.stored.key.name) for change in iter(watching.pending, None) if change is not None
    ]


@pytest.mark.parametrize(
    ("selector", "matching"),
    [
        ("", ["bare", "blue", "red"]),
        ("color=red", ["red"]),
        ("color==red", ["red"]),
        ("color!=red", ["bare", "blue"]),
        ("color", ["blue", "red"]),
        ("!color", ["bare"]),
        ("color in (red, blue)", ["blue", "red"]),
        ("color notin (red)", ["bare", "blue"]),
        ("color,size=2", ["blue"]),
        ("size>1", ["blue"]),
        ("size < 2", ["red"]),
        ("example.com/color = red", []),
    ],
)
def test_labels_select(core, selector, matching):
    core.create("configmaps", config("red", labels={"color": "red", "size": "1"}))
    core.create("configmaps", config("blue", labels={"color": "blue", "size": "2"}))
    core.create("configmaps", config("bare"))
    kind = core.kind("configmaps")
    assert names(core.registry.list(kind, "shop", core.registry.select(kind, selector)).objects) == matching


@pytest.mark.parametrize("selector", ["a=b=c", "=", "a in b", "(x)"])
def test_a_label_selector_that_makes_no_sense_is_refused(selector):
    with pytest.raises(ApiError) as raised:
        parse_labels(selector)
    assert raised.value.code == 400


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("metadata.name=p", True),
        ("metadata.name!=p", False),
        ("status.phase=Running,spec.nodeName==n", True),
        ("spec.nodeName=", False),
        ("status.podIP=", True),
        ("spec.hostNetwork=false", True),
    ],
)
def test_fields_select(selector, matches):
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}
    terms = parse_fields(selector, selectable_fields("pods"))
    assert all(term.matches(pod) for term in terms) is matches


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        ("pods", "field label not supported: spec.color"),
        (
            "configmaps",
            '"spec.color" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
    ],
)
def test_other_fields_do_not(resource, message):
    with pytest.raises(ApiError) as raised:
        parse_fields("spec.color=red", selectable_fields(resource))
    assert str(raised.value) == message


def test_a_definition_says_which_fields_select(core, gadgets):
    core.create("customresourcedefinitions.apiextensions.k8s.io", gadgets)
    core.create("gadgets.example.com", {**config("g"), "spec": {"color": "red"}})
    kind = core.kind("gadgets.example.com")
    selection = core.registry.select(kind, fields="spec.color=red")
    assert names(core.registry.list(kind, "", selection).objects) == ["g"]


def test_a_list_carries_the_revision_of_the_moment(core):
    core.create("configmaps", config("a"))
    assert core.registry.list(core.kind("configmaps")).revision == core.registry.store.revision


def test_pages_go_on_where_the_last_one_ended(core):
    for name in "abcde":
        core.create("configmaps", config(name))
    kind, pages, token = core.kind("configmaps"), [], ""
    while True:
        page = core.registry.list(kind, "shop", limit=2, token=token)
        pages.append((names(page.objects), page.remaining))
        if not (token := page.token):
            break
    assert pages == [(["a", "b"], 3), (["c", "d"], 1), (["e"], None)]


def test_pages_share_the_revision_of_the_first(core):
    for name in "abc":
        core.create("configmaps", config(name))
    kind = core.kind("configmaps")
    first = core.registry.list(kind, "shop", limit=2)
    core.create("configmaps", config("z"))
    assert core.registry.list(kind, "shop", limit=2, token=first.token).revision == first.revision


def test_a_forged_token_is_refused(core):
    with pytest.raises(ApiError, match="continue key is not valid"):
        core.registry.list(core.kind("configmaps"), token="x")


def test_a_watch_starts_with_what_is_there(core):
    core.create("configmaps", config("a"))
    watching = core.registry.watch(core.kind("configmaps"), "shop")
    core.create("configmaps", config("b"))
    assert [stored.key.name for stored in watching.initial] == ["a"]
    assert changes(watching) == [("ADDED", "b")]


def test_a_watch_goes_on_from_a_revision(core):
    core.create("configmaps", config("a"))
    since = core.registry.store.revision
    core.create("configmaps", config("b"))
    watching = core.registry.watch(core.kind("configmaps"), "shop", since=since)
    core.delete("configmaps", "a", "shop")
    assert watching.initial == []
    assert changes(watching) == [("ADDED", "b"), ("DELETED", "a")]


def test_a_watch_with_a_selector_sees_objects_come_and_go(core):
    kind = core.kind("configmaps")
    watching = core.registry.watch(kind, "shop", core.registry.select(kind, "on"))
    core.create("configmaps", config("a"))
    for labels in ({"on": "1"}, {"on": "2"}, {"off": "1"}):
        core.update("configmaps", config("a", labels=labels))
    assert changes(watching) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_what_leaves_a_selection_is_shown_as_it_was_last_seen(core):
    kind = core.kind("configmaps")
    core.create("configmaps", config("a", labels={"on": "1"}))
    watching = core.registry.watch(kind, "shop", core.registry.select(kind, "on"))
    left = core.update("configmaps", config("a", labels={"off": "1"}))
    change = watching.pending()
    assert change is not None
    assert change.stored.object["metadata"]["labels"] == {"on": "1"}
    assert change.stored.object["metadata"]["resourceVersion"] == left["metadata"]["resourceVersion"]


def test_a_revision_of_the_future_cannot_be_watched(core):
    with pytest.raises(ApiError) as raised:
        core.registry.watch(core.kind("configmaps"), since=10_000)
    assert (raised.value.code, raised.value.reason) == (504, "Timeout")
    assert raised.value.details["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_a_watch_waits_for_the_next_change(core):
    watching = core.registry.watch(core.kind("configmaps"), "shop")
    core.create("configmaps", config("a"))
    assert (await anext(watching)).stored.key == Key("configmaps", "shop", "a")
    watching.close()
    assert [change async for change in watching] == []


def test_each_served_version_shows_the_stored_object(core, gadgets):
    core.create("customresourcedefinitions.apiextensions.k8s.io", gadgets)
    old = core.registry.kinds.find("example.com", "v1beta1", "gadgets")
    assert old is not None
    watching = core.registry.watch(old)
    made = core.registry.create(old, "shop", {**config("g"), "spec": {"size": 2}}, core.write()).object
    assert made["apiVersion"] == "example.com/v1beta1"
    assert core.get("gadgets.example.com", "g", "shop")["apiVersion"] == "example.com/v1"
    change = watching.pending()
    assert change is not None
    assert change.stored.object["apiVersion"] == "example.com/v1beta1"
    assert b"v1beta1" in change.stored.body
