"""Runs MLflow's own tests of its server against Lazuli, and says what passes and why the rest does not.

    python tests/mlflow/conformance.py --checkout ../mlflow --python .venv-mlflow/bin/python --binaries target/debug

`--checkout` is a work tree of https://github.com/mlflow/mlflow, best at the tag of the `mlflow` that `--python` has; that
python also needs pytest, pytest-asyncio, pytest-timeout, scikit-learn, httpx and flask-wtf. Only the checkout's `tests` are
used: the client under test is the package from PyPI. `--reference` leaves MLflow's server in place, to see what it passes itself.

Exit code 1: a test failed that `expected.txt` does not name, one passed that it names, or it names one that is not there.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "expected.txt"
FILES = [
    "tests/tracking/test_rest_tracking.py",
    "tests/tracking/test_model_registry.py",
    "tests/tracking/test_mlflow_artifacts.py",
]
SECONDS_PER_TEST = 120


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkout", type=Path, required=True, help="a work tree of mlflow/mlflow")
    parser.add_argument("--python", default=sys.executable, help="one that has mlflow and pytest")
    parser.add_argument("--binaries", type=Path, help="where `lazuli` lies")
    parser.add_argument("--reference", action="store_true", help="ask MLflow's own server instead")
    parser.add_argument("-k", dest="only", help="only tests whose name matches, as pytest understands it")
    parser.add_argument("--json", type=Path, help="write every outcome to this file")
    parser.add_argument("files", nargs="*", default=FILES, help="test files of the checkout")
    arguments = parser.parse_args()
    if not arguments.reference and arguments.binaries is None:
        parser.error("--binaries is missing: the folder of `lazuli`")
    missing = [file for file in arguments.files if not (arguments.checkout / file).exists()]
    if missing:
        parser.error(f"{arguments.checkout} has no {missing[0]}: is it a checkout of mlflow/mlflow?")

    outcomes = run(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(outcomes, indent=1, sort_keys=True) + "\n")
    if arguments.reference:
        show(outcomes, expected=[])
        sys.exit(0)
    is_whole = arguments.only is None and arguments.files == FILES
    sys.exit(0 if judge(outcomes, read_expected(EXPECTED.read_text()), is_whole) else 1)


def run(arguments):
    """{test: {outcome, reason, seconds}}; the name of the store is taken out of the test's name."""
    with tempfile.TemporaryDirectory(prefix="lazuli-conformance-") as folder:
        folder = Path(folder)
        # The tests without the package beside them: `import mlflow` has to find the one from PyPI.
        (folder / "tests").symlink_to((arguments.checkout / "tests").resolve())
        (folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\nfilterwarnings = ignore\n")
        report = folder / "report.json"
        # Neither settings of this machine nor its credentials; a retry would only hide and lengthen.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "LAZULI_", "AZUREML_"))}
        environment.update(
            PYTHONPATH=f"{folder}{os.pathsep}{HERE}",
            PYTHONDONTWRITEBYTECODE="1",
            PATH=f"{Path(arguments.python).absolute().parent}{os.pathsep}{os.environ['PATH']}",
            LAZULI_CONFORMANCE_REPORT=str(report),
            MLFLOW_DISABLE_TELEMETRY="true",
            MLFLOW_HTTP_REQUEST_MAX_RETRIES="1",
        )
        if not arguments.reference:
            environment["LAZULI_CONFORMANCE_BINARIES"] = str(arguments.binaries.resolve())
        command = [
            arguments.python, "-m", "pytest", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider",
            "-p", "lazuli_conformance", "-c", "pytest.ini", "--rootdir", ".", "--import-mode=prepend",
            f"--timeout={SECONDS_PER_TEST}", *(["-k", arguments.only] if arguments.only else []), *arguments.files,
        ]  # fmt: skip
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL)
        if not report.exists():
            sys.exit(f"pytest ended with {done.returncode} before any test was run")
        found = json.loads(report.read_text())
    if not found:
        sys.exit("no test was run")
    return {without_store(name): outcome for name, outcome in sorted(found.items())}


def without_store(name):
    name = re.sub(r"\[sqlalchemy\]$", "", name)
    return name.replace("[sqlalchemy-", "[").replace("-sqlalchemy]", "]")


def read_expected(text):
    """[(pattern, reason)] from lines `[reason]`, each followed by the tests it is about; `*` stands for anything."""
    expected, reason = [], None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            reason = line.strip("[]")
        elif reason is None:
            sys.exit(f"expected.txt, line {number}: a test stands before the first reason")
        else:
            expected.append((line, reason))
    return expected


def reason_for(name, expected):
    for pattern, reason in expected:
        if re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name):
            return reason
    return None


def show(outcomes, expected):
    """Prints every test that did not pass, grouped, and the counts."""
    groups = collections.defaultdict(list)
    for name, outcome in outcomes.items():
        if outcome["outcome"] == "failed":
            why = reason_for(name, expected)
            groups[f"failed as expected: {why}" if why else "FAILED"].append((name, outcome["reason"]))
        elif outcome["outcome"] == "skipped":
            groups["skipped"].append((name, outcome["reason"]))
    for group in sorted(groups, key=lambda group: (group == "FAILED", group)):
        print(f"\n== {group} ({len(groups[group])}) ==")
        for name, reason in groups[group]:
            print(f"{name}\n    {reason}")
    counts = collections.Counter((name.split("::")[0], outcome["outcome"]) for name, outcome in outcomes.items())
    print()
    for file in sorted({file for file, _ in counts}):
        print(f"{file}: " + ", ".join(f"{counts[file, kind]} {kind}" for kind in ("passed", "failed", "skipped")))


def judge(outcomes, expected, is_whole):
    show(outcomes, expected)
    failed = [n for n, o in outcomes.items() if o["outcome"] == "failed" and not reason_for(n, expected)]
    passed = [n for n, o in outcomes.items() if o["outcome"] == "passed" and reason_for(n, expected)]
    stale = [p for p, _ in expected if is_whole and not any(reason_for(n, [(p, "")]) is not None for n in outcomes)]
    for name in passed:
        print(f"passes, but expected.txt says it fails: {name}")
    for pattern in stale:
        print(f"expected.txt names a test that is not there: {pattern}")
    print(f"{len(failed)} unexpected failures, {len(passed)} unexpected passes, {len(stale)} stale lines")
    return not failed and not passed and not stale


if __name__ == "__main__":
    main()
