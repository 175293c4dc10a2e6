"""The names of SDK v1: each is there with the same parameters, or says that it comes later.

The lists of names are no part of this repository; without them the tests are skipped.
"""

import inspect
import os
import subprocess
import sys
import unittest
from collections import Counter, defaultdict
from importlib import import_module

from lazuli.later import LaterMember, LaterName
from lazuli.later_names import AREAS, MEMBERS, MODULES, NAMES
from tests.signatures import SPEC, compare, is_set_in_init, names
from tests.support import SDK, skip_loudly

needs_list = (lambda test: test) if SPEC.is_dir() else skip_loudly(f"the list of SDK v1's names is not in {SPEC}")

#: (class or function, member; None for itself) to the reason why it differs from SDK v1.
DIFFERS = {
    ("Dataset", None): "its objects were the dataset definitions that SDK v1 itself deprecated",
    ("Datastore", None): "as in SDK v1, `Datastore(..)` gives an object of another class, by its kind",
    ("Datastore", "set_as_default"): "a member of the classes that `Datastore(..)` gives: azureml.data.abstract_datastore",
    ("Datastore", "unregister"): "a member of the classes that `Datastore(..)` gives: azureml.data.abstract_datastore",
    ("InputDatasets", None): "only a run makes it",
    ("OutputDatasets", None): "only a run makes it",
    ("DataType", None): "only its static methods make it",
    ("FileType", "warnings"): "an accident of SDK v1: the module `warnings` inside an enumeration",
    **{
        (owner, part): "a part of Azure's addresses; `get_portal_url()` gives Studio's"
        for owner in ("Experiment", "Run", "ScriptRun")
        for part in ("EXPERIMENT_ID_PATH", "EXPERIMENT_NAME_PATH", "RUN_PATH", "TID_FMT", "WORKSPACE_FMT")
        if (owner, part) != ("Experiment", "RUN_PATH")
    },
}


@needs_list
class SignaturesTest(unittest.TestCase):
    def test_every_name_has_the_parameters_of_sdk_v1(self):
        wrong, unused = [], set(DIFFERS)
        found = Counter()
        for name in names():
            what, why = compare(name)
            found[what] += 1
            key = (name.owner, name.name) if name.owner else (name.name, None)
            if what in ("missing", "different"):
                if key in DIFFERS:
                    unused.discard(key)
                    found["differs, with a reason"] += 1
                else:
                    wrong.append(f"{name.module}: {name.title} {what}: {why}")
            elif what == "later":
                self.assertIn(why, AREAS, name.title)
        print(f"\nsignatures: {dict(found)}", file=sys.stderr)
        self.assertEqual(wrong, [])
        self.assertEqual(unused, set(), "reasons for what does not differ")


#: Where a class of the table of use stands, when no other name of the list says it.
_ALSO = {
    "AutoMLPipelineBuilder": "azureml.contrib.automl.pipeline.steps",
    "AzureMLNotebookHandler": "azureml.contrib.notebook",
    "CreateRunDto": "azureml._restclient.models.create_run_dto",
    "DataDriftDetector": "azureml.datadrift",
    "Diabetes": "azureml.opendatasets",
    "ExplanationClient": "azureml.interpret",
    "FeaturizationConfig": "azureml.automl.core.featurization",
    "HTSInferenceParameters": "azureml.train.automl.runtime._hts.hts_parameters",
    "HTSTrainParameters": "azureml.train.automl.runtime._hts.hts_parameters",
    "ImageTask": "azureml.automl.core.shared.constants",
    "MNIST": "azureml.opendatasets",
    "ManyModelsInferenceParameters": "azureml.train.automl.runtime._many_models.many_models_parameters",
    "ManyModelsTrainParameters": "azureml.train.automl.runtime._many_models.many_models_parameters",
    "Metric": "azureml.automl.core.shared.constants",
    "MimicWrapper": "azureml.interpret.mimic_wrapper",
    "ModelProxy": "azureml.train.automl.model_proxy",
    "NotebookRunConfig": "azureml.contrib.notebook",
    "NotebookRunnerStep": "azureml.contrib.notebook",
    "NycTlcGreen": "azureml.opendatasets",
    "NycTlcYellow": "azureml.opendatasets",
    "OnnxConvertConstants": "azureml.automl.core.onnx_convert",
    "OnnxConverter": "azureml.automl.runtime.onnx_convert",
    "OnnxInferenceHelper": "azureml.automl.runtime.onnx_convert",
    "RunClient": "azureml._restclient.run_client",
    "SqlDataReference": "azureml.data.sql_data_reference",
    "Tensorboard": "azureml.tensorboard",
    "TreeScoringExplainer": "azureml.interpret.scoring.scoring_explainer",
}
#: Which classes SDK v1's users mean by a name.
_MEANT = {
    "Dataset": ("azureml.core.Dataset", "azureml.data.TabularDataset", "azureml.data.FileDataset"),
    "Datastore": (
        "azureml.core.Datastore",
        "azureml.data.azure_storage_datastore.AzureBlobDatastore",
        "azureml.data.azure_storage_datastore.AzureFileDatastore",
        "azureml.data.abstract_datastore.AbstractDatastore",
    ),
    "ComputeTarget": ("azureml.core.compute.ComputeTarget", "azureml.core.compute.AmlCompute"),
    "ComputeStatus": ("azureml.core.compute.amlcompute.AmlComputeStatus",),
    "Model.Framework": ("azureml.core.model.Model.Framework",),
    "Dataset.Tabular": ("azureml.data.dataset_factory.TabularDatasetFactory",),
    "Dataset.File": ("azureml.data.dataset_factory.FileDatasetFactory",),
    "Run": ("azureml.core.Run", "azureml.core.script_run.ScriptRun"),
    "DockerConfiguration": ("azureml.core.runconfig.DockerConfiguration",),
}


@needs_list
class UseTest(unittest.TestCase):
    """The 442 names that 235 public notebooks use, and the 148 of the labs."""

    def test_the_names_that_notebooks_use_are_there(self):
        modules = defaultdict(list)
        for name in names():
            if name.owner is None:
                modules[name.name].append(name.module)
        rows = [line.split("\t") for line in (SPEC / "sdk_v1_usage.tsv").read_text().splitlines()[1:]]
        table = [(name, int(lab), *self.state(name, modules)) for name, _, lab, _ in rows]
        if os.environ.get("LAZULI_NAMES_TABLE"):
            with open(os.environ["LAZULI_NAMES_TABLE"], "w", encoding="utf-8") as file:
                for row in table:
                    file.write("\t".join(map(str, row)) + "\n")
        for title, part in (("all names", table), ("names of the labs", [row for row in table if row[1] > 0])):
            print(f"\n{title}: {len(part)}, {dict(Counter(state if state != 'later' else f'later: {why}' for _, _, state, why in part))}", file=sys.stderr)
        self.assertEqual([row for row in table if row[2] == "missing"], [])
        allowed = {"pipelines", "deployment", "hyperdrive", "automl", "interpretation"}
        self.assertEqual([row for row in table if row[1] > 0 and row[2] == "later" and row[3] not in allowed], [])

    def state(self, name, modules):
        """(`there` or `later` or `missing`, the area)"""
        if name.startswith("azureml."):
            return self.state_of_path(name)
        owner, _, member = name.rpartition(".")
        if not owner:
            owner, member = name, None
        paths = [*_MEANT.get(owner, ())] or [f"{module}.{owner}" for module in modules.get(owner, ())] or [f"{_ALSO.get(owner, '')}.{owner}"]
        states = [self.state_of_path(path if member is None else f"{path}.{member}") for path in paths]
        return next((state for state in states if state[0] == "there"), next((state for state in states if state[0] == "later"), states[0]))

    def state_of_path(self, path):
        parts = path.split(".")
        for length in range(len(parts) - 1, 0, -1):
            try:
                found = import_module(".".join(parts[:length]))
                break
            except (ImportError, TypeError, ValueError):
                # The last two: nobody told in which module it is.
                continue
        else:
            return "missing", ""
        for part in parts[length:]:
            if isinstance(found, LaterName):
                break
            owner, found = found, getattr_or_member(found, part)
            if isinstance(found, LaterMember):
                return "later", found.area
            if found is _NOTHING:
                return ("there", "") if is_attribute(owner, part) else ("missing", "")
        return ("later", found._later_area) if isinstance(found, LaterName) else ("there", "")


_NOTHING = object()


def getattr_or_member(owner, name):
    if inspect.isclass(owner) and not isinstance(owner, LaterName):
        member = inspect.getattr_static(owner, name, None)
        return member if isinstance(member, LaterMember) else getattr(owner, name, _NOTHING)
    return getattr(owner, name, _NOTHING)


def is_attribute(owner, name):
    """Whether objects of a class have it."""
    return isinstance(owner, type) and is_set_in_init(owner, name)


class LaterTest(unittest.TestCase):
    """The table itself; needs no list."""

    def test_what_comes_later_can_be_imported_and_says_so_when_it_is_used(self):
        from azureml.core.webservice import AciWebservice
        from azureml.pipeline.core import Pipeline
        from azureml.train.hyperdrive import choice

        for use, text in (
            (lambda: Pipeline(None, steps=[]), r"`azureml.pipeline.core.Pipeline` .* `experiment.submit"),
            (lambda: AciWebservice.deploy_configuration(cpu_cores=1), r"`azureml.core.webservice.AciWebservice.deploy_configuration` .* `Model"),
            (lambda: choice(1, 2), r"`azureml.train.hyperdrive.choice` .* ScriptRunConfig"),
            (lambda: type("Mine", (Pipeline,), {}), "azureml.pipeline.core.Pipeline"),
        ):
            with self.assertRaisesRegex(NotImplementedError, text):
                use()
        self.assertFalse(isinstance(3, Pipeline))
        with self.assertRaisesRegex(NotImplementedError, r"`azureml.train.hyperdrive.\*`"):
            exec("from azureml.train.hyperdrive import *", {})

    def test_members_that_come_later_say_so(self):
        from azureml.core import Model, Run

        with self.assertRaisesRegex(NotImplementedError, "`Model.deploy` does not exist in Lazuli yet"):
            Model.deploy(None, "name", [])
        with self.assertRaisesRegex(NotImplementedError, "`Run.find_step_run`"):
            Run(None, "id").find_step_run("step")

    def test_what_sdk_v1_never_had_is_an_import_error(self):
        with self.assertRaises(ImportError):
            from azureml.core import Workspaces  # noqa: F401
        with self.assertRaises(ImportError):
            import azureml.nonsense  # noqa: F401

    def test_every_entry_of_the_table_has_an_area(self):
        areas = {*MODULES.values(), *(area for names_ in NAMES.values() for area in names_), *(area for members in MEMBERS.values() for area in members)}
        self.assertEqual(areas - set(AREAS), set())
        self.assertEqual(set(AREAS) - areas, set())


class ImportTest(unittest.TestCase):
    def test_importing_the_package_reads_nothing_but_the_table(self):
        program = "import sys; before = set(sys.modules); import azureml.core; print(sorted(n for n in set(sys.modules) - before if 'azureml' in n or 'lazuli' in n or n in ('ssl', 'http.client', 'json')))"
        told = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(SDK)}, capture_output=True, text=True, check=True)
        self.assertEqual(told.stdout.strip(), "['azureml', 'azureml.core', 'lazuli', 'lazuli.drop_in', 'lazuli.later', 'lazuli.later_names', 'lazuli.version']")
