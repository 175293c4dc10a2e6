"""Runs against the real daemon, in this process."""

import io
import math
import os
import signal
from pathlib import Path

from azureml.core import Experiment, Model, Run, Workspace
from azureml.exceptions import ActivityFailedException, RunEnvironmentException
from lazuli.errors import ConflictError, InvalidError, NotFoundError, RunFinishedError
from tests.support import DaemonTestCase


class Figure:
    """As much of matplotlib as is used."""

    def savefig(self, file, format):
        file.write(b"\x89PNG " + format.encode())


class RunTest(DaemonTestCase):
    def setUp(self):
        super().setUp()
        self.workspace = Workspace.from_config()
        self.experiment = Experiment(self.workspace, "diabetes")

    def test_everything_logged_comes_back_in_the_shapes_of_sdk_v1(self):
        run = self.experiment.start_logging()
        run.log("accuracy", 0.93)
        run.log("loss", math.nan)
        run.log("loss", math.inf, step=10)
        run.log("solver", "liblinear")
        run.log_list("weights", [1, 2.5, -math.inf])
        run.log_row("roc", fpr=0.0, tpr=0.5)
        run.log_row("roc", fpr=1.0, tpr=1.0)
        run.log_table("curve", {"x": [1, 2], "y": [0.6, 0.7]})
        matrix = {"schema_type": "confusion_matrix", "schema_version": "v1", "data": {"class_labels": ["0", "1"], "matrix": [[3, 1], [0, 4]]}}
        run.log_confusion_matrix("matrix", matrix)
        for schema in ("accuracy_table", "predictions", "residuals"):
            getattr(run, f"log_{schema}")(schema, {"schema_type": schema, "schema_version": "v1", "data": {"bins": [1]}})
        run.log_image("figure", plot=Figure())
        metrics = run.get_metrics()
        self.assertTrue(math.isnan(metrics["loss"][0]))
        self.assertEqual(metrics["loss"][1], math.inf)
        self.assertEqual(metrics["accuracy"], 0.93)
        self.assertEqual(metrics["solver"], "liblinear")
        self.assertEqual(metrics["weights"], [1, 2.5, -math.inf])
        self.assertEqual(metrics["roc"], {"fpr": [0.0, 1.0], "tpr": [0.5, 1.0]})
        self.assertEqual(metrics["curve"], {"x": [1, 2], "y": [0.6, 0.7]})
        self.assertEqual(metrics["matrix"], matrix)
        self.assertEqual(metrics["predictions"]["data"], {"bins": [1]})
        run.download_file(metrics["figure"], "figure.png")
        self.assertEqual(Path("figure.png").read_bytes(), b"\x89PNG png")
        self.assertEqual(run.get_metrics("accuracy"), {"accuracy": 0.93})
        run.complete()
        self.assertEqual(run.get_metrics("weights"), {"weights": [1, 2.5, -math.inf]})
        self.assertEqual(run.get_status(), "Completed")

    def test_a_finished_run_refuses_records_but_not_tags(self):
        run = self.experiment.start_logging()
        run.complete()
        run.complete()
        with self.assertRaisesRegex(RunFinishedError, "has ended and takes no more records"):
            run.log("accuracy", 1)
        with self.assertRaises(ConflictError):
            run.fail("too late")
        run.tag("best", True)
        self.assertEqual(run.get_tags(), {"best": "True"})

    def test_tags_change_and_properties_do_not(self):
        run = self.experiment.start_logging()
        run.tag("stage", "first")
        run.set_tags({"stage": "second", "n": 3})
        run.add_properties({"author": "me"})
        self.assertEqual(run.get_tags(), {"stage": "second", "n": "3"})
        run.remove_tags("n")
        self.assertEqual(run.tags, {"stage": "second"})
        with self.assertRaisesRegex(ConflictError, "author"):
            run.add_properties({"author": "you"})
        self.assertEqual(run.get_properties(), {"author": "me"})
        run.display_name = "the first one"
        self.assertEqual(run.name, "the first one")

    def test_files_go_up_and_come_down(self):
        run = self.experiment.start_logging()
        content = os.urandom(3_000_000)
        Path("model.bin").write_bytes(content)
        Path("folder/deep").mkdir(parents=True)
        Path("folder/a.txt").write_text("a")
        Path("folder/deep/ü b.txt").write_text("b")
        run.upload_file("outputs/model.bin", "model.bin")
        run.upload_file("outputs/stream.txt", io.BytesIO(b"streamed"))
        run.upload_file("outputs/empty", io.BytesIO(b""))
        run.upload_folder("data", "folder")
        names = ["data/a.txt", "data/deep/ü b.txt", "outputs/empty", "outputs/model.bin", "outputs/stream.txt"]
        self.assertEqual(run.get_file_names(), names)
        run.download_file("outputs/model.bin", "got.bin")
        self.assertEqual(Path("got.bin").read_bytes(), content)
        run.download_file("outputs/stream.txt")
        self.assertEqual(Path("stream.txt").read_bytes(), b"streamed")
        run.download_files(prefix="data", output_directory="all")
        self.assertEqual(Path("all/data/deep/ü b.txt").read_text(), "b")
        run.download_files(prefix="data", output_directory="cut", append_prefix=False)
        self.assertEqual(Path("cut/deep/ü b.txt").read_text(), "b")
        run.complete()
        with self.assertRaises(ConflictError):
            run.upload_file("late.txt", "stream.txt")

    def test_bad_input_changes_nothing(self):
        run = self.experiment.start_logging()
        with self.assertRaisesRegex(TypeError, "use log_list"):
            run.log("accuracy", [1, 2])
        with self.assertRaisesRegex(NotFoundError, "`missing.txt` does not exist"):
            run.upload_file("a.txt", "missing.txt")
        with self.assertRaisesRegex(InvalidError, "contains `..`"):
            run.upload_file("../a.txt", io.BytesIO(b""))
        with self.assertRaisesRegex(TypeError, "open the file with 'rb'"):
            run.upload_file("a.txt", io.StringIO("text"))
        with self.assertRaises(ValueError):
            run.log_image("figure")
        with self.assertRaisesRegex(NotFoundError, "hint"):
            Run.get(self.workspace, "nothing_like_it")
        with self.assertRaises(NotFoundError):
            run.download_file("missing.txt")
        self.assertEqual((run.get_metrics(), run.get_file_names()), ({}, []))
        self.assertEqual([*Path().iterdir()], [])

    def test_children(self):
        parent = self.experiment.start_logging()
        with parent.child_run("first") as child:
            child.log("auc", 0.8)
        with self.assertRaises(ZeroDivisionError):
            with parent.child_run("second") as failing:
                1 / 0
        self.assertEqual({run.id for run in parent.get_children()}, {child.id, failing.id})
        self.assertEqual(child.get_status(), "Completed")
        self.assertEqual(child.parent, parent)
        self.assertIsNone(parent.parent)
        details = failing.get_details()
        self.assertEqual(details["status"], "Failed")
        self.assertEqual(details["error"]["error"]["message"], "ZeroDivisionError: division by zero")
        self.assertEqual(parent.get_metrics(recursive=True), {child.id: {"auc": 0.8}})
        self.assertEqual([run.id for run in self.experiment.get_runs()], [parent.id])
        with self.assertRaisesRegex(ActivityFailedException, "ZeroDivisionError"):
            failing.wait_for_completion()
        parent.cancel()
        self.assertEqual(parent.wait_for_completion(raise_on_error=False)["status"], "Canceled")

    def test_models_are_registered_from_a_run_and_from_disk(self):
        run = self.experiment.start_logging()
        run.upload_file("outputs/model.pkl", io.BytesIO(b"first"))
        first = run.register_model(
            "diabetes", "outputs/model.pkl", tags={"area": "health"}, properties={"auc": 0.8}, model_framework=Model.Framework.SCIKITLEARN
        )
        self.assertEqual((first.name, first.version, first.id), ("diabetes", 1, "diabetes:1"))
        self.assertEqual((first.run_id, first.experiment_name), (run.id, "diabetes"))
        self.assertEqual((first.properties, first.model_framework), ({"auc": "0.8"}, "ScikitLearn"))
        Path("model").mkdir()
        Path("model/weights.bin").write_bytes(b"second")
        second = Model.register(self.workspace, "model", "diabetes", description="from disk")
        self.assertEqual((second.version, second.description), (2, "from disk"))
        self.assertEqual([model.version for model in Model.list(self.workspace, "diabetes")], [2, 1])
        self.assertEqual([model.version for model in Model.list(self.workspace, tags=[["area", "health"]])], [1])
        self.assertEqual(Model(self.workspace, "diabetes").version, 2)
        self.assertEqual(Model(self.workspace, id="diabetes:1").version, 1)
        self.assertEqual(self.workspace.models["diabetes"].version, 2)
        self.assertEqual(Path(first.download("got")), Path("got/model.pkl"))
        self.assertEqual(Path("got/model.pkl").read_bytes(), b"first")
        with self.assertRaisesRegex(ConflictError, "exist_ok"):
            first.download("got")
        self.assertEqual(Path(second.download("got")), Path("got/model"))
        self.assertEqual(Path("got/model/weights.bin").read_bytes(), b"second")

    def test_context_on_its_own_is_a_real_run(self):
        with self.assertRaisesRegex(RunEnvironmentException, "was not submitted"):
            Run.get_context(allow_offline=False)
        run = Run.get_context()
        self.assertIs(Run.get_context(), run)
        self.assertEqual(run.experiment.workspace.name, "default")
        run.log("x", 1)
        run.flush()
        self.assertEqual(run.get_metrics(), {"x": 1})
        run.complete()

    def test_logging_needs_no_daemon_and_the_next_question_starts_one(self):
        run = self.experiment.start_logging()
        self.end_daemon(signal.SIGKILL)
        for step in range(100):
            run.log("step", step)
        self.assertEqual(run.get_metrics(), {"step": list(range(100))})
        run.complete()
