"""Workspaces, experiments, runs, models and secrets, by the real daemon."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from azureml.core import Experiment, Keyvault, Model, Run, ScriptRunConfig, Workspace
from azureml.core.authentication import (
    Audience,
    AzureCliAuthentication,
    InteractiveLoginAuthentication,
    ServicePrincipalAuthentication,
    TokenAuthentication,
)
from azureml.core.experiment import ViewType
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.core.run import RunStatus
from azureml.core.script_run import ScriptRun
from azureml.exceptions import ActivityFailedException, ModelNotFoundException, UserErrorException, WebserviceException, WorkspaceException
from lazuli.errors import InvalidError, NotFoundError
from tests.support import SDK, DaemonTestCase


class WorkspaceTest(DaemonTestCase):
    def test_a_workspace_is_made_found_and_listed(self):
        made = Workspace.create("team", subscription_id="sub", resource_group="group", location="westeurope", sku="enterprise", tags={"a": "b"})
        self.assertEqual((made.name, made.subscription_id, made.resource_group, made.location, made.sku), ("team", "sub", "group", "westeurope", "Enterprise"))
        found = Workspace.get("team")
        self.assertEqual(found, made)
        self.assertEqual((found.subscription_id, found.resource_group, found.location, found.sku), ("sub", "group", "westeurope", "Enterprise"))
        found.update(tags={"c": "d"}, friendly_name="The team")
        self.assertEqual((found.tags, found.get_details()["friendlyName"]), ({"a": "b", "c": "d"}, "The team"))
        self.assertEqual({name: [workspace.name for workspace in found] for name, found in Workspace.list("sub").items()}, {"default": ["default"], "team": ["team"]})
        self.assertEqual(repr(made), "Workspace.create(name='team', subscription_id='sub', resource_group='group')")
        details = made.get_details()
        self.assertEqual((details["name"], details["location"], details["sku"], details["tags"]), ("team", "westeurope", "Enterprise", {"a": "b", "c": "d"}))
        with self.assertRaisesRegex(WorkspaceException, "`team` exists already"):
            Workspace.create("team")
        self.assertEqual(Workspace.create("team", exist_ok=True), made)

    def test_what_does_not_exist_is_a_workspace_exception(self):
        for ask in (lambda: Workspace.get("nowhere"), lambda: Workspace("sub", "group", "nowhere")):
            with self.assertRaisesRegex(WorkspaceException, "nowhere"):
                ask()
        with self.assertRaisesRegex(UserErrorException, "`nowhere.json` does not exist"):
            Workspace.from_config("nowhere.json")
        self.assertEqual([*Workspace.list("any")], ["default"])

    def test_a_configuration_is_written_and_read(self):
        Workspace.create("team", subscription_id="sub", resource_group="group").write_config()
        content = json.loads(Path(".azureml/config.json").read_text())
        self.assertEqual(content, {"subscription_id": "sub", "resource_group": "group", "workspace_name": "team"})
        Path("below").mkdir()
        os.chdir("below")
        found = Workspace.from_config()
        self.assertEqual((found.name, found.resource_group), ("team", "group"))

    def test_collections_are_by_name(self):
        workspace = Workspace.from_config()
        Experiment(workspace, "train").start_logging().complete()
        Path("model.pkl").write_text("model")
        Model.register(workspace, "model.pkl", "diabetes")
        self.assertEqual(([*workspace.experiments], [*workspace.models]), (["train"], ["diabetes"]))
        self.assertEqual(workspace.experiments["train"].workspace, workspace)
        self.assertIn("local", workspace.compute_targets)
        self.assertIn("workspaceblobstore", workspace.datastores)
        self.assertEqual(([*workspace.datasets], workspace.webservices), ([], {}))

    def test_mlflows_address_holds_no_secret(self):
        workspace = Workspace.create("team")
        token = (self.home / "token").read_text().strip()
        address = workspace.get_mlflow_tracking_uri()
        self.assertRegex(address, r"^http://127\.0\.0\.1:\d+/workspaces/team$")
        self.assertEqual(os.environ["MLFLOW_TRACKING_TOKEN"], token)
        self.assertIn(token, workspace.get_mlflow_tracking_uri(_with_auth=True))

    def test_every_authentication_answers_with_the_daemons_token(self):
        Workspace.from_config()
        token = (self.home / "token").read_text().strip()
        for authentication in (InteractiveLoginAuthentication(tenant_id="t"), AzureCliAuthentication(), ServicePrincipalAuthentication("t", "id", "hush")):
            self.assertEqual(authentication.get_authentication_header(), {"Authorization": f"Bearer {token}"})
            self.assertEqual(authentication.get_token().token, token)
            self.assertNotIn("hush", repr(vars(authentication)))
            self.assertNotIn(token, repr(authentication))
            self.assertEqual(Workspace.get("default", auth=authentication).name, "default")
        self.assertEqual(TokenAuthentication(lambda audience: f"for {audience.name}").get_token(Audience.aml), "for AZUREML")


class KeyvaultTest(DaemonTestCase):
    def test_secrets_are_kept_and_read_by_runs(self):
        workspace = Workspace.from_config()
        keyvault = workspace.get_default_keyvault()
        self.assertIsInstance(keyvault, Keyvault)
        keyvault.set_secret("storage-key", "hush")
        keyvault.set_secrets({"a": "1", "b": "2"})
        self.assertEqual(keyvault.list_secrets(), [{"name": "a"}, {"name": "b"}, {"name": "storage-key"}])
        self.assertEqual(keyvault.get_secrets(["a", "storage-key"]), {"a": "1", "storage-key": "hush"})
        run = Experiment(workspace, "secrets").start_logging()
        self.assertEqual((run.get_secret("storage-key"), run.get_secrets(["a"])), ("hush", {"a": "1"}))
        run.complete()
        keyvault.delete_secrets(["a", "b"])
        self.assertEqual(keyvault.list_secrets(), [{"name": "storage-key"}])
        with self.assertRaisesRegex(NotFoundError, "`a`"):
            keyvault.get_secret("a")
        for file in (*self.home.rglob("*.db*"), self.home / "daemon.log"):
            self.assertNotIn(b"hush", file.read_bytes(), file)

    def test_a_value_that_is_no_text_is_refused_without_being_shown(self):
        keyvault = Workspace.from_config().get_default_keyvault()
        with self.assertRaises(UserErrorException) as refused:
            keyvault.set_secrets({"a": "1", "b": 4711})
        self.assertNotIn("4711", str(refused.exception))
        self.assertEqual(keyvault.list_secrets(), [])


class ExperimentTest(DaemonTestCase):
    def setUp(self):
        super().setUp()
        self.workspace = Workspace.from_config()
        self.experiment = Experiment(self.workspace, "train")

    def test_it_is_shown_as_sdk_v1_shows_it(self):
        self.assertEqual(repr(self.experiment), "Experiment(Name: train,\nWorkspace: default)")
        self.assertIn("<td>train</td>", self.experiment._repr_html_())
        run = self.experiment.start_logging()
        self.assertEqual(repr(run), f"Run(Experiment: train,\nId: {run.id},\nType: None,\nStatus: Running)")
        self.assertIn(run.get_portal_url(), run._repr_html_())
        run.complete()
        model = Model.register(self.workspace, __file__, "diabetes", tags={"a": "b"})
        self.assertEqual(
            repr(model),
            f"Model(workspace={self.workspace!r}, name=diabetes, id=diabetes:1, version=1, tags={{'a': 'b'}}, properties={{}})",
        )

    def test_it_is_archived_and_brought_back(self):
        self.experiment.start_logging().complete()
        self.experiment.archive()
        self.assertEqual(Experiment.list(self.workspace), [])
        self.assertEqual([found.name for found in Experiment.list(self.workspace, view_type=ViewType.ArchivedOnly)], ["train"])
        self.assertIsNotNone(self.experiment.archived_time)
        self.experiment.reactivate()
        self.assertEqual([found.name for found in Experiment.list(self.workspace)], ["train"])

    def test_it_has_tags(self):
        self.experiment.tag("a", "b")
        self.experiment.set_tags({"c": 1})
        self.assertEqual(Experiment.list(self.workspace, tags={"a": "b"})[0].tags, {"a": "b", "c": "1"})
        self.experiment.remove_tags("a")
        self.assertEqual(self.experiment.tags, {"c": "1"})
        self.assertEqual(Experiment.list(self.workspace, tags={"a": "b"}), [])

    def test_a_runs_code_and_outputs_are_kept_with_it(self):
        Path("code").mkdir()
        Path("code/train.py").write_text("print(1)\n")
        Path("outputs").mkdir()
        Path("outputs/a.txt").write_text("a")
        run = self.experiment.start_logging(outputs="outputs", display_name="first")
        self.assertEqual(run.display_name, "first")
        run.complete()
        self.assertEqual(run.get_file_names(), ["outputs/a.txt"])
        self.assertEqual(run.number, 1)
        self.assertEqual(self.experiment.start_logging().number, 2)
        with self.assertRaisesRegex(InvalidError, "is Completed"):
            run.start()
        with self.assertRaisesRegex(InvalidError, "a run's id cannot be chosen"):
            self.experiment.start_logging(run_id="mine")


class RunTest(DaemonTestCase):
    def setUp(self):
        super().setUp()
        self.workspace = Workspace.from_config()
        self.experiment = Experiment(self.workspace, "train")
        Path("code").mkdir()

    def submit(self, script):
        Path("code/script.py").write_text(script)
        return self.experiment.submit(ScriptRunConfig("code", "script.py"))

    def test_a_script_runs_snapshot_is_restored_as_a_zip(self):
        run = self.submit("print(1)\n")
        run.wait_for_completion()
        archive = run.restore_snapshot(path="snapshots")
        self.assertEqual(archive, f"snapshots/{run.get_snapshot_id()}.zip")
        with zipfile.ZipFile(archive) as content:
            self.assertEqual({name: content.read(name) for name in content.namelist()}, {"script.py": b"print(1)\n"})
        with self.assertRaisesRegex(NotFoundError, "has no snapshot"):
            self.experiment.start_logging().get_snapshot_id()

    def test_a_failure_tells_the_truth(self):
        run = self.submit("import os\nprint('begins')\nprint(nothing)\n")
        with self.assertRaisesRegex(ActivityFailedException, r"is Failed: NameError: name 'nothing' is not defined"):
            run.wait_for_completion()
        self.assertEqual(run.get_status(), RunStatus.FAILED)
        error = run.get_details()["error"]["error"]
        self.assertEqual(error["message"], "NameError: name 'nothing' is not defined")
        self.assertIn("print(nothing)", error["details"])
        self.assertEqual(run.wait_for_completion(raise_on_error=False)["status"], "Failed")

    def test_the_log_is_streamed(self):
        program = (
            "from azureml.core import Experiment, ScriptRunConfig, Workspace\n"
            "Experiment(Workspace.from_config(), 'train').submit(ScriptRunConfig('code', 'script.py')).wait_for_completion(show_output=True)\n"
        )
        Path("code/script.py").write_text("print('hello')\n")
        told = self.script(program, name="notebook.py")
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertRegex(told.stdout, r"(?s)^RunId: train_\S+\nWeb View: http://\S+\n\n.*hello\n.*Execution Summary\n=+\nRunId: train_\S+\nWeb View: \S+\nStatus: Completed\n")

    def test_children_are_found_by_type_and_tag(self):
        parent = self.experiment.start_logging()
        children = parent.create_children(tag_key="fold", tag_values=[1, 2])
        Path("code/script.py").write_text("from azureml.core import Run\nRun.get_context().log('loss', 1)\n")
        submitted = parent.submit_child(ScriptRunConfig("code", "script.py"), tags={"fold": "3"})
        self.assertIsInstance(submitted, ScriptRun)
        submitted.wait_for_completion()
        self.assertEqual(submitted.parent.id, parent.id)
        self.assertEqual([run.id for run in parent.get_children(type="azureml.scriptrun")], [submitted.id])
        self.assertEqual([run.id for run in parent.get_children(tags={"fold": "2"})], [children[1].id])
        children[0].log("loss", 3)
        for child in children:
            child.complete()
        parent.complete()
        self.assertEqual(parent.get_metrics(recursive=True), {children[0].id: {"loss": 3}, submitted.id: {"loss": 1}})
        self.assertEqual([run.id for run in self.experiment.get_runs(type="azureml.scriptrun", include_children=True)], [submitted.id])
        self.assertEqual([run.id for run in self.experiment.get_runs()], [parent.id])
        self.assertIsInstance(self.workspace.get_run(submitted.id), ScriptRun)

    def test_a_description_is_one_for_every_face(self):
        run = self.experiment.start_logging()
        run.description = "what it was for"
        self.assertEqual(run.description, "what it was for")
        self.assertEqual(run.get_tags(), {"mlflow.note.content": "what it was for"})
        run.complete()

    def test_what_kind_a_run_is_of_may_be_told(self):
        run = self.submit("pass\n")
        made = []
        Run.add_type_provider("azureml.scriptrun", lambda experiment, details: made.append(details["runId"]) or ScriptRun(experiment, details["runId"]))
        self.addCleanup(Run._type_providers.clear)
        self.assertEqual(Run.get(self.workspace, run.id).id, run.id)
        self.assertEqual(made, [run.id])
        run.wait_for_completion()

    def test_the_environment_of_a_run_is_told(self):
        run = self.submit("pass\n")
        run.wait_for_completion()
        self.assertEqual(run.get_environment().python.interpreter_path, sys.executable)
        definition = run.get_details()["runDefinition"]
        self.assertEqual((definition["script"], definition["arguments"], definition["target"]), ("script.py", [], "local"))


class ModelTest(DaemonTestCase):
    def setUp(self):
        super().setUp()
        self.workspace = Workspace.from_config()
        Path("model").mkdir()
        Path("model/a.bin").write_text("a")
        Path("model/b.bin").write_text("b")

    def test_a_model_that_is_not_there_is_what_sdk_v1_raises(self):
        for ask in (
            lambda: Model(self.workspace, "nothing"),
            lambda: Model(self.workspace, id="nothing:1"),
            lambda: Model(self.workspace, "nothing", tags=["x"]),
        ):
            for kind in (WebserviceException, ModelNotFoundException):
                with self.assertRaises(kind):
                    ask()
        with self.assertRaisesRegex(WebserviceException, "not of the form `name:version`"):
            Model(self.workspace, id="nothing")

    def test_a_version_is_changed_and_removed(self):
        model = Model.register(self.workspace, "model", "net", tags={"a": "1", "b": "2"})
        model.add_tags({"c": "3"})
        model.remove_tags("a")
        self.assertEqual(model.tags, {"b": "2", "c": "3"})
        model.update(tags={"d": "4"}, description="a network")
        self.assertEqual((Model(self.workspace, "net").tags, model.description), ({"d": "4"}, "a network"))
        self.assertEqual(Model.deserialize(self.workspace, model.serialize()).id, "net:1")
        self.assertRegex(model.url, r"^http://127.0.0.1:\d+/api/workspaces/default/models/net\?version=1$")
        model.delete()
        with self.assertRaises(ModelNotFoundException):
            Model(self.workspace, "net")

    def test_the_path_of_a_model_is_where_its_files_are(self):
        Model.register(self.workspace, "model", "net")
        path = Model.get_model_path("net", _workspace=self.workspace)
        self.assertEqual(path, "azureml-models/net/1/model")
        self.assertEqual(sorted(os.listdir(path)), ["a.bin", "b.bin"])
        Model.register(self.workspace, "model/a.bin", "file")
        program = "import os\nfrom azureml.core import Model, Run\nRun.get_context().log('found', open(Model.get_model_path('file')).read())\n"
        Path("code").mkdir()
        Path("code/script.py").write_text(program)
        run = Experiment(self.workspace, "score").submit(ScriptRunConfig("code", "script.py"))
        run.wait_for_completion()
        self.assertEqual(run.get_metrics(), {"found": "a"})
        # Without a daemon, as in a web service: what is there is found, in its newest version.
        Path("served/net/7").mkdir(parents=True)
        Path("served/net/7/model.pkl").write_text("x")
        told = subprocess.run(
            [sys.executable, "-c", "from azureml.core import Model; print(Model.get_model_path('net'))"],
            env={"AZUREML_MODEL_DIR": "served", "PYTHONPATH": str(SDK), "LAZULI_HOME": "nowhere", "PATH": ""}, capture_output=True, text=True, check=True,
        )
        self.assertEqual(told.stdout, "served/net/7/model.pkl\n")


class ResourceConfigurationTest(DaemonTestCase):
    def test_amounts_are_numbers(self):
        self.assertEqual(ResourceConfiguration(1, 0.5).serialize(), {"cpu": 1, "memoryInGB": 0.5, "gpu": None})
        with self.assertRaisesRegex(UserErrorException, "cpu='one' is no amount"):
            ResourceConfiguration(cpu="one")
