"""What needs no daemon: the spool, names of artifacts, config.json."""

import fcntl
import json
import multiprocessing
import os
import resource
import signal
import threading
import time
from pathlib import Path

from lazuli import spool
from lazuli.config import Config, find_config_file, workspace_name
from lazuli.errors import InvalidError, LazuliError, NotFoundError, RunFinishedError
from lazuli.names import artifact_path
from tests.support import HomeTestCase


class SpoolTest(HomeTestCase):
    def setUp(self):
        super().setUp()
        self.file = Path(spool.path(self.home, "r_1"))
        self.file.parent.mkdir(parents=True)

    def records(self):
        return [json.loads(line) for line in self.file.read_bytes().splitlines() if line]

    def test_a_record_after_a_torn_one_is_whole(self):
        self.file.write_bytes(b'{"record":"met')
        spool.append(self.home, "r_1", spool.tag("a", "b"))
        torn, whole = self.file.read_bytes().splitlines()
        self.assertEqual(torn, b'{"record":"met')
        self.assertEqual(json.loads(whole), {"record": "tag", "key": "a", "value": "b"})

    def test_a_full_disk_is_told(self):
        self.file.touch()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        try:
            with self.assertRaisesRegex(LazuliError, "the record could not be written to `.*r_1.jsonl`"):
                spool.append(self.home, "r_1", spool.tag("a", "b" * 200))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        spool.append(self.home, "r_1", spool.tag("a", "b"))
        self.assertEqual(json.loads(self.file.read_bytes().splitlines()[-1])["value"], "b")

    def test_a_record_is_a_line(self):
        self.file.touch()
        spool.append(self.home, "r_1", spool.metric("loss\nof \"x\"", "scalar", "NaN", 3))
        spool.append(self.home, "r_1", spool.tag("ü", "\ud800"))
        first, second = self.records()
        self.assertLess(abs(first.pop("time_ms") - time.time() * 1000), 60_000)
        self.assertEqual(first, {"record": "metric", "name": "loss\nof \"x\"", "kind": "scalar", "value": "NaN", "step": 3})
        self.assertEqual(second, {"record": "tag", "key": "ü", "value": "?"})

    def test_a_finished_run_refuses_and_nothing_is_made(self):
        with self.assertRaisesRegex(RunFinishedError, "run `r_1` has ended"):
            spool.append(self.home, "r_1", spool.tag("a", "b"))
        self.assertFalse(self.file.exists())

    def test_a_run_that_is_finished_meanwhile_refuses(self):
        self.file.touch()
        refused = []

        def write():
            try:
                spool.append(self.home, "r_1", spool.tag("a", "b"))
            except RunFinishedError:
                refused.append(True)

        with open(self.file, "rb") as daemon:
            fcntl.flock(daemon, fcntl.LOCK_EX)
            writer = threading.Thread(target=write)
            writer.start()
            while _holders(self.file) < 2:
                time.sleep(0.001)
            self.file.unlink()
        writer.join()
        self.assertEqual(refused, [True])

    def test_processes_do_not_mix_their_lines(self):
        self.file.touch()
        writers = [multiprocessing.Process(target=_write_many, args=(self.home, letter)) for letter in "abcd"]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        found = [record["value"] for record in self.records()]
        self.assertEqual(sorted(found), sorted(letter * 20_000 for letter in "abcd" for _ in range(50)))


def _write_many(home, letter):
    for _ in range(50):
        spool.append(home, "r_1", spool.tag("k", letter * 20_000))


def _holders(file):
    held = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            held += os.readlink(descriptor) == str(file)
        except OSError:
            pass
    return held


class NameTest(HomeTestCase):
    def test_names_stay_inside_their_folder(self):
        self.assertEqual(artifact_path("outputs//a/./b.txt"), "outputs/a/b.txt")
        for wrong in ("", ".", "../x", "a/../../x", "/etc/passwd", "c:/x", "a\\..\\b", "a\0b", "x" * 300):
            with self.subTest(wrong=wrong), self.assertRaises(InvalidError):
                artifact_path(wrong)


class ConfigTest(HomeTestCase):
    def test_the_nearest_configuration_serves(self):
        Path("project/.azureml").mkdir(parents=True)
        Path("project/deep/er").mkdir(parents=True)
        Path("config.json").write_text('{"workspace_name": "outer", "subscription_id": "s"}')
        Path("project/.azureml/config.json").write_text('{"workspace_name": "inner"}')
        # Another program's file.
        Path("project/deep/config.json").write_text('{"debug": true}')
        self.assertEqual(find_config_file()["workspace_name"], "outer")
        os.chdir("project/deep/er")
        self.assertEqual(find_config_file(), {"workspace_name": "inner"})
        self.assertEqual(workspace_name(Config({})), "inner")
        self.assertEqual(workspace_name(Config({"LAZULI_WORKSPACE": "told"})), "told")

    def test_a_named_file_has_to_be_right(self):
        Path("other.json").write_text("{}")
        with self.assertRaisesRegex(InvalidError, "names no workspace"):
            find_config_file("other.json")
        with self.assertRaises(NotFoundError):
            find_config_file("missing.json")

    def test_without_any_file_there_is_the_default(self):
        self.assertEqual(workspace_name(Config({})), "default")

    def test_a_cell_knows_its_notebook(self):
        Path("session.json").write_text('{"workspace": "w", "experiment": "e", "run_id": "r"}')
        config = Config({"LAZULI_SESSION": "session.json"})
        self.assertEqual((config.workspace, config.experiment, config.session_run_id), ("w", "e", "r"))
        self.assertIsNone(Config({"LAZULI_SESSION": "gone.json"}).session_run_id)
