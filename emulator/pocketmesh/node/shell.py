"""The shell in a pod: bashkit, and the only module that knows it.

bashkit interprets bash in a sandbox: its files are memory, its commands are its own or ours, and it
starts no process and opens no socket. It is young, so nothing of it leaks out of here: the rest of the
node sees Commands and Files.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import AsyncIterator, Iterator
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

from pocketmesh.node.files import DiskFiles, MemoryFiles, MountedFiles
from pocketmesh.node.process import Container, Invocation, NoInput
from pocketmesh.node.programs import Programs

if TYPE_CHECKING:
    from bashkit import Bash, FileSystem

_UNLIMITED: Final = 2**31 - 1
_SECONDS: Final = 10.0**9
_DIRECTORIES: Final = ("/bin", "/dev", "/etc", "/home", "/proc", "/root", "/tmp", "/usr/bin", "/var/run")
_STANDARD_INPUT: Final = "standard-input"
_NEXT_PART: Final = "next-part"
_PARTS: Final = "/proc/self/input"

_NOT_FOUND = re.compile(rb"^(?:bash|\S+): line \d+: (\S+): command not found(?:\. Did you mean: .*)?$", re.M)
_INCOMPLETE = re.compile(r"unexpected end of file|unexpected EOF|unterminated")
_HERE_DOCUMENT = re.compile(r"(?<!<)<<-?\s*(['\"]?)([A-Za-z_]\w*)\1")
_READ_ONLY = re.compile(rb"(?:io error: )?filesystem is read-only")
_OURS = re.compile(rb"^(?:bash|%s/\w+): (?:line \d+: )?" % _PARTS.encode(), re.M)


class ShellFiles:
    """Files in bashkit's memory, shared by all shells that see them."""

    def __init__(self) -> None:
        from bashkit import FileSystem

        self.volume: FileSystem = FileSystem()
        for entry in self.volume.read_dir("/"):
            self.volume.remove(f"/{entry['name']}", recursive=True)

    def read(self, path: str) -> bytes:
        if not self.volume.exists(path):
            raise FileNotFoundError(path)
        return self.volume.read_file(path)

    def write(self, path: str, content: bytes) -> None:
        above = path.rpartition("/")[0]
        if above:
            self.volume.mkdir(above, recursive=True)
        self.volume.write_file(path, content)

    def exists(self, path: str) -> bool:
        return self.volume.exists(path)

    def below(self, path: str) -> list[str]:
        if not self.volume.exists(path):
            return []
        if self.volume.stat(path)["file_type"] != "directory":
            return [path]
        names = sorted(entry["name"] for entry in self.volume.read_dir(path))
        return [found for name in names for found in self.below(f"{path.rstrip('/')}/{name}")]

    def remove(self, path: str) -> None:
        if self.volume.exists(path):
            self.volume.remove(path, recursive=True)

    def chmod(self, path: str, mode: int) -> None:
        self.volume.chmod(path, mode)


class Shell:
    """One shell: its variables and working directory last from script to script."""

    def __init__(self, invocation: Invocation) -> None:
        from bashkit import Bash, ExecutionProfile

        container = invocation.container
        self._invocation = invocation
        self._bash: Bash = Bash(
            username=container.user,
            hostname=container.hostname,
            env={**invocation.env, "PWD": invocation.cwd},
            cwd=invocation.cwd,
            max_commands=_UNLIMITED,
            max_loop_iterations=_UNLIMITED,
            timeout_seconds=_SECONDS,
            profile=ExecutionProfile.Interactive,
        )
        for path, volume, read_only in _volumes(container):
            self._bash.mount(path, volume, read_only=read_only)
        self._programs = Programs(invocation)
        self._bash.add_command(_STANDARD_INPUT, self._programs.give_input)
        for name, command in container.commands.items():
            if name not in SHELLS and not isinstance(command, Builtin):
                self._bash.add_command(name, self._programs.adapted(name, command))

    @property
    def cwd(self) -> str:
        """The working directory now."""
        return self._bash.shell_state().cwd

    def reads_input(self, script: str) -> bool:
        """Whether a script has a built-in command that may read the shell's own standard input."""
        from bashkit import BashError

        if isinstance(self._invocation.stdin, NoInput):
            return False
        try:
            return not _READERS.isdisjoint(_grammar().analyze(script).command_names)
        except BashError:
            return False

    def fed(self, script: str) -> str:
        """A script whose built-in commands see the standard input, which bashkit cannot be given."""
        if isinstance(self._invocation.stdin, NoInput):
            return script
        return f"{_STANDARD_INPUT} | {{\n{script}\n}}"

    async def run(self, script: str) -> int:
        """Runs a script, writing output as it is produced, and returns its exit status.

        When cancelled it stops the script; the shell may be used again afterwards.
        """
        name = self._invocation.argv[0].rpartition("/")[2].encode()
        out, err = self._invocation.stdout, self._invocation.stderr

        async def stdout(data: bytes) -> None:  # bashkit wants true coroutine functions
            await out.write(data)

        async def stderr(data: bytes) -> None:
            data = _READ_ONLY.sub(b"Read-only file system", data)
            await err.write(_OURS.sub(name + b": ", _NOT_FOUND.sub(name + rb": \1: not found", data)))

        execution = asyncio.ensure_future(self._bash.execute(script, stdout=stdout, stderr=stderr))
        try:
            result: Any = await asyncio.shield(execution)
        except asyncio.CancelledError:
            # The script ends at the next command, so the command that runs now has to end too.
            self._bash.cancel()
            self._programs.cancel()
            await asyncio.wait([execution])
            self._bash.clear_cancel()
            raise
        if result.error:
            await err.write(name + f": {result.error}\n".encode())
        return int(result.exit_code)

    async def follow(self, parts: AsyncIterator[str]) -> int:
        """Runs scripts as they come until one leaves the shell; returns the last one's exit status.

        To bashkit they are files of one long script: its beginning and its end cost more than most parts.
        """
        files, path = ShellFiles(), f"{_PARTS}/part"
        self._bash.mount(_PARTS, files.volume)
        self._bash.add_command(_NEXT_PART, self._programs.next_part(partial(files.write, "/part")))
        self._programs.parts = parts
        try:
            return await self.run(f"while {_NEXT_PART}; do . {path}; done")
        finally:
            self._programs.parts = None  # it may lead back to here


def is_complete(script: str) -> bool:
    """Whether a script may be run, rather than continued on another line."""
    from bashkit import BashError

    if script.endswith("\\"):
        return False
    lines = {line.lstrip("\t") for line in script.splitlines()}
    if any(match[2] not in lines for match in _HERE_DOCUMENT.finditer(script)):
        return False
    try:
        _grammar().analyze(script)
    except BashError as error:
        return not _INCOMPLETE.search(str(error))
    return True


@cache
def _grammar() -> Bash:
    """Reads scripts and runs none: a shell cannot be asked while it runs one."""
    from bashkit import Bash

    return Bash()


def _volumes(container: Container) -> Iterator[tuple[str, FileSystem, bool]]:
    """What a container's shells see: path, files, and whether they are read-only."""
    files = container.files
    if not isinstance(files, MountedFiles):
        raise TypeError(f"{container.name} has files that no shell can use")
    if files.own.successor is None:
        own = _in_memory(files.own)
        for directory in _DIRECTORIES:
            own.mkdir(directory, recursive=True)
        own.write_file("/dev/null", b"")
        for directory in ("/bin", "/usr/bin"):
            for name in container.commands:
                own.write_file(f"{directory}/{name}", f'{name} "$@"\n'.encode())
                own.chmod(f"{directory}/{name}", 0o755)
    yield "/", _in_memory(files.own), False
    for mount in files.mounts:
        yield mount.path, _seen(mount.files), mount.read_only


def _seen(files: MemoryFiles | DiskFiles) -> FileSystem:
    """Files as bashkit has them. Of a disk it opens no more than the directory, whatever links lead to."""
    from bashkit import FileSystem

    if isinstance(files, MemoryFiles):
        return _in_memory(files)
    files.directory.mkdir(parents=True, exist_ok=True)
    return FileSystem.real(str(files.directory), writable=True)


def _in_memory(files: MemoryFiles) -> FileSystem:
    if files.successor is None:
        files.hand_over(ShellFiles())
    assert isinstance(files.successor, ShellFiles)
    return files.successor.volume


class Builtin:
    """A program that the shell has built in (`cat`, `ls`, …) as a command of its own."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, invocation: Invocation) -> int:
        shell = Shell(invocation)
        script = shlex.join([self._name, *invocation.argv[1:]])
        files = invocation.container.files
        paths = (os.path.join(invocation.cwd, word) for word in invocation.argv[1:])
        if self._name in _READERS and not any(files.exists(path) for path in paths):
            return await shell.run(shell.fed(script))
        return await shell.run(script)


_READERS: Final = frozenset(
    {
        "awk",
        "base64",
        "cat",
        "grep",
        "head",
        "jq",
        "read",
        "sed",
        "sort",
        "tail",
        "tee",
        "tr",
        "uniq",
        "wc",
        "xargs",
    }
)
"""What the shell has built in that reads standard input."""
SHELLS: Final = frozenset({"sh", "bash", "ash"})
BUILTINS: Final = (
    *("awk", "base64", "basename", "cat", "chmod", "cp", "cut", "date", "dirname", "echo", "false", "find"),
    *("grep", "gunzip", "gzip", "head", "jq", "ln", "ls", "md5sum", "mkdir", "mktemp", "mv", "printf", "pwd"),
    *("rm", "rmdir", "sed", "seq", "sha256sum", "sort", "stat", "tail", "tee", "test", "touch", "tr"),
    *("true", "uniq", "wc", "which", "xargs", "yes"),
)
"""Executables of a small Linux image that the shell itself provides."""
