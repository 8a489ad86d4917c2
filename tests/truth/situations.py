"""All situations, in scenes that come one after the other, and what is not made by creating objects."""

from __future__ import annotations

from . import clients, destinations, ingress, waypoint_policies, workload_policies
from .tables import Row, Scene

OBJECTS = (
    *clients.OBJECTS,
    *destinations.OBJECTS,
    *workload_policies.OBJECTS,
    *waypoint_policies.OBJECTS,
    *ingress.OBJECTS,
)
PROVIDERS = [waypoint_policies.PROVIDER]
SCALED_TO_ZERO = ("east", "zero")
ABSENT = ("east", "absent")

AT_ONCE = 9


def _mixed() -> list[Scene]:
    """Services of both kinds of policies, some at a time."""
    inside, outside = list(waypoint_policies.NAMES), list(workload_policies.SPECS)
    scenes = []
    for start in range(0, max(len(inside), len(outside)), AT_ONCE):
        at_waypoint = waypoint_policies.scene(inside[start : start + AT_ONCE])
        behind = workload_policies.scene(outside[start : start + AT_ONCE])
        scenes.append(Scene(at_waypoint.objects + behind.objects, at_waypoint.rows + behind.rows))
    return scenes


SCENES = (
    Scene((), workload_policies.DIRECT.rows),
    *destinations.SCENES,
    ingress.SCENE,
    *_mixed(),
    waypoint_policies.GATEWAY_SCENE,
    waypoint_policies.CLASS_SCENE,
)
ROWS: tuple[Row, ...] = tuple(dict.fromkeys(row for scene in SCENES for row in scene.rows))
