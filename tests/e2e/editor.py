"""VS Code as the tests see it: code-server with the extension in it, driven in a browser."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from playwright.sync_api import TimeoutError as Late
from playwright.sync_api import expect, sync_playwright

CHECKOUT = Path(__file__).resolve().parents[2]
EXTENSION = CHECKOUT / "extension"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
SETTINGS = {
    "security.workspace.trust.enabled": False,
    "workbench.startupEditor": "none",
    "telemetry.telemetryLevel": "off",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "workbench.tips.enabled": False,
    "git.enabled": False,
    "chat.commandCenter.enabled": False,
    "chat.disableAIFeatures": True,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "window.commandCenter": False,
}


def code_server():
    """The folder that `tests/e2e/install_code_server.sh` filled."""
    return Path(os.environ.get("LAZULI_TEST_CODE_SERVER", CHECKOUT / "target" / "code-server"))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Editor:
    """One server with a folder open, and a browser."""

    def __init__(self, home, program, folder, lazuli, more):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        user = home.path.parent / "editor"
        (user / "User").mkdir(parents=True)
        (user / "User" / "settings.json").write_text(json.dumps({**SETTINGS, "lazuli.python": sys.executable}))
        (user / "code-server.yaml").write_text("")
        node = shutil.which("node")
        entry = code_server() / "node_modules/code-server/out/node/entry.js"
        self.environment = dict(
            home.environment,
            HOME=str(user / "home"),
            # Crates that are compiled for cells stay compiled.
            XDG_CACHE_HOME=os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
            XDG_CONFIG_HOME=str(user / "config"),
            XDG_DATA_HOME=str(user / "data"),
            CODE_SERVER_CONFIG=str(user / "code-server.yaml"),
            LAZULI_BIN=str(lazuli),
            LAZULI_TEST_RESULT=str(user / "result.json"),
            # Nothing is looked for in a gallery.
            EXTENSIONS_GALLERY="{}",
            **more,
        )
        self.environment.pop("PORT", None)
        for name in ("CARGO_HOME", "RUSTUP_HOME"):
            self.environment.setdefault(name, str(Path.home() / ("." + name.split("_")[0].lower())))
        (user / "home").mkdir()
        # VS Code asks a login shell for its environment.
        for name in (".profile", ".bashrc"):
            (user / "home" / name).write_text(f"export PATH={shlex.quote(os.environ['PATH'])}\n")
        self.result = user / "result.json"
        common = ["--user-data-dir", str(user), "--extensions-dir", str(user / "extensions")]
        vsix = EXTENSION / "dist" / "lazuli.vsix"
        subprocess.run([node, str(entry), *common, "--install-extension", str(vsix)], env=self.environment, check=True, capture_output=True)
        self.port = free_port()
        self.log = open(user / "server.log", "wb")
        self.server = subprocess.Popen(
            [node, str(entry), *common, "--auth", "none", "--bind-addr", f"127.0.0.1:{self.port}", "--disable-telemetry", "--disable-update-check",
             "--disable-workspace-trust", "--disable-getting-started-override",
             *os.environ.get("LAZULI_TEST_CODE_SERVER_OPTIONS", "").split(), str(self.folder)],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self.url = f"http://127.0.0.1:{self.port}"
        self._wait()
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(executable_path=program, args=FLAGS)
        self.strangers = []

    def _wait(self):
        end = time.monotonic() + 90
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < end, "code-server does not answer"
                assert self.server.poll() is None, "code-server has ended"
                time.sleep(0.1)

    def page(self, payload=None, dark=False):
        context = self.browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark" if dark else "light")
        context.set_default_timeout(60_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.on("request", self._note)
        page = context.new_page()
        if payload is None:
            self.open(page)
        return page

    def _note(self, request):
        place = urllib.parse.urlsplit(request.url)
        # What a web view loads has a name of its own, and VS Code's service worker answers it.
        is_resource = (place.hostname or "").endswith(".vscode-resource.vscode-cdn.net")
        if place.scheme in ("http", "https", "ws", "wss") and place.hostname not in ("127.0.0.1", "localhost") and not is_resource:
            self.strangers.append(request.url)

    def open(self, page, payload=()):
        asked = {"folder": str(self.folder)}
        if payload:
            asked["payload"] = json.dumps(list(payload))
        page.goto(f"{self.url}/?{urllib.parse.urlencode(asked)}")
        if not payload:
            page.wait_for_selector(".monaco-workbench")

    def run_tests(self, limit=600):
        """Mocha inside the extension host; what it counted."""
        page = self.page(payload=True)
        said, ended = [], []
        page.expose_function("codeAutomationLog", lambda kind, arguments: said.append((kind, arguments)))
        page.expose_function("codeAutomationExit", lambda code: ended.append(code))
        place = f"vscode-remote://127.0.0.1:{self.port}"
        self.open(page, [["extensionDevelopmentPath", place + str(EXTENSION)], ["extensionTestsPath", f"{place}{EXTENSION}/dist/tests/index.js"], ["skipWelcome", "true"]])
        end = time.monotonic() + limit
        while not ended and time.monotonic() < end:
            page.wait_for_timeout(100)
        assert ended, f"the tests did not end within {limit} s: {said[-5:]}"
        assert self.result.exists(), f"no test ran: {said[-5:]}"
        page.close()
        return json.loads(self.result.read_text())

    def look(self, folder, name):
        """A picture of each page, for who wants to know why a test failed."""
        for context in self.browser.contexts:
            for number, page in enumerate(context.pages):
                page.screenshot(path=str(Path(folder) / f"{name}-{number}.png"))

    def close(self):
        self.browser.close()
        self.playwright.stop()
        os.killpg(self.server.pid, signal.SIGTERM)
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.server.pid, signal.SIGKILL)
        self.log.close()


def command(page, name):
    """Through the palette, as people call it."""
    page.keyboard.press("F1")
    box = page.locator(".quick-input-widget input[type=text]").first
    box.wait_for()
    box.fill(f">{name}")
    page.locator(".quick-input-list .monaco-list-row").filter(has_text=name).first.click()


def pick(page, question, text):
    """An entry of the list that is open."""
    expect(page.locator(".quick-input-title")).to_have_text(question)
    page.locator(".quick-input-list .monaco-list-row").filter(has_text=text).first.click()


def answer(page, question, text, given=None):
    """Types into what is open; `given` is what stands there before."""
    expect(page.locator(".quick-input-title")).to_have_text(question)
    box = page.locator(".quick-input-widget input[type=text]").first
    if given is not None:
        expect(box).to_have_value(given)
    box.fill(text)
    page.keyboard.press("Enter")


def open_file(page, path):
    """By its whole path: a name alone is searched by ripgrep, which is not installed here."""
    name = Path(path).name
    page.keyboard.press("Control+p")
    box = page.locator(".quick-input-widget input[type=text]").first
    box.wait_for()
    box.fill(str(path))
    page.locator(".quick-input-list .monaco-list-row").filter(has_text=name).first.click()


def frame_with(page, selector, limit=60):
    """The web view in which something stands; VS Code nests frames."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        for frame in page.frames:
            try:
                if frame.locator(selector).count():
                    return frame
            except Exception:  # noqa: BLE001 - a frame that is going away is none
                continue
        page.wait_for_timeout(150)
    raise Late(f"no frame with {selector}")
