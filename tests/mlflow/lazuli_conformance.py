"""A pytest plugin that puts Lazuli where MLflow's own tests start an MLflow server.

`conformance.py` passes it with `-p`; nothing in MLflow's checkout is changed. What it replaces, before a test module is
imported, are the three ways in which those tests get a server: `_init_server` and `ServerThread` of
`tests/tracking/integration_test_utils.py`, and `_launch_server` of `test_mlflow_artifacts.py`. Each gives a fresh daemon in a
home of its own. Their fixtures also set up a store inside the test's process; that becomes nothing, because no server of that
process is left to use it.

Who may ask: addresses carry user info, as `lazuli mlflow-uri` prints them, and `requests` sends that by itself. Where a test
writes the address out of host and port, there is none to send; for those `requests` is made to add the token when it talks to
one of our daemons without saying who it is.

The file store's half of the tests is left out: to a client of the server it is the same test twice.
"""

import contextlib
import json
import os
import urllib.parse
from unittest import mock

import pytest
import requests
from daemon import Daemon

BINARIES = os.environ.get("LAZULI_CONFORMANCE_BINARIES")
REPORT = os.environ["LAZULI_CONFORMANCE_REPORT"]
UNWANTED_STORE = "file"

# The token of each daemon that runs, by "host:port".
tokens = {}
outcomes = {}


@contextlib.contextmanager
def served(port=0):
    # The folder of the test: it asks for a relative artifact location and expects the server to be here too.
    daemon = Daemon(BINARIES, port, work=os.getcwd())
    place = urllib.parse.urlsplit(daemon.url).netloc
    tokens[place] = daemon.token
    try:
        yield daemon
    finally:
        del tokens[place]
        daemon.stop()


@contextlib.contextmanager
def init_server(backend_uri=None, root_artifact_uri=None, **_):
    import mlflow

    mlflow.set_tracking_uri(None)
    with served() as daemon:
        yield daemon.tracking_uri()


class ServerThread:
    """The daemon under the name of a thread that serves MLflow's app."""

    def __init__(self, app, port):
        self.port = port

    def __enter__(self):
        import mlflow

        # MLflow's commands are told the address by a variable; the tests' own setting would go before it.
        mlflow.set_tracking_uri(None)
        self.serving = served(self.port)
        return self.serving.__enter__().tracking_uri()

    def __exit__(self, *error):
        return self.serving.__exit__(*error)


@contextlib.contextmanager
def launch_server(host, port, *_, **__):
    with served(port) as daemon, mock.patch.dict(os.environ, MLFLOW_TRACKING_TOKEN=daemon.token):
        yield daemon.process


def send_with_token(session, request, send=requests.Session.send, **options):
    token = tokens.get(urllib.parse.urlsplit(request.url).netloc)
    if token and "Authorization" not in request.headers:
        request.headers["Authorization"] = f"Bearer {token}"
    return send(session, request, **options)


def pytest_sessionstart(session):
    if BINARIES is None:
        return
    from mlflow.server import handlers
    from tests.tracking import integration_test_utils

    integration_test_utils._init_server = init_server
    integration_test_utils.ServerThread = ServerThread
    handlers.initialize_backend_stores = lambda *_, **__: None
    requests.Session.send = send_with_token


def pytest_collection_modifyitems(config, items):
    kept, left_out = [], []
    for item in items:
        if BINARIES is not None and hasattr(item.module, "_launch_server"):
            item.module._launch_server = launch_server
        values = getattr(item, "callspec", None)
        is_unwanted = values is not None and UNWANTED_STORE in values.params.values()
        (left_out if is_unwanted else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    result = (yield).get_result()
    outcome = result.outcome
    if hasattr(result, "wasxfail"):
        outcome = "skipped" if result.skipped else "passed"
    if result.when == "call" or outcome != "passed":
        known = outcomes.get(item.nodeid)
        # A failed teardown makes a passed test a failed one, never the other way round.
        if known is None or known["outcome"] == "passed":
            outcomes[item.nodeid] = {
                "outcome": outcome,
                "reason": reason_of(result, call, outcome),
                "seconds": round(result.duration, 2),
            }


def reason_of(result, call, outcome):
    if outcome == "passed":
        return ""
    if hasattr(result, "wasxfail"):
        return f"MLflow itself expects it to fail: {result.wasxfail}"
    if outcome == "skipped":
        return str(result.longrepr[2] if isinstance(result.longrepr, tuple) else result.longrepr)
    said = call.excinfo.exconly() if call.excinfo else str(result.longrepr)
    where = "" if result.when == "call" else f"in {result.when}: "
    return where + " ".join(said.split())[:300]


def pytest_sessionfinish(session):
    with open(REPORT, "w") as file:
        json.dump(outcomes, file)
