"""ValidatingAdmissionPolicies: whom they ask, what they say, and what their bindings make of it."""

from __future__ import annotations

from typing import Any

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.schema.crds import gateway_api_crds, gateway_api_policies

GROUP = "admissionregistration.k8s.io"
POLICIES = f"validatingadmissionpolicies.{GROUP}"
BINDINGS = f"validatingadmissionpolicybindings.{GROUP}"
CRDS = "customresourcedefinitions.apiextensions.k8s.io"
CONFIG_MAPS = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}
MERGE = "application/merge-patch+json"


def policy(*validations: dict[str, Any], rule: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    constraints = {"resourceRules": [{**CONFIG_MAPS, **(rule or {})}], **spec.pop("constraints", {})}
    spec = {"matchConstraints": constraints, "validations": [*validations], **spec}
    return {"metadata": {"name": "p.example.com"}, "spec": spec}


def binding(**spec: Any) -> dict[str, Any]:
    spec = {"policyName": "p.example.com", "validationActions": ["Deny"], **spec}
    return {"metadata": {"name": "b"}, "spec": spec}


def config(**data: str) -> dict[str, Any]:
    return {"metadata": {"name": "c", "namespace": "shop"}, "data": data}


def refusal(core: Any, act: Any) -> ApiError:
    with pytest.raises(ApiError) as raised:
        act()
    return raised.value


def install(core: Any, *validations: dict[str, Any], bind: dict[str, Any] | None = None, **spec: Any) -> None:
    core.create(POLICIES, policy(*validations, **spec))
    core.create(BINDINGS, binding(**(bind or {})))


NEVER = {"expression": "false"}


def test_a_denial_names_policy_binding_and_reason(core):
    install(core, {"expression": "object.data.size == 'small'", "message": "too big"})
    error = refusal(core, lambda: core.create("configmaps", config(size="large")))
    said = "ValidatingAdmissionPolicy 'p.example.com' with binding 'b' denied request: too big"
    assert (error.code, error.reason) == (422, "Invalid")
    assert error.message == f'configmaps "c" is forbidden: {said}'
    assert error.details == {"name": "c", "kind": "configmaps", "causes": [{"message": said}]}


def test_what_satisfies_the_policy_is_written(core):
    install(core, {"expression": "object.data.size == 'small'"})
    assert core.create("configmaps", config(size="small"))["data"] == {"size": "small"}


def test_a_policy_without_binding_says_nothing(core):
    core.create(POLICIES, policy(NEVER))
    assert core.create("configmaps", config())


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        pytest.param({"expression": " false "}, "failed expression: false", id="the expression"),
        pytest.param({"expression": "false", "message": "no"}, "no", id="the message"),
        pytest.param(
            {"expression": "false", "message": "no", "messageExpression": "'not ' + object.metadata.name"},
            "not c",
            id="a computed message",
        ),
        pytest.param(
            {"expression": "false", "message": "no", "messageExpression": "object.nothing.here"},
            "no",
            id="a computed message that fails",
        ),
        pytest.param(
            {"expression": "false", "message": "no", "messageExpression": "'a\\nb'"},
            "no",
            id="a computed message of two lines",
        ),
        pytest.param(
            {"expression": "object.spec.replicas > 1"},
            "expression 'object.spec.replicas > 1' resulted in error: no such key: spec",
            id="an expression that fails",
        ),
    ],
)
def test_a_denial_says(core, validation, said):
    install(core, validation)
    error = refusal(core, lambda: core.create("configmaps", config()))
    assert error.message.endswith(f"denied request: {said}")


@pytest.mark.parametrize(
    ("reason", "code"), [("Forbidden", 403), ("Unauthorized", 401), ("RequestEntityTooLarge", 413)]
)
def test_a_validation_chooses_the_reason(core, reason, code):
    install(core, {**NEVER, "reason": reason})
    error = refusal(core, lambda: core.create("configmaps", config()))
    assert (error.code, error.reason) == (code, reason)


def test_a_binding_that_warns_lets_the_write_through(core):
    install(core, {**NEVER, "message": "mind"}, bind={"validationActions": ["Warn", "Audit"]})
    assert core.created("configmaps", config()).warnings == (
        "Validation failed for ValidatingAdmissionPolicy 'p.example.com' with binding 'b': mind",
    )


def test_a_lenient_policy_ignores_what_it_cannot_judge(core):
    install(core, {"expression": "object.spec.replicas > 1"}, failurePolicy="Ignore")
    assert core.create("configmaps", config())


def test_updates_see_the_old_object(core):
    install(core, {"expression": "oldObject == null || object.data == oldObject.data", "message": "frozen"})
    core.create("configmaps", config(a="b"))
    error = refusal(core, lambda: core.patch("configmaps", "c", MERGE, {"data": {"a": "c"}}, "shop"))
    assert error.message.endswith("frozen")


def test_deletions_are_asked_about_too(core):
    install(core, {**NEVER, "message": "stays"}, rule={"operations": ["DELETE"]})
    core.create("configmaps", config())
    assert refusal(core, lambda: core.delete("configmaps", "c", "shop")).message.endswith("stays")
    assert core.exists("configmaps", "c", "shop")


def test_the_request_and_the_namespace_can_be_asked_about(core):
    asked = (
        "request.userInfo.username == 'kubernetes-admin' && request.operation == 'CREATE'"
        " && request.namespace == 'shop' && request.resource.resource == 'configmaps' && !request.dryRun"
        " && namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'shop'"
    )
    install(core, {"expression": asked})
    assert core.create("configmaps", config())


def test_variables_build_on_each_other(core):
    variables = [
        {"name": "sizes", "expression": "object.data.sizes.split(',')"},
        {"name": "count", "expression": "variables.sizes.size()"},
    ]
    computed = "'has ' + string(variables.count)"
    install(core, {"expression": "variables.count < 3", "messageExpression": computed}, variables=variables)
    core.create("configmaps", config(sizes="s,m"))
    error = refusal(core, lambda: core.patch("configmaps", "c", MERGE, {"data": {"sizes": "s,m,l"}}, "shop"))
    assert error.message.endswith("denied request: has 3")


def test_a_variable_that_fails_fails_only_those_who_need_it(core):
    variables = [{"name": "size", "expression": "object.data.size"}]
    install(core, {"expression": "!has(object.data) || variables.size == 's'"}, variables=variables)
    assert core.create("configmaps", config())
    error = refusal(core, lambda: core.patch("configmaps", "c", MERGE, {"data": {"a": "b"}}, "shop"))
    assert 'composited variable "size" fails to evaluate: no such key: size' in error.message


def test_conditions_that_do_not_hold_leave_the_policy_out(core):
    condition = {"name": "marked", "expression": "has(object.metadata.labels)"}
    install(core, NEVER, matchConditions=[condition])
    core.create("configmaps", config())
    labelled = {"metadata": {"labels": {"a": "b"}}}
    assert refusal(core, lambda: core.patch("configmaps", "c", MERGE, labelled, "shop")).code == 422


@pytest.mark.parametrize(
    ("constraints", "rule", "denied"),
    [
        pytest.param({}, {}, True, id="the resource"),
        pytest.param({}, {"resources": ["*"]}, True, id="every resource"),
        pytest.param({}, {"resources": ["*/*"]}, True, id="every resource and subresource"),
        pytest.param({}, {"resources": ["secrets"]}, False, id="another resource"),
        pytest.param({}, {"resources": ["configmaps/status"]}, False, id="a subresource"),
        pytest.param({}, {"apiGroups": ["apps"]}, False, id="another group"),
        pytest.param({}, {"operations": ["UPDATE"]}, False, id="another operation"),
        pytest.param({}, {"scope": "Cluster"}, False, id="another scope"),
        pytest.param({}, {"resourceNames": ["d"]}, False, id="another name"),
        pytest.param({"objectSelector": {"matchLabels": {"a": "b"}}}, {}, False, id="other labels"),
        pytest.param(
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}},
            {},
            True,
            id="the namespace",
        ),
        pytest.param(
            {"namespaceSelector": {"matchExpressions": [{"key": "lab", "operator": "Exists"}]}},
            {},
            False,
            id="another namespace",
        ),
        pytest.param({"excludeResourceRules": [CONFIG_MAPS]}, {}, False, id="an exclusion"),
    ],
)
def test_a_policy_is_about(core, constraints, rule, denied):
    install(core, NEVER, constraints=constraints, rule=rule)
    if denied:
        assert refusal(core, lambda: core.create("configmaps", config())).code == 422
    else:
        assert core.create("configmaps", config())


def test_a_binding_narrows_its_policy(core):
    install(core, NEVER, bind={"matchResources": {"objectSelector": {"matchLabels": {"a": "b"}}}})
    assert core.create("configmaps", config())


def test_a_rule_about_one_version_takes_the_others(core, gadgets):
    core.create(CRDS, gadgets)
    rule = {"apiGroups": ["example.com"], "apiVersions": ["v1beta1"], "resources": ["gadgets"]}
    install(core, NEVER, rule=rule)
    gadget = {"metadata": {"name": "g", "namespace": "shop"}}
    assert refusal(core, lambda: core.create("gadgets.example.com", gadget)).code == 422


def test_parameters_are_read_from_the_object_that_the_binding_names(core):
    limit = {"metadata": {"name": "limit", "namespace": "shop"}, "data": {"size": "2"}}
    core.create("configmaps", limit)
    install(
        core,
        {"expression": "size(object.data.size) <= int(params.data.size)", "message": "too long"},
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        bind={"paramRef": {"name": "limit", "parameterNotFoundAction": "Deny"}},
    )
    core.create("configmaps", config(size="ab"))
    error = refusal(core, lambda: core.patch("configmaps", "c", MERGE, {"data": {"size": "abc"}}, "shop"))
    assert error.message.endswith("too long")


@pytest.mark.parametrize("action", ["Deny", "Allow"])
def test_parameters_that_are_not_there(core, action):
    install(
        core,
        NEVER,
        paramKind={"apiVersion": "v1", "kind": "Secret"},
        bind={"paramRef": {"name": "none", "parameterNotFoundAction": action}},
    )
    if action == "Allow":
        assert core.create("configmaps", config())
        return
    error = refusal(core, lambda: core.create("configmaps", config()))
    assert error.message.endswith(
        "denied request: failed to configure binding: "
        "no params found for policy binding with `Deny` parameterNotFoundAction"
    )


def test_policies_cannot_lock_their_owner_out(core):
    install(core, NEVER, rule={"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]})
    assert core.delete(BINDINGS, "b").gone


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param(
            {"matchConstraints": None}, "spec.matchConstraints: Required value", id="no constraints"
        ),
        pytest.param(
            {"validations": []},
            "spec.validations: Required value: validations or auditAnnotations must contain at least one",
            id="no validations",
        ),
        pytest.param(
            {"validations": [{"expression": "object.a =="}]},
            'spec.validations[0].expression: Invalid value: "object.a ==": compilation failed: ERROR: ',
            id="an expression that ends too early",
        ),
        pytest.param(
            {"validations": [{"expression": "params.max > 1"}]},
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n"
            " | params.max > 1\n | ^",
            id="parameters without a kind",
        ),
        pytest.param(
            {"variables": [{"name": "a-b", "expression": "1"}]},
            'spec.variables[0].name: Invalid value: "a-b": name is not a valid CEL identifier',
            id="a variable's name",
        ),
        pytest.param(
            {"failurePolicy": "Sometimes"},
            'spec.failurePolicy: Unsupported value: "Sometimes": supported values: "Fail", "Ignore"',
            id="a failure policy",
        ),
        pytest.param(
            {"validations": [{**NEVER, "reason": "Because"}]},
            'Unsupported value: "Because": supported values: '
            '"Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"',
            id="a reason",
        ),
    ],
)
def test_a_policy_is_refused_for(core, spec, said):
    wanted = policy(NEVER)
    wanted["spec"].update(spec)
    assert said in refusal(core, lambda: core.create(POLICIES, wanted)).message


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"validationActions": []}, "spec.validationActions: Required value: at least one validation action"),
        ({"validationActions": ["Deny", "Warn"]}, "must not contain both Deny and Warn"),
        ({"paramRef": {"name": "a"}}, "spec.paramRef.parameterNotFoundAction: Required value"),
        ({"policyName": ""}, "spec.policyName: Required value"),
    ],
)
def test_a_binding_is_refused_for(core, spec, said):
    assert said in refusal(core, lambda: core.create(BINDINGS, binding(**spec))).message


@pytest.fixture
def guarded(core):
    """A cluster with Gateway API's GatewayClasses and the policy that guards the definitions."""
    core.create(
        CRDS, next(crd for crd in gateway_api_crds() if crd["metadata"]["name"].startswith("gatewaycl"))
    )
    made, bound = gateway_api_policies()
    core.create(POLICIES, made)
    core.create(BINDINGS, bound)
    return core


def annotated(core: Any, **annotations: str) -> Any:
    wanted = {
        f"gateway.networking.k8s.io/{key.replace('_', '-')}": value for key, value in annotations.items()
    }
    name = "gatewayclasses.gateway.networking.k8s.io"
    return core.patch(CRDS, name, MERGE, {"metadata": {"annotations": wanted}})


def test_the_experimental_channel_is_not_installed_over_the_standard_one(guarded):
    error = refusal(guarded, lambda: annotated(guarded, channel="experimental"))
    assert "Installing experimental CRDs on top of standard channel CRDs is prohibited" in error.message


@pytest.mark.parametrize("version", ["v1.4.1", "v1.0.0", "v0.8.1"])
def test_versions_before_the_policy_are_not_installed(guarded, version):
    error = refusal(guarded, lambda: annotated(guarded, bundle_version=version))
    assert "Installing CRDs with version before v1.5.0 is prohibited by default" in error.message


def test_later_versions_and_other_definitions_are_installed(guarded, gadgets):
    assert annotated(guarded, bundle_version="v1.6.0")
    assert guarded.create(CRDS, gadgets)


def test_applying_the_same_policy_again_writes_nothing(core):
    wanted = {"apiVersion": f"{GROUP}/v1", "kind": "ValidatingAdmissionPolicy", **policy(NEVER)}
    before = core.apply(POLICIES, wanted)
    core.clock.advance(60)
    assert core.apply(POLICIES, wanted) == before
