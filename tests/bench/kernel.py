"""The Lazuli kernel beside evcxr_jupyter and ipykernel, in one run, by the same clock.

    make bench

Times are what a front end waits: from sending a request to its idle and reply. Every kernel gets
a process of its own for each repetition of a first thing, and they take turns, so that a machine
that grows slower in the meantime is unfair to nobody. Nothing is asserted here.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from frontend import Frontend, environment_of, until  # noqa: E402

EVCXR = "0.22.0"
REPETITIONS = 5
REPEATED_CELLS = 10


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=Path, required=True, help="where `lazuli` lies")
    parser.add_argument("--tools", type=Path, required=True, help="where evcxr_jupyter is built and kept")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    arguments = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    try:
        evcxr = install_evcxr(arguments.tools.resolve())
        kernels = kernelspecs(folder, evcxr)
        measured = {}
        for repetition in range(arguments.repetitions):
            for name in kernels:
                say(f"round {repetition + 1} of {arguments.repetitions}: {name}")
                for what, seconds in session(name, folder).items():
                    measured.setdefault(what, {}).setdefault(name, []).append(seconds)
        daemon = daemon_figures(arguments.binaries, folder, arguments.repetitions)
        report(measured, daemon)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def say(text):
    print(text, file=sys.stderr, flush=True)


def install_evcxr(tools):
    program = tools / "bin" / "evcxr_jupyter"
    if not program.exists():
        say(f"building evcxr_jupyter {EVCXR}: this takes ten minutes and more, once")
        subprocess.run(
            ["cargo", "install", "--locked", "--quiet", "--root", str(tools), f"evcxr_jupyter@{EVCXR}"],
            check=True,
            stdin=subprocess.DEVNULL,
            env=dict(os.environ, CARGO_TARGET_DIR=str(tools / "target")),
        )
        shutil.rmtree(tools / "target", ignore_errors=True)
    return program


def kernelspecs(folder, evcxr):
    """Names of the kernels to measure; evcxr's specification is made known by JUPYTER_PATH."""
    spec = folder / "jupyter" / "kernels" / "evcxr"
    spec.mkdir(parents=True)
    argv = [str(evcxr), "--control_file", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Rust", "language": "rust", "interrupt_mode": "message"})
    )
    os.environ["JUPYTER_PATH"] = str(folder / "jupyter")
    return ["lazuli", "evcxr", "python3"]


def session(name, folder):
    """Everything that is measured in one session of a kernel, in seconds."""
    home = folder / "home"
    work = folder / "work"
    work.mkdir(exist_ok=True)
    python = name == "python3"
    times = {}
    start = time.perf_counter()
    frontend = Frontend(environment_of(home), work, kernel_name=name)
    times["start to kernel_info"] = time.perf_counter() - start
    try:

        def cell(code):
            begin = time.perf_counter()
            done = frontend.run(code)
            seconds = time.perf_counter() - begin
            assert done.status == "ok", f"{name}: {code}: {done.says()}"
            return seconds

        if name == "lazuli":
            # Before the first Rust cell: a magic does not wait for the compiler.
            times["first magic (`%lsmagic`)"] = cell("%lsmagic")
        times["`1+1`, first"] = cell("1+1")
        # Who answers kernel_info at once warms up behind it; this is what a person waits in all.
        times["start to the first cell's end"] = time.perf_counter() - start
        times["`1+1`, median of 10"] = statistics.median(cell("1+1") for _ in range(REPEATED_CELLS))
        times["`let`, first"] = cell("x = 5" if python else "let x = 5;")
        times["`N+1`, median of 10"] = statistics.median(cell(f"{n}+1") for n in range(REPEATED_CELLS))
        if python:
            times["a magic, median of 10"] = statistics.median(cell("%pwd") for _ in range(REPEATED_CELLS))
        if name == "lazuli":
            cell("%workspace list")
            times["a magic, median of 10"] = statistics.median(cell("%workspace show") for _ in range(REPEATED_CELLS))
            times["a magic without the daemon (`%help`), median of 10"] = statistics.median(
                cell("%help log") for _ in range(REPEATED_CELLS)
            )
            times["first `Workspace` cell"] = cell("use lazuli::prelude::*;\nlet workspace = Workspace::from_config()?;")
            times["`N+1` with `lazuli` in scope, median of 10"] = statistics.median(
                cell(f"{n}+1") for n in range(100, 100 + REPEATED_CELLS)
            )
        times["interrupt of an endless loop to idle"] = interrupt(frontend, python)
        times["`1+1` after the interrupt"] = cell("1+1")
        times["resident, the kernel's own process (MB)"] = resident(frontend.pid) / 1e6
    finally:
        frontend.close()
    return times


def interrupt(frontend, python):
    endless = 'print("begun", flush=True)\nwhile True: pass' if python else 'println!("begun"); loop {}'
    request = frontend.start(endless)
    frontend.wait_for_output(request, "begun")
    begin = time.perf_counter()
    frontend.interrupt()
    frontend.finish(request)
    return time.perf_counter() - begin


def daemon_figures(binaries, folder, repetitions):
    """Time from the command to the daemon's answer, and what it holds when idle."""
    lazuli = str(binaries / "lazuli")
    starts, memory = [], []
    for repetition in range(repetitions):
        home = folder / f"daemon-{repetition}"
        environment = environment_of(home)
        begin = time.perf_counter()
        subprocess.run([lazuli, "workspace", "list"], env=environment, check=True, stdout=subprocess.DEVNULL)
        cold = time.perf_counter() - begin
        begin = time.perf_counter()
        subprocess.run([lazuli, "workspace", "list"], env=environment, check=True, stdout=subprocess.DEVNULL)
        starts.append(cold - (time.perf_counter() - begin))
        pid = json.loads((home / "daemon.json").read_text())["process"]["pid"]
        memory.append(resident(pid) / 1e6)
        subprocess.run([lazuli, "stop"], env=environment, check=True, capture_output=True)
        until("the daemon's end", lambda: not (home / "daemon.json").exists())
    return {"start (ms)": statistics.median(starts) * 1e3, "idle, resident (MB)": statistics.median(memory)}


def resident(pid):
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def report(measured, daemon):
    load = os.getloadavg()[0]
    print(f"\nMedians of {max(len(v) for row in measured.values() for v in row.values())} sessions each, ", end="")
    print(f"{os.cpu_count()} cores, load at the end {load:.1f}\n")
    print("| | lazuli | evcxr_jupyter | ipykernel | lazuli / evcxr | lazuli / ipykernel |")
    print("|---|---|---|---|---|---|")
    for what, row in measured.items():
        values = [statistics.median(row[name]) if name in row else None for name in ("lazuli", "evcxr", "python3")]
        in_memory = "MB" in what
        shown = ["" if v is None else (f"{v:.0f}" if in_memory else seconds(v)) for v in values]
        ratios = ["" if not (values[0] and v) else f"{values[0] / v:.2f}" for v in values[1:]]
        print(f"| {what} | " + " | ".join(shown + ratios) + " |")
    print("\n| the daemon | |\n|---|---|")
    for what, value in daemon.items():
        print(f"| {what} | {value:.0f} |")


def seconds(value):
    return f"{value * 1e3:.1f} ms" if value < 0.1 else f"{value:.2f} s"


if __name__ == "__main__":
    main()
