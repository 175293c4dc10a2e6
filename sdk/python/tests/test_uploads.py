"""Large files against the real daemon: what breaks goes on where it stopped."""

import hashlib
import io
import signal
from pathlib import Path

from azureml.core import Experiment, Workspace
from lazuli.errors import InvalidError
from tests.support import DaemonTestCase

SIZE = 48 << 20


class Killing(io.FileIO):
    """Ends the daemon once, when half of the file has been read for the second time."""

    def __init__(self, path, kill):
        super().__init__(path)
        self.kill = kill
        self.count = 0
        self.seeks = []

    def read(self, size=-1):
        chunk = super().read(size)
        self.count += len(chunk)
        if self.kill and self.count > SIZE + SIZE // 2:
            self.kill()
            self.kill = None
        return chunk

    def seek(self, position, whence=0):
        self.seeks.append(position)
        return super().seek(position, whence)


class UploadTest(DaemonTestCase):
    def setUp(self):
        super().setUp()
        self.run = Experiment(Workspace.from_config(), "files").start_logging()
        self.content = bytes(range(256)) * (SIZE // 256)
        Path("large.bin").write_bytes(self.content)

    def test_a_large_file_goes_on_where_a_dead_daemon_left_it(self):
        with Killing("large.bin", lambda: self.end_daemon(signal.SIGKILL)) as file:
            self.run._client.put_artifact(self.run.id, "outputs/large.bin", file)
        self.assertIsNone(file.kill)
        # Back to the beginning after the digest, then to where the dead daemon was.
        self.assertGreater(file.seeks[-1], SIZE // 8)
        self.run.download_file("outputs/large.bin", "copy.bin")
        self.assertEqual(Path("copy.bin").read_bytes(), self.content)
        self.run.complete()

    def test_content_that_is_here_is_not_sent(self):
        self.run.upload_file("a.bin", "large.bin")
        with Killing("large.bin", None) as file:
            kept = self.run._client.put_artifact(self.run.id, "b.bin", file)
        self.assertEqual(file.count, SIZE)
        self.assertEqual(kept["sha256"], hashlib.sha256(self.content).hexdigest())
        self.run.complete()

    def test_a_file_that_changes_meanwhile_is_refused(self):
        class Changing(io.BytesIO):
            """Other content when it is read for the second time."""

            def seek(self, position, whence=0):
                if self.tell() == 5:
                    self.getbuffer()[:] = b"other"
                return super().seek(position, whence)

        with self.assertRaises(InvalidError):
            self.run._client.put_artifact(self.run.id, "a.txt", Changing(b"first"))
        self.assertEqual(self.run.get_file_names(), [])
        self.run.complete()
