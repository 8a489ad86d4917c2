"""Filters of rules in words."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.istio.mesh.routing import (
    Backend,
    HeaderChanges,
    Match,
    Mirror,
    PathChange,
    Redirect,
    Rewrite,
    Rule,
)
from pocketmesh.istio.trace.filters import filtered

BELOW_OLD = Match("PathPrefix", "/old")
TENANT = HeaderChanges(set=(("x-tenant", "acme"),), remove=("x-token",))


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        pytest.param({}, [], id="none"),
        pytest.param(
            {"rewrite": Rewrite(path=PathChange("ReplacePrefixMatch", "/new"))},
            ["puts /new in place of /old"],
            id="the prefix rewritten",
        ),
        pytest.param(
            {"rewrite": Rewrite("b.example", PathChange("ReplaceFullPath", "/new"))},
            ["calls the host b.example", "puts /new in place of the whole path"],
            id="host and whole path rewritten",
        ),
        pytest.param(
            {"rewrite": Rewrite(path=PathChange("ReplacePattern", "/\\1", "/v1/(.*)"))},
            ["puts /\\1 in place of /v1/(.*)"],
            id="a pattern rewritten",
        ),
        pytest.param(
            {"redirect": Redirect("https", "docs.example", code=301)},
            ["redirects to https://docs.example"],
            id="redirected elsewhere",
        ),
        pytest.param(
            {"redirect": Redirect(port=8443, path=PathChange("ReplacePrefixMatch", "/b"))},
            ["redirects to the same host:8443, puts /b in place of /old"],
            id="redirected to another port and path",
        ),
        pytest.param(
            {"request_headers": TENANT, "response_headers": HeaderChanges(add=(("vary", "a"),))},
            ["sets x-tenant: acme and removes x-token, in the request", "adds vary: a, in the answer"],
            id="headers",
        ),
        pytest.param(
            {"backends": (Backend("a", 80, request_headers=TENANT),)},
            ["sets x-tenant: acme and removes x-token, in the request"],
            id="headers of the only backend",
        ),
        pytest.param(
            {"backends": (Backend("a", 80, request_headers=TENANT), Backend("b", 80))},
            [],
            id="headers of one backend among two",
        ),
        pytest.param(
            {"mirrors": (Mirror("a", 80), Mirror("b", 80, numerator=5))},
            ["sends a copy to Service a:80", "sends a copy of some requests to Service b:80"],
            id="mirrors",
        ),
    ],
)
def test_filters_are_said_in_words(filters: dict[str, Any], said: list[str]) -> None:
    assert list(filtered(Rule(("shop", "route"), 0, "", BELOW_OLD, **filters))) == said
