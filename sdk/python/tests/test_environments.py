"""Environments that are registered, made and used by scripts, by the real daemon and its agent."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

from azureml.core import Environment, Experiment, RunConfiguration, ScriptRunConfig, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.runconfig import MpiConfiguration, PyTorchConfiguration
from azureml.exceptions import ActivityFailedException, ExperimentExecutionException, UserErrorException
from lazuli.errors import ConflictError, InvalidError, NotFoundError
from tests.support import DaemonTestCase, skip_loudly

needs_mpirun = (lambda test: test) if shutil.which("mpirun") else skip_loudly("no mpirun: `apt-get install openmpi-bin`")


def as_list(value):
    return value if isinstance(value, list) else [value] if value is not None else []


class RegisteredTest(DaemonTestCase):
    def setUp(self):
        super().setUp()
        self.workspace = Workspace.from_config()

    def environment(self, *packages):
        environment = Environment("training")
        environment.python.conda_dependencies = CondaDependencies.create(conda_packages=["scikit-learn"], pip_packages=[*packages], python_version="3.8")
        environment.environment_variables = {"A": "b"}
        environment.docker.enabled = True
        return environment

    def test_the_same_environment_is_the_same_version(self):
        first = self.environment("joblib").register(self.workspace)
        self.assertEqual((first.name, first.version), ("training", "1"))
        self.assertEqual(self.environment("joblib").register(self.workspace).version, "1")
        second = self.environment("joblib", "tqdm").register(self.workspace)
        self.assertEqual(second.version, "2")
        self.assertEqual(Environment.get(self.workspace, "training").version, "2")
        found = Environment.get(self.workspace, "training", version="1")
        self.assertEqual(found.python.conda_dependencies, self.environment("joblib").python.conda_dependencies)
        self.assertEqual((found.environment_variables, found.docker.enabled), ({"A": "b"}, True))
        Environment.label(self.workspace, "training", "1", ["production"])
        self.assertEqual(Environment.get(self.workspace, "training", label="production").version, "1")
        self.assertEqual(self.workspace.environments["training"].version, "2")
        with self.assertRaisesRegex(NotFoundError, "trainig"):
            Environment.get(self.workspace, "trainig")
        with self.assertRaisesRegex(InvalidError, "a version and a label"):
            Environment.get(self.workspace, "training", "1", "production")

    def test_curated_environments_are_there(self):
        curated = {name: found for name, found in Environment.list(self.workspace).items() if name.startswith("AzureML")}
        self.assertTrue(curated)
        for environment in curated.values():
            self.assertIn("python", environment.python.conda_dependencies.serialize_to_string())
        cloned = next(iter(curated.values())).clone("mine")
        cloned.python.conda_dependencies.add_pip_package("joblib")
        self.assertEqual(cloned.register(self.workspace).name, "mine")

    def test_it_is_kept_in_a_folder(self):
        environment = self.environment("joblib")
        environment.save_to_directory("saved")
        loaded = Environment.load_from_directory("saved")
        self.assertEqual(loaded, environment)
        with self.assertRaisesRegex(ConflictError, "`saved` exists already"):
            environment.save_to_directory("saved")
        with self.assertRaisesRegex(NotFoundError, "`nowhere` holds no"):
            Environment.load_from_directory("nowhere")

    def test_conda_files_and_run_configurations_are_read(self):
        Path("environment.yml").write_text("name: simple\ndependencies:\n# a comment\n- python=3.6.2\n- scikit-learn\n- pip:\n  - azureml-defaults\n")
        environment = Environment.from_conda_specification("training", "environment.yml")
        packages = environment.python.conda_dependencies
        self.assertEqual(([*packages.conda_packages], [*packages.pip_packages]), (["python=3.6.2", "scikit-learn"], ["azureml-defaults"]))
        Path("broken.yml").write_text("dependencies:\n- python=3.6\n  - pip: [\n")
        with self.assertRaisesRegex(UserErrorException, "broken.yml.*line"):
            Environment.from_conda_specification("training", "broken.yml")
        with self.assertRaisesRegex(UserErrorException, "the file `nowhere.yml` is not there"):
            Environment.from_conda_specification("training", "nowhere.yml")
        configuration = RunConfiguration(script="train.py", arguments=["--reg", "0.1"])
        configuration.environment = self.environment("joblib")
        configuration.environment_variables = {"C": "d"}
        configuration.target = "cpu"
        configuration.save(name="train", separate_environment_yaml=True)
        loaded = RunConfiguration.load(".", "train")
        self.assertEqual(loaded, configuration)
        self.assertEqual((loaded.target, loaded.arguments, loaded.environment_variables), ("cpu", ["--reg", "0.1"], {"C": "d"}))
        with self.assertRaisesRegex(NotFoundError, "no run configuration `other`"):
            RunConfiguration.load(".", "other")


#: The keys that SDK v1 writes, each with another value than it has by itself.
RUN_CONFIGURATION = """\
script: train.py
arguments:
- --a
- '1'
target: cpu
framework: Python
communicator: IntelMpi
maxRunDurationSeconds: 60
nodeCount: 2
priority: 3
environment:
  name: training
  version:
  environmentVariables:
    A: b
  python:
    userManagedDependencies: false
    interpreterPath: python
    condaDependenciesFile: .azureml/conda_dependencies.yml
    baseCondaEnvironment:
  docker:
    enabled: true
    baseImage: image
    baseDockerfile:
    buildContext:
    sharedVolumes: false
    shmSize: 1g
    arguments: []
    baseImageRegistry:
      address:
      username:
      password:
      registryIdentity:
    platform:
      os: Linux
      architecture: amd64
  spark:
    repositories: []
    packages: []
    precachePackages: true
  databricks:
    mavenLibraries: []
    pypiLibraries: []
    rcranLibraries: []
    jarLibraries: []
    eggLibraries: []
  r:
  inferencingStackVersion:
  assetId:
history:
  outputCollection: true
  snapshotProject: true
  directoriesToWatch:
  - logs
spark:
  configuration:
    spark.app.name: Mine
docker:
  useDocker: true
  sharedVolumes: true
  arguments: []
  shmSize: 2g
hdi:
  yarnDeployMode: client
tensorflow:
  workerCount: 2
  parameterServerCount: 1
mpi:
  processCountPerNode: 2
  nodeCount: 1
pytorch:
  communicationBackend: nccl
  processCount:
  nodeCount: 1
paralleltask:
  maxRetriesPerWorker: 1
  workerCountPerNode: 1
  terminalExitCodes:
dataReferences:
  data:
    dataStoreName: workspaceblobstore
    mode: download
    pathOnDataStore: diabetes
    pathOnCompute:
    overwrite: true
data: {}
datacaches: []
outputData: {}
sourceDirectoryDataStore:
amlcompute:
  vmSize: STANDARD_D2
  vmPriority:
  retainCluster: false
  name:
  clusterMaxNodeCount: 2
autoClusterComputeSpecification:
kubernetescompute:
  instanceType:
credentialPassthrough: false
command: ''
environmentVariables: {}
applicationEndpoints: {}
"""


class RunConfigurationFileTest(DaemonTestCase):
    def test_a_file_of_sdk_v1_is_read_whole(self):
        Path(".azureml").mkdir()
        Path(".azureml/train.runconfig").write_text(RUN_CONFIGURATION)
        Path(".azureml/conda_dependencies.yml").write_text("dependencies:\n- python=3.8\n- pip:\n  - six\n")
        with mock.patch("lazuli.config_element.say_once") as said:
            loaded = RunConfiguration.load(".", "train")
        self.assertEqual(said.call_args_list, [])
        self.assertEqual((loaded.script, loaded.arguments, loaded.target, loaded.node_count), ("train.py", ["--a", "1"], "cpu", 2))
        self.assertEqual((loaded.communicator, loaded.max_run_duration_seconds, loaded.priority), ("IntelMpi", 60, 3))
        self.assertEqual([*loaded.environment.python.conda_dependencies.pip_packages], ["six"])
        self.assertEqual(loaded.environment.environment_variables, {"A": "b"})
        self.assertEqual((loaded.environment.docker.base_image, loaded.docker.use_docker), ("image", True))
        self.assertEqual((loaded.mpi.process_count_per_node, loaded.paralleltask.max_retries_per_worker), (2, 1))
        self.assertEqual((loaded.amlcompute.cluster_max_node_count, loaded.spark.configuration), (2, {"spark.app.name": "Mine"}))
        reference = loaded.data_references["data"]
        self.assertEqual((reference.datastore_name, reference.path_on_datastore, reference.overwrite), ("workspaceblobstore", "diabetes", True))
        # What is printed is what a file holds, and as JSON.
        self.assertEqual(json.loads(str(loaded))["paralleltask"]["maxRetriesPerWorker"], 1)
        loaded.save(name="again")
        self.assertEqual(RunConfiguration.load(".", "again"), loaded)


class BuiltTest(DaemonTestCase):
    """These need the package index."""

    def setUp(self):
        super().setUp()
        self.workspace = Workspace.from_config()
        self.experiment = Experiment(self.workspace, "scripts")
        Path("code").mkdir()

    def submit(self, script, environment=None, **options):
        Path("code/script.py").write_text(script)
        return self.experiment.submit(ScriptRunConfig("code", "script.py", environment=environment, **options))

    def packages(self, *names, **options):
        environment = Environment("training")
        environment.python.conda_dependencies = CondaDependencies(_underlying_structure={"name": "t", "dependencies": [{"pip": [*names]}]})
        for name, value in options.items():
            setattr(environment.python, name, value)
        return environment

    def test_an_environment_is_made_with_a_log(self):
        build = self.packages("six==1.16.0").build(self.workspace)
        build.wait_for_completion(show_output=False)
        self.assertEqual(build.status, "Succeeded")
        self.assertIn("six", build.get_log())
        run = self.submit("import six\nfrom azureml.core import Run\nRun.get_context().log('six', six.__version__)\n", Environment.get(self.workspace, "training"))
        run.wait_for_completion()
        self.assertEqual(run.get_metrics(), {"six": "1.16.0"})
        given = run.get_environment()
        self.assertEqual((given.name, given.version, [*given.python.conda_dependencies.pip_packages]), ("training", "1", ["six==1.16.0"]))

    def test_a_package_that_does_not_exist_fails_the_run_in_one_sentence(self):
        run = self.submit("print(1)\n", self.packages("lazuli-test-no-such-package-4711"))
        with self.assertRaisesRegex(ActivityFailedException, "lazuli-test-no-such-package-4711"):
            run.wait_for_completion()
        self.assertEqual(run.get_status(), "Failed")

    def test_variables_of_environment_and_configuration_reach_the_script(self):
        environment = Environment("training")
        environment.environment_variables = {"A": "environment", "B": "environment"}
        config = ScriptRunConfig("code", "script.py", environment=environment)
        config.run_config.environment_variables = {"B": "configuration"}
        Path("code/script.py").write_text("import os\nfrom azureml.core import Run\nrun = Run.get_context()\n[run.log(n, os.environ[n]) for n in 'AB']\n")
        run = self.experiment.submit(config)
        run.wait_for_completion()
        self.assertEqual(run.get_metrics(), {"A": "environment", "B": "configuration"})

    def test_ten_runs_that_ask_at_once_make_one_environment(self):
        Path("code/script.py").write_text("import six\n")
        runs, errors = [], []

        def one():
            try:
                runs.append(self.experiment.submit(ScriptRunConfig("code", "script.py", environment=self.packages("six"))))
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=one) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        for run in runs:
            run.wait_for_completion()
        made = self.workspace._client.get("/api/cached-environments")
        self.assertEqual(len(made), 1, made)

    def test_a_command_runs_in_the_folder(self):
        Path("code/a.txt").write_text("a")
        run = self.experiment.submit(ScriptRunConfig("code", command=["ls", "&&", "python -c 'print(40 + 2)'"]))
        run.wait_for_completion()
        log = "".join(run.get_details_with_logs()["logFiles"].values())
        self.assertIn("a.txt\n", log)
        self.assertIn("42\n", log)

    def test_processes_know_each_other(self):
        script = "import os\nfrom azureml.core import Run\nRun.get_context().log('ranks', int(os.environ['{0}RANK']))\nassert os.environ['{0}{1}SIZE'] == '2'\n"
        run = self.submit(script.format("", "WORLD_"), distributed_job_config=PyTorchConfiguration(process_count=2))
        run.wait_for_completion()
        self.assertEqual(sorted(run.get_metrics()["ranks"]), [0, 1])
        run = self.submit(script.format("OMPI_COMM_WORLD_", ""), distributed_job_config=MpiConfiguration(process_count_per_node=2))
        if shutil.which("mpirun") is None:
            self.assertNotIn("CI", os.environ, "`apt-get install openmpi-bin`; on CI nothing is skipped")
            # Processes that only look like MPI's would each compute alone.
            with self.assertRaisesRegex(ActivityFailedException, "the program `mpirun`, which starts 2 MPI processes, was not found"):
                run.wait_for_completion()
            return
        run.wait_for_completion()
        self.assertEqual(sorted(run.get_metrics()["ranks"]), [0, 1])

    @needs_mpirun
    def test_what_each_rank_says_has_a_log_of_its_own(self):
        told = subprocess.run(["mpirun", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        if "(Open MPI) 4." not in told:
            self.skipTest(f"only Open MPI 4 writes them: {told.splitlines()[0]}")
        script = (
            "import os, sys\n"
            "rank = os.environ['OMPI_COMM_WORLD_RANK']\n"
            "for number in range(300):\n"
            "    sys.stderr.write(f'{number} begins')\n"
            "    sys.stderr.write(f' on {rank}\\n')\n"
            "    print(f'{number} ends on {rank}', flush=True)\n"
            "sys.exit('end of ' + rank if rank == '1' else 0)\n"
        )
        run = self.submit(script, distributed_job_config=MpiConfiguration(process_count_per_node=2))
        run.wait_for_completion(raise_on_error=False)
        logs = run.get_details_with_logs()["logFiles"]
        common = logs.pop("user_logs/std_log.txt")
        # Both streams of a process, in its own order and line by line.
        said = {rank: "".join(f"{number} begins on {rank}\n{number} ends on {rank}\n" for number in range(300)) for rank in (0, 1)}
        self.assertEqual(logs, {"user_logs/std_log_process_0.txt": said[0], "user_logs/std_log_process_1.txt": said[1] + "end of 1\n"})
        for piece in ("299 ends on 0", "299 ends on 1", "end of 1"):
            self.assertIn(piece, common)
        self.assertIn("user_logs/std_log_process_1.txt", run.get_file_names())

    @needs_mpirun
    def test_a_rank_that_fails_fails_the_run_and_ends_the_others(self):
        script = "import os, time\nif os.environ['OMPI_COMM_WORLD_RANK'] == '1':\n    raise ValueError('rank one has no data')\ntime.sleep(600)\n"
        run = self.submit(script, distributed_job_config=MpiConfiguration(process_count_per_node=2))
        run.wait_for_completion(raise_on_error=False)
        self.assertEqual(run.get_status(), "Failed")
        self.assertIn("ValueError: rank one has no data", str(run.get_details()["error"]))

    @needs_mpirun
    def test_a_cancel_ends_every_rank(self):
        script = "import os, time\nfrom azureml.core import Run\nRun.get_context().log('pids', os.getpid())\nRun.get_context().flush()\ntime.sleep(600)\n"
        run = self.submit(script, distributed_job_config=MpiConfiguration(process_count_per_node=2))
        pids = self.until(lambda: [int(pid) for pid in as_list(run.get_metrics().get("pids"))], lambda pids: len(pids) == 2)
        run.cancel()
        run.wait_for_completion(raise_on_error=False)
        self.assertEqual(run.get_status(), "Canceled")
        self.until(lambda: [pid for pid in pids if os.path.exists(f"/proc/{pid}")], lambda alive: not alive)

    def until(self, ask, is_enough, patience=60):
        end = time.monotonic() + patience
        while not is_enough(found := ask()):
            self.assertLess(time.monotonic(), end, found)
            time.sleep(0.05)
        return found

    def test_a_run_that_takes_too_long_is_ended(self):
        run = self.submit("import time\ntime.sleep(60)\n", max_run_duration_seconds=1)
        run.wait_for_completion(raise_on_error=False)
        self.assertIn(run.get_status(), ("Failed", "Canceled"))

    def test_what_is_not_there_is_said_when_it_is_submitted(self):
        Path("code/script.py").write_text("print(1)\n")
        with self.assertRaisesRegex(ExperimentExecutionException, "nowhere"):
            self.experiment.submit(ScriptRunConfig("code", "script.py", compute_target="nowhere"))
        self.assertEqual([*self.experiment.get_runs()], [])

    def test_an_interpreter_is_used_as_it_is(self):
        environment = Environment("mine")
        environment.python.user_managed_dependencies = True
        environment.python.interpreter_path = sys.executable
        run = self.submit("import sys\nfrom azureml.core import Run\nRun.get_context().log('python', sys.executable)\n", environment)
        run.wait_for_completion()
        self.assertEqual(os.path.realpath(run.get_metrics()["python"]), os.path.realpath(sys.executable))
