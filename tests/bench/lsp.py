"""The language server on a large workspace: how long an editor waits, and how much memory it takes.

    make bench-lsp

The workspace is filled over HTTP first. Times are what an editor waits, from sending a message to the answer. Nothing is
asserted here.
"""

import argparse
import concurrent.futures
import http.client
import json
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "mlflow"))

from daemon import Daemon  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=Path, required=True, help="where `lazuli` lies")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--datasets", type=int, default=10_000)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    daemon = Daemon(arguments.binaries.resolve(), folder=folder)
    try:
        began = time.perf_counter()
        fill(daemon, arguments)
        print(f"filled in {time.perf_counter() - began:.0f} s", flush=True)
        measure(daemon)
    finally:
        daemon.stop()
        shutil.rmtree(folder, ignore_errors=True)


def fill(daemon, arguments):
    info = json.loads((daemon.home / "daemon.json").read_text())
    place = urllib.parse.urlsplit(info["url"])
    token = (daemon.home / "token").read_text().strip()
    (daemon.work / "model.txt").write_text("weights")
    (daemon.work / "table.csv").write_text("name,age\na,1\n")

    def post(connection, path, body=None):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", f"/api{path}", json.dumps(body or {}), headers)
        reply = connection.getresponse()
        text = reply.read()
        assert reply.status < 300, (path, reply.status, text)
        return json.loads(text or b"null")

    def some(part, make, count):
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=600)
        for number in range(part, count, 16):
            make(connection, number)

    def run(connection, number):
        made = post(connection, "/workspaces/default/runs", {"experiment": f"experiment-{number % 50}", "name": f"run {number}"})
        post(connection, f"/runs/{made['run_id']}/complete")

    def model(connection, number):
        source = {"run": {"run_id": kept["run_id"], "path": "model.txt"}}
        post(connection, "/workspaces/default/models", {"name": f"model-{number:05}", "source": source})

    def dataset(connection, number):
        post(connection, "/workspaces/default/datasets", {"name": f"dataset-{number:05}", "definition": definition})

    lazuli = lambda *words: json.loads(
        subprocess.run([str(daemon.program), *words, "--json"], env=daemon.environment, cwd=daemon.work, check=True, capture_output=True, text=True).stdout
    )
    kept = lazuli("run", "start", "--experiment", "kept")
    lazuli("run", "upload", "model.txt", "--run", kept["run_id"])
    definition = lazuli("dataset", "register", "shape", "table.csv")["definition"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for make, count in ((run, arguments.runs), (dataset, arguments.datasets), (model, arguments.models)):
            for done in [pool.submit(some, part, make, count) for part in range(16)]:
                done.result()


class Editor:
    def __init__(self, daemon):
        self.process = subprocess.Popen(
            [str(daemon.program), "lsp"], env=daemon.environment, cwd=daemon.work, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.messages = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        self.number = 0

    def read(self):
        while True:
            length = 0
            while (line := self.process.stdout.readline().strip()) != b"":
                if line.startswith(b"Content-Length:"):
                    length = int(line.split(b":")[1])
            if not length:
                return
            self.messages.put(json.loads(self.process.stdout.read(length)))

    def send(self, message):
        text = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(text), text))
        self.process.stdin.flush()

    def notify(self, method, params):
        self.send({"method": method, "params": params})

    def until(self, wanted):
        while True:
            message = self.messages.get(timeout=120)
            if wanted(message):
                return message

    def request(self, method, params):
        self.number += 1
        number = self.number
        self.send({"id": number, "method": method, "params": params})
        answer = self.until(lambda message: message.get("id") == number and "method" not in message)
        assert "error" not in answer, answer
        return answer["result"]

    def memory(self):
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def measure(daemon):
    def start():
        editor = Editor(daemon)
        began = time.perf_counter()
        editor.request("initialize", {"capabilities": {}})
        return editor, time.perf_counter() - began

    starts = []
    for _ in range(5):
        editor, seconds = start()
        starts.append(seconds)
        editor.process.kill()
    editor, _ = start()
    editor.notify("initialized", {})
    editor.until(lambda message: message.get("method") == "lazuli/treeChanged")
    show("start", starts)
    text = "import x\n" * 200 + "d = ws.datasets['dataset-012']\nm = Model(ws, 'model-00123')\n"
    uri = f"file://{daemon.work}/a.py"
    editor.notify("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}})
    at = lambda line, character: {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
    # What is measured is the real thing: the names are there.
    known = editor.request("textDocument/completion", at(200, 28))["items"]
    assert known[0]["label"].startswith("dataset-012"), known[:3]
    assert "model-00123" in json.dumps(editor.request("textDocument/hover", at(201, 20)))
    show("completion", [timed(lambda: editor.request("textDocument/completion", at(200, 28))) for _ in range(300)])
    show("hover", [timed(lambda: editor.request("textDocument/hover", at(201, 20))) for _ in range(300)])
    for node in ("default", "default/experiments", "default/experiments/experiment-7", "default/models", "default/datasets"):
        show(f"tree {node}", [timed(lambda: editor.request("lazuli/tree", {"parent": node})) for _ in range(20)])
    edits = []
    for version in range(2, 102):
        end = {"line": 200, "character": 28}
        change = [{"range": {"start": end, "end": end}, "text": str(version % 10)}]
        began = time.perf_counter()
        editor.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": change})
        editor.until(lambda message: message.get("method") == "textDocument/publishDiagnostics" and message["params"].get("version") == version)
        edits.append(time.perf_counter() - began)
    show("edit to diagnostics", edits)
    print(f"{'resident':40} {editor.memory():8.1f} MB")
    editor.process.kill()


def timed(call):
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def show(what, seconds):
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"{what:40} {statistics.median(ordered) * 1000:8.1f} ms median {p99 * 1000:8.1f} ms p99", flush=True)


if __name__ == "__main__":
    main()
