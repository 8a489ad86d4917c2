from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from labcheck.environments.state import Record, StateFolder, state_folder
from labcheck.errors import EnvironmentTrouble

RECORD = Record("lab-07-sample", "/labs/lab-07-sample", "embedded", 1, "red", "ready")


@pytest.mark.parametrize(
    ("variables", "root"),
    [
        ({"LABCHECK_STATE": "/a", "XDG_STATE_HOME": "/b"}, "/a"),
        ({"XDG_STATE_HOME": "/b"}, "/b/labcheck"),
        ({}, "HOME/.local/state/labcheck"),
    ],
)
def test_the_state_has_its_place(variables: dict[str, str], root: str) -> None:
    assert state_folder(variables).root == Path(root.replace("HOME", str(Path.home())))


def test_a_record_is_remembered(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path).environment("lab-07-sample")
    assert folder.record() is None
    folder.remember(RECORD)
    assert folder.record() == RECORD
    assert [it.path for it in StateFolder(tmp_path).environments()] == [folder.path]


def test_everything_is_the_users_alone(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    folder = state.environment("lab-07-sample")
    with state.lock("lab-07-sample"):
        folder.remember(RECORD)
    for path in [state.root, *state.root.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_record_of_another_version_counts_as_interrupted(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path).environment("lab-07-sample")
    folder.save("record.json", {"lab": "lab-07-sample", "something": "new"})
    record = folder.record()
    assert record is not None
    assert record.status == "creating"


def test_a_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    state, order = StateFolder(tmp_path), list[str]()
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with state.lock("lab"):
            inside.set()
            leave.wait(10)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    threading.Timer(0.05, leave.set).start()
    with state.lock("lab"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_locks_of_two_labs_do_not_meet(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    with state.lock("one"), state.lock("two"):
        pass


def test_a_state_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    state = StateFolder(tmp_path / "file" / "state")
    with pytest.raises(EnvironmentTrouble, match="cannot keep its state"):
        state.environment("lab").remember(RECORD)
    with pytest.raises(EnvironmentTrouble, match="cannot keep its state"), state.lock("lab"):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = StateFolder(tmp_path).environment("lab-07-sample")
    folder.remember(RECORD)

    def full(*arguments: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(EnvironmentTrouble, match="No space left") as raised:
        folder.remember(RECORD)
    assert raised.value.exit_code == 3
    assert folder.record() == RECORD
    assert len(list(folder.path.iterdir())) == 2
