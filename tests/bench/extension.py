"""How long the extension takes to be there, by the figures of VS Code's own extension host.

    make bench-extension

A window is opened anew for each start, in the code-server of the tests. "Developer: Startup Performance" says how
long the extension's code took to load, its `activate` to be called, and what that promised to be done; beside it
stands what a person waits for, from the click on the icon until the groups of the workspace are listed. Nothing is
asserted here.
"""

import argparse
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "mlflow")]

from daemon import Daemon  # noqa: E402
from editor import Editor, command  # noqa: E402

NAMES = ("code loaded", "activate called", "activate finished")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=Path, required=True, help="where `lazuli` lies")
    parser.add_argument("--starts", type=int, default=9)
    arguments = parser.parse_args()
    program = next((it for it in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if it), None)
    if program is None:
        sys.exit("there is no Chromium: `apt-get install chromium`")
    folder = Path(tempfile.mkdtemp(prefix="lazuli-bench-"))
    daemon = Daemon(arguments.binaries.resolve(), folder=folder)
    try:
        home = SimpleNamespace(path=daemon.home, environment=daemon.environment)
        editor = Editor(home, program, folder / "project", daemon.program.resolve(), {})
        try:
            # The first one fills the browser's cache and the system's.
            starts = [start(editor) for _ in range(arguments.starts + 1)][1:]
        finally:
            editor.close()
    finally:
        daemon.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{os.cpu_count()} cores, load at the end {os.getloadavg()[0]:.1f}, {len(starts)} starts\n")
    print("| | median | slowest |\n|---|---|---|")
    for number, name in enumerate(NAMES):
        show(f"{name} (ms)", [times[number] for times, _ in starts])
    show("activation: the three together (ms)", [sum(times) for times, _ in starts])
    show("from the click on the icon until the tree is there (ms)", [seen for _, seen in starts])


def start(editor):
    """What the extension host says of one start, and how long a person waited for the tree."""
    page = editor.page()
    icon = page.locator(".activitybar a[aria-label^='Lazuli']")
    icon.wait_for()
    # Whatever else VS Code does at its start is not what is measured.
    page.wait_for_timeout(3000)
    began = time.perf_counter()
    icon.click()
    page.locator(".pane-body .monaco-list").get_by_text("Experiments").wait_for()
    seen = (time.perf_counter() - began) * 1e3
    command(page, "Developer: Startup Performance")
    page.locator(".view-lines").get_by_text("System Info").first.wait_for()
    row, end = None, time.monotonic() + 60
    while row is None:
        # The page is filled part by part.
        page.locator(".monaco-editor .view-lines").first.click()
        page.keyboard.press("Control+a")
        page.keyboard.press("Control+c")
        text = page.evaluate("navigator.clipboard.readText()")
        row = re.search(r"^\|?\s*lazuli\.lazuli\s*\|(.*)$", text, re.MULTILINE)
        assert row or time.monotonic() < end, f"the extension host does not speak of the extension:\n{text}"
    # Whether it was at startup, then the times, then what it was activated by.
    times = [int(field) for field in row[1].split("|")[1:4]]
    page.context.close()
    return times, seen


def show(what, values):
    print(f"| {what} | {statistics.median(values):.0f} | {max(values):.0f} |", flush=True)


if __name__ == "__main__":
    main()
