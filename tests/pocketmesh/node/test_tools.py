"""The tools of netshoot that look at names, and those that cannot work here."""

from __future__ import annotations

import pytest


@pytest.fixture
async def netshoot(place, run):
    place.pod("a", image="nicolaka/netshoot:latest", command=["sleep", "infinity"])
    await place.until_ready("a")
    place.network.names |= {"web": ["10.96.0.7"], "web.default.svc.cluster.local.": ["10.96.0.7"]}
    return run


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["dig", "+short", "web.default.svc.cluster.local"], "10.96.0.7\n"),
        (["dig", "+short", "+search", "web", "A"], "10.96.0.7\n"),
        (["dig", "+short", "web"], ""),
        (["dig", "+short", "web.default.svc.cluster.local", "SRV"], ""),
        (["host", "web"], "web has address 10.96.0.7\n"),
    ],
)
async def test_names_are_asked_for(netshoot, words: list[str], expected: str) -> None:
    assert (await netshoot(*words))[1] == expected


@pytest.mark.parametrize(
    ("name", "status"), [("web.default.svc.cluster.local", "NOERROR"), ("nothing.local", "NXDOMAIN")]
)
async def test_dig_tells_the_status(netshoot, name: str, status: str) -> None:
    _, out, _ = await netshoot("dig", name)

    assert f"status: {status}" in out
    assert f";{name}.\t" in out


@pytest.mark.parametrize("program", ["ping", "ss", "tcpdump"])
async def test_what_cannot_work_says_so(netshoot, program: str) -> None:
    code, _, err = await netshoot(program, "web")

    assert code == 1
    assert err.startswith(f"{program}: not emulated: ")


async def test_a_shell_finds_them_too(netshoot) -> None:
    _, out, err = await netshoot("sh", "-c", "dig +short +search web; ping web || echo failed")

    assert out == "10.96.0.7\nfailed\n"
    assert err.startswith("ping: not emulated")
