"""Commands in a shell that stays open, run by this machine's own shells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labcheck.kube import ApiRefused, ExecTimeout, StreamEnded
from labcheck.kube.execution import exit_code

FAILED = {
    "status": "Failure",
    "reason": "NonZeroExitCode",
    "details": {"causes": [{"reason": "ExitCode", "message": "56"}]},
}


@pytest.mark.parametrize(
    ("script", "output", "code"),
    [
        pytest.param("echo a; echo b", "a\nb\n", 0, id="lines"),
        pytest.param("printf a", "a", 0, id="no newline at the end"),
        pytest.param("printf 'a\\n\\n'", "a\n\n", 0, id="empty lines at the end"),
        pytest.param("(exit 56)", "", 56, id="an exit code"),
        pytest.param("for i in 1 2; do\n  echo $i\ndone", "1\n2\n", 0, id="several lines of script"),
        pytest.param("echo 'it'\"'\"'s $HOME'", "it's $HOME\n", 0, id="quotes"),
        pytest.param("echo a; echo b >&2; echo c", "a\nb\nc\n", 0, id="errors in their place"),
        pytest.param("cat", "", 0, id="nothing to read"),
        pytest.param("no-such-program >/dev/null 2>&1", "", 127, id="no such program"),
        pytest.param("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; false",
                     "0123456789\n" * 20000, 1, id="much output"),
    ],
)  # fmt: skip
def test_a_command_leaves_its_output_and_its_exit_code(
    local_pod: Any, script: str, output: str, code: int
) -> None:
    done = local_pod.shell().run(script, 20)
    assert (done.output, done.code) == (output, code)


def test_a_shell_runs_one_command_after_another_and_keeps_nothing(local_pod: Any) -> None:
    shell = local_pod.shell()
    shell.run("x=1; cd /", 20)
    assert shell.run('echo "$x$PWD"', 20).output == f"{local_pod.folder}\n"


def test_a_command_that_takes_too_long_is_told(local_pod: Any) -> None:
    with pytest.raises(ExecTimeout):
        local_pod.shell().run("sleep 60", 0.2)


def test_a_shell_that_ends_says_how(local_pod: Any) -> None:
    shell = local_pod.shell()
    local_pod.streams[0].process.kill()
    with pytest.raises(StreamEnded, match=r"137|gone"):
        shell.run("echo never", 20)


def test_what_looks_like_the_end_is_not_taken_for_it(local_pod: Any) -> None:
    assert local_pod.shell().run("printf '\\n--0123456789abcdef 0\\n'; (exit 3)", 20).code == 3


@pytest.mark.parametrize(("status", "code"), [({"status": "Success"}, 0), (FAILED, 56)])
def test_the_exit_code_is_in_the_final_status(status: dict[str, object], code: int) -> None:
    assert exit_code(json.dumps(status), "exec") == code


@pytest.mark.parametrize(
    ("status", "message"),
    [
        pytest.param("closing", "closing", id="no status"),
        pytest.param(
            '{"status": "Failure", "message": "container not found", "code": 500}', "not found", id="failure"
        ),
    ],
)
def test_a_command_that_never_ran_is_refused(status: str, message: str) -> None:
    with pytest.raises(ApiRefused, match=message):
        exit_code(status, "exec")
