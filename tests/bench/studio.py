"""Studio beside MLflow's pages, on the same runs, in the same browser, by the same clock.

    make bench-studio

What is measured is what a person waits for: from the navigation until the first rows are painted, and
from a point's being logged until its chart shows it. Nothing is asserted here.
"""

import argparse
import gzip
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "mlflow")]
os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")

from peers import Lazuli, Mlflow, say  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from tracking import experiment, fill  # noqa: E402

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
#: When the first link to a run is on the screen, in milliseconds since the navigation began.
FIRST_ROW = """
new MutationObserver((_, observer) => {
    if (window.firstRow || !document.querySelector('a[href*="/runs/"]')) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.firstRow = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
#: Tasks that hold the page for more than 50 ms.
LONG_TASKS = """
() => {
    window.longTasks = [];
    new PerformanceObserver(list => { for (const it of list.getEntries()) longTasks.push(it.duration); }).observe({ type: 'longtask' });
}
"""
#: When the watched chart first knew each count.
FOLLOW = """
() => {
    window.seen = {};
    const card = document.querySelector('lazuli-run-details').shadowRoot.querySelector('[data-metric="metric 00"]');
    const look = () => {
        const count = /^([\\d,]+) points/.exec(card.querySelector('.measures span:last-child')?.textContent ?? '')?.[1].replaceAll(',', '');
        if (count && !(count in seen)) seen[count] = performance.timeOrigin + performance.now();
    };
    new MutationObserver(look).observe(card, { childList: true, subtree: true, characterData: true });
}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=Path, required=True, help="where `lazuli` lies")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--children", type=int, default=500)
    parser.add_argument("--metrics", type=int, default=50)
    parser.add_argument("--points", type=int, default=1_000_000, help="of the chart that is looked at closely")
    parser.add_argument("--seconds", type=int, default=15, help="how long a run is followed")
    arguments = parser.parse_args()
    program = next((it for it in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if it), None)
    if program is None:
        sys.exit("there is no Chromium: `apt-get install chromium`")
    folder = Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    servers, rows = [], {}
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
            for start in (lambda: Lazuli(arguments.binaries.resolve(), folder), lambda: Mlflow(sys.executable, folder)):
                server = start()
                servers.append(server)
                say(f"{server.name}: {arguments.runs:,} runs")
                of = experiment(server)
                fill(server, of, 0, arguments.runs)
                server.connect()
                rows[server.name] = first_rows(browser, server, of)
            say("following a run")
            lag, tasks = follow(browser, servers[0], arguments)
            say(f"a chart of {arguments.points:,} points")
            closer, closer_tasks = look_closer(browser, servers[0], arguments)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{os.cpu_count()} cores, load at the end {os.getloadavg()[0]:.1f}\n")
    print("| | lazuli | mlflow |\n|---|---|---|")
    print(f"| first rows of {arguments.runs:,} runs, page loaded anew in an open window (ms, median of {len(rows['lazuli'])}) | {statistics.median(rows['lazuli']):.0f} | {statistics.median(rows['mlflow']):.0f} |")
    print(f"| … the slowest (ms) | {max(rows['lazuli']):.0f} | {max(rows['mlflow']):.0f} |")
    print(f"| from a point's being logged until its chart shows it, {arguments.children} children, {arguments.metrics} metrics (ms, median) | {statistics.median(lag):.0f} | |")
    print(f"| … the slowest of {len(lag)} (ms) | {max(lag):.0f} | |")
    print(f"| tasks over 50 ms while following for {arguments.seconds} s | {len(tasks)} | |")
    print(f"| … the longest (ms) | {max(tasks, default=0):.0f} | |")
    print(f"| a closer look at a chart of {arguments.points:,} points, until the exact ones are here (ms, median of {len(closer)}) | {statistics.median(closer):.0f} | |")
    print(f"| … the slowest (ms) | {max(closer):.0f} | |")
    print(f"| tasks over 50 ms meanwhile | {len(closer_tasks)} | |")
    print(f"| … the longest (ms) | {max(closer_tasks, default=0):.0f} | |")
    print(f"| JavaScript of all of Studio, compressed (kB) | {script_size():.0f} | |")


def sign_in(context, server):
    page = context.new_page()
    code = json.loads(server.ask("POST", "/api/studio/codes"))["url"]
    page.goto(code)
    page.get_by_role("navigation", name="Pages").wait_for()
    page.close()


def first_rows(browser, server, of):
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    if server.name == "lazuli":
        sign_in(context, server)
        name = json.loads(server.ask("GET", f"/api/2.0/mlflow/experiments/get?experiment_id={of}"))["experiment"]["name"]
        address = f"{server.url}/studio/workspaces/default/runs?experiment={name.replace(' ', '%20')}"
    else:
        address = f"{server.url}/#/experiments/{of}/runs"
    context.add_init_script(FIRST_ROW)
    times = []
    for number in range(8):
        page = context.new_page()
        # A window that opens takes a core for its own parts; what is measured is a navigation in one that is open.
        page.wait_for_timeout(1500)
        page.goto(address)
        # Asked from here: Studio's pages allow no `eval`, by which a browser would wait.
        end = time.monotonic() + 120
        while not page.evaluate("window.firstRow ?? 0"):
            assert time.monotonic() < end, f"{address} shows no run"
            page.wait_for_timeout(50)
        # The first two fill the browser's cache.
        if number >= 2:
            times.append(page.evaluate("window.firstRow"))
        page.close()
    context.close()
    return times


def follow(browser, server, arguments):
    new = lambda **fields: json.loads(server.ask("POST", "/api/workspaces/default/runs", {"experiment": "live", **fields}))["run_id"]  # noqa: E731
    parent = new(name="parent")
    children = [new(name=f"child {number}", parent_run_id=parent) for number in range(arguments.children)]
    spool = server.daemon.home / "spool"
    names = [f"metric {number:02}" for number in range(arguments.metrics)]

    def log(run, step, some):
        lines = [{"record": "metric", "name": name, "kind": "scalar", "value": 1 / (step + 1), "step": step, "time_ms": int(time.time() * 1e3)} for name in some]
        with open(spool / f"{run}.jsonl", "a") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))

    for step in range(200):
        log(parent, step, names)
    for child in children:
        log(child, 0, names[:5])
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    sign_in(context, server)
    page = context.new_page()
    page.goto(f"{server.url}/studio/workspaces/default/runs/{parent}")
    page.locator('[data-metric="metric 00"] canvas').wait_for()
    page.get_by_role("tab", name="Child runs").wait_for()
    page.wait_for_timeout(2000)
    page.evaluate(LONG_TASKS)
    page.evaluate(FOLLOW)
    written, end = {}, time.time() + arguments.seconds
    stop = threading.Event()

    def work():
        step = 200
        while time.time() < end and not stop.is_set():
            log(parent, step, names)
            step += 1
            written[step] = time.time() * 1e3
            for child in children[step % 50 :: 50]:
                log(child, step, names[:5])
            time.sleep(0.05)

    writer = threading.Thread(target=work)
    writer.start()
    page.wait_for_timeout(arguments.seconds * 1000 + 2000)
    writer.join()
    seen, tasks = page.evaluate("[window.seen, window.longTasks]")
    # A chart that shows step 210 shows 209, too: of each point the first picture that has it.
    shown = sorted((int(count), at) for count, at in seen.items())
    lag = []
    for step, at in written.items():
        first = next((when for count, when in shown if count >= step), None)
        if first is not None:
            lag.append(first - at)
    context.close()
    return lag, tasks


def look_closer(browser, server, arguments):
    """Half of what is to be seen, eleven times: how long each takes, and the tasks that held the page up."""
    run = json.loads(server.ask("POST", "/api/workspaces/default/runs", {"experiment": "live", "name": "long"}))["run_id"]
    for begin in range(0, arguments.points, 100_000):
        lines = [{"record": "metric", "name": "loss", "kind": "scalar", "value": step * 7919 % 1009, "step": step, "time_ms": step} for step in range(begin, min(begin + 100_000, arguments.points))]
        with open(server.daemon.home / "spool" / f"{run}.jsonl", "a") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
        server.ask("POST", f"/api/runs/{run}/flush")
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    sign_in(context, server)
    page = context.new_page()
    page.goto(f"{server.url}/studio/workspaces/default/runs/{run}")
    page.locator("[data-metric=loss] canvas").wait_for()
    page.wait_for_timeout(2000)
    page.evaluate(LONG_TASKS)
    times = []
    for _ in range(11):
        begin = time.perf_counter()
        with page.expect_response(lambda answer: "/metrics/loss" in answer.url) as answer:
            page.locator("[data-metric=loss] .chart").press("+")
        answer.value.finished()
        times.append((time.perf_counter() - begin) * 1e3)
    page.wait_for_timeout(1000)
    tasks = page.evaluate("window.longTasks")
    context.close()
    return times, tasks


def script_size():
    assets = CHECKOUT / "studio" / "dist" / "studio" / "assets"
    return sum(len(gzip.compress(file.read_bytes(), 6)) for file in assets.glob("*.js")) / 1e3


if __name__ == "__main__":
    main()
