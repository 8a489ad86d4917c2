from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from labcheck.authoring import residue
from labcheck.authoring.testbed import Proof
from labcheck.authoring.trials import Trial, dishonest
from labcheck.authoring.verify import Queue, next_queue, queue, verify
from labcheck.environments import embedded
from labcheck.environments.embedded import Embedded
from labcheck.lab.load import load
from labcheck.lab.variant import variant

MakeLab = Callable[..., Path]

HONEST = '''\
from pathlib import Path

from labcheck.checks import task


def answer(params):
    return Path(__file__).parents[1] / f"done-{params.share}"


@task("first")
def test_first(expect, params):
    """The namespace is there."""
    expect.equal("what was done", observed=answer(params).exists(), expected=True)


@task("second")
def test_second(expect, params):
    """It holds something."""
    expect.equal("what was done", observed=answer(params).read_text(), expected="well\\n")
'''


THIRD = """


def third(path):
    Path(path).open("a").write("x")
    return len(Path(path).read_text()) % 3
"""


@pytest.fixture
def honest(make_lab: MakeLab, controls: Path) -> Callable[..., Path]:
    """A lab whose answer is a file beside its folder, which a check can see and `reset` does not touch."""

    def make(**files: str) -> Path:
        folder = make_lab({"test_lab.py": HONEST, "mistakes/nothing.md": None})
        answer = folder.parent / "done-{{ share }}"
        pages = {"solution": f"echo well > {answer}", "mistakes/wrong": f"echo badly > {answer}", **files}
        for name, command in pages.items():
            path = folder / f"{name}.md"
            front = "---\nloses: [second]\nwhy: Easily overlooked.\n---\n" if "mistakes" in name else ""
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{front}```sh run\n{command}\n```\n", encoding="utf-8")
        return folder

    return make


def proofs(folder: Path, jobs: int = 1, seeds: Sequence[int] = (1,)) -> list[Proof]:
    loaded = load(folder)
    return list(verify([queue(variant(loaded, seed), Embedded()) for seed in seeds], jobs))


def problems(found: Sequence[Proof]) -> dict[str, str]:
    return {proof.what: proof.problem for proof in found if proof.problem}


def test_a_page_whose_program_is_missing_is_skipped_and_says_so(honest: Callable[..., Path]) -> None:
    folder = honest()
    (folder / "solutions").mkdir()
    (folder / "solutions" / "other.md").write_text(
        "---\nneeds: [no-such-program]\n---\n```sh run\nfalse\n```\n"
    )
    found = {proof.what: proof for proof in proofs(folder)}
    assert (found["solution other"].problem, found["solution other"].skipped) == (
        "",
        "no no-such-program on PATH",
    )
    assert not found["solution"].skipped


def test_a_guide_tells_which_blocks_were_left_out_because_the_cluster_cannot_follow_requests(
    honest: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Embedded, "traces", False)
    folder = honest()
    (folder / "guide.md").write_text(
        "```sh run\necho first\n```\n```sh run\nlabcheck trace lab-07 client http://red/\n```\n"
    )
    found = {proof.what: proof for proof in proofs(folder)}
    assert (found["guide"].problem, found["guide"].left_out) == (
        "",
        "line 5: embedded cannot follow requests",
    )
    assert not found["solution"].left_out


def test_an_honest_lab_has_no_problems(honest: Callable[..., Path]) -> None:
    found = proofs(honest())
    assert problems(found) == {}
    assert [proof.what for proof in found] == [
        "up", "untouched", "solution", "guide", "mistake wrong", "down",
    ]  # fmt: skip


def test_a_solution_that_does_not_solve_and_a_mistake_that_does_are_named(
    honest: Callable[..., Path],
) -> None:
    folder = honest()
    answer = folder.parent / "done-{{ share }}"
    found = problems(
        proofs(honest(**{"solution": f"echo badly > {answer}", "mistakes/wrong": f"echo well > {answer}"}))
    )
    assert found["solution"].startswith("loses second: expected")
    assert found["mistake wrong"] == "passes second, which must be lost"


def test_a_solution_that_does_harm_the_second_time_is_named(honest: Callable[..., Path]) -> None:
    folder = honest()
    answer = folder.parent / "done-{{ share }}"
    twice = f"if [ -e {answer} ]; then echo badly > {answer}; else echo well > {answer}; fi"
    found = problems(proofs(honest(solution=twice)))
    assert found["solution"] == "solving it twice: second is fail when it is graded again, after pass"


def test_an_answer_that_is_lost_only_at_times_is_found_by_grading_it_often(
    honest: Callable[..., Path],
) -> None:
    folder = honest()
    times = folder.parent / "times"
    wavering = HONEST.replace(
        "observed=answer(params).read_text()",
        f"observed=answer(params).read_text() if third('{times}') else 'nothing'",
    )
    (folder / "test_lab.py").write_text(wavering + THIRD, encoding="utf-8")
    loaded = load(folder)
    found = problems(list(verify([queue(variant(loaded, 1), Embedded(), gradings=4)], 1)))
    assert found["solution"].startswith("grading ")
    assert " of 4: loses second" in found["solution"]


@pytest.mark.parametrize(
    ("only", "solved"),
    [
        pytest.param("", 2, id="all trials: the solution's own, twice"),
        pytest.param("mistake", 1, id="only the mistakes: once for both of them"),
    ],
)
def test_mistakes_that_begin_in_the_solved_lab_find_it_solved(
    honest: Callable[..., Path], only: str, solved: int
) -> None:
    folder = honest()
    log, answer = folder.parent / "log", folder.parent / "done-{{ share }}"
    front = "---\nloses: [second]\nwhy: x\nafter: solution\n---\n"
    honest(
        solution=f"echo well > {answer}; echo solved >> {log}",
        **{f"mistakes/{name}": f"echo badly > {answer}" for name in ("one", "two")},
    )
    for name in ("one", "two"):
        path = folder / "mistakes" / f"{name}.md"
        path.write_text(front + path.read_text().rpartition("---\n")[2])
    found = list(verify([queue(variant(load(folder), 1), Embedded(), only=only)], 1))
    assert problems(found) == {}
    assert log.read_text().count("solved") == solved


def test_a_solution_that_fails_is_told_where_a_mistake_begins_after_it(honest: Callable[..., Path]) -> None:
    folder = honest(solution="exit 3")
    path = folder / "mistakes" / "wrong.md"
    path.write_text(path.read_text().replace("why:", "after: solution\nwhy:"))
    found = problems(proofs(folder))
    assert found["mistake wrong"].startswith("solution: ")
    assert "solution.md:2: This block ended with 3" in found["mistake wrong"]


def test_a_block_that_fails_is_named_with_its_line(honest: Callable[..., Path]) -> None:
    assert "guide.md:2: This block ended with 3" in problems(proofs(honest(guide="exit 3")))["guide"]


def test_what_a_lab_leaves_behind_is_named(honest: Callable[..., Path]) -> None:
    folder = honest()
    found = problems(proofs(honest(guide=f"touch {folder}/litter; echo > $TMPDIR/more")))
    assert "file litter" in found["down"]
    assert "file tmp/more" in found["down"]


def test_a_cluster_that_does_not_start_ends_the_trials(honest: Callable[..., Path], controls: Path) -> None:
    (controls / "break-boot").touch()
    found = proofs(honest())
    assert [proof.what for proof in found] == ["up", "down"]
    assert "ended before it was ready" in found[0].problem


def test_a_process_that_dies_is_a_problem_and_not_silence(
    honest: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(honest())
    deadly = Queue(variant(loaded, 1), Embedded(), deque([Trial("deadly", None, _kill_myself)]))
    found = list(verify([deadly], 1))
    assert found[-1].problem == "Its process died (exit code -9). Ended during `deadly`."
    from labcheck.environments.process import stop

    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = path.read_bytes().decode(errors="replace").split("\0")
        state = [
            word for word in words if "labcheck-verify-" in word and "fake_cluster.py" in " ".join(words)
        ]
        if state:
            stop(int(path.parent.name), state[0])


def _kill_myself(report: object) -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def test_nothing_runs_on_when_verify_is_killed(honest: Callable[..., Path], tmp_path: Path) -> None:
    folder, place = honest(), tmp_path / "killed"
    place.mkdir()
    code = f"""
import time
from pathlib import Path
from labcheck.authoring.verify import queue, verify
from labcheck.environments import embedded
from labcheck.lab.load import load
from labcheck.lab.variant import variant
embedded.PROGRAM = {embedded.PROGRAM!r}
proofs = verify([queue(variant(load(Path({str(folder)!r})), 1), embedded.Embedded())], 1)
print(next(proofs).problem, flush=True)
time.sleep(60)
"""
    variables = os.environ | {"TMPDIR": str(place)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=variables) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"\n"
        assert len(residue.processes(place)) >= 4, (
            "the first one, its environment's, what starts clusters, one"
        )
        killed.kill()
    deadline = time.monotonic() + 20
    while left := residue.processes(place):
        assert time.monotonic() < deadline, left


def test_several_environments_share_the_trials(honest: Callable[..., Path]) -> None:
    found = proofs(honest(), jobs=2, seeds=(1, 2))
    assert problems(found) == {}
    assert {(proof.seed, proof.what) for proof in found} >= {(1, "mistake wrong"), (2, "mistake wrong")}


def test_leaving_early_takes_the_environments_down(honest: Callable[..., Path], tmp_path: Path) -> None:
    going = verify([queue(variant(load(honest()), 1), Embedded())], 1)
    assert next(going).what == "up"
    going.close()
    assert not [
        path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path).encode() in path.read_bytes()
        and b"labcheck-verify-" in path.read_bytes()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("waiting", "chosen"),
    [
        pytest.param([(5, 0), (9, 0)], 0, id="a variant that nobody tries yet, in order"),
        pytest.param([(5, 1), (2, 0)], 1, id="such a variant before one that is being tried"),
        pytest.param([(5, 1), (9, 1)], 1, id="else the one with the most to do"),
        pytest.param([(5, 1), (9, 4)], 0, id="for each environment it has"),
        pytest.param([(2, 1)], None, id="but not for a few trials"),
        pytest.param([(0, 0)], None, id="and never for none"),
    ],
)
def test_the_next_environment_goes_where_it_helps_most(
    make_lab: MakeLab, waiting: list[tuple[int, int]], chosen: int | None
) -> None:
    made = variant(load(make_lab()), 1)
    trial = Trial("x", None, dishonest)
    queues = [Queue(made, Embedded(), deque([trial] * count), beds) for count, beds in waiting]
    assert next_queue(queues) is (None if chosen is None else queues[chosen])
