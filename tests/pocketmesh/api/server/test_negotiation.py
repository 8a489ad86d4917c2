from __future__ import annotations

import pytest

from pocketmesh.api.errors import ApiError
from pocketmesh.api.server.negotiation import Form, form

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("", Form(), id="nothing said"),
        pytest.param("application/json, */*", Form(), id="kubectl 1.20"),
        pytest.param("application/vnd.kubernetes.protobuf,application/json", Form(), id="typed client-go"),
        pytest.param(f"{TABLE},application/json", Form("Table"), id="kubectl get"),
        pytest.param(
            "application/json;as=Unheard;v=v1;g=meta.k8s.io,application/json", Form(), id="unknown form"
        ),
        pytest.param(
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            Form("PartialObjectMetadata"),
            id="metadata client",
        ),
        pytest.param("text/html;q=0.1, application/json;q=0.5", Form(), id="weighted"),
    ],
)
def test_the_best_form_that_both_know_is_chosen(accept: str, expected: Form) -> None:
    assert form(accept) == expected


@pytest.mark.parametrize("accept", ["text/html", "application/vnd.kubernetes.protobuf"])
def test_a_client_that_reads_no_json_is_told(accept: str) -> None:
    with pytest.raises(ApiError) as refusal:
        form(accept)

    assert refusal.value.code == 406
