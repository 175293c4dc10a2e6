"""Datasets against the real daemon."""

import json
import os
import sqlite3
from datetime import datetime
from pathlib import Path

from azureml.core import Dataset, Datastore, Workspace
from azureml.data import DataType, TabularDataset
from azureml.data.dataset_error_handling import DatasetExecutionError, DatasetNotFoundError, DatasetValidationError
from azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from azureml.exceptions import UserErrorException
from lazuli.errors import ConflictError
from tests.support import DaemonTestCase, needs_packages


class DatasetTestCase(DaemonTestCase):
    def setUp(self):
        super().setUp()
        self.workspace = Workspace.from_config()
        self.store = self.workspace.get_default_datastore()

    def put(self, files, target=None):
        for name, text in files.items():
            file = Path("files", name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.store.upload("files", target, overwrite=True, show_progress=False)

    def table(self, *paths, **options):
        return Dataset.Tabular.from_delimited_files([(self.store, path) for path in paths], **options)

    def rows(self, dataset):
        preview = dataset.preview(1000)
        return [tuple(row) for row in preview.rows]


PEOPLE = {
    "people/b.csv": "name,age,born\nCem,31,1989-05-01\nDora,,1950-01-31\n",
    "people/a.csv": "name,age,born\nAnna,22,1998-02-03\nBert,54,1966-12-24\n",
}


class FileDatasetTest(DatasetTestCase):
    def setUp(self):
        super().setUp()
        self.put({f"images/{n}.jpg": f"picture {n}" for n in ("b", "a c", "d/e")})
        self.images = Dataset.File.from_files(path=(self.store, "images/**/*.jpg"))

    def test_files_are_found_sorted_and_come_whole(self):
        self.assertEqual(self.images.to_path(), ["/a c.jpg", "/b.jpg", "/d/e.jpg"])
        self.assertEqual(Dataset.File.from_files((self.store, "images")).to_path(), self.images.to_path())
        self.assertEqual(Dataset.File.from_files((self.store, "images/b.jpg")).to_path(), ["/b.jpg"])
        written = self.images.download("got")
        self.assertEqual(written, ["got/a c.jpg", "got/b.jpg", "got/d/e.jpg"])
        self.assertEqual(Path("got/d/e.jpg").read_text(), "picture d/e")
        with self.assertRaisesRegex(UserErrorException, "`got/a c.jpg` exists already"):
            self.images.download("got")
        self.assertEqual(len(self.images.download("got", overwrite=True)), 3)
        self.assertTrue(all(os.path.isfile(file) for file in self.images.download()))

    def test_parts_of_the_files(self):
        self.assertEqual(self.images.take(2).to_path(), ["/a c.jpg", "/b.jpg"])
        self.assertEqual(self.images.skip(2).to_path(), ["/d/e.jpg"])
        first, second = self.images.random_split(0.5, seed=1)
        self.assertEqual(sorted(self._or_none(first) + self._or_none(second)), self.images.to_path())
        self.assertEqual(self._or_none(self.images.take_sample(1.0, seed=1)), self.images.to_path())

    def _or_none(self, dataset):
        try:
            return dataset.to_path()
        except UserErrorException:
            return []

    def test_a_mount_shows_the_files_where_they_are(self):
        with self.images.mount() as mounted:
            place = Path(mounted.mount_point)
            self.assertEqual((place / "d/e.jpg").read_text(), "picture d/e")
            self.assertTrue((place / "b.jpg").is_symlink())
        self.assertFalse(place.exists())
        # What was shown is not harmed by the end.
        self.assertEqual(len(self.images.download("got")), 3)

    def test_it_is_printed_as_sdk_v1_prints_it(self):
        Path("a.csv").write_text("a,b\n1,2\n")
        self.store.upload_files(["a.csv"], target_path="printed", show_progress=False)
        table = Dataset.Tabular.from_delimited_files((self.store, "printed/*.csv")).drop_columns("b").take(1)
        kind, _, shown = str(table).partition("\n")
        done = ["GetDatastoreFiles", "ParseDelimited", "DropColumns", "Take"]
        expected = {"source": [f"('{self.store.name}', 'printed/*.csv')"], "definition": done}
        self.assertEqual((kind, json.loads(shown)), ("TabularDataset", expected))
        files = Dataset.File.from_files((self.store, "printed/a.csv")).register(self.workspace, "printed", tags={"a": "b"})
        kind, _, shown = repr(files).partition("\n")
        registration = {"id": files.id, "name": "printed", "version": 1, "tags": {"a": "b"}, "workspace": repr(self.workspace)}
        expected = {"source": [f"('{self.store.name}', 'printed/a.csv')"], "definition": ["GetDatastoreFiles"], "registration": registration}
        self.assertEqual((kind, json.loads(shown)), ("FileDataset", expected))
        address = Dataset.File.from_files("https://host.invalid/a.csv?sig=hidden", validate=False)
        self.assertNotIn("hidden", repr(address))

    def test_versions(self):
        registered = self.images.register(workspace=self.workspace, name="img_files", description="pictures", tags={"a": 1})
        self.assertEqual((registered.name, registered.version, registered.tags, registered.description), ("img_files", 1, {"a": "1"}, "pictures"))
        self.assertEqual(registered.register(self.workspace, "img_files").version, 1)
        self.put({"images/new.jpg": "new"})
        with self.assertRaisesRegex(ConflictError, "create_new_version"):
            self.images.take(1).register(self.workspace, "img_files")
        second = self.images.register(self.workspace, "img_files", create_new_version=True)
        self.assertEqual((second.version, len(second.to_path()), len(registered.to_path())), (2, 4, 3))
        self.assertEqual(Dataset.get_by_name(self.workspace, "img_files").id, second.id)
        self.assertEqual(Dataset.get_by_name(workspace=self.workspace, name="img_files", version=1).id, registered.id)
        self.assertEqual(Dataset.get_by_id(self.workspace, registered.id).version, 1)
        self.assertEqual(self.workspace.datasets["img_files"].version, 2)
        self.assertIn("img_files", self.workspace.datasets)
        self.assertEqual([*Dataset.get_all(self.workspace)], ["img_files"])
        second.add_tags({"b": "2"})
        second.remove_tags(["a"])
        second.update(description="more")
        again = Dataset.get_by_name(self.workspace, "img_files", version="latest")
        self.assertEqual((again.tags, again.description), ({"b": "2"}, "more"))
        again.update(tags={"c": "3"})
        self.assertEqual(Dataset.get_by_id(self.workspace, again.id).tags, {"c": "3"})
        again.unregister_all_versions()
        self.assertNotIn("img_files", self.workspace.datasets)
        self.assertEqual(self.images.to_path()[0], "/a c.jpg")
        for missing in (lambda: self.workspace.datasets["img_files"], lambda: Dataset.get_by_name(self.workspace, "img_files")):
            with self.assertRaisesRegex(UserErrorException, "`img_files` not found") as caught:
                missing()
            self.assertIsInstance(caught.exception, DatasetNotFoundError)
        with self.assertRaises(UserErrorException):
            Dataset.get_by_name(self.workspace, "img_files", version="old")

    def test_local_files_and_uploaded_folders(self):
        self.assertEqual(Dataset.File.from_files("files/images/*.jpg").to_path(), ["/a c.jpg", "/b.jpg"])
        uploaded = Dataset.File.upload_directory("files", target=(self.store, "up"), pattern="*.jpg", show_progress=False)
        self.assertEqual(uploaded.to_path(), ["/images/a c.jpg", "/images/b.jpg", "/images/d/e.jpg"])

    def test_nothing_found_is_an_error_that_names_it(self):
        with self.assertRaisesRegex(DatasetValidationError, r"images/\*\.png"):
            Dataset.File.from_files((self.store, "images/*.png"))
        unchecked = Dataset.File.from_files((self.store, "images/*.png"), validate=False)
        with self.assertRaises(UserErrorException):
            unchecked.register(self.workspace, "none")
        self.assertEqual([*self.workspace.datasets], [])


class TableTest(DatasetTestCase):
    def setUp(self):
        super().setUp()
        self.put(PEOPLE)
        self.people = self.table("people/*.csv")

    def names(self, dataset):
        return [row[0] for row in self.rows(dataset.keep_columns("name"))]

    def test_rows_come_in_the_order_of_the_files(self):
        self.assertEqual(self.names(self.people), ["Anna", "Bert", "Cem", "Dora"])
        self.assertEqual(self.names(self.table("people/b.csv", "people/a.csv")), ["Cem", "Dora", "Anna", "Bert"])
        self.assertEqual(self.people.get_columns(), {"name": "string", "age": "integer", "born": "datetime"})
        self.assertEqual(self.people.count_rows(), 4)

    def test_rows_and_columns(self):
        self.assertEqual(self.names(self.people.take(2)), ["Anna", "Bert"])
        self.assertEqual(self.names(self.people.skip(3)), ["Dora"])
        self.assertEqual(self.names(self.people.filter(self.people["age"] > 30)), ["Bert", "Cem"])
        self.assertEqual(self.names(self.people.filter(self.people["age"] == None)), ["Dora"])  # noqa: E711
        self.assertEqual(self.names(self.people.filter((self.people["name"].startswith("D")) | (self.people["age"] < 30))), ["Anna", "Dora"])
        self.assertEqual([*self.people.drop_columns(["age"]).get_columns()], ["name", "born"])
        first, second = self.people.random_split(0.5, seed=7)
        self.assertEqual(sorted(self.names(first) + self.names(second)), ["Anna", "Bert", "Cem", "Dora"])
        self.assertEqual(self.names(self.people.take_sample(0.5, seed=3)), self.names(self.people.take_sample(0.5, seed=3)))
        with self.assertRaisesRegex(DatasetValidationError, "no column `agee`.*\n.*name, age, born"):
            self.people.keep_columns("agee", validate=True)
        with self.assertRaises(DatasetExecutionError):
            self.people.keep_columns("agee").preview()

    def test_times(self):
        timed = self.people.with_timestamp_columns("born")
        self.assertEqual(self.names(timed.time_before(datetime(1966, 12, 24))), ["Bert", "Dora"])
        self.assertEqual(self.names(timed.time_before(datetime(1966, 12, 24), include_boundary=False)), ["Dora"])
        self.assertEqual(self.names(timed.time_between(datetime(1980, 1, 1), datetime(1990, 1, 1))), ["Cem"])
        registered = self.people.register(self.workspace, "people")
        later = registered.with_timestamp_columns("born").time_after(datetime(1988, 1, 1))
        self.assertEqual(self.names(later), ["Anna", "Cem"])
        with self.assertRaises(DatasetValidationError):
            self.people.with_timestamp_columns("birthday", validate=True)

    def test_a_version_reads_the_files_of_its_registration(self):
        registered = self.people.register(self.workspace, "people")
        self.put({"people/c.csv": "name,age,born\nEmil,1,2020-01-01\n"})
        self.assertEqual(registered.take(10).count_rows(), 4)
        self.assertEqual(self.people.count_rows(), 5)
        self.assertIsInstance(self.workspace.datasets["people"], TabularDataset)

    def test_how_files_are_read(self):
        self.put({
            "odd/a.txt": "1;2,5;x\n3;4,5;\n",
            "odd/latin.csv": "name\nJos\xe9\n".encode("latin-1"),
            "odd/lines.jsonl": '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n',
            "by/de/2020/01/31/x.csv": "v\n1\n",
            "by/fr/2020/02/01/x.csv": "v\n2\n",
        })
        types = {"Column2": DataType.to_float(decimal_mark=",")}
        odd = self.table("odd/a.txt", separator=";", header=PromoteHeadersBehavior.NO_HEADERS, set_column_types=types)
        self.assertEqual(self.rows(odd), [(1, 2.5, "x"), (3, 4.5, None)])
        self.assertEqual(self.rows(self.table("odd/latin.csv", encoding="latin1")), [("José",)])
        lines = Dataset.Tabular.from_json_lines_files((self.store, "odd/lines.jsonl"))
        self.assertEqual(self.rows(lines), [(1, "x"), (2, "y")])
        parts = self.table("by/**/*.csv", partition_format="/by/{country}/{day:yyyy/MM/dd}/x.csv")
        self.assertEqual(sorted(parts.get_columns()), ["country", "day", "v"])
        self.assertEqual(parts.partition_keys, ["country", "day"])
        self.assertEqual(self.rows(parts.filter(parts["country"] == "fr").keep_columns("v")), [(2,)])
        recent = parts.with_timestamp_columns(partition_timestamp="day").time_after(datetime(2020, 2, 1))
        self.assertEqual(self.rows(recent.keep_columns("v")), [(2,)])

    def test_a_database_is_asked(self):
        database = sqlite3.connect("hospital.db")
        database.execute("CREATE TABLE patients (id INTEGER, name TEXT)")
        database.executemany("INSERT INTO patients VALUES (?, ?)", [(1, "Anna"), (2, "Bert")])
        database.commit()
        database.close()
        hospital = Datastore.register_sqlite(self.workspace, "hospital", "hospital.db")
        patients = Dataset.Tabular.from_sql_query((hospital, "SELECT * FROM patients WHERE id > 1"))
        self.assertEqual(self.rows(patients), [(2, "Bert")])
        self.assertEqual(patients.register(self.workspace, "patients").count_rows(), 1)

    def test_written_files_are_a_dataset(self):
        written = self.people.to_csv_files(separator=";")
        place = written.download("csv")
        self.assertEqual(sum(Path(file).read_text().count(";") for file in place) >= 8, True)
        again = Dataset.Tabular.from_parquet_files([(self.store, path["path"]) for path in self.people.to_parquet_files()._definition["paths"]])
        self.assertEqual(self.names(again), self.names(self.people))

    def test_a_profile_counts(self):
        age = self.people.get_profile().columns["age"]
        self.assertEqual((age.count, age.missing_count, age.min, age.max, age.distinct_count), (4, 1, 22, 54, 3))
        self.assertAlmostEqual(age.mean, (22 + 54 + 31) / 3)

    def test_a_notebook_shows_rows(self):
        for dataset in (self.people, self.people.register(self.workspace, "people")):
            shown = dataset._repr_mimebundle_()
            self.assertIn("Anna", shown["text/plain"])
            self.assertIn("<table", shown["text/html"])

    def test_bad_data_is_said_with_file_and_next_step(self):
        self.put({"bad/ragged.csv": "a,b\n1,2\n3,4,5\n", "bad/latin.csv": "name\nJos\xe9\n".encode("latin-1")})
        with self.assertRaisesRegex(DatasetExecutionError, "ragged.csv"):
            self.table("bad/ragged.csv", validate=False).count_rows()
            self.table("bad/ragged.csv", validate=False).preview(10)
        with self.assertRaisesRegex(UserErrorException, "latin.csv"):
            self.table("bad/latin.csv", validate=False).preview(10)
        with self.assertRaisesRegex(DatasetValidationError, r"nothing/\*\.csv"):
            self.table("nothing/*.csv")
        with self.assertRaises(UserErrorException):
            self.table("bad/ragged.csv").register(self.workspace, "ragged").preview(10)

    def test_a_deleted_file_under_a_version_is_named(self):
        registered = self.people.register(self.workspace, "people")
        self.workspace._client.delete_stored_file("default", self.store.name, "people/b.csv")
        with self.assertRaisesRegex(DatasetExecutionError, "people/b.csv"):
            registered.preview(10)


@needs_packages("pandas", "pyarrow")
class FrameTest(DatasetTestCase):
    def test_rows_come_as_a_frame(self):
        self.put(PEOPLE)
        frame = self.table("people/*.csv").to_pandas_dataframe()
        self.assertEqual([*frame.columns], ["name", "age", "born"])
        self.assertEqual([*frame["name"]], ["Anna", "Bert", "Cem", "Dora"])
        self.assertEqual(frame["age"].sum(), 107)
        self.assertEqual(frame["born"].dtype.kind, "M")
        self.assertEqual(frame["born"][0].year, 1998)
        self.assertEqual(len(self.table("people/*.csv").head(1)), 1)

    def test_a_frame_becomes_a_dataset(self):
        import pandas

        frame = pandas.DataFrame({"x": [1, 2, 3], "y": ["a", None, "c"], "t": pandas.to_datetime(["2020-01-01"] * 3)})
        first = Dataset.Tabular.register_pandas_dataframe(frame, target=(self.store, "frames"), name="frame", show_progress=False)
        self.assertEqual((first.version, first.count_rows()), (1, 3))
        second = Dataset.Tabular.register_pandas_dataframe(frame[:2], self.store, "frame", show_progress=False)
        self.assertEqual((second.version, second.count_rows()), (2, 2))
        back = first.to_pandas_dataframe()
        self.assertEqual(back["x"].tolist(), [1, 2, 3])
        self.assertEqual(back["y"].isna().tolist(), [False, True, False])
        self.assertEqual(back["t"].dtype.kind, "M")
        with self.assertRaisesRegex(UserErrorException, "give a pandas DataFrame"):
            Dataset.Tabular.register_pandas_dataframe([1], self.store, "frame")

    def test_values_of_the_partition(self):
        self.put({"by/de/2020/x.csv": "v\n1\n2\n", "by/fr/2021/x.csv": "v\n2\n"})
        parts = self.table("by/**/*.csv", partition_format="/by/{country}/{year}/x.csv")
        values = parts.get_partition_key_values(["country"])
        self.assertEqual(values, [{"country": "de"}, {"country": "fr"}])

    def test_an_error_in_the_middle_is_told_in_its_place(self):
        good = "1,2\n" * 200_000
        self.put({"late/a.csv": "a,b\n" + good, "late/b.csv": "a,b\n" + good + "3,4,5\n"})
        with self.assertRaisesRegex(DatasetValidationError, r"line 200002.*b\.csv"):
            self.table("late/*.csv")
        # Without a look at the types, the rows begin to come before the wrong one is found.
        unchecked = self.table("late/*.csv", validate=False, infer_column_types=False)
        with self.assertRaisesRegex(DatasetExecutionError, r"line 200002.*b\.csv"):
            unchecked.to_pandas_dataframe()

    def test_without_pandas_the_next_step_is_said(self):
        outcome = self.script(
            "import sys\nsys.modules['pandas'] = None\n"
            "from azureml.core import Dataset, Workspace\n"
            "store = Workspace.from_config().get_default_datastore()\n"
            "open('a.csv', 'w').write('a\\n1\\n')\nstore.upload_files(['a.csv'])\n"
            "Dataset.Tabular.from_delimited_files((store, 'a.csv')).to_pandas_dataframe()\n"
        )
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("to_pandas_dataframe needs pandas and pyarrow", outcome.stderr)
        self.assertIn("pip install pandas pyarrow", outcome.stderr)
