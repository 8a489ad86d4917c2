from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labcheck.errors import AuthorError
from labcheck.lab.load import load

MakeLab = Callable[..., Path]


def line_of(text: str, words: str) -> int:
    return max(number for number, line in enumerate(text.split("\n"), 1) if words in line)


def test_a_sound_lab_loads(make_lab: MakeLab) -> None:
    lab = load(make_lab()).lab
    assert (lab.id, lab.total, lab.task("first").docs) == ("lab-07-sample", 5, ("https://example.org/",))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        pytest.param(
            "title: A sample", "tittle: A sample", "no field `tittle` here. Did you mean `title`?", id="title"
        ),
        pytest.param(
            "title: A sample", "title: 3", "`title` must be text, not `3`", id="title of another type"
        ),
        pytest.param("title: A sample", "title: ''", "`title` must not be empty", id="no title"),
        pytest.param("id: lab-07-sample", "id: lab-7", "not the folder's name", id="id"),
        pytest.param("id: lab-07-sample", "id: Lab 7", "not a valid name", id="id with blanks"),
        pytest.param(
            "Traffic Management", "Traffic Managment", "Did you mean `Traffic Management`?", id="domain"
        ),
        pytest.param("level: guided", "level: guide", "Did you mean `guided`?", id="level"),
        pytest.param(
            "minutes: 5", "minutes: five", "`minutes` must be a whole number, not `five`", id="minutes"
        ),
        pytest.param("minutes: 5", "minutes: 0", "`minutes` is wrong", id="no minutes"),
        pytest.param("minutes: 5", "minutes: 5.5", "`minutes` must be a whole number", id="broken minutes"),
        pytest.param("[Learn something.]", "Learn", "`objectives` must be a list", id="objectives"),
        pytest.param("[Learn something.]", "[]", "`objectives` must not be empty", id="no objectives"),
        pytest.param("istio: none", "istio: ambiant", "Did you mean `ambient`?", id="istio"),
        pytest.param("istio: none", "nodes: 0", "`nodes` is wrong", id="nodes"),
        pytest.param(
            "providers: [embedded]", "provider: [embedded]", "Did you mean `providers`?", id="providers"
        ),
        pytest.param("[embedded]", "[embeded]", "`embeded` is not valid for `providers`", id="provider"),
        pytest.param("share: [10, 20]", "share: []", "`share` must not be empty", id="param without choices"),
        pytest.param(
            "share: [10, 20]", "share: [1.5]", "must be text or a whole number, not `1.5`", id="choice"
        ),
        pytest.param("share: [10, 20]", "Share: [1]", "`Share` is not a valid name", id="param's name"),
        pytest.param("share: [10, 20]", "items: [1]", "A param cannot be called `items`", id="a dict's name"),
        pytest.param("pod: client", "pot: client", "no field `pot` here. Did you mean `pod`?", id="probe"),
        pytest.param(
            "points: 2", "point: 2", "no field `point` here. Did you mean `points`?", id="task's field"
        ),
        pytest.param("points: 2", "points: two", "`points` must be a whole number", id="points"),
        pytest.param("points: 2", "points: 0", "`points` is wrong", id="no points"),
        pytest.param("id: second", "id: first", "`first` is used twice", id="duplicate task"),
        pytest.param(
            "needs: [first]", "needs: [frist]", "no task `frist`. Did you mean `first`?", id="dangling need"
        ),
        pytest.param("needs: [first]", "needs: [second]", "`second` needs itself", id="own need"),
        pytest.param("needs: [first]", "needs: first", "`needs` must be a list", id="needs"),
        pytest.param(
            "hints: [Look", "hint: [Look", "no field `hint` here. Did you mean `hints`?", id="hints"
        ),
        pytest.param("docs: https://example.org/", "docs: 3", "`docs` must be a list", id="docs"),
        pytest.param("minutes: 5", "minutes: 5\npoints: 9", "says 9 points; its tasks add up to 5", id="sum"),
        pytest.param(
            "minutes: 5", "minutes: 5\ncompetencies: [routng]", "Did you mean `routing`?", id="competency"
        ),
        pytest.param(
            "minutes: 5",
            "minutes: 5\ncompetencies: [routing, routing]",
            "`routing` is named twice",
            id="competency twice",
        ),
        pytest.param(
            "minutes: 5",
            "minutes: 5\ncompetencies: [upgrade, edge-tls]",
            "None of these is a competency of the lab's domain, which has ingress-egress, routing",
            id="competencies of other domains",
        ),
        pytest.param("minutes: 5", "minutes: 5\nfaults: [shaer]", "Did you mean `share`?", id="fault"),
        pytest.param("minutes: 5", "minutes: 5\nsecrets: [shaer]", "Did you mean `share`?", id="secret"),
    ],
)
def test_a_broken_field_is_named_with_file_line_and_nearest_name(
    make_lab: MakeLab, before: str, after: str, message: str
) -> None:
    text = (make_lab() / "lab.yaml").read_text()
    assert before in text
    broken = text.replace(before, after, 1)
    folder = make_lab({"lab.yaml": broken})
    with pytest.raises(AuthorError) as raised:
        load(folder)
    found = next(problem for problem in raised.value.problems if message in problem.text)
    assert found.line == line_of(broken, after.rsplit("\n", maxsplit=1)[-1])
    assert found.path == folder / "lab.yaml"


def test_tasks_that_need_each_other_in_a_circle_are_refused(make_lab: MakeLab) -> None:
    text = (make_lab() / "lab.yaml").read_text()
    folder = make_lab({"lab.yaml": text.replace("    hints:", "    needs: [second]\n    hints:", 1)})
    with pytest.raises(AuthorError, match=r"in a circle: .* → .* → "):
        load(folder)


@pytest.mark.parametrize("field", ["id", "title", "domain", "minutes", "objectives", "tasks"])
def test_a_missing_field_is_named(make_lab: MakeLab, field: str) -> None:
    lines = (make_lab() / "lab.yaml").read_text().split("\n")
    start = next(index for index, line in enumerate(lines) if line.startswith(f"{field}:"))
    kept = lines[:start] if field == "tasks" else lines[:start] + lines[start + 1 :]
    with pytest.raises(AuthorError, match=rf"The field `{field}` is missing"):
        load(make_lab({"lab.yaml": "\n".join(kept)}))


@pytest.mark.parametrize("name", ["guide.md", "solution.md", "test_lab.py"])
def test_a_missing_file_is_named(make_lab: MakeLab, name: str) -> None:
    folder = make_lab()
    (folder / name).unlink()
    with pytest.raises(AuthorError, match=rf"{name}: This file is missing"):
        load(folder)


@pytest.mark.parametrize("text", ["", "- a\n", "just text\n", "a: 1\n---\nb: 2\n"])
def test_a_description_that_is_not_one_mapping_is_refused(make_lab: MakeLab, text: str) -> None:
    with pytest.raises(AuthorError, match="is one mapping"):
        load(make_lab({"lab.yaml": text}))


def test_a_description_that_cannot_be_read_is_refused(make_lab: MakeLab) -> None:
    folder = make_lab()
    (folder / "lab.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AuthorError, match="cannot be read"):
        load(folder)


@pytest.mark.parametrize(
    ("guard", "message"),
    [
        pytest.param(
            "{objects: [Pod/x], fields: [spec], tasks: [secnd]}", "Did you mean `second`?", id="task"
        ),
        pytest.param("{objects: [Pod/x], tasks: [second]}", "The field `fields` is missing", id="no fields"),
        pytest.param("{objects: [], fields: [spec], tasks: [second]}", "`objects` must not be", id="nothing"),
    ],
)
def test_a_broken_guard_is_named_with_its_line(make_lab: MakeLab, guard: str, message: str) -> None:
    text = (make_lab() / "lab.yaml").read_text() + f"guarded:\n  - {guard}\n"
    with pytest.raises(AuthorError, match=f"lab.yaml:{len(text.splitlines())}: .*{message}"):
        load(make_lab({"lab.yaml": text}))
