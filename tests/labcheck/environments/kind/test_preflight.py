from __future__ import annotations

from dataclasses import replace

import pytest

from labcheck.environments.kind.engine import Description
from labcheck.environments.kind.facts import Facts
from labcheck.environments.kind.preflight import findings, refuse
from labcheck.environments.kind.versions import versions
from labcheck.environments.tools import Found
from labcheck.errors import EnvironmentTrouble

ENGINE = Description("Docker", "29.1.3", "unix:///var/run/docker.sock", 16000, 8, "2")
GOOD = Facts(
    engine=ENGINE,
    client="/usr/bin/docker",
    tools={
        "kind": Found("/usr/bin/kind", "0.32.0", True),
        "kubectl": Found("/usr/bin/kubectl", "1.36.1", True),
        "istioctl": Found("/usr/bin/istioctl", "1.30.3", True),
    },
    images={"docker.io/a:1": True},
    memory_mb=12000,
    disk_mb=60000,
    inotify_instances=8192,
    inotify_watches=524288,
)


def desktop(**fields: object) -> Facts:
    return replace(GOOD, engine=replace(ENGINE, desktop=True, **fields))  # type: ignore[arg-type]


def test_a_good_machine_has_nothing_to_mend() -> None:
    found = findings(GOOD, versions())
    assert [it for it in found if it.fix] == []
    refuse(found)


@pytest.mark.parametrize(
    ("facts", "what", "said", "fix"),
    [
        pytest.param(
            replace(GOOD, missing=("docker",)), "extra", "docker", "labcheck[kind]", id="extra missing"
        ),
        pytest.param(
            replace(GOOD, tools={**GOOD.tools, "kind": None}),
            "kind",
            "not installed",
            "labcheck tools install",
            id="no kind",
        ),
        pytest.param(
            replace(GOOD, tools={**GOOD.tools, "kind": Found("/opt/kind", "0.27.0", False)}),
            "kind",
            "0.27.0 (/opt/kind)",
            "0.32 or newer, below 0.34",
            id="old kind",
        ),
        pytest.param(
            replace(GOOD, tools={**GOOD.tools, "istioctl": Found("/opt/istioctl", "", False)}),
            "istioctl",
            "does not tell",
            "anew",
            id="mute istioctl",
        ),
        pytest.param(
            Facts(
                engine=None, trouble=EnvironmentTrouble("No container engine answers.", next_step="Start.")
            ),
            "engine",
            "No container engine answers.",
            "Start.",
            id="no engine",
        ),
        pytest.param(
            replace(GOOD, client=None), "command", "`docker` is not on the PATH", "docker-cli", id="no docker"
        ),
        pytest.param(
            replace(GOOD, engine=replace(ENGINE, name="Podman"), client=None),
            "command",
            "`podman`",
            "apt install podman",
            id="no podman",
        ),
        pytest.param(
            replace(GOOD, memory_mb=900), "memory", "900 MB", "A lab on kind needs 3000 MB", id="no memory"
        ),
        pytest.param(desktop(memory_mb=2000), "memory", "2000 MB", "Docker Desktop more", id="small desktop"),
        pytest.param(
            replace(GOOD, engine=replace(ENGINE, cpus=1)), "cpus", "1", "Give the engine", id="one cpu"
        ),
        pytest.param(replace(GOOD, disk_mb=4000), "disk", "4000 MB", "docker system prune", id="full disk"),
        pytest.param(
            replace(GOOD, engine=replace(ENGINE, cgroup="1")), "cgroup", "1", "unified_cgroup", id="cgroup 1"
        ),
        pytest.param(
            replace(GOOD, engine=replace(ENGINE, cgroup="v1")),
            "cgroup",
            "1",
            "unified",
            id="cgroup of Podman",
        ),
        pytest.param(
            replace(GOOD, engine=replace(ENGINE, rootless=True, lacks=("cpu",))),
            "delegation",
            "cannot limit cpu",
            "Delegate=yes",
            id="rootless without delegation",
        ),
        pytest.param(
            replace(GOOD, images={"docker.io/a:1": False}, unreachable={"docker.io": "no such host"}),
            "images",
            "docker.io: no such host",
            "docker load",
            id="images out of reach",
        ),
    ],
)
def test_what_is_in_the_way_is_refused_with_its_fix(facts: Facts, what: str, said: str, fix: str) -> None:
    found = findings(facts, versions())
    (wrong,) = [it for it in found if it.wrong]
    assert wrong.what == what
    assert said in wrong.found
    assert fix in wrong.fix
    with pytest.raises(EnvironmentTrouble, match=f"yet: {what}") as raised:
        refuse(found)
    assert wrong.fix in raised.value.evidence


@pytest.mark.parametrize(
    ("facts", "what", "fix"),
    [
        pytest.param(
            replace(GOOD, inotify_instances=128),
            "inotify instances",
            "max_user_instances=512",
            id="instances",
        ),
        pytest.param(replace(GOOD, inotify_watches=8192), "inotify watches", "=524288", id="watches"),
        pytest.param(replace(GOOD, proxy="http://proxy:3128"), "proxy", "Tell the engine", id="proxy"),
    ],
)
def test_what_may_do_harm_is_noted_and_not_refused(facts: Facts, what: str, fix: str) -> None:
    found = findings(facts, versions())
    (noted,) = [it for it in found if it.fix]
    assert (noted.what, noted.wrong) == (what, False)
    assert fix in noted.fix
    refuse(found)


@pytest.mark.parametrize(
    ("facts", "what", "said"),
    [
        pytest.param(
            desktop(rootless=True), "engine", "Docker Desktop 29.1.3, rootless at unix", id="desktop"
        ),
        pytest.param(
            replace(GOOD, images={"a": False, "b": True}), "images", "1 of 2 will be pulled: a", id="to pull"
        ),
        pytest.param(
            replace(GOOD, proxy="p", engine=replace(ENGINE, proxy="p")),
            "images",
            "all 1",
            id="both know the proxy",
        ),
    ],
)
def test_what_is_well_is_said(facts: Facts, what: str, said: str) -> None:
    found = {it.what: it for it in findings(facts, versions())}
    assert said in found[what].found
    assert not found[what].fix


def test_more_nodes_need_more_memory() -> None:
    facts = replace(GOOD, memory_mb=3500)
    assert not any(it.wrong for it in findings(facts, versions(), nodes=1))
    assert any(it.wrong for it in findings(facts, versions(), nodes=3))


def test_a_lab_without_istio_needs_no_istioctl() -> None:
    facts = replace(GOOD, tools={**GOOD.tools, "istioctl": None})
    assert not any(it.wrong for it in findings(facts, versions(), istio=False))
