"""Lifecycle hooks: what a container is asked to do after its start and before its end.

Follows pkg/kubelet/lifecycle/handlers.go: a command, a request whose answer does not matter, or a pause.
A TCP hook is accepted by the API and has never been carried out.
"""

from __future__ import annotations

import asyncio

from pocketmesh.node.network import PodNetwork
from pocketmesh.node.probes import ProbeFailed, Run, fetch
from pocketmesh.objects import Object


class HookFailed(Exception):
    """The hook could not be carried out, or its command failed."""


async def carry_out(
    hook: Object, container: Object, ip: str, source: str, network: PodNetwork, run: Run
) -> None:
    """Returns when the hook has ended. Raises HookFailed."""
    if "exec" in hook:
        code, output = await run(hook["exec"].get("command") or [""])
        if code:
            raise HookFailed(output)
    elif "httpGet" in hook:
        try:
            await fetch(hook["httpGet"], container, ip, source, network)
        except ProbeFailed as failure:
            raise HookFailed(str(failure)) from failure
    elif "sleep" in hook:
        await asyncio.sleep(hook["sleep"].get("seconds", 0))
    else:
        raise HookFailed(f"invalid handler: {hook}")
