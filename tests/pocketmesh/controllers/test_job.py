"""Jobs: counting, ends, pauses, indexes, policies."""

from __future__ import annotations

import pytest

from pocketmesh.clock import rfc3339
from pocketmesh.controllers.job_indexes import parsed, pending, written
from pocketmesh.objects import condition, labels_of, name_of

JOBS = "jobs.batch"


@pytest.mark.parametrize(
    ("text", "indexes"),
    [
        pytest.param("", set(), id="none"),
        pytest.param("3", {3}, id="one"),
        pytest.param("0,1", {0, 1}, id="a pair is written out"),
        pytest.param("0,2-4,7", {0, 2, 3, 4, 7}, id="a run is shortened"),
    ],
)
def test_indexes_are_written_as_runs(text, indexes):
    assert written(indexes) == text
    assert parsed(text) == indexes


def test_the_lowest_free_indexes_come_next():
    assert pending(6, {0, 2}, 3) == [1, 3, 4]


def job(template, **spec):
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "pi", "namespace": "default"},
        "spec": {"template": template(restartPolicy="Never"), **spec},
    }


def start(world, template, **spec):
    world.node()
    world.create(JOBS, job(template, **spec))


def end(world, phase="Succeeded", code=0, count=1):
    """Ends some of the pods that still run."""
    running = [pod for pod in world.pods() if pod["status"]["phase"] in ("Pending", "Running")]
    for pod in running[:count]:
        state = {"terminated": {"exitCode": code, "finishedAt": rfc3339(world.clock.now())}}
        statuses = [
            {"name": "main", "state": state, "ready": False, "restartCount": 0, "image": "x", "imageID": ""}
        ]
        status = {**pod["status"], "containerStatuses": statuses}
        world.run_pod({**pod, "status": status}, ready=False, phase=phase)


def status_of(world):
    return world.client.get(JOBS, "default", "pi")["status"]


def said(world):
    """The conditions, as type and reason."""
    return [(entry["type"], entry["reason"]) for entry in status_of(world).get("conditions", ())]


def running(world):
    return [pod for pod in world.pods() if pod["status"]["phase"] == "Pending"]


def test_its_pods_are_found_by_a_selector_of_its_own(world, template):
    start(world, template)
    made = world.client.get(JOBS, "default", "pi")
    (pod,) = world.pods()
    selector = made["spec"]["selector"]["matchLabels"]
    assert selector == {"batch.kubernetes.io/controller-uid": made["metadata"]["uid"]}
    assert selector.items() <= labels_of(pod).items()
    assert labels_of(pod)["job-name"] == "pi"


def test_it_is_complete_after_the_last_success(world, template):
    start(world, template, completions=3, parallelism=2)
    assert len(running(world)) == 2
    end(world, count=2)
    assert (len(running(world)), status_of(world)["succeeded"]) == (1, 2)
    end(world)
    assert said(world) == [
        ("SuccessCriteriaMet", "CompletionsReached"),
        ("Complete", "CompletionsReached"),
    ]
    assert status_of(world)["completionTime"] == "2026-01-31T12:00:00Z"
    assert world.messages("Completed") == ["Job completed"]


def test_what_was_counted_stays_counted_when_its_pod_is_deleted(world, template):
    start(world, template, completions=2)
    end(world)
    done = next(pod for pod in world.pods() if pod["status"]["phase"] == "Succeeded")
    assert "finalizers" not in done["metadata"]
    world.client.delete("pods", "default", name_of(done), grace=0)
    world.settle()
    assert status_of(world)["succeeded"] == 1
    assert len(running(world)) == 1


def test_a_failure_is_followed_by_a_pause_that_doubles(world, template):
    start(world, template)
    for pause in (10, 20):
        end(world, "Failed", 1)
        assert running(world) == []
        world.clock.advance(pause - 1)
        world.settle()
        assert running(world) == []
        world.clock.advance(1 + pause)
        world.settle()
        assert len(running(world)) == 1
    assert status_of(world)["failed"] == 2


def test_it_gives_up_at_its_limit(world, template):
    start(world, template, backoffLimit=0)
    end(world, "Failed", 1)
    assert said(world) == [
        ("FailureTarget", "BackoffLimitExceeded"),
        ("Failed", "BackoffLimitExceeded"),
    ]
    assert world.messages("BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]


def test_it_ends_at_its_deadline_and_says_so_when_its_pods_are_gone(world, template):
    start(world, template, activeDeadlineSeconds=30)
    world.run_pod(world.pods()[0])
    world.clock.advance(31)
    world.settle()
    assert said(world) == [("FailureTarget", "DeadlineExceeded")]
    assert status_of(world)["terminating"] == 1
    world.run_all()
    assert said(world)[-1] == ("Failed", "DeadlineExceeded")
    assert status_of(world)["failed"] == 1


def test_a_deleted_pod_counts_as_failed_and_is_replaced(world, template):
    start(world, template)
    world.client.delete("pods", "default", name_of(world.pods()[0]))
    world.settle()
    world.run_all()
    (replacement,) = world.pods()
    assert replacement["status"]["phase"] == "Running"
    assert status_of(world)["failed"] == 1


def test_a_suspended_job_has_no_pods_until_it_is_resumed(world, template):
    start(world, template, suspend=True)
    assert (world.pods(), said(world)) == ([], [("Suspended", "JobSuspended")])
    assert "startTime" not in status_of(world)
    world.client.merge(JOBS, "default", "pi", {"spec": {"suspend": False}})
    world.settle()
    assert len(running(world)) == 1
    assert said(world) == [("Suspended", "JobResumed")]
    assert (world.messages("Suspended"), world.messages("Resumed")) == (["Job suspended"], ["Job resumed"])


def test_suspending_ends_the_pods_without_counting_them(world, template):
    start(world, template)
    world.run_pod(world.pods()[0])
    world.client.merge(JOBS, "default", "pi", {"spec": {"suspend": True}})
    world.settle()
    world.run_all()
    assert world.pods() == []
    assert "failed" not in status_of(world)


def test_an_indexed_job_numbers_its_pods(world, template):
    start(world, template, completions=3, parallelism=2, completionMode="Indexed")
    assert sorted(pod["spec"]["hostname"] for pod in world.pods()) == ["pi-0", "pi-1"]
    variable = world.pods()[0]["spec"]["containers"][0]["env"][0]
    assert variable["name"] == "JOB_COMPLETION_INDEX"
    end(world, count=2)
    assert status_of(world)["completedIndexes"] == "0,1"
    end(world)
    assert status_of(world)["completedIndexes"] == "0-2"
    assert said(world)[-1] == ("Complete", "CompletionsReached")


def test_a_success_policy_ends_an_indexed_job_early(world, template):
    policy = {"rules": [{"succeededIndexes": "0"}]}
    start(world, template, completions=2, parallelism=2, completionMode="Indexed", successPolicy=policy)
    first = next(pod for pod in world.pods() if pod["spec"]["hostname"] == "pi-0")
    world.run_pod(first, ready=False, phase="Succeeded")
    world.run_all()
    assert said(world) == [("SuccessCriteriaMet", "SuccessPolicy"), ("Complete", "SuccessPolicy")]
    assert "failed" not in status_of(world)


def test_an_index_that_fails_too_often_fails_alone(world, template):
    start(world, template, completions=2, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=0)
    end(world, "Failed", 1)
    assert status_of(world)["failedIndexes"] == "0"
    end(world)
    assert said(world)[-1] == ("Failed", "FailedIndexes")
    assert status_of(world)["completedIndexes"] == "1"


@pytest.mark.parametrize(
    ("action", "reason", "failed"),
    [
        pytest.param("FailJob", "PodFailurePolicy", 1, id="ends the job"),
        pytest.param("Count", "BackoffLimitExceeded", 1, id="counts"),
        pytest.param("Ignore", None, 0, id="does not count"),
    ],
)
def test_a_failure_policy(world, template, action, reason, failed):
    rule = {"action": action, "onExitCodes": {"operator": "In", "values": [42]}}
    start(world, template, backoffLimit=0, podFailurePolicy={"rules": [rule]})
    end(world, "Failed", 42)
    failure = condition({"status": status_of(world)}, "Failed")
    assert (failure and failure["reason"], status_of(world).get("failed", 0)) == (reason, failed)


def test_a_job_without_completions_ends_with_the_first_success(world, template):
    start(world, template, parallelism=2, completions=None)
    end(world)
    assert len(running(world)) == 1
    end(world)
    assert said(world)[-1] == ("Complete", "CompletionsReached")


def test_pods_of_a_job_that_is_gone_are_let_go(world, template):
    start(world, template)
    world.client.delete(JOBS, "default", "pi")
    world.settle()
    world.run_all()
    assert world.pods() == []
