//! An editor as the tests see it: the real `lazuli lsp`, every message read. What is left unread fails
//! the test.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use lazuli_tests::Home;
use serde_json::{Value, json};

/// For a test that hangs; nobody waits for it.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Editor {
    process: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    unread: VecDeque<Value>,
    skipped: Vec<String>,
    next_id: u64,
    pub root: String,
}

impl Editor {
    /// Starts the server and reads what it says at the beginning.
    pub fn start(home: &Home) -> Editor {
        let mut editor = Editor::start_quietly(home);
        let status = editor.notification("lazuli/statusChanged");
        if status["daemon"] == "absent" {
            editor.notification("window/logMessage");
        } else {
            editor.notification("lazuli/treeChanged");
        }
        editor
    }

    pub fn start_quietly(home: &Home) -> Editor {
        let mut command = home.command(&["lsp", "--stdio"]);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        let (messages_tx, messages) = channel();
        std::thread::spawn(move || {
            let mut output = output;
            while let Some(message) = read(&mut output) {
                if messages_tx.send(message).is_err() {
                    return;
                }
            }
        });
        let input = process.stdin.take();
        let root = format!("file://{}", home.work().canonicalize().expect("it exists").display());
        let mut editor = Editor {
            process,
            input,
            messages,
            unread: VecDeque::new(),
            skipped: Vec::new(),
            next_id: 0,
            root,
        };
        let root = editor.root.clone();
        let answer = editor.request(
            "initialize",
            json!({
                "capabilities": {
                    "textDocument": {
                        "definition": { "linkSupport": false },
                        "documentSymbol": { "hierarchicalDocumentSymbolSupport": true },
                    },
                },
                "workspaceFolders": [{ "uri": root, "name": "work" }],
            }),
        );
        assert_eq!(answer["serverInfo"]["name"], "lazuli");
        editor.notify("initialized", json!({}));
        editor
    }

    pub fn uri(&self, name: &str) -> String {
        format!("{}/{name}", self.root)
    }

    /// Bytes as they are, for messages that are none.
    pub fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("the pipe is open");
        input.write_all(bytes).and_then(|()| input.flush()).expect("the server reads");
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.write(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    pub fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    pub fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if !params.is_null() {
            message["params"] = params;
        }
        self.send(&message);
        id
    }

    pub fn answer(&mut self, id: u64) -> Result<Value, Value> {
        let message = self.find(&format!("the answer to {id}"), |message| {
            message["id"] == id && message["method"].is_null()
        });
        match message.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(message["result"].clone()),
        }
    }

    #[track_caller]
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        self.answer(id).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    #[track_caller]
    pub fn refused(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        self.answer(id).expect_err("this should have failed")
    }

    /// The next notification of that name.
    pub fn notification(&mut self, method: &str) -> Value {
        let message =
            self.find(method, |message| message["method"] == method && message["id"].is_null());
        message["params"].clone()
    }

    /// The diagnostics of a document, once they are others than before, as (text, message).
    pub fn diagnostics(&mut self, uri: &str) -> Vec<Value> {
        let message = self.find(&format!("diagnostics of {uri}"), |message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
        });
        message["params"]["diagnostics"].as_array().expect("a list").clone()
    }

    fn find(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.unread.iter().position(&is_it) {
            return self.unread.remove(place).expect("it is there");
        }
        loop {
            match self.messages.recv_timeout(LIMIT) {
                Ok(message) if is_it(&message) => return message,
                Ok(message) => self.unread.push_back(message),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("waited in vain for {what}; unread: {:#?}", self.unread)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the server has ended before {what}; unread: {:#?}", self.unread)
                }
            }
        }
    }

    pub fn open(&mut self, name: &str, language: &str, text: &str) -> String {
        let uri = self.uri(name);
        let item = json!({ "uri": uri, "languageId": language, "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": item }));
        uri
    }

    /// Opens a notebook with these cells; gives their addresses.
    pub fn open_notebook(&mut self, name: &str, language: &str, cells: &[&str]) -> Vec<String> {
        let notebook = self.uri(name);
        let path = notebook.strip_prefix("file://").expect("a file").to_owned();
        let uris: Vec<String> =
            (0..cells.len()).map(|index| format!("vscode-notebook-cell:{path}#c{index}")).collect();
        let described: Vec<Value> =
            uris.iter().map(|uri| json!({ "kind": 2, "document": uri })).collect();
        let texts: Vec<Value> = uris
            .iter()
            .zip(cells)
            .map(|(uri, text)| json!({ "uri": uri, "languageId": language, "version": 1, "text": text }))
            .collect();
        self.notify(
            "notebookDocument/didOpen",
            json!({
                "notebookDocument": { "uri": notebook, "notebookType": "jupyter-notebook", "version": 1, "cells": described },
                "cellTextDocuments": texts,
            }),
        );
        uris
    }

    /// Asks at the end of the document's text.
    pub fn at(&mut self, method: &str, uri: &str, line: u32, character: u32) -> Value {
        self.request(
            method,
            json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } }),
        )
    }

    /// The labels of the completions there.
    pub fn complete(&mut self, uri: &str, line: u32, character: u32) -> Vec<String> {
        let found = self.at("textDocument/completion", uri, line, character);
        let items = found["items"].as_array().into_iter().flatten();
        items.map(|item| item["label"].as_str().expect("a label").to_owned()).collect()
    }

    pub fn hover(&mut self, uri: &str, line: u32, character: u32) -> String {
        let found = self.at("textDocument/hover", uri, line, character);
        assert!(found.is_null() || found["contents"]["kind"] == "plaintext", "{found}");
        found["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))
            .unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        let kilobytes =
            line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
        kilobytes.expect("the server runs") * 1024
    }

    /// What the editor shows below a document by now; it stays unread.
    pub fn shown(&mut self, uri: &str) -> Value {
        while let Ok(message) = self.messages.try_recv() {
            self.unread.push_back(message);
        }
        let last = self.unread.iter().rfind(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
        });
        last.map_or_else(|| json!([]), |message| message["params"]["diagnostics"].clone())
    }

    /// Messages of that kind come in any number, and their content was checked elsewhere.
    pub fn skip(&mut self, method: &str) {
        while let Ok(message) = self.messages.try_recv() {
            self.unread.push_back(message);
        }
        self.unread.retain(|message| message["method"] != method);
        self.skipped.push(method.to_owned());
    }

    /// What was no message has no id to be answered to.
    pub fn skip_errors_of_parsing(&mut self) {
        while let Ok(message) = self.messages.try_recv() {
            self.unread.push_back(message);
        }
        self.unread.retain(|message| !(message["id"].is_null() && message["error"].is_object()));
    }

    /// Says goodbye; nothing may be left unread.
    pub fn finish(mut self) {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        drop(self.input.take());
        let status = self.process.wait().expect("it is our child");
        assert!(status.success(), "{status}");
        while let Ok(message) = self.messages.recv_timeout(LIMIT) {
            self.unread.push_back(message);
        }
        let skipped = &self.skipped;
        self.unread.retain(|message| !skipped.iter().any(|method| message["method"] == **method));
        assert!(self.unread.is_empty(), "unread: {:#?}", self.unread);
    }

    /// Closes the pipes without a word; the server has to end by itself.
    pub fn vanish(mut self) {
        drop(self.input.take());
        lazuli_tests::until("the server's end", || {
            self.process.try_wait().expect("it is our child")
        });
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim() {
            "" => break,
            header => {
                if let Some(value) = header.strip_prefix("Content-Length: ") {
                    length = value.parse().ok()?;
                }
            }
        }
    }
    let mut text = vec![0; length];
    output.read_exact(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
