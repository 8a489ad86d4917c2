"""`watch`: grade again whenever the cluster changes."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, Queue
from typing import TYPE_CHECKING, TypeAlias

import click

from labcheck.cli.judging import Judge, judge
from labcheck.cli.options import Session, lab_argument, short_name

if TYPE_CHECKING:
    from labcheck.grading.report import Report
    from labcheck.kube import Kind
    from labcheck.kube.watching import Change, Lost

_CORE = ("namespaces", "pods", "services", "serviceaccounts")
_GROUPS = {
    "apps",
    "gateway.networking.k8s.io",
    "networking.k8s.io",
    "extensions.istio.io",
    "networking.istio.io",
    "security.istio.io",
    "telemetry.istio.io",
}
"""Where answers are: what a lab asks for is in one of these groups, or a core kind of `_CORE`."""
_QUIET = 0.3
"""Seconds without a change after which it is graded: one `kubectl apply` makes several."""
_IMPATIENCE = 3.0
"""Seconds after which it is graded although changes go on."""
_RETRY = 0.5

QUIT = "q"
Heard: TypeAlias = "Change | Lost | str"


@click.command("watch")
@lab_argument
@click.pass_obj
def watch_command(session: Session, lab: str) -> int:
    """Grade again whenever the cluster changes, until q or Ctrl-C."""
    queue: Queue[Heard] = Queue()
    with judge(session, lab, again=True) as lab_judge, _keyboard(queue):
        watching = _Watching(session, lab_judge, queue)
        return watching.run()


class _Watching:
    """One session of watching."""

    def __init__(self, session: Session, lab_judge: Judge, queue: Queue[Heard]) -> None:
        self._session = session
        self._judge = lab_judge
        self._queue = queue
        self._last: Report | None = None

    def run(self) -> int:
        """Until q, or until the lab is gone; returns the last report's exit code."""
        from labcheck.kube import connect
        from labcheck.kube.watching import watch

        while self._wait_for_cluster():
            with connect(self._judge.environment.folder.grader_kubeconfig) as cluster:
                watch(cluster, answers(cluster.kinds()), self._listener())
                self._grade([])
                if self._follow() == QUIT:
                    break
        return self._last.exit_code if self._last else 0

    def _listener(self) -> Callable[[Change | Lost], None]:
        """Passes on what one connection's watches hear, of which the first to lose it is the last heard."""
        from labcheck.kube.watching import Lost

        over = threading.Event()

        def heard(news: Change | Lost) -> None:
            if not over.is_set():
                self._queue.put(news)
            if isinstance(news, Lost):
                over.set()

        return heard

    def _wait_for_cluster(self) -> bool:
        """Whether the cluster answers, sooner or later; False for q, or when the lab was taken down."""
        from labcheck.environments.standing import running
        from labcheck.errors import EnvironmentTrouble, UsageError
        from labcheck.kube import connect

        lab, told = self._judge.variant.lab.id, False
        while True:
            try:
                environment = running(self._session.state, lab)
                with connect(environment.folder.grader_kubeconfig) as cluster:
                    cluster.kinds()
                return True
            except UsageError as gone:
                click.echo(gone.fact)
                return False
            except EnvironmentTrouble as trouble:
                if not told:
                    click.secho(f"{trouble.fact} {trouble.next_step}", fg="yellow")
                    told = True
            with contextlib.suppress(Empty):
                if self._queue.get(timeout=_RETRY) == QUIT:
                    return False

    def _follow(self) -> str:
        """Grades after changes, until q or until the cluster is lost, which it returns."""
        from labcheck.kube.watching import Change

        while True:
            heard = self._queue.get()
            if not isinstance(heard, Change):
                return QUIT if heard == QUIT else "lost"
            changes, end = gather(self._queue, heard)
            if end is None:
                self._grade(changes)
            else:
                return QUIT if end == QUIT else "lost"

    def _grade(self, changes: list[Change]) -> None:
        from labcheck.errors import EnvironmentTrouble
        from labcheck.grading.progress import progress
        from labcheck.grading.terminal import console, show

        try:
            report = self._judge.grade()
        except EnvironmentTrouble as trouble:
            click.secho(str(trouble), fg="yellow")
            return
        click.clear()
        name = short_name(report.lab)
        for change in changes[:5]:
            click.secho(str(change), dim=True)
        show(report, console(), name)
        for line in progress(self._last, report) if self._last else ():
            click.secho(line, bold=True)
        click.secho(f"\nWatching {name} since {time.strftime('%H:%M:%S')}. End: q or Ctrl-C.", dim=True)
        self._last = report


def answers(kinds: list[Kind]) -> Iterator[Kind]:
    """The kinds that an answer may consist of, each in one version."""
    seen: set[str] = set()
    for kind in kinds:
        wanted = kind.group in _GROUPS or (not kind.group and kind.plural in _CORE)
        if wanted and kind.key not in seen:
            seen.add(kind.key)
            yield kind


def gather(queue: Queue[Heard], first: Change) -> tuple[list[Change], Heard | None]:
    """The changes that belong together, nothing twice, and what ended the waiting if it was no change."""
    from labcheck.kube.watching import Change

    changes = {first: None}
    deadline = time.monotonic() + _IMPATIENCE
    while (left := deadline - time.monotonic()) > 0:
        try:
            heard = queue.get(timeout=min(_QUIET, left))
        except Empty:
            break
        if not isinstance(heard, Change):
            return list(changes), heard
        changes[heard] = None
    return list(changes), None


@contextlib.contextmanager
def _keyboard(queue: Queue[Heard]) -> Iterator[None]:
    """Puts QUIT into the queue when q is pressed, without waiting for a new line."""
    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    threading.Thread(target=_read_keys, args=(queue,), daemon=True).start()
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _read_keys(queue: Queue[Heard]) -> None:
    while key := sys.stdin.read(1):
        if key in "qQ":
            queue.put(QUIT)
            return
