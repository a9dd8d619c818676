"""Requests that schemathesis makes up from the service's own description; 10,000 of them with -m slow."""

import warnings

import hypothesis
import pytest

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed: pip install schemathesis")

PATHS = ["/v1/answers", "/v1/completions"]
GATEWAY_TIMEOUT = 504  # what a request with a deadline of a millisecond asks for
FEW, MANY = 25, 5000


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "examples", [pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.slow)]
)
def test_no_request_breaks_the_service(client, path, examples):
    with warnings.catch_warnings(action="ignore"):  # of schemathesis's own needs
        schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
        operation = schema[path]["POST"]
        statuses = []

        @hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=examples == FEW,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy())
        def fuzz(case):
            body = case.body
            if isinstance(body, dict):
                body = {name: value for name, value in body.items() if name != "model"}
            response = client.post(path, json=body)
            statuses.append(response.status_code)
            assert response.status_code < 500 or response.status_code == GATEWAY_TIMEOUT, response.text

        fuzz()
    assert statuses.count(200) > examples / 20
    assert client.get("/ready").status_code == 200
