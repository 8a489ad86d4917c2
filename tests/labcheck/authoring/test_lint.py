from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labcheck.authoring.lint import lint

MakeLab = Callable[..., Path]


def test_a_sound_lab_has_no_problems(make_lab: MakeLab) -> None:
    assert lint(make_lab()) == []


def test_checks_are_read_but_not_executed(make_lab: MakeLab, tmp_path: Path) -> None:
    checks = (make_lab() / "test_lab.py").read_text() + f"\nopen({str(tmp_path / 'executed')!r}, 'w')\n"
    assert lint(make_lab({"test_lab.py": checks})) == []
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        ("lab.yaml", "points: 2", "point: 2", "Did you mean `points`"),
        (
            "lab.yaml",
            "[Look around.,",
            '["Type: echo this solves the lab",',
            "repeats `echo this solves the lab`",
        ),
        ("lab.yaml", "It is called {{ namespace }}", "It is called {{ name }}", "'name' is undefined"),
        ("guide.md", "echo {{ namespace }}", "echo {{ nspace }}", "Did you mean `namespace`"),
        ("solution.md", "```sh run", "```sh rum", "knows no `rum`"),
        ("mistakes/wrong.md", "second", "secund", "Did you mean `second`"),
        ("setup/10-namespace.yaml", "kind: Pod", "kind: [", "This is not valid YAML"),
        ("test_lab.py", '@task("second")', '@task("secnd")', "Did you mean `second`"),
        ("test_lab.py", '@task("second")', '@task("first")', "second check"),
        ("test_lab.py", '@task("second")\n', "", "judges no task"),
        ("test_lab.py", '    """It holds something."""\n', "", "no docstring"),
        ("test_lab.py", "It holds something", "It holds " + "something " * 9, "72 fit"),
        ("test_lab.py", "def test_second", "def test second", "not valid Python"),
        ("lab.yaml", "share: [10, 20]", "share: [10, 10]", "`share` has one choice"),
        ("lab.yaml", "green, blue, white]", "green, blue]", "Seeds 2 and 3 draw the same"),
        ("lab.yaml", "https://example.org/", "example.org/page", "is not the address of a page"),
        ("guide.md", "Work in", "See [this](there.md) in", "links to `there.md`, which does not exist"),
        ("guide.md", "Work in", "See [this](http:/nowhere) in", "`http:/nowhere` is not the address"),
        ("guide.md", "```sh run", "```sh", "No block of this page is executed"),
        ("guide.md", "Work in", "```yaml\na: [\n```\n", "This is not valid YAML"),
        ("solution.md", "```sh run", "```sh\nkubectl get pods\n```\n```sh run", "This block is not executed"),
        ("setup/10-namespace.yaml", "kind: Namespace", "knd: Namespace", "has apiVersion, kind and metadata"),
    ],
)
def test_a_broken_lab_is_named_with_its_file(
    make_lab: MakeLab, name: str, before: str, after: str, message: str
) -> None:
    text = (make_lab() / name).read_text()
    assert before in text
    problems = lint(make_lab({name: text.replace(before, after)}))
    assert any(message in it.text and it.path.name == Path(name).name for it in problems)


def test_pages_are_read_with_every_fault(make_lab: MakeLab) -> None:
    text = (make_lab() / "lab.yaml").read_text().replace("share: [10, 20]", "share: [10, 20, 30, 40, 50]")
    solution = "{% if share == 40 %}{{ shrae }}{% endif %}\n```sh run\ntrue\n```\n"
    assert lint(make_lab({"lab.yaml": text, "solution.md": solution})) == []
    [problem] = lint(make_lab({"lab.yaml": f"{text}faults: [share]\n", "solution.md": solution}))
    assert "'shrae' is undefined" in problem.text


@pytest.mark.parametrize("field", ["faults", "secrets"])
def test_a_guide_must_not_tell_what_is_to_be_found(make_lab: MakeLab, field: str) -> None:
    text = (make_lab() / "lab.yaml").read_text()
    [problem] = lint(make_lab({"lab.yaml": f"{text}{field}: [namespace]\n"}))
    assert str(problem).endswith(
        "guide.md: The guide uses `namespace`, which is for the learner to find out."
    )


def test_every_task_is_lost_by_a_mistake(make_lab: MakeLab) -> None:
    [problem] = lint(make_lab({"mistakes/nothing.md": None}))
    assert "No mistake loses the task `first`" in problem.text


def test_a_hint_must_not_give_an_argument_away(make_lab: MakeLab) -> None:
    text = (
        (make_lab() / "lab.yaml").read_text().replace("Look around.", "Use a/long-label=for-its-value here.")
    )
    solution = "```sh run\necho --overwrite a/long-label=for-its-value \\\n  again\n```\n"
    [problem] = lint(make_lab({"lab.yaml": text, "solution.md": solution}))
    assert "repeats `a/long-label=for-its-value` of the solution" in problem.text


@pytest.mark.parametrize(
    ("claim", "line"),
    [
        pytest.param("expect.refused(a, by=Refusal.RESET, control=b)", 0, id="a control"),
        pytest.param("expect.refused(a, by=Refusal.RESET)", 6, id="no control"),
        pytest.param("expect.refused(a, by=Refusal.RESET, control=None)", 6, id="none for a control"),
        pytest.param("expect.refused(a, by=Refusal.RESET, control=a)", 6, id="itself for a control"),
        pytest.param("expect.refused(a, **how)", 0, id="nobody can tell"),
        pytest.param("assert a.code == 403", 6, id="a bare code"),
        pytest.param("assert a.refusal is Refusal.RESET", 6, id="a bare refusal"),
        pytest.param("assert a.refusal == checks.Refusal.RESET", 6, id="a bare refusal of a module"),
        pytest.param('expect.equal("code", observed=a.code, expected=403)', 6, id="a bare claim"),
        pytest.param("expect.answered(a, code=503)", 6, id="a refusal for an answer"),
        pytest.param("expect.answered(a, code=404)", 0, id="an answer that is no refusal"),
        pytest.param("assert a.code == 200", 0, id="an answer"),
    ],
)
def test_a_refusal_needs_a_control(make_lab: MakeLab, claim: str, line: int) -> None:
    text = (make_lab() / "test_lab.py").read_text().replace('expect.note("seen")', claim)
    problems = lint(make_lab({"test_lab.py": text}))
    assert [it.line for it in problems] == ([text.splitlines().index(f"    {claim}") + 1] if line else [])


@pytest.mark.parametrize(
    ("before", "fence", "wrong"),
    [
        pytest.param("Look:", "```sh", True, id="nothing said"),
        pytest.param("Look:", "```console", True, id="a console"),
        pytest.param("Not run here.\n\nLook:", "```sh", True, id="said too early"),
        pytest.param("Look (it is not\nrun here, for it is slow):", "```sh", False, id="said"),
        pytest.param("None of\nthis is run.\n\nLook:", "```sh", False, id="said of the section"),
        pytest.param("None of this is run.\n\n## On\n\nLook:", "```sh", True, id="said of another section"),
        pytest.param("Look:", "```text", False, id="no command"),
        pytest.param("Look:", "```sh run", False, id="run"),
    ],
)
def test_a_guide_says_which_of_its_commands_are_not_run(
    make_lab: MakeLab, before: str, fence: str, wrong: bool
) -> None:
    text = f"```sh run\nls\n```\n\n{before}\n\n{fence}\nls\n```\n"
    problems = lint(make_lab({"guide.md": text}))
    assert ["say right before it that it is not run" in it.text for it in problems] == [True] * wrong


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        pytest.param('assert a.condition("Programmed") is None', True, id="asked at once"),
        pytest.param('b = a.condition("Programmed"); assert b is not None', True, id="asked later"),
        pytest.param(
            'b = a.condition("Programmed"); assert b.present', False, id="asked whether it is there"
        ),
        pytest.param("assert a is None", False, id="something else"),
    ],
)
def test_a_condition_is_never_none(make_lab: MakeLab, claim: str, wrong: bool) -> None:
    text = (make_lab() / "test_lab.py").read_text().replace('expect.note("seen")', claim)
    assert [it.text[:28] for it in lint(make_lab({"test_lab.py": text}))] == (
        ["A condition is never None: a"] if wrong else []
    )


@pytest.mark.parametrize(
    "target", ["#place", "lab.yaml", "setup/#x", "mailto:a@b.org", "https://istio.io/a#b"]
)
def test_a_sound_link_is_no_problem(make_lab: MakeLab, target: str) -> None:
    text = (
        make_lab() / "guide.md"
    ).read_text() + f'\nSee [it]({target} "there").\n```text\n[x](nowhere)\n```\n'
    assert lint(make_lab({"guide.md": text})) == []


def test_the_labs_of_this_repository_are_sound() -> None:
    folders = [path.parent for path in (Path(__file__).parents[3] / "labs").glob("*/lab.yaml")]
    assert {folder.name: [str(it) for it in lint(folder)] for folder in folders} == {
        folder.name: [] for folder in folders
    }
