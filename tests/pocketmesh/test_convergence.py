from __future__ import annotations

import pytest

from pocketmesh.api.calls import Caller
from pocketmesh.api.errors import ApiError
from pocketmesh.api.server.server import ExtraCall
from pocketmesh.convergence import Convergence, converge

CALLER = Caller("admin", ())


class Scripted:
    """A part that is behind at the looks that it is told of, the last of them for ever."""

    def __init__(self, *looks: list[str]) -> None:
        self.looks = list(looks)
        self.asked = 0

    def behind(self) -> list[str]:
        self.asked += 1
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


async def test_it_waits_for_every_part() -> None:
    slow = Scripted(["pod a"], ["pod a"], ["proxy w"], [])
    assert await converge([Scripted([]), slow]) == []
    assert slow.looks == [[]]


async def test_what_shows_itself_a_moment_later_is_waited_for() -> None:
    late = Scripted([], ["pod a"], [])
    assert await converge([late]) == []
    assert late.asked == 5


async def test_when_the_time_is_up_it_says_what_is_still_behind() -> None:
    assert await converge([Scripted(["pod a"]), Scripted(["proxy w"])], longest=0.0) == ["pod a", "proxy w"]


async def test_the_call_says_whether_all_has_followed() -> None:
    answer = await Convergence(Scripted([]))(ExtraCall("POST", "", CALLER, b""))
    assert answer == {"converged": True, "behind": []}


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/more")])
async def test_there_is_nothing_else_to_ask(method: str, path: str) -> None:
    with pytest.raises(ApiError) as raised:
        await Convergence()(ExtraCall(method, path, CALLER, b""))
    assert raised.value.code == 404
