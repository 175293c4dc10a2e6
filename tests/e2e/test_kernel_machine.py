"""Python cells on an attached machine: a kernel here, its Python under another user behind a real sshd."""

import json
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from frontend import Frontend, until


@pytest.fixture
def attached(home, machine, monkeypatch, tmp_path):
    """The kernel "Lazuli (Python) on box", installed as a person would."""
    address = f"{machine.user}@127.0.0.1:{machine.port}"
    words = ["--key", str(machine.key), "--host-key", machine.fingerprint]
    done = home.lazuli("compute", "attach", "box", address, *words)
    assert done.returncode == 0, done
    done = home.lazuli("kernel", "install", "--on", "box", "--prefix", str(tmp_path / "jupyter"))
    assert done.returncode == 0, done
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter/share/jupyter"))
    spec = KernelSpecManager().get_kernel_spec("lazuli-python-on-box")
    assert (spec.display_name, spec.language) == ("Lazuli (Python) on box", "python")
    return machine


@pytest.fixture
def notebook(home, attached):
    frontend = Frontend(home.environment, home.work, "lazuli-python-on-box")
    yield frontend
    frontend.close()


def kernels_there(machine):
    return [path.name for folder in (machine.home / ".lazuli-remote").glob("*/kernels") for path in folder.iterdir()]


def test_cells_run_there_and_the_workspace_is_at_hand(home, attached, notebook):
    # The machine has no ipykernel: its Python is made there, and the cell that waits says so.
    first = notebook.ok("import getpass, os, socket\nprint(getpass.getuser(), os.getcwd())")
    assert first.stdout == f"{attached.user} {attached.home}\n"
    assert "box: no Python there has ipykernel" in first.stderr
    # A magic is performed here, and the SDK there sees what is active.
    notebook.ok("%experiment use there")
    notebook.ok("%log loss=0.5")
    told = notebook.ok("from azureml.core import Run\nrun = Run.get_context()\nrun.log('accuracy', 0.9)\nprint(run.id)")
    run_id = told.stdout.strip()
    logged = home.json("run", "metrics", run_id)
    assert {"loss", "accuracy"} <= set(json.dumps(logged).replace('"', " ").split()), logged
    # RunDetails is drawn by the kernel on this side.
    shown = notebook.ok("from azureml.widgets import RunDetails\nRunDetails(run).show()")
    assert any("application/vnd.lazuli.run+json" in data for data in shown.displays), shown.says()
    # Rows of a query come across, without a file that both sides see.
    (home.work / "table.csv").write_text("a,b\n1,x\n2,y\n")
    notebook.ok("%dataset register table table.csv")
    notebook.ok("%%sql -o rows\nselect a, b from table")
    assert notebook.ok("print([row['a'] for row in rows] if isinstance(rows, list) else list(rows['a']))").stdout == "[1, 2]\n"
    # Errors, questions and interrupts are those of any notebook.
    failed = notebook.run("1 / 0")
    assert failed.reply["ename"] == "ZeroDivisionError"
    request = notebook.start("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    notebook.wait_for_output(request, "begun")
    notebook.interrupt()
    assert notebook.finish(request).reply["ename"] == "KeyboardInterrupt"
    # A submitted cell runs where it is told to, from a notebook that is itself elsewhere.
    notebook.ok("%%submit --compute box --wait\nimport getpass\nprint('submitted as', getpass.getuser())")
    [newest, *_] = home.json("run", "list", "--experiment", "there")
    assert newest["status"] == "Completed", newest
    assert f"submitted as {attached.user}" in home.lazuli("run", "logs", newest["run_id"]).stdout


def test_nothing_of_a_kernel_stays_there(home, attached):
    notebook = Frontend(home.environment, home.work, "lazuli-python-on-box")
    pid = int(notebook.ok("import os\nprint(os.getpid())").stdout)
    assert len(kernels_there(attached)) == 2
    notebook.close()
    until("the Python's end", lambda: not kernels_there(attached) and not Path(f"/proc/{pid}").exists())

    # A link that is cut ends the Python, too: here a cell says so, and the next one starts anew.
    notebook = Frontend(home.environment, home.work, "lazuli-python-on-box")
    pid = int(notebook.ok("import os\nprint(os.getpid())").stdout)
    request = notebook.start("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    notebook.wait_for_output(request, "begun")
    attached.go_away()
    cut = notebook.finish(request)
    assert cut.reply["ename"] == "PythonEnded", cut.says()
    away = notebook.run("1")
    assert away.status == "error" and "box" in away.says() and "lazuli compute status box" in away.says(), away.says()
    until("the Python's end", lambda: not Path(f"/proc/{pid}").exists())
    attached.come_back()
    until("the link", lambda: home.json("compute", "status", "box")["machine"]["link"] == "connected")
    assert notebook.ok("6 * 7").result["text/plain"] == "42"
    notebook.close()
    until("the folders' end", lambda: not kernels_there(attached))


def test_what_cannot_be(home, attached):
    for words, said in (
        (["run", "--on", "box", "--connection-file", "none"], "hint: say `--language python`"),
        (["install", "--on", "local"], "compute target `local` is on this machine"),
        (["install", "--on", "nobody"], "nobody"),
    ):
        done = home.lazuli("kernel", *words)
        assert done.returncode == 1 and said in done.stderr, done
