"""The checks of lab 05: what httpbin says that it received, and what two ratings services remember.

httpbin describes the request that reached it, so the change is seen where it matters. ratings keeps what is
posted to it, so a copy leaves a trace in the service that was not to answer.
"""

from __future__ import annotations

import json
import random

from labcheck.checks import task


@task("rewrite")
def test_the_old_paths_reach_httpbin_under_the_new_one(traffic, expect, params):
    """The path is rewritten: its prefix is replaced, the rest of it stays."""
    client, start = traffic.from_("client"), f"http://httpbin:8000/{params.old}"

    def look():
        for rest in ("/items/7?page=2", "/orders"):
            reply = client.get(start + rest)
            expect.answered(
                reply,
                why="A 404 with a body is httpbin's: no rule replaced the path. One without a body is the "
                "waypoint's: there are rules, and none takes this path.",
                next=command(params, start + rest),
            )
            url = described(reply).get("url", "")
            expect.equal(
                f"where httpbin sees a request for /{params.old}{rest}",
                observed="/" + url.partition("://")[2].partition("/")[2],
                expected=f"/anything{rest}",
                why="What the rule matched is to be replaced, and nothing else.",
                next=command(params, start + rest),
            )

    expect.settle(look)


@task("redirect")
def test_callers_are_sent_to_the_documentation(traffic, expect, params):
    """Paths below /docs are redirected, for good, to the same path elsewhere."""
    client = traffic.from_("client")

    def look():
        for path in ("/docs", "/docs/install?os=linux"):
            url = f"http://httpbin:8000{path}"
            reply = client.get(url)
            expect.equal(
                f"the code for {path}",
                observed=reply.code,
                expected=301,
                why="404: nothing redirects it. 302 is for now, and what a redirect says that names no code.",
                next=command(params, url),
            )
            expect.equal(
                f"the location for {path}",
                observed=reply.headers.get("location", "").removesuffix("/"),
                expected=f"https://docs.{params.tenant}.example{path}",
                why="A scheme or a port that the redirect does not say stays that of the request.",
                next=command(params, url),
            )

    expect.settle(look)


@task("request-headers")
def test_headers_of_requests_are_the_meshs(traffic, expect, params):
    """The tenant is set by the mesh, and an internal token is taken away."""
    sent = {"x-tenant": "somebody-else", "x-internal-token": "stolen", "x-request-note": "hello"}

    def look():
        for url in urls(params):
            reply = traffic.from_("client").get(url, headers=sent)
            expect.answered(reply, why="No rule takes this path.", next=command(params, url))
            seen = {name.lower(): value for name, value in described(reply).get("headers", {}).items()}
            for name, wanted in (
                ("x-tenant", [params.tenant]),
                ("x-internal-token", None),
                ("x-request-note", ["hello"]),
            ):
                expect.equal(
                    f"the header {name} that httpbin sees at {url}",
                    observed=seen.get(name),
                    expected=wanted,
                    why=f"The caller sent {name}: {sent[name]}.",
                    next=f"{command(params, url)} -H '{name}: {sent[name]}'",
                )

    expect.settle(look)


@task("response-header")
def test_answers_are_not_to_be_stored(traffic, expect, params):
    """Answers of httpbin carry cache-control: no-store."""

    def look():
        for url in urls(params):
            reply = traffic.from_("client").get(url)
            expect.answered(reply, why="No rule takes this path.", next=command(params, url))
            expect.equal(
                f"the header cache-control of the answer at {url}",
                observed=reply.headers.get("cache-control"),
                expected="no-store",
                next=command(params, url),
            )

    expect.settle(look)


@task("mirror")
def test_what_is_posted_reaches_both_services(traffic, expect, params):
    """What is posted to ratings reaches ratings-next, too.

    Eight ratings are posted. A mirror that copies half of the requests would pass four times in a thousand.
    """
    client = traffic.from_("client")
    books = {random.randrange(1000, 10**9): random.randrange(1, 6) for _ in range(8)}

    def post(book):
        body = json.dumps({"Tester": books[book]})
        return client.get(f"http://ratings:9080/ratings/{book}", method="POST", body=body)

    def kept(service, wanted):
        replies = traffic.together(
            *(lambda book=book: client.get(f"http://{service}:9080/ratings/{book}") for book in wanted)
        )
        for reply in replies:
            expect.answered(reply, next=command(params, f"http://{service}:9080/ratings/0"))
        found = zip(wanted, map(described, replies), strict=True)
        return {book for book, told in found if told.get("ratings") == {"Tester": books[book]}}

    for reply in expect.sample(lambda: traffic.together(*(lambda book=book: post(book) for book in books))):
        expect.answered(reply, next=command(params, "http://ratings:9080/ratings/0"))
    expect.equal(
        "ratings that ratings kept, of eight that were posted",
        observed=len(kept("ratings", list(books))),
        expected=8,
        why="Another service took some of them, or answers in its place.",
        next=f"kubectl get httproute,virtualservice -n {params.namespace} -o yaml",
    )
    # What only ratings-next has been told must not be heard from ratings.
    known_to_next = f"/ratings/{random.randrange(10**9, 10**10)}"
    client.get(f"http://ratings-next:9080{known_to_next}", method="POST", body='{"Next": 1}')
    reply = client.get(f"http://ratings:9080{known_to_next}")
    expect.holds(
        "ratings answers for itself",
        reply.ok and "Next" not in reply.body,
        observed=str(reply),
        why="This was posted to ratings-next alone, so it is ratings-next that answered.",
        next=f"kubectl get httproute,virtualservice -n {params.namespace} -o yaml",
    )
    missing = set(books)

    def look():
        missing.difference_update(kept("ratings-next", list(missing)))
        expect.equal(
            "ratings that ratings-next was sent a copy of",
            observed=8 - len(missing),
            expected=8,
            why="A mirror sends copies of the share that it says, of all requests unless it says one.",
            next=f"kubectl get httproute,virtualservice -n {params.namespace} -o yaml",
        )

    expect.settle(look)


def urls(params):
    """Two paths that reach httpbin, one of them rewritten."""
    return "http://httpbin:8000/headers", f"http://httpbin:8000/{params.old}/headers"


def described(reply):
    """What the application says in JSON; nothing when it says something else."""
    try:
        return json.loads(reply.body)
    except ValueError:
        return {}


def command(params, url):
    return f"kubectl exec client -n {params.namespace} -- curl -si '{url}'"
