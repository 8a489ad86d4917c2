"""exec, the shell, and a shell on a terminal."""

from __future__ import annotations

import asyncio
import gc
import io
import re
import tarfile

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.api.runtime import Streams
from pocketmesh.node.programs import Programs
from pocketmesh.node.terminal import LineEditor


@pytest.fixture
async def shell(place, run):
    place.pod()
    await place.until_ready()
    return run


@pytest.mark.parametrize(
    ("script", "output"),
    [
        pytest.param("echo a | tr a-z A-Z", "A\n", id="pipe"),
        pytest.param("for i in 1 2 3; do echo $i; done | sort -r | head -1", "3\n", id="loop"),
        pytest.param("x=$(hostname); echo $x", "a\n", id="our command in a substitution"),
        pytest.param("cat <<END\nhi\nEND", "hi\n", id="here document"),
        pytest.param("echo f > /tmp/f; cat /tmp/f; ls /tmp/f", "f\n/tmp/f\n", id="files"),
        pytest.param("sleep 0.01 && echo done", "done\n", id="sleep"),
        pytest.param("/bin/hostname; which hostname", "a\n/usr/bin/hostname\n", id="by path"),
        pytest.param("sh -c 'exit 4'; echo $?", "4\n", id="a shell in the shell"),
    ],
)
async def test_a_script(shell, script, output):
    assert await shell("sh", "-c", script) == (0, output, "")


async def test_files_last_from_one_exec_to_the_next(shell):
    await shell("sh", "-c", "echo kept > /tmp/kept")
    assert await shell("cat", "/tmp/kept") == (0, "kept\n", "")


async def test_the_exit_code_is_the_scripts(shell):
    assert (await shell("sh", "-c", "exit 7"))[0] == 7


@pytest.mark.parametrize(
    ("script", "code", "output"),
    [
        pytest.param("set -e\necho a\nfalse\necho b\n", 1, "a\n", id="it stops where it fails"),
        pytest.param("trap 'echo bye' EXIT\necho a\n", 0, "a\nbye\n", id="it says goodbye"),
        pytest.param("read x <<<z\necho got $x\n", 0, "got z\n", id="it reads"),
        pytest.param("test -t 0 && echo yes || echo no\n", 0, "no\n", id="it is on no terminal"),
        pytest.param(
            "hostname -i; ps | wc -l; env | grep HOSTNAME\n", 0, "10.244.0.5\n3\nHOSTNAME=a\n", id="ps"
        ),
    ],
)
@pytest.mark.parametrize("given", ["as a word", "on standard input"])
async def test_a_script_is_the_same_however_it_is_given(shell, script, code, output, given):
    arguments, stdin = (["-c", script], b"") if given == "as a word" else ([], script.encode())
    assert (await shell("sh", *arguments, stdin=stdin))[:2] == (code, output)


async def test_an_unknown_command_in_a_script(shell):
    assert await shell("sh", "-c", "frobnicate") == (127, "", "sh: frobnicate: not found\n")


async def test_an_unknown_executable(shell):
    refused = (
        "OCI runtime exec failed: exec failed: unable to start container process: "
        'exec: "foo": executable file not found in $PATH: unknown'
    )
    with pytest.raises(ApiError, match=f"Internal error occurred: .*{re.escape(refused)}$"):
        await shell("foo")


async def test_a_script_file(shell):
    await shell("sh", "-c", "echo 'echo $1 from a file' > /tmp/script")
    assert await shell("sh", "/tmp/script", "hi") == (0, "hi from a file\n", "")
    assert await shell("sh", "/nope") == (127, "", "sh: can't open '/nope'\n")


async def test_standard_input_reaches_the_program(shell):
    assert await shell("sh", "-c", "cat | wc -c", stdin=b"12345") == (0, "5\n", "")
    assert await shell("sh", stdin=b"echo from a script") == (0, "from a script\n", "")


async def test_a_script_on_standard_input_runs_as_it_comes(place, shell, terminal):
    streams = Streams(terminal, terminal.stdout, terminal.stderr)
    task = asyncio.ensure_future(place.verbs.exec("default", "a", "", ["sh"], streams))
    for part, expected in (
        (b"x=5\ncd /tmp\nec", b""),
        (b"ho $x in $PWD\n", b"5 in /tmp\n"),
        (b"for i in 1 2\n", b""),
        (b"do echo $i; done\ncat <<END\n", b""),
        (b"text\nEND\n", b"1\n2\ntext\n"),
    ):
        terminal.typed.put_nowait(part)
        await place.until(lambda expected=expected: terminal.out.endswith(expected))
    terminal.typed.put_nowait(b"if true; then exit 4; fi\n")

    assert await asyncio.wait_for(task, 10) == 4
    assert terminal.out == b"5 in /tmp\n1\n2\ntext\n"


async def test_an_error_on_standard_input_is_the_shells(shell):
    assert await shell("sh", stdin=b"frobnicate\n") == (127, "", "sh: frobnicate: not found\n")


async def test_an_open_shell_ends_with_its_client(place, shell, terminal):
    before = shells()
    streams = Streams(terminal, terminal.stdout, terminal.stderr)
    task = asyncio.ensure_future(place.verbs.exec("default", "a", "", ["sh"], streams))
    terminal.typed.put_nowait(b"echo there\n")
    await place.until(lambda: terminal.out == b"there\n")
    task.cancel()
    await asyncio.wait([task])
    del task  # how it ended leads back to the shell

    await place.until(lambda: shells() <= before)


async def test_nothing_of_the_host_is_there(shell):
    code, out, _ = await shell("sh", "-c", "cat /etc/passwd /etc/shadow; ls /work /usr/lib")
    assert code != 0
    assert out == ""


async def test_an_exec_is_stopped_with_its_container(place, shell):
    waiting = asyncio.ensure_future(shell("sleep", "infinity"))
    await asyncio.sleep(0)
    place.client.delete("pods", "default", "a", grace=0)
    assert (await asyncio.wait_for(waiting, 10))[0] == 137


async def test_exec_into_a_container_that_is_not_there(place, shell):
    with pytest.raises(ApiError, match="container x is not valid for pod a"):
        await place.verbs.exec("default", "a", "x", ["true"], Streams(None, None, None))


class TestTerminal:
    @pytest.fixture
    async def dialogue(self, place, shell, terminal):
        streams = Streams(terminal, terminal.stdout, terminal.stderr, tty=True)
        task = asyncio.ensure_future(place.verbs.exec("default", "a", "", ["sh"], streams))

        async def type_(text, expect):
            terminal.out.clear()
            if text:
                terminal.typed.put_nowait(text.encode())
            await place.until(lambda: expect.encode() in terminal.out)
            return terminal.out.decode()

        await type_("", "/ # ")
        yield type_, task
        task.cancel()
        await asyncio.wait([task])

    async def test_it_echoes_and_answers(self, dialogue):
        type_, _ = dialogue
        assert await type_("echo hi\r", "\r\n/ # ") == "echo hi\r\nhi\r\n/ # "

    async def test_variables_and_directories_last(self, dialogue):
        type_, _ = dialogue
        await type_("X=5; cd /tmp\r", "/tmp # ")
        assert "5\r\n" in await type_("echo $X\r", "\r\n/tmp # ")

    async def test_a_line_may_be_continued(self, dialogue):
        type_, _ = dialogue
        await type_("for i in 1 2\r", "> ")
        assert "1\r\n2\r\n" in await type_("do echo $i; done\r", "/ # ")

    async def test_the_size_is_the_clients(self, place, terminal):
        place.pod()
        await place.until_ready()
        streams = Streams(terminal, terminal.stdout, terminal.stderr, tty=True)
        streams.resize.put_nowait((132, 43))
        running = asyncio.ensure_future(place.verbs.exec("default", "a", "", ["sh"], streams))
        terminal.typed.put_nowait(b"stty size\r")
        await place.until(lambda: b"43 132\r\n" in terminal.out)
        running.cancel()

    async def test_control_c_stops_the_program(self, dialogue):
        type_, _ = dialogue
        await type_("sleep 1000\r", "sleep 1000\r\n")
        assert "130\r\n" in await type_("\x03", "/ # ") + await type_("echo $?; echo 130\r", "130\r\n")

    async def test_control_d_leaves(self, dialogue, terminal):
        _, task = dialogue
        terminal.typed.put_nowait(b"\x04")
        assert await asyncio.wait_for(task, 10) == 0

    async def test_exit_leaves_with_its_code(self, dialogue, terminal):
        _, task = dialogue
        terminal.typed.put_nowait(b"exit 3\r")
        assert await asyncio.wait_for(task, 10) == 3


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        pytest.param("ab\x7fc\r", "ac", id="backspace"),
        pytest.param("one two\x17three\r", "one three", id="erase a word"),
        pytest.param("one\x15two\r", "two", id="erase the line"),
        pytest.param("é\r", "é", id="more than one byte"),
        pytest.param("a\x1b[Cb\r", "ab", id="an arrow is ignored"),
    ],
)
def test_line_editing(keys, line):
    _, lines = LineEditor().feed(keys.encode())
    assert lines == [line]


def test_arrow_up_brings_the_last_line_back():
    editor = LineEditor()
    editor.feed(b"first\r")
    assert editor.feed(b"\x1b[A\r")[1] == ["first"]


async def test_a_loop_runs_every_command(shell):
    code, out, _ = await shell("sh", "-c", "for i in $(seq 1 300); do hostname; done")
    assert (code, out.count("\n")) == (0, 300)


async def test_files_are_copied_in_and_out_as_kubectl_cp_does(shell):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("in.txt")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    assert (await shell("tar", "-xmf", "-", "-C", "/tmp/d", stdin=buffer.getvalue()))[0] == 0
    assert (await shell("cat", "/tmp/d/in.txt"))[1] == "abc"
    assert "tmp/d/in.txt" in (await shell("tar", "cf", "-", "/tmp/d"))[1]
    assert (await shell("sh", "-c", "tar cf - /tmp/d | tar tf -"))[1] == "tmp/d/in.txt\n"


async def test_attach_joins_the_shell_that_a_pod_runs(place, terminal):
    place.pod(command=["sh"], stdin=True, stdinOnce=True, tty=True, restartPolicy="Never")
    await place.until_ready()
    streams = Streams(terminal, terminal.stdout, terminal.stderr, tty=True)
    attached = asyncio.ensure_future(place.verbs.attach("default", "a", "", streams))
    terminal.typed.put_nowait(b"echo $((6 * 7))\r")
    await place.until(lambda: b"42\r\n" in terminal.out)
    terminal.typed.put_nowait(b"exit 2\r")
    assert await asyncio.wait_for(attached, 10) == 0
    await place.until(lambda: place.status()["phase"] == "Failed")


async def test_a_shell_goes_when_its_script_has_ended(shell):
    before = shells()
    for _ in range(3):
        await shell("sh", "-c", "hostname | cat")
    assert shells() <= before


async def test_a_shell_on_a_terminal_goes_when_it_is_left(place, shell, terminal):
    before = shells()
    streams = Streams(terminal, terminal.stdout, terminal.stderr, tty=True)
    terminal.typed.put_nowait(b"hostname\rexit\r")
    await asyncio.wait_for(place.verbs.exec("default", "a", "", ["sh"], streams), 10)
    assert shells() <= before


def shells() -> int:
    gc.collect()
    return sum(isinstance(it, Programs) for it in gc.get_objects())
