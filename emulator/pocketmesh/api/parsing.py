"""Bodies of requests as plain data: JSON, and YAML that means the same as some JSON.

Whoever may send a body may try to hurt: a document that is nested without end, or one whose aliases
unfold to more than memory holds, is refused before anything recurses into it.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, Final

import orjson

LIMIT: Final = 3 * 1024 * 1024
"""The most bytes that a body may have (k8s.io/apiserver/pkg/server/config.go, MaxRequestBodyBytes)."""

DEEPEST: Final = 128
"""The most levels of lists and objects; the deepest definitions of custom resources have about 60."""


class Unreadable(ValueError):
    """The text is not what it should be; the message says where or why."""


def from_json(text: bytes) -> Any:
    """What a JSON text says. Raises Unreadable."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Unreadable(str(error)) from error
    return _shallow(found)


def from_yaml(text: bytes) -> Any:
    """What a YAML text says, as JSON could have said it: keys are strings and dates are too.

    Raises Unreadable, also for what JSON cannot say.
    """
    try:
        return from_json(text)  # most YAML that clients send is JSON
    except Unreadable:
        pass
    import yaml

    try:
        _check_nesting(yaml.parse(text, Loader=yaml.CSafeLoader))
        found = yaml.load(text, Loader=_loader())
        if _unfolded(found, {}) > LIMIT:
            raise Unreadable("yaml: document contains excessive aliasing")
        options = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
        return _shallow(orjson.loads(orjson.dumps(found, option=options)))
    except Unreadable:
        raise
    # The constructors of explicit tags (`!!int x`, `!!bool x`) fail in their own ways.
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise Unreadable(str(error)) from error


@cache
def _loader() -> Any:
    """A safe loader that leaves dates as the strings that they are in Kubernetes."""
    import yaml

    class Loader(yaml.CSafeLoader):
        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
            first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader


def _check_nesting(events: Any) -> None:
    """libyaml's composer recurses on the C stack, so the depth is known before it runs."""
    import yaml

    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise _too_deep()
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _unfolded(value: Any, sizes: dict[int, int]) -> int:
    """About how long the value would be without aliases; what contains itself is too long."""
    if not isinstance(value, dict | list):
        return len(value) if isinstance(value, str) else 1
    place = id(value)
    if place not in sizes:
        sizes[place] = LIMIT + 1
        children = [*value, *value.values()] if isinstance(value, dict) else value
        sizes[place] = 1 + sum(_unfolded(child, sizes) for child in children)
    return sizes[place]


def _shallow(found: Any) -> Any:
    level = [found]
    for _ in range(DEEPEST + 1):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return found
    raise _too_deep()


def _too_deep() -> Unreadable:
    return Unreadable(f"exceeded max depth of {DEEPEST}")
