"""Scripts that are submitted from Python, with data in and out, by the real daemon and its agent."""

import os
from pathlib import Path

from azureml.core import Dataset, Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.script_run import ScriptRun
from azureml.data import OutputFileDatasetConfig
from azureml.exceptions import ActivityFailedException, UserErrorException
from azureml.train.estimator import Estimator
from azureml.train.sklearn import SKLearn
from lazuli.errors import NotFoundError
from tests.support import CHECKOUT, DaemonTestCase, needs_packages, skip_loudly

REFERENCE = Path(os.environ.get("LAZULI_REFERENCE_DATA") or CHECKOUT.parent / "shared" / "data")


class SubmissionTestCase(DaemonTestCase):
    def setUp(self):
        super().setUp()
        self.workspace = Workspace.from_config()
        self.store = self.workspace.get_default_datastore()
        self.experiment = Experiment(self.workspace, "scripts")
        Path("code").mkdir()

    def submit(self, script, arguments=(), **options):
        Path("code/script.py").write_text(script)
        environment = Environment("here")
        environment.python.user_managed_dependencies = True
        return self.experiment.submit(ScriptRunConfig("code", "script.py", arguments=[*arguments], environment=environment, **options))

    def log_of(self, run):
        return "".join(text for name, text in run.get_details_with_logs()["logFiles"].items() if "std_log" in name)

    def finished(self, run):
        try:
            return run.wait_for_completion()
        except ActivityFailedException as error:
            raise AssertionError(f"{error}\n{self.log_of(run)}") from error

    def put(self, files, target):
        for name, text in files.items():
            Path("files", name).parent.mkdir(parents=True, exist_ok=True)
            Path("files", name).write_text(text)
        self.store.upload("files", target, overwrite=True, show_progress=False)


class ScriptRunTest(SubmissionTestCase):
    def test_a_script_runs_with_its_arguments(self):
        run = self.submit(
            "import sys\nfrom azureml.core import Run\nRun.get_context().log('count', len(sys.argv))\nprint(sys.argv[1:])\n", ["--lr", 0.1, "x y"]
        )
        self.assertIsInstance(run, ScriptRun)
        details = self.finished(run)
        self.assertEqual((details["status"], details["inputDatasets"], details["outputDatasets"]), ("Completed", [], []))
        self.assertEqual(run.get_metrics(), {"count": 4})
        self.assertIn("['--lr', '0.1', 'x y']", self.log_of(run))

    def test_a_failing_script_fails_its_run(self):
        run = self.submit("raise SystemExit(3)\n")
        with self.assertRaises(ActivityFailedException):
            run.wait_for_completion()
        self.assertEqual(run.get_status(), "Failed")

    def test_what_is_wrong_is_said_before_anything_is_sent(self):
        with self.assertRaisesRegex(NotFoundError, "the script `no.py` is not in `code`"):
            self.experiment.submit(ScriptRunConfig("code", "no.py"))
        for outside in ("../train.py", str(Path("code/train.py").resolve())):
            with self.assertRaisesRegex(UserErrorException, f"the script `{outside}` lies outside of the source folder `code`"):
                self.experiment.submit(ScriptRunConfig("code", outside))
        with self.assertRaisesRegex(NotFoundError, "the source folder `nowhere` is not there"):
            self.experiment.submit(Estimator("nowhere", entry_script="no.py"))
        with self.assertRaisesRegex(UserErrorException, "`submit` got a str"):
            self.experiment.submit("train.py")
        self.assertEqual(self.workspace.experiments, {})


class ScriptDataTest(SubmissionTestCase):
    LISTING = "import os, sys\nprint('LIST', sorted(os.listdir(sys.argv[-1])), sys.argv[-1])\n"

    def test_a_reference_is_downloaded_before_the_script_starts(self):
        self.put({"a.csv": "1", "b.csv": "2"}, "data/files")
        Path("code/training.py").write_text(
            "import argparse, os\nparser = argparse.ArgumentParser()\n"
            "parser.add_argument('--data_folder', type=str, dest='data_folder')\n"
            "args = parser.parse_args()\ndata_files = os.listdir(args.data_folder)\nprint('FILES', sorted(data_files), args.data_folder)\n"
        )
        data_ref = self.store.path("data/files").as_download(path_on_compute="training_data")
        estimator = Estimator("code", entry_script="training.py", compute_target="local", user_managed=True, script_params={"--data_folder": data_ref})
        run = self.experiment.submit(estimator)
        self.finished(run)
        self.assertRegex(self.log_of(run), r"FILES \['a.csv', 'b.csv'\] \S*training_data")

    def test_a_mount_of_this_machine_is_where_the_files_are(self):
        self.put({"a.csv": "1"}, "data")
        run = self.submit(self.LISTING + "open(os.path.join(sys.argv[-1], 'a.csv')).read()\n", [self.store.path("data").as_mount()])
        self.finished(run)
        self.assertIn("LIST ['a.csv']", self.log_of(run))

    def test_what_a_script_writes_is_uploaded_also_when_it_fails(self):
        writing = "import os, sys\nos.makedirs(sys.argv[1], exist_ok=True)\nopen(os.path.join(sys.argv[1], 'r.txt'), 'w').write('result')\n"
        run = self.submit(writing + "sys.exit(1)\n", [self.store.path("results").as_upload(path_on_compute="out")])
        with self.assertRaises(ActivityFailedException):
            run.wait_for_completion()
        self.assertEqual(self.store.download("got", "results", show_progress=False), 1)
        self.assertEqual(Path("got/results/r.txt").read_text(), "result")

    def test_datasets_are_inputs_by_name_and_lineage_is_kept(self):
        self.put({"a.csv": "x\n1\n", "b.csv": "x\n2\n"}, "table")
        table = Dataset.Tabular.from_delimited_files((self.store, "table/*.csv")).register(self.workspace, "table")
        files = Dataset.File.from_files((self.store, "table/*.csv"))
        Path("code/script.py").write_text(
            "import os, sys\nfrom azureml.core import Run\nrun = Run.get_context()\n"
            "print('ROWS', run.input_datasets['training_data'].count_rows(), sys.argv[1])\n"
            "print('SAMPLE', run.input_datasets['sample'].count_rows())\n"
            "print('FILES', sorted(os.listdir(run.input_datasets['files'])), run.input_datasets['files'] == sys.argv[2])\n"
            "print('SHOWN', sorted(os.listdir(sys.argv[3])))\n"
        )
        config = ScriptRunConfig(
            "code", "script.py", [table.as_named_input("training_data"), files.as_named_input("files").as_download(), files.as_mount()]
        )
        config.inputs = [table.take(1).as_named_input("sample")]
        run = self.experiment.submit(config)
        details = self.finished(run)
        log = self.log_of(run)
        self.assertIn(f"ROWS 2 {table.id}", log)
        self.assertIn("SAMPLE 1", log)
        self.assertIn("FILES ['a.csv', 'b.csv'] True", log)
        self.assertIn("SHOWN ['a.csv', 'b.csv']", log)
        dataset = {"id": table.id, "name": "table", "version": 1}
        consumption = {"type": "RunInput", "inputName": "training_data", "mechanism": "Direct"}
        self.assertIn({"dataset": dataset, "consumptionDetails": consumption}, details["inputDatasets"])
        self.assertEqual(
            sorted((used["consumptionDetails"]["inputName"], used["dataset"]["id"]) for used in details["inputDatasets"]),
            [("sample", table.id), ("training_data", table.id)],
        )
        self.assertEqual(run.input_datasets["training_data"].id, table.id)
        with self.assertRaises(UserErrorException):
            run.input_datasets["nothing"]

    def test_an_output_becomes_a_dataset(self):
        output = OutputFileDatasetConfig("prepared").as_upload().read_delimited_files().register_on_complete("prepared")
        run = self.submit(
            "import os, sys\nos.makedirs(sys.argv[1], exist_ok=True)\nopen(os.path.join(sys.argv[1], 'p.csv'), 'w').write('x\\n1\\n2\\n3\\n')\n", [output]
        )
        details = self.finished(run)
        prepared = Dataset.get_by_name(self.workspace, "prepared")
        self.assertEqual(prepared.count_rows(), 3)
        self.assertEqual([made["identifier"]["savedId"] for made in details["outputDatasets"]], [prepared.id])
        self.assertEqual(run.output_datasets["prepared"].id, prepared.id)
        reading = self.submit("from azureml.core import Run\nprint('ROWS', Run.get_context().input_datasets['prepared'].count_rows())\n", [output.as_input()])
        self.finished(reading)
        self.assertIn("ROWS 3", self.log_of(reading))


TRAINING = """
import argparse
import os

import numpy
from azureml.core import Run
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--regularization", type=float, dest="reg_rate", default=0.01)
args = parser.parse_args()
run = Run.get_context()
diabetes = run.input_datasets["diabetes"].to_pandas_dataframe()
features = ["Pregnancies", "PlasmaGlucose", "DiastolicBloodPressure", "TricepsThickness", "SerumInsulin", "BMI", "DiabetesPedigree", "Age"]
X, y = diabetes[features].values, diabetes["Diabetic"].values
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.30, random_state=0)
model = LogisticRegression(C=1 / args.reg_rate, solver="liblinear").fit(X_train, y_train)
run.log("Rows", len(diabetes))
run.log("Accuracy", numpy.average(model.predict(X_test) == y_test))
run.log("AUC", roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]))
run.complete()
"""


def needs_reference_data(test):
    if (REFERENCE / "diabetes2.csv").is_file():
        return test
    return skip_loudly("the reference data are not in ../shared/data; LAZULI_REFERENCE_DATA says where they are")(test)


@needs_reference_data
@needs_packages("pandas", "pyarrow", "sklearn")
class ReferenceTest(SubmissionTestCase):
    """The figures that Azure ML gave for the same files, script and order."""

    def test_the_reference_metrics_come_out_in_the_right_order(self):
        self.store.upload_files([REFERENCE / "diabetes2.csv", REFERENCE / "diabetes.csv"], target_path="diabetes-data/", overwrite=True, show_progress=False)
        Path("code/diabetes_training.py").write_text(TRAINING)
        expected = {
            "diabetes-data/*.csv": (15000, 0.789111, 0.856864),
            "diabetes-data/diabetes.csv": (10000, 0.774, 0.848281),
        }
        for path, (rows, accuracy, auc) in expected.items():
            with self.subTest(path=path):
                dataset = Dataset.Tabular.from_delimited_files(path=(self.store, path))
                dataset = dataset.register(self.workspace, "diabetes dataset", create_new_version=True)
                estimator = SKLearn(
                    source_directory="code", entry_script="diabetes_training.py", compute_target="local",
                    script_params={"--regularization": 0.01}, inputs=[dataset.as_named_input("diabetes")], user_managed=True,
                )
                run = self.experiment.submit(config=estimator)
                self.finished(run)
                metrics = run.get_metrics()
                self.assertEqual(metrics["Rows"], rows)
                self.assertAlmostEqual(metrics["Accuracy"], accuracy, 6)
                self.assertAlmostEqual(metrics["AUC"], auc, 6)
        self.assertEqual(Dataset.get_by_name(self.workspace, "diabetes dataset").version, 2)

    def test_the_frame_is_that_of_pandas(self):
        import pandas

        frame = Dataset.Tabular.from_delimited_files(str(REFERENCE / "diabetes*.csv")).to_pandas_dataframe()
        expected = pandas.concat([pandas.read_csv(REFERENCE / name) for name in ("diabetes.csv", "diabetes2.csv")], ignore_index=True)
        pandas.testing.assert_frame_equal(frame, expected)
