"""A conda channel of our own, served on loopback: a Python of this machine and a package of a few lines."""

import bz2
import hashlib
import http.server
import io
import json
import sys
import tarfile
import threading
from pathlib import Path

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
SITE_PACKAGES = f"lib/python{PYTHON}/site-packages"
#: The Python below a virtual environment that may run the tests.
BASE = Path(sys.base_prefix) / "bin" / f"python{PYTHON}"


class Channel:
    """`requests` is what was asked of it."""

    def __init__(self, folder, machine="linux-64"):
        self.folder = Path(folder)
        self.requests = []
        self.packages = {"noarch": {}, machine: {}}
        # A virtual environment is all that a Python needs to be one of another prefix.
        cfg = f"home = {BASE.parent}\ninclude-system-site-packages = false\nversion = {PYTHON}\n"
        self.add(machine, "python", PYTHON + ".0", {"pyvenv.cfg": cfg, f"{SITE_PACKAGES}/README.txt": ""}, links={"bin/python": BASE, f"bin/python{PYTHON}": "python"})
        # By name only: conda adds `pip` to every environment, and uv installs what is listed under `pip`.
        self.add("noarch", "pip", "1.0", {"share/pip/README.txt": ""}, depends=["python"])

    def add(self, subdir, name, version, files, links=None, depends=(), **index):
        """A package with these texts, by path, and these symbolic links."""
        index = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": [*depends], "subdir": subdir, **index}
        links = links or {}
        written = {"info/index.json": json.dumps(index), "info/files": "\n".join([*files, *links]) + "\n", **files}
        if index.get("noarch") == "python":
            written["info/link.json"] = json.dumps({"noarch": {"type": "python"}, "package_metadata_version": 1})
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:bz2") as archive:
            for path, text in written.items():
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(text.encode()), 0o644
                archive.addfile(entry, io.BytesIO(text.encode()))
            for path, target in links.items():
                entry = tarfile.TarInfo(path)
                entry.type, entry.linkname = tarfile.SYMTYPE, str(target)
                archive.addfile(entry)
        content = buffer.getvalue()
        place = self.folder / subdir
        place.mkdir(parents=True, exist_ok=True)
        file = f"{name}-{version}-0.tar.bz2"
        (place / file).write_bytes(content)
        self.packages[subdir][file] = {**index, "md5": hashlib.md5(content).hexdigest(), "size": len(content)}

    def serve(self, test):
        """Its address; it ends with the test."""
        for subdir, packages in self.packages.items():
            text = json.dumps({"info": {"subdir": subdir}, "packages": packages}).encode()
            (self.folder / subdir / "repodata.json").write_bytes(text)
            (self.folder / subdir / "repodata.json.bz2").write_bytes(bz2.compress(text))
        requests, directory = self.requests, str(self.folder)

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=directory)

            def log_message(self, template, *arguments):
                requests.append(self.path)

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        test.addCleanup(server.server_close)
        test.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"
