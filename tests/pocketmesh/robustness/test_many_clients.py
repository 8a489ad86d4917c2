"""Many clients at once, in any order: every watcher sees exactly what is, and revisions only grow.

A state machine makes the calls on a registry over a store that keeps little history; an invariant
compares each watcher's picture with the lists after every step.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pocketmesh.api.calls import Caller, DeleteOptions, Write
from pocketmesh.api.errors import ApiError
from pocketmesh.api.patch import content
from pocketmesh.api.registry import Registry
from pocketmesh.api.selectors import Selection
from pocketmesh.clock import WallClock
from pocketmesh.objects import Object
from pocketmesh.schema.kinds import Kinds, builtin_kinds
from pocketmesh.store import Key, Store

KEPT = 40
KINDS = builtin_kinds()
RESOURCES = ("configmaps", "secrets", "deployments.apps")
SPACES = ("one", "two")
SELECTORS = ("", "color=red", "color!=red", "color", "!color", "color in (red,blue)")

resources = st.sampled_from(RESOURCES)
spaces = st.sampled_from(SPACES)
names = st.sampled_from(("a", "b", "c"))
colors = st.sampled_from((None, "red", "blue"))
clients = st.sampled_from(("kubectl", "helm", "robot"))
contents = st.dictionaries(st.sampled_from(("x", "y")), st.sampled_from(("1", "2")), max_size=2)


class Watcher:
    """A client that knows the objects only from the changes that it was told."""

    def __init__(self, resource: str, namespace: str, selection: Selection) -> None:
        self.resource, self.namespace, self.selection = resource, namespace, selection
        self.seen: dict[tuple[str, str], Object] = {}
        self.revision = 0
        self.watching: Any = None

    def take(self) -> None:
        """Reads what waits."""
        while (change := self.watching.pending()) is not None:
            metadata = change.stored.object["metadata"]
            place = (metadata["namespace"], metadata["name"])
            assert int(metadata["resourceVersion"]) == change.stored.revision > self.revision
            self.revision = change.stored.revision
            match change.type:
                case "ADDED":
                    assert place not in self.seen
                    self.seen[place] = change.stored.object
                case "MODIFIED":
                    assert place in self.seen
                    self.seen[place] = change.stored.object
                case "DELETED":
                    del self.seen[place]


class ManyClients(RuleBasedStateMachine):
    """The rules are what clients do, and which refusals are fair."""

    @initialize()
    def begin(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="pm-"))
        self.watchers: list[Watcher] = []
        self.read: dict[tuple[str, str, str], Object] = {}
        self.highest = 0
        self._open()
        for name in SPACES:
            self.registry.create(self._kind("namespaces"), "", {"metadata": {"name": name}}, self._write())

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.place)

    # What clients do

    @rule(resource=resources, space=spaces, name=names, color=colors, data=contents, client=clients)
    def create(
        self, resource: str, space: str, name: str, color: str | None, data: Object, client: str
    ) -> None:
        body = self._body(resource, space, name, color, data)
        with refused(409):
            self.registry.create(self._kind(resource), space, body, self._write(client))

    @rule(resource=resources, space=spaces, color=colors)
    def create_with_a_generated_name(self, resource: str, space: str, color: str | None) -> None:
        body = self._body(resource, space, "", color, {})
        body["metadata"]["generateName"] = "made-"
        with refused(409):
            self.registry.create(self._kind(resource), space, body, self._write())

    @rule(resource=resources, space=spaces, name=names)
    def get(self, resource: str, space: str, name: str) -> None:
        with refused(404):
            self.read[resource, space, name] = self.registry.get(self._kind(resource), space, name)

    @precondition(lambda self: self.read)
    @rule(picked=st.randoms(use_true_random=False), color=colors, data=contents, client=clients)
    def update_what_was_read(self, picked: Any, color: str | None, data: Object, client: str) -> None:
        """Succeeds only if nobody was faster."""
        place = picked.choice(sorted(self.read))
        resource, space, name = place
        old = self.read.pop(place)
        current = self.store.get(Key(*place))
        body = {**old, "metadata": {**old["metadata"], "labels": {"color": color} if color else {}}}
        if resource == "configmaps":
            body["data"] = data
        with refused(404, 409) as refusal:
            self.registry.update(self._kind(resource), space, name, body, self._write(client))
        fresh = (
            current is not None
            and current.object["metadata"]["resourceVersion"] == old["metadata"]["resourceVersion"]
        )
        assert bool(refusal) != fresh

    @rule(resource=resources, space=spaces, name=names, color=colors, client=clients)
    def patch(self, resource: str, space: str, name: str, color: str | None, client: str) -> None:
        body = {"metadata": {"labels": {"color": color}}}
        with refused(404):
            self.registry.patch(self._kind(resource), space, name, content.MERGE, body, self._write(client))

    @rule(
        resource=resources,
        space=spaces,
        name=names,
        color=colors,
        data=contents,
        client=clients,
        force=st.booleans(),
    )
    def apply(
        self, resource: str, space: str, name: str, color: str | None, data: Object, client: str, force: bool
    ) -> None:
        kind = self._kind(resource)
        body = self._body(resource, space, name, color, data)
        body = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
        with refused(409):
            self.registry.patch(kind, space, name, content.APPLY, body, self._write(client, force=force))

    @rule(resource=resources, space=spaces, name=names, held=st.booleans())
    def hold_or_let_go(self, resource: str, space: str, name: str, held: bool) -> None:
        """Sets a finalizer, or removes it."""
        body = {"metadata": {"finalizers": ["example.com/held"] if held else None}}
        with refused(404, 422):
            self.registry.patch(self._kind(resource), space, name, content.MERGE, body, self._write())

    @rule(resource=resources, space=spaces, name=names)
    def delete(self, resource: str, space: str, name: str) -> None:
        with refused(404):
            self.registry.delete(self._kind(resource), space, name, DeleteOptions(), self._write())

    @rule(resource=resources, space=spaces, selector=st.sampled_from(SELECTORS))
    def delete_collection(self, resource: str, space: str, selector: str) -> None:
        kind = self._kind(resource)
        selection = self.registry.select(kind, selector)
        self.registry.delete_collection(kind, space, selection, DeleteOptions(), self._write())

    @rule(resource=resources, space=st.sampled_from((*SPACES, "")), selector=st.sampled_from(SELECTORS))
    def watch(self, resource: str, space: str, selector: str) -> None:
        selection = self.registry.select(self._kind(resource), selector)
        watcher = Watcher(resource, space, selection)
        self.watchers.append(watcher)
        self._begin_anew(watcher)

    @precondition(lambda self: self.watchers)
    @rule(picked=st.randoms(use_true_random=False))
    def lose_the_connection(self, picked: Any) -> None:
        """The watcher stays away until it comes back."""
        watcher = picked.choice(self.watchers)
        if watcher.watching is not None:
            watcher.watching.close()
            watcher.watching = None

    @precondition(lambda self: self.watchers)
    @rule(picked=st.randoms(use_true_random=False))
    def come_back(self, picked: Any) -> None:
        """A watcher goes on from the revision that it saw last, or lists again when that is forgotten."""
        self._resume(picked.choice(self.watchers))

    @rule()
    def restart(self) -> None:
        """The server ends and begins again on the same state."""
        self.store.close()
        for watcher in self.watchers:
            watcher.watching = None
        self._open()
        assert self.store.revision == self.highest

    # What must always be so

    @invariant()
    def revisions_grow(self) -> None:
        revisions = [stored.revision for resource in RESOURCES for stored in self.store.objects(resource)]
        assert len(set(revisions)) == len(revisions)
        assert self.store.revision >= max([self.highest, *revisions])
        self.highest = self.store.revision

    @invariant()
    def watchers_see_what_is_listed(self) -> None:
        for watcher in self.watchers:
            if watcher.watching is None:
                continue
            watcher.take()
            page = self.registry.list(self._kind(watcher.resource), watcher.namespace, watcher.selection)
            assert watcher.seen == {stored.key[1:]: stored.object for stored in page.items}
            assert watcher.revision <= page.revision

    @invariant()
    def every_object_reads_the_same_in_memory_and_on_disk(self) -> None:
        for stored in self.store.objects("configmaps"):
            assert stored.object["metadata"]["resourceVersion"] == str(stored.revision)
            assert f'"resourceVersion":"{stored.revision}"'.encode() in stored.body

    # The parts

    def _open(self) -> None:
        self.store = Store(self.place, kept_events=KEPT)
        self.registry = Registry(self.store, Kinds(KINDS), WallClock())

    def _kind(self, resource: str) -> Any:
        return self.registry.kinds.stored(resource)

    def _write(self, manager: str = "kubectl", **fields: Any) -> Write:
        return Write(Caller(manager), manager, **fields)

    def _body(self, resource: str, space: str, name: str, color: str | None, data: Object) -> Object:
        metadata: Object = {"namespace": space}
        if name:
            metadata["name"] = name
        if color:
            metadata["labels"] = {"color": color}
        if resource == "configmaps":
            return {"metadata": metadata, "data": data}
        if resource == "secrets":
            return {"metadata": metadata, "stringData": data}
        labels = {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
        spec = {"replicas": len(data), "selector": {"matchLabels": labels}, "template": template}
        return {"metadata": metadata, "spec": spec}

    def _begin_anew(self, watcher: Watcher) -> None:
        kind = self._kind(watcher.resource)
        watcher.watching = self.registry.watch(kind, watcher.namespace, watcher.selection)
        watcher.seen = {stored.key[1:]: stored.object for stored in watcher.watching.initial}
        watcher.revision = watcher.watching.revision

    def _resume(self, watcher: Watcher) -> None:
        if watcher.watching is not None:
            return
        kind = self._kind(watcher.resource)
        try:
            watcher.watching = self.registry.watch(
                kind, watcher.namespace, watcher.selection, since=watcher.revision
            )
        except ApiError as error:
            if error.code != 410:
                raise
            assert self.store.revision - watcher.revision > KEPT
            self._begin_anew(watcher)


@contextlib.contextmanager
def refused(*codes: int) -> Any:
    """Lets pass that a call is refused with one of the codes; what comes out tells whether it was."""
    refusals: list[ApiError] = []
    try:
        yield refusals
    except ApiError as error:
        if error.code not in codes:
            raise
        refusals.append(error)


ManyClients.TestCase.settings = settings(
    max_examples=25, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestManyClients = ManyClients.TestCase
