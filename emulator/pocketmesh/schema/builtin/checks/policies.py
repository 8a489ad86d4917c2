"""ValidatingAdmissionPolicies and what binds them (upstream: `pkg/apis/admissionregistration/validation`)."""

from __future__ import annotations

import re
from typing import Final

from pocketmesh.objects import Object
from pocketmesh.schema import errors, names
from pocketmesh.schema.builtin.checks.admission import expression, match_conditions, match_resources
from pocketmesh.schema.builtin.checks.workloads import selector
from pocketmesh.schema.errors import FieldError

_ACTIONS: Final = ("Audit", "Deny", "Warn")
_FAILURE_POLICIES: Final = ("Fail", "Ignore")
_IDENTIFIER: Final = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")
_NOTHING_TO_DO: Final = "validations or auditAnnotations must contain at least one item"
_NOT_FOUND_ACTIONS: Final = ("Deny", "Allow")
_REASONS: Final = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
_VARIABLES: Final = frozenset({"object", "oldObject", "request", "namespaceObject"})


def policy(obj: Object, _old: Object | None) -> list[FieldError]:
    """A ValidatingAdmissionPolicy."""
    spec = obj["spec"]
    found: list[FieldError] = []
    if spec["failurePolicy"] not in _FAILURE_POLICIES:
        found.append(errors.unsupported("spec.failurePolicy", spec["failurePolicy"], _FAILURE_POLICIES))
    params = frozenset({"params"} if spec.get("paramKind") else ())
    if spec.get("paramKind"):
        found += _needs(spec["paramKind"], "spec.paramKind", "apiVersion", "kind")
    constraints = spec.get("matchConstraints")
    if constraints is None:
        found.append(errors.required("spec.matchConstraints"))
    else:
        found += match_resources(constraints, "spec.matchConstraints")
        found += _needs(constraints, "spec.matchConstraints", "resourceRules")
    found += match_conditions(spec.get("matchConditions"), "spec.matchConditions", params)
    for index, variable in enumerate(spec.get("variables") or ()):
        found += _variable(variable, f"spec.variables[{index}]", params)
    validations = spec.get("validations") or []
    if not validations and not spec.get("auditAnnotations"):
        found += [
            errors.required(f"spec.{part}", _NOTHING_TO_DO) for part in ("validations", "auditAnnotations")
        ]
    composed = params | ({"variables"} if spec.get("variables") else frozenset())
    for index, validation in enumerate(validations):
        found += _validation(validation, f"spec.validations[{index}]", composed)
    return found


def binding(obj: Object, _old: Object | None) -> list[FieldError]:
    """A ValidatingAdmissionPolicyBinding."""
    spec = obj["spec"]
    found = _needs(spec, "spec", "policyName")
    name = spec.get("policyName") or ""
    found += [errors.invalid("spec.policyName", name, said) for said in names.dns_subdomain(name) if name]
    if spec.get("paramRef") is not None:
        found += _reference(spec["paramRef"], "spec.paramRef")
    # The field's name is misspelt in upstream's refusals.
    found += match_resources(spec.get("matchResources") or {}, "spec.matchResouces")
    return found + _actions(spec.get("validationActions") or [], "spec.validationActions")


def _variable(variable: Object, at: str, params: frozenset[str]) -> list[FieldError]:
    name, found = variable.get("name", ""), []
    if not name.strip():
        found.append(errors.required(f"{at}.name", "name is not specified"))
    elif not _IDENTIFIER.fullmatch(name):
        found.append(errors.invalid(f"{at}.name", name, "name is not a valid CEL identifier"))
    known = _VARIABLES | {"variables", "authorizer"} | params
    return found + expression(
        variable.get("expression") or "", f"{at}.expression", known, "expression is not specified"
    )


def _validation(validation: Object, at: str, composed: frozenset[str]) -> list[FieldError]:
    known = _VARIABLES | composed
    text, message = validation.get("expression") or "", validation.get("message", "")
    found = expression(text, f"{at}.expression", known | {"authorizer"}, "expression is not specified")
    computed = validation.get("messageExpression", "")
    if computed and not computed.strip():
        rule = "must be non-empty if specified"
        found.append(errors.invalid(f"{at}.messageExpression", computed, rule))
    elif computed:
        found += expression(computed, f"{at}.messageExpression", known)
    if message and not message.strip():
        rule = "message must be non-empty if specified"
        found.append(errors.invalid(f"{at}.message", message, rule))
    elif "\n" in message.strip():
        found.append(errors.invalid(f"{at}.message", message, "message must not contain line breaks"))
    reason = validation.get("reason")
    if reason is not None and reason not in _REASONS:
        found.append(errors.unsupported(f"{at}.reason", reason, _REASONS))
    return found


def _reference(reference: Object, field: str) -> list[FieldError]:
    found: list[FieldError] = []
    name, chosen = reference.get("name"), reference.get("selector")
    if name and chosen is not None:
        both = "name and selector are mutually exclusive"
        found += [errors.forbidden(f"{field}.{part}", both) for part in ("name", "selector")]
    if chosen is not None:
        found += selector(chosen, f"{field}.selector")
    if not name and chosen is None:
        found.append(errors.required(field, "one of name or selector must be specified"))
    action = reference.get("parameterNotFoundAction")
    if not action:
        found.append(errors.required(f"{field}.parameterNotFoundAction"))
    elif action not in _NOT_FOUND_ACTIONS:
        found.append(errors.unsupported(f"{field}.parameterNotFoundAction", action, _NOT_FOUND_ACTIONS))
    return found


def _actions(actions: list[str], field: str) -> list[FieldError]:
    if not actions:
        return [errors.required(field, "at least one validation action is required")]
    found: list[FieldError] = []
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            found.append(errors.unsupported(f"{field}[{index}]", action, _ACTIONS))
        if action in actions[:index]:
            found.append(errors.duplicate(f"{field}[{index}]", action))
    if {"Deny", "Warn"} <= {*actions}:
        rule = (
            "must not contain both Deny and Warn (repeating the same validation failure information "
            "in the API response and headers serves no purpose)"
        )
        found.append(errors.invalid(field, actions, rule))
    return found


def _needs(obj: Object, field: str, *parts: str) -> list[FieldError]:
    return [errors.required(f"{field}.{part}") for part in parts if not obj.get(part)]
