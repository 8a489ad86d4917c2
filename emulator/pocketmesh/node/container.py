"""One container of a pod through its runs: started, probed, stopped, and started again after a pause.

Follows pkg/kubelet/kuberuntime and pkg/kubelet/images; what is said of it is in `ContainerState`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from pocketmesh.clock import parse, rfc3339
from pocketmesh.node.beside import beside
from pocketmesh.node.console import Console
from pocketmesh.node.ending import KILLED, NEVER_STARTED, TERMINATED, last_words, never_started
from pocketmesh.node.environment import Unresolvable
from pocketmesh.node.hooks import HookFailed, carry_out
from pocketmesh.node.images import Image, qualified
from pocketmesh.node.launch import Launch, NotExecutable, prepare
from pocketmesh.node.log import ContainerLog
from pocketmesh.node.machine import Machine
from pocketmesh.node.mounts import PodVolumes
from pocketmesh.node.probes import Kind, Probe, ProbeFailed, ask
from pocketmesh.node.process import Container
from pocketmesh.node.status import PLACES, Role, continued
from pocketmesh.objects import Object, name_of, namespace_of, uid_of

FIRST_BACK_OFF: Final = 10.0
LONGEST_BACK_OFF: Final = 300.0
FORGIVEN_AFTER: Final = timedelta(minutes=10)
PULL_NOTICE: Final = 1.0
_A_MOMENT: Final = timedelta(seconds=2)
"""How long a program that starts or ends may be about to have done so."""

_log = logging.getLogger(__name__)


class ContainerWorker:
    """Runs one container. `changed` is called whenever its pod should be looked at again."""

    def __init__(
        self,
        machine: Machine,
        pod: Object,
        spec: Object,
        before: Object,
        changed: Callable[[], None],
        role: Role,
        volumes: PodVolumes,
    ) -> None:
        self.spec = spec
        self.state, self._restarting = continued(spec, before, machine.now())
        self.container: Container | None = None
        self.console: Console | None = None
        self.log: ContainerLog | None = None
        self.previous_log: ContainerLog | None = None
        self._finishes = role == "init" and not self.state.sidecar
        self._path = f"spec.{PLACES[role]}{{{spec['name']}}}"
        self._machine = machine
        self._volumes = volumes
        self._pod = pod
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._beside: set[asyncio.Task[None]] = set()
        self._probes: list[Probe] = []
        self._retry: datetime | None = None
        self._pause = 0.0
        self._pull_pause = FIRST_BACK_OFF
        self._killed = False
        self._ending = False
        self._since = machine.clock.now()

    @property
    def alive(self) -> bool:
        """Whether its process has not ended yet."""
        return self._task is not None and not self._task.done()

    @property
    def changing(self) -> bool:
        """Whether it runs, but only just started and is not ready or over yet, or was just asked to end."""
        unfinished = self._ending or self._finishes or not self.state.ready
        return self.alive and unfinished and self._machine.clock.now() - self._since < _A_MOMENT

    def keep_running(self, pod: Object, ip: str, restart: str) -> float | None:
        """Starts it if it should run and may start now; returns the seconds until it may."""
        self._pod = pod
        if self.alive:
            return None
        if self.state.exit_code is not None:
            if restart == "Never" or (restart == "OnFailure" and self.state.exit_code == 0):
                return None
            self._plan_restart()
        if self._retry is None or self._retry <= self._machine.clock.now():
            self._start(ip)
            if self._waits_for("ErrImagePull"):
                return PULL_NOTICE
        elif self._waits_for("ErrImagePull"):
            self._pull_backs_off()
        if self._retry is None:
            return None
        return max(0.001, (self._retry - self._machine.clock.now()).total_seconds())

    def stop(self, *, killed: bool = False) -> None:
        """Ends its process, with SIGTERM's or SIGKILL's exit code."""
        self._killed = killed
        if self._task is not None:
            self._task.cancel()

    def end(self, why: str, grace: float, ip: str, *, killed: bool = False) -> None:
        """Lets the preStop hook prepare its end, as long as there is grace, and stops it; once is enough."""
        if self._ending or not self.alive:
            return
        self._ending, self._since = True, self._machine.clock.now()
        self._event("Normal", "Killing", why)
        hook = self._hook("preStop")
        if hook is None or grace <= 0:
            self.stop(killed=killed)
        else:
            self._do_beside(self._prepare_end(hook, grace, ip, killed))

    def probe(self, ip: str) -> float | None:
        """Asks the probes that are due, takes in what they said; seconds until the next is due."""
        if not self.state.running or self._ending:
            return None
        now = self._machine.clock.now()
        startup = [probe for probe in self._probes if probe.kind == "startup"]
        self.state.started = all(probe.passed for probe in startup)
        readiness = [probe for probe in self._probes if probe.kind == "readiness"]
        self.state.ready = self.state.started and all(probe.passed for probe in readiness)
        active = [p for p in self._probes if (p in startup) is not self.state.started or not startup]
        for probe in active:
            if probe.exhausted and probe.kind != "readiness":
                what = f"Container {self.spec['name']} failed {probe.kind} probe, will be restarted"
                grace = self._pod["spec"].get("terminationGracePeriodSeconds", 30)
                self.end(what, probe.spec.get("terminationGracePeriodSeconds", grace), ip, killed=True)
                return None
            if not probe.busy and probe.due <= now:
                probe.busy = True
                self._do_beside(self._ask(probe, ip))
        return min((max(0.001, (p.due - now).total_seconds()) for p in active if not p.busy), default=None)

    def _start(self, ip: str) -> None:
        image = self._machine.catalogue.find(self.spec["image"])
        if image is None:
            self._pull_failed()
            return
        self._event("Normal", "Pulled", f'Container image "{self.spec["image"]}" already present on machine')
        log = ContainerLog(self._machine.clock)
        try:
            launch = prepare(self._machine, self._pod, self.spec, image, ip, log, self._volumes)
        except Unresolvable as problem:
            self.state.state = {"waiting": {"reason": "CreateContainerConfigError", "message": str(problem)}}
            self._event("Warning", "Failed", f"Error: {problem}")
            self._retry_in(FIRST_BACK_OFF)
            return
        except NotExecutable as problem:
            self._begin(image, log)
            self._refused(str(problem))
            return
        self._begin(image, log)
        self.container, self.console = launch.invocation.container, launch.console
        self._event("Normal", "Started", f"Started container {self.spec['name']}")
        self._task = asyncio.ensure_future(self._run(launch))
        hook = self._hook("postStart")
        if hook is None:
            self._is_running()
        else:
            self.state.state = {"waiting": {"reason": "ContainerCreating"}}
            self._do_beside(self._after_start(hook, ip, self._task))

    def _is_running(self) -> None:
        now = self._machine.clock.now()
        self.state.state = {"running": {"startedAt": rfc3339(now)}}
        self._probes = [
            Probe.begin(kind, self.spec[field], now) for kind, field in _PROBES if self.spec.get(field)
        ]

    async def _after_start(self, hook: Object, ip: str, main: asyncio.Task[None]) -> None:
        """The container counts as running only when its postStart hook is over."""
        try:
            await self._carry_out(hook, ip)
        except HookFailed:
            # What it said is kept to itself: it may be secret.
            self._event("Warning", "FailedPostStartHook", "PostStartHook failed")
            self._event("Normal", "Killing", "FailedPostStartHook")
            self.stop(killed=True)
        else:
            if not main.done():
                self._is_running()
                self._changed()

    async def _prepare_end(self, hook: Object, grace: float, ip: str, killed: bool) -> None:
        try:
            async with asyncio.timeout(grace):
                await self._carry_out(hook, ip)
        except HookFailed:
            self._event("Warning", "FailedPreStopHook", "PreStopHook failed")
        except TimeoutError:
            killed = True
        self.stop(killed=killed)

    async def _carry_out(self, hook: Object, ip: str) -> None:
        await carry_out(hook, self.spec, ip, self._machine.address, self._machine.network, self.run)

    def _hook(self, name: str) -> Object | None:
        found: Object | None = (self.spec.get("lifecycle") or {}).get(name)
        return found

    def _do_beside(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _begin(self, image: Image, log: ContainerLog) -> None:
        """Another run: a new id and a new log; the old log becomes the previous one."""
        self._event("Normal", "Created", f"Created container: {self.spec['name']}")
        self.previous_log, self.log = self.log, log
        self.state.id = f"containerd://{secrets.token_hex(32)}"
        self.state.image, self.state.image_id = qualified(self.spec["image"]), image.id
        self.state.restarts += self._restarting
        self._restarting, self._killed, self._ending, self._retry = False, False, False, None
        self._since = self._machine.clock.now()

    async def _run(self, launch: Launch) -> None:
        try:
            code = await launch.command(launch.invocation)
        except asyncio.CancelledError:
            code = KILLED if self._killed else TERMINATED
        except Exception:
            _log.exception("%s/%s: %s broke", namespace_of(self._pod), name_of(self._pod), self.spec["name"])
            code = 1
        self._ended(
            code, "Completed" if code == 0 else "Error", last_words(self.spec, self.container, self.log, code)
        )

    def _refused(self, problem: str) -> None:
        message = never_started(problem)
        self._event("Warning", "Failed", f"Error: {message}")
        self._ended(NEVER_STARTED, "StartError", message)

    def _ended(self, code: int, reason: str, message: str = "") -> None:
        now, started = self._machine.now(), self.state.state.get("running", {}).get("startedAt")
        ended: Object = {"exitCode": code, "reason": reason, "startedAt": started or now, "finishedAt": now}
        if message:
            ended["message"] = message
        self.state.state = {"terminated": {**ended, "containerID": self.state.id}}
        self.state.ready = self.state.started = False
        self._probes = []
        if self.log is not None:
            self.log.close()
        if self.console is not None:
            self.console.ended.set()
        self._changed()

    def _plan_restart(self) -> None:
        """The first restart is at once; after that it waits 10 s, doubling up to 5 min."""
        ended = self.state.state["terminated"]
        if parse(ended["finishedAt"]) - parse(ended["startedAt"]) >= FORGIVEN_AFTER:
            self._pause = 0.0
        self.state.last, self._restarting = self.state.state, True
        self._retry_in(self._pause)
        if self._pause:
            name, pod = self.spec["name"], self._pod
            who = f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})"
            message = f"back-off {duration(self._pause)} restarting failed container={name} pod={who}"
            self.state.state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
            self._event("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {who}")
        self._pause = min(max(FIRST_BACK_OFF, self._pause * 2), LONGEST_BACK_OFF)

    def _pull_failed(self) -> None:
        message = self._machine.catalogue.refusal(self.spec["image"])
        self.state.image = self.spec["image"]
        self.state.state = {"waiting": {"reason": "ErrImagePull", "message": message}}
        self._event("Normal", "Pulling", f'Pulling image "{self.spec["image"]}"')
        self._event("Warning", "Failed", f'Failed to pull image "{self.spec["image"]}": {message}')
        self._event("Warning", "Failed", "Error: ErrImagePull")
        self._retry_in(self._pull_pause)
        self._pull_pause = min(self._pull_pause * 2, LONGEST_BACK_OFF)

    def _pull_backs_off(self) -> None:
        why = self.state.state["waiting"]["message"]
        message = f'Back-off pulling image "{self.spec["image"]}"'
        self.state.state = {
            "waiting": {"reason": "ImagePullBackOff", "message": f"{message}: ErrImagePull: {why}"}
        }
        self._event("Normal", "BackOff", message)
        self._event("Warning", "Failed", "Error: ImagePullBackOff")

    def _waits_for(self, reason: str) -> bool:
        return bool(self.state.state.get("waiting", {}).get("reason") == reason)

    def _retry_in(self, seconds: float) -> None:
        self._retry = self._machine.clock.now() + timedelta(seconds=seconds)

    async def _ask(self, probe: Probe, ip: str) -> None:
        try:
            await ask(probe.spec, self.spec, ip, self._machine.address, self._machine.network, self.run)
        except ProbeFailed as failure:
            if probe.failed(self._machine.clock.now()) and probe in self._probes:
                said = f"{probe.kind.capitalize()} probe failed: {failure}"
                self._event("Warning", "Unhealthy", said)
        else:
            probe.succeeded(self._machine.clock.now())
        probe.busy = False
        self._changed()

    async def run(self, argv: Sequence[str]) -> tuple[int, str]:
        """Runs a command beside the main process: its exit code and what it wrote."""
        if self.container is None:
            return 1, "container not running"
        return await beside(self.container, argv)

    def _event(self, kind: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        self._machine.events.event(self._pod, kind, reason, message, self._path)


_PROBES: Final[tuple[tuple[Kind, str], ...]] = (
    ("startup", "startupProbe"),
    ("readiness", "readinessProbe"),
    ("liveness", "livenessProbe"),
)


def duration(seconds: float) -> str:
    """`10s`, `1m20s`, `5m0s`: as Go prints it."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
