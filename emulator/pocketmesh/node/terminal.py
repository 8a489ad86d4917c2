"""A shell on a terminal: the line editor that a pty's line discipline and the shell's own would be.

It echoes, erases, remembers lines, and turns Ctrl-C and Ctrl-D into what they mean. It draws no colours
and does not move inside a line.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from pocketmesh.node.console import Pipe
from pocketmesh.node.process import Invocation, Output
from pocketmesh.node.shell import Shell, is_complete

CTRL_C: Final = 0x03
CTRL_D: Final = 0x04
_ERASE: Final = (0x08, 0x7F)
_KILL_LINE: Final = 0x15
_KILL_WORD: Final = 0x17
_ESCAPE: Final = 0x1B
_INTERRUPTED: Final = 130
_EXIT = re.compile(r"^\s*(?:exit|logout)(?:\s+(\d+))?\s*;?\s*$")


@dataclass
class LineEditor:
    """Keys in, echo and finished lines out; a line of None is the end (Ctrl-D), "\\x03" an interrupt."""

    line: str = ""
    history: deque[str] = field(default_factory=lambda: deque(maxlen=500))
    _position: int = 0
    _escape: bytes = b""
    _pending: bytes = b""

    def feed(self, data: bytes) -> tuple[str, list[str | None]]:
        """Takes keys; returns what to echo and the lines that they finished."""
        echo: list[str] = []
        lines: list[str | None] = []
        for key in data:
            if self._escape:
                echo.append(self._sequence(key))
            elif key == _ESCAPE:
                self._escape = b"\x1b"
            elif key in (0x0D, 0x0A):
                lines.append(self._finish())
                echo.append("\r\n")
            elif key == CTRL_C:
                self.line, self._position = "", 0
                lines.append("\x03")
                echo.append("^C\r\n")
            elif key == CTRL_D:
                if not self.line:
                    lines.append(None)
            elif key in _ERASE:
                echo.append(self._erase(1))
            elif key == _KILL_LINE:
                echo.append(self._erase(len(self.line)))
            elif key == _KILL_WORD:
                echo.append(self._erase(len(self.line) - self.line.rstrip().rfind(" ") - 1))
            elif key >= 0x20:
                echo.append(self._type(key))
        return "".join(echo), lines

    def _type(self, key: int) -> str:
        self._pending += bytes([key])
        try:
            text = self._pending.decode()
        except UnicodeDecodeError:
            if len(self._pending) >= 4:
                self._pending = b""
            return ""
        self._pending = b""
        self.line += text
        return text

    def _erase(self, count: int) -> str:
        count = min(count, len(self.line))
        self.line = self.line[: len(self.line) - count]
        return "\b \b" * count

    def _finish(self) -> str:
        line, self.line, self._position = self.line, "", 0
        if line.strip() and (not self.history or self.history[-1] != line):
            self.history.append(line)
        return line

    def _sequence(self, key: int) -> str:
        """An escape sequence: up and down walk through the history, the rest is ignored."""
        self._escape += bytes([key])
        if len(self._escape) == 2 and key in b"[O":
            return ""
        if len(self._escape) > 2 and not 0x40 <= key <= 0x7E:
            return ""
        step = {b"\x1b[A": 1, b"\x1bOA": 1, b"\x1b[B": -1, b"\x1bOB": -1}.get(self._escape, 0)
        self._escape = b""
        position = self._position + step
        if not step or not 0 <= position <= len(self.history):
            return ""
        self._position = position
        erased = self._erase(len(self.line))
        self.line = self.history[-position] if position else ""
        return erased + self.line


class TerminalOutput:
    """Output as a terminal in its usual mode shows it: newlines return the carriage."""

    def __init__(self, output: Output) -> None:
        self._output = output

    async def write(self, data: bytes, /) -> None:
        await self._output.write(bytes(data).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


class Dialogue:
    """One person at one shell."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._keys = invocation.stdin
        self._screen = invocation.stdout
        self._editor = LineEditor()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._program_input: Pipe | None = None
        self._running: asyncio.Task[int] | None = None
        output = TerminalOutput(invocation.stdout)
        invocation.stdin = _Delegated(self)
        invocation.stdout = invocation.stderr = output
        self._shell = Shell(invocation)
        self._home = invocation.env.get("HOME", "")
        self._root = invocation.container.user == "root"
        self._out = output

    async def run(self) -> int:
        """Until `exit`, Ctrl-D, or the end of the keys; the exit status of the last command."""
        keyboard = asyncio.ensure_future(self._read_keys())
        status, script = 0, ""
        try:
            while True:
                await self._prompt(more=bool(script))
                line = await self._lines.get()
                if line == "\x03":
                    script = ""
                    continue
                if line is None:
                    return status
                script += line
                if not is_complete(script):
                    script += "\n"
                    continue
                leaving = _EXIT.match(script)
                if leaving:
                    return int(leaving.group(1) or status)
                status = await self._execute(script) if script.strip() else status
                script = ""
        finally:
            keyboard.cancel()
            self._invocation.stdin = self._keys  # or the shell would lead back to itself, and stay

    async def _execute(self, script: str) -> int:
        typed_ahead = self._program_input = Pipe()
        self._running = asyncio.ensure_future(self._shell.run(script))
        try:
            return await asyncio.shield(self._running)
        except asyncio.CancelledError:
            if self._running.cancelled():
                return _INTERRUPTED
            self._running.cancel()
            raise
        finally:
            self._running, self._program_input = None, None
            for line in typed_ahead.unread().decode(errors="replace").splitlines():
                self._lines.put_nowait(line)

    async def _prompt(self, *, more: bool) -> None:
        cwd = self._shell.cwd
        place = "~" if self._home and cwd == self._home else cwd
        prompt = "> " if more else f"{place} {'#' if self._root else '$'} "
        await self._screen.write(f"{prompt}{self._editor.line}".encode())

    async def _read_keys(self) -> None:
        while data := await self._keys.read():
            echo, lines = self._editor.feed(data)
            await self._screen.write(echo.encode())
            for line in lines:
                self._take(line)
        self._lines.put_nowait(None)
        if self._program_input is not None:
            self._program_input.close()

    def _take(self, line: str | None) -> None:
        """A finished line goes to the program that runs, or waits for the shell."""
        if self._running is None or self._program_input is None:
            self._lines.put_nowait(line)
        elif line == "\x03":
            self._running.cancel()
        elif line is None:
            self._program_input.close()
        else:
            self._program_input.feed(f"{line}\n".encode())

    async def read_for_program(self, limit: int) -> bytes:
        """What is typed while a program runs."""
        return await self._program_input.read(limit) if self._program_input else b""


class _Delegated:
    """Standard input of the programs that the shell runs."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue

    async def read(self, limit: int = 65536, /) -> bytes:
        return await self._dialogue.read_for_program(limit)


async def dialogue(invocation: Invocation) -> int:
    """Runs a shell on a terminal."""
    return await Dialogue(invocation).run()
