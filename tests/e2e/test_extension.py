"""The extension in a real VS Code: inside its extension host, and as people use it."""

import contextlib
import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from conftest import binaries
from editor import Editor, answer, code_server, command, frame_with, open_file, pick
from frontend import processes_of, until

SCREENSHOTS = os.environ.get("LAZULI_TEST_SCREENSHOTS")
#: The component in the run panel, and the one that a notebook shows.
PANEL = "body > lazuli-run-details"
UNDER_A_CELL = ":not(body) > lazuli-run-details"
RUN_MIME = "application/vnd.lazuli.run+json"
LONG = """import time

from azureml.core import Run

run = Run.get_context()
for step in range(100_000):
    run.log('loss', 1 / (step + 1))
    print('step', step, flush=True)
    time.sleep(0.2)
"""
THERE = """import getpass
import os
import time

from azureml.core import Run

run = Run.get_context()
step = 0
while not os.path.exists(os.path.expanduser('~/go')):
    run.log('loss', 1 / (step + 1))
    print('step', step, 'of', getpass.getuser(), flush=True)
    step += 1
    time.sleep(0.2)
os.makedirs('outputs', exist_ok=True)
with open('outputs/whose.txt', 'w') as file:
    file.write('made by ' + getpass.getuser())
"""


@pytest.fixture
def editor(request, home, browser_program):
    if not (code_server() / "node_modules").exists():
        message = "code-server is not installed: `make target/code-server/.installed`"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    home.lazuli("workspace", "list", check=True)
    editor = Editor(home, browser_program, home.work / "project", binaries() / "lazuli", getattr(request, "param", {}))
    yield editor
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        editor.look(SCREENSHOTS, f"end-of-{request.node.name}".replace("/", "-"))
    editor.close()
    assert editor.strangers == [], "nothing but this machine is asked"


def picture(page, name):
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(SCREENSHOTS) / f"{name}.png"))


def grows(page, frame):
    """Waits until the chart has more points than now."""
    points = frame.get_by_text(re.compile(r"^[\d,]+ points$")).first
    points.wait_for()
    before = points.inner_text()
    deadline = time.monotonic() + 60
    while points.inner_text() == before:
        assert time.monotonic() < deadline, "the chart stands still"
        page.wait_for_timeout(100)


def test_in_the_extension_host(editor):
    result = editor.run_tests()
    print("\n".join(result["passed"]))
    print("\n\n".join(f"{failed['name']}\n{failed['error']}" for failed in result["failed"]))
    assert not result["failed"]
    assert len(result["passed"]) >= 40


@pytest.mark.parametrize("editor", [{"LAZULI_TEST_BREAK": "1"}], indirect=True)
def test_a_broken_assertion_fails_the_run(editor):
    result = editor.run_tests()
    assert [failed["name"] for failed in result["failed"]] == ["broken on purpose"]
    assert result["passed"]


def test_a_run_is_submitted_followed_and_canceled(editor, home):
    (editor.folder / "long.py").write_text(LONG)
    page = editor.page()
    page.locator(".activitybar a[aria-label^='Lazuli']").click()
    tree = page.locator(".pane-body .monaco-list")
    tree.get_by_text("Experiments").wait_for()
    open_file(page, editor.folder / "long.py")
    page.get_by_text("Submit to local").first.click()

    panel = frame_with(page, "lazuli-run-details")
    panel.get_by_text("Running").first.wait_for()
    panel.get_by_text("loss").first.wait_for()
    # The log follows in the output panel.
    page.locator(".monaco-workbench .part.panel").get_by_text("step 3").first.wait_for()

    # The explorer shows it without being asked.
    tree.get_by_text("Experiments").click()
    tree.get_by_text("project").first.wait_for()
    picture(page, "vscode-run")

    [run] = [run["run_id"] for run in home.json("run", "list")]

    grows(page, panel)
    panel.get_by_role("button", name="Cancel run").click()
    confirm = panel.get_by_role("button", name="Cancel run")
    panel.get_by_text("Canceled").first.wait_for()
    assert confirm.count() == 0
    assert home.json("run", "show", run)["status"] == "Canceled"


def test_a_click_while_the_explorer_is_refreshed(editor, home):
    """The language server is held, so that the refresh cannot end before the click."""
    page = editor.page()
    page.locator(".activitybar a[aria-label^='Lazuli']").click()
    tree = page.locator(".pane-body .monaco-list")
    tree.get_by_text("Compute", exact=True).click()
    tree.get_by_text("local", exact=True).wait_for()
    [server] = [pid for pid, line in processes_of(home.path).items() if line.endswith(" lsp")]
    os.kill(server, signal.SIGSTOP)
    try:
        page.get_by_role("button", name="Refresh").first.click()
        page.locator(".pane-body .monaco-progress-container.active, .sidebar .monaco-progress-container.active").first.wait_for()
        tree.get_by_text("local", exact=True).click()
    finally:
        os.kill(server, signal.SIGCONT)
    page.get_by_role("tab", name="Compute local").wait_for()
    picture(page, "vscode-click-in-a-refresh")


def test_a_machine_is_attached_used_and_detached(machine, editor, home):
    configuration = Path(editor.environment["HOME"]) / ".ssh/config"
    configuration.parent.mkdir(mode=0o700)
    configuration.write_text(f"Host localhost\n  User {machine.user}\n  Port {machine.port}\n")
    script = editor.folder / "there.py"
    script.write_text(THERE)
    page = editor.page()
    page.locator(".activitybar a[aria-label^='Lazuli']").click()
    tree = page.locator(".pane-body .monaco-list")
    group = tree.locator(".monaco-list-row", has_text="Compute")
    dialog = page.locator(".monaco-dialog-box")

    def row(name):
        return tree.locator(".monaco-list-row", has=page.get_by_text(name, exact=True)).first

    def menu(name, entry):
        row(name).click(button="right")
        # A menu takes no click in the moment in which it opens.
        page.locator(".monaco-menu").get_by_text(entry).hover()
        page.keyboard.press("Enter")

    def attach(button):
        group.hover()
        group.locator("a[aria-label^='Attach Machine']").click()
        pick(page, "Which machine?", "localhost")
        answer(page, "Name of the compute target", "box", given="localhost")
        pick(page, "With which key?", "A file")
        expect(page.locator(".quick-input-title")).to_have_text("The private key")
        # The dialog takes nothing before it has read a folder: that of ssh, then the one that is named.
        page.locator(".quick-input-list").get_by_text("config", exact=True).wait_for()
        page.locator(".quick-input-widget input[type=text]").first.fill(f"{machine.folder}/")
        page.locator(".quick-input-list").get_by_text("key", exact=True).click()
        answer(page, "So many runs run there at once", "1", given="1")
        dialog.get_by_text(machine.fingerprint).wait_for()
        picture(page, "vscode-host-key")
        dialog.get_by_text(button, exact=True).click()

    attach("Cancel")
    group.click()
    row("local").wait_for()
    assert [target["name"] for target in home.json("compute", "list")] == ["local"]
    assert not (machine.home / ".lazuli-remote").exists()
    attach("Accept this key")
    row("box").get_by_text(f" free, connected, {machine.user}@localhost").wait_for()
    # The tree takes the focus, and with it any question that is asked before.
    tree.locator(".monaco-list-row.selected", has_text="box").wait_for()
    picture(page, "vscode-machine")

    open_file(page, script)
    command(page, "Lazuli: Run This File as an Experiment")
    pick(page, "Where to run it", "box")
    answer(page, "Arguments of the script", "", given="")
    answer(page, "Experiment", "far", given="project")
    panel = frame_with(page, PANEL)
    panel.get_by_text("Running").first.wait_for()
    grows(page, panel)
    page.locator(".monaco-workbench .part.panel").get_by_text(f"step 3 of {machine.user}").first.wait_for()
    picture(page, "vscode-machine-run")
    (machine.home / "go").touch()
    panel.get_by_text("Completed").first.wait_for()
    [run] = [run["run_id"] for run in home.json("run", "list")]
    for name in ("Experiments", "far"):
        row(name).click()
    # The row itself would open the run.
    row(run).locator(".monaco-tl-twistie").click()
    row("Outputs and logs").click()
    row("outputs/whose.txt").wait_for()
    row("Experiments").click()

    menu("box", "Open Terminal")
    page.locator(".terminal-wrapper.active .xterm").click()
    page.keyboard.type("id -un > who\n")
    until("the name", lambda: (machine.home / "who").exists() and (machine.home / "who").read_text() == f"{machine.user}\n")
    picture(page, "vscode-machine-terminal")

    machine.go_away()
    until("the cut", lambda: "takes no connections" in home.json("compute", "status", "box")["machine"].get("problem", ""))
    open_file(page, script)
    command(page, "Lazuli: Run This File as an Experiment")
    cut = page.locator(".quick-input-list .monaco-list-row", has_text="box")
    cut.get_by_text("takes no connections").wait_for()
    cut.locator(".codicon-warning").wait_for()
    picture(page, "vscode-machine-cut")
    page.keyboard.press("Escape")
    machine.come_back()
    until("the link", lambda: home.json("compute", "status", "box")["machine"]["link"] == "connected")

    menu("box", "Detach Machine")
    picture(page, "vscode-machine-detach")
    dialog.get_by_text("Detach", exact=True).click()
    row("box").wait_for(state="detached")
    until("what was there to be gone", lambda: not (machine.home / ".lazuli-remote").exists())
    assert [target["name"] for target in home.json("compute", "list")] == ["local"]


def test_a_window_that_is_reloaded_in_mid_run(editor, home):
    (editor.folder / "long.py").write_text(LONG)
    path = editor.folder / "watched.ipynb"
    path.write_text(json.dumps(notebook_of(["%submit long.py\n", "%rundetails"])))
    page = editor.page()
    open_file(page, path)
    page.get_by_text("Lazuli (Python)").first.wait_for()
    command(page, "Notebook: Run All")
    grows(page, frame_with(page, UNDER_A_CELL))
    save(page, path, "Running")
    [run] = [run["run_id"] for run in home.json("run", "list")]

    # One view at a time: two that load at once share an origin here, and VS Code's own parts fail to load, too.
    reload(page)
    below = frame_with(page, UNDER_A_CELL)
    grows(page, below)
    picture(page, "vscode-reloaded-notebook")
    command(page, "View: Close All Editors")
    page.locator(".activitybar a[aria-label^='Lazuli']").click()
    tree = page.locator(".pane-body .monaco-list")
    for name in ("Experiments", "notebook", run):
        tree.get_by_text(name, exact=True).first.click()
    grows(page, frame_with(page, PANEL))

    reload(page)
    panel = frame_with(page, PANEL)
    grows(page, panel)
    picture(page, "vscode-reloaded-panel")
    panel.get_by_role("button", name="Cancel run").click()
    panel.get_by_text("Canceled").first.wait_for()
    assert home.json("run", "show", run)["status"] == "Canceled"


def reload(page):
    with page.expect_navigation():
        command(page, "Developer: Reload Window")
    page.wait_for_selector(".monaco-workbench")


def save(page, path, status):
    """Saves until the file has the run in this status: a tab looks saved while VS Code still writes."""
    deadline = time.monotonic() + 60
    while True:
        command(page, "File: Save")
        page.wait_for_timeout(500)
        text = path.read_text()
        with contextlib.suppress(json.JSONDecodeError):  # half written
            shown = [output.get("data", {}).get(RUN_MIME) for cell in json.loads(text)["cells"] for output in cell["outputs"]]
            if status in [run["run"]["status"] for run in shown if run]:
                return text
        assert time.monotonic() < deadline, text


def notebook_of(*cells):
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "lazuli-python", "display_name": "Lazuli (Python)", "language": "python"}},
        "cells": [{"id": f"c{number}", "cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source} for number, source in enumerate(cells)],
    }


def test_a_notebook_without_the_jupyter_extension(editor):
    notebook = notebook_of(["print(6 * 7)"], ["%submit train.py\n", "%rundetails"])
    (editor.folder / "train.py").write_text("from azureml.core import Run\nrun = Run.get_context()\nfor i in range(5):\n    run.log('accuracy', i / 5)\n")
    path = editor.folder / "lesson.ipynb"
    path.write_text(json.dumps(notebook))
    page = editor.page()
    open_file(page, path)
    page.locator(".notebookOverlay .cell-list-container").wait_for()
    page.get_by_text("Lazuli (Python)").first.wait_for()
    page.locator(".notebook-toolbar-container").get_by_text("Run All").click()
    frame = frame_with(page, "lazuli-run-details")
    frame.get_by_text("42").first.wait_for()
    frame.locator("lazuli-run-details").get_by_text("Completed").first.wait_for()
    picture(page, "vscode-notebook")
    saved = save(page, path, "Completed")
    token = (Path(editor.environment["LAZULI_HOME"]) / "token").read_text().strip()
    assert token not in saved


def test_a_cell_runs_on_an_attached_machine(editor, home, machine):
    words = ["--key", str(machine.key), "--host-key", machine.fingerprint]
    home.lazuli("compute", "attach", "box", f"{machine.user}@127.0.0.1:{machine.port}", *words, check=True)
    page = editor.page()
    page.locator(".activitybar a[aria-label^='Lazuli']").click()
    tree = page.locator(".pane-body .monaco-list")
    tree.get_by_text("Compute", exact=True).first.click()
    tree.get_by_text("box", exact=True).first.click(button="right")
    # A menu takes no click in the moment in which it opens.
    page.locator(".monaco-menu").get_by_text("New Notebook on This Machine").hover()
    page.keyboard.press("Enter")
    page.get_by_text("Lazuli (Python) on box").first.wait_for()
    page.locator(".cell.code .monaco-editor, .code-cell-row .monaco-editor").first.click()
    page.keyboard.type("%log loss=0.25\nimport getpass; print('run by ' + getpass.getuser())")
    command(page, "Notebook: Run All")
    # The Python is made there first, and the cell says so meanwhile.
    frame = frame_with(page, f"text=run by {machine.user}")
    picture(page, "vscode-machine-notebook")
    assert frame.get_by_text("box: no Python there has ipykernel").count() >= 1
    [run] = home.json("run", "list")
    assert [(metric["name"], metric["last"]["value"]) for metric in run["metrics"]] == [("loss", 0.25)], run
