"""Every route of the OpenAPI document is sent what fits its description and what does not; none may answer with a 5xx."""

import os

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="it is not installed: see tests/requirements.txt")

import requests  # noqa: E402
import hypothesis.errors  # noqa: E402
from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402

# An archive is any bytes.
schemathesis.serializer.alias("application/x-tar", "application/octet-stream")
# What would end the daemon under test, or never ends itself.
LEFT_OUT = ["/api/shutdown", "/api/events", "/events"]
EXAMPLES = int(os.environ.get("LAZULI_FUZZ_EXAMPLES", "15"))


@pytest.fixture(scope="session")
def operations(daemon):
    schema = schemathesis.openapi.from_url(daemon.url + "/api/openapi.json", headers=daemon.authorization())
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) > 30
    return [operation for operation in found if operation.path not in LEFT_OUT]


def test_no_request_breaks_the_daemon(daemon, run_id, operations, subtests):
    known = {"workspace": "default", "run_id": run_id, "experiment": "fuzzed"}
    session = requests.Session()
    session.headers.update(daemon.authorization())
    modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]

    def try_out(operation, mode):
        @settings(
            max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
            phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case):
            # Half of the requests are about what is there, so that they get further than "not found".
            for name, value in (case.path_parameters or {}).items():
                if name in known and len(str(value)) % 2:
                    case.path_parameters[name] = known[name]
            try:
                answer = case.call(session=session, timeout=60)
            except requests.exceptions.InvalidURL:
                return  # What the client itself does not send.
            # 507 is an answer: there is no room for what was announced.
            assert answer.status_code < 500 or answer.status_code == 507, f"{answer.status_code}: {answer.text[:500]}"
            if answer.status_code >= 400:
                error = answer.json()
                assert error["kind"] and error["message"], answer.text
                assert "\n" not in error["message"].strip(), error["message"]

        check()

    for operation in operations:
        with subtests.test(msg=f"{operation.method.upper()} {operation.path}"):
            for mode in modes:
                try:
                    try_out(operation, mode)
                except hypothesis.errors.Unsatisfiable:
                    # Of a request without parameters nothing can be wrong.
                    assert mode == schemathesis.GenerationMode.NEGATIVE
