"""Lazuli's tracking beside `mlflow server` (SQLite, one worker) and `trackio`, in one run, by the same clock.

    make bench

Needs an environment with mlflow and trackio (`tests/bench/requirements.txt`). Requests are measured from outside, on one
connection that is kept alive; processor time is what the system booked on the server's processes. Nothing is asserted here.
"""

import argparse
import concurrent.futures
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "mlflow"))
os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")

from peers import Lazuli, Mlflow, say  # noqa: E402

FILTER = "metrics.accuracy > 0.25 and tags.team = 'team 3'"
ORDER = ["metrics.loss ASC"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=Path, required=True, help="where `lazuli` lies")
    parser.add_argument("--runs", type=int, default=100_000, help="how many runs the larger search goes through")
    parser.add_argument("--points", type=int, default=10_000_000, help="how long the history is")
    parser.add_argument("--artifact-mb", type=int, default=1024)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    table = Table()
    servers = []
    try:
        for name, start in {
            "lazuli": lambda: Lazuli(arguments.binaries.resolve(), folder),
            "mlflow": lambda: Mlflow(sys.executable, folder),
        }.items():
            say(f"starting {name}")
            server = start()
            servers.append(server)
            table.add("start (s)", name, server.start_seconds)
            table.add("resident when idle (MB)", name, server.resident())
        for measure in (client_calls, batches, runs_per_second, searches, history, artifact):
            for server in servers:
                say(f"{measure.__name__.replace('_', ' ')}: {server.name}")
                # The one before may have been closed meanwhile: MLflow's server waits five seconds.
                server.connect()
                measure(server, table, arguments, folder)
        for server in servers:
            table.add("resident at its highest (MB)", server.name, server.resident(peak=True))
        say("logging of the SDK beside trackio")
        sdk_calls(servers[0], table, folder)
    finally:
        table.show()
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Table:
    def __init__(self):
        self.rows = {}

    def add(self, what, who, value):
        self.rows.setdefault(what, {})[who] = value

    def show(self):
        print(f"\n{os.cpu_count()} cores, load at the end {os.getloadavg()[0]:.1f}\n")
        print("| | lazuli | mlflow | trackio | the other / lazuli |\n|---|---|---|---|---|")
        for what, row in self.rows.items():
            others = [row[name] for name in ("mlflow", "trackio") if name in row]
            ratio = f"{others[0] / row['lazuli']:.3g}" if others and row.get("lazuli") else ""
            cells = [f"{row[name]:.4g}" if name in row else "" for name in ("lazuli", "mlflow", "trackio")]
            print(f"| {what} | " + " | ".join(cells) + f" | {ratio} |")


def experiment(server):
    return server.post("experiments/create", {"name": f"bench {uuid.uuid4().hex[:8]}"})["experiment_id"]


def new_run(server, experiment_id, connection=None, **more):
    body = {"experiment_id": experiment_id, "start_time": time.time_ns() // 1_000_000, **more}
    return server.post("runs/create", body, connection)["run"]["info"]["run_id"]


def client_calls(server, table, _arguments, _folder):
    """`log_metric` one by one, as MLflow's own client sends it."""
    from mlflow import MlflowClient

    client = MlflowClient(server.tracking_uri)
    run = new_run(server, experiment(server))
    for step in range(10):
        client.log_metric(run, "warm", step, step=step)
    count = 300
    cpu, own, begin = server.cpu(), time.process_time(), time.perf_counter()
    for step in range(count):
        client.log_metric(run, "loss", step * 0.1, step=step)
    wall = time.perf_counter() - begin
    table.add("log_metric by MLflow's client (ms)", server.name, wall / count * 1e3)
    table.add("… of it the client's processor time (ms)", server.name, (time.process_time() - own) / count * 1e3)
    table.add("… the server's processor time (ms)", server.name, (server.cpu() - cpu) / count * 1e3)


def points(count, first=0, name="loss"):
    return [{"key": name, "value": step * 0.5, "timestamp": 1_000 + step, "step": step} for step in range(first, first + count)]


def batches(server, table, _arguments, _folder):
    run = new_run(server, experiment(server))
    count = 200 if server.name == "lazuli" else 10
    cpu, begin = server.cpu(), time.perf_counter()
    for batch in range(count):
        server.post("runs/log-batch", {"run_id": run, "metrics": points(1000, batch * 1000)})
    table.add("log_batch of 1,000 (points/s)", server.name, count * 1000 / (time.perf_counter() - begin))
    table.add("… the server's processor time (ms per batch)", server.name, (server.cpu() - cpu) / count * 1e3)


def runs_per_second(server, table, _arguments, _folder):
    of = experiment(server)
    count = 1000 if server.name == "lazuli" else 50
    begin = time.perf_counter()
    for _ in range(count):
        new_run(server, of)
    table.add("create_run, one after the other (runs/s)", server.name, count / (time.perf_counter() - begin))


def searches(server, table, arguments, _folder):
    of = experiment(server)
    filled = 0
    for size in sorted({min(5_000, arguments.runs), arguments.runs}):
        fill(server, of, filled, size)
        filled = size
        server.connect()  # MLflow's server closed it meanwhile.
        body = {"experiment_ids": [of], "filter": FILTER, "order_by": ORDER, "max_results": 100}
        found = server.post("runs/search", body)
        assert len(found["runs"]) == min(100, size // 10), len(found["runs"])
        table.add(f"search of {size:,} runs, filter and order, first 100 (ms)", server.name, median(lambda: server.ask("POST", "/api/2.0/mlflow/runs/search", body)) * 1e3)
        plain = {"experiment_ids": [of], "max_results": 100}
        table.add(f"… the newest 100 of {size:,} (ms)", server.name, median(lambda: server.ask("POST", "/api/2.0/mlflow/runs/search", plain)) * 1e3)
        if server.name == "lazuli":
            name = urllib.parse.quote(json.loads(server.ask("GET", f"/api/2.0/mlflow/experiments/get?experiment_id={of}"))["experiment"]["name"])
            query = f"experiment={name}&filter={urllib.parse.quote(FILTER)}&order_by={urllib.parse.quote(ORDER[0])}"
            path = f"/api/workspaces/default/runs?{query}&fields=run_id,status,metrics.loss&limit=100"
            table.add(f"… the same by Lazuli's API, three fields, {size:,} (ms)", server.name, median(lambda: server.ask("GET", path)) * 1e3)


def timed(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def median(call, patience=10.0):
    """Seconds; of nine calls, or of as many as begin within the patience."""
    times, begin = [], time.perf_counter()
    while len(times) < 9 and (not times or time.perf_counter() - begin < patience):
        times.append(timed(call))
    return statistics.median(times)


def fill(server, of, first, end):
    """Runs with 3 parameters, 2 tags and 2 metrics each."""
    if server.name == "mlflow":
        fill_mlflow(server, of, first, end)
        return
    place = urllib.parse.urlsplit(server.url)

    def some(numbers):
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=600)
        for number in numbers:
            run = new_run(server, of, connection, start_time=number)
            server.post("runs/log-batch", {"run_id": run, **filling(number)}, connection)
            server.post("runs/update", {"run_id": run, "status": "FINISHED", "end_time": number + 1}, connection)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(some, [range(first + part, end, 16) for part in range(16)]))


def filling(number):
    return {
        "params": [{"key": key, "value": str(number % (7 + at))} for at, key in enumerate(("lr", "depth", "epochs"))],
        "tags": [{"key": "team", "value": f"team {number % 10}"}, {"key": "note", "value": f"number {number}"}],
        "metrics": [
            {"key": "accuracy", "value": 0.5 + number % 1000 / 2000, "timestamp": number, "step": 0},
            {"key": "loss", "value": number * 7919 % 100_003 / 100_003, "timestamp": number, "step": 0},
        ],
    }


def fill_mlflow(server, of, first, end):
    template = dict(
        source_type="UNKNOWN", source_name="", entry_point_name="", user_id="bench", status="FINISHED",
        source_version="", lifecycle_stage="active", experiment_id=int(of), deleted_time=None,
    )  # fmt: skip
    for begin in range(first, end, 10_000):
        rows = {"runs": [], "params": [], "tags": [], "metrics": [], "latest_metrics": []}
        for number in range(begin, min(end, begin + 10_000)):
            run, filled = uuid.uuid4().hex, filling(number)
            rows["runs"].append(dict(template, run_uuid=run, name=f"run {number}", start_time=number, end_time=number + 1, artifact_uri=f"mlflow-artifacts:/{of}/{run}/artifacts"))
            for table in ("params", "tags"):
                rows[table] += [dict(entry, run_uuid=run) for entry in filled[table]]
            for metric in filled["metrics"]:
                rows["metrics"].append(dict(metric, run_uuid=run, is_nan=0))
                rows["latest_metrics"].append(dict(metric, run_uuid=run, is_nan=0))
        for table, some in rows.items():
            server.insert(table, some)


def history(server, table, arguments, _folder):
    """The picture of a long history: MLflow's own call for its charts, and Lazuli's two."""
    count = arguments.points if server.name == "lazuli" else min(arguments.points, 1_000_000)
    run = new_run(server, experiment(server))
    if server.name == "mlflow":
        for first in range(0, count, 100_000):
            server.insert("metrics", [dict(point, run_uuid=run, is_nan=0) for point in points(100_000, first, "long")])
        server.connect()
    else:
        cpu, begin = server.cpu(), time.perf_counter()
        for first in range(0, count, 1000):
            server.post("runs/log-batch", {"run_id": run, "metrics": points(min(1000, count - first), first, "long")})
        table.add(f"{count:,} points by log_batch (points/s)", server.name, count / (time.perf_counter() - begin))
        table.add("… the server's processor time (s)", server.name, server.cpu() - cpu)
        path = f"/api/runs/{run}/metrics/long?max_points=2000"
        kept = json.loads(server.ask("GET", path))["points"]
        assert 1000 <= len(kept) <= 2100, len(kept)
        table.add(f"history of {count:,} points down to 2,000 (ms)", server.name, median(lambda: server.ask("GET", path)) * 1e3)
    path = f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={run}&metric_key=long&max_results=2000"
    table.add("MLflow's get-history-bulk-interval: lazuli whole, mlflow 1,000,000 (ms)", server.name, median(lambda: server.ask("GET", path)) * 1e3)


def artifact(server, table, arguments, folder):
    size = arguments.artifact_mb << 20
    source = folder / "artifact.bin"
    if not source.exists():
        with open(source, "wb") as file:
            for _ in range(arguments.artifact_mb):
                file.write(os.urandom(1 << 20))
    if server.name == "lazuli":
        copy = folder / "copy.bin"
        seconds = timed(lambda: (shutil.copyfile(source, copy), subprocess.run(["sync", str(copy)], check=True)))
        copy.unlink()
        table.add("a copy of the file by the system, synced (MB/s)", server.name, size / seconds / 1e6)
    of = experiment(server)
    run = new_run(server, of)
    path = f"/api/2.0/mlflow-artifacts/artifacts/{of}/{run}/artifacts/big.bin"
    before = server.resident()
    with open(source, "rb") as file:
        seconds = timed(lambda: server.ask("PUT", path, file, {"Content-Length": str(size)}))
    table.add(f"artifact of {arguments.artifact_mb} MiB up (MB/s)", server.name, size / seconds / 1e6)

    def download():
        server.connection.request("GET", path, headers=server.headers)
        answer = server.connection.getresponse()
        left = size
        while chunk := answer.read(1 << 20):
            left -= len(chunk)
        assert (answer.status, left) == (200, 0)

    table.add(f"artifact of {arguments.artifact_mb} MiB down (MB/s)", server.name, size / timed(download) / 1e6)
    table.add("… resident afterwards, more than before (MB)", server.name, server.resident() - before)


LOGGING = """
import json, statistics, sys, time
from azureml.core import Experiment, Workspace
run = Experiment(Workspace.from_config(), "bench").start_logging()
times = []
for step in range(int(sys.argv[1])):
    begin = time.perf_counter_ns()
    run.log("loss", step * 0.5)
    times.append(time.perf_counter_ns() - begin)
run.complete()
times.sort()
print(json.dumps([times[len(times) // 2] / 1e3, times[len(times) * 99 // 100] / 1e3]))
"""

TRACKIO = """
import json, sys, time
import trackio
trackio.init(project="bench", embed=False) if "embed" in trackio.init.__code__.co_varnames else trackio.init(project="bench")
times = []
for step in range(int(sys.argv[1])):
    begin = time.perf_counter_ns()
    trackio.log({"loss": step * 0.5})
    times.append(time.perf_counter_ns() - begin)
trackio.finish()
times.sort()
print(json.dumps([times[len(times) // 2] / 1e3, times[len(times) * 99 // 100] / 1e3]))
"""


def sdk_calls(server, table, folder):
    ours = dict(server.daemon.environment, PYTHONPATH=str(CHECKOUT / "sdk/python"), LAZULI_BIN=str(server.daemon.program))
    theirs = dict(os.environ, TRACKIO_DIR=str(folder / "trackio"), HF_HUB_OFFLINE="1")
    rust = str(server.daemon.program.parent / "examples" / "log_speed")
    for who, what, command, environment, counts in (
        ("lazuli", "log()", [sys.executable, "-c", LOGGING], ours, (1_000, 1_000_000)),
        ("lazuli", "log() in Rust", [rust], ours, (1_000, 1_000_000)),
        ("trackio", "log()", [sys.executable, "-c", TRACKIO], theirs, (1_000,)),
    ):
        for count in counts:
            begin = time.perf_counter()
            done = subprocess.run([*command, str(count)], env=environment, cwd=folder, capture_output=True, text=True)
            seconds = time.perf_counter() - begin
            if done.returncode:
                say(f"{who} failed: {done.stderr[-2000:]}")
                continue
            median, slow = json.loads(done.stdout.splitlines()[-1])
            table.add(f"{what} {count:,} times, a call's median (µs)", who, median)
            table.add(f"… {what}, the 99th percentile of {count:,} (µs)", who, slow)
            table.add(f"… {what}, from the program's start to its end, {count:,} (s)", who, seconds)


if __name__ == "__main__":
    main()
