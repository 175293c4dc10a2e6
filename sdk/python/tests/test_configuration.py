"""Environments, run configurations and estimators as objects; nothing here asks the daemon."""

import json
import logging
import unittest
from pathlib import Path

from azureml.core import Environment, RunConfiguration, ScriptRunConfig
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.container_registry import ContainerRegistry
from azureml.core.runconfig import MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration
from azureml.exceptions import UserErrorException
from azureml.train.dnn import PyTorch, TensorFlow
from azureml.train.estimator import Estimator, Mpi, Nccl, ParameterServer
from azureml.train.sklearn import SKLearn
from lazuli import yaml_text
from lazuli.said_once import say_once
from tests.support import HomeTestCase


class CondaDependenciesTest(unittest.TestCase):
    def test_packages_are_kept_as_conda_writes_them(self):
        packages = CondaDependencies.create(conda_packages=["scikit-learn", "pandas=1.5"], pip_packages=["joblib", "azureml-defaults"])
        self.assertEqual(
            packages.as_dict(),
            {
                "name": "project_environment",
                "channels": ["anaconda", "conda-forge"],
                "dependencies": ["python=3.10.18", {"pip": ["joblib", "azureml-defaults"]}, "scikit-learn", "pandas=1.5"],
            },
        )
        self.assertEqual([*packages.conda_packages], ["python=3.10.18", "scikit-learn", "pandas=1.5"])
        self.assertEqual([*packages.pip_packages], ["joblib", "azureml-defaults"])
        self.assertEqual(packages.get_python_version(), "3.10.18")

    def test_a_package_that_is_added_again_replaces_the_first(self):
        packages = CondaDependencies()
        packages.add_conda_package("scikit-learn=0.22")
        packages.add_conda_package("Scikit_Learn")
        packages.add_pip_package("numpy>=1.20")
        packages.add_pip_package("numpy==1.23")
        self.assertEqual([*packages.conda_packages], ["python=3.10.18", "Scikit_Learn"])
        self.assertEqual([*packages.pip_packages], ["azureml-defaults", "numpy==1.23"])
        packages.remove_conda_package("scikit-learn")
        packages.remove_pip_package("numpy")
        self.assertEqual(([*packages.conda_packages], [*packages.pip_packages]), (["python=3.10.18"], ["azureml-defaults"]))

    def test_options_channels_and_the_python(self):
        packages = CondaDependencies()
        packages.set_pip_option("--pre")
        packages.set_pip_index_url("--index-url https://example.org/simple")
        packages.add_channel("pytorch")
        packages.add_channel("pytorch")
        packages.remove_channel("anaconda")
        packages.set_python_version("3.8")
        self.assertEqual([*packages.pip_options], ["--index-url https://example.org/simple", "--pre"])
        self.assertEqual([*packages.conda_channels], ["conda-forge", "pytorch"])
        self.assertEqual(packages.get_python_version(), "3.8")
        packages.remove_pip_option("--index-url")
        packages.set_pip_requirements(["a", "b==1"])
        self.assertEqual(([*packages.pip_options], [*packages.pip_packages]), (["--pre"], ["a", "b==1"]))
        self.assertEqual(CondaDependencies.merge_requirements(["numpy>=1", "numpy<2", "pandas"]), ["numpy>=1,<2", "pandas"])

    def test_it_is_written_as_yaml(self):
        text = CondaDependencies.create(pip_packages=["pandas>=1,<2", "-e ."], python_version="3.8").serialize_to_string()
        self.assertEqual(
            text,
            "name: project_environment\ndependencies:\n- python=3.8\n- pip:\n"
            '  - azureml-defaults\n  - "pandas>=1,<2"\n  - "-e ."\nchannels:\n- anaconda\n- conda-forge\n',
        )

    def test_what_is_no_package_is_refused(self):
        with self.assertRaisesRegex(UserErrorException, "the pip package 3 is none"):
            CondaDependencies().add_pip_package(3)


class YamlTextTest(unittest.TestCase):
    def test_texts_that_yaml_would_read_as_something_else_are_quoted(self):
        value = {"a": ["1", 1, True, "true", None, "null", "no", "", " x", "a: b", "#c", "é", [], {}], "b": {"c": {"d": "e f"}}}
        self.assertEqual(
            yaml_text.dump(value),
            'a:\n- "1"\n- 1\n- true\n- "true"\n- null\n- "null"\n- "no"\n- ""\n- " x"\n- "a: b"\n- "#c"\n- "é"\n- []\n- {}\nb:\n  c:\n    d: e f\n',
        )


class EnvironmentTest(HomeTestCase):
    def test_its_json_is_that_of_sdk_v1(self):
        environment = Environment("training")
        environment.environment_variables = {"A": "b", "N": 3}
        shown = json.loads(repr(environment))
        self.assertEqual(
            sorted(shown), ["assetId", "databricks", "docker", "environmentVariables", "inferencingStackVersion", "name", "python", "r", "spark", "version"]
        )
        self.assertEqual(shown["environmentVariables"], {"A": "b", "N": "3"})
        self.assertEqual(
            sorted(shown["python"]), ["baseCondaEnvironment", "condaDependencies", "condaDependenciesFile", "interpreterPath", "userManagedDependencies"]
        )
        self.assertEqual(str(environment), "Environment(Name: training,\nVersion: None)")

    def test_a_misspelled_setting_is_refused(self):
        environment = Environment("training")
        with self.assertRaisesRegex(AttributeError, "PythonSection has no attribute `user_managed`; it has .*user_managed_dependencies"):
            environment.python.user_managed = True
        with self.assertRaisesRegex(AttributeError, "DockerSection has no attribute `image`"):
            environment.docker.image = "x"

    def test_a_clone_shares_nothing(self):
        environment = Environment("training")
        cloned = environment.clone("other")
        cloned.python.conda_dependencies.add_pip_package("joblib")
        cloned.environment_variables["A"] = "b"
        self.assertEqual((environment.name, [*environment.python.conda_dependencies.pip_packages]), ("training", ["azureml-defaults"]))
        self.assertEqual(environment.environment_variables, {})
        self.assertEqual((cloned.name, cloned.version), ("other", None))

    def test_requirements_and_dockerfiles_are_read(self):
        Path("more.txt").write_text("pandas\n")
        Path("requirements.txt").write_text("# packages\nscikit-learn==1.2  # pinned\n--pre\n-r more.txt\n\n")
        environment = Environment.from_pip_requirements("training", "requirements.txt")
        packages = environment.python.conda_dependencies
        self.assertEqual(([*packages.pip_packages], [*packages.pip_options]), (["scikit-learn==1.2", "pandas"], ["--pre"]))
        Path("Dockerfile").write_text("FROM python:3.8\n")
        environment = Environment.from_dockerfile("training", "Dockerfile")
        self.assertEqual((environment.docker.base_dockerfile, environment.docker.base_image), ("FROM python:3.8\n", None))
        environment = Environment.from_docker_image("training", "python:3.8", pip_requirements="requirements.txt")
        self.assertEqual(environment.docker.base_image, "python:3.8")
        with self.assertRaisesRegex(UserErrorException, "the file `nowhere.txt` is not there"):
            Environment.from_pip_requirements("training", "nowhere.txt")

    def test_a_registrys_password_goes_nowhere(self):
        environment = Environment("training")
        environment.docker.base_image_registry = ContainerRegistry()
        environment.docker.base_image_registry.password = "hush"
        for text in (repr(environment), json.dumps(environment._definition()), repr(environment.docker)):
            self.assertNotIn("hush", text)

    def test_what_nobody_touched_is_this_python_as_it_is(self):
        self.assertIsNone(Environment("training")._for_job())
        environment = Environment("training")
        environment.python.conda_dependencies.add_pip_package("joblib")
        self.assertEqual(environment._for_job()["name"], "training")
        environment = Environment("training")
        environment.python.user_managed_dependencies = True
        self.assertTrue(environment._for_job()["definition"]["python"]["user_managed"])


class RunConfigurationTest(HomeTestCase):
    def test_targets_are_given_by_name_or_as_they_are(self):
        configuration = RunConfiguration()
        configuration.target = "cpu-cluster"
        self.assertEqual(configuration.target, "cpu-cluster")
        from azureml.core.compute_target import LocalTarget

        configuration.target = LocalTarget()
        self.assertEqual(configuration.target, "local")
        with self.assertRaisesRegex(AttributeError, "RunConfiguration has no attribute `compute_target`"):
            configuration.compute_target = "cpu"

    def test_it_is_written_where_sdk_v1_looks_for_it(self):
        configuration = RunConfiguration(script="train.py", arguments=["--reg", 0.1])
        configuration.save(name="train")
        self.assertIn("script: train.py\n", Path(".azureml/train.runconfig").read_text())
        configuration.save(path="elsewhere.runconfig", separate_environment_yaml=True)
        self.assertIn("environmentFile: default_environment.yml", Path("elsewhere.runconfig").read_text())
        RunConfiguration.delete(".", "train")
        self.assertFalse(Path(".azureml/train.runconfig").exists())

    def test_what_is_wrong_is_said_at_once(self):
        for message, options in (
            ("the run has no script", {}),
            ("a script and a command", {"script": "train.py", "command": "ls"}),
            ("environment= got a str", {"script": "train.py", "environment": "training"}),
            ("resume_from= got a str", {"script": "train.py", "resume_from": "run"}),
        ):
            with self.assertRaisesRegex(UserErrorException, message):
                ScriptRunConfig(".", **options)

    def test_how_many_processes_there_are(self):
        def distributed(configuration):
            return ScriptRunConfig(".", "train.py", distributed_job_config=configuration)._distributed()

        self.assertIsNone(distributed(None))
        self.assertEqual(distributed(MpiConfiguration(2)), {"framework": "mpi", "processes": 2})
        self.assertEqual(distributed(PyTorchConfiguration(process_count=4, node_count=2)), {"framework": "pytorch", "processes": 4})
        self.assertEqual(distributed(TensorflowConfiguration(2, 1)), {"framework": "tensorflow", "processes": 2, "parameter_servers": 1})
        configuration = RunConfiguration(communicator="IntelMpi")
        configuration.mpi.process_count_per_node = 3
        self.assertEqual(ScriptRunConfig(".", "train.py", run_config=configuration)._distributed(), {"framework": "mpi", "processes": 3})
        with self.assertRaisesRegex(UserErrorException, "process_count_per_node=0 is no count"):
            distributed(MpiConfiguration(0))
        with self.assertRaisesRegex(UserErrorException, "distributed_job_config= got a str"):
            distributed("mpi")


class EstimatorTest(HomeTestCase):
    def test_an_estimator_is_a_script_with_its_packages(self):
        estimator = Estimator(
            "code", "cpu", entry_script="train.py", script_params={"--reg": 0.1, "--fast": ""}, conda_packages=["pandas"], pip_packages=["joblib"],
            environment_variables={"A": "b"}, node_count=2, process_count_per_node=2, distributed_training=Mpi(3),
        )
        self.assertEqual((estimator.source_directory, estimator.script, estimator.arguments), ("code", "train.py", ["--reg", 0.1, "--fast"]))
        self.assertEqual((estimator.run_config.target, estimator.run_config.environment_variables), ("cpu", {"A": "b"}))
        self.assertEqual([*estimator.conda_dependencies.conda_packages], ["python=3.10.18", "pandas"])
        self.assertEqual([*estimator.conda_dependencies.pip_packages], ["azureml-defaults", "joblib"])
        self.assertEqual(estimator._distributed(), {"framework": "mpi", "processes": 6})

    def test_backends_of_old_estimators(self):
        def distributed(**options):
            return PyTorch("code", entry_script="train.py", **options)._distributed()

        self.assertEqual(distributed(node_count=2, distributed_training=Nccl()), {"framework": "pytorch", "processes": 2})
        self.assertEqual(distributed(distributed_backend="mpi", process_count_per_node=2), {"framework": "mpi", "processes": 2})
        estimator = TensorFlow("code", entry_script="train.py", distributed_training=ParameterServer(2, 1))
        self.assertEqual(estimator._distributed(), {"framework": "tensorflow", "processes": 2, "parameter_servers": 1})
        with self.assertRaisesRegex(UserErrorException, "distributed_backend='x' is none"):
            distributed(distributed_backend="x")

    def test_frameworks_bring_their_packages(self):
        self.assertEqual(
            [*SKLearn("code", entry_script="train.py").conda_dependencies.pip_packages], ["azureml-defaults", "scikit-learn", "joblib", "pandas"]
        )
        pinned = SKLearn("code", entry_script="train.py", pip_packages=["scikit-learn==1.1"])
        self.assertEqual([*pinned.conda_dependencies.pip_packages], ["azureml-defaults", "scikit-learn==1.1", "joblib", "pandas"])
        self.assertIn("torch==1.4.*", [*PyTorch("code", entry_script="train.py", framework_version="1.4").conda_dependencies.pip_packages])
        self.assertEqual((TensorFlow.FRAMEWORK_NAME, TensorFlow.DEFAULT_VERSION), ("TensorFlow", "1.13"))
        self.assertIn("2.0", TensorFlow.get_supported_versions())
        with self.assertRaisesRegex(UserErrorException, "PyTorch 99 is none of the versions"):
            PyTorch("code", entry_script="train.py", framework_version="99")

    def test_a_given_environment_is_used_as_it_is(self):
        environment = Environment("mine")
        estimator = Estimator("code", entry_script="train.py", environment_definition=environment)
        self.assertIs(estimator.run_config.environment, environment)


class SaidOnceTest(unittest.TestCase):
    def test_what_means_nothing_here_is_said_once(self):
        with self.assertLogs("lazuli", logging.WARNING) as logs:
            say_once("vm_size='X' of a test", "is kept as a setting")
            say_once("vm_size='X' of a test", "is kept as a setting")
        self.assertEqual(logs.output, ["WARNING:lazuli:lazuli: vm_size='X' of a test is kept as a setting"])


if __name__ == "__main__":
    unittest.main()
