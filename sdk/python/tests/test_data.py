"""What of data needs no daemon: conditions, paths, endpoints, transfers over a bad connection."""

import io
import os
import socket
import threading
from contextlib import redirect_stderr
from datetime import date, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from azureml.core import ScriptRunConfig
from azureml.core.datastore import Datastore, _database_host, _endpoint
from azureml.core.script_run_config import _Data
from azureml.data import DataType, OutputFileDatasetConfig, TabularDataset
from azureml.data.abstract_dataset import partition_names
from azureml.data.data_reference import DataReference
from azureml.data.data_type import column_types
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.data.dataset_factory import data_paths
from azureml.data.dataset_preview import DatasetPreview
from azureml.data.dataset_profile import DatasetProfile
from azureml.data.own_datastores import FolderDatastore, SqliteDatastore
from azureml.data.tabular_dataset import DatasetTimestampMissingError
from azureml.exceptions import UserErrorException
from azureml.train.estimator import Estimator
from lazuli import transfer
from lazuli.errors import InvalidError, LazuliError, NotFoundError
from lazuli.names import stored_folder, stored_path
from lazuli.progress import Progress, byte_size
from tests.support import HomeTestCase


class Place:
    """As much of a workspace as a definition asks for."""

    name = "place"


STORE = FolderDatastore(Place(), "store", "/nowhere")
TABLE = TabularDataset(Place(), {"type": "tabular", "source": {"format": "parquet", "paths": []}, "steps": []})


class ConditionTest(HomeTestCase):
    def check(self, condition, sql):
        self.assertEqual(TABLE.filter(condition)._definition["steps"], [{"step": "filter", "expression": sql}])

    def test_conditions_are_sql(self):
        self.check(TABLE["age"] > 30, '("age" > 30)')
        self.check(TABLE["a\"b"] == "O'Neill", '("a""b" = \'O\'\'Neill\')')
        self.check((TABLE["x"] <= 1.5) & ~(TABLE["y"] != True), '(("x" <= 1.5) AND (NOT ("y" <> TRUE)))')  # noqa: E712
        self.check((TABLE["x"] == None) | TABLE["x"].isin([1, 2]), '(("x" IS NULL) OR ("x" IN (1, 2)))')  # noqa: E711
        self.check(TABLE["t"] >= date(2020, 2, 1), "(\"t\" >= DATE '2020-02-01')")
        zone = timezone(timedelta(hours=2))
        self.check(TABLE["t"] < datetime(2020, 1, 1, 2, tzinfo=zone), "(\"t\" < TIMESTAMP '2020-01-01T00:00:00.000000')")
        self.check(TABLE["name"].startswith("A"), "starts_with(\"name\", 'A')")
        self.check(TABLE["a"] > TABLE["b"], '("a" > "b")')
        self.check("age > 30", "age > 30")

    def test_what_is_no_condition_is_said(self):
        with self.assertRaisesRegex(InvalidError, "neither true nor false"):
            TABLE["a"] > 1 and TABLE["b"] > 2
        with self.assertRaisesRegex(InvalidError, "`&` and `|` join conditions"):
            TABLE["a"] & 1
        with self.assertRaisesRegex(InvalidError, "cannot be compared with nan"):
            TABLE["a"] > float("nan")
        with self.assertRaisesRegex(InvalidError, "`filter` takes a condition"):
            TABLE.filter(True)

    def test_time_needs_a_column(self):
        with self.assertRaisesRegex(DatasetTimestampMissingError, "with_timestamp_columns"):
            TABLE.time_before(datetime(2020, 1, 1))
        timed = TABLE.with_timestamp_columns("t", partition_timestamp="day")
        self.assertEqual(timed.timestamp_columns, ("t", "day"))
        between = timed.time_between(datetime(1970, 1, 1, 0, 0, 1), datetime(1970, 1, 2), include_boundary=False)
        self.assertEqual(
            between._definition["steps"], [{"step": "time_range", "start_ms": 1000, "end_ms": 86_400_000, "include_boundary": False}]
        )
        recent = timed.time_recent(timedelta(days=1))._definition["steps"]
        self.assertEqual(recent, [{"step": "time_recent", "delta_ms": 86_400_000, "include_boundary": True}])
        with self.assertRaisesRegex(InvalidError, "ends before it begins"):
            timed.time_between(datetime(2020, 1, 2), datetime(2020, 1, 1))

    def test_both_parts_of_a_split_share_their_seed(self):
        first, second = (part._definition["steps"][0] for part in TABLE.random_split(0.7))
        self.assertEqual({**first, "part": "second"}, second)
        for wrong in (-0.1, 1.1, "half", True):
            with self.subTest(wrong=wrong), self.assertRaisesRegex(InvalidError, "from 0 to 1"):
                TABLE.random_split(wrong)
        with self.assertRaisesRegex(InvalidError, "whole number"):
            TABLE.take(-1)

    def test_what_is_not_there_names_what_is(self):
        for method, arguments, nearest in (
            (TABLE.to_spark_dataframe, [], "to_pandas_dataframe"),
            (TABLE.partition_by, [["a"], None], "to_parquet_files"),
            (Datastore.register_azure_my_sql, [None] * 6, "register_azure_postgre_sql"),
            (Datastore.register_azure_data_lake, [None] * 3, "register_azure_data_lake_gen2"),
            (Datastore.register_azure_sql_database, [None] * 4, "register_azure_postgre_sql"),
            (Datastore.register_dbfs, [None] * 2, "register_folder"),
            (Datastore.register_hdfs, [None] * 8, "register_folder"),
        ):
            with self.subTest(method=method.__name__), self.assertRaisesRegex(NotImplementedError, nearest):
                method(*arguments)


class PathTest(HomeTestCase):
    def test_paths_of_datasets(self):
        def check(path, *expected):
            self.assertEqual(data_paths(path)[1], [*expected])

        one, two = ({"datastore": "store", "path": path} for path in ("a/*.csv", "b.csv"))
        check((STORE, "a/*.csv"), one)
        check((STORE, "/a/*.csv"), one)
        check([(STORE, "a/*.csv"), (STORE, "b.csv")], one, two)
        check((STORE, ["a/*.csv", "b.csv"]), one, two)
        check(DataPath(STORE, "b.csv"), two)
        check(STORE.path("b.csv"), two)
        check("https://example.org/a.csv", {"url": "https://example.org/a.csv"})
        check(["x/*.csv", Path("/y")], {"local": os.path.abspath("x/*.csv")}, {"local": "/y"})
        self.assertIs(data_paths((STORE, "x"))[0], STORE.workspace)
        self.assertIsNone(data_paths("x.csv")[0])
        with self.assertRaisesRegex(InvalidError, "no path was given"):
            data_paths([])
        with self.assertRaisesRegex(InvalidError, "from_sql_query"):
            data_paths((SqliteDatastore(Place(), "db", "/x.db"), "x"))
        other = FolderDatastore(type("Other", (), {"name": "other"})(), "store", "/nowhere")
        with self.assertRaisesRegex(InvalidError, "belong to the workspaces `place` and `other`"):
            data_paths([(STORE, "x"), (other, "x")])

    def test_paths_stay_in_the_datastore(self):
        self.assertEqual(stored_path("/data//a b#%2e%2e.csv"), "data/a b#%2e%2e.csv")
        self.assertEqual([stored_folder(folder) for folder in (None, "", "/", ".", "/data/files/")], ["", "", "", "", "data/files"])
        for wrong in ("../x", "a/../../x", "/..", "a\0b"):
            with self.subTest(wrong=wrong), self.assertRaisesRegex(InvalidError, "the path `"):
                stored_path(wrong)

    def test_endpoints(self):
        check = self.assertEqual
        check(_endpoint("acct", "blob", None, None), None)
        check(_endpoint("acct", "blob", "https", "core.windows.net"), None)
        check(_endpoint("acct", "file", None, "core.chinacloudapi.cn"), "https://acct.file.core.chinacloudapi.cn")
        check(_endpoint("acct", "blob", "http", "127.0.0.1:10000/acct"), "http://127.0.0.1:10000/acct")
        check(_endpoint("acct", "blob", None, "http://127.0.0.1:10000/acct"), "http://127.0.0.1:10000/acct")
        check(_database_host("127.0.0.1", None), "127.0.0.1")
        check(_database_host("localhost", None), "localhost")
        check(_database_host("mine", None), "mine.postgres.database.azure.com")

    def test_partition_names(self):
        self.assertEqual(partition_names("/{country}/{day:yyyy/MM/dd}/x.csv"), ["country", "day"])
        self.assertEqual(partition_names(None), [])

    def test_column_types(self):
        types = {"a": DataType.to_long(), "b": DataType.to_datetime("%Y"), "c": DataType.to_float(",")}
        self.assertEqual(
            column_types(types),
            {"a": {"type": "integer"}, "b": {"type": "datetime", "formats": ["%Y"]}, "c": {"type": "float", "decimal_mark": ","}},
        )
        with self.assertRaisesRegex(InvalidError, "DataType.to_datetime"):
            column_types({"a": "int"})


class JobDataTest(HomeTestCase):
    def test_a_reference_is_an_input_or_an_output_and_a_placeholder(self):
        data = _Data(Place())
        download = STORE.path("/data/files", "files").as_download(path_on_compute="training_data")
        self.assertEqual(data.argument(download), "$AZUREML_DATAREFERENCE_files")
        self.assertEqual(data.argument(download), "$AZUREML_DATAREFERENCE_files")
        upload = STORE.path("results", "results").as_upload("out", overwrite=True)
        self.assertEqual(data.argument(upload), "$AZUREML_DATAREFERENCE_results")
        self.assertEqual(data.argument(0.5), "0.5")
        definition = {"type": "file", "paths": [{"datastore": "store", "path": "data/files"}], "steps": []}
        self.assertEqual(
            [*data.inputs.values()],
            [{"name": "files", "source": {"definition": definition}, "mode": "download", "path_on_compute": "training_data", "overwrite": False}],
        )
        self.assertEqual(
            [*data.outputs.values()],
            [{"name": "results", "datastore": "store", "path": "results", "mode": "upload", "path_on_compute": "out", "overwrite": True}],
        )
        with self.assertRaisesRegex(InvalidError, "two inputs or outputs of the run are called `files`"):
            data.argument(STORE.path("other", "files"))
        with self.assertRaisesRegex(InvalidError, "as_named_input"):
            data.argument(TABLE)

    def test_references_of_sdk_v1(self):
        reference = DataReference(STORE, "raw", "a", mode="mount")
        self.assertEqual(str(reference), "$AZUREML_DATAREFERENCE_raw")
        self.assertEqual(reference.path("b").path_on_datastore, "a/b")
        bound = DataPath(STORE, "a").create_data_reference("raw", DataPathComputeBinding(mode="download"))
        self.assertEqual((bound.mode, bound.path_on_datastore, bound.data_reference_name), ("download", "a", "raw"))
        self.assertEqual(reference.to_config().datastore_name, "store")
        with self.assertRaisesRegex(InvalidError, "letters, digits and `_`"):
            STORE.path("a", "no name")
        with self.assertRaisesRegex(InvalidError, "is a table"):
            TABLE.as_named_input("t").as_mount()

    def test_an_output_says_how_it_is_registered(self):
        output = OutputFileDatasetConfig("prepared", destination=(STORE, "out/{run-id}"))
        table = output.as_upload(source_globs="*.csv").read_delimited_files(path_glob="*.csv").keep_columns("a")
        registered = table.register_on_complete("prepared data", tags={"a": 1})
        self.assertEqual(
            registered._job_output(Place()),
            {
                "name": "prepared",
                "datastore": "store",
                "path": "out/{run-id}",
                "mode": "upload",
                "overwrite": False,
                "source_globs": ["*.csv"],
                "register": {
                    "name": "prepared data",
                    "description": "",
                    "tags": {"a": "1"},
                    "table": {
                        "source": {
                            "format": "delimited",
                            "separator": ",",
                            "header": "all_files_have_same_headers",
                            "paths": [{"datastore": "", "path": "*.csv"}],
                            "options": {"include_path": False, "set_column_types": {}},
                        },
                        "steps": [{"step": "keep_columns", "columns": ["a"]}],
                    },
                },
            },
        )
        self.assertEqual(output.mode, "mount")
        with self.assertRaisesRegex(InvalidError, "no run has written"):
            registered.as_input()
        registered._was_submitted(Place(), "r_1", registered._job_output(Place()))
        self.assertEqual(output.as_input().dataset._definition["paths"], [{"datastore": "store", "path": "out/r_1"}])
        self.assertEqual(table.as_input().dataset._definition["source"]["paths"], [{"datastore": "store", "path": "out/r_1/*.csv"}])

    def test_estimators_are_script_runs(self):
        estimator = Estimator(
            "code", entry_script="fit.py", script_params={"--data": STORE.path("x", "x"), "--flag": "", "--lr": 0.1},
            conda_packages=["scikit-learn=0.22", "python=3.6"], pip_packages=["numpy<2"],
        )
        self.assertIsInstance(estimator, ScriptRunConfig)
        self.assertEqual([str(argument) for argument in estimator.arguments], ["--data", "$AZUREML_DATAREFERENCE_x", "--flag", "--lr", "0.1"])
        self.assertEqual([*estimator.conda_dependencies.conda_packages], ["scikit-learn=0.22", "python=3.6"])
        self.assertEqual([*estimator.conda_dependencies.pip_packages], ["azureml-defaults", "numpy<2"])


class ShownTest(HomeTestCase):
    def test_a_preview_is_a_table(self):
        preview = DatasetPreview(
            "t", {"columns": [{"name": "a<b", "type": "integer"}, {"name": "c", "type": "string"}], "rows": [[1, None], [2, "<x>"]], "has_more": True}
        )
        self.assertEqual(str(preview), "t: the first 2 rows\na<b        c\n(integer)  (string)\n1\n2          <x>")
        html = preview._repr_html_()
        self.assertIn("a&lt;b", html)
        self.assertIn("&lt;x&gt;", html)
        self.assertIn("missing", html)

    def test_a_profile_has_sdk_v1s_figures(self):
        column = {"name": "age", "type": "integer", "count": 3, "missing_count": 1, "distinct_count": 3, "is_distinct_exact": True, "min": 1, "max": 9, "mean": 4.0, "standard_deviation": 2.0, "quantiles": [1, 1, 1, 2, 4, 6, 9, 9, 9]}
        profile = DatasetProfile("t", {"row_count": 4, "columns": [column]})
        age = profile.columns["age"]
        self.assertEqual((age.count, age.percent_missing, age.median, age.variance, age.upper_quartile), (4, 0.25, 4, 4.0, 6))
        self.assertIn("age", str(profile))
        self.assertIn("<table", profile._repr_html_())

    def test_progress_is_told_once_where_no_line_can_be_written_over(self):
        said = io.StringIO()
        with redirect_stderr(said):
            progress = Progress("uploaded", 3, 3_000_000)
            progress.at("a", 10)
            progress.done("a", 1_000_000)
            progress.done("b", 1_000_000)
            progress.skipped("c", 1_000_000)
            progress.close()
            Progress("uploaded", 3, 3, is_shown=False).close()
        self.assertEqual(
            said.getvalue(), "uploaded 2 of 3 files, 2.0 MB; 1 file skipped, because they are there (overwrite=True replaces them)\n"
        )
        self.assertEqual([byte_size(n) for n in (0, 999, 1000, 5_000_000_000)], ["0 B", "999 B", "1.0 kB", "5.0 GB"])


class Broken(BaseHTTPRequestHandler):
    """Sends a file, and breaks the connection as often as it is told."""

    protocol_version = "HTTP/1.1"
    content = bytes(range(256)) * 20_000
    breaks = 0
    tag = '"1"'
    asked = []

    def do_GET(self):
        cls = type(self)
        start = int((self.headers.get("Range") or "bytes=0-").split("=")[1].split("-")[0])
        cls.asked.append(start)
        if self.path.startswith("/gone"):
            self.send_error(404)
            return
        left = cls.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(left)))
        self.send_header("ETag", cls.tag)
        self.end_headers()
        if cls.breaks:
            cls.breaks -= 1
            self.wfile.write(left[: len(left) // 2])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            cls.after_break(cls)
            return
        self.wfile.write(left)

    def after_break(self):
        pass

    def log_message(self, *_):
        pass


class FetchTest(HomeTestCase):
    def serve(self, **attributes):
        handler = type("Handler", (Broken,), {"asked": [], **attributes})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return handler, f"http://127.0.0.1:{server.server_port}"

    def test_a_download_goes_on_where_it_broke(self):
        handler, address = self.serve(breaks=2)
        self.assertEqual(transfer.Fetch.url(f"{address}/a").to(Path("a.bin")), len(Broken.content))
        self.assertEqual(Path("a.bin").read_bytes(), Broken.content)
        half = len(Broken.content) // 2
        self.assertEqual(handler.asked, [0, half, half + half // 2])

    def test_a_file_that_changes_meanwhile_is_begun_anew(self):
        def change(cls):
            cls.tag, cls.content = '"2"', b"other" * 1000

        handler, address = self.serve(breaks=1, after_break=change)
        transfer.Fetch.url(f"{address}/a").to(Path("a.bin"))
        self.assertEqual(Path("a.bin").read_bytes(), b"other" * 1000)
        self.assertEqual(handler.asked[-1], 0)

    def test_a_download_that_fails_leaves_nothing(self):
        _, address = self.serve()
        with self.assertRaisesRegex(NotFoundError, "answers with HTTP status 404") as caught:
            transfer.Fetch.url(f"{address}/gone?sig=secret").to(Path("new/a.bin"))
        self.assertNotIn("secret", str(caught.exception))
        self.assertEqual([*Path("new").iterdir()], [])

    def test_two_files_of_one_name_are_refused(self):
        fetches = [(transfer.Fetch.url(f"http://127.0.0.1:1/{name}"), 1, Path("a.bin")) for name in "xy"]
        with self.assertRaisesRegex(LazuliError, "would both become `a.bin`"):
            transfer.fetch_all(fetches, overwrite=False, show_progress=False)

    def test_errors_are_what_scripts_catch(self):
        self.assertTrue(issubclass(InvalidError, UserErrorException))
        with self.assertRaisesRegex(UserErrorException, "the folder `nowhere` does not exist"):
            transfer.local_files("nowhere")
