"""Another machine for tests, as `tests/src/sshd.rs` has it: a real OpenSSH server on loopback, and a user of its own with
an empty home."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from frontend import until

SERVER = "/usr/sbin/sshd"


class Machine:
    """Gone with the test, the user and its processes too."""

    def __init__(self, folder):
        self.folder = Path(folder)
        # The other user passes through it to nothing: the home lies elsewhere.
        self.folder.chmod(0o711)
        for name in ("host", "key"):
            ok("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name)
        self.key = self.folder / "key"
        self.fingerprint = ok("ssh-keygen", "-l", "-f", self.folder / "host.pub").split()[1]
        self.user = f"lazulip{os.getpid():x}"
        self.home = Path("/home") / self.user
        ok("useradd", "--create-home", "--skel", "/nonexistent", "--password", "*", "--shell", "/bin/sh", self.user)
        shutil.copy(self.folder / "key.pub", self.folder / "authorized")
        (self.folder / "authorized").chmod(0o644)
        Path("/run/sshd").mkdir(exist_ok=True)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        self.come_back()

    def come_back(self):
        options = {
            "ListenAddress": "127.0.0.1", "PidFile": "none", "UsePAM": "no", "PasswordAuthentication": "no", "StrictModes": "no",
            "HostKey": self.folder / "host", "AuthorizedKeysFile": self.folder / "authorized", "AllowUsers": self.user,
        }  # fmt: skip
        # Where this machine's programs find the certificates, the other's do, too.
        if "SSL_CERT_FILE" in os.environ:
            options["SetEnv"] = f"SSL_CERT_FILE={os.environ['SSL_CERT_FILE']}"
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        with open(self.folder / "log", "ab") as log:
            self.server = subprocess.Popen([SERVER, "-D", "-e", "-f", "/dev/null", "-p", str(self.port), *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until("sshd", self._answers)

    def _answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def go_away(self):
        """The server and every connection end, as when a cable is drawn; what runs there goes on."""
        self.server.kill()
        self.server.wait()
        kill(lambda _, line: line.startswith(f"sshd: {self.user}"))

    def remove(self):
        self.go_away()
        uid = self.home.stat().st_uid
        kill(lambda folder, _: folder.stat().st_uid == uid)
        subprocess.run(["userdel", "--force", "--remove", self.user], capture_output=True, check=False)
        assert not self.home.exists(), f"the user {self.user} stays"


@pytest.fixture
def machine():
    missing = None
    if os.geteuid() != 0:
        missing = "another user can be made by root only"
    elif not Path(SERVER).is_file():
        missing = "OpenSSH's server is not installed (Debian: `apt-get install openssh-server`)"
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(folder)
        yield machine
        machine.remove()


def kill(is_it):
    for folder in Path("/proc").glob("[0-9]*"):
        # It may end meanwhile.
        with contextlib.suppress(OSError):
            if is_it(folder, (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")):
                os.kill(int(folder.name), signal.SIGKILL)


def ok(*words):
    return subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True).stdout
