"""Runs every test suite of the house, goes on after a failure, and adds up what they counted.

`make test` calls it; the binaries and the environment are there by then. Standard library only.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


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
        (
            "Jupyter",
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
    results = [run(name, command, folder, environment) for name, command, folder in suites]

    print("\n== Totals ==")
    for name, counts, seconds, _ in results:
        print(f"{name}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped in {seconds:.0f} s")
    passed, failed, skipped = (sum(result[1][i] for result in results) for i in range(3))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or any(code for *_, code in results) else 0)


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
    )
    lines = []
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    code = process.wait()
    counts = count(lines)
    if counts == (0, 0, 0):
        print(f"{name} ran no test")
        code = code or 1
    return name, counts, time.monotonic() - start, code


def count(lines):
    """(passed, failed, skipped) as cargo, unittest or pytest print them."""
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
        if re.match(r"=+ .*\d+ (passed|failed|skipped|error).* in [\d.]+s", line):
            kinds = {k: int(v) for v, k in re.findall(r"(\d+) (passed|failed|skipped|errors?)", line)}
            passed += kinds.get("passed", 0)
            failed += kinds.get("failed", 0) + kinds.get("error", 0) + kinds.get("errors", 0)
            skipped += kinds.get("skipped", 0)
    return passed, failed, skipped


if __name__ == "__main__":
    main()
