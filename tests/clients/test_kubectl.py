"""Conversations with kubectl, as text: what is typed, what is answered, and the exit code.

The files in `kubectl/` hold them. A conversation has a heading and is one bash session in a directory and a
namespace of its own; those of `reading.txt` share a namespace, and only look. In an answer `…` stands for
any text, alone on its line for any lines; runs of spaces count as one, empty lines as none; `[1]` at the
end is the exit code, 0 when absent. A heading may end in the first kubectl that knows the command, and why:
`(1.24: the command is new)`, or in why it is left to the slow tests: `(slow: it tries again after 5 s)`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

BOOK = Path(__file__).parent / "kubectl"
DEADLINE = 60.0
MARK = "---- step ended with"
PREAMBLE = """
exec </dev/null 2>&1
trap 'kill $(jobs -p) 2>/dev/null' EXIT
# What every conversation may use: waits until a file holds a text; runs a command on a terminal.
until_shows() { for _ in {1..400}; do grep -qse "$2" "$1" && return; sleep 0.05; done; cat "$1"; return 1; }
on_terminal() { "$PYTHON" -c '
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$@" | tr -d '\\r'; return "${PIPESTATUS[0]}"; }
"""


@dataclass(frozen=True)
class Step:
    """One command and its answer."""

    command: str
    answer: tuple[str, ...]
    code: int = 0


@dataclass(frozen=True)
class Conversation:
    """What a heading promises, step by step."""

    topic: str
    claim: str
    steps: tuple[Step, ...]
    since: int = 0
    reason: str = ""


def conversations(path: Path) -> Iterator[Conversation]:
    """Those of one file."""
    for part in re.split(r"^# ", path.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        found = re.fullmatch(r"(.*?)(?: \((?:1\.(\d+)|slow): (.*)\))?", heading)
        assert found
        claim, since, reason = found.groups()
        yield Conversation(path.stem, claim, tuple(steps(body)), int(since or 0), reason or "")


def steps(body: str) -> Iterator[Step]:
    """The steps of one conversation."""
    for part in re.split(r"^  \$ ", body, flags=re.MULTILINE)[1:]:
        lines = [line.removeprefix("  ") for line in part.rstrip().split("\n")]
        more = next((number for number, line in enumerate(lines) if number and line[:2] != "> "), len(lines))
        command = "\n".join([lines[0], *(line[2:] for line in lines[1:more])])
        answer = lines[more:]
        code = re.fullmatch(r"\[(\d+)\]", answer[-1]) if answer else None
        yield Step(command, tuple(answer[:-1] if code else answer), int(code[1]) if code else 0)


def plain(text: str) -> str:
    """The text with runs of spaces as one, and without empty lines."""
    return "\n".join(" ".join(line.split()) for line in text.split("\n") if line.strip())


def pattern(answer: tuple[str, ...]) -> str:
    """A regular expression for a plain text."""
    lines = [
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(plain(line)).replace("…", ".*") + r"\n"
        for line in answer
    ]
    return "".join(lines)


def fits(step: Step, said: str, code: int) -> bool:
    """Whether a step went as written."""
    text = plain(said)
    return code == step.code and re.fullmatch(pattern(step.answer), f"{text}\n" if text else "") is not None


def script(conversation: Conversation) -> str:
    """The conversation for bash."""
    told = (f"{step.command}\nprintf '\\n{MARK} %s\\n' $?" for step in conversation.steps)
    return "\n".join([PREAMBLE, *told, ""])


def compared(step: Step, said: str, code: int) -> str:
    """A step as it went, and as it should have gone where it did not."""
    went = [*said.rstrip().split("\n"), f"[{code}]"]
    if fits(step, said, code):
        return "\n".join([f"  $ {step.command}", *went])
    return "\n".join([f"! $ {step.command}", *went, "! expected", *step.answer, f"[{step.code}]", "!"])


@dataclass(frozen=True)
class Desk:
    """A directory, and the environment of a bash that sits in it."""

    directory: Path
    environment: dict[str, str]

    def hold(self, conversation: Conversation) -> Iterator[tuple[Step, str, int]]:
        """Runs a conversation: each step, what was answered, and the exit code."""
        path = self.directory / ".script"
        path.write_text(script(conversation))
        done = subprocess.run(
            ["bash", path],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        *answers, rest = re.split(rf"\n?{MARK} (\d+)\n", done.stdout)
        assert not rest, f"bash went on to say: {rest}"
        for step, said, code in zip(conversation.steps, answers[::2], answers[1::2], strict=True):
            yield step, said, int(code)


@pytest.fixture(scope="session")
def shared(in_new_namespace: Callable[[], Any]) -> Any:
    """kubectl in the namespace of the conversations that only look."""
    kubectl = in_new_namespace()
    kubectl("apply", "-f", str(BOOK / "files"))
    kubectl("wait", "gateway/waypoint", "--for=condition=Programmed", "--timeout=20s")
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    kubectl("rollout", "status", "deployment/waypoint", "--timeout=20s")
    kubectl("wait", "pod/box", "--for=condition=Ready", "--timeout=20s")
    return kubectl


@pytest.fixture
def desk(conversation: Conversation, binary: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    """The conversation's own."""
    kubectl = request.getfixturevalue("shared" if conversation.topic == "reading" else "kubectl")
    if kubectl.minor < conversation.since:
        pytest.skip(f"needs kubectl 1.{conversation.since}: {conversation.reason}")
    shutil.copytree(BOOK / "files", tmp_path, dirs_exist_ok=True)
    (tmp_path / ".bin").mkdir()
    (tmp_path / ".bin" / "kubectl").symlink_to(binary)
    config = yaml.safe_load(Path(kubectl.environment["KUBECONFIG"]).read_text())
    config["contexts"][0]["context"]["namespace"] = kubectl.namespace
    (tmp_path / ".kubeconfig").write_text(yaml.safe_dump(config))
    environment = {
        **kubectl.environment,
        "PATH": f"{tmp_path}/.bin:{kubectl.environment['PATH']}",
        "KUBECONFIG": str(tmp_path / ".kubeconfig"),
        "NAMESPACE": kubectl.namespace,
        "PYTHON": sys.executable,
    }
    return Desk(tmp_path, environment)


ALL = [
    pytest.param(found, id=found.claim, marks=[pytest.mark.slow] if found.reason and not found.since else [])
    for path in sorted(BOOK.glob("*.txt"))
    for found in conversations(path)
]


@pytest.mark.parametrize("conversation", ALL)
def test_kubectl(conversation: Conversation, desk: Desk) -> None:
    went = list(desk.hold(conversation))
    if not all(fits(*part) for part in went):
        pytest.fail("\n".join(compared(*part) for part in went), pytrace=False)
