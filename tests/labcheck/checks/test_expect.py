from __future__ import annotations

from collections.abc import Callable, Container, Iterator

import pytest

from labcheck.checks.expect import Expect, shown
from labcheck.checks.journal import Journal
from labcheck.checks.resource import Resource
from labcheck.checks.response import Refusal, Response, Sample
from labcheck.checks.verdict import Failed

OK = Response(200, {}, "hello")
RESET = Response(0, {}, "", 56)
DENIED = Response(403, {}, "RBAC: access denied")
ROUTE = Resource(
    kind="HTTPRoute",
    metadata={"name": "r", "namespace": "n"},
    spec={"rules": [{"name": "b", "weight": 1}, {"name": "a", "weight": 2}]},
)


class Service:
    """So many of ten requests are answered by v2."""

    def __init__(self, of_ten: int, refuses: Container[int] = ()) -> None:
        self.of_ten, self.refuses = of_ten, refuses
        self.batches: list[int] = []

    def send(self, n: int) -> Sample:
        sent = sum(self.batches)
        self.batches.append(n)
        return Sample(tuple(map(self.answer, range(sent, sent + n))), "curl http://a/")

    def answer(self, number: int) -> Response:
        version = "v2" if number % 10 < self.of_ten else "v1"
        return RESET if number in self.refuses else Response(200, {}, version)


def v2(reply: Response) -> bool:
    return reply.body == "v2"


def failed(reply: Response) -> bool:
    return not reply.ok


class Time:
    """A clock that stands still but for pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def expect(time: Time) -> Expect:
    return Expect(patience=1.0, clock=time.clock, pause=time.pause)


def scripted(expect: Expect, *rounds: str) -> Callable[[], str]:
    """A look whose rounds pass ("+…") or fail ("-…") in turn, the last one for ever."""

    def outcomes() -> Iterator[str]:
        yield from rounds
        while True:
            yield rounds[-1]

    script = outcomes()

    def look() -> str:
        outcome = next(script)
        expect.holds(outcome, outcome.startswith("+"), observed=outcome)
        return outcome

    return look


def test_three_passes_in_a_row_settle_at_once(expect: Expect, time: Time) -> None:
    assert expect.settle(scripted(expect, "+1", "+2", "+3", "-")) == "+3"
    assert time.now < 0.5


def test_a_mesh_that_needs_a_moment_is_given_it(expect: Expect) -> None:
    assert expect.settle(scripted(expect, "-a", "-b", "+1", "-c", "+2", "+3", "+4")) == "+4"


def test_the_same_failure_counts_after_the_patience(expect: Expect, time: Time) -> None:
    with pytest.raises(Failed) as raised:
        expect.settle(scripted(expect, "-b"), within=30)
    assert raised.value.evidence.expected == "-b"
    assert 1.0 <= time.now < 1.3


def test_a_mesh_that_has_long_had_its_time_is_not_waited_for_again(time: Time) -> None:
    time.now = 7.0
    expect = Expect(patience=1.0, clock=time.clock, pause=time.pause, calm=5.0)
    with pytest.raises(Failed):
        expect.settle(scripted(expect, "-b"))
    assert time.now < 7.2


def test_after_requests_of_its_own_a_check_waits_for_the_mesh(time: Time) -> None:
    time.now, journal = 7.0, Journal()
    expect = Expect(patience=1.0, clock=time.clock, pause=time.pause, journal=journal, calm=5.0)
    journal.add("request", "curl", "200")
    with pytest.raises(Failed):
        expect.settle(scripted(expect, "-b"))
    assert time.now >= 8.0


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(("request", "curl", "200"), id="requests of its own"),
        pytest.param(("log", "shop/waypoint", "no lines"), id="a look into a log"),
    ],
)
def test_what_trails_requests_is_given_its_time_even_where_the_mesh_needs_none(
    time: Time, entry: tuple[str, str, str]
) -> None:
    time.now, journal = 7.0, Journal()
    expect = Expect(patience=0.1, clock=time.clock, pause=time.pause, journal=journal, calm=5.0)
    journal.add(*entry)  # type: ignore[arg-type]
    with pytest.raises(Failed):
        expect.settle(scripted(expect, "-b"))
    assert 7.5 <= time.now < 7.6


def test_the_longer_a_failure_lasts_the_rarer_it_is_looked_at(expect: Expect) -> None:
    looks = []

    def look() -> None:
        looks.append(1)
        expect.fail("-b")

    with pytest.raises(Failed):
        expect.settle(look)
    assert len(looks) <= 9


def test_an_outcome_that_changes_is_given_the_whole_patience(time: Time) -> None:
    time.now = 7.0
    expect = Expect(patience=1.0, clock=time.clock, pause=time.pause, calm=5.0)
    with pytest.raises(Failed):
        expect.settle(scripted(expect, "-a", "-b"))
    assert time.now >= 8.0


def test_the_last_round_is_what_is_reported(expect: Expect) -> None:
    with pytest.raises(Failed) as raised:
        expect.settle(scripted(expect, "-first", "-second", "-last"))
    assert raised.value.evidence.observed == "-last"


def test_what_flaps_until_the_deadline_fails(expect: Expect, time: Time) -> None:
    with pytest.raises(Failed):
        expect.settle(scripted(expect, *["+", "-"] * 500), within=5)
    assert 5 <= time.now < 6


def test_what_breaks_is_not_repeated(expect: Expect) -> None:
    with pytest.raises(ZeroDivisionError):
        expect.settle(lambda: 1 // 0)


def test_a_sample_is_taken_once(expect: Expect) -> None:
    calls: list[int] = []
    assert expect.sample(lambda: calls.append(1)) is None
    assert calls == [1]


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda it: it.sample(lambda: 1), id="sample"),
        pytest.param(lambda it: it.share("v2", Service(3).send, where=v2, share=0.3), id="share"),
    ],
)
def test_a_sample_that_would_be_repeated_is_refused(expect: Expect, look: Callable[[Expect], None]) -> None:
    with pytest.raises(RuntimeError, match="inside"):
        expect.settle(lambda: look(expect))


@pytest.mark.parametrize(
    ("claim", "expected", "observed"),
    [
        pytest.param(
            lambda it: it.equal("weights", observed={"v1": 90}, expected={"v1": 80, "v2": 20}),
            "weights: v1=80, v2=20",
            "v1=90",
            id="equal",
        ),
        pytest.param(
            lambda it: it.contains("hosts", observed=["a"], item="b"), "hosts with b", "a", id="contains"
        ),
        pytest.param(lambda it: it.holds("it is so", False, observed="no"), "it is so", "no", id="holds"),
        pytest.param(
            lambda it: it.answered(RESET), "an answer with code 200", "connection reset", id="answered"
        ),
        pytest.param(lambda it: it.answered(OK, code=404), "an answer with code 404", "200 hello", id="code"),
        pytest.param(
            lambda it: it.refused(DENIED, by=Refusal.RESET, control=OK),
            "refused: connection reset (layer 4: ztunnel's way)",
            "403 RBAC: access denied (layer 7: a waypoint's way)",
            id="refused in another way",
        ),
        pytest.param(
            lambda it: it.refused(Response(403, {}, "no"), by=Refusal.RESET, control=OK),
            "refused: connection reset",
            "403 no (by the application, not by a waypoint)",
            id="refused by the application",
        ),
        pytest.param(
            lambda it: it.refused(OK, by=Refusal.FORBIDDEN, control=OK),
            "refused: 403 (layer 7: a waypoint's way)",
            "200 hello (it was answered)",
            id="not refused at all",
        ),
        pytest.param(
            lambda it: it.matches(ROUTE, {"spec": {"rules": [{"name": "a", "weight": 1}]}}),
            "HTTPRoute n/r is as the task asks",
            "1 field differs",
            id="matches",
        ),
        pytest.param(
            lambda it: it.condition(ROUTE, "Accepted"),
            "the condition Accepted of HTTPRoute n/r is True",
            "no condition Accepted",
            id="condition",
        ),
        pytest.param(
            lambda it: it.refused(RESET, by=Refusal.RESET, control=RESET),
            "a request that is allowed",
            "connection reset",
            id="refused like everything",
        ),
        pytest.param(
            lambda it: it.share("v2", Service(7).send, where=v2, share=0.3),
            "v2: 30%, that is 7 to 56 of 96",
            "69 of 96 requests (72%)",
            id="share",
        ),
        pytest.param(
            lambda it: it.share("v2", Service(3, refuses={5, 70}).send, where=v2, share=0.3),
            "every request is answered",
            "2 of 96 were not: connection reset (curl exit 56)",
            id="share of requests that are refused",
        ),
        pytest.param(
            lambda it: it.share(
                "failures", Service(5, refuses=range(0, 900, 2)).send, where=failed, share=0.1, or_less=True
            ),
            "failures: 10% or less, that is 0 to 23 of 68",
            "34 of 68 requests (50%)",
            id="a share or less",
        ),
        pytest.param(
            lambda it: it.share("failures", lambda n: Sample((RESET,) * 10), where=failed, share=0.9),
            "every request is answered",
            "10 of 10 were not",
            id="share of requests that were given up",
        ),
    ],
)
def test_a_claim_that_fails_says_what_was_expected_and_seen(
    expect: Expect, claim: Callable[[Expect], None], expected: str, observed: str
) -> None:
    with pytest.raises(Failed) as raised:
        claim(expect)
    assert raised.value.evidence.expected.startswith(expected)
    assert raised.value.evidence.observed.startswith(observed)


def test_claims_that_hold_pass(expect: Expect) -> None:
    expect.equal("x", observed=1, expected=1)
    expect.contains("x", observed="abc", item="b")
    expect.answered(OK)
    expect.refused(RESET, by=Refusal.RESET, control=OK)


def test_a_share_is_told_from_as_many_requests_as_it_takes(time: Time) -> None:
    journal, service = Journal(), Service(3)
    expect = Expect(patience=1.0, clock=time.clock, pause=time.pause, journal=journal)
    expect.share("v2", service.send, where=v2, share=0.3)
    assert service.batches == [96, 20]
    assert expect.notes == ["v2: 36 of 116 requests"]
    assert [(it.kind, it.text, it.result) for it in journal.entries] == [
        ("request", "curl http://a/   # 116 times", "80 × 200 v1; 36 × 200 v2"),
        ("claim", "every request is answered", ""),
        ("claim", "v2: 30%", ""),
    ]


def test_less_is_as_good_where_a_share_or_less_is_asked_for(expect: Expect) -> None:
    expect.share("failures", Service(0).send, where=failed, share=0.1, or_less=True)
    assert expect.notes == ["failures: 0 of 68 requests"]


def test_no_further_batch_is_sent_once_a_request_is_refused(expect: Expect) -> None:
    service = Service(3, refuses={5})
    with pytest.raises(Failed):
        expect.share("v2", service.send, where=v2, share=0.3)
    assert service.batches == [96]


def test_a_batch_of_another_size_is_an_error_of_the_check(expect: Expect) -> None:
    with pytest.raises(ValueError, match="asked for 96 requests in all, and 50 were sent"):
        expect.share("v2", lambda n: Service(3).send(50), where=v2, share=0.3)


def test_what_is_not_as_described_is_named_field_by_field(expect: Expect) -> None:
    with pytest.raises(Failed) as raised:
        expect.matches(ROUTE, {"spec": {"rules": [{"name": "a", "weight": 1}]}})
    evidence = raised.value.evidence
    assert [str(it) for it in evidence.differences] == ["spec.rules[a].weight: 1 expected, 2 observed"]
    assert evidence.next == "kubectl get httproute r -n n -o yaml"
    assert evidence.subject == "spec.rules[a].weight of HTTPRoute n/r"


def test_a_part_inside_settle_is_refused(expect: Expect) -> None:
    with pytest.raises(RuntimeError, match="inside"):
        expect.settle(lambda: expect.part(1, "x"))


def test_the_journal_keeps_the_last_round_of_what_is_repeated(time: Time) -> None:
    journal = Journal()
    expect = Expect(patience=1.0, clock=time.clock, pause=time.pause, journal=journal)
    expect.holds("before", True)
    expect.settle(scripted(expect, "-a", "+1", "+2", "+3"))
    assert [(it.text, it.result) for it in journal.entries] == [("before", ""), ("+3", "")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        ("", "(empty)"),
        ("a line\n", "a line"),
        ([], "none"),
        ({"b", "a"}, "a, b"),
        ({"a": [1, 2]}, "a=1, 2"),
        (7, "7"),
    ],
)
def test_values_are_shown_as_people_read_them(value: object, text: str) -> None:
    assert shown(value) == text
