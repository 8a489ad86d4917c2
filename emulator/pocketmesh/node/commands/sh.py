"""The command `sh`: a script, a file, standard input, or a dialogue on a terminal."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import AsyncIterator

from pocketmesh.node.process import Command, Input, Invocation, NoInput
from pocketmesh.node.shell import BUILTINS, SHELLS, Builtin, Shell, is_complete
from pocketmesh.node.terminal import dialogue


async def sh(invocation: Invocation) -> int:
    """`sh`: `-c SCRIPT [NAME ARG…]`, a script file, a script on standard input, or a dialogue."""
    try:
        script, arguments, interactive = _parse(invocation)
    except FileNotFoundError as missing:
        await invocation.stderr.write(f"{invocation.argv[0]}: can't open '{missing}'\n".encode())
        return 127
    if script is None and (interactive or invocation.tty):
        return await dialogue(invocation)
    if script is None:
        return await _as_it_comes(invocation)
    if arguments:
        script = f"set -- {shlex.join(arguments)}\n{script}"
    shell = Shell(invocation)
    return await shell.run(shell.fed(script) if shell.reads_input(script) else script)


def _parse(invocation: Invocation) -> tuple[str | None, list[str], bool]:
    """The script, its arguments, and whether `-i` was given."""
    words, interactive = invocation.argv[1:], False
    while words and words[0].startswith("-") and len(words[0]) > 1:
        flags = words.pop(0)
        if flags == "--":
            break
        interactive = interactive or "i" in flags
        if not flags.startswith("--") and "c" in flags:
            script = words.pop(0) if words else ""
            prefix = "set -e\n" if "e" in flags else ""
            return prefix + script, words[1:], interactive
    if words:
        path = posixpath.join(invocation.cwd, words[0])
        return invocation.container.files.read(path).decode(errors="replace"), words[1:], interactive
    return None, [], interactive


async def _as_it_comes(invocation: Invocation) -> int:
    """Runs standard input as a script, whole commands at a time: who writes it may wait for answers."""
    source, invocation.stdin = invocation.stdin, NoInput()
    return await Shell(invocation).follow(_parts(source))


async def _parts(source: Input) -> AsyncIterator[str]:
    waiting = b""
    while chunk := await source.read():
        waiting += chunk
        lines, newline, rest = waiting.rpartition(b"\n")
        script = lines.decode(errors="replace")
        if newline and is_complete(script):
            waiting = rest
            yield script
    if waiting:
        yield waiting.decode(errors="replace")


def shell_commands() -> dict[str, Command]:
    """The shell under its names, and everything it provides."""
    return {**dict.fromkeys(SHELLS, sh), **{name: Builtin(name) for name in BUILTINS}}
