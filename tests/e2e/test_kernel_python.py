"""The kernel "Lazuli (Python)", and `%%python` in the Rust kernel, with the real jupyter_client."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from frontend import Frontend, processes_of, until

PYTHON = "lazuli-python"
RUN = "application/vnd.lazuli.run+json"


@pytest.fixture
def python(home):
    frontend = Frontend(home.environment, home.work, PYTHON)
    yield frontend
    frontend.close()


@pytest.fixture(scope="module")
def shared_python(shared_home):
    frontend = Frontend(shared_home.environment, shared_home.work, PYTHON)
    yield frontend
    frontend.close()


def runs_of(home, experiment):
    return home.json("run", "list", "--experiment", experiment)


def held(go, code):
    """The code, which waits for a file that the test makes."""
    return f"import os, time\nprint('begun', flush=True)\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)\n{code}"


def parents(cell):
    return {message["parent_header"]["msg_id"] for message in cell.messages}


def test_notebooks_of_azure_find_their_kernel():
    specs = KernelSpecManager()
    for name in (PYTHON, "python3-azureml", "python38-azureml"):
        spec = specs.get_kernel_spec(name)
        assert (spec.display_name, spec.language) == ("Lazuli (Python)", "python")


def test_values_prints_and_errors(shared_python):
    cell = shared_python.ok("import sys\nprint('to you')\nprint('and you', file=sys.stderr)\n6 * 7")
    assert (cell.stdout, cell.stderr, cell.result["text/plain"]) == ("to you\n", "and you\n", "42")
    count = cell.reply["execution_count"]
    failed = shared_python.run("def divide():\n    return 1 / 0\ndivide()")
    assert (failed.status, failed.reply["ename"]) == ("error", "ZeroDivisionError")
    assert failed.errors[0]["traceback"] == failed.reply["traceback"]
    assert "divide()" in failed.says()
    assert failed.reply["execution_count"] == count + 1


def test_every_message_has_the_cell_as_its_parent(shared_python):
    request = shared_python.start("print(1); display(2); 3")
    cell = shared_python.finish(request)
    assert parents(cell) == {request}
    kinds = [m["msg_type"] for m in cell.messages if m["msg_type"] != "status"]
    assert kinds == ["execute_input", "stream", "display_data", "execute_result"]
    states = [m["content"]["execution_state"] for m in cell.messages if m["msg_type"] == "status"]
    assert states == ["busy"]


def test_a_plot_is_an_image_below_its_cell(shared_python):
    cell = shared_python.ok("%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);")
    assert [d for d in cell.displays if d.get("image/png", "").startswith("iVBOR")], cell.says()


def test_a_cell_asks_its_reader(shared_python):
    request = shared_python.start("print('got', input('number: '))", allow_stdin=True)
    question = shared_python.client.get_stdin_msg(timeout=120)
    assert question["content"] == {"prompt": "number: ", "password": False}
    shared_python.client.input("forty-two")
    assert shared_python.finish(request).stdout == "got forty-two\n"
    refused = shared_python.run("input()", allow_stdin=False)
    assert refused.reply["ename"] == "StdinNotImplementedError"


def test_an_interrupt_while_a_cell_asks(shared_python):
    request = shared_python.start("input('never: ')", allow_stdin=True)
    shared_python.client.get_stdin_msg(timeout=120)
    shared_python.interrupt()
    assert shared_python.finish(request, limit=30).reply["ename"] == "KeyboardInterrupt"
    # The question of then is not the question of now.
    request = shared_python.start("print(input())", allow_stdin=True)
    shared_python.client.get_stdin_msg(timeout=120)
    shared_python.client.input("new")
    assert shared_python.finish(request).stdout == "new\n"


def test_comms_pass_both_ways_with_their_buffers(shared_python):
    opened = shared_python.ok(
        "from comm import create_comm\n"
        "heard = []\n"
        "c = create_comm(target_name='tests', data={'a': 1}, buffers=[b'\\x00\\xff'])\n"
        "def on_message(message):\n"
        "    heard.append((message['content']['data'], [bytes(b) for b in message['buffers']]))\n"
        "    c.send({'echo': message['content']['data']}, buffers=[bytes(b)[::-1] for b in message['buffers']])\n"
        "c.on_msg(on_message)"
    )
    comm_open = next(m for m in opened.messages if m["msg_type"] == "comm_open")
    assert (comm_open["content"]["data"], [bytes(b) for b in comm_open["buffers"]]) == ({"a": 1}, [b"\x00\xff"])
    comm_id = comm_open["content"]["comm_id"]
    client = shared_python.client
    sent = client.session.send(
        client.shell_channel.socket, "comm_msg", {"comm_id": comm_id, "data": {"b": 2}}, buffers=[b"\x01\x02"]
    )
    messages = list(shared_python.until_idle(sent["msg_id"]))
    (echo,) = [m for m in messages if m["msg_type"] == "comm_msg"]
    assert (echo["content"]["data"], [bytes(b) for b in echo["buffers"]]) == ({"echo": {"b": 2}}, [b"\x02\x01"])
    assert shared_python.ok("heard").result["text/plain"] == r"[({'b': 2}, [b'\x01\x02'])]"
    client.session.send(client.shell_channel.socket, "comm_info_request", {"target_name": "tests"})
    reply = client.get_shell_msg(timeout=60)
    assert reply["content"]["comms"] == {comm_id: {"target_name": "tests"}}


@pytest.mark.parametrize("code", ["while True: pass", "import time; time.sleep(600)", "!sleep 600"], ids=["loop", "sleep", "shell"])
def test_an_interrupt_keeps_the_variables(shared_python, code):
    shared_python.ok("before = 'kept'")
    request = shared_python.start("print('begun', flush=True)\n" + code)
    shared_python.wait_for_output(request, "begun")
    shared_python.interrupt()
    cell = shared_python.finish(request, limit=30)
    if code[0] != "!":
        assert (cell.status, cell.reply["ename"]) == ("error", "KeyboardInterrupt")
    assert shared_python.ok("before").result["text/plain"] == "'kept'"


def test_completion_and_help_of_python_and_of_magics(shared_python):
    shared_python.ok("def add_up(numbers):\n    'Adds them up.'\n    return sum(numbers)")
    complete = lambda code: shared_python.client.complete(code, reply=True, timeout=60)["content"]
    assert "add_up" in complete("add_")["matches"]
    magic = complete("x = 1\n%submit --exp")
    assert magic["matches"] == ["--experiment"]
    assert (magic["cursor_start"], magic["cursor_end"]) == (14, 19)
    assert "%submit" in complete("%subm")["matches"]
    inspect = lambda code, cursor: shared_python.client.inspect(code, cursor, reply=True, timeout=60)["content"]
    assert "Adds them up." in inspect("add_up", 6)["data"]["text/plain"]
    assert "Where to run" in inspect("%submit --compute local", 12)["data"]["text/plain"]


def test_history_is_complete_and_user_expressions_pass(shared_python):
    request = shared_python.client.is_complete("for x in y:")
    reply = shared_python.client.get_shell_msg(timeout=60)
    assert reply["parent_header"]["msg_id"] == request
    assert reply["content"] == {"status": "incomplete", "indent": "    "}
    cell = shared_python.run("seven = 7", user_expressions={"a": "seven * 6", "b": "nothing"})
    assert cell.reply["user_expressions"]["a"]["data"]["text/plain"] == "42"
    assert cell.reply["user_expressions"]["b"]["status"] == "error"


def test_an_error_stops_run_all(shared_python, tmp_path):
    first = shared_python.start(held(tmp_path / "go", "1 / 0"))
    shared_python.wait_for_output(first, "begun")
    # The second cell waits when the first one fails.
    second = shared_python.start("print('must not run')")
    (tmp_path / "go").touch()
    assert shared_python.finish(first).status == "error"
    aborted = shared_python.finish(second)
    assert (aborted.status, aborted.stdout) == ("aborted", "")


def test_kernel_info_names_both(python):
    info = python.client.kernel_info(reply=True, timeout=60)["content"]
    assert info["implementation"] == "lazuli"
    assert info["language_info"]["name"] == "python"
    assert info["language_info"]["version"].startswith("3.")
    assert "Lazuli" in info["banner"]


def test_a_crash_is_told_and_the_next_cell_runs(python, tmp_path):
    python.ok("before = 1")
    request = python.start(held(tmp_path / "go", "import signal; os.kill(os.getpid(), signal.SIGSEGV)"))
    python.wait_for_output(request, "begun")
    waiting = python.start("print('never')")
    (tmp_path / "go").touch()
    cell = python.finish(request, limit=60)
    assert (cell.status, cell.reply["ename"]) == ("error", "PythonEnded")
    assert "SIGSEGV" in cell.says() and "variables are lost" in cell.says(), cell.says()
    assert python.finish(waiting).status == "error"
    gone = python.run("before")
    assert gone.reply["ename"] == "NameError"
    assert python.ok("print('again')").stdout == "again\n"


def test_exit_codes_and_memory_kills_are_told(python):
    assert "exit code 7" in python.run("import os; os._exit(7)").says()
    assert "SIGKILL" in python.run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)").says()


def test_no_process_is_left(home):
    frontend = Frontend(home.environment, home.work, PYTHON)
    frontend.ok("import subprocess; child = subprocess.Popen(['sleep', '600'])\n%run list")
    request = frontend.start("print('begun', flush=True)\nwhile True: pass")
    frontend.wait_for_output(request, "begun")
    assert len(processes_of(home.path)) >= 3
    os.kill(frontend.pid, signal.SIGKILL)
    # What a cell has started on purpose may outlive a killed kernel, as with ipykernel.
    left = lambda: [c for c in processes_of(home.path).values() if " serve" not in c and not c.startswith("sleep")]
    until("all but the daemon to end", lambda: not left(), limit=20)
    for pid, command in processes_of(home.path).items():
        if command.startswith("sleep"):
            os.kill(pid, signal.SIGKILL)
    frontend.close()


def test_a_shut_down_kernel_leaves_nothing_and_completes_its_run(home):
    frontend = Frontend(home.environment, home.work, PYTHON)
    frontend.ok("import subprocess; child = subprocess.Popen(['sleep', '600'])")
    frontend.ok("%run start --experiment left-open")
    frontend.close()
    until(
        "all but the daemon to end",
        lambda: not [c for c in processes_of(home.path).values() if " serve" not in c],
        limit=20,
    )
    assert [run["status"] for run in runs_of(home, "left-open")] == ["Completed"]


def test_without_ipykernel_a_cell_says_what_to_install(home, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    prefix = tmp_path / "jupyter"
    done = home.lazuli("kernel", "install", "--prefix", str(prefix), "--python", str(bare / "bin" / "python"))
    assert done.returncode == 0, done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(prefix / "share" / "jupyter"))
        patch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
        frontend = Frontend(home.environment, home.work, PYTHON)
    try:
        cell = frontend.run("1 + 1")
        assert (cell.status, cell.reply["ename"]) == ("error", "IpykernelMissing")
        assert f"{bare}/bin/python -m pip install ipykernel" in cell.says(), cell.says()
    finally:
        frontend.close()
    done = home.lazuli("kernel", "uninstall", "--prefix", str(prefix))
    assert done.returncode == 0 and not list((prefix / "share" / "jupyter" / "kernels").iterdir())


def test_magics_log_to_the_run_that_python_sees(home, python):
    python.ok("%experiment use churn")
    python.ok("%run start --name first")
    python.ok("for step in range(3):\n    loss = 1 / (step + 1)\n    %log loss={loss}")
    python.ok("from azureml.core import Run\nrun = Run.get_context()\nrun.log('loss', 0.125)\nrun.id")
    (run,) = runs_of(home, "churn")
    assert (run["name"], run["status"]) == ("first", "Running")
    assert [(m["name"], m["count"], m["last"]["value"]) for m in run["metrics"]] == [("loss", 4, 0.125)]
    python.ok("%run complete")
    assert home.json("run", "show", run["run_id"])["status"] == "Completed"


def test_a_mistyped_magic_option_is_underlined(shared_python):
    cell = shared_python.run("%submit train.py --experimnt x")
    assert (cell.status, cell.reply["ename"]) == ("error", "MagicError")
    assert "--experiment" in cell.says() and "^" in cell.says()
    assert "Traceback" not in cell.says()


def test_run_submit_from_a_cell_and_run_of_ipython(home, python):
    (home.work / "train.py").write_text(
        "import sys\nfrom azureml.core import Run\nRun.get_context().log('accuracy', float(sys.argv[1]))\nprint('trained')\n"
    )
    cell = python.ok("%run submit train.py --experiment sent --wait -- 0.75")
    assert "trained" in cell.stdout
    (run,) = runs_of(home, "sent")
    assert (run["status"], run["metrics"][0]["last"]["value"]) == ("Completed", 0.75)
    (home.work / "plain.py").write_text("from_script = 5\n")
    assert python.ok("%run plain.py\nfrom_script").result["text/plain"] == "5"
    python.ok("%%submit --experiment body --wait\nprint('from the cell')")
    assert [run["status"] for run in runs_of(home, "body")] == ["Completed"]


def test_track_keeps_a_python_cell(home, python):
    cell = python.ok('%%track --experiment tracked --name "one cell"\nprint("inside")\n%log a=1')
    assert "inside" in cell.stdout
    failed = python.run("%%track --experiment tracked\n1 / 0")
    assert "ZeroDivisionError" in failed.says()
    newest, first = runs_of(home, "tracked")
    assert (first["name"], first["kind"], first["status"]) == ("one cell", "cell", "Completed")
    assert first["metrics"][0]["name"] == "a"
    assert newest["status"] == "Failed" and "ZeroDivisionError" in newest["error"]["message"]


def test_a_secret_is_asked_for_and_stays_secret(home, python):
    request = python.start("%secret set password", allow_stdin=True)
    question = python.client.get_stdin_msg(timeout=120)
    assert question["content"]["password"] is True
    python.client.input("swordfish")
    cell = python.finish(request)
    assert cell.status == "ok", cell.says()
    assert "swordfish" not in json.dumps([m["content"] for m in cell.messages])
    assert home.lazuli("secret", "show", "password").stdout.strip() == "swordfish"


SCRIPT = (
    "import time\nfrom azureml.core import Run\nrun = Run.get_context()\n"
    "for step in range(3):\n    run.log('loss', 1 / (step + 1))\n    time.sleep(1)\n"
)


@pytest.mark.parametrize("show", ["%rundetails", "from azureml.widgets import RunDetails\nRunDetails(run).show()"], ids=["magic", "widget"])
def test_run_details_follow_the_run_until_it_ends(home, python, show):
    (home.work / "steps.py").write_text(SCRIPT)
    python.ok(
        "from azureml.core import Workspace, Experiment, ScriptRunConfig\n"
        "experiment = Experiment(Workspace.from_config(), 'followed')"
    )
    python.ok("%submit steps.py --experiment followed\nrun = next(iter(experiment.get_runs()))")
    python.start(show)
    assert_follows(python)
    (run,) = runs_of(home, "followed")
    assert run["status"] == "Completed"


def assert_follows(frontend):
    seen = []
    end = time.monotonic() + 120
    while time.monotonic() < end:
        content_of = frontend.client.get_iopub_msg(timeout=120)
        content = content_of["content"]
        if RUN in content.get("data", {}):
            seen.append((content_of["msg_type"], content["transient"]["display_id"]))
            if content["data"][RUN]["run"]["status"] == "Completed":
                break
    assert seen[0][0] == "display_data"
    assert {kind for kind, _ in seen[1:]} == {"update_display_data"}
    assert len({display_id for _, display_id in seen}) == 1


def test_a_plain_ipykernel_gets_the_magics_by_load_ext(home):
    """The same extension where no kernel of ours is around it."""
    sdk = until("the SDK of an earlier kernel", lambda: unpacked(home))
    environment = dict(home.environment, PYTHONPATH=str(sdk), LAZULI_BIN=os.environ["LAZULI_BIN"])
    frontend = Frontend(environment, home.work, "python3")
    try:
        frontend.ok("%load_ext lazuli")
        frontend.ok("%run start --experiment plain\n%log a=1")
        (run,) = runs_of(home, "plain")
        assert (run["status"], run["metrics"][0]["name"]) == ("Running", "a")
        assert frontend.ok("from azureml.core import Run\nRun.get_context().id").result["text/plain"] == repr(run["run_id"])
        frontend.ok("%run complete")
        (home.work / "steps.py").write_text(SCRIPT)
        frontend.ok("%submit steps.py")
        frontend.start("%rundetails")
        assert_follows(frontend)
        widget = frontend.ok(
            "from azureml.core import Experiment, Workspace\nfrom azureml.widgets import RunDetails\n"
            "run = next(Experiment(Workspace.from_config(), 'plain').get_runs())\nRunDetails(run).show()"
        )
        assert any(RUN in display for display in widget.displays)
    finally:
        frontend.close()
    until("the helper to end", lambda: not [c for c in processes_of(home.path).values() if "magics" in c], limit=20)


def unpacked(home):
    kernel = Frontend(home.environment, home.work, PYTHON)
    try:
        where = kernel.ok("import azureml, os; print(os.path.dirname(os.path.dirname(azureml.__file__)))").stdout
    finally:
        kernel.close()
    return where.strip()


def test_python_cells_in_the_rust_kernel(home, kernel):
    kernel.ok("%%python\nkept = 41\nprint('from python')")
    cell = kernel.ok("%%python\nkept + 1")
    assert cell.result["text/plain"] == "42"
    kinds = [m["msg_type"] for m in cell.messages]
    assert kinds.count("execute_input") == 1
    kernel.ok("%run start --experiment both")
    kernel.ok("%%python\nfrom azureml.core import Run\nRun.get_context().log('a', 1)\n%log b=2")
    kernel.ok("%log c=3")
    (run,) = runs_of(home, "both")
    assert sorted(m["name"] for m in run["metrics"]) == ["a", "b", "c"]
    shown = kernel.ok("%%python\nfrom azureml.widgets import RunDetails\nRunDetails(Run.get_context()).show()")
    assert any(RUN in display for display in shown.displays), shown.messages
    failed = kernel.run("%%python\n1 / 0")
    assert (failed.status, failed.reply["ename"], len(failed.errors)) == ("error", "ZeroDivisionError", 1)
    plot = kernel.ok("%%python\n%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);")
    assert any("image/png" in display for display in plot.displays)
    request = kernel.start("%%python\nprint('begun', flush=True)\nwhile True: pass")
    kernel.wait_for_output(request, "begun")
    kernel.interrupt()
    assert kernel.finish(request, limit=30).reply["ename"] == "Interrupted"
    crashed = kernel.run("%%python\nimport os; os._exit(3)")
    assert crashed.reply["ename"] == "PythonEnded" and "exit code 3" in crashed.says()
    assert kernel.ok("1 + 1").result["text/plain"] == "2"
    request = kernel.start("%%python\nprint(input('? '))", allow_stdin=True)
    assert kernel.client.get_stdin_msg(timeout=120)["content"]["prompt"] == "? "
    kernel.client.input("yes")
    assert kernel.finish(request).stdout == "yes\n"


@pytest.mark.parametrize(
    "command",
    [
        "!{sys.executable} -m pip install --upgrade azureml-sdk",
        "%pip install azureml-core==1.62.0 azureml-widgets",
        "import subprocess\nprint(subprocess.run([sys.executable, '-m', 'pip', 'install', 'azureml-sdk[notebooks]'], "
        "capture_output=True, text=True, check=True).stderr)",
    ],
    ids=["shell", "magic", "child"],
)
def test_pip_leaves_the_drop_in_as_it_is(shared_python, command):
    cell = shared_python.ok("import sys\n" + command)
    assert "not installed: `azureml` is Lazuli's own in this notebook" in cell.says(), cell.says()
    shared_python.ok(
        "import subprocess, sys\n"
        "listed = subprocess.run([sys.executable, '-m', 'pip', 'list'], capture_output=True, text=True, check=True).stdout\n"
        "assert 'azureml' not in listed, listed\n"
        "subprocess.run([sys.executable, '-c', 'import azureml.core'], check=True)"
    )


def test_microsofts_package_is_not_mixed_with(home, python, tmp_path):
    core = tmp_path / "site" / "azureml" / "core"
    core.mkdir(parents=True)
    (core / "workspace.py").write_text("")
    cell = python.run(f"import sys\nsys.path.append({str(tmp_path / 'site')!r})\nimport azureml.core")
    assert (cell.status, cell.reply["ename"]) == ("error", "ImportError")
    assert "does not mix" in cell.says() and "pip uninstall azureml-core" in cell.says()
