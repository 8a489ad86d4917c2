"""Label selectors as they stand in objects: `matchLabels` and `matchExpressions`."""

from __future__ import annotations

from pocketmesh.objects import Object


def matches(selector: Object | None, labels: dict[str, str]) -> bool:
    """Whether a LabelSelector selects these labels; an empty one selects all, an absent one nothing
    (k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go)."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(term, labels) for term in selector.get("matchExpressions") or []
    )


def _holds(term: Object, labels: dict[str, str]) -> bool:
    key, values = term["key"], term.get("values") or []
    match term["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False
