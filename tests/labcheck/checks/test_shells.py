"""Shells that are kept, which are shells of this machine here."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from labcheck.checks.context import Probe
from labcheck.checks.shells import Shells
from labcheck.kube import ExecTimeout

CLIENT = Probe("red", "client")


def test_one_command_after_another_is_run_by_one_shell(local_pod: Any) -> None:
    shells = Shells(local_pod)
    assert [shells.run(CLIENT, f"echo {it}", 20).output for it in (1, 2, 3)] == ["1\n", "2\n", "3\n"]
    assert len(local_pod.streams) == 1


def test_commands_that_take_their_time_have_a_shell_each(local_pod: Any) -> None:
    shells = Shells(local_pod)
    (local_pod.folder / "meet").write_text('#!/bin/sh\ntouch "$1"; until [ -e "$2" ]; do sleep 0.01; done\n')
    (local_pod.folder / "meet").chmod(0o755)
    threads = [
        threading.Thread(target=shells.run, args=(CLIENT, script, 20)) for script in ("meet a b", "meet b a")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(local_pod.streams) == 2


def test_a_busy_shell_is_waited_for_before_there_is_another_one(
    local_pod: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labcheck.checks.shells._SOON", 60)
    shells = Shells(local_pod)
    threads = [threading.Thread(target=shells.run, args=(CLIENT, "true", 20)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(local_pod.streams) == 1


def test_another_pod_has_a_shell_of_its_own(local_pod: Any) -> None:
    shells = Shells(local_pod)
    for probe in (CLIENT, Probe("red", "outsider"), CLIENT):
        shells.run(probe, "true", 20)
    assert len(local_pod.streams) == 2


def test_a_shell_that_went_while_nobody_used_it_is_replaced(local_pod: Any) -> None:
    shells = Shells(local_pod)
    shells.run(CLIENT, "true", 20)
    local_pod.streams[0].process.kill()
    assert shells.run(CLIENT, "echo again", 20).output == "again\n"


def test_a_shell_that_did_not_answer_in_time_is_not_used_again(local_pod: Any) -> None:
    shells = Shells(local_pod)
    with pytest.raises(ExecTimeout):
        shells.run(CLIENT, "sleep 60", 0.2)
    assert shells.run(CLIENT, "echo fresh", 20).output == "fresh\n"


def test_closing_ends_the_shells(local_pod: Any) -> None:
    shells = Shells(local_pod)
    shells.run(CLIENT, "true", 20)
    shells.close()
    assert local_pod.streams[0].process.poll() is not None
