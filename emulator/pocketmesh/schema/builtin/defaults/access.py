"""Defaults of who may do what, and of what is asked before it is done."""

from __future__ import annotations

from pocketmesh.objects import Object

_RBAC = "rbac.authorization.k8s.io"


def role_binding(obj: Object) -> None:
    """A RoleBinding or ClusterRoleBinding."""
    role = obj.setdefault("roleRef", {})
    if not role.get("apiGroup"):
        role["apiGroup"] = _RBAC
    for subject in obj.get("subjects", ()):
        if subject.get("kind") in ("User", "Group") and not subject.get("apiGroup"):
            subject["apiGroup"] = _RBAC


def validating_webhooks(obj: Object) -> None:
    """A ValidatingWebhookConfiguration."""
    for webhook in obj.get("webhooks", ()):
        webhook.setdefault("failurePolicy", "Fail")
        webhook.setdefault("timeoutSeconds", 10)
        _matching(webhook)
        for rule in webhook.get("rules", ()):
            rule.setdefault("scope", "*")
        service = webhook.get("clientConfig", {}).get("service")
        if service is not None:
            service.setdefault("port", 443)


def mutating_webhooks(obj: Object) -> None:
    """A MutatingWebhookConfiguration."""
    validating_webhooks(obj)
    for webhook in obj.get("webhooks", ()):
        webhook.setdefault("reinvocationPolicy", "Never")


def admission_policy(obj: Object) -> None:
    """A ValidatingAdmissionPolicy or MutatingAdmissionPolicy."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    _match_resources(spec.get("matchConstraints"))


def admission_policy_binding(obj: Object) -> None:
    """The binding of either."""
    _match_resources(obj.setdefault("spec", {}).get("matchResources"))


def _match_resources(resources: Object | None) -> None:
    if resources is not None:
        _matching(resources)
        for rule in [*resources.get("resourceRules", ()), *resources.get("excludeResourceRules", ())]:
            rule.setdefault("scope", "*")


def _matching(obj: Object) -> None:
    obj.setdefault("matchPolicy", "Equivalent")
    obj.setdefault("namespaceSelector", {})
    obj.setdefault("objectSelector", {})
