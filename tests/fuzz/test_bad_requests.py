"""What no client sends by mistake: each gets a 4xx and one clear sentence, and the daemon goes on."""

import http.client
import json
import urllib.parse

import pytest

DEEP = "[" * 10_000 + "]" * 10_000
MANY_LEVELS = "/".join(["level"] * 1000)
GIGABYTE = 1 << 30


@pytest.fixture
def send(daemon):
    """(status, answer) of a request whose path is sent as it is."""
    place = urllib.parse.urlsplit(daemon.url)

    def send(method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=120)
        try:
            connection.putrequest(method, path)
            for name, value in {**daemon.authorization(), **(headers or {})}.items():
                connection.putheader(name, value)
            if isinstance(body, bytes):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
            try:
                for piece in [body] if isinstance(body, bytes) else body or []:
                    connection.send(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass  # It has answered before the end, which is what is wanted.
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    return send


def refused(answer, *statuses):
    status, body = answer
    assert status in statuses or (not statuses and 400 <= status < 500), f"{status}: {body[:500]}"
    said = json.loads(body)
    message = said["message"]
    assert message and "\n" not in message.strip() and len(message) < 1000, said
    return message


def test_a_body_of_a_gigabyte_where_a_few_words_are_expected(daemon, send):
    piece = b" " * (1 << 20)

    def endless():
        yield b'{"experiment": "'
        for _ in range(GIGABYTE >> 20):
            yield piece

    for path in ("/api/workspaces/default/runs", "/api/2.0/mlflow/runs/log-batch"):
        announced = {"Content-Length": str(GIGABYTE + 16), "Content-Type": "application/json"}
        assert "larger" in refused(send("POST", path, endless(), announced), 413)
    # It holds nothing of it.
    status = (f"/proc/{daemon.process.pid}/status",)
    peak = next(int(line.split()[1]) for line in open(*status) if line.startswith("VmHWM:"))
    assert peak < 500_000, f"{peak} kB"


@pytest.mark.parametrize("path", ["/api/workspaces/default/runs", "/api/2.0/mlflow/runs/create", "/api/2.0/mlflow/runs/search"])
def test_ten_thousand_levels_of_json(send, path):
    body = ('{"experiment": %s}' % DEEP).encode()
    refused(send("POST", path, body, {"Content-Type": "application/json"}), 400)


def test_a_path_of_a_thousand_levels(send, run_id):
    refused(send("PUT", f"/api/runs/{run_id}/artifacts/{MANY_LEVELS}", b"x"))
    refused(send("GET", f"/api/runs/{run_id}/artifacts/{MANY_LEVELS}"))
    refused(send("PUT", f"/api/2.0/mlflow-artifacts/artifacts/1/{run_id}/artifacts/{MANY_LEVELS}", b"x"))


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "..", "%2e%2e/x", "a/%2e%2e/%2e%2e/x", "%252e%252e/x", "..%2fx", "..%5cx", "/etc/passwd", "%2fetc%2fpasswd", "a%00b", "a;/../b", "a//b", "./a"]
)
def test_names_that_leave_the_folder(send, run_id, name):
    for address in (f"/api/runs/{run_id}/artifacts/{name}", f"/api/2.0/mlflow-artifacts/artifacts/1/{run_id}/artifacts/{name}"):
        status, body = send("PUT", address, b"x")
        if status < 300:
            # Then it was an ordinary name, taken as it was written, once decoded.
            assert name in ("%252e%252e/x", "./a"), (address, body)
        else:
            refused((status, body))


def test_a_nul_in_names(send):
    refused(send("POST", "/api/workspaces/default/runs", b'{"experiment": "a\\u0000b"}', {"Content-Type": "application/json"}), 400)
    refused(send("POST", "/api/workspaces", b'{"name": "a\\u0000b"}', {"Content-Type": "application/json"}), 400)
    refused(send("POST", "/api/2.0/mlflow/experiments/create", b'{"name": "a\\u0000b"}', {"Content-Type": "application/json"}), 400)
    refused(send("GET", "/api/runs/a%00b"))


@pytest.mark.parametrize(
    "filter", ["metrics.loss > 'a", 'tags."a = 1', "params.`x = '1'", "metrics.loss >", "((metrics.a > 1)", "nothing.x = 1", "(" * 500 + "metrics.a > 1"]
)
def test_filters_that_are_wrong(send, filter):
    query = urllib.parse.urlencode({"filter": filter})
    message = refused(send("GET", f"/api/workspaces/default/runs?{query}"), 400)
    assert "internal" not in message.lower()
    body = json.dumps({"experiment_ids": ["1"], "filter": filter}).encode()
    refused(send("POST", "/api/2.0/mlflow/runs/search", body, {"Content-Type": "application/json"}), 400)


def test_the_page_token_of_another_query(send, run_id):
    for _ in range(2):
        status, _ = send("POST", "/api/workspaces/default/runs", b'{"experiment": "fuzzed"}', {"Content-Type": "application/json"})
        assert status == 200
    first = json.loads(send("GET", "/api/workspaces/default/runs?limit=1")[1])
    cursor = urllib.parse.quote(first["next_cursor"])
    assert send("GET", f"/api/workspaces/default/runs?limit=1&cursor={cursor}")[0] == 200
    message = refused(send("GET", f"/api/workspaces/default/runs?limit=1&cursor={cursor}&filter=status%20%3D%20'Failed'"), 400)
    assert "another search" in message
    for forged in ("x", "%00", "e30", "A" * 5000):
        refused(send("GET", f"/api/workspaces/default/runs?limit=1&cursor={forged}"), 400)
