"""The Python SDK beside Azure's own, and a submitted script beside a plain one.

    make bench-sdk

Nothing is asserted. Azure's SDK is measured where it could be installed; without it, only our own figures are printed.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SDK = CHECKOUT / "sdk" / "python"

NAMES = "Workspace, Experiment, Run, Environment, ScriptRunConfig, Dataset, Model"
SCRIPT = "import time; print(time.time())\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=Path, required=True, help="where `lazuli` lies")
    parser.add_argument("--peer", type=Path, help="a virtual environment with azureml-core in it")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    imports(arguments)
    submissions(arguments)


def imports(arguments):
    """Seconds that `import azureml.core` takes by the interpreter's own account, and bytes on disk."""
    python = str(arguments.peer / "bin" / "python") if arguments.peer else sys.executable
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ours = {**environment, "PYTHONPATH": str(SDK)}
    own = [import_seconds(sys.executable, ours) for _ in range(arguments.rounds)]
    own_size = size_of(SDK / "azureml") + size_of(SDK / "lazuli")
    own_names = [names_seconds(sys.executable, ours) for _ in range(arguments.rounds)]
    print(f"| | import azureml.core | from azureml.core import {NAMES} | on disk |\n|---|---|---|---|")
    print(f"| Lazuli | {statistics.median(own) * 1000:.1f} ms | {statistics.median(own_names) * 1000:.0f} ms | {own_size / 1e6:.2f} MB |")
    peer = [import_seconds(python, environment) for _ in range(arguments.rounds)] if arguments.peer else [None]
    if None in peer:
        print("| azureml-core | not installed | | |")
        return
    peer_names = [names_seconds(python, environment) for _ in range(arguments.rounds)]
    packages = next((arguments.peer / "lib").glob("python3*/site-packages"))
    peer_size = size_of(packages) - sum(size_of(packages / name) for name in ("pip", "setuptools"))
    print(f"| azureml-core | {statistics.median(peer) * 1000:.0f} ms | {statistics.median(peer_names) * 1000:.0f} ms | {peer_size / 1e6:.0f} MB |")
    ratios = [statistics.median(theirs) / statistics.median(own) for theirs, own in ((peer, own), (peer_names, own_names))]
    print(f"| ratio | 1/{ratios[0]:.0f} | 1/{ratios[1]:.0f} | 1/{peer_size / own_size:.0f} |")


def import_seconds(python, environment):
    told = subprocess.run(
        [python, "-W", "ignore", "-X", "importtime", "-c", "import azureml.core"], env=environment, cwd=tempfile.gettempdir(), capture_output=True, text=True, check=False
    )
    found = re.search(r"\|\s*(\d+) \| azureml\.core$", told.stderr, re.MULTILINE)
    return int(found.group(1)) / 1e6 if told.returncode == 0 and found else None


def names_seconds(python, environment):
    """What a notebook's first cell waits for: our names are read when they are first asked for."""
    program = f"import time; start = time.perf_counter(); from azureml.core import {NAMES}; print(time.perf_counter() - start)"
    told = subprocess.run([python, "-W", "ignore", "-c", program], env=environment, cwd=tempfile.gettempdir(), stdout=subprocess.PIPE, text=True, check=True)
    return float(told.stdout)


def size_of(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc")


def submissions(arguments):
    """From `experiment.submit(..)`, or from starting `python script.py`, to the script's first line."""
    folder = Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    os.environ.update(LAZULI_HOME=str(folder / "home"), LAZULI_BIN=str(arguments.binaries.resolve() / "lazuli"))
    sys.path.insert(0, str(SDK))
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace

    try:
        (folder / "code").mkdir()
        (folder / "code" / "script.py").write_text(SCRIPT)
        workspace = Workspace.from_config()
        experiment = Experiment(workspace, "bench")
        packages = Environment("bench")
        packages.python.conda_dependencies.add_pip_package("six")
        kinds = {"this Python as it is": None, "a warm environment with a package": packages}
        figures = {"python script.py": [plain(folder / "code" / "script.py") for _ in range(arguments.rounds)]}
        for title, environment in kinds.items():
            rounds = [submitted(experiment, ScriptRunConfig(str(folder / "code"), "script.py", environment=environment)) for _ in range(arguments.rounds + 1)]
            # The first one makes the environment.
            figures[f"submit, {title}"] = rounds[1:]
    finally:
        subprocess.run([os.environ["LAZULI_BIN"], "stop"], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)
    base = statistics.median(figures["python script.py"])
    print("\n| to the script's first line | median | over plain | worst |\n|---|---|---|---|")
    for title, seconds in figures.items():
        median = statistics.median(seconds)
        print(f"| {title} | {median * 1000:.0f} ms | {(median - base) * 1000:+.0f} ms | {max(seconds) * 1000:.0f} ms |")


def plain(script):
    start = time.time()
    told = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, check=True)
    return float(told.stdout) - start


def submitted(experiment, config):
    start = time.time()
    run = experiment.submit(config)
    run.wait_for_completion()
    log = next(text for name, text in run.get_details_with_logs()["logFiles"].items() if "std_log" in name)
    return float(re.search(r"^(\d+\.\d+)$", log, re.MULTILINE).group(1)) - start


if __name__ == "__main__":
    main()
