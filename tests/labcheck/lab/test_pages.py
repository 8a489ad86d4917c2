from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labcheck.errors import AuthorError
from labcheck.lab.load import load
from labcheck.lab.mistakes import mistakes
from labcheck.lab.pages import guide, page, setup, solutions
from labcheck.lab.variant import Variant, variant

MakeLab = Callable[..., Path]


def made(folder: Path) -> Variant:
    return variant(load(folder), 1)


def test_blocks_to_run_are_told_from_blocks_to_read(make_lab: MakeLab) -> None:
    text = "```sh run\na\nb\n```\n\n```sh\nc\n```\n\n```yaml title=x\nd: 1\n```\n\n  ```sh run\n  e\n  ```\n"
    blocks = guide(made(make_lab({"guide.md": text}))).blocks
    assert [(it.language, it.run, it.text, it.line) for it in blocks] == [
        ("sh", True, "a\nb\n", 2),
        ("sh", False, "c\n", 7),
        ("yaml", False, "d: 1\n", 11),
        ("sh", True, "e\n", 15),
    ]


def test_markdown_readers_see_the_language_only(make_lab: MakeLab) -> None:
    shown = guide(made(make_lab())).markdown
    assert "```sh\n" in shown
    assert "run" not in shown


def test_a_longer_fence_holds_a_shorter_one(make_lab: MakeLab) -> None:
    text = "````markdown\n```sh run\nx\n```\n````\n"
    blocks = guide(made(make_lab({"guide.md": text}))).blocks
    assert [(it.language, it.run) for it in blocks] == [("markdown", False)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "x\n```sh rnu\n```\n", "guide.md:2: A `sh` block knows no `rnu`. Did you mean `run`", id="typo"
        ),
        pytest.param(
            "```sh run twice\n```\n", "guide.md:1: A `sh` block knows no `twice`", id="more than run"
        ),
        pytest.param(
            "```bash run\n```\n", "guide.md:1: Only `sh` blocks are executed", id="another language"
        ),
        pytest.param("\n\n```sh run\nx\n", "guide.md:3: This fenced block is never closed", id="open"),
        pytest.param(
            "a\n{{ namspace }}\n", "guide.md:2: 'namspace' is undefined. Did you mean `namespace`", id="name"
        ),
        pytest.param("{{ dict }}\n", "guide.md:1: 'dict' is undefined", id="Jinja2's own name"),
        pytest.param("a\n\n{% if %}\n", "guide.md:3: ", id="syntax"),
        pytest.param("a\n{{ share // 0 }}\n", "guide.md:2: ", id="arithmetic"),
        pytest.param("a\n{{ ''.__class__.__mro__ }}\n", "guide.md:2: Access to attribute", id="sandbox"),
        pytest.param("a\n{{ share.bit_length.__func__ }}\n", "guide.md:2: ", id="sandboxed method"),
    ],
)
def test_what_is_wrong_on_a_page_has_file_and_line(make_lab: MakeLab, text: str, message: str) -> None:
    with pytest.raises(AuthorError) as raised:
        guide(made(make_lab({"guide.md": text})))
    assert message in str(raised.value)


def test_solutions_begin_with_the_reference(make_lab: MakeLab) -> None:
    folder = make_lab({"solutions/b.md": "b", "solutions/a.md": "a"})
    assert [it.path.name for it in solutions(made(folder))] == ["solution.md", "a.md", "b.md"]


def test_a_page_says_what_its_commands_need(make_lab: MakeLab) -> None:
    folder = make_lab({"solutions/helm.md": "---\nneeds: [helm]\n---\n```sh run\nhelm version\n```\n"})
    _, page = solutions(made(folder))
    assert (page.needs, page.runs[0].line) == (("helm",), 5)
    assert "needs" not in page.markdown


def test_a_need_that_is_no_list_has_file_and_line(make_lab: MakeLab) -> None:
    folder = make_lab({"solutions/helm.md": "---\nneeds: helm\n---\n"})
    with pytest.raises(AuthorError, match=r"helm\.md:2: `needs` must be a list of programs"):
        solutions(made(folder))


def test_manifests_come_in_the_order_of_their_names(make_lab: MakeLab) -> None:
    folder = make_lab({"setup/05-first.yaml": "a: {{ namespace }}\n"})
    found = setup(made(folder))
    assert [path.name for path, _ in found] == ["05-first.yaml", "10-namespace.yaml"]
    assert found[0][1] == f"a: {made(folder).params['namespace']}\n"


def test_a_mistake_says_what_it_loses_and_why(make_lab: MakeLab) -> None:
    _, mistake = mistakes(made(make_lab()))
    assert (mistake.name, mistake.loses, mistake.why) == ("wrong", ("second",), "Easily overlooked.")
    assert mistake.page.runs[0].line == 6
    assert not mistake.solved


def test_a_mistake_may_begin_in_the_solved_lab(make_lab: MakeLab) -> None:
    text = "---\nloses: [second]\nwhy: x\nafter: solution\n---\n"
    assert mistakes(made(make_lab({"mistakes/wrong.md": text})))[1].solved


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("x\n", "wrong.md:1: A mistake begins with front matter", id="no front matter"),
        pytest.param(
            "---\nloses: [secnd]\nwhy: x\n---\n", "wrong.md:2: There is no task `secnd`. Did you", id="task"
        ),
        pytest.param(
            "---\nlooses: [second]\nwhy: x\n---\n", "wrong.md:2: There is no field `looses`", id="field"
        ),
        pytest.param(
            "---\nloses: [second]\nwhy: x\nafter: solutions\n---\n",
            "wrong.md:4: Nothing begins after `solutions`. Did you mean `solution`?",
            id="after",
        ),
        pytest.param("---\nwhy: x\n---\n", "`loses` must be a list", id="no loses"),
        pytest.param("---\nloses: second\nwhy: x\n---\n", "wrong.md:2: `loses` must be a list", id="loses"),
        pytest.param("---\nloses: [second]\n---\n", "`why` must say", id="no why"),
        pytest.param(
            "---\nloses: [second]\nwhy: a: b\n---\n", "wrong.md:3: This is not valid YAML", id="yaml"
        ),
        pytest.param(
            "---\nloses: [second]\nwhy: x\n---\n\n{{ y }}\n", "wrong.md:6: 'y' is undefined", id="body"
        ),
    ],
)
def test_what_is_wrong_with_a_mistake_has_file_and_line(make_lab: MakeLab, text: str, message: str) -> None:
    with pytest.raises(AuthorError) as raised:
        mistakes(made(make_lab({"mistakes/wrong.md": text})))
    assert message in str(raised.value)


def test_a_page_that_cannot_be_read_is_named(make_lab: MakeLab) -> None:
    folder = make_lab()
    with pytest.raises(AuthorError, match=r"gone\.md: This file cannot be read"):
        page(made(folder), folder / "gone.md")
