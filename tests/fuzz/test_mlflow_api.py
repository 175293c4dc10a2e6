"""Every call that MLflow's own protocol description names is sent messages of its form and others; none may answer with a 5xx.

The description is that of the client from PyPI: services, paths, and the fields of each request.
"""

import base64
import json
import os

import pytest

pytest.importorskip("mlflow", reason="MLflow's client is not installed: see tests/requirements.txt")

import requests  # noqa: E402
from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from mlflow.protos import databricks_pb2, model_registry_pb2, service_pb2  # noqa: E402

EXAMPLES = int(os.environ.get("LAZULI_FUZZ_EXAMPLES", "15"))
SERVICES = [
    service_pb2.DESCRIPTOR.services_by_name["MlflowService"],
    model_registry_pb2.DESCRIPTOR.services_by_name["ModelRegistryService"],
]
ODD_TEXTS = ["", "0", "1", "default", "a\0b", "../../etc/passwd", "x" * 10_000, "metrics.loss > 'x", "\ud7ff", "-1", "%2e%2e", "NaN"]


def calls():
    """(method, path, description of the request) of each call."""
    for service in SERVICES:
        for method in service.methods:
            for endpoint in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                # One path of theirs has no slash in front.
                yield endpoint.method, "/" + endpoint.path.lstrip("/"), method.input_type


def value(field, depth):
    kinds = type(field)
    anything = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.lists(st.integers(), max_size=2))
    texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=30))
    if field.type == kinds.TYPE_MESSAGE:
        fitting = message(field.message_type, depth + 1)
    elif field.type == kinds.TYPE_STRING:
        fitting = texts
    elif field.type == kinds.TYPE_ENUM:
        fitting = st.one_of(st.sampled_from([v.name for v in field.enum_type.values]), texts)
    elif field.type == kinds.TYPE_BOOL:
        fitting = st.booleans()
    elif field.type in (kinds.TYPE_DOUBLE, kinds.TYPE_FLOAT):
        fitting = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["NaN", "Infinity", "-Infinity", "1e999"]))
    else:
        fitting = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**80), 2**80), st.integers().map(str))
    if field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED:
        fitting = st.lists(fitting, max_size=3)
    # One in eight does not fit.
    return st.integers(0, 7).flatmap(lambda odd: anything if odd == 0 else fitting)


def message(description, depth=0):
    if depth > 3:
        return st.just({})
    return st.fixed_dictionaries({}, optional={f.name: value(f, depth) for f in description.fields})


@pytest.fixture(scope="session")
def session(daemon):
    session = requests.Session()
    session.headers.update(daemon.authorization())
    return session


@pytest.mark.parametrize(("method", "path", "request_type"), [pytest.param(*call, id=f"{call[0]} {call[1]}") for call in calls()])
def test_no_message_breaks_the_daemon(daemon, session, run_id, method, path, request_type):
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(body=message(request_type), is_known=st.booleans())
    def check(body, is_known):
        if is_known:
            for name in ("run_id", "run_uuid"):
                if name in request_type.fields_by_name:
                    body[name] = run_id
            for name in ("experiment_id",):
                if name in request_type.fields_by_name:
                    body[name] = "1"
        filled = "/".join(f"x{len(body)}" if "{" in part else part for part in path.split("/"))
        address = f"{daemon.url}/api/2.0{filled}"
        if method == "GET":
            flat = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in body.items() if v is not None}
            answer = session.get(address, params=flat, timeout=60)
        else:
            answer = session.request(method, address, json=body, timeout=60)
        assert answer.status_code < 500 or answer.status_code == 501, f"{answer.status_code}: {answer.text[:500]}\n{body}"
        if answer.status_code >= 400:
            error = answer.json()
            assert error["error_code"] and error["message"], answer.text

    check()


def test_text_that_is_no_message(daemon, session):
    address = f"{daemon.url}/api/2.0/mlflow/runs/create"
    deep = "[" * 10_000 + "]" * 10_000
    for body in (b"{", b"[]", b'"x"', b"\xff\xfe", deep.encode(), b'{"a": ' + deep.encode() + b"}", b'{"experiment_id": "1", "experiment_id": 2}'):
        answer = session.post(address, data=body, headers={"Content-Type": "application/json"}, timeout=60)
        assert 400 <= answer.status_code < 500, f"{body[:40]}: {answer.status_code} {answer.text[:300]}"
        error = answer.json()
        assert error["error_code"] in ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "MALFORMED_REQUEST", "RESOURCE_DOES_NOT_EXIST"), error
        assert error["message"]


def test_who_may_not_ask(daemon):
    wrong = base64.b64encode(b"lazuli:wrong").decode()
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {wrong}"}, {"Authorization": "Basic !!"}):
        answer = requests.get(f"{daemon.url}/api/2.0/mlflow/experiments/search", headers=headers, timeout=60)
        assert answer.status_code == 401, answer.text
        assert daemon.token not in answer.text


def test_a_refusal_leaves_the_connection_in_order(daemon, session):
    """On one connection: nothing may be left unread in front of the next request."""
    body = b'{"a": "' + b"x" * 50_000 + b'"}'
    for _ in range(200):
        for method, path in (("DELETE", "/api/2.0/mlflow/nothing"), ("POST", "/api/nothing"), ("PUT", "/api/status")):
            assert session.request(method, daemon.url + path, data=body, timeout=60).status_code in (404, 405)
    for _ in range(20):
        # Too long to be read first: the answer says that the connection ends.
        answer = session.post(daemon.url + "/api/nothing", data=body * 4, timeout=60)
        assert (answer.status_code, answer.headers["connection"]) == (404, "close")
