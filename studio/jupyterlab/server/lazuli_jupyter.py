"""Lets the pages of Jupyter reach Lazuli's daemon, by way of Jupyter's own server.

`/lazuli/api/...` of this server is `/api/...` of the daemon. Who may use Jupyter may use Lazuli: it runs
code as the same user. The token is read here, from a file that only that user can read, and reaches no
page. The daemon is started when it is wanted. Nothing else is passed through: no cookie in, none out.
"""

import asyncio
import json
import os
import subprocess
from pathlib import Path

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import httpclient, web

VERSION = "0.1.0"
SETTINGS = Path(__file__).with_name("lazuli_jupyter.json")
#: What goes to the daemon, and what comes back. A file of a run stays an attachment in a sandbox.
ASKED = ("Accept", "Content-Type", "Last-Event-ID", "Range")
ANSWERED = (
    "Accept-Ranges",
    "Cache-Control",
    "Content-Disposition",
    "Content-Range",
    "Content-Security-Policy",
    "Content-Type",
    "ETag",
    "X-Content-Type-Options",
    "X-Lazuli-Size",
)


def home():
    return Path(os.environ.get("LAZULI_HOME") or Path.home() / ".lazuli")


def program():
    """The `lazuli` that installed this."""
    return json.loads(SETTINGS.read_text())["lazuli"]


def daemon():
    """Address and token, as the daemon of this home wrote them."""
    url = json.loads((home() / "daemon.json").read_text())["url"]
    return url, (home() / "token").read_text().strip()


class Proxy(JupyterHandler):
    """One request to the daemon, its answer passed on as it comes."""

    async def prepare(self):
        await super().prepare()
        self.asks = None

    @web.authenticated
    async def get(self, path):
        await self.forward(path)

    @web.authenticated
    async def post(self, path):
        await self.forward(path)

    @web.authenticated
    async def patch(self, path):
        await self.forward(path)

    @web.authenticated
    async def delete(self, path):
        await self.forward(path)

    async def forward(self, path):
        # As it was sent: what is percent-encoded once must not be read twice.
        sent = self.request.uri.split("/lazuli/api/", 1)[-1]
        if path.startswith("studio/") or path == "shutdown":
            raise web.HTTPError(404)
        try:
            await self.ask(sent)
        except (OSError, KeyError, ValueError):
            # No daemon, or one that has just ended: start it, as every other client does.
            if not self._headers_written:
                try:
                    await asyncio.get_running_loop().run_in_executor(None, start)
                    await self.ask(sent)
                    return
                except (OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
                    self.refuse(503, f"Lazuli's daemon does not answer: {error}")

    async def ask(self, sent):
        url, token = daemon()
        headers = {name: self.request.headers[name] for name in ASKED if name in self.request.headers}
        headers["Authorization"] = f"Bearer {token}"
        has_body = self.request.method in ("POST", "PATCH", "PUT")
        request = httpclient.HTTPRequest(
            f"{url}/api/{sent}",
            method=self.request.method,
            headers=headers,
            body=self.request.body if has_body else None,
            follow_redirects=False,
            connect_timeout=5,
            # An event stream lasts as long as somebody listens.
            request_timeout=0,
            header_callback=self.header,
            streaming_callback=self.piece,
            decompress_response=False,
        )
        self.begun = False
        client = httpclient.AsyncHTTPClient(force_instance=True, max_body_size=1 << 40)
        self.asks = client
        try:
            answer = await client.fetch(request, raise_error=False)
            if answer.code == 599:
                raise OSError(str(answer.error))
            if not self._finished:
                self.begin(answer.code)
                await self.finish()
        finally:
            client.close()

    def begin(self, code):
        if not self.begun:
            self.begun = True
            self.set_status(code)

    def header(self, line):
        line = line.strip()
        if line.startswith("HTTP/"):
            self.begin(int(line.split(" ")[1]))
            self.clear_header("Content-Type")
        elif ":" in line:
            name, value = line.split(":", 1)
            if name.strip().lower() in (known.lower() for known in ANSWERED):
                self.set_header(name.strip(), value.strip())

    def piece(self, data):
        if not self._finished:
            self.write(data)
            # Tornado reads on when this is done: a slow reader fills no memory.
            return self.flush()

    def on_connection_close(self):
        # Who listened is gone: so is the reason to ask.
        if self.asks is not None:
            self.asks.close()
        super().on_connection_close()

    def refuse(self, status, message):
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        hint = "see `lazuli status`"
        self.finish(json.dumps({"kind": "unavailable", "message": message, "hint": hint}))


def start():
    # `workspace list` starts a daemon where there is none, and waits until it answers.
    subprocess.run([program(), "workspace", "list"], check=True, capture_output=True, timeout=30)


def _jupyter_server_extension_points():
    return [{"module": "lazuli_jupyter"}]


def _load_jupyter_server_extension(server):
    base = server.web_app.settings["base_url"]
    server.web_app.add_handlers(".*$", [(url_path_join(base, r"/lazuli/api/(.*)"), Proxy)])
    server.log.info("Lazuli's runs are live in this server's notebooks")
