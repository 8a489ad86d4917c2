"""What the query of a request may ask for."""

from __future__ import annotations

from typing import Any

import pytest
from multidict import MultiDict
from yarl import URL

from pocketmesh.api.server.options import of_list, of_watch, of_write

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


@pytest.mark.parametrize(
    ("query", "patch", "problems"),
    [
        pytest.param("", "", [], id="nothing"),
        pytest.param("fieldManager=me&dryRun=All&fieldValidation=Strict", "apply", [], id="an apply"),
        pytest.param(
            "", "apply", ["fieldManager: Required value: is required for apply patch"], id="whose it is"
        ),
        pytest.param(
            "force=true",
            "other",
            ["force: Forbidden: may not be specified for non-apply patch"],
            id="force without apply",
        ),
        pytest.param(
            "dryRun=yes", "", ['dryRun: Unsupported value: "yes": supported values: "All"'], id="a rehearsal"
        ),
        pytest.param(
            "fieldValidation=no",
            "",
            [
                'fieldValidation: Unsupported value: "no": supported values: "", "Ignore", "Strict", "Warn"',
            ],
            id="validation",
        ),
    ],
)
def test_a_write(query: str, patch: str, problems: list[str]) -> None:
    found = of_write(MultiDict(URL(f"/?{query}").query), patch)
    assert [str(problem) for problem in found] == problems


@pytest.mark.parametrize(
    ("query", "problems"),
    [
        pytest.param("resourceVersion=5&resourceVersionMatch=Exact", [], id="a match"),
        pytest.param("resourceVersionMatch=Exact", ["is forbidden unless"], id="of nothing"),
        pytest.param(
            "resourceVersion=5&resourceVersionMatch=Near",
            ['Unsupported value: "Near": supported values: "Exact", "NotOlderThan", ""'],
            id="unknown",
        ),
        pytest.param(
            "resourceVersion=0&resourceVersionMatch=Exact", ['"exact" is forbidden for'], id="exactly any"
        ),
        pytest.param("sendInitialEvents=true", ["sendInitialEvents is forbidden for list"], id="events"),
    ],
)
def test_a_list(query: str, problems: list[str]) -> None:
    found = of_list(MultiDict(URL(f"/?{query}").query))
    assert len(found) == len(problems)
    assert all(part in str(problem) for part, problem in zip(problems, found, strict=True))


@pytest.mark.parametrize(
    ("query", "problems"),
    [
        pytest.param("sendInitialEvents=true&resourceVersionMatch=NotOlderThan", [], id="a whole wish"),
        pytest.param("sendInitialEvents=true", ["requires setting resourceVersionMatch"], id="half of it"),
        pytest.param(
            "resourceVersionMatch=Exact",
            ["forbidden for watch unless", 'Unsupported value: "Exact"'],
            id="other",
        ),
    ],
)
def test_a_watch(query: str, problems: list[str]) -> None:
    found = of_watch(MultiDict(URL(f"/?{query}").query))
    assert len(found) == len(problems)
    assert all(part in str(problem) for part, problem in zip(problems, found, strict=True))


async def test_what_makes_no_sense_is_refused_as_upstream_does(api: Any) -> None:
    async with api.get(f"{CONFIGMAPS}?resourceVersionMatch=Exact") as response:
        status = await response.json()
    assert response.status == 422
    assert status["message"] == (
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
        "resourceVersionMatch is forbidden unless resourceVersion is provided"
    )


async def test_a_namespace_without_name_is_no_place(api: Any) -> None:
    url = URL(str(api.url("/")) + "api/v1/namespaces//configmaps", encoded=True)
    async with api.session.get(url) as response:
        assert response.status == 404
