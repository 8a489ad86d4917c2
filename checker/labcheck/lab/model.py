"""The shape of `lab.yaml`, as types. A field's docstring is its documentation for authors.

Only shape lives here; what fields say about each other is judged in `labcheck.lab.load`, which knows the
lines. Strings marked (template) may use the lab's params as Jinja2: `{{ namespace }}`.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from labcheck.lab.curriculum import COMPETENCIES, DomainName

Provider = Literal["embedded", "kind", "existing"]
PROVIDERS: tuple[str, ...] = get_args(Provider)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
# YAML gives lists; the model keeps tuples. Only the container is lenient.
Texts = Annotated[tuple[Text, ...], Field(strict=False)]
Competency = Annotated[Id, Field(json_schema_extra={"title": "Competency", "enum": list(COMPETENCIES)})]
Choice = str | int


def _one_or_several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Probe(Strict):
    """A pod of the lab that checks may send requests from."""

    namespace: Text
    """(template)"""
    pod: Text
    """(template) The pod's name; a Pod of the setup, so that the name is known."""
    container: Text | None = None
    """(template) Needed only when the pod has several."""


class Environment(Strict):
    """What the lab needs to run in."""

    istio: Literal["none", "ambient"] = "none"
    """Whether Istio ambient is installed before the learner starts."""
    nodes: Annotated[int, Field(ge=1, le=9)] = 1
    """How many nodes the cluster has."""
    namespace: Text = "default"
    """(template) The namespace that `labcheck shell` starts in."""
    providers: Annotated[tuple[Provider, ...], Field(strict=False, min_length=1)] = ("embedded",)
    """What it may run on; without `--provider` it runs on the first."""


class Task(Strict):
    """One graded item."""

    id: Id
    """Named by the check's `@task("…")`, by `needs`, and by a mistake's `loses`."""
    title: Text
    """(template) A claim in the present tense."""
    points: Annotated[int, Field(ge=1, le=100)]
    """What it is worth."""
    needs: Annotated[tuple[Id, ...], Field(strict=False)] = ()
    """Tasks that must pass first; else this one is blocked and its check does not run."""
    hints: Texts = ()
    """(template) From the vaguest to the plainest."""
    docs: Annotated[Texts, BeforeValidator(_one_or_several, json_schema_input_type=Text | Texts)] = ()
    """One link or several to upstream documentation."""


class Guard(Strict):
    """Fields of the setup that no answer may change.

    They are compared, whole, with what the server answered when the setup was applied; a task that relies on
    an object which was changed is blocked, and the report says so in a line of its own. Nothing is guarded
    unless it is said here: to repair a Service's selector may be what a lab is about.
    """

    objects: Annotated[Texts, Field(min_length=1)]
    """(template) Objects of the setup as `Kind/name`."""
    fields: Annotated[Texts, Field(min_length=1)]
    """Paths like `spec.selector` or `spec.template.spec.containers`."""
    tasks: Annotated[tuple[Id, ...], Field(strict=False, min_length=1)]
    """The tasks that prove nothing once such a field was changed."""


class Lab(Strict):
    """`lab.yaml` as a whole."""

    id: Id
    """The same as the folder's name."""
    title: Text
    """In a few words."""
    domain: DomainName
    """The domain of the ICA exam that the lab belongs to."""
    competencies: Annotated[tuple[Competency, ...], Field(strict=False)] = ()
    """Optional: the exam's competencies that the lab's tasks practise, at least one of them of its domain.
    The page about the exam lists the lab under each."""
    level: Literal["guided", "practice", "exam"] = "guided"
    """Whether the guide leads step by step, says what is wanted, or does so under the exam's conditions."""
    minutes: Annotated[int, Field(ge=1, le=240)]
    """How long a learner needs, about."""
    objectives: Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
    """What the learner can do afterwards, a sentence each."""
    environment: Environment = Environment()
    """What the lab runs in."""
    params: dict[Identifier, Annotated[tuple[Choice, ...], Field(strict=False, min_length=1)]] = {}
    """Name → choices; a seed picks one of each, and files of the lab use them by name."""
    secrets: Annotated[tuple[Identifier, ...], Field(strict=False)] = ()
    """Params that are for the learner to find out: the lab's page does not tell them."""
    faults: Annotated[tuple[Identifier, ...], Field(strict=False)] = ()
    """Params that say what is broken: secret as well, and each choice is verified."""
    probes: dict[Id, Probe] = {}
    """Name → pod that checks may send requests from, with `traffic.from_("name")`."""
    tasks: Annotated[tuple[Task, ...], Field(strict=False, min_length=1)]
    """What is graded, in this order."""
    guarded: Annotated[tuple[Guard, ...], Field(strict=False)] = ()
    """What of the setup no answer may change."""
    hint_price: Annotated[int, Field(ge=0, le=10)] = 0
    """Points that each hint costs of its task when that task passes; what is computed is always free."""
    points: int | None = None
    """Optional: the sum of the tasks' points, said once more to be checked."""

    @property
    def total(self) -> int:
        return sum(task.points for task in self.tasks)

    def task(self, task_id: str) -> Task:
        """The task of that id. Raises KeyError."""
        for task in self.tasks:
            if task.id == task_id:
                return task
        raise KeyError(task_id)
