"""The checks of lab 16: who is answered and who is refused, and by whom.

Nothing here asks for the fault. Beside everybody who should be let in stands somebody who should not, so that
no policy can be repaired by taking it away.
"""

from __future__ import annotations

from labcheck.checks import Refusal, task


@task("ledger")
def test_the_ledger_answers_one_identity(traffic, expect, params):
    """One identity reaches ledger; its neighbour is reset by ztunnel."""
    teller, clerk = traffic.from_("teller"), traffic.from_("clerk")
    url = f"http://ledger.{params.vault}/"

    def look():
        allowed, other = traffic.together(lambda: teller.get(url), lambda: clerk.get(url))
        expect.answered(
            allowed,
            why="Whether a policy refused it, or nothing arrived that could be judged, ztunnel's log says.",
            next="kubectl logs -n istio-system ds/ztunnel --tail=5",
        )
        expect.refused(
            other,
            by=Refusal.RESET,
            control=allowed,
            why=f"ledger is for the ServiceAccount {params.identity} of {params.desk}, and for it alone.",
            next="kubectl logs -n istio-system ds/ztunnel --tail=5",
        )

    expect.settle(look)


@task("reports")
def test_the_waypoint_refuses_what_reports_should_not_hear(traffic, expect, params):
    """GET of one identity is answered; DELETE, and others, get 403."""
    teller, clerk = traffic.from_("teller"), traffic.from_("clerk")
    url = f"http://reports.{params.vault}/"

    def look():
        read, deleted, other = traffic.together(
            lambda: teller.get(url), lambda: teller.get(url, method="DELETE"), lambda: clerk.get(url)
        )
        for refused, what in ((deleted, "DELETE"), (other, "GET of another identity")):
            expect.refused(
                refused,
                by=Refusal.FORBIDDEN,
                control=read,
                why=f"{what} is for the waypoint to refuse. Its policies are those with targetRefs.",
                next=f"kubectl get authorizationpolicy -n {params.vault} -o yaml",
            )

    expect.settle(look)


@task("archive")
def test_the_archive_has_one_door(cluster, traffic, expect, params):
    """One identity gets to archive by the waypoint; past it nobody does."""
    teller, clerk = traffic.from_("teller"), traffic.from_("clerk")
    url = f"http://archive.{params.vault}/"
    show = f"kubectl get authorizationpolicy -n {params.vault} -o yaml"

    def look():
        pods = cluster.all("Pod", params.vault, labels={"app": "archive"})
        pod = f"http://{pods[0].at('status', 'podIP')}:8080/" if pods else url
        allowed, other, past = traffic.together(
            lambda: teller.get(url), lambda: clerk.get(url), lambda: teller.get(pod)
        )
        expect.holds(
            "an answer comes through the waypoint",
            allowed.ok and allowed.through_waypoint,
            observed=str(allowed),
            why="Behind the waypoint stands the ztunnel of archive, and it judges whoever knocks there.",
            next="kubectl logs -n istio-system ds/ztunnel --tail=5",
        )
        expect.refused(
            other,
            by=Refusal.FORBIDDEN,
            control=allowed,
            why="The policy archive-readers came with the lab: it was right, and it is to stay.",
            next=show,
        )
        expect.refused(
            past,
            by=Refusal.RESET,
            control=allowed,
            why="This request was sent to the pod's own address, so no waypoint has seen it.",
            next=show,
        )

    expect.settle(look)


@task("status")
def test_plain_callers_reach_one_page(traffic, expect, params):
    """A plain caller reaches the page of status, and is reset elsewhere."""
    outsider = traffic.from_("outsider")
    page, admin = f"http://status.{params.vault}/", f"http://status.{params.vault}:9100/"
    reports = f"http://reports.{params.vault}/"

    def look():
        seen, *refused = traffic.together(
            lambda: outsider.get(page), lambda: outsider.get(admin), lambda: outsider.get(reports)
        )
        expect.answered(
            seen,
            why="Mutual TLS is demanded of a caller who has none: by which PeerAuthentication?",
            next="kubectl get peerauthentication -A -o yaml",
        )
        for response, url in zip(refused, (admin, reports), strict=True):
            expect.refused(
                response,
                by=Refusal.RESET,
                control=seen,
                why=f"Plain callers may see port 80 of status and nothing else; this was {url}.",
                next="kubectl get peerauthentication -A -o yaml",
            )

    expect.settle(look)
