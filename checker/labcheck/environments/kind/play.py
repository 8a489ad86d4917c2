"""Running the playbook through ansible-runner, its events turned into progress and into one clear error.

It runs in a thread, so that whatever interrupts this process ends it, with every program that it started.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labcheck.environments import process
from labcheck.environments.kind.advice import advice
from labcheck.environments.provider import Progress
from labcheck.errors import EnvironmentTrouble

PLAYBOOK = Path(__file__).with_name("playbook")
_LAST_LINES = 8
_UNSAID = ("Look for", "Remember", "Remove the file")
_SILENCE = 10.0
"""Seconds after which it is said what one still waits for."""


@dataclass(slots=True)
class Progression:
    """What the events have told so far."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    failure: Mapping[str, Any] | None = None
    pid: int = 0
    current: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Host → what it does, and since when."""

    def hear(self, event: Mapping[str, Any]) -> str:
        """Takes one of ansible-runner's events; returns what is to be said of it."""
        data = event.get("event_data") or {}
        self.pid = int(event.get("pid") or data.get("pid") or self.pid)
        name, host = str(data.get("task") or ""), str(data.get("host") or "")
        match event.get("event"):
            case "runner_on_start" if ("image" in name) == (host != "localhost"):
                self.current[host] = (_said(name, data), time.monotonic())
            case "runner_on_skipped" | "runner_on_unreachable":
                self.current.pop(host, None)
            case "runner_on_failed" if not data.get("ignore_errors"):
                self.current.pop(host, None)
                self.failure = self.failure or data
            case "runner_on_ok":
                self.current.pop(host, None)
                seconds = round(float(data.get("duration") or 0), 1)
                step = _said(name, data)
                self.steps.append({"step": step, "seconds": seconds})
                if step.startswith(_UNSAID):
                    return ""
                worked = not (data.get("res") or {}).get("rc")
                return (
                    f"{step} ({seconds:.1f} s)"
                    if worked
                    else f"{step} did not work ({seconds:.1f} s); going on"
                )
        return ""

    def lasting(self, seconds: float) -> list[str]:
        """The steps that have taken so long already."""
        began = time.monotonic() - seconds
        return sorted({step for step, since in list(self.current.values()) if since < began})[:2]


def play(folder: Path, inputs: Mapping[str, Any], progress: Progress) -> list[dict[str, Any]]:
    """Runs the playbook to its end in `folder`; returns its steps with their seconds.

    Raises EnvironmentTrouble for a step that failed.
    """
    told = Progression()
    over = threading.Event()
    texts: list[str] = []

    def hear(event: Mapping[str, Any]) -> bool:
        if text := told.hear(event):
            texts.append(text)
        return True

    broken: list[Exception] = []

    def run() -> None:
        try:
            _run(folder, inputs, hear, over)
        except Exception as error:
            broken.append(error)

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # ansible-runner keeps the inputs of an earlier run where it finds any.
    for left in ("artifacts", "env", "inventory", "archives"):
        shutil.rmtree(folder / left, ignore_errors=True)
    (folder / "archives").mkdir()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    quiet = time.monotonic()
    try:
        while thread.is_alive():
            thread.join(0.05)
            while texts:
                progress(texts.pop(0))
                quiet = time.monotonic()
            if time.monotonic() - quiet > _SILENCE and (long := told.lasting(_SILENCE / 2)):
                quiet = time.monotonic()
                progress(f"… {', '.join(long)}")
    except BaseException:
        over.set()
        stop(folder, told.pid)
        thread.join()
        raise
    if told.failure is not None:
        raise failed(told.failure)
    if broken or _read(folder / "artifacts" / "up" / "status").strip() != "successful":
        last = [*_read(log(folder)).strip().splitlines()[-_LAST_LINES:], *map(str, broken)]
        raise EnvironmentTrouble(
            "The playbook ended before it was done.",
            evidence="\n".join(last),
            next_step="Repeat it: it goes on where it stopped.",
        )
    return told.steps


def stop(folder: Path, pid: int = 0) -> None:
    """Ends the playbook that runs in `folder`, of this process or of one that was killed."""
    with contextlib.suppress(OSError, ValueError):
        pid = pid or int((folder / "pid").read_text(encoding="utf-8"))
    # Ansible hands SIGTERM on to what it has started, but may end before it comes to all of it.
    if pid:
        process.stop(pid, f"@{folder / 'env' / 'extravars'}")
    process.stop_marked(f"ANSIBLE_HOME={folder / 'home'}")


def log(folder: Path) -> Path:
    """Where everything that the playbook printed is."""
    return folder / "artifacts" / "up" / "stdout"


def failed(data: Mapping[str, Any]) -> EnvironmentTrouble:
    """The error of a step, from the event's data."""
    result = data.get("res") or {}
    parts = [result, *(it for it in result.get("results") or () if it.get("failed"))]
    said = "\n".join(str(it.get(key) or "") for it in parts for key in ("stdout", "stderr", "msg"))
    if any(it.get("rc") == -signal.SIGKILL for it in parts):
        said += "\nsignal: killed"
    lines = [line for line in said.strip().splitlines() if line.strip() and line != "non-zero return code"]
    return EnvironmentTrouble(
        f"The step `{_said(str(data.get('task') or ''), data)}` failed.",
        evidence="\n".join(lines[-_LAST_LINES:]),
        next_step=f"{advice(said)}\nAll that was said: labcheck logs LAB. Repeating goes on from here.",
    )


def _said(task: str, data: Mapping[str, Any]) -> str:
    host = str(data.get("host") or "")
    name = task.rpartition(" : ")[2]
    return name if host in {"", "localhost"} else f"{name} {host}"


def _host(image: str) -> str:
    """What an image is called among Ansible's hosts, whose names may not look like an address with a port.

    >>> _host("docker.io/kindest/node:v1.36.1@sha256:3489")
    'kindest_node_v1.36.1'
    """
    return re.sub(r"[/:]", "_", image.partition("@")[0].partition("/")[2])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _run(folder: Path, inputs: Mapping[str, Any], hear: Any, over: threading.Event) -> None:
    import ansible_runner

    def remember(event: Mapping[str, Any]) -> bool:
        if not (folder / "pid").exists() and event.get("pid"):
            (folder / "pid").write_text(str(event["pid"]), encoding="utf-8")
        return bool(hear(event))

    (folder / "pid").unlink(missing_ok=True)
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    images = {_host(image): {"image": image} for image in inputs["images"]}
    ansible_runner.run(
        private_data_dir=str(folder),
        ident="up",
        playbook=str(PLAYBOOK / "site.yml"),
        roles_path=str(PLAYBOOK / "roles"),
        inventory={
            "all": {"hosts": {"localhost": {}}, "vars": local, "children": {"images": {"hosts": images}}}
        },
        extravars={key: value for key, value in inputs.items() if key != "images"},
        envvars={
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "ANSIBLE_CONFIG": str(PLAYBOOK / "ansible.cfg"),
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "home" / "tmp"),
            "ANSIBLE_REMOTE_TEMP": str(folder / "home" / "tmp"),
            "LC_ALL": "C.UTF-8",
        },
        settings={"pexpect_timeout": 0.1, "suppress_ansible_output": True},
        quiet=True,
        event_handler=remember,
        cancel_callback=over.is_set,
    )
