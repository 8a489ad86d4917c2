"""The checks of lab 06: who is answered at which port, and who is reset by ztunnel.

Every refusal stands beside an answer that another caller, or the same caller elsewhere, gets.
"""

from __future__ import annotations

from labcheck.checks import Refusal, task

REJECTIONS = "kubectl logs -n istio-system ds/ztunnel | grep 'policy rejection'"


@task("teller")
def test_one_identity_reaches_the_ledger(traffic, expect, params):
    """One identity reaches ledger; a neighbour of it and an auditor are reset."""
    url = f"http://ledger.{params.vault}/"

    def look():
        teller, clerk, auditor = asked(traffic, url)
        expect.holds(
            "ledger answers teller",
            teller.ok,
            observed=str(teller),
            why="No rule fits it. A principal is cluster.local/ns/NAMESPACE/sa/ACCOUNT, and the port is the "
            "container's, not the Service's.",
            next=REJECTIONS,
        )
        why = f"Only the ServiceAccount {params.identity} of {params.desk} is to fit a rule for this port."
        for other in (clerk, auditor):
            reset(expect, params, other, teller, why)

    expect.settle(look)


@task("auditor")
def test_one_namespace_reaches_the_metrics(traffic, expect, params):
    """One namespace reaches ledger's metrics; everybody else is reset there."""
    url = f"http://ledger.{params.vault}:9100/metrics"

    def look():
        teller, clerk, auditor = asked(traffic, url)
        expect.holds(
            "ledger answers auditor at port 9100",
            auditor.ok,
            observed=str(auditor),
            why=f"No rule fits callers from {params.audit} at this port.",
            next=REJECTIONS,
        )
        why = f"Only callers from the namespace {params.audit} are to fit a rule for this port."
        for other in (clerk, teller):
            reset(expect, params, other, auditor, why)

    expect.settle(look)


@task("closed")
def test_the_namespace_is_closed(cluster, traffic, expect, params):
    """What no policy opens is closed, and so is what will come later."""
    vault = params.vault
    teller, auditor = traffic.from_("teller"), traffic.from_("auditor")

    def look():
        cluster.find(
            "AuthorizationPolicy",
            is_namespace_wide,
            vault,
            wanted="an AuthorizationPolicy without a selector, for all workloads of the namespace",
        )
        page, metrics, *opened = traffic.together(
            lambda: teller.get(f"http://strongroom.{vault}/"),
            lambda: auditor.get(f"http://strongroom.{vault}:9100/metrics"),
            lambda: teller.get(f"http://ledger.{vault}/"),
            lambda: auditor.get(f"http://ledger.{vault}:9100/metrics"),
        )
        # What is open for one of them proves that a refusal is a policy's doing.
        control = next((answer for answer in opened if answer.ok), opened[0])
        for refused in (page, metrics):
            reset(expect, params, refused, control, "No rule is to fit anybody who calls strongroom.")

    expect.settle(look)


@task("repaired")
def test_reports_answers_again(cluster, traffic, expect, params):
    """reports answers one identity and resets others; ztunnel reads all of it."""

    def look():
        for policy in filter(is_about_reports, cluster.all("AuthorizationPolicy", params.vault)):
            accepted = policy.condition("ZtunnelAccepted")
            if accepted.present:
                expect.equal(
                    f"the reason that {policy.ref} has for ZtunnelAccepted",
                    observed=accepted.reason,
                    expected="Accepted",
                    why=accepted.message,
                    next=f"kubectl get authorizationpolicy {policy.name} -n {params.vault} -o yaml",
                )
        teller, clerk, auditor = asked(traffic, f"http://reports.{params.vault}/quarterly")
        expect.holds(
            "reports answers teller",
            teller.ok,
            observed=str(teller),
            why="No rule of a policy for reports fits it.",
            next=REJECTIONS,
        )
        why = f"The policy for reports was meant for the ServiceAccount {params.identity} alone."
        for other in (clerk, auditor):
            reset(expect, params, other, teller, why)

    expect.settle(look)


def asked(traffic, url):
    """What teller, clerk and auditor get."""
    callers = [traffic.from_(name) for name in ("teller", "clerk", "auditor")]
    return traffic.together(*(lambda caller=caller: caller.get(url) for caller in callers))


def reset(expect, params, response, control, why):
    next_step = f"kubectl get authorizationpolicy -n {params.vault} -o yaml"
    expect.refused(response, by=Refusal.RESET, control=control, why=why, next=next_step)


def is_namespace_wide(policy):
    spec = policy.get("spec") or {}
    return not any(spec.get(field) for field in ("selector", "targetRef", "targetRefs"))


def is_about_reports(policy):
    return policy.at("spec", "selector", "matchLabels", "app", default="reports") == "reports"
