"""Commands in a running container, beside its main process: what probes and hooks ask for."""

from __future__ import annotations

from collections.abc import Sequence

from pocketmesh.node.console import Captured
from pocketmesh.node.launch import NotExecutable, program
from pocketmesh.node.process import Container, Invocation, NoInput


async def beside(container: Container, argv: Sequence[str]) -> tuple[int, str]:
    """Runs a command to its end: its exit code and what it wrote."""
    output = Captured()
    try:
        command = program(container, argv[0])
    except NotExecutable as problem:
        return 1, f"OCI runtime exec failed: exec failed: unable to start container process: {problem}"
    invocation = Invocation(
        argv=list(argv),
        container=container,
        stdin=NoInput(),
        stdout=output,
        stderr=output,
        env=container.env,
        cwd=container.cwd,
    )
    return await command(invocation), output.text()
