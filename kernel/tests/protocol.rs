//! The kernel as a front end sees it: every field of every reply, the order of messages, and what
//! happens to slow and to second clients.

mod frontend;

use std::process::{Command, Stdio};
use std::time::Duration;

use frontend::{Clients, Frontend, ipc_connection, read, request, wait, without_rust};
use jupyter_protocol::{ConnectionInfo, Transport};
use serde_json::{Value, json};
use zeromq::{SocketRecv, SocketSend};

#[tokio::test(flavor = "multi_thread")]
async fn kernel_info_says_everything_on_shell_and_control() {
    let mut frontend = Frontend::start().await;
    let outcome = frontend.request("kernel_info_request", json!({})).await;
    assert_eq!(outcome.transcript(), ["busy", "idle"]);
    assert_eq!(outcome.reply.kind, "kernel_info_reply");
    assert_eq!(outcome.reply.header["version"], "5.4");
    let content = outcome.reply.content;
    assert_eq!(content["status"], "ok");
    assert_eq!(content["protocol_version"], "5.4");
    assert_eq!(content["implementation"], "lazuli");
    assert_eq!(content["implementation_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(content["language_info"]["name"], "rust");
    for field in ["version", "mimetype", "file_extension", "pygments_lexer", "codemirror_mode"] {
        assert!(content["language_info"][field].is_string(), "{field}");
    }
    assert!(content["banner"].is_string());
    assert!(content["help_links"].is_array());
    assert_eq!(content["debugger"], false);
    assert_eq!(content["supported_features"], json!([]));

    let id = frontend.send_control("kernel_info_request", json!({})).await;
    assert_eq!(frontend.control_reply(&id).await.content, content);
    frontend.outputs(&id).await;
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_is_busy_input_output_idle_and_counts_from_one() {
    let mut frontend = Frontend::start().await;
    let first = frontend.execute("%%bash\necho out; echo err >&2").await;
    let mut transcript = first.transcript();
    // Two pipes have no common order.
    transcript[2..4].sort();
    assert_eq!(transcript, ["busy", "input [1]", "stderr: err\n", "stdout: out\n", "idle"]);
    assert_eq!(
        first.reply.content,
        json!({ "status": "ok", "execution_count": 1, "payload": [], "user_expressions": {} })
    );

    let second = frontend.execute("%%bash\nexit 3").await;
    assert_eq!(second.transcript(), ["busy", "input [2]", "error: BashFailed", "idle"]);
    let content = &second.reply.content;
    assert_eq!(content["status"], "error");
    assert_eq!(content["execution_count"], 2);
    assert_eq!(content["ename"], "BashFailed");
    assert_eq!(content["evalue"], "the script ended with exit code 3");
    assert!(content["traceback"].is_array());

    // A field that is absent has ipykernel's default, and an empty cell does not count.
    let empty = frontend.execute("  \n").await;
    assert_eq!(empty.transcript(), ["busy", "input [3]", "idle"]);
    assert_eq!(empty.reply.content["execution_count"], 3);
    assert_eq!(frontend.execute("%%bash\ntrue").await.reply.content["execution_count"], 3);
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_cell_puts_nothing_out_and_is_not_counted() {
    let mut frontend = Frontend::start().await;
    let code = format!("%%bash\necho x; echo y > {}", frontend.file("made").display());
    let silent = frontend.request("execute_request", json!({ "code": code, "silent": true })).await;
    assert_eq!(silent.transcript(), ["busy", "idle"]);
    assert_eq!(silent.reply.content["status"], "ok");
    assert!(frontend.file("made").exists());
    let unstored = json!({ "code": "%%bash\necho x", "store_history": false });
    let unstored = frontend.request("execute_request", unstored).await;
    assert_eq!(unstored.transcript(), ["busy", "input [1]", "stdout: x\n", "idle"]);
    assert_eq!(frontend.execute("%%bash\ntrue").await.reply.content["execution_count"], 1);
    let history = json!({ "hist_access_type": "tail", "n": 10, "output": false, "raw": true });
    let history = frontend.request("history_request", history).await;
    assert_eq!(history.reply.content["history"], json!([[1, 1, "%%bash\ntrue"]]));
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_cell_aborts_those_that_wait_and_no_later_one() {
    let mut frontend = Frontend::start().await;
    let failing = frontend.send("execute_request", json!({ "code": "%%bash\nexit 1" })).await;
    let waiting = frontend.send("execute_request", json!({ "code": "%%bash\necho no" })).await;
    assert_eq!(frontend.shell_reply(&failing).await.content["ename"], "BashFailed");
    let aborted = frontend.shell_reply(&waiting).await.content;
    assert_eq!(aborted["status"], "error");
    assert_eq!(aborted["ename"], "Aborted");
    assert_eq!(aborted["execution_count"], 2);
    frontend.outputs(&failing).await;
    let outputs = frontend.outputs(&waiting).await;
    assert_eq!(outputs.len(), 2, "{outputs:?}");
    assert_eq!(frontend.execute("%%bash\ntrue").await.reply.content["status"], "ok");

    let going_on = json!({ "code": "%%bash\nexit 1", "stop_on_error": false });
    let failing = frontend.send("execute_request", going_on).await;
    let next = frontend.send("execute_request", json!({ "code": "%%bash\necho yes" })).await;
    assert_eq!(frontend.shell_reply(&failing).await.content["status"], "error");
    assert_eq!(frontend.shell_reply(&next).await.content["status"], "ok");
    frontend.outputs(&failing).await;
    frontend.outputs(&next).await;
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_read_by_tail_range_and_search() {
    let mut frontend = Frontend::start().await;
    for code in ["%%bash\ntrue", "%lsmagic", "%%bash\ntrue"] {
        frontend.execute(code).await;
    }
    let mut history = async |request: Value| {
        let outcome = frontend.request("history_request", request).await;
        assert_eq!(outcome.reply.content["status"], "ok");
        outcome.reply.content["history"].clone()
    };
    let bash = "%%bash\ntrue";
    assert_eq!(
        history(json!({ "hist_access_type": "tail", "n": 2 })).await,
        json!([[1, 2, "%lsmagic"], [1, 3, bash]])
    );
    assert_eq!(
        history(json!({ "hist_access_type": "range", "session": 0, "start": 1, "stop": 3 })).await,
        json!([[1, 1, bash], [1, 2, "%lsmagic"]])
    );
    assert_eq!(
        history(json!({ "hist_access_type": "search", "pattern": "*bash*", "n": 5 })).await,
        json!([[1, 1, bash], [1, 3, bash]])
    );
    let unique = json!({ "hist_access_type": "search", "pattern": "*bash*", "unique": true });
    assert_eq!(history(unique).await, json!([[1, 3, bash]]));
    assert_eq!(
        history(json!({ "hist_access_type": "tail", "n": 1, "output": true })).await,
        json!([[1, 3, [bash, null]]])
    );
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn comms_are_answered_and_unknown_messages_do_no_harm() {
    let mut frontend = Frontend::start().await;
    let info = frontend.request("comm_info_request", json!({})).await;
    assert_eq!(info.reply.content, json!({ "status": "ok", "comms": {} }));

    let open = json!({ "comm_id": "c1", "target_name": "jupyter.widget", "data": {} });
    let id = frontend.send("comm_open", open).await;
    let outputs = frontend.outputs(&id).await;
    assert_eq!(outputs[1].kind, "comm_close");
    assert_eq!(outputs[1].content, json!({ "comm_id": "c1", "data": {} }));
    for kind in ["comm_msg", "comm_close", "no_such_request"] {
        let id = frontend.send(kind, json!({ "comm_id": "c1", "data": {} })).await;
        assert_eq!(frontend.outputs(&id).await.len(), 2, "{kind}");
    }

    // Neither a message with a wrong signature nor one that is no JSON ends the kernel.
    let mac = frontend.shell.mac.take();
    frontend.send("kernel_info_request", json!({})).await;
    frontend.shell.mac = mac;
    let nonsense = zeromq::ZmqMessage::from("nonsense");
    frontend.shell.socket.send(nonsense).await.unwrap();
    assert_eq!(frontend.execute("%%bash\ntrue").await.reply.content["status"], "ok");
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_replies_first_echoes_restart_and_leaves_no_process() {
    let mut frontend = Frontend::start().await;
    let pids = frontend.file("pid");
    let code = format!("%%bash\nsleep 1000 &\necho $! > {}", pids.display());
    assert_eq!(frontend.execute(&code).await.reply.content["status"], "ok");
    let pid = std::fs::read_to_string(pids).unwrap().trim().to_owned();
    assert!(is_running(&pid));
    let running = frontend.send("execute_request", json!({ "code": "%%bash\nsleep 1000" })).await;
    while frontend.next_output().await.content["execution_count"] != 2 {}

    let id = frontend.send_control("shutdown_request", json!({ "restart": true })).await;
    let reply = frontend.control_reply(&id).await;
    assert_eq!(reply.content, json!({ "status": "ok", "restart": true }));
    assert!(wait(&mut frontend.kernel).await.success());
    assert!(!is_running(&pid));
    drop(running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_ends_with_the_front_end_that_owns_it() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("kernel-pid");
    let connection = ipc_connection(folder.path());
    // The owner is a shell, which this test can end.
    let mut frontend = Frontend::start_at(folder, connection, |kernel, folder| {
        let program = kernel.get_program().to_owned();
        let arguments: Vec<_> = kernel.get_args().map(ToOwned::to_owned).collect();
        let environment: Vec<_> = kernel
            .get_envs()
            .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
            .collect();
        let mut owner = Command::new("bash");
        owner.arg("-c").arg("\"$@\" & echo $! > kernel-pid; read nothing").arg("bash");
        owner.arg(program).args(arguments).current_dir(folder).stdin(Stdio::piped());
        for (name, value) in environment {
            match value {
                Some(value) => owner.env(name, value),
                None => owner.env_remove(name),
            };
        }
        *kernel = owner;
        without_rust(kernel, folder);
        kernel.env("JPY_PARENT_PID", "1");
    })
    .await;
    let pid = std::fs::read_to_string(pid_file).unwrap().trim().to_owned();
    assert!(is_running(&pid));
    drop(frontend.kernel.stdin.take());
    wait(&mut frontend.kernel).await;
    while is_running(&pid) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended; whoever inherited it has not asked for it yet.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_stops_a_script_and_the_kernel_goes_on() {
    let mut frontend = Frontend::start().await;
    let cell =
        frontend.send("execute_request", json!({ "code": "%%bash\necho in; sleep 1000" })).await;
    while frontend.next_output().await.kind != "stream" {}
    let id = frontend.send_control("interrupt_request", json!({})).await;
    assert_eq!(frontend.control_reply(&id).await.content, json!({ "status": "ok" }));
    let reply = frontend.shell_reply(&cell).await;
    assert_eq!(reply.content["ename"], "Interrupted");
    frontend.outputs(&id).await;
    let outputs = frontend.outputs(&cell).await;
    assert_eq!(outputs.iter().filter(|message| message.kind == "error").count(), 1);

    // With nothing to interrupt it is answered all the same.
    let id = frontend.send_control("interrupt_request", json!({})).await;
    assert_eq!(frontend.control_reply(&id).await.content, json!({ "status": "ok" }));
    frontend.outputs(&id).await;
    assert_eq!(frontend.execute("%%bash\ntrue").await.reply.content["status"], "ok");
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_while_a_cell_runs_and_its_busy_stays_visible() {
    let mut frontend = Frontend::start().await;
    let cell =
        frontend.send("execute_request", json!({ "code": "%%bash\necho in; sleep 1000" })).await;
    while frontend.next_output().await.kind != "stream" {}
    for (code, matches) in [("%sub", json!(["%submit"])), ("let x", json!([]))] {
        let complete = json!({ "code": code, "cursor_pos": code.len() });
        let outcome = frontend.request("complete_request", complete).await;
        assert_eq!(outcome.reply.content["matches"], matches);
        assert_eq!(outcome.transcript(), ["busy", "idle"]);
        let after = frontend.next_output().await;
        assert_eq!(after.parent, cell);
        assert_eq!(after.content["execution_state"], "busy");
    }
    let id = frontend.send_control("interrupt_request", json!({})).await;
    frontend.control_reply(&id).await;
    frontend.shell_reply(&cell).await;
    frontend.outputs(&id).await;
    frontend.outputs(&cell).await;
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_arrives_complete_and_in_order_at_a_late_reader() {
    let mut frontend = Frontend::start().await;
    // A second client that never reads.
    let _silent = Clients::connect(&frontend.connection).await;
    let id = frontend.send("execute_request", json!({ "code": "%%bash\nseq 1 100000" })).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(frontend.shell_reply(&id).await.content["status"], "ok");
    let outputs = frontend.outputs(&id).await;
    assert_eq!(outputs.len(), 4, "busy, input, one stream, idle");
    let text = outputs[2].content["text"].as_str().unwrap();
    let expected: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    assert!(text == expected, "{} bytes of {}", text.len(), expected.len());
    frontend.finish().await;
}

/// The last message of a request has none after it that would push it out.
#[tokio::test(flavor = "multi_thread")]
async fn every_one_of_many_requests_becomes_idle() {
    let mut frontend = Frontend::start().await;
    for _ in 0..3_000 {
        let outcome = frontend.request("kernel_info_request", json!({})).await;
        assert_eq!(outcome.transcript(), ["busy", "idle"]);
    }
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_text_than_a_notebook_can_hold_is_cut_with_a_notice() {
    let mut frontend = Frontend::start().await;
    let outcome = frontend.execute("%%bash\nyes 0123456789 | head -c 12000000").await;
    assert_eq!(outcome.reply.content["status"], "ok");
    assert_eq!(outcome.text("stdout").len(), 10_000_000);
    assert_eq!(
        outcome.text("stderr"),
        "\nthis cell has printed 10 MB; the rest is not shown\nhint: write long output to a file\n"
    );
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_heartbeat_and_a_typed_client_work_too() {
    let folder = tempfile::tempdir().unwrap();
    let ip = "127.0.0.1".parse().unwrap();
    let (ports, listeners) = jupyter_zmq_client::peek_ports_with_listeners(ip, 5).await.unwrap();
    let connection = ConnectionInfo {
        ip: "127.0.0.1".into(),
        transport: Transport::TCP,
        shell_port: ports[0],
        iopub_port: ports[1],
        stdin_port: ports[2],
        control_port: ports[3],
        hb_port: ports[4],
        key: String::new(),
        signature_scheme: "hmac-sha256".into(),
        kernel_name: None,
    };
    drop(listeners);
    let mut frontend = Frontend::start_at(folder, connection, without_rust).await;

    let mut heartbeat =
        jupyter_zmq_client::create_client_heartbeat_connection(&frontend.connection).await.unwrap();
    heartbeat.socket.send(zeromq::ZmqMessage::from("are you there")).await.unwrap();
    let beat = heartbeat.socket.recv().await.unwrap();
    assert_eq!(beat.into_vec(), [b"are you there".as_slice()]);

    // Clients made with the typed parser (Zed's, for one) understand what is sent.
    for (kind, content) in [
        ("kernel_info_request", json!({})),
        ("execute_request", json!({ "code": "%%bash\nexit 1" })),
        ("complete_request", json!({ "code": "%", "cursor_pos": 1 })),
        ("inspect_request", json!({ "code": "%log", "cursor_pos": 3 })),
        ("is_complete_request", json!({ "code": "%lsmagic" })),
        ("history_request", json!({ "hist_access_type": "tail", "n": 3 })),
        ("comm_info_request", json!({})),
    ] {
        frontend.shell.send(request(kind, content)).await.unwrap();
        let reply = frontend.shell.read().await.unwrap();
        assert_eq!(reply.message_type(), kind.replace("request", "reply"));
        loop {
            let output = frontend.iopub.read().await.unwrap();
            let value = serde_json::to_value(&output).unwrap();
            if value["content"]["execution_state"] == "idle" {
                break;
            }
        }
    }
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_asked_for_only_where_the_front_end_allows_it() {
    let mut frontend = Frontend::start().await;
    let refused = frontend.execute("%secret set database").await;
    assert_eq!(refused.reply.content["ename"], "StdinNotAvailable");

    let ask = json!({ "code": "%secret set database", "allow_stdin": true });
    let cell = frontend.send("execute_request", ask).await;
    let question = read(&mut frontend.stdin).await;
    assert_eq!((question.kind.as_str(), &question.parent), ("input_request", &cell));
    assert_eq!(
        question.content,
        json!({ "prompt": "Value of the secret database: ", "password": true })
    );
    // Interrupting withdraws the question.
    let id = frontend.send_control("interrupt_request", json!({})).await;
    frontend.control_reply(&id).await;
    assert_eq!(frontend.shell_reply(&cell).await.content["ename"], "Interrupted");
    frontend.outputs(&id).await;
    frontend.outputs(&cell).await;

    let ask = json!({ "code": "%secret set database", "allow_stdin": true });
    let cell = frontend.send("execute_request", ask).await;
    read(&mut frontend.stdin).await;
    frontend.stdin.send(request("input_reply", json!({ "value": "" }))).await.unwrap();
    assert_eq!(frontend.shell_reply(&cell).await.content["ename"], "Invalid");
    frontend.outputs(&cell).await;
    frontend.finish().await;
}
