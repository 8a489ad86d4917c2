"""The checks of lab 09: 401 for a token that is wrong, 403 for one that is missing or not enough.

The tokens come from the lab's own ConfigMap; a request with a good one is the control.
"""

from __future__ import annotations

from functools import partial

from labcheck.checks import Refusal, task

READ, WRITE = "/anything/today", "/anything/tomorrow"


@task("validated")
def test_wrong_tokens_are_refused(cluster, traffic, expect, params):
    """A valid token is answered; one expired, forged or misdirected is not."""
    ask = asking(cluster, traffic, params)
    why = {
        "expired": "Its claim exp lies in the past.",
        "forged": "No key of the issuer has signed it.",
        "partner": "It was issued for another audience: see its claim aud.",
    }

    def look():
        good, expired, forged, partner = traffic.together(
            *(partial(ask, READ, name) for name in ("reader", "expired", "forged", "partner"))
        )
        show = f"kubectl get requestauthentication -n {params.namespace} -o yaml"
        for name, response in (("expired", expired), ("forged", forged)):
            expect.refused(response, by=Refusal.UNAUTHORIZED, control=good, why=why[name], next=show)
        expect.refused(partner, by=Refusal.FORBIDDEN, control=good, why=why["partner"], next=show)

    expect.settle(look)


@task("required")
def test_a_token_is_required(cluster, traffic, expect, params):
    """A request without a token is refused with 403."""
    ask = asking(cluster, traffic, params)

    def look():
        missing, good = traffic.together(partial(ask, READ), partial(ask, READ, "reader"))
        forbidden(expect, params, missing, good, "No token is not a wrong token; a policy must ask for one.")

    expect.settle(look)


@task("role")
def test_writing_takes_a_role(cluster, traffic, expect, params):
    """Reading takes any valid token, writing one with the role, anywhere."""
    ask = asking(cluster, traffic, params)

    def look():
        read, by_reader, by_nobody, by_writer = traffic.together(
            partial(ask, READ, "reader"),
            partial(ask, WRITE, "reader", method="POST"),
            partial(ask, f"/anything/{params.free}", method="POST"),
            partial(ask, WRITE, "writer", method="POST"),
        )
        expect.answered(read, next=policies(params))
        forbidden(
            expect, params, by_reader, by_writer, f"Its claim role is reader; writing is for {params.role}."
        )
        forbidden(
            expect, params, by_nobody, by_writer, f"/anything/{params.free} is free to read, not to write."
        )

    expect.settle(look)


@task("free")
def test_some_pages_are_free(cluster, traffic, expect, params):
    """One page of articles and all of news are answered without a token."""
    ask = asking(cluster, traffic, params)

    def look():
        page, news, careless = traffic.together(
            partial(ask, f"/anything/{params.free}"),
            partial(ask, READ, service="news"),
            partial(ask, READ, "forged", service="news"),
        )
        expect.answered(page, why="A rule of an ALLOW policy must fit it.", next=policies(params))
        for response in (news, careless):
            expect.answered(
                response,
                why="news never asked for tokens, and does not look at those it is sent.",
                next=policies(params),
            )

    expect.settle(look)


def asking(cluster, traffic, params):
    """Sends a request with one of the lab's tokens, or with none."""
    tokens = cluster.get("ConfigMap", "tokens", params.namespace).at("data")
    client = traffic.from_("client")

    def ask(path, token="", method="GET", service="articles"):
        headers = {"Authorization": f"Bearer {tokens[token]}"} if token else {}
        return client.get(f"http://{service}{path}", method=method, headers=headers)

    return ask


def forbidden(expect, params, response, control, why):
    expect.refused(response, by=Refusal.FORBIDDEN, control=control, why=why, next=policies(params))


def policies(params):
    return f"kubectl get requestauthentication,authorizationpolicy -n {params.namespace} -o yaml"
