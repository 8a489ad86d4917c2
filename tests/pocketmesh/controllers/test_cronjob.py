"""CronJobs and Jobs that go by themselves. The clock starts on a full minute."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.controllers.cronjob_times import due
from pocketmesh.objects import annotations_of, name_of
from pocketmesh.schema.cron import parsed

CRON_JOBS, JOBS = "cronjobs.batch", "jobs.batch"


@pytest.mark.parametrize(
    ("schedule", "last", "now", "spec", "time", "missed"),
    [
        pytest.param("0 * * * *", "10:00", "10:59", {}, None, 0, id="not yet"),
        pytest.param("0 * * * *", "10:00", "11:00", {}, "11:00", 0, id="now"),
        pytest.param("0 * * * *", "10:00", "13:30", {}, "13:00", 3, id="the latest of those missed"),
        pytest.param("* * * * *", "10:00", "13:30", {}, "13:30", 210, id="very many missed"),
        pytest.param(
            "0 * * * *", "10:00", "13:30", {"startingDeadlineSeconds": 60}, None, 0, id="too late for any"
        ),
    ],
)
def test_what_is_due(schedule, last, now, spec, time, missed):
    def at(text):
        return datetime.fromisoformat(f"2026-01-31 {text}").replace(tzinfo=UTC)

    cron_job = {"spec": spec, "metadata": {}, "status": {"lastScheduleTime": f"2026-01-31T{last}:00Z"}}
    found = due(cron_job, parsed(schedule), at(now), UTC)
    assert found.time == (at(time) if time else None)
    assert found.missed == missed


def cron_job(template, **spec):
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick", "namespace": "default"},
        "spec": {
            "schedule": "* * * * *",
            "jobTemplate": {"spec": {"template": template(restartPolicy="Never")}},
            **spec,
        },
    }


def tick(world, seconds=61):
    world.clock.advance(seconds)
    world.settle()


def finish(world, phase="Succeeded"):
    for pod in world.pods():
        if pod["status"]["phase"] == "Pending":
            world.run_pod(pod, ready=False, phase=phase)


def names(world):
    return [name_of(job) for job in world.client.all(JOBS)]


def active(world):
    found = world.client.get(CRON_JOBS, "default", "tick")["status"].get("active", [])
    return [reference["name"] for reference in found]


def test_each_time_has_its_job(world, template):
    world.node()
    world.create(CRON_JOBS, cron_job(template))
    assert names(world) == []
    tick(world)
    (job,) = world.client.all(JOBS)
    minutes = int(datetime(2026, 1, 31, 12, 1, tzinfo=UTC).timestamp()) // 60
    assert name_of(job) == f"tick-{minutes}"
    stamp = annotations_of(job)["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    assert stamp == "2026-01-31T12:01:00Z"
    assert active(world) == names(world)
    assert world.messages("SuccessfulCreate")[0].startswith("Created ")


def test_a_job_that_is_over_is_seen(world, template):
    world.node()
    world.create(CRON_JOBS, cron_job(template))
    tick(world)
    finish(world)
    assert active(world) == []
    assert world.messages("SawCompletedJob") == [f"Saw completed job: {names(world)[0]}, condition: Complete"]
    found = world.client.get(CRON_JOBS, "default", "tick")["status"]
    assert found["lastSuccessfulTime"] == "2026-01-31T12:01:01Z"


@pytest.mark.parametrize(
    ("policy", "left", "reason"),
    [
        pytest.param("Allow", 2, None, id="both run"),
        pytest.param("Forbid", 1, "JobAlreadyActive", id="the second is left out"),
        pytest.param("Replace", 1, "SuccessfulDelete", id="the first is ended"),
    ],
)
def test_two_at_a_time(world, template, policy, left, reason):
    world.node()
    world.create(CRON_JOBS, cron_job(template, concurrencyPolicy=policy))
    tick(world)
    first = names(world)
    tick(world, 60)
    assert len(names(world)) == left
    assert (first == names(world)) is (policy == "Forbid")
    assert reason is None or world.messages(reason)


def test_a_suspended_one_starts_nothing(world, template):
    world.node()
    world.create(CRON_JOBS, cron_job(template, suspend=True))
    tick(world)
    assert names(world) == []


def test_only_so_many_finished_jobs_are_kept(world, template):
    world.node()
    limits = {"successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 0}
    world.create(CRON_JOBS, cron_job(template, **limits))
    for _ in range(3):
        tick(world)
        finish(world)
    assert len(names(world)) == 1


def test_a_zone_that_does_not_exist_is_told(world, template):
    world.create(CRON_JOBS, cron_job(template, timeZone="Mars/Olympus"))
    assert world.messages("UnknownTimeZone") == [
        'invalid timeZone: "Mars/Olympus": unknown time zone Mars/Olympus'
    ]


def test_a_finished_job_goes_when_its_time_is_over(world, template):
    world.node()
    job = cron_job(template)["spec"]["jobTemplate"]
    metadata = {"name": "once", "namespace": "default"}
    spec = {**job["spec"], "ttlSecondsAfterFinished": 30}
    world.create(JOBS, {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})
    finish(world)
    tick(world, 29)
    assert names(world) == ["once"]
    tick(world, 2)
    assert names(world) == []
    assert world.pods() == []


def test_a_schedule_that_cannot_be_read_is_refused(world, template):
    with pytest.raises(ApiError) as refused:
        world.create(CRON_JOBS, cron_job(template, schedule="often"))
    why = 'spec.schedule: Invalid value: "often": expected exactly 5 fields, found 1: [often]'
    assert why in str(refused.value)
