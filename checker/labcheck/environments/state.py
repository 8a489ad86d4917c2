"""What labcheck remembers between commands: one folder for each lab that runs, private to its user.

STATE/environments/lab-03-waypoint.lock     held by whoever changes the environment
STATE/environments/lab-03-waypoint/
    record.json          which variant, which provider, how far it is
    kubeconfig           the learner's, with the lab's namespace
    grader.kubeconfig    the grader's, which reads only
    setup.json           the setup's objects as the server answered when they were applied; guarded ones with
                         today's uids
    grading.json         the last report
    seen.json            what its checks looked at
    hints.json           which hints of each task were shown
    solution.json        why the solution is open: the lab was passed, or given up
    bin/                 a stand-in for istioctl, where none is on the PATH
    cluster/             the provider's own
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from labcheck.environments.standin import search_path
from labcheck.errors import EnvironmentTrouble


@dataclass(frozen=True, slots=True)
class Record:
    """One environment, as it was when it was last changed."""

    lab: str
    lab_folder: str
    provider: str
    seed: int
    namespace: str
    status: Literal["creating", "ready"]
    seconds: float = 0.0
    prefix: str = ""
    """What stands before the names of the lab's namespaces."""
    probes: dict[str, str] = field(default_factory=dict)
    """The pods that checks send requests from, as NAMESPACE/POD, by the lab's names for them."""


class EnvironmentFolder:
    """One environment's folder. Every write is whole or absent, and readable by its user alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kubeconfig = path / "kubeconfig"
        self.grader_kubeconfig = path / "grader.kubeconfig"
        self.cluster = path / "cluster"

    def variables(self) -> dict[str, str]:
        """What a program needs in its environment to talk to the lab."""
        record = self.record()
        found = {
            "KUBECONFIG": str(self.kubeconfig),
            # kubectl caches what a server offers by host and port, and a later lab may get this one's port.
            "KUBECACHEDIR": str(self.path / "kubectl-cache"),
            "LABCHECK_LAB": self.path.name,
            # So that `labcheck` finds the same lab in whatever folder the program works.
            "LABCHECK_STATE": str(self.path.parents[1]),
        }
        if record and record.lab_folder:
            found["LABCHECK_LABS"] = str(Path(record.lab_folder).parent)
        if record and record.provider == "embedded":
            found["PATH"] = self._search_path()
        return found

    def record(self) -> Record | None:
        """What runs here, or None when nothing does."""
        data = self.load("record.json")
        try:
            return Record(**data) if data else None
        except TypeError:
            # Written by another version: nothing to rely on, so it is as good as interrupted.
            return Record(str(data.get("lab", self.path.name)), "", "embedded", 0, "default", "creating")

    def _search_path(self) -> str:
        """The PATH, with stand-ins for what is missing on it."""
        try:
            return search_path(self.path, os.environ.get("PATH", os.defpath))
        except OSError as error:
            raise _unusable(self.path, error) from error

    def remember(self, record: Record) -> None:
        self.save("record.json", asdict(record))

    def load(self, name: str) -> dict[str, Any]:
        """The JSON object in a file of this folder; empty when there is none."""
        try:
            data = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}
        except OSError as error:
            raise _unusable(self.path, error) from error
        return data if isinstance(data, dict) else {}

    def save(self, name: str, data: Mapping[str, Any]) -> None:
        """Writes a JSON object into a file of this folder."""
        self.write(name, json.dumps(data))

    def write(self, name: str, text: str) -> None:
        """Writes a file of this folder. Raises EnvironmentTrouble."""
        try:
            for folder in (self.path.parent, self.path, self.cluster):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.path, delete=False, encoding="utf-8") as file:
                try:
                    file.write(text)
                    file.close()
                    os.replace(file.name, self.path / name)
                except BaseException:
                    os.unlink(file.name)
                    raise
        except OSError as error:
            raise _unusable(self.path, error) from error

    def remove(self) -> None:
        """Forgets the environment; what it does not contain is no error."""
        try:
            shutil.rmtree(self.path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _unusable(self.path, error) from error


class StateFolder:
    """All environments of this user."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._environments = root / "environments"

    def environment(self, lab_id: str) -> EnvironmentFolder:
        return EnvironmentFolder(self._environments / lab_id)

    def environments(self) -> list[EnvironmentFolder]:
        """Those that have a record, by name."""
        found = sorted(self._environments.glob("*/record.json"))
        return [EnvironmentFolder(path.parent) for path in found]

    @contextlib.contextmanager
    def lock(self, lab_id: str, waiting: str = "") -> Iterator[None]:
        """Held while an environment is changed. Prints `waiting` to standard error when another holds it."""
        try:
            self._environments.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.root.chmod(0o700)
            file = os.open(
                self._environments / f"{lab_id}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise _unusable(self.root, error) from error
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting:
                    os.write(2, f"{waiting}\n".encode())
                fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)


def state_folder(variables: Mapping[str, str]) -> StateFolder:
    """Where the state is: $LABCHECK_STATE, else under $XDG_STATE_HOME, else ~/.local/state/labcheck."""
    if named := variables.get("LABCHECK_STATE"):
        return StateFolder(Path(named).absolute())
    base = variables.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return StateFolder(Path(base) / "labcheck")


def _unusable(path: Path, error: OSError) -> EnvironmentTrouble:
    return EnvironmentTrouble(
        f"labcheck cannot keep its state in {path}.",
        evidence=f"{error.strerror or error}.",
        next_step="Make room or fix its permissions, or name another folder: LABCHECK_STATE=DIR labcheck …",
    )
