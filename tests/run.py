"""Runs every test suite of the house, goes on after a failure, and adds up what they counted.

`make test` calls it; the binaries and the environment are there by then. Standard library only.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
#: Minutes after which a suite hangs. A suite that is ended says what it was at, which CI's own end would not.
LIMIT = 30
#: What the SDK does without packages and without building an environment; half a minute for each further Python.
QUICK = [f"tests.test_{name}" for name in ("values", "configuration", "names", "run", "script", "files")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=Path, required=True, help="where `lazuli` lies")
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--path", type=Path, action="append", default=[], help="where further programs lie")
    arguments = parser.parse_args()
    python = str(arguments.venv / "bin" / "python")
    environment = dict(
        os.environ,
        LAZULI_TEST_BINARIES=str(arguments.binaries),
        LAZULI_TEST_SCREENSHOTS=str(arguments.binaries.parent / "screenshots"),
        LAZULI_BIN=str(arguments.binaries / "lazuli"),
        PATH=os.pathsep.join([str(arguments.venv / "bin"), *map(str, arguments.path), os.environ["PATH"]]),
        PYTHONDONTWRITEBYTECODE="1",
    )
    suites = [
        ("Rust", ["cargo", "test", "--workspace", "--locked", "--no-fail-fast"], CHECKOUT),
        ("Python SDK", [python, "-m", "unittest", "discover", "-s", "tests", "-t", "."], CHECKOUT / "sdk/python"),
        ("Studio", ["npm", "--silent", "run", "test"], CHECKOUT / "studio"),
        (
            "Jupyter and browser",
            [python, "-m", "pytest", "tests/e2e", "-p", "no:cacheprovider", "--durations=10", "-ra"],
            CHECKOUT,
        ),
        (
            "MLflow",
            [python, "-m", "pytest", "tests/mlflow", "-p", "no:cacheprovider", "-ra"],
            CHECKOUT,
        ),
        (
            "Requests",
            [python, "-m", "pytest", "tests/fuzz", "-p", "no:cacheprovider", "-ra"],
            CHECKOUT,
        ),
    ]
    for title, other in other_pythons(python):
        suites.insert(2, (f"Python SDK on {title}", [other, "-W", "error::SyntaxWarning", "-m", "unittest", *QUICK], CHECKOUT / "sdk/python"))
    results = [run(name, command, folder, environment) for name, command, folder in suites]

    print("\n== Totals ==")
    for name, counts, seconds, _ in results:
        print(f"{name}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped in {seconds:.0f} s")
    passed, failed, skipped = (sum(result[1][i] for result in results) for i in range(3))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or any(code for *_, code in results) else 0)


def other_pythons(python):
    """One interpreter of each further version from 3.8 on that this machine has."""
    candidates = [shutil.which(f"python3.{minor}") for minor in range(8, 20)]
    candidates += map(str, Path.home().glob(".pyenv/versions/3.*/bin/python"))
    found = {}
    for candidate in [python, *filter(None, candidates)]:
        told = subprocess.run([candidate, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=False)
        version = tuple(map(int, told.stdout.split())) if told.returncode == 0 else (0, 0)
        if version >= (3, 8):
            found.setdefault(version, candidate)
    return [(f"{major}.{minor}", other) for (major, minor), other in sorted(found.items()) if other != python]


def run(name, command, folder, environment):
    print(f"\n== {name}: {' '.join(command)} ==", flush=True)
    start = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    watch = threading.Timer(LIMIT * 60, give_up, (name, process))
    watch.start()
    lines = []
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    code = process.wait()
    watch.cancel()
    counts = count(lines)
    if counts == (0, 0, 0):
        print(f"{name} ran no test")
        code = code or 1
    return name, counts, time.monotonic() - start, code


def give_up(name, process):
    """Ends the suite and all that it started."""
    print(f"\n{name}: not done after {LIMIT} minutes, ended; what still ran:", flush=True)
    subprocess.run(["ps", "-o", "pid,etimes,args", "--forest", "-s", str(process.pid)], check=False)
    os.killpg(process.pid, signal.SIGKILL)


def count(lines):
    """(passed, failed, skipped) as cargo, unittest, pytest or vitest print them."""
    passed = failed = skipped = 0
    for line in lines:
        cargo = re.match(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", line)
        if cargo:
            passed, failed, skipped = (a + int(b) for a, b in zip((passed, failed, skipped), cargo.groups()))
        ran = re.match(r"Ran (\d+) tests? in", line)
        if ran:
            passed += int(ran[1])
        ended = re.match(r"(?:OK|FAILED)(?: \((.*)\))?$", line)
        if ended and ended[1]:
            kinds = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", ended[1])}
            bad = kinds.get("failures", 0) + kinds.get("errors", 0)
            passed, failed = passed - bad - kinds.get("skipped", 0), failed + bad
            skipped += kinds.get("skipped", 0)
        ran = re.match(r"\s*Tests\s+(.*)\(\d+\)", re.sub(r"\x1b\[[0-9;]*m", "", line))
        if ran:
            kinds = {k: int(v) for v, k in re.findall(r"(\d+) (passed|failed|skipped)", ran[1])}
            passed += kinds.get("passed", 0)
            failed += kinds.get("failed", 0)
            skipped += kinds.get("skipped", 0)
        if re.match(r"=+ .*\d+ (passed|failed|skipped|error).* in [\d.]+s", line):
            kinds = {k: int(v) for v, k in re.findall(r"(\d+) (passed|failed|skipped|errors?)", line)}
            passed += kinds.get("passed", 0)
            failed += kinds.get("failed", 0) + kinds.get("error", 0) + kinds.get("errors", 0)
            skipped += kinds.get("skipped", 0)
    return passed, failed, skipped


if __name__ == "__main__":
    main()
