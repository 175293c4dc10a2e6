"""Jupyter's servers as the tests see them, with a run in a notebook that waits until it was seen."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import nbformat

from frontend import until

TRAINING = """%%writefile train.py
import math, pathlib, time
from azureml.core import Run

run = Run.get_context()
for epoch in range(40):
    run.log("loss", math.exp(-epoch / 12) + 0.05 * math.sin(epoch))
    run.log("accuracy", 1 - 0.6 * math.exp(-epoch / 9))
    print("epoch", epoch, flush=True)
    if epoch == 12:
        # Until the test has seen the picture of the running run.
        while not pathlib.Path(SEEN).exists():
            time.sleep(0.05)
run.log_confusion_matrix("confusion", {"schema_type": "confusion_matrix", "schema_version": "1.0.0",
    "data": {"class_labels": ["stays", "leaves"], "matrix": [[63, 4], [9, 38]]}})
"""


@contextlib.contextmanager
def serving(home, application, more=()):
    """The server of `jupyterlab` or `notebook`, as (address, folder of its notebooks)."""
    notebooks = home.work / "notebooks"
    notebooks.mkdir()
    private = home.work / "jupyter"
    settings = private / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    environment = dict(
        home.environment,
        IPYTHONDIR=str(private / "ipython"),
        JUPYTER_CONFIG_DIR=str(private / "config"),
        JUPYTER_DATA_DIR=str(private / "data"),
        JUPYTER_RUNTIME_DIR=str(private / "runtime"),
        JUPYTERLAB_SETTINGS_DIR=str(private / "settings"),
        JUPYTERLAB_WORKSPACES_DIR=str(private / "workspaces"),
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    log = (home.work / "jupyter.log").open("w+")
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            application,
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={notebooks}",
            "--IdentityProvider.token=",
            "--ServerApp.allow_root=True",
            "--no-browser",
            "--expose-app-in-browser",
            *more,
        ],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )

    def answers():
        assert server.poll() is None, (home.work / "jupyter.log").read_text()
        try:
            with urllib.request.urlopen(f"{address}/api/status", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    try:
        until(application, answers)
        yield address, notebooks
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
        log.close()


def open_in_lab(page, address, name):
    open_notebook(page, f"{address}/lab/tree/{name}?reset", name)


def open_in_notebook(page, address, name):
    open_notebook(page, f"{address}/notebooks/{name}", name)


def open_notebook(page, address, name):
    """Waits until its kernel is there."""
    page.goto(address)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.wait_for_function(
        """name => {
            const widget = window.jupyterapp?.shell?.currentWidget;
            return widget?.context?.path === name
                && widget.sessionContext?.session?.kernel?.connectionStatus === 'connected';
        }""",
        arg=name,
    )


def run_cell(page, index):
    page.evaluate(
        """async index => {
            window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
            await window.jupyterapp.commands.execute('notebook:run-cell');
        }""",
        index,
    )


def new_notebook(home, notebooks, end=""):
    """Writes a notebook with a run that waits for a file, whose path this is; `end` follows its last line."""
    seen = home.work / "seen"
    cells = [
        TRAINING.replace("SEEN", repr(str(seen))) + end,
        "%submit train.py --experiment churn --name \"forty epochs\"",
        "%rundetails",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "lazuli", "display_name": "Lazuli (Rust)", "language": "rust"}},
    )
    nbformat.write(notebook, notebooks / "live.ipynb")
    return seen


def strangers_of(page, address):
    strangers = []
    own = (address, address.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda request: request.url.startswith(own) or strangers.append(request.url))
    return strangers


def save(page, home, notebooks, status):
    """The saved notebook holds the state, and no secret."""
    text = (notebooks / "live.ipynb").read_text

    def is_saved():
        # The page may know the end before the kernel has put it into the notebook.
        page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        return f'"status": "{status}"' in text()

    until("the saved notebook", is_saved)
    data = nbformat.read(notebooks / "live.ipynb", as_version=4).cells[2].outputs[-1]["data"]
    assert data["application/vnd.lazuli.run+json"]["run"]["status"] == status
    # The picture is for viewers that know nothing of us.
    assert "alt=\"loss" in data["text/html"] and "forty epochs" in data["text/plain"]
    assert (home.path / "token").read_text().strip() not in text()
