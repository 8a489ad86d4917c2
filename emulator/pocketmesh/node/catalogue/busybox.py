"""Small Linux images: a shell, the usual programs, and a few that talk to the network."""

from __future__ import annotations

from typing import Final

from pocketmesh.node.commands.curl import curl
from pocketmesh.node.commands.dig import DIG
from pocketmesh.node.commands.names import NAMES
from pocketmesh.node.commands.netcat import nc
from pocketmesh.node.commands.sh import shell_commands
from pocketmesh.node.commands.small import SMALL
from pocketmesh.node.commands.tar import tar
from pocketmesh.node.commands.unable import UNABLE
from pocketmesh.node.commands.wget import wget
from pocketmesh.node.images import Image, Program
from pocketmesh.node.process import Command

LINUX: Final[dict[str, Command]] = {
    **shell_commands(),
    **SMALL,
    **NAMES,
    "nc": nc,
    "ping": UNABLE["ping"],
    "tar": tar,
    "wget": wget,
}
IMAGES: Final = (
    Image(
        "busybox",
        LINUX,
        cmd=("sh",),
        aliases=("gcr.io/google-containers/busybox", "registry.k8s.io/e2e-test-images/busybox"),
    ),
    Image("alpine", LINUX, cmd=("/bin/sh",)),
    Image(
        "nicolaka/netshoot",
        {
            **LINUX,
            **DIG,
            **UNABLE,
            "curl": curl,
            "fortio": Program("pocketmesh.node.apps.fortio.program", "fortio"),
        },
        cmd=("bash",),
        aliases=("ghcr.io/nicolaka/netshoot",),
        workdir="/root",
    ),
)
