"""Commands in a pod, by a shell that stays open there.

An exec for each would cost a connection, and where a container runtime starts it, a tenth of a second. The
shell needs no more than POSIX: busybox's will do. It keeps nothing from command to command.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass

from labcheck.kube.errors import ApiRefused, StreamEnded
from labcheck.kube.stream import STATUS, STDOUT, Stream


@dataclass(frozen=True, slots=True)
class Executed:
    """What a command in a pod left behind."""

    output: str
    """Standard output and standard error, as on a terminal."""
    code: int


class Shell:
    """One shell in a pod, for one command after another. One that raises leaves it of no use."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._mark = f"--{secrets.token_hex(8)}"

    def run(self, script: str, timeout: float) -> Executed:
        """Runs a script that reads no input and does not `exit`.

        Raises ExecTimeout, StreamEnded when the shell has ended, and ApiRefused when there never was one.
        """
        deadline = time.monotonic() + timeout
        output, status = bytearray(), b""
        end = f"\n{self._mark} ".encode()
        try:
            self._stream.send(_line(script, self._mark).encode())
            while not (output.endswith(b"\n") and end in output):
                channel, data = self._stream.receive(deadline)
                if channel == STDOUT:
                    output += data
                elif channel == STATUS:
                    status += data
        except StreamEnded:
            if status:
                code = exit_code(status.decode(errors="replace"), "a shell in a pod")
                raise StreamEnded(f"The shell in a pod ended with {code}.") from None
            raise
        text, _, last = output.rpartition(end)
        return Executed(text.decode(errors="replace"), int(last))

    def close(self) -> None:
        """Ends the shell."""
        self._stream.close()


def _line(script: str, mark: str) -> str:
    # All is printed at once: each piece on its own would cost both ends a message.
    return (
        f"all=$({{ {script}\n}} </dev/null 2>&1; printf '\\n%s %s\\n' {mark} $?); printf '%s\\n' \"$all\"\n"
    )


def exit_code(status: str, asked: str) -> int:
    """The exit code that the Status on the channel of errors reports.

    Source: the remotecommand v4 protocol: Success, or Failure with reason NonZeroExitCode and the code in the
    cause ExitCode. Raises ApiRefused when the command was never run.
    """
    try:
        answer = json.loads(status)
    except ValueError:
        raise ApiRefused(500, {"message": status}, asked) from None
    if answer.get("status") == "Success":
        return 0
    for cause in (answer.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode" and str(cause.get("message", "")).isdigit():
            return int(cause["message"])
    raise ApiRefused(int(answer.get("code") or 500), answer, asked)
