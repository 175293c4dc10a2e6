"""The program ``lazuli kernel magics``, which performs magics for this process."""

import json
import os
import subprocess
import threading

from lazuli import kernel
from lazuli.config import Config
from lazuli.daemon import program
from lazuli.errors import UnavailableError

_GRACE_SECONDS = 2


class Helper:
    """One program for the life of this process; started again when it is lost."""

    def __init__(self):
        self._process = None
        self._lock = threading.RLock()
        self.ready = {}

    def start(self):
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return
            config = Config()
            if config.magics_socket:
                self._process = _Elsewhere(config.magics_socket)
            else:
                # In a group of its own: an interrupt of the cell is told to it in words.
                self._process = subprocess.Popen(
                    [program(config), "kernel", "magics"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    encoding="utf-8",
                )
            event = self._hear()
            if "ready" not in event:
                raise UnavailableError("the program `lazuli kernel magics` was not understood", "restart the kernel")
            self.ready = event["ready"]

    def ask(self, request, on_event):
        """Sends a request and hands every event to ``on_event`` until it is done.

        ``on_event`` may return an answer, which is sent back. Gives the last event.
        """
        with self._lock:
            self.start()
            try:
                self._say(request)
                return self._until_done(on_event)
            except BaseException:
                self._interrupt()
                raise

    def _until_done(self, on_event):
        while True:
            event = self._hear()
            if "done" in event or "error" in event or "interrupted" in event:
                return event
            answer = on_event(event)
            if answer is not None:
                self._say(answer)

    def _interrupt(self):
        """Tells it to stop, and hears out what it still says."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        timer = threading.Timer(_GRACE_SECONDS, process.kill)
        timer.start()
        try:
            self._say({"interrupt": True})
            # Whoever is asked something now gives no answer.
            self._until_done(lambda event: {"failed": True} if {"ask", "evaluate", "execute"} & event.keys() else None)
        except (OSError, UnavailableError):
            pass
        finally:
            timer.cancel()

    def _say(self, message):
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise UnavailableError("the program `lazuli kernel magics` has ended", "run the cell again") from error

    def _hear(self):
        line = self._process.stdout.readline()
        if not line:
            self._process.kill()
            raise UnavailableError("the program `lazuli kernel magics` has ended", "run the cell again")
        event = json.loads(line)
        session = Config().session_file
        if isinstance(self._process, _Elsewhere) and "session" in event and session:
            # It is kept on the program's machine; what is active is known here by a copy.
            partial = session + ".part"
            with open(partial, "w", encoding="utf-8") as file:
                json.dump(event["session"], file)
            os.replace(partial, session)
        return event

    def close(self):
        process, self._process = self._process, None
        if process is not None:
            # The end of its input ends it, and the runs that it has started.
            process.stdin.close()
            try:
                process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


class _Elsewhere:
    """The program on the machine of the kernel, when this Python is on another one."""

    def __init__(self, address):
        try:
            self.stdin, self.stdout = kernel.connect(address, "magics")
        except OSError as error:
            raise UnavailableError(f"the kernel cannot be reached: {error}", "restart the kernel") from error
        self._is_gone = False

    def poll(self):
        return 0 if self._is_gone else None

    def wait(self, _timeout):
        self.kill()

    def kill(self):
        self._is_gone = True
        for file in (self.stdin, self.stdout):
            try:
                file.close()
            except OSError:
                # It is cut already.
                pass


def folder():
    """Where relative paths begin."""
    return os.getcwd()
