"""Runs public notebooks of Azure ML SDK v1 as they are, each in a home of its own, and compares what the
daemon knows afterwards with the results that are known for them.

    tests/sdk_v1/notebooks.py --binaries target/debug --python PYTHON \\
        mslearn-dp100=CHECKOUT DP100=CHECKOUT MachineLearningNotebooks=CHECKOUT

PYTHON has ipykernel, nbclient, numpy<1.24, pandas<2, scikit-learn<1.3, matplotlib, pyarrow and mlflow:
the notebooks were written for those, and scripts in user-managed environments run in it. A checkout that is
not given is skipped, loudly. Nothing of a checkout is changed or kept.

The metrics are those of OpenBLAS's kernel for AVX-512. An old OpenBLAS, as SciPy for Python 3.8 brings it,
does not know newer processors, and then the AUC differs in the fourth digit: `OPENBLAS_CORETYPE=SkylakeX`.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "sdk" / "python"))

from lazuli.client import Client  # noqa: E402
from lazuli.config import Config  # noqa: E402


class Expected:
    """What the daemon has to know after a notebook."""

    def __init__(self, repository, path, runs=None, models=(), datasets=(), prepare=None, tolerance=1e-6):
        self.repository = repository
        self.path = path
        #: (experiment, metrics of each run in the order in which they were started)
        self.runs = runs or {}
        #: (name, version, tags, metrics that are properties)
        self.models = models
        self.datasets = datasets
        self.prepare = prepare
        self.tolerance = tolerance


ONE_FILE = {"Regularization Rate": 0.01, "Accuracy": 0.774, "AUC": 0.848281}
ONE_FILE_01 = {"Regularization Rate": 0.1, "Accuracy": 0.774, "AUC": 0.848326}
TWO_FILES_01 = {"Regularization Rate": 0.1, "Accuracy": 0.789111, "AUC": 0.856855}


def with_aml_data(python, environment, work):
    """The lab has its reader register a datastore `aml_data` in Azure's portal."""
    program = "from azureml.core import Datastore, Workspace; Datastore.register_folder(Workspace.from_config(), 'aml_data', 'aml-data', create_if_not_exists=True)"
    subprocess.run([python, "-c", program], env=environment, cwd=work, check=True)


NOTEBOOKS = [
    Expected("mslearn-dp100", "01 - Get Started with Notebooks.ipynb"),
    Expected(
        "mslearn-dp100",
        "04 - Run Experiments.ipynb",
        runs={
            "mslearn-diabetes": [{"observations": 10000}, {"observations": 10000, "Label:0": 6656, "Label:1": 3344}],
            "mslearn-diabetes-mlflow": [{"observations": 10000}, {"observations": 10000}],
        },
    ),
    Expected(
        "mslearn-dp100",
        "05 - Train Models.ipynb",
        runs={"mslearn-train-diabetes": [ONE_FILE, ONE_FILE_01]},
        models=[
            ("diabetes_model", 1, {"Training context": "Script"}, ONE_FILE),
            ("diabetes_model", 2, {"Training context": "Parameterized script"}, ONE_FILE_01),
        ],
    ),
    Expected(
        "mslearn-dp100",
        "06 - Work with Data.ipynb",
        runs={"mslearn-train-diabetes": [TWO_FILES_01, TWO_FILES_01]},
        models=[
            ("diabetes_model", 1, {"Training context": "Tabular dataset"}, TWO_FILES_01),
            ("diabetes_model", 2, {"Training context": "File dataset"}, TWO_FILES_01),
        ],
        datasets=["diabetes dataset", "diabetes file dataset"],
    ),
    Expected(
        "DP100",
        "03B - Training Models.ipynb",
        runs={"diabetes-training": [ONE_FILE, ONE_FILE_01]},
        models=[
            ("diabetes_model", 1, {"Training context": "Estimator"}, ONE_FILE),
            ("diabetes_model", 2, {"Training context": "Parameterized SKLearn Estimator"}, ONE_FILE_01),
        ],
    ),
    Expected(
        "DP100",
        "04A - Working with Datastores.ipynb",
        # The script reads the files in the folder's own order, which no API promises.
        runs={"diabetes-training": [{"Regularization Rate": 0.1}]},
        models=[("diabetes_model", 1, {"Training context": "Using Datastore"}, {})],
        prepare=with_aml_data,
    ),
    Expected(
        "MachineLearningNotebooks",
        "how-to-use-azureml/training/train-on-local/train-on-local.ipynb",
        runs={"train-on-local": [{"mse": 20}, {"mse": 20}]},
        models=[("best_ridge_model", 1, {}, {})],
    ),
]

FINAL = ("Completed", "Failed", "Canceled")
COMMITS = {"DP100": "b32bd65"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=Path, required=True, help="where `lazuli` lies")
    parser.add_argument("--python", default=sys.executable, help="the Python of the notebooks' kernel")
    parser.add_argument("--only", help="a part of a notebook's name")
    parser.add_argument("--any", action="append", default=[], metavar="REPOSITORY:PATH", help="a further notebook, of which only is asked that its runs complete")
    parser.add_argument("--keep", type=Path, help="a folder for the executed notebooks")
    parser.add_argument("checkouts", nargs="*", metavar="REPOSITORY=PATH")
    arguments = parser.parse_args()
    checkouts = dict(entry.split("=", 1) for entry in arguments.checkouts)
    chosen = [*NOTEBOOKS] if not arguments.any else []
    chosen += [Expected(*entry.split(":", 1)) for entry in arguments.any]
    failures = []
    for expected in chosen:
        if arguments.only and arguments.only not in expected.path:
            continue
        checkout = checkouts.get(expected.repository)
        if checkout is None:
            print(f"SKIPPED: {expected.repository}/{expected.path}: no checkout was given", flush=True)
            continue
        start = time.monotonic()
        problems = run(expected, Path(checkout), arguments)
        print(f"{'FAILED' if problems else 'passed'} in {time.monotonic() - start:.0f} s: {expected.repository}/{expected.path}", flush=True)
        for problem in problems:
            print(f"    {problem}", flush=True)
        failures += problems
    sys.exit(1 if failures else 0)


def run(expected, checkout, arguments):
    folder = Path(tempfile.mkdtemp(prefix="lazuli-sdk-v1-"))
    lazuli = str(arguments.binaries.resolve() / "lazuli")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("LAZULI_", "AZUREML_", "MLFLOW_", "PYTHONPATH"))
    }
    environment.update(LAZULI_HOME=str(folder / "home"), LAZULI_BIN=lazuli, JUPYTER_PATH=str(folder / "jupyter"), PYTHONDONTWRITEBYTECODE="1")
    environment["PATH"] = os.pathsep.join([str(folder / "bin"), str(Path(arguments.python).parent), str(arguments.binaries.resolve()), environment["PATH"]])
    work = folder / "work"
    try:
        copy_of(checkout, expected, work)
        kernel(folder, arguments)
        hide_docker_without_engine(folder)
        # As in the kernel "Lazuli (Python)": `!pip install azureml-sdk` puts nothing beside Lazuli's own package.
        sdk = CHECKOUT / "sdk" / "python"
        guard = sdk / "lazuli" / "notebook" / "pip_guard"
        environment.update(PYTHONPATH=os.pathsep.join([str(sdk), str(guard)]), UV_OVERRIDE=str(guard / "uv_overrides.txt"))
        if expected.prepare is not None:
            expected.prepare(arguments.python, environment, work)
        notebook = work / expected.path
        problems = execute(notebook, environment, arguments)
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(notebook, arguments.keep / notebook.name)
        return problems + check(expected, environment)
    finally:
        subprocess.run([lazuli, "stop"], env=environment, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def copy_of(checkout, expected, work):
    """The notebook's folder, of the commit that is known, without history; a bare repository serves, too."""
    work.mkdir()
    git = subprocess.run(["git", "-C", str(checkout), "rev-parse", "--is-inside-work-tree", "--is-bare-repository"], capture_output=True, text=True, check=False)
    if "true" in git.stdout:
        commit = COMMITS.get(expected.repository, "HEAD")
        folder = Path(expected.path).parent.as_posix()
        archive = subprocess.run(["git", "-C", str(checkout), "archive", commit, folder], stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "x", "-C", str(work)], input=archive.stdout, check=True)
    else:
        shutil.copytree(checkout, work, dirs_exist_ok=True)


def kernel(folder, arguments):
    """The kernels that the notebooks name, as a plain ipykernel; `lazuli kernel install` has them, too."""
    for name in ("python3-azureml", "python38-azureml", "python3"):
        place = folder / "jupyter" / "kernels" / name
        place.mkdir(parents=True)
        command = [arguments.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (place / "kernel.json").write_text(json.dumps({"argv": command, "display_name": name, "language": "python"}))


def hide_docker_without_engine(folder):
    """Notebooks ask whether `docker` is installed, and take it for granted that its engine then runs."""
    if shutil.which("docker") is None or subprocess.run(["docker", "system", "info"], capture_output=True, check=False).returncode == 0:
        return
    program = folder / "bin" / "docker"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'docker: no engine runs on this machine' >&2\nexit 127\n")
    program.chmod(0o755)


_EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
path = sys.argv[1]
notebook = nbformat.read(path, as_version=4)
client = NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": sys.argv[2]}})
try:
    client.execute()
finally:
    nbformat.write(notebook, path)
"""


def execute(notebook, environment, arguments):
    """What stopped it, when something did."""
    done = subprocess.run(
        [arguments.python, "-c", _EXECUTE, str(notebook), str(notebook.parent)], env=environment, capture_output=True, text=True, check=False
    )
    return [] if done.returncode == 0 else [f"the notebook stopped: {done.stderr.strip()[-3000:]}"]


def check(expected, environment):
    """Where the daemon knows something else than it should."""
    problems = []

    # A notebook's config.json is not in its repository: the default workspace serves.
    client = Client(Config(environment))
    # A notebook need not wait for what it submitted.
    deadline = time.monotonic() + 600
    while not all(run["status"] in FINAL for run in client.runs("default")) and time.monotonic() < deadline:
        time.sleep(0.2)
    runs = sorted(client.runs("default"), key=lambda run: run["created_at_ms"])
    for run in runs:
        if run["status"] != "Completed":
            problems.append(f"run {run['run_id']} is {run['status']}: {(run.get('error') or {}).get('message')}")
    for experiment, wanted in expected.runs.items():
        found = [run for run in runs if run["experiment"] == experiment]
        if len(found) != len(wanted):
            problems.append(f"experiment {experiment} has {len(found)} runs, not {len(wanted)}")
        for run, metrics in zip(found, wanted):
            known = {metric["name"]: metric for metric in run["metrics"]}
            for name, value in metrics.items():
                if name not in known:
                    problems.append(f"run {run['run_id']} has no metric {name}, but {', '.join(known)}")
                elif name == "mse":
                    if known[name]["count"] != value:
                        problems.append(f"run {run['run_id']} logged {name} {known[name]['count']} times, not {value}")
                elif not math.isclose(known[name]["last"]["value"], value, abs_tol=expected.tolerance):
                    problems.append(f"run {run['run_id']}: {name} is {known[name]['last']['value']}, not {value}")
    models = {(model["name"], model["version"]): model for model in client.models("default")}
    for name, version, tags, metrics in expected.models:
        model = models.get((name, version))
        if model is None:
            problems.append(f"there is no model {name}:{version}, but {[*models]}")
            continue
        if model["tags"] != tags:
            problems.append(f"model {name}:{version} has the tags {model['tags']}, not {tags}")
        for metric in ("AUC", "Accuracy"):
            if metric in metrics and not math.isclose(float(model["properties"].get(metric, "nan")), metrics[metric], abs_tol=expected.tolerance):
                problems.append(f"model {name}:{version} has {metric} {model['properties'].get(metric)}, not {metrics[metric]}")
    if expected.datasets:
        found = {dataset["name"] for dataset in client.datasets("default")}
        if not set(expected.datasets) <= found:
            problems.append(f"there are the datasets {sorted(found)}, not {expected.datasets}")
    return problems


if __name__ == "__main__":
    main()
