"""The store keeps what it acknowledged, counts every change once, and tells each watcher all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pocketmesh.store import Conflict, Exists, Expired, Key, Missing, Store, StoreInUse, StoreUnusable

if TYPE_CHECKING:
    from pathlib import Path

    from pocketmesh.store import Watch

POD = Key("pods", "shop", "web")


def pod(name: str = "web", **fields: object) -> dict[str, object]:
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, **fields}


def seen(watch: Watch) -> list[tuple[str, str]]:
    events = iter(watch.pending, None)
    return [(event.type, event.key.name) for event in events if event is not None]


@pytest.fixture
def store(tmp_path: Path):
    store = Store(tmp_path, kept_events=5)
    yield store
    store.close()


def test_a_created_object_carries_its_revision(store):
    stored = store.create(POD, pod())
    assert stored.object["metadata"]["resourceVersion"] == str(stored.revision) == str(store.revision)


def test_an_object_cannot_be_created_twice(store):
    store.create(POD, pod())
    with pytest.raises(Exists):
        store.create(POD, pod())


def test_an_update_of_a_stale_revision_is_refused(store):
    first = store.create(POD, pod())
    store.update(POD, pod(spec={"a": 1}), expected=first.revision)
    with pytest.raises(Conflict):
        store.update(POD, pod(spec={"a": 2}), expected=first.revision)
    assert store.get(POD).object["spec"] == {"a": 1}


def test_what_is_not_there_cannot_be_updated_or_deleted(store):
    with pytest.raises(Missing):
        store.update(POD, pod())
    with pytest.raises(Missing):
        store.delete(POD)


def test_a_deletion_has_a_revision_of_its_own(store):
    created = store.create(POD, pod())
    assert store.delete(POD).revision == created.revision + 1
    assert store.get(POD) is None


def test_objects_are_listed_by_namespace_and_name(store):
    for namespace, name in [("b", "x"), ("a", "z"), ("a", "y")]:
        store.create(Key("pods", namespace, name), pod())
    assert [stored.key[1:] for stored in store.objects("pods")] == [("a", "y"), ("a", "z"), ("b", "x")]
    assert [stored.key.name for stored in store.objects("pods", "a")] == ["y", "z"]


def test_a_watch_sees_each_change_of_its_namespace_once(store):
    watch = store.watch("pods", namespace="shop")
    store.create(POD, pod())
    store.create(Key("pods", "other", "web"), pod())
    store.create(Key("services", "shop", "web"), pod())
    store.update(POD, pod(spec={}))
    store.delete(POD)
    assert seen(watch) == [("ADDED", "web"), ("MODIFIED", "web"), ("DELETED", "web")]


def test_a_watch_replays_what_came_after_its_revision(store):
    created = store.create(POD, pod())
    store.update(POD, pod(spec={"a": 1}))
    watch = store.watch("pods", since=created.revision)
    event = watch.pending()
    assert (event.type, event.object["spec"], event.previous.revision) == (
        "MODIFIED",
        {"a": 1},
        created.revision,
    )


def test_a_watch_from_a_forgotten_revision_is_expired(store):
    start = store.create(POD, pod()).revision
    for number in range(7):
        store.update(POD, pod(spec={"n": number}))
    with pytest.raises(Expired):
        store.watch("pods", since=start)


async def test_a_closed_watch_ends(store):
    watch = store.watch("pods")
    store.create(POD, pod())
    watch.close()
    assert [event.type async for event in watch] == ["ADDED"]


def test_a_second_process_cannot_open_the_same_state(store, tmp_path):
    with pytest.raises(StoreInUse):
        Store(tmp_path)


def test_a_state_that_cannot_be_written_says_why(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable, match="Not a directory"):
        Store(tmp_path / "file" / "state")


def test_everything_is_there_after_a_restart(tmp_path):
    store = Store(tmp_path)
    revision = store.create(POD, pod(spec={"a": 1})).revision
    store.create(Key("pods", "shop", "gone"), pod("gone"))
    store.delete(Key("pods", "shop", "gone"))
    last = store.revision
    store.close()
    store = Store(tmp_path)
    assert store.revision == last
    assert [stored.object["spec"] for stored in store.objects("pods")] == [{"a": 1}]
    assert seen(store.watch("pods", since=revision)) == [("ADDED", "gone"), ("DELETED", "gone")]
    store.close()


def test_a_write_that_was_acknowledged_survives_kill_9(tmp_path):
    script = (
        "import sys; from pathlib import Path; from pocketmesh.store import Key, Store\n"
        "store = Store(Path(sys.argv[1])); n = 0\n"
        "while True:\n"
        "    store.create(Key('pods', '', f'p{n}'), {'metadata': {'name': f'p{n}'}})\n"
        "    print(n, flush=True); n += 1\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    acknowledged = [int(child.stdout.readline()) for _ in range(200)][-1]
    os.kill(child.pid, signal.SIGKILL)
    rest = child.communicate()[0].split()
    acknowledged = int(rest[-1]) if rest else acknowledged
    store = Store(tmp_path)
    assert all(store.get(Key("pods", "", f"p{n}")) for n in range(acknowledged + 1))
    store.close()


def test_restore_brings_back_a_snapshot_as_ordinary_changes(store):
    store.create(POD, pod(spec={"a": 1}))
    store.create(Key("pods", "shop", "kept"), pod("kept"))
    store.snapshot("ready")
    store.update(POD, pod(spec={"a": 2}))
    store.delete(Key("pods", "shop", "kept"))
    store.create(Key("pods", "shop", "extra"), pod("extra"))
    watch = store.watch("pods")
    assert store.restore("ready") == 3
    assert sorted(seen(watch)) == [("ADDED", "kept"), ("DELETED", "extra"), ("MODIFIED", "web")]
    assert store.get(POD).object["spec"] == {"a": 1}


def test_restore_leaves_equal_objects_and_kept_resources_alone(store):
    store.create(POD, pod())
    store.snapshot("ready")
    store.create(Key("leases", "", "l"), pod("l"))
    assert store.restore("ready", keep=["leases"]) == 0


def test_restore_of_an_unknown_snapshot_is_refused(store):
    with pytest.raises(Missing):
        store.restore("nothing")


def test_changes_made_together_are_told_of_after_the_last(store):
    told: list[str] = []
    store.subscribe(lambda event: told.append(event.key.name))

    with store.together():
        store.create(POD, pod())
        store.create(POD._replace(name="other"), pod("other"))
        during = list(told)

    assert (during, told) == ([], ["web", "other"])


def test_changes_made_together_fail_together(tmp_path):
    store = Store(tmp_path)
    before = store.create(POD, pod())

    with suppress(ZeroDivisionError), store.together():
        store.update(POD, pod(spec={"a": 1}))
        store.create(POD._replace(name="other"), pod("other"))
        store.delete(POD)
        raise ZeroDivisionError

    assert store.objects("pods") == [before]
    assert store.revision == before.revision
    store.close()
    store = Store(tmp_path)
    assert store.objects("pods") == [before]
    store.close()
