"""Refusals say what kube-apiserver says, because clients match on it."""

from __future__ import annotations

import pytest

from pocketmesh.api import errors
from pocketmesh.api.errors import FieldConflict
from pocketmesh.schema.errors import invalid, required


@pytest.mark.parametrize(
    ("resource", "make", "code", "reason", "message"),
    [
        pytest.param("pods", errors.not_found, 404, "NotFound", 'pods "x" not found', id="core"),
        pytest.param(
            "deployments.apps",
            errors.already_exists,
            409,
            "AlreadyExists",
            'deployments.apps "x" already exists',
            id="group",
        ),
        pytest.param(
            "deployments.apps",
            errors.conflict,
            409,
            "Conflict",
            'Operation cannot be fulfilled on deployments.apps "x": the object has been modified; '
            "please apply your changes to the latest version and try again",
            id="conflict",
        ),
    ],
)
def test_an_error_about_an_object_names_it(core, resource, make, code, reason, message):
    status = make(core.kind(resource), "x").status()
    plural, _, group = resource.partition(".")
    assert (status["code"], status["reason"], status["message"]) == (code, reason, message)
    assert status["details"] == {"name": "x", **({"group": group} if group else {}), "kind": plural}


def test_one_invalid_field_stands_alone(core):
    problem = required("spec.foo")
    status = errors.invalid(core.kind("deployments.apps"), "x", [problem]).status()
    assert status["message"] == 'Deployment.apps "x" is invalid: spec.foo: Required value'
    assert status["details"] == {
        "name": "x",
        "group": "apps",
        "kind": "Deployment",
        "causes": [{"reason": "FieldValueRequired", "message": "Required value", "field": "spec.foo"}],
    }


def test_several_invalid_fields_stand_in_brackets(core):
    problems = [required("a"), invalid("b", "x", "no"), required("a")]
    error = errors.invalid(core.kind("services"), "x", problems)
    assert str(error) == 'Service "x" is invalid: [a: Required value, b: Invalid value: "x": no]'


def test_one_apply_conflict_fits_on_a_line():
    error = errors.apply_conflict([FieldConflict('"foo" using v1 at 2001-02-03T04:05:06Z', ".spec.replicas")])
    assert str(error) == (
        'Apply failed with 1 conflict: conflict with "foo" using v1 at 2001-02-03T04:05:06Z: .spec.replicas'
    )
    assert error.details["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "foo" using v1 at 2001-02-03T04:05:06Z',
            "field": ".spec.replicas",
        }
    ]


def test_apply_conflicts_are_listed_by_manager():
    conflicts = [
        FieldConflict('"bar"', ".metadata.labels.app"),
        FieldConflict('"foo" using v1', ".spec.replicas"),
        FieldConflict('"bar"', ".spec.paused"),
    ]
    assert str(errors.apply_conflict(conflicts)) == (
        'Apply failed with 3 conflicts: conflicts with "bar":\n- .metadata.labels.app\n- .spec.paused\n'
        'conflicts with "foo" using v1:\n- .spec.replicas'
    )


def test_a_terminating_namespace_is_a_cause(core):
    error = errors.namespace_terminating(core.kind("pods"), "x", "shop")
    assert str(error) == (
        'pods "x" is forbidden: unable to create new content in namespace shop because it is being terminated'
    )
    assert error.details["causes"][0]["reason"] == "NamespaceTerminating"
