"""The end of a command that ran in a pod, read from the final Status of the exec protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass

from labcheck.kube.errors import ApiRefused


@dataclass(frozen=True, slots=True)
class Executed:
    """What a command in a pod left behind."""

    stdout: str
    stderr: str
    code: int


def exit_code(status: str, asked: str) -> int:
    """The exit code that the Status on the error channel reports.

    Source: the remotecommand v4 protocol: Success, or Failure with reason NonZeroExitCode and the code in the
    cause ExitCode. Raises ApiRefused when the command was never run.
    """
    try:
        answer = json.loads(status)
    except ValueError:
        raise ApiRefused(500, {"message": status or "the stream ended without a status"}, asked) from None
    if answer.get("status") == "Success":
        return 0
    for cause in (answer.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode" and str(cause.get("message", "")).isdigit():
            return int(cause["message"])
    raise ApiRefused(int(answer.get("code") or 500), answer, asked)
