"""Datastores against the real daemon: registering, uploading, downloading."""

import io
import os
import signal
from contextlib import redirect_stderr
from pathlib import Path

from azureml.core import Datastore, Workspace
from azureml.data.dataset_error_handling import DatastoreNotFoundError
from azureml.exceptions import UserErrorException
from lazuli.errors import ConflictError, InvalidError, NotFoundError
from tests.support import AZURITE_KEY, DaemonTestCase, azurite

NAMES = ["plain.txt", "with blank.txt", "hash#1.txt", "%2e%2e/x.txt", "Zürich/ß.txt", "deep/er/a+b&c=d?.txt", "empty"]


class DatastoreTest(DaemonTestCase):
    def setUp(self):
        super().setUp()
        self.workspace = Workspace.from_config()
        self.store = self.workspace.get_default_datastore()

    def write(self, folder, names=NAMES):
        for name in names:
            file = Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("" if name == "empty" else f"content of {name}")

    def read(self, folder):
        return {
            file.relative_to(folder).as_posix(): file.read_text() for file in sorted(Path(folder).rglob("*")) if file.is_file()
        }

    def stored(self, store=None):
        store = store or self.store
        return [file["path"] for file in self.workspace._client.stored_files("default", store.name)]

    def test_every_workspace_has_two_and_a_default(self):
        self.assertEqual(sorted(self.workspace.datastores), ["workspaceblobstore", "workspacefilestore"])
        self.assertEqual(self.store.name, "workspaceblobstore")
        self.assertEqual(Datastore(self.workspace), self.store)
        self.assertEqual(Datastore.get_default(self.workspace).datastore_type, "Folder")
        self.workspace.set_default_datastore("workspacefilestore")
        self.assertEqual(self.workspace.get_default_datastore().name, "workspacefilestore")
        Datastore.get(self.workspace, "workspaceblobstore").set_as_default()
        self.assertEqual(self.workspace.get_default_datastore().name, "workspaceblobstore")
        with self.assertRaisesRegex(UserErrorException, "`nowhere` not found") as caught:
            Datastore.get(self.workspace, "nowhere")
        self.assertIsInstance(caught.exception, NotFoundError)
        with self.assertRaises(DatastoreNotFoundError):
            self.workspace.set_default_datastore("nowhere")

    def test_a_folder_is_registered_and_unregistered(self):
        store = Datastore.register_folder(self.workspace, "mine", "shared", create_if_not_exists=True)
        self.assertEqual((store.name, store.folder), ("mine", os.path.abspath("shared")))
        self.assertIn("mine", self.workspace.datastores)
        with self.assertRaises(ConflictError) as caught:
            Datastore.register_folder(self.workspace, "mine", "shared")
        self.assertIsInstance(caught.exception, UserErrorException)
        Datastore.register_folder(self.workspace, "mine", "shared", overwrite=True)
        self.write("files", ["a.txt"])
        store.upload("files", show_progress=False)
        self.assertEqual(self.read("shared"), {"a.txt": "content of a.txt"})
        store.unregister()
        self.assertNotIn("mine", self.workspace.datastores)
        # The files stay.
        self.assertEqual(self.read("shared"), {"a.txt": "content of a.txt"})
        with self.assertRaises(UserErrorException):
            self.store.unregister()

    def test_a_folder_comes_back_as_it_went(self):
        self.write("files")
        said = io.StringIO()
        with redirect_stderr(said):
            reference = self.store.upload(src_dir="files", target_path="/data/files", overwrite=True)
        self.assertIn(f"uploaded {len(NAMES)} of {len(NAMES)} files", said.getvalue())
        self.assertEqual(reference.path_on_datastore, "data/files")
        self.assertEqual(self.stored(), sorted(f"data/files/{name}" for name in NAMES))
        self.assertEqual(self.store.download(target_path="downloads", prefix="/data", show_progress=False), len(NAMES))
        self.assertEqual(self.read("downloads/data/files"), self.read("files"))
        # They are there.
        self.assertEqual(self.store.download("downloads", "data", show_progress=False), 0)
        Path("downloads/data/files/plain.txt").write_text("changed")
        self.assertEqual(self.store.download("downloads", "data/files/p", overwrite=True, show_progress=False), 1)
        self.assertEqual(Path("downloads/data/files/plain.txt").read_text(), "content of plain.txt")

    def test_what_is_there_stays_unless_told(self):
        self.write("files", ["a.txt", "b.txt"])
        self.store.upload("files", "x", show_progress=False)
        Path("files/a.txt").write_text("new")
        Path("files/c.txt").write_text("third")
        said = io.StringIO()
        with redirect_stderr(said):
            self.store.upload("files", "x")
        self.assertIn("uploaded 1 of 3 files, 5 B; 2 files skipped", said.getvalue())
        self.store.download("got", show_progress=False)
        self.assertEqual(self.read("got/x"), {"a.txt": "content of a.txt", "b.txt": "content of b.txt", "c.txt": "third"})
        self.store.upload("files", "x", overwrite=True, show_progress=False)
        self.store.download("got", overwrite=True, show_progress=False)
        self.assertEqual(self.read("got/x")["a.txt"], "new")

    def test_single_files_go_below_what_they_have_in_common(self):
        self.write("data", ["a.csv", "more/b.csv"])
        self.store.upload_files(["./data/a.csv", "./data/more/b.csv"], target_path="one/", show_progress=False)
        self.store.upload_files([Path("data/more/b.csv")], target_path="two", show_progress=False)
        self.store.upload_files(["data/more/b.csv"], relative_root=".", target_path="three", show_progress=False)
        self.assertEqual(self.stored(), ["one/a.csv", "one/more/b.csv", "three/data/more/b.csv", "two/b.csv"])
        with self.assertRaisesRegex(UserErrorException, "does not lie below"):
            self.store.upload_files(["data/a.csv"], relative_root="data/more")
        with self.assertRaisesRegex(UserErrorException, "takes a list of files"):
            self.store.upload_files("data/a.csv")
        with self.assertRaisesRegex(NotFoundError, "`.*missing.csv` cannot be read: No such file"):
            self.store.upload_files(["data/a.csv", "data/missing.csv"], target_path="four", overwrite=True)
        self.assertEqual(len(self.stored()), 4)

    def test_names_do_not_leave_the_folder(self):
        self.write("files", ["a.txt"])
        with self.assertRaisesRegex(InvalidError, r"the path `x/../../y` contains `..`"):
            self.store.upload("files", "x/../../y", show_progress=False)
        self.assertEqual(self.stored(), [])

    def test_many_small_files(self):
        self.write("files", [f"{i % 10}/{i}.txt" for i in range(300)])
        self.store.upload("files", "many", show_progress=False)
        self.assertEqual(self.store.download("got", "many", show_progress=False), 300)
        self.assertEqual(self.read("got/many"), self.read("files"))

    def test_a_large_file_survives_the_daemons_death(self):
        content = bytes(range(256)) * (48 << 12)
        Path("files").mkdir()
        Path("files/large.bin").write_bytes(content)
        from lazuli import transfer

        class Killing(transfer._Watched):
            """Ends the daemon once, in the middle of the second reading (the first is for the digest)."""

            count = 0

            def read(watched, size=-1):
                chunk = super().read(size)
                Killing.count += len(chunk)
                if 0 < len(content) + len(content) // 2 < Killing.count < 10 * len(content):
                    Killing.count = 10 * len(content)
                    self.end_daemon(signal.SIGKILL)
                return chunk

        self.addCleanup(setattr, transfer, "_Watched", transfer._Watched)
        transfer._Watched = Killing
        self.store.upload("files", "big", show_progress=False)
        self.assertGreaterEqual(Killing.count, 10 * len(content))
        # What was there when the daemon died was not sent again.
        self.assertLess(Killing.count - 10 * len(content), len(content))
        self.assertEqual(self.store.download("got", show_progress=False), 1)
        self.assertEqual(Path("got/big/large.bin").read_bytes(), content)

    def test_wrong_places_are_refused_and_nothing_is_registered(self):
        before = sorted(self.workspace.datastores)
        with self.assertRaisesRegex(UserErrorException, "give one of them"):
            Datastore.register_azure_blob_container(self.workspace, "b", "c", "a", sas_token="sig=x", account_key="eA==")
        with self.assertRaises(UserErrorException):
            Datastore.register_folder(self.workspace, "gone", "not/there")
        self.assertEqual(sorted(self.workspace.datastores), before)

    def test_a_place_that_does_not_answer_is_registered_and_told(self):
        said = io.StringIO()
        with redirect_stderr(said):
            blob = Datastore.register_azure_blob_container(
                workspace=self.workspace,
                datastore_name="blob_data",
                container_name="data_container",
                account_name="az_acct",
                account_key="123456",
            )
        self.assertIn("`blob_data` is registered, but was not opened: the account key of `blob_data` is not base64", said.getvalue())
        self.assertNotIn("123456", said.getvalue())
        self.assertIn("blob_data", self.workspace.datastores)
        with self.assertRaisesRegex(UserErrorException, "the datastore `blob_data` .* cannot be opened") as caught:
            blob.download("downloads", show_progress=False)
        self.assertNotIn("123456", str(caught.exception))

    def test_no_secret_comes_out(self):
        secret = "c2VjcmV0LXNlY3JldA=="
        store = Datastore.register_azure_blob_container(
            self.workspace, "blob", "container", "account", account_key=secret, endpoint="http://127.0.0.1:1/account", skip_validation=True
        )
        self.assertEqual((store.datastore_type, store.account_name, store.container_name), ("AzureBlob", "account", "container"))
        self.assertIsNone(store.account_key)
        self.assertNotIn(secret, repr(store) + repr(store._record))

    def test_an_azure_container_is_one_line_away(self):
        endpoint = azurite(self)
        here = {"container_name": "data", "account_name": "devstoreaccount1", "endpoint": endpoint}
        store = Datastore.register_azure_blob_container(
            workspace=self.workspace, datastore_name="blob_data", account_key=AZURITE_KEY, create_if_not_exists=True, **here
        )
        self.write("files")
        store.upload(src_dir="files", target_path="/data/files", overwrite=True, show_progress=False)
        self.assertEqual(self.stored(store), sorted(f"data/files/{name}" for name in NAMES))
        self.assertEqual(store.download(target_path="downloads", prefix="/data", show_progress=False), len(NAMES))
        self.assertEqual(self.read("downloads/data/files"), self.read("files"))
        wrong = AZURITE_KEY.replace("Eby8", "AAAA")
        with self.assertRaises(UserErrorException) as caught:
            Datastore.register_azure_blob_container(self.workspace, "wrong", account_key=wrong, **here)
        self.assertNotIn(wrong, str(caught.exception))
        self.assertNotIn("wrong", self.workspace.datastores)
