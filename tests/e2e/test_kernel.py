"""What a person in a notebook relies on, with the real kernel and the real jupyter_client."""

import json
import os
import signal
import time

import pytest
import zmq

from frontend import Frontend, processes_of, until


def test_a_panic_is_an_error_with_message_and_place(shared_kernel):
    cell = shared_kernel.run("let numbers: Vec<i32> = vec![];\nlet first = numbers[0];\nfirst")
    assert cell.status == "error"
    assert cell.reply["ename"] == "Panic"
    assert "index out of bounds" in cell.reply["evalue"]
    traceback = "\n".join(cell.reply["traceback"])
    assert "numbers[0]" in traceback, traceback
    assert cell.errors == [{k: cell.reply[k] for k in ("ename", "evalue", "traceback")}]


def test_a_compile_error_points_into_the_cell(shared_kernel):
    cell = shared_kernel.run('let word = "a";\nlet number: i32 = word;')
    assert cell.status == "error"
    traceback = "\n".join(cell.reply["traceback"])
    assert "let number: i32 = word;" in traceback, traceback
    assert "^" in traceback and "mismatched types" in traceback, traceback


def test_an_error_value_stops_run_all(kernel):
    first = kernel.start('Err::<(), _>(std::io::Error::other("no more"))?;')
    second = kernel.start('println!("must not run")')
    failed = kernel.finish(first)
    assert failed.status == "error", failed.says()
    assert "no more" in failed.says()
    aborted = kernel.finish(second)
    assert aborted.status in ("error", "aborted")
    assert aborted.stdout == ""
    # The next one, sent after the failure, runs.
    assert kernel.ok('println!("runs")').stdout == "runs\n"


def test_the_first_question_mark_does_not_spoil_a_display(kernel):
    cell = kernel.ok("use lazuli::prelude::*;\nWorkspace::from_config()?")
    assert cell.result is None
    assert "<table" in cell.displays[0]["text/html"]


def test_variables_functions_and_types_stay(shared_kernel):
    shared_kernel.ok("let mut kept = vec![1, 2];\nfn double(x: i32) -> i32 { x * 2 }\n#[derive(Debug)] struct P { x: i32 }")
    shared_kernel.ok("kept.push(double(4));")
    assert shared_kernel.ok("kept").result["text/plain"] == "[1, 2, 8]"
    assert shared_kernel.ok("P { x: 1 }").result["text/plain"] == "P { x: 1 }"


def test_output_appears_when_it_is_written(shared_kernel):
    request = shared_kernel.start(
        'use std::io::Write; print!("half"); std::io::stdout().flush()?;\n'
        'std::thread::sleep(std::time::Duration::from_secs(3)); println!(" done");'
    )
    started = time.monotonic()
    shared_kernel.wait_for_output(request, "half")
    seen = time.monotonic()
    assert shared_kernel.finish(request).stdout == " done\n"
    assert time.monotonic() - seen > 1, f"the text came only with the end ({seen - started:.1f} s)"


def test_stderr_and_displays_arrive_in_order_before_idle(shared_kernel):
    cell = shared_kernel.ok(
        'println!("EVCXR_BEGIN_CONTENT text/html\\n<b>one</b>\\nEVCXR_END_CONTENT");\n'
        'println!("between");\neprintln!("oops");\n'
        'println!("EVCXR_BEGIN_CONTENT text/html\\n<b>two</b>\\nEVCXR_END_CONTENT");'
    )
    assert [d["text/html"].strip() for d in cell.displays] == ["<b>one</b>", "<b>two</b>"]
    assert cell.stdout == "between\n"
    assert cell.stderr == "oops\n"


def test_a_hundred_thousand_lines_arrive_at_a_client_that_starts_late(shared_kernel):
    request = shared_kernel.start('for i in 0..100_000 { println!("line {i}"); }')
    # The client does not read: that is the case this test is about.
    time.sleep(2)
    cell = shared_kernel.finish(request)
    assert cell.status == "ok"
    lines = cell.stdout.splitlines()
    assert len(lines) == 100_000
    assert lines == [f"line {i}" for i in range(100_000)]


def test_a_second_client_that_never_reads_freezes_nobody(shared_kernel):
    info = shared_kernel.manager.get_connection_info()
    context = zmq.Context()
    deaf = context.socket(zmq.SUB)
    deaf.setsockopt(zmq.RCVHWM, 1)
    deaf.setsockopt(zmq.RCVBUF, 4096)
    deaf.subscribe(b"")
    deaf.connect(f"tcp://{info['ip']}:{info['iopub_port']}")
    try:
        for _ in range(3):
            cell = shared_kernel.ok('for i in 0..50_000 { println!("{i:0>60}"); }')
            assert len(cell.stdout.splitlines()) == 50_000
    finally:
        deaf.close(linger=0)
        context.term()


@pytest.mark.parametrize(
    "code",
    [
        'println!("begun"); loop {}',
        'println!("begun"); std::thread::sleep(std::time::Duration::from_secs(600));',
    ],
    ids=["loop", "sleep"],
)
def test_an_interrupt_keeps_the_session(shared_home, shared_kernel, code):
    shared_kernel.ok("let before = vec![String::from(\"kept\")];")
    quiet = set(processes_of(shared_home.path))
    request = shared_kernel.start(code)
    shared_kernel.wait_for_output(request, "begun")
    shared_kernel.interrupt()
    cell = shared_kernel.finish(request, limit=30)
    assert (cell.status, cell.reply["ename"]) == ("error", "Interrupted")
    assert shared_kernel.ok("before").result["text/plain"] == '["kept"]'
    until("the interrupted processes to end", lambda: len(processes_of(shared_home.path)) <= len(quiet), limit=15)


def test_an_interrupt_during_a_compile_leaves_nothing_running(home, kernel):
    slow = home.work / "slow"
    (slow / "src").mkdir(parents=True)
    (slow / "Cargo.toml").write_text('[package]\nname = "slow"\nversion = "0.1.0"\nedition = "2021"\n')
    (slow / "src" / "lib.rs").write_text("")
    (slow / "build.rs").write_text("fn main() { std::thread::sleep(std::time::Duration::from_secs(600)); }")
    kernel.ok("let before = 41;")
    request = kernel.start(f':dep slow = {{ path = "{slow}" }}')
    until("the build script", lambda: any("build-script" in c for c in processes_of(home.path).values()))
    kernel.interrupt()
    cell = kernel.finish(request, limit=30)
    assert cell.status == "error"
    until("cargo to end", lambda: not any("build-script" in c or "cargo" in c for c in processes_of(home.path).values()))
    assert kernel.ok("before + 1").result["text/plain"] == "42"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("std::process::exit(7);", "ProcessExit"),
        ("unsafe { std::ptr::null_mut::<i32>().write_volatile(1) };", "Signal"),
        ("fn deep(n: u64) -> u64 { let a = [n; 512]; if n == u64::MAX { 0 } else { 1 + deep(n + 1) + a[1] } }\ndeep(0)", "Signal"),
        ("std::process::abort();", "Signal"),
    ],
    ids=["exit", "segfault", "stack-overflow", "abort"],
)
def test_variables_survive_the_end_of_the_process(shared_kernel, code, name):
    shared_kernel.ok('let mut table = std::collections::HashMap::from([("a", 1)]);')
    cell = shared_kernel.run(code)
    assert (cell.status, cell.reply["ename"]) == ("error", name), cell.says()
    assert "variables of earlier cells are kept" in "\n".join(cell.reply["traceback"])
    if name == "ProcessExit":
        assert "7" in cell.reply["evalue"]
    shared_kernel.ok('table.insert("b", 2);')
    assert shared_kernel.ok('table["a"] + table["b"]').result["text/plain"] == "3"


def test_warming_up_shows_nothing(home):
    frontend = Frontend(home.environment, home.work)
    try:
        # Longer than evcxr needs to start.
        cell = frontend.ok("%%bash\nsleep 10; echo slept")
        assert [m["msg_type"] for m in cell.messages if m["msg_type"] not in ("status", "execute_input")] == ["stream"]
    finally:
        frontend.close()


def test_the_kernel_leaves_no_process(home):
    frontend = Frontend(home.environment, home.work)
    frontend.ok("let x = 1; x")
    assert processes_of(home.path)
    frontend.close()
    until(
        "all but the daemon to end",
        lambda: not [c for c in processes_of(home.path).values() if " serve" not in c],
        limit=20,
    )


def test_no_process_is_left_when_the_kernel_is_killed(home):
    frontend = Frontend(home.environment, home.work)
    frontend.ok("let x = 1; x")
    request = frontend.start("println!(\"begun\"); loop {}")
    frontend.wait_for_output(request, "begun")
    os.kill(frontend.pid, signal.SIGKILL)
    until(
        "all but the daemon to end",
        lambda: not [c for c in processes_of(home.path).values() if " serve" not in c],
        limit=20,
    )
    frontend.close()


def test_user_expressions_and_silent_cells(shared_kernel):
    shared_kernel.ok("let seven = 7;")
    before = shared_kernel.ok("0").reply["execution_count"]
    cell = shared_kernel.run("1 + 1", silent=True)
    assert (cell.messages, cell.status) == ([], "ok") or all(m["msg_type"] == "status" for m in cell.messages)
    cell = shared_kernel.run("", user_expressions={"a": "seven * 6", "b": "nothing"})
    expressions = cell.reply["user_expressions"]
    assert expressions["a"]["data"]["text/plain"] == "42"
    assert expressions["b"]["status"] == "error"
    assert shared_kernel.ok("0").reply["execution_count"] == before + 1


def test_a_cell_can_ask_its_reader(shared_kernel):
    request = shared_kernel.start(
        'let mut line = String::new(); std::io::stdin().read_line(&mut line)?; println!("got {}", line.trim());',
        allow_stdin=True,
    )
    message = shared_kernel.client.get_stdin_msg(timeout=120)
    assert message["msg_type"] == "input_request"
    shared_kernel.client.input("forty-two")
    assert shared_kernel.finish(request).stdout == "got forty-two\n"


def test_completion_answers_while_a_cell_runs(shared_kernel):
    request = shared_kernel.start('println!("begun"); std::thread::sleep(std::time::Duration::from_secs(600));')
    shared_kernel.wait_for_output(request, "begun")
    reply = shared_kernel.client.complete("%workspa", reply=True, timeout=20)
    assert "%workspace" in reply["content"]["matches"]
    shared_kernel.interrupt()
    shared_kernel.finish(request, limit=30)


def test_what_a_notebook_logs_the_shell_sees_and_another_notebook_too(home, kernel):
    kernel.ok("%experiment use churn")
    kernel.ok("%run start --name first")
    kernel.ok("let accuracy = 0.5;")
    kernel.ok("%log accuracy={accuracy + 0.25} epochs=3")
    runs = home.json("run", "list", "--experiment", "churn")
    runs = runs["items"] if isinstance(runs, dict) else runs
    assert [(r["name"], r["status"]) for r in runs] == [("first", "Running")]
    values = {m["name"]: m["last"]["value"] for m in runs[0]["metrics"]}
    assert values == {"accuracy": 0.75, "epochs": 3}

    second = Frontend(home.environment, home.work)
    try:
        assert "first" in second.ok("%run list --experiment churn").says()
    finally:
        second.close()
    kernel.ok("%run complete")
    assert home.json("run", "show", runs[0]["run_id"])["status"] == "Completed"


def test_workspace_objects_in_a_cell(home, kernel):
    kernel.ok("use lazuli::prelude::*;")
    kernel.ok('let workspace = Workspace::from_config()?;\nlet experiment = workspace.experiment("cells")?;')
    kernel.ok("let run = experiment.start_logging()?;")
    kernel.ok('for epoch in 0..3 { run.log("loss", 1.0 / (epoch as f64 + 1.0))?; }')
    # A rolled-back process logs on correctly: nothing twice, nothing lost.
    kernel.run('run.log("loss", 0.125)?; std::process::exit(7);')
    kernel.ok('run.log("loss", 0.0625)?;\nrun.complete()?;')
    refused = kernel.run('run.log("loss", 9.0)?;')
    assert refused.status == "error"
    assert "Completed" in refused.says() or "finished" in refused.says(), refused.says()
    runs = home.json("run", "list", "--experiment", "cells")
    runs = runs["items"] if isinstance(runs, dict) else runs
    metrics = home.json("run", "metrics", runs[0]["run_id"], "--name", "loss")
    text = json.dumps(metrics)
    assert all(str(v) in text for v in (1.0, 0.5, 0.125, 0.0625)), text
    assert runs[0]["metrics"][0]["count"] == 5


def test_run_details_follows_the_run_until_it_ends(home, kernel):
    (home.work / "steps.py").write_text(
        "import time, pathlib\nfrom azureml.core import Run\nrun = Run.get_context()\n"
        "for step in range(3):\n    run.log('loss', 1 / (step + 1))\n    print('step', step, flush=True)\n"
        "    time.sleep(1)\n"
    )
    kernel.ok("%submit steps.py --experiment followed")
    # The display is followed while further cells run, and after the cell has ended.
    request = kernel.start("%rundetails")
    seen = []
    end = time.monotonic() + 120
    while time.monotonic() < end:
        message = kernel.client.get_iopub_msg(timeout=120)
        content = message["content"]
        if "application/vnd.lazuli.run+json" in content.get("data", {}):
            seen.append((message["msg_type"], content["transient"]["display_id"], content["data"]))
            state = content["data"]["application/vnd.lazuli.run+json"]
            if state["run"]["status"] == "Completed":
                break
    assert request
    kinds = [kind for kind, _, _ in seen]
    assert kinds[0] == "display_data" and set(kinds[1:]) == {"update_display_data"}, kinds
    assert len({display for _, display, _ in seen}) == 1
    last = seen[-1][2]
    assert {"text/html", "text/plain"} < set(last)
    points = last["application/vnd.lazuli.run+json"]["metrics"][0]["points"]
    assert [p["value"] for p in points] == [1, 0.5, 1 / 3]
    assert "data:image/svg+xml;base64," in last["text/html"]
    token = (home.path / "token").read_text().strip()
    assert token not in json.dumps([data for _, _, data in seen])


def test_track_keeps_a_cell_as_a_run(home, kernel):
    cell = kernel.ok('%%track --experiment tracked --name "one cell"\nprintln!("inside");\n1 + 1')
    assert "inside" in cell.says()
    runs = home.json("run", "list", "--experiment", "tracked")
    runs = runs["items"] if isinstance(runs, dict) else runs
    assert [(r["name"], r["kind"], r["status"]) for r in runs] == [("one cell", "cell", "Completed")]


def test_a_mistyped_magic_names_the_nearest_and_underlines_the_place(shared_kernel):
    cell = shared_kernel.run("%rundetials")
    assert cell.status == "error"
    assert "rundetails" in cell.says()
    assert "^" in cell.says()


def test_bash_and_writefile(home, kernel):
    kernel.ok("%%writefile notes.txt\none\ntwo")
    assert (home.work / "notes.txt").read_text() == "one\ntwo\n"
    assert kernel.ok("%%bash\nwc -l < notes.txt").stdout.strip() == "2"
    assert kernel.run("%%bash\nexit 3").status == "error"


def test_without_rustc_magics_work_and_a_cell_says_what_to_install(home):
    environment = dict(home.environment, PATH="/usr/bin:/bin")
    environment.pop("CARGO_HOME", None)
    environment["RUSTUP_HOME"] = environment["HOME"] = str(home.work)
    if os.path.exists("/usr/bin/cargo"):
        pytest.skip("a toolchain lies in /usr/bin: it cannot be hidden")
    frontend = Frontend(environment, home.work)
    try:
        assert frontend.ok("%workspace list").says()
        cell = frontend.run("1 + 1")
        assert cell.status == "error"
        assert "rustup" in cell.says(), cell.says()
    finally:
        frontend.close()
