"""Studio as the tests see it: a daemon, a browser that is signed in, and what is to be looked at."""

import json
import time
import urllib.parse
import urllib.request

from playwright.sync_api import sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Studio:
    """One browser for a home. Whatever it asked of another place, and whatever went wrong in a page,
    is remembered: see `check`."""

    def __init__(self, home, program):
        self.home = home
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(executable_path=program, args=FLAGS)
        home.lazuli("workspace", "list", check=True)
        self.url = json.loads((home.path / "daemon.json").read_text())["url"]
        self.token = (home.path / "token").read_text().strip()
        self.strangers = []
        #: What a page's policy kept from leaving the browser, which tells of some such requests and not of others.
        self.stopped = []
        self.problems = []
        self.context = self.new_context()
        page = self.context.new_page()
        page.goto(self.code())
        page.get_by_role("navigation", name="Pages").wait_for()
        page.close()

    def new_context(self, **options):
        context = self.browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        context.set_default_timeout(30_000)
        own = (self.url, "data:", "blob:", "about:")
        context.on("request", lambda it: it.url.startswith(own) or self.strangers.append(it.url))
        context.on("requestfailed", lambda it: it.failure == "csp" and self.stopped.append(it.url))
        context.on("console", lambda it: it.type == "error" and self.problems.append(it.text))
        context.on("weberror", lambda it: self.problems.append(str(it.error)))
        return context

    def code(self):
        done = self.home.lazuli("studio", "--print")
        assert done.returncode == 0, done
        return done.stdout.strip()

    def address(self, page="", workspace="default"):
        return f"{self.url}/studio/workspaces/{workspace}/{page}"

    def open(self, page=""):
        tab = self.context.new_page()
        tab.goto(self.address(page))
        return tab

    def api(self, method, path, body=None, raw=None):
        data = raw if raw is not None else (None if body is None else json.dumps(body).encode())
        request = urllib.request.Request(f"{self.url}/api{path}", data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read()
        return json.loads(text) if text[:1] in b"{[" else text

    def run(self, experiment="churn", **fields):
        return self.api("POST", "/workspaces/default/runs", {"experiment": experiment, **fields})

    def log(self, run_id, name, points, kind="scalar", last=True):
        """As an SDK does: lines appended to the spool; committed when this returns."""
        lines = [
            json.dumps(
                {"record": "metric", "name": name, "kind": kind, "time_ms": int(time.time() * 1000), "value": value, **step}
            )
            for step, value in points
        ]
        with open(self.home.path / "spool" / f"{run_id}.jsonl", "a") as spool:
            spool.write("".join(f"{line}\n" for line in lines))
        if last:
            self.api("POST", f"/runs/{run_id}/flush")

    def keep(self, run_id, path, content):
        quoted = urllib.parse.quote(path)
        content = content if isinstance(content, bytes) else content.encode()
        return self.api("PUT", f"/runs/{run_id}/artifacts/{quoted}", raw=content)

    def close_pages(self):
        """What a failed test left open would keep a connection each."""
        for page in self.context.pages:
            page.close()

    def check(self):
        """Nobody else was asked, and no page complained."""
        found = (list(self.strangers), list(self.problems))
        # The next test answers for what happens in it.
        self.strangers.clear()
        self.problems.clear()
        assert found == ([], []), found

    def close(self):
        self.browser.close()
        self.playwright.stop()


def picture(card):
    """What the chart of a card looks like, to be compared."""
    return card.locator("canvas").evaluate("canvas => canvas.toDataURL()")
