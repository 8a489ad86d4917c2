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
            "repeats a line of the solution",
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
    ],
)
def test_a_broken_lab_is_named_with_its_file(
    make_lab: MakeLab, name: str, before: str, after: str, message: str
) -> None:
    text = (make_lab() / name).read_text()
    assert before in text
    problems = lint(make_lab({name: text.replace(before, after)}))
    assert any(message in it.text and it.path.name == Path(name).name for it in problems)


def test_the_labs_of_this_repository_are_sound() -> None:
    folders = [path.parent for path in (Path(__file__).parents[3] / "labs").glob("*/lab.yaml")]
    assert {folder.name: [str(it) for it in lint(folder)] for folder in folders} == {
        folder.name: [] for folder in folders
    }
