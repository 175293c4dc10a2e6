"""The code of a reader's notes on SDK v1, run as one script against a real daemon.

The notes are no part of this repository; without them the test is skipped.
"""

import argparse
import ast
import json
import os
import shutil
import sys
from pathlib import Path

from azureml.core import Dataset, Datastore, Environment, Experiment, RunConfiguration, Workspace
from azureml.core.compute import AksCompute, AmlCompute, ComputeTarget, DatabricksCompute
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AksWebservice
from azureml.exceptions import ComputeTargetException
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter, Schedule, ScheduleRecurrence
from azureml.pipeline.steps import EstimatorStep, PythonScriptStep
from azureml.train.estimator import Estimator
from azureml.train.sklearn import SKLearn
from lazuli.errors import NotFoundError
from tests.signatures import SPEC
from tests.support import DaemonTestCase, skip_loudly

NOTES = SPEC / "azure-ml-notes.txt"
needs_notes = (lambda test: test) if NOTES.is_file() else skip_loudly(f"the notes are not in {SPEC}")

TRAINING = """\
import os
import joblib
from azureml.core import Run
from sklearn.linear_model import LogisticRegression
model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
os.makedirs('outputs', exist_ok=True)
for name in ('model.pkl', 'models.pkl'):
    joblib.dump(model, os.path.join('outputs', name))
Run.get_context().log('classes', len(model.classes_))
"""
LISTING = """\
import argparse, os
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument('--data_folder', default='.')
with os.scandir(parser.parse_args().data_folder) as entries:
    Run.get_context().log('files', sum(entry.is_file() for entry in entries))
"""
SCORING = """\
import joblib, json
import numpy as np
from azureml.core import Run
from azureml.core.model import Model
{}
scored_run = Run.get_context()
init()
scored_run.log_list('predictions', run(json.dumps({{'data': [[-9.0], [9.0]]}})))
"""


class Block:
    """What a block of the notes needs, and what is to be seen after it. ``holds`` is a part of its text."""

    def __init__(self, holds, before=None, then=None, instead=(), later=(), is_broken=False, not_run=None, fails=None):
        self.holds = holds
        self.before = before
        self.then = then
        #: What stands for a value that the reader has to fill in, or mends what is no Python.
        self.instead = instead
        #: Names that do not exist yet, each in the NotImplementedError of a statement.
        self.later = later
        self.is_broken = is_broken
        #: Why it is left out.
        self.not_run = not_run
        self.fails = fails


@needs_notes
class NotesTest(DaemonTestCase):
    maxDiff = None

    def setUp(self):
        super().setUp()
        for name, text in {"experiment/training.py": TRAINING, "experiment_folder/training_script.py": LISTING}.items():
            self.write(name, text)
        ws = Workspace.from_config()
        classes = (
            AksCompute, AksWebservice, AmlCompute, ComputeTarget, ComputeTargetException, CondaDependencies, DatabricksCompute, Dataset, Datastore,
            Environment, Estimator, EstimatorStep, Experiment, InferenceConfig, Model, Pipeline, PipelineData, PipelineParameter, PythonScriptStep,
            SKLearn, Schedule, ScheduleRecurrence, Workspace,
        )  # fmt: skip
        # `we` is how the notes mistype `ws`.
        self.names = {"argparse": argparse, "os": os, "json": json, "ws": ws, "we": ws, "workspace": ws, "experiment": Experiment(ws, "notes")}
        self.names.update({cls.__name__: cls for cls in classes})
        self.names["blob_ds"] = ws.get_default_datastore()
        #: Names to which a statement that could not run would have given a value, and those that the notes leave out.
        self.absent = {"pipeline", "requests"}

    def test_the_notes_run(self):
        blocks = code_blocks(NOTES.read_text(encoding="utf-8"))
        table = self.table()
        self.assertEqual(len(blocks), len(table))
        ran, later = 0, 0
        for text, block in zip(blocks, table):
            self.assertIn(block.holds, text)
            with self.subTest(block.holds):
                if block.not_run:
                    continue
                if block.is_broken:
                    with self.assertRaises(SyntaxError):
                        ast.parse(text)
                for there, ours in block.instead:
                    self.assertIn(there, text)
                    text = text.replace(there, ours)
                if block.before:
                    block.before()
                if block.fails:
                    with self.assertRaisesRegex(*block.fails):
                        self.run_block(text)
                    continue
                self.assertEqual(self.run_block(text), [*block.later])
                if block.then:
                    block.then()
                later += bool(block.later)
                ran += not block.later
        print(f"\nnotes: of {len(blocks)} blocks {ran} ran, {later} say that they come later", file=sys.stderr)

    def run_block(self, text):
        """Runs statement by statement; gives the names of which a NotImplementedError spoke."""
        later = []
        for statement in ast.parse(text).body:
            try:
                exec(compile(ast.Module([statement], []), "notes", "exec"), self.names)
            except NotImplementedError as error:
                own = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
                name = str(error).split("`")[1].split(".")
                self.assertTrue(own & set(name), f"{error}: {ast.dump(statement)}")
                later.append(next(part for part in name if part in own))
            except NameError as error:
                self.assertIn(str(error).split("'")[1], self.absent, error)
            else:
                continue
            for target in getattr(statement, "targets", []):
                self.names.pop(target.id, None)
                self.absent.add(target.id)
        return later

    def table(self):
        names = self.names
        store = names["blob_ds"]
        training = lambda: self.finished(names["experiment"].submit(names["estimator"]), classes=2)  # noqa: E731
        listing = lambda files: self.finished(names["experiment"].submit(names["estimator"]), files=files)  # noqa: E731
        return [
            Block("experiment.start_logging()", then=lambda: self.assertEqual(names["run"].get_status(), "Completed")),
            Block("estimator = Estimator(", then=lambda: self.finished(names["run"], classes=2)),
            Block("from azureml.train.sklearn import SKLearn", then=training),
            Block("script_params={'--reg_rate': 0.1}", is_broken=True, instead=[("0.1}", "0.1},")]),
            Block("run.download_file(", then=lambda: self.assertTrue(Path("model.pkl").is_file())),
            Block("model_framework_version='0.20.3'", then=lambda: self.model(1)),
            Block(
                "run.register_model(\n  ...",
                is_broken=True,
                instead=[("(\n  ...\n", "(\n  model_name='of_run',\n"), ("\n  ...\n", "\n")],
                then=lambda: self.assertEqual(names["ws"].models["of_run"].run_id, names["run"].id),
            ),
            # The account does not exist, and its key is none.
            Block("account_key='123456'", instead=[("'123456'", "'MTIzNDU2', skip_validation=True"), ("data_container", "data-container")]),
            Block(
                "blob_ds.upload(",
                instead=[("'/files'", "'files'")],
                before=lambda: self.write("files/a.csv", "x\n1\n"),
                then=lambda: self.assertEqual([path.name for path in Path("downloads").rglob("*.*")], ["a.csv"]),
            ),
            Block("data_ref = blob_ds.path(", then=lambda: listing(1)),
            Block("parser.add_argument('--data_folder'", not_run="of argparse"),
            Block(
                "Dataset.Tabular.from_delimited_files",
                before=lambda: self.put(store, {"current_data.csv": "x\n1\n", "archive/2018.csv": "x\n2\n", "archive/2019.csv": "x\n3\n"}),
                then=lambda: self.assertEqual(names["tab_ds"].count_rows(), 3),
            ),
            Block(
                "Dataset.File.from_files",
                before=lambda: self.put(store, {"images/1.jpg": "1", "images/2.jpg": "2"}),
                then=lambda: self.assertEqual(len(names["file_ds"].to_path()), 2),
            ),
            Block("ds1 = ws.datasets['csv_table']", then=lambda: self.assertEqual((names["ds1"].name, names["ds2"].name), ("csv_table", "img_files"))),
            Block("create_new_version=True", before=lambda: self.put(store, {"images/3.jpg": "3"})),
            Block("version=2", then=lambda: self.assertEqual(names["img_ds"].version, 2)),
            Block(
                "Environment.from_conda_specification",
                before=lambda: self.write("conda.yml", "dependencies:\n- pip:\n  - six==1.16.0\n"),
                then=lambda: self.assertEqual([*names["env"].python.conda_dependencies.pip_packages], ["six==1.16.0"]),
            ),
            self.of_conda(),
            Block("CondaDependencies.create(", is_broken=True, instead=[("'numpy']", "'numpy'],")]),
            Block("env.register(", then=lambda: self.assertEqual([*names["ws"].environments][-1], "training_env")),
            Block("environment_definition=tr_env", then=lambda: listing(1)),
            Block("vm_priority='dedicated'", then=lambda: self.assertEqual(names["aml_cluster"].get_status().scale_settings.maximum_node_count, 4)),
            Block("DatabricksCompute", later=["DatabricksCompute"]),
            Block("except ComputeTargetException:", then=lambda: self.assertNotIn("aml_cluster", names["ws"].compute_targets)),
            # Here as on Azure no compute target may have this name.
            Block("training_cluster = ComputeTarget(", instead=[("'aml_cluster'", "'aml-cluster'")], then=lambda: listing(1)),
            Block("name='prepare data'", before=self.configure, later=["PythonScriptStep", "EstimatorStep"]),
            Block("train_pipeline = Pipeline(", before=lambda: names.update(step1=1, step2=2), later=["Pipeline"]),
            Block(
                "prepped_data = PipelineData(",
                is_broken=True,
                instead=[("'aml-cluster'\n  # specify PipelineData", "'aml-cluster',")],
                before=lambda: names["ds1"].register(names["ws"], "raw_dataset"),
                later=["PipelineData"],
            ),
            Block("argpare.ArgumentParser()", not_run="of argparse"),
            Block("allow_reuse=False", later=["PythonScriptStep"]),
            Block("regenerate_outputs=True"),
            Block("pipeline.publish("),
            Block("published_pipeline.endpoint"),
            Block("reg_param = PipelineParameter", before=lambda: names.update(prepped=1), later=["PipelineParameter"]),
            Block("requests.post("),
            Block("daily = ScheduleRecurrence(", later=["ScheduleRecurrence", "Schedule"]),
            Block("path_on_datastore=", later=["Schedule"]),
            Block("classification_model = Model.register(", then=lambda: self.model(2)),
            Block("run.register_model(\n  model_name=", then=lambda: self.model(3)),
            Block("def init():", then=self.score),
            Block(
                "myenv = CondaDependencies()",
                before=lambda: os.mkdir("service_files"),
                then=lambda: self.assertIn("- scikit-learn\n", Path("service_files/env.yml").read_text()),
            ),
            Block("InferenceConfig(", later=["InferenceConfig"]),
            Block("AksCompute.provisioning_configuration", later=["AksCompute"]),
            Block("AksWebservice.deploy_configuration", later=["AksWebservice"]),
            Block("Model.deploy(", later=["Model"]),
            Block("'data':[", not_run="an example of JSON"),
            Block("service.run("),
            Block("service.scoring_uri"),
        ]

    def of_conda(self):
        """`tests.test_conda` reads an environment of a real conda."""
        if any(map(shutil.which, ("conda", "mamba", "micromamba"))):
            return Block("Environment.from_conda_environment", not_run="a conda of this machine would be asked")
        return Block("Environment.from_conda_environment", fails=(NotFoundError, "the conda environment `py_env` cannot be read: no conda is installed"))

    def finished(self, run, **metrics):
        run.wait_for_completion(raise_on_error=False)
        log = "".join(run.get_details_with_logs()["logFiles"].values())
        self.assertEqual(run.get_status(), "Completed", log)
        self.assertEqual(run.get_metrics(), metrics)

    def model(self, version):
        model = self.names["ws"].models["classification_model"]
        self.assertEqual((model.version, model.tags), (version, {"dept": "sales"} if version == 1 else {}))

    def score(self):
        text = next(text for text in code_blocks(NOTES.read_text(encoding="utf-8")) if "def init():" in text)
        self.write("experiment/score.py", SCORING.format(text))
        estimator = SKLearn(source_directory="experiment", entry_script="score.py", compute_target="local")
        self.finished(self.names["experiment"].submit(estimator), predictions=[0, 1])

    def configure(self):
        self.names.update(run_config=RunConfiguration(), sk_estimator=self.names["estimator"])

    def write(self, name, text):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)

    def put(self, store, files):
        shutil.rmtree("put", ignore_errors=True)
        for name, text in files.items():
            self.write(f"put/{name}", text)
        store.upload("put", "data/files", overwrite=True, show_progress=False)


def code_blocks(notes):
    return [part.strip("\n") for part in notes.split("```")[1::2]]
