"""Environments that a real conda makes, of a channel of our own."""

import os
import shutil
import subprocess
import unittest
from pathlib import Path

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from tests.conda_channel import PYTHON, SITE_PACKAGES, Channel
from tests.support import TARGET, DaemonTestCase, skip_loudly

#: The newest conda that pip installs, and the last YAML reader that it works with. They need Python 3.6.
PACKAGES = ["conda==4.3.16", "ruamel.yaml==0.15.100"]
FOLDER = TARGET / PACKAGES[0]


def setUpModule():
    """Installs conda once for all runs of the tests."""
    if (FOLDER / ".installed").exists():
        return
    python = python_3_6()
    if python is None:
        reason = "conda cannot be installed without Python 3.6: `pyenv install 3.6`"
        skip_loudly(reason)
        raise unittest.SkipTest(reason)
    try:
        install(python)
    except subprocess.CalledProcessError as error:
        if os.environ.get("CI"):
            raise
        reason = f"conda could not be installed: {error}"
        skip_loudly(reason)
        raise unittest.SkipTest(reason) from None


def python_3_6():
    candidates = [shutil.which("python3.6"), *map(str, Path.home().glob(".pyenv/versions/3.6*/bin/python3.6"))]
    for candidate in filter(None, candidates):
        # One of pyenv's programs may stand for a Python that is not chosen.
        told = subprocess.run([candidate, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=False)
        if told.stdout.split() == ["3", "6"]:
            return candidate
    return None


def install(python):
    shutil.rmtree(FOLDER, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(FOLDER)], check=True)
    # Of the programs that pip installs, `conda` refuses to run.
    own_python = FOLDER / "bin" / "python"
    subprocess.run([str(own_python), "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    # `conda` alone in a folder, because no script is to find its `python`; it finds `conda-env` beside that.
    for program, module in {"programs/conda": "conda.cli", "bin/conda-env": "conda_env.cli.main"}.items():
        path = FOLDER / program
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{own_python}\nimport sys\nfrom {module} import main\nsys.exit(main())\n")
        path.chmod(0o755)
    (FOLDER / ".installed").touch()


class CondaTest(DaemonTestCase):
    def setUp(self):
        super().setUp()
        os.environ["PATH"] = os.pathsep.join([str(FOLDER / "programs"), os.environ["PATH"]])
        # Neither the packages nor the settings of who runs the tests.
        os.environ["CONDA_PKGS_DIRS"] = str(self.folder / "packages")
        os.environ["CONDA_ENVS_DIRS"] = str(self.folder / "environments")
        os.environ["CONDARC"] = str(self.folder / "condarc")
        self.channel = Channel(self.folder / "channel")
        self.channel.add("noarch", "house-greeting", "1.2", {f"{SITE_PACKAGES}/house_greeting.py": "WORD = 'hello'\n"}, depends=["python"])
        self.address = self.channel.serve(self)
        self.experiment = Experiment(Workspace.from_config(), "conda")
        Path("code").mkdir()
        Path("code/script.py").write_text(
            "import sys, house_greeting, six\n"
            "from azureml.core import Run\n"
            "run = Run.get_context()\n"
            "run.log('greeting', house_greeting.WORD)\n"
            "run.log('six', six.__version__)\n"
            "run.log('prefix', sys.prefix)\n"
        )

    def submit(self, conda_packages, pip_packages=(), channels=None):
        environment = Environment("of-conda")
        environment.python.conda_dependencies = CondaDependencies(
            _underlying_structure={
                "name": "of-conda",
                "channels": channels or [self.address, "nodefaults"],
                "dependencies": [f"python={PYTHON}", *conda_packages, {"pip": [*pip_packages]}],
            }
        )
        run = self.experiment.submit(ScriptRunConfig("code", "script.py", environment=environment))
        run.wait_for_completion(raise_on_error=False)
        return run

    def log(self, run):
        return "".join(run.get_details_with_logs()["logFiles"].values())

    def error(self, run):
        self.assertEqual(run.get_status(), "Failed", self.log(run))
        return run.get_details()["error"]["error"]["message"]

    def made(self):
        return self.experiment.workspace._client.get("/api/cached-environments")

    def test_conda_makes_the_conda_part_and_uv_the_pip_part_once(self):
        run = self.submit(["house-greeting=1.2"], ["six==1.16.0"])
        log = self.log(run)
        self.assertEqual(run.get_status(), "Completed", log)
        (made,) = self.made()
        prefix = self.home / "environments" / made["hash"]
        self.assertEqual(run.get_metrics(), {"greeting": "hello", "six": "1.16.0", "prefix": str(prefix)})
        self.assertEqual(sorted(path.name for path in (prefix / "conda-meta").glob("house*")), ["house-greeting-1.2-0.json"])
        self.assertIn(" + six==1.16.0", log)
        self.assertIn("/noarch/house-greeting-1.2-0.tar.bz2", self.channel.requests)

        asked = len(self.channel.requests)
        run = self.submit(["house-greeting=1.2"], ["six==1.16.0"])
        self.assertEqual(run.get_status(), "Completed", self.log(run))
        self.assertIn(f"environment {made['hash']} is there already", self.log(run))
        self.assertEqual((len(self.channel.requests), self.made()), (asked, [made]))

    def test_an_unknown_package_is_named_in_one_sentence(self):
        could_not = "the Python environment could not be made: "
        run = self.submit(["house-greeting", "no-such-package-of-ours"])
        self.assertEqual(self.error(run), could_not + "`conda` knows no package `no-such-package-of-ours`")
        run = self.submit(["house-greeting=99"])
        self.assertEqual(self.error(run), could_not + "`conda` knows no package `house-greeting 99`")
        run = self.submit(["house-greeting"], ["lazuli-test-no-such-package-4711"])
        self.assertEqual(self.error(run), could_not + "there is no package `lazuli-test-no-such-package-4711`")
        self.assertEqual(self.made(), [])

    def test_pip_makes_what_comes_from_a_public_channel_that_cannot_be_reached(self):
        os.environ["CONDA_CHANNEL_ALIAS"] = "http://127.0.0.1:9"
        Path("code/script.py").write_text("import six\nfrom azureml.core import Run\nRun.get_context().log('six', six.__version__)\n")
        run = self.submit(["six=1.16"], channels=["conda-forge", "nodefaults"])
        log = self.log(run)
        self.assertEqual(run.get_status(), "Completed", log)
        self.assertIn("[lazuli] `conda` could not make the environment", log)
        self.assertEqual(run.get_metrics(), {"six": "1.16.0"})

    def test_pip_makes_nothing_that_comes_from_a_channel_of_ones_own(self):
        run = self.submit(["six=1.16"], channels=["http://127.0.0.1:9/own", "nodefaults"])
        self.assertEqual(self.error(run), "conda could not make the environment, whose packages come from `http://127.0.0.1:9`")
        self.assertIn("HTTP", self.log(run))
        self.assertEqual(self.made(), [])

    def test_an_environment_that_conda_has_is_known_by_its_name(self):
        Path("environment.yml").write_text(
            f"name: house\nchannels: ['{self.address}', nodefaults]\ndependencies: [python={PYTHON}, house-greeting]\n"
        )
        subprocess.run([FOLDER / "programs" / "conda", "env", "create", "--file", "environment.yml"], check=True, capture_output=True)
        environment = Environment.from_conda_environment("training", "house")
        packages = [*environment.python.conda_dependencies.conda_packages]
        self.assertEqual([package.split("=")[0] for package in packages], ["house-greeting", "pip", "python"])
        self.assertIsNone(Environment.from_conda_environment("training", "no-such-environment"))

        Path("code/script.py").write_text("import house_greeting, sys\nfrom azureml.core import Run\nRun.get_context().log('prefix', sys.prefix)\n")
        environment = Environment("house")
        environment.python.base_conda_environment = "house"
        run = self.experiment.submit(ScriptRunConfig("code", "script.py", environment=environment))
        run.wait_for_completion(raise_on_error=False)
        self.assertEqual(run.get_status(), "Completed", self.log(run))
        self.assertEqual(run.get_metrics(), {"prefix": str(self.folder / "environments" / "house")})
        self.assertEqual(self.made(), [])
