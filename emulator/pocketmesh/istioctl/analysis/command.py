"""The command `analyze`.

Upstream: istio/istio istioctl/pkg/analyze/analyze.go.
"""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import click

from pocketmesh.istioctl.analysis import namespaces, policies, services, statuses
from pocketmesh.istioctl.analysis.findings import LEVELS, Finding, worst_first
from pocketmesh.istioctl.analysis.world import World, of_cluster, of_file, world
from pocketmesh.istioctl.exits import FINDINGS
from pocketmesh.istioctl.output import as_yaml
from pocketmesh.istioctl.session import Session, connected
from pocketmesh.remote.errors import Failed

ANALYZERS: Final = (
    statuses.conditions,
    statuses.definitions,
    namespaces.injection,
    policies.unmatched,
    policies.sources,
    policies.selectors,
    services.ports,
    services.addresses,
    services.destinations,
    services.references,
)
_LEVEL: Final = click.Choice(LEVELS, case_sensitive=False)
_REFERENCE: Final = "https://istio.io/v1.30/docs/reference/config/analysis"


@click.command("analyze")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--all-namespaces", "-A", "everywhere", is_flag=True, help="Analyze all namespaces.")
@click.option(
    "--use-kube", "-k", type=bool, is_flag=False, flag_value=True, default=True, help="Use the cluster."
)
@click.option("--recursive", "-R", is_flag=True, help="Take the files of folders in folders too.")
@click.option("--suppress", "-S", multiple=True, metavar="CODE=OBJECT", help="Leave a finding out.")
@click.option("--failure-threshold", type=_LEVEL, default="Error", help="The level that fails.")
@click.option("--output-threshold", type=_LEVEL, default="Info", help="The level that is shown.")
@click.option("--output", "-o", type=click.Choice(["log", "json", "yaml"]), default="log", help="The form.")
@click.option("--list-analyzers", "-L", is_flag=True, help="List what is looked for.")
@connected
@click.pass_obj
def analyze_command(
    session: Session,
    files: tuple[Path, ...],
    everywhere: bool,
    use_kube: bool,
    recursive: bool,
    suppress: tuple[str, ...],
    failure_threshold: str,
    output_threshold: str,
    output: str,
    list_analyzers: bool,
) -> None:
    """Find mistakes in a cluster's configuration, or in files."""
    if list_analyzers:
        click.echo(
            "\n".join(f"* {it.__module__.rpartition('.')[2]}.{it.__name__}: {it.__doc__}" for it in ANALYZERS)
        )
        return
    chosen = (
        "" if everywhere else (session.namespace_or_default if use_kube else session.namespace or "default")
    )
    if use_kube and chosen and session.api.get("v1", "Namespace", "", chosen) is None:
        raise Failed(f'namespace "{chosen}" not found')
    local = {str(path): of_file(path, chosen or "default") for path in _expanded(files, recursive)}
    looked_at = world(of_cluster(session.api) if use_kube else (), local)
    found = [it for it in analyzed(looked_at, chosen, suppress) if it.is_at_least(output_threshold)]
    if output == "log":
        for it in found:
            click.echo(it.line(looked_at))
    else:
        data = [it.data(looked_at) for it in found]
        click.echo(json.dumps(data, indent="\t") if output == "json" else as_yaml(data))
    scope = _scope(chosen, list(local))
    if not found and output == "log":
        click.echo(f"✔ No validation issues found when analyzing {scope}.", err=True)
    if any(it.is_at_least(failure_threshold) for it in found):
        raise Failed(
            f"Analyzers found issues when analyzing {scope}.\n"
            f"See {_REFERENCE} for more information about causes and resolutions.",
            FINDINGS,
        )


def analyzed(looked_at: World, namespace: str = "", suppressed: tuple[str, ...] = ()) -> list[Finding]:
    """What is found in one namespace, or in all, the worst first; `CODE=OBJECT` leaves findings out."""
    found = [it for analyzer in ANALYZERS for it in analyzer(looked_at)]
    rules = [rule.partition("=")[::2] for rule in suppressed]
    return worst_first(
        [
            it
            for it in found
            if namespace in ("", it.namespace or namespace)
            and not any(it.code == code and fnmatch(it.origin, what) for code, what in rules)
        ]
    )


def _expanded(paths: tuple[Path, ...], recursive: bool) -> list[Path]:
    """The files themselves; of a folder those that look like YAML."""
    found: list[Path] = []
    for path in paths:
        inside = path.rglob("*") if recursive else path.glob("*")
        kept = (it for it in inside if it.suffix in {".yaml", ".yml", ".json"})
        found += sorted(kept) if path.is_dir() else [path]
    return found


def _scope(namespace: str, files: list[str]) -> str:
    """What was analyzed, in words."""
    if files:
        return f"{' '.join(files)}"
    return f"namespace: {namespace}" if namespace else "all namespaces"
