"""JupyterLab in headless Chromium: RunDetails changes while the run goes on."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import sync_playwright

from conftest import CHECKOUT
from frontend import until

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
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


@pytest.fixture
def screenshots():
    folder = Path(os.environ.get("LAZULI_TEST_SCREENSHOTS", CHECKOUT / "target" / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def jupyterlab(home):
    """A JupyterLab of its own, as (address, folder of its notebooks)."""
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
    log = (home.work / "jupyterlab.log").open("w+")
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "jupyterlab",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={notebooks}",
            "--IdentityProvider.token=",
            "--ServerApp.allow_root=True",
            "--no-browser",
            "--expose-app-in-browser",
        ],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )

    def answers():
        assert server.poll() is None, (home.work / "jupyterlab.log").read_text()
        try:
            with urllib.request.urlopen(f"{address}/api/status", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    try:
        until("JupyterLab", answers)
        yield address, notebooks
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
        log.close()


@pytest.fixture
def page(browser_program, screenshots):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        page.set_default_timeout(60_000)
        yield page
        # What a person would have seen, whatever the test thought of it.
        page.screenshot(path=screenshots / "last.png")
        browser.close()


def open_notebook(page, address, name):
    page.goto(f"{address}/lab/tree/{name}?reset")
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


def test_run_details_changes_while_the_run_goes_on(home, jupyterlab, page, screenshots):
    address, notebooks = jupyterlab
    seen = home.work / "seen"
    cells = [
        TRAINING.replace("SEEN", repr(str(seen))),
        "%submit train.py --experiment churn --name \"forty epochs\"",
        "%rundetails",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "lazuli", "display_name": "Lazuli (Rust)", "language": "rust"}},
    )
    nbformat.write(notebook, notebooks / "live.ipynb")

    strangers = []
    own = (address, address.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda request: request.url.startswith(own) or strangers.append(request.url))
    open_notebook(page, address, "live.ipynb")
    run_cell(page, 0)
    run_cell(page, 1)
    run_cell(page, 2)
    output = page.locator(".jp-OutputArea-output").last

    # While it runs: the status, and a chart that has grown to the point where the script waits.
    output.get_by_text("Running").first.wait_for()
    output.get_by_text("epoch 12").first.wait_for()
    chart = output.locator("img[alt^='loss']")
    chart.wait_for()
    first = chart.get_attribute("src")
    output.scroll_into_view_if_needed()
    page.screenshot(path=screenshots / "run-details-running.png")

    seen.write_text("")
    output.get_by_text("Completed").first.wait_for()
    output.get_by_text("epoch 39").first.wait_for()
    assert chart.get_attribute("src") != first
    # The chart was really drawn, not only named.
    assert chart.evaluate("image => image.complete && image.naturalWidth") == 300
    assert output.get_by_text("leaves").first.is_visible()
    output.scroll_into_view_if_needed()
    page.screenshot(path=screenshots / "run-details-completed.png")

    # Saved and opened again, with nobody to ask, the picture is still there.
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    until("the saved notebook", lambda: "Completed" in (notebooks / "live.ipynb").read_text())
    saved = nbformat.read(notebooks / "live.ipynb", as_version=4)
    data = saved.cells[2].outputs[-1]["data"]
    assert data["application/vnd.lazuli.run+json"]["run"]["status"] == "Completed"
    token = (home.path / "token").read_text().strip()
    assert token not in (notebooks / "live.ipynb").read_text()
    open_notebook(page, address, "live.ipynb")
    page.locator(".jp-OutputArea-output img[alt^='loss']").wait_for()
    assert strangers == []
