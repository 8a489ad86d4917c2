from __future__ import annotations

import json

import pytest

from labcheck.kube import ApiRefused
from labcheck.kube.execution import exit_code

FAILED = {
    "status": "Failure",
    "reason": "NonZeroExitCode",
    "details": {"causes": [{"reason": "ExitCode", "message": "56"}]},
}


@pytest.mark.parametrize(("status", "code"), [({"status": "Success"}, 0), (FAILED, 56)])
def test_the_exit_code_is_in_the_final_status(status: dict[str, object], code: int) -> None:
    assert exit_code(json.dumps(status), "exec") == code


@pytest.mark.parametrize(
    ("status", "message"),
    [
        pytest.param("", "ended without a status", id="nothing"),
        pytest.param(
            '{"status": "Failure", "message": "container not found", "code": 500}', "not found", id="failure"
        ),
    ],
)
def test_a_command_that_never_ran_is_refused(status: str, message: str) -> None:
    with pytest.raises(ApiRefused, match=message):
        exit_code(status, "exec")
