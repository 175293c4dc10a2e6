"""Scripts on their own, as processes."""

import signal
from pathlib import Path

from azureml.core import Experiment, Run, Workspace
from tests.support import DaemonTestCase, wait_for

BEGINNING = "from azureml.core import Run\nrun = Run.get_context()\nrun.log('x', 1)\nprint(run.id, flush=True)\n"


class ScriptTest(DaemonTestCase):
    def run_of(self, outcome):
        run_id = outcome.stdout.splitlines()[0]
        return Run.get(Workspace.from_config(), run_id)

    def test_a_script_completes_its_run(self):
        outcome = self.script(BEGINNING, name="train.py")
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        run = self.run_of(outcome)
        self.assertEqual((run.get_status(), run.experiment.name), ("Completed", "train"))
        self.assertEqual(run.get_metrics(), {"x": 1})

    def test_an_exception_fails_its_run(self):
        outcome = self.script(BEGINNING + "raise ValueError('the data are wrong')\n")
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("ValueError: the data are wrong", outcome.stderr)
        error = self.run_of(outcome).get_details()["error"]["error"]
        self.assertEqual(error["message"], "ValueError: the data are wrong")
        self.assertIn("Traceback", error["details"])

    def test_a_run_ended_by_hand_stays_so(self):
        outcome = self.script(BEGINNING + "run.fail('not good enough')\n")
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        details = self.run_of(outcome).get_details()
        self.assertEqual((details["status"], details["error"]["error"]["message"]), ("Failed", "not good enough"))

    def test_a_killed_script_fails_its_run_and_loses_nothing(self):
        outcome = self.script(BEGINNING + "import os\nos.kill(os.getpid(), 9)\n")
        self.assertEqual(outcome.returncode, -9)
        run = self.run_of(outcome)
        wait_for("the daemon to notice", lambda: run.get_status() == "Failed")
        self.assertEqual(run.get_metrics(), {"x": 1})

    def test_forked_children_log_to_the_run_and_do_not_end_it(self):
        outcome = self.script(
            BEGINNING
            + "import os, sys\nif os.fork() == 0:\n    Run.get_context().log('x', 2)\n    sys.exit()\nos.wait()\nrun.log('x', 3)\n"
        )
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        self.assertEqual(self.run_of(outcome).get_metrics(), {"x": [1, 2, 3]})

    def test_a_daemon_that_died_is_started_again_at_exit(self):
        Experiment(Workspace.from_config(), "before").start_logging().complete()
        outcome = self.script(BEGINNING + f"import os\nos.kill({self.daemon_pid()}, {int(signal.SIGKILL)})\nrun.log('x', 2)\n")
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        run = self.run_of(outcome)
        self.assertEqual((run.get_status(), run.get_metrics()), ("Completed", {"x": [1, 2]}))

    def test_without_a_daemon_and_without_its_program_there_is_a_next_step(self):
        outcome = self.script(
            "import os\nos.environ.pop('LAZULI_BIN', None)\nos.environ['PATH'] = '/nowhere'\n" + BEGINNING
        )
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("the program `lazuli` was not found", outcome.stderr)
        self.assertIn("hint: ", outcome.stderr)
        self.assertFalse(Path(self.home / "spool").exists())
