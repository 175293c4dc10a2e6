//! A front end for tests: the kernel as a process, real sockets, and a transcript in which every
//! message must have been read by the end.

// Each test binary uses a part of it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jupyter_protocol::{ConnectionInfo, JupyterMessage, Transport, UnknownMessage};
use jupyter_zmq_client::{
    ClientControlConnection, ClientIoPubConnection, ClientShellConnection, ClientStdinConnection,
    Connection, RawMessage, create_client_control_connection, create_client_iopub_connection,
    create_client_shell_connection_with_identity, create_client_stdin_connection_with_identity,
    peer_identity_for_session,
};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Nothing here takes this long; a test that waits for it fails.
const TIMEOUT: Duration = Duration::from_secs(60);

pub struct Frontend {
    pub kernel: Child,
    pub connection: ConnectionInfo,
    pub folder: tempfile::TempDir,
    pub shell: ClientShellConnection,
    pub control: ClientControlConnection,
    pub iopub: ClientIoPubConnection,
    pub stdin: ClientStdinConnection,
    /// Messages of iopub that were read while looking for others.
    unread: Vec<Message>,
}

/// A message as it was sent, field by field.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub kind: String,
    pub parent: String,
    pub header: Value,
    pub content: Value,
}

/// What one request brought about.
#[derive(Debug)]
pub struct Outcome {
    /// iopub, from `busy` to `idle`; neighbouring texts of one stream are put together.
    pub outputs: Vec<Message>,
    pub reply: Message,
}

impl Outcome {
    /// Kinds and, in brief, contents of the outputs between `busy` and `idle`.
    pub fn transcript(&self) -> Vec<String> {
        self.outputs.iter().map(Message::brief).collect()
    }

    pub fn text(&self, stream: &str) -> String {
        self.outputs
            .iter()
            .filter(|message| message.kind == "stream" && message.content["name"] == stream)
            .map(|message| message.content["text"].as_str().unwrap())
            .collect()
    }
}

impl Message {
    fn brief(&self) -> String {
        let text = |field: &str| self.content[field].as_str().unwrap_or_default().to_owned();
        match self.kind.as_str() {
            "status" => text("execution_state"),
            "execute_input" => format!("input [{}]", self.content["execution_count"]),
            "stream" => format!("{}: {}", text("name"), text("text")),
            "error" => format!("error: {}", text("ename")),
            kind => kind.to_owned(),
        }
    }
}

impl Frontend {
    /// A kernel without a Rust toolchain: what is tested does not need one, and warming the
    /// interpreter up costs seconds.
    pub async fn start() -> Frontend {
        Self::start_with(|kernel, folder| {
            without_rust(kernel, folder);
        })
        .await
    }

    pub async fn start_with(prepare: impl FnOnce(&mut Command, &Path)) -> Frontend {
        let folder = tempfile::tempdir().unwrap();
        let connection = ipc_connection(folder.path());
        Self::start_at(folder, connection, prepare).await
    }

    pub async fn start_at(
        folder: tempfile::TempDir,
        connection: ConnectionInfo,
        prepare: impl FnOnce(&mut Command, &Path),
    ) -> Frontend {
        let file = folder.path().join("connection.json");
        std::fs::write(&file, serde_json::to_vec(&connection).unwrap()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazuli-kernel"));
        command
            .args(["run", "--connection-file"])
            .arg(&file)
            .current_dir(folder.path())
            .env("LAZULI_HOME", folder.path().join("home"))
            .env_remove("LAZULI_WORKSPACE")
            .stdin(Stdio::null());
        prepare(&mut command, folder.path());
        let kernel = command.spawn().unwrap();
        let clients = Clients::connect(&connection).await;
        let mut frontend = Frontend {
            kernel,
            connection,
            folder,
            shell: clients.shell,
            control: clients.control,
            iopub: clients.iopub,
            stdin: clients.stdin,
            unread: Vec::new(),
        };
        frontend.wait_until_subscribed().await;
        frontend
    }

    /// A subscription takes effect some time after the connection is made, and the protocol (5.4)
    /// does not tell when: ask until something arrives.
    async fn wait_until_subscribed(&mut self) {
        loop {
            let id = self.send("kernel_info_request", json!({})).await;
            self.shell_reply(&id).await;
            let first = timeout(Duration::from_millis(200), read(&mut self.iopub)).await;
            let Ok(mut message) = first else { continue };
            while message.parent != id || message.brief() != "idle" {
                message = timeout(TIMEOUT, read(&mut self.iopub)).await.unwrap();
            }
            return;
        }
    }

    pub async fn send(&mut self, kind: &str, content: Value) -> String {
        let message = request(kind, content);
        let id = message.header.msg_id.clone();
        self.shell.send(message).await.unwrap();
        id
    }

    pub async fn send_control(&mut self, kind: &str, content: Value) -> String {
        let message = request(kind, content);
        let id = message.header.msg_id.clone();
        self.control.send(message).await.unwrap();
        id
    }

    /// The next message of shell, which must be the reply to this request.
    pub async fn shell_reply(&mut self, id: &str) -> Message {
        let reply = timeout(TIMEOUT, read(&mut self.shell)).await.expect("a reply on shell");
        assert_eq!(reply.parent, id, "{reply:?}");
        reply
    }

    pub async fn control_reply(&mut self, id: &str) -> Message {
        let reply = timeout(TIMEOUT, read(&mut self.control)).await.expect("a reply on control");
        assert_eq!(reply.parent, id, "{reply:?}");
        reply
    }

    pub async fn next_output(&mut self) -> Message {
        if !self.unread.is_empty() {
            return self.unread.remove(0);
        }
        timeout(TIMEOUT, read(&mut self.iopub)).await.expect("a message on iopub")
    }

    /// Reads iopub until the request is idle; what belongs to other requests stays unread.
    pub async fn outputs(&mut self, id: &str) -> Vec<Message> {
        let mut outputs: Vec<Message> = Vec::new();
        let mut others = Vec::new();
        loop {
            let message = self.next_output().await;
            if message.parent != id {
                others.push(message);
                continue;
            }
            let is_idle = message.brief() == "idle";
            match outputs.last_mut() {
                Some(last)
                    if message.kind == "stream"
                        && last.kind == "stream"
                        && last.content["name"] == message.content["name"] =>
                {
                    let text = [&last.content["text"], &message.content["text"]]
                        .map(|text| text.as_str().unwrap())
                        .concat();
                    last.content["text"] = text.into();
                }
                _ => outputs.push(message),
            }
            if is_idle {
                others.append(&mut self.unread);
                self.unread = others;
                return outputs;
            }
        }
    }

    pub async fn request(&mut self, kind: &str, content: Value) -> Outcome {
        let id = self.send(kind, content).await;
        let reply = self.shell_reply(&id).await;
        Outcome { outputs: self.outputs(&id).await, reply }
    }

    pub async fn execute(&mut self, code: &str) -> Outcome {
        self.request("execute_request", json!({ "code": code })).await
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ends the session; fails when a message was left unread or the kernel does not end well.
    pub async fn finish(mut self) {
        let id = self.send_control("shutdown_request", json!({ "restart": false })).await;
        let reply = self.control_reply(&id).await;
        assert_eq!(reply.kind, "shutdown_reply");
        assert_eq!(reply.content, json!({ "status": "ok", "restart": false }));
        let outputs = self.outputs(&id).await;
        let outputs: Vec<String> = outputs.iter().map(Message::brief).collect();
        assert_eq!(outputs, ["busy", "shutdown_reply", "idle"]);
        let status = wait(&mut self.kernel).await;
        assert!(status.success(), "{status}");
        self.assert_nothing_unread().await;
    }

    async fn assert_nothing_unread(&mut self) {
        assert_eq!(self.unread, [], "unread on iopub");
        // The kernel is gone: what it sent has arrived, and there is nothing to wait for.
        let moment = Duration::from_millis(20);
        for (channel, left) in [
            ("iopub", timeout(moment, read(&mut self.iopub)).await.ok()),
            ("shell", timeout(moment, read(&mut self.shell)).await.ok()),
            ("control", timeout(moment, read(&mut self.control)).await.ok()),
            ("stdin", timeout(moment, read(&mut self.stdin)).await.ok()),
        ] {
            assert_eq!(left, None, "unread on {channel}");
        }
    }
}

/// Sockets in the folder: no port that another test may take.
pub fn ipc_connection(folder: &Path) -> ConnectionInfo {
    ConnectionInfo {
        ip: folder.join("socket").to_str().unwrap().to_owned(),
        transport: Transport::IPC,
        shell_port: 1,
        iopub_port: 2,
        stdin_port: 3,
        control_port: 4,
        hb_port: 5,
        key: "a secret key".into(),
        signature_scheme: "hmac-sha256".into(),
        kernel_name: Some("lazuli".into()),
    }
}

/// The programs that scripts of the tests call, and no other: no compiler among them.
pub fn without_rust(kernel: &mut Command, folder: &Path) {
    let programs = folder.join("programs");
    std::fs::create_dir(&programs).unwrap();
    for program in ["bash", "head", "seq", "sleep", "yes"] {
        let search_path = std::env::var_os("PATH").unwrap();
        let place = std::env::split_paths(&search_path)
            .map(|folder| folder.join(program))
            .find(|place| place.is_file())
            .unwrap_or_else(|| panic!("{program} is needed"));
        std::os::unix::fs::symlink(place, programs.join(program)).unwrap();
    }
    kernel.env("PATH", programs).env("HOME", folder).env_remove("JPY_PARENT_PID");
}

impl Drop for Frontend {
    fn drop(&mut self) {
        // A test that failed leaves no kernel behind.
        if let Ok(None) = self.kernel.try_wait() {
            let _ = self.kernel.kill();
            let _ = self.kernel.wait();
        }
    }
}

pub async fn wait(kernel: &mut Child) -> std::process::ExitStatus {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(status) = kernel.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "the kernel does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn request(kind: &str, content: Value) -> JupyterMessage {
    let content = UnknownMessage { msg_type: kind.to_owned(), content };
    JupyterMessage::new(content, None)
}

/// The sockets of one client.
pub struct Clients {
    pub shell: ClientShellConnection,
    pub control: ClientControlConnection,
    pub iopub: ClientIoPubConnection,
    pub stdin: ClientStdinConnection,
}

impl Clients {
    /// Connects as soon as the kernel listens.
    pub async fn connect(connection: &ConnectionInfo) -> Clients {
        let session = uuid::Uuid::new_v4().to_string();
        let identity = peer_identity_for_session(&session).unwrap();
        let deadline = Instant::now() + TIMEOUT;
        loop {
            // iopub is bound last.
            match create_client_iopub_connection(connection, "", &session).await {
                Ok(iopub) => {
                    let shell = create_client_shell_connection_with_identity(
                        connection,
                        &session,
                        identity.clone(),
                    );
                    let stdin = create_client_stdin_connection_with_identity(
                        connection,
                        &session,
                        identity.clone(),
                    );
                    let control = create_client_control_connection(connection, &session);
                    return Clients {
                        iopub,
                        shell: shell.await.unwrap(),
                        stdin: stdin.await.unwrap(),
                        control: control.await.unwrap(),
                    };
                }
                Err(error) => assert!(Instant::now() < deadline, "no connection: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The next message, not through the typed parser: a test sees what was sent.
pub async fn read<S: zeromq::SocketRecv>(connection: &mut Connection<S>) -> Message {
    let multipart = connection.socket.recv().await.unwrap();
    let raw = RawMessage::from_multipart(multipart, &connection.mac).expect("a signed message");
    let part = |index: usize| serde_json::from_slice::<Value>(&raw.jparts[index]).unwrap();
    let (header, parent, content) = (part(0), part(1), part(3));
    Message {
        kind: header["msg_type"].as_str().unwrap().to_owned(),
        parent: parent["msg_id"].as_str().unwrap_or_default().to_owned(),
        header,
        content,
    }
}
