from __future__ import annotations

from pathlib import Path

import pytest

from labcheck.errors import AuthorError
from labcheck.yamltext import documents

PATH = Path("some.yaml")


def test_every_key_and_item_has_its_line() -> None:
    (document,) = documents(PATH, "a:\n  b:\n    - 1\n    - c: 2\n")
    assert [document.line(place) for place in [("a",), ("a", "b", 1), ("a", "b", 1, "c")]] == [1, 4, 4]


def test_what_does_not_exist_has_the_line_of_what_surrounds_it() -> None:
    (document,) = documents(PATH, "\na:\n  b: 1\n")
    assert document.line(("a", "missing", "deeper")) == 2


def test_empty_documents_are_left_out() -> None:
    assert [it.data for it in documents(PATH, "---\n---\na: 1\n---\n# nothing\n")] == [{"a": 1}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: 1\nb: [", "some.yaml:2: This is not valid YAML", id="syntax"),
        pytest.param(
            "a: 1\nb: 2\na: 3", "some.yaml:3: The key `a` stands here again, after line 1.", id="duplicate"
        ),
        pytest.param(
            "a: !!python/object:os.system x", "some.yaml:1: This is not valid YAML", id="not plain data"
        ),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(AuthorError, match=message):
        documents(PATH, text)
