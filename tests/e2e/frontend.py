"""A front end as the tests see it: the real jupyter_client, one cell at a time, every message read."""

import contextlib
import dataclasses
import os
import queue
import time
from pathlib import Path

from jupyter_client.manager import KernelManager

# For a test that hangs; nobody waits for it. A machine that compiles beside the tests is slow.
LIMIT = 180.0


@dataclasses.dataclass
class Cell:
    """What came back for one execute request, in order."""

    reply: dict
    messages: list

    @property
    def status(self):
        return self.reply["status"]

    def _content(self, *types):
        return [m["content"] for m in self.messages if m["msg_type"] in types]

    def stream(self, name):
        return "".join(c["text"] for c in self._content("stream") if c["name"] == name)

    @property
    def stdout(self):
        return self.stream("stdout")

    @property
    def stderr(self):
        return self.stream("stderr")

    @property
    def result(self):
        results = [c["data"] for c in self._content("execute_result")]
        return results[-1] if results else None

    @property
    def displays(self):
        return [c["data"] for c in self._content("display_data")]

    @property
    def updates(self):
        return self._content("update_display_data")

    @property
    def errors(self):
        return self._content("error")

    def says(self):
        """Everything a person reads below the cell."""
        texts = [self.stdout, self.stderr]
        texts += [c["data"].get("text/plain", "") for c in self._content("execute_result", "display_data")]
        texts += ["\n".join(e["traceback"]) for e in self.errors]
        return "\n".join(texts)


class Frontend:
    def __init__(self, environment, folder, kernel_name="lazuli"):
        self.manager = KernelManager(kernel_name=kernel_name)
        self.manager.start_kernel(env=environment, cwd=str(folder))
        self.client = self.connect()
        self.client.wait_for_ready(timeout=LIMIT)

    def connect(self):
        client = self.manager.client()
        client.start_channels()
        return client

    @property
    def pid(self):
        return self.manager.provisioner.pid

    def run(self, code, **options):
        return self.finish(self.start(code, **options))

    def start(self, code, **options):
        """Sends a cell and returns its request."""
        return self.client.execute(code, **options)

    def finish(self, request, limit=LIMIT):
        """Reads everything of a request, until idle and the reply are there."""
        messages = []
        for message in self.until_idle(request, limit):
            messages.append(message)
        while True:
            reply = self.client.get_shell_msg(timeout=limit)
            if reply["parent_header"].get("msg_id") == request:
                return Cell(reply["content"], messages)

    def until_idle(self, request, limit=LIMIT):
        end = time.monotonic() + limit
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no idle within {limit} s") from None
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return
            yield message

    def wait_for_output(self, request, text, limit=LIMIT):
        """Reads until the cell has printed the text."""
        seen = ""
        for message in self.until_idle(request, limit):
            if message["msg_type"] == "stream":
                seen += message["content"]["text"]
                if text in seen:
                    return
        raise AssertionError(f"the cell ended without {text!r}: {seen!r}")

    def interrupt(self):
        self.manager.interrupt_kernel()

    def ok(self, code):
        cell = self.run(code)
        assert cell.status == "ok", cell.says()
        return cell

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=False)


def environment_of(home, **more):
    """The environment of a machine where only this home is known."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LAZULI_", "AZUREML_"))}
    environment["LAZULI_HOME"] = str(home)
    environment.update(more)
    return environment


def processes_of(home):
    """Processes whose environment names the home, as {pid: command}."""
    wanted = f"LAZULI_HOME={home}".encode()
    found = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and wanted in (folder / "environ").read_bytes().split(b"\0"):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found[int(folder.name)] = command.strip()
    return found


def until(what, condition, limit=LIMIT):
    """Asks again until there is an answer."""
    end = time.monotonic() + limit
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < end, f"waited {limit} s in vain for {what}"
        time.sleep(0.02)
