"""The command line: which commands there are, and a word on those that there are not."""

from __future__ import annotations

from typing import Final

import click

from pocketmesh.istioctl.exits import USAGE
from pocketmesh.istioctl.session import Session, connected
from pocketmesh.remote.errors import Failed

_COMMANDS: Final = {
    "analyze": ("analysis.command", "analyze_command"),
    "install": ("install", "install_command"),
    "proxy-status": ("proxies", "status_command"),
    "ps": ("proxies", "status_command"),
    "uninstall": ("install", "uninstall_command"),
    "version": ("version", "version_command"),
    "waypoint": ("waypoint", "waypoint_command"),
    "zc": ("ztunnel_config", "ztunnel_command"),
    "ztunnel-config": ("ztunnel_config", "ztunnel_command"),
}
"""Where each command is, so that only the one that is run is imported."""

_ALIASES: Final = frozenset({"ps", "zc"})
_ELSEWHERE: Final = (
    *("admin", "authz", "bug-report", "check-inject", "completion", "create-remote-secret", "d", "dashboard"),
    *("exp", "experimental", "kube-inject", "manifest", "multicluster", "options", "pc", "profile"),
    *(
        "proxy-config",
        "remote-clusters",
        "revision",
        "tag",
        "upgrade",
        "v",
        "validate",
        "verify-install",
        "x",
    ),
)


class _Istioctl(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS.keys() - _ALIASES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _ELSEWHERE:
            raise Failed(
                f"this stand-in for istioctl has no `{cmd_name}`; the real istioctl may: "
                "https://istio.io/latest/docs/setup/install/istioctl/",
                USAGE,
            )
        if cmd_name not in _COMMANDS:
            return None
        from importlib import import_module

        module, name = _COMMANDS[cmd_name]
        found: click.Command = getattr(import_module(f"{__package__}.{module}"), name)
        return found


@click.group(cls=_Istioctl, context_settings={"help_option_names": ["-h", "--help"]})
@connected
def istioctl() -> None:
    """Istio's command line, as far as the labs need it: labcheck's stand-in for the real istioctl."""


def main(arguments: list[str]) -> int:
    """Exit codes are istioctl's: 0, 1 for a failure, 64 wrong usage, 65 unreadable input, 79 findings."""
    session = Session()
    try:
        code: object = istioctl.main(arguments, prog_name="istioctl", standalone_mode=False, obj=session)
    except click.UsageError as error:
        error.show()
        return USAGE
    except Failed as error:
        click.echo(f"Error: {error}", err=True)
        return error.code
    except click.Abort:
        return 130
    finally:
        session.close()
    return code if isinstance(code, int) else 0
