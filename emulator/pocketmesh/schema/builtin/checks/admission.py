"""Who is asked before a write: webhooks, and the rules that say which writes they are asked about.

Upstream: kubernetes `pkg/apis/admissionregistration/validation`.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from pocketmesh.objects import Object
from pocketmesh.schema import errors, names
from pocketmesh.schema.builtin.checks.workloads import selector
from pocketmesh.schema.errors import FieldError

_FAILURE_POLICIES: Final = ("Fail", "Ignore")
_MATCH_POLICIES: Final = ("Equivalent", "Exact")
_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_REINVOCATION: Final = ("IfNeeded", "Never")
_REVIEWS: Final = ("v1", "v1beta1")
_SCOPES: Final = ("*", "Cluster", "Namespaced")
_SIDE_EFFECTS: Final = ("None", "NoneOnDryRun")
_REQUEST_VARIABLES: Final = frozenset({"object", "oldObject", "request", "namespaceObject", "authorizer"})


def webhooks(obj: Object, _old: Object | None) -> list[FieldError]:
    """A ValidatingWebhookConfiguration or a MutatingWebhookConfiguration."""
    found: list[FieldError] = []
    taken: set[str] = set()
    for index, webhook in enumerate(obj.get("webhooks") or ()):
        at, name = f"webhooks[{index}]", webhook.get("name", "")
        found += _webhook(webhook, at)
        if name and name in taken:
            found.append(errors.duplicate(f"{at}.name", name))
        taken.add(name)
    return found


def match_resources(resources: Object, field: str) -> list[FieldError]:
    """The `MatchResources` of a policy or of its binding."""
    found = _known(resources, field, "matchPolicy", _MATCH_POLICIES)
    for part in ("namespaceSelector", "objectSelector"):
        found += selector(resources.get(part) or {}, f"{field}.{part}")
    for part in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(resources.get(part) or ()):
            found += _rule(rule, f"{field}.{part}[{index}]")
    return found


def match_conditions(conditions: Any, field: str, variables: frozenset[str]) -> list[FieldError]:
    """`matchConditions`; beyond those of every request, `variables` may be named."""
    found: list[FieldError] = []
    taken: set[str] = set()
    for index, condition in enumerate(conditions or ()):
        at, name = f"{field}[{index}]", condition.get("name", "")
        text = (condition.get("expression") or "").strip()
        found += expression(text, f"{at}.expression", _REQUEST_VARIABLES | variables)
        if not name:
            found.append(errors.required(f"{at}.name"))
        found += [errors.invalid(f"{at}.name", name, said) for said in names.label_key(name) if name]
        if name in taken:
            found.append(errors.duplicate(f"{at}.name", name))
        taken.add(name)
    return found


def expression(text: str, field: str, variables: frozenset[str], missing: str = "") -> list[FieldError]:
    """A CEL expression over these variables, which must be there."""
    if not text.strip():
        return [errors.required(field, missing)]
    from pocketmesh.schema.cel.checking import problem

    complaint = problem(text, variables)
    return [errors.invalid(field, text, complaint)] if complaint else []


def _webhook(webhook: Object, at: str) -> list[FieldError]:
    found = _qualified_name(webhook.get("name", ""), f"{at}.name")
    for index, rule in enumerate(webhook.get("rules") or ()):
        found += _rule(rule, f"{at}.rules[{index}]")
    found += _known(webhook, at, "failurePolicy", _FAILURE_POLICIES)
    found += _known(webhook, at, "matchPolicy", _MATCH_POLICIES)
    if not webhook.get("sideEffects"):
        found.append(errors.required(f"{at}.sideEffects", f"must specify one of {', '.join(_SIDE_EFFECTS)}"))
    found += _known(webhook, at, "sideEffects", _SIDE_EFFECTS)
    found += _known(webhook, at, "reinvocationPolicy", _REINVOCATION)
    seconds = webhook.get("timeoutSeconds", 10)
    if not 1 <= seconds <= 30:
        rule = "the timeout value must be between 1 and 30 seconds"
        found.append(errors.invalid(f"{at}.timeoutSeconds", seconds, rule))
    for part in ("namespaceSelector", "objectSelector"):
        found += selector(webhook.get(part) or {}, f"{at}.{part}")
    found += _client(webhook.get("clientConfig") or {}, f"{at}.clientConfig")
    found += match_conditions(webhook.get("matchConditions"), f"{at}.matchConditions", frozenset())
    return found + _reviews(webhook.get("admissionReviewVersions") or [], f"{at}.admissionReviewVersions")


def _qualified_name(name: str, field: str) -> list[FieldError]:
    if not name:
        return [errors.required(field)]
    found = [errors.invalid(field, name, complaint) for complaint in names.dns_subdomain(name)]
    if not found and len(name.split(".")) < 3:
        rule = "should be a domain with at least three segments separated by dots"
        found.append(errors.invalid(field, name, rule))
    return found


def _client(config: Object, field: str) -> list[FieldError]:
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [errors.required(field, "exactly one of url or service is required")]
    if url is not None:
        if urlsplit(url).scheme != "https":
            scheme = urlsplit(url).scheme
            rule = (
                f"'https' is the only allowed URL scheme; desired format: https://host[/path]: \"{scheme}\""
            )
            return [errors.invalid(f"{field}.url", url, rule)] if scheme else [_no_url(url, field)]
        return [] if urlsplit(url).netloc else [_no_url(url, field)]
    return [
        errors.required(f"{field}.service.{part}", f"service {part} is required")
        for part in ("name", "namespace")
        if not (service or {}).get(part)
    ]


def _no_url(url: str, field: str) -> FieldError:
    return errors.invalid(f"{field}.url", url, "host must be specified; desired format: https://host[/path]")


def _reviews(versions: list[str], field: str) -> list[FieldError]:
    if not versions:
        return [errors.required(field, f"must specify one of {', '.join(_REVIEWS)}")]
    if not {*versions} & {*_REVIEWS}:
        return [errors.invalid(field, versions, f"must include at least one of {', '.join(_REVIEWS)}")]
    return []


def _rule(rule: Object, at: str) -> list[FieldError]:
    found: list[FieldError] = []
    operations = rule.get("operations") or []
    if not operations:
        found.append(errors.required(f"{at}.operations"))
    if len(operations) > 1 and "*" in operations:
        only = "if '*' is present, must not specify other operations"
        found.append(errors.invalid(f"{at}.operations", operations, only))
    for index, operation in enumerate(operations):
        if operation not in _OPERATIONS:
            found.append(errors.unsupported(f"{at}.operations[{index}]", operation, _OPERATIONS))
    for part, what in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        values = rule.get(part) or []
        if not values:
            found.append(errors.required(f"{at}.{part}"))
        if len(values) > 1 and "*" in values:
            only = f"if '*' is present, must not specify other {what}"
            found.append(errors.invalid(f"{at}.{part}", values, only))
    found += _resources(rule.get("resources") or [], f"{at}.resources")
    return found + _known(rule, at, "scope", _SCOPES)


def _resources(resources: list[str], field: str) -> list[FieldError]:
    if not resources:
        return [errors.required(field)]
    found = [errors.required(f"{field}[{i}]") for i, resource in enumerate(resources) if not resource]
    if len(resources) > 1 and "*/*" in resources:
        only = "if '*/*' is present, must not specify other resources"
        found.append(errors.invalid(field, resources, only))
    if "*" in resources and any("/" not in resource and resource != "*" for resource in resources):
        only = "if '*' is present, must not specify other resources without subresources"
        found.append(errors.invalid(field, resources, only))
    return found


def _known(obj: Object, at: str, part: str, choices: tuple[str, ...]) -> list[FieldError]:
    value = obj.get(part)
    if value is None or value in choices:
        return []
    return [errors.unsupported(f"{at}.{part}", value, choices)]
