//! `lazuli kernel magics`: our magics for a Python process. `lazuli.notebook` starts it, in the
//! kernel "Lazuli (Python)", for `%%python`, and in a plain ipykernel after `%load_ext lazuli`; so
//! the table of commands and what they do are here only.
//!
//! Lines of JSON: requests and answers come in on standard input, events go out on standard output.
//!
//! ```text
//! ◄ {"ready": {"line": [..], "body": [..], "run": [..], "session": FILE}}
//! ► {"magic": "log", "line": "a=1", "body": null, "folder": DIR}
//! ◄ {"print": {"stream": "stdout", "text": ".."}}      ◄ {"display": {"text/plain": ".."}}
//! ◄ {"progress": "upload: 3 MB of 9 MB"}               ◄ {"run": ID}
//! ◄ {"ask": {"prompt": "..", "password": true}}         ► {"answer": ".."}
//! ◄ {"evaluate": ["loss * 2"]}                          ► {"values": ["0.5"]}
//! ◄ {"execute": CODE}                                   ► {"executed": {"output": "..", "error": null}}
//! ◄ {"bind": {"name": "rows", "file": FILE}}
//! ◄ {"done": true}   or   {"error": {"name": "..", "value": "..", "traceback": [..]}}
//! ► {"interrupt": true}                                 at any time
//! ```

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use anyhow::Context as _;
use lazuli::client::Client;
use lazuli_actions::{
    Caller, Context, Outcome, Session as Active, Talk, TrackedCell, byte_size, finish_track,
    perform, sql, start_track, submit_body,
};
use lazuli_commands::table::{Command, LineCommand, SecretCommand, SqlOptions};
use lazuli_commands::{
    BodyCommand, BodyMagic, Cell, LineMagic, Options, Piece, help, parse_cell, python,
};
use lazuli_domain::{ProcessIdentity, RunError};
use serde_json::{Value, json};

use crate::interpreter::CellError;
use crate::magic::{failed, failure, refused};
use crate::session::complete_runs;
use crate::session_file::SessionFile;
use crate::session_folder::SessionFolder;

pub fn serve() -> anyhow::Result<()> {
    let config = lazuli::Config::from_environment()?;
    // In a kernel of ours the session is the kernel's, and the kernel ends its runs.
    let kernels_file = config.session_file.clone();
    let folder = match &kernels_file {
        Some(_) => None,
        None => Some(SessionFolder::create("lazuli-session-")?),
    };
    let active = Active::from_environment(&config)?;
    let session = match (&kernels_file, &folder) {
        (Some(file), _) => SessionFile::open(file.clone(), active),
        (None, Some(folder)) => SessionFile::create(folder.path().join("session.json"), active)?,
        (None, None) => anyhow::bail!("there is no session"),
    };
    let owner = match &config.owner {
        Some(owner) => owner.clone(),
        None => lazuli::process::identity_of(std::os::unix::process::parent_id())
            .context("the Python process cannot be identified")?,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let (said_tx, said) = mpsc::channel();
    let heard = stop.clone();
    std::thread::Builder::new().name("requests".into()).spawn(move || read(&said_tx, &heard))?;
    let mut magics = Magics { session, owner, said, stop };
    let (line, body) = python::names();
    let run = python::run_commands();
    let file = magics.session.path().to_owned();
    magics.say(&json!({ "ready": { "line": line, "body": body, "run": run, "session": file } }));
    while let Ok(request) = magics.said.recv() {
        magics.hear(&request);
    }
    if kernels_file.is_none()
        && let Err(error) = complete_runs(&magics.session)
    {
        tracing::warn!(%error, "the active run was not completed");
    }
    Ok(())
}

/// Hears interrupts while a magic is performed. Ends when the Python process is gone.
fn read(said_tx: &mpsc::Sender<Value>, stop: &AtomicBool) {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        match serde_json::from_str::<Value>(&line) {
            Ok(said) if said["interrupt"] == true => stop.store(true, Ordering::SeqCst),
            Ok(said) => {
                if said_tx.send(said).is_err() {
                    return;
                }
            }
            Err(error) => tracing::warn!(%error, "a line that is no JSON"),
        }
    }
}

struct Magics {
    session: SessionFile,
    owner: ProcessIdentity,
    said: mpsc::Receiver<Value>,
    stop: Arc<AtomicBool>,
}

impl Magics {
    fn hear(&mut self, request: &Value) {
        if !request["magic"].is_string() {
            tracing::warn!(%request, "not understood");
            return;
        }
        self.stop.store(false, Ordering::SeqCst);
        let answer = match self.perform(request) {
            Ok(()) => json!({ "done": true }),
            Err(_) if self.is_stopped() => json!({ "interrupted": true }),
            Err(error) => json!({ "error": {
                "name": error.name, "value": error.value, "traceback": error.traceback,
            } }),
        };
        self.say(&answer);
    }

    fn perform(&mut self, request: &Value) -> Result<(), CellError> {
        let text = |field: &str| request[field].as_str().unwrap_or_default();
        if let Err(error) = std::env::set_current_dir(text("folder")) {
            let folder = text("folder");
            return Err(failure(
                "Unavailable",
                format!("the folder `{folder}` cannot be entered: {error}"),
                Some("`os.chdir` to one that exists".into()),
            ));
        }
        let (name, line) = (text("magic"), text("line"));
        let code = match request["body"].as_str() {
            Some(body) => format!("%%{name} {line}\n{body}"),
            None => format!("%{name} {line}"),
        };
        match parse_cell(&code).map_err(|error| refused(&code, &error))? {
            Cell::Body(magic) => self.body(&code, magic),
            Cell::Pieces(pieces) => pieces.into_iter().try_for_each(|piece| match piece {
                Piece::Magic(magic) => self.line(magic),
                // A magic has one line; IPython has put together what it goes on in.
                Piece::Rust(_) => Ok(()),
            }),
        }
    }

    fn line(&mut self, magic: LineMagic) -> Result<(), CellError> {
        let magic = self.evaluate(magic)?;
        match magic.command {
            // IPython's own.
            LineCommand::Lsmagic => Ok(()),
            LineCommand::Help { topic } => {
                let text = help(&topic).map_err(|error| refused(&topic, &error))?;
                self.print("stdout", &text);
                Ok(())
            }
            LineCommand::Shared(Command::Secret(SecretCommand::Set { name, value: None })) => {
                let command = self.ask_secret(name)?;
                self.shared(&magic.options, &command)
            }
            LineCommand::Shared(Command::Sql(asked)) => {
                self.sql(&magic.options, &asked.query.join(" "), &asked.options)
            }
            LineCommand::Shared(command) => self.shared(&magic.options, &command),
        }
    }

    fn body(&mut self, code: &str, magic: BodyMagic) -> Result<(), CellError> {
        let body = &code[magic.body.clone()];
        let options = &magic.options;
        match magic.command {
            BodyCommand::Submit(submit) => {
                let outcome = self.in_session(options, |context, session, talk| {
                    submit_body(context, session, talk, &submit, body)
                })?;
                self.show(&outcome, options.json)
            }
            BodyCommand::Sql(asked) => self.sql(options, body.trim(), &asked.options),
            BodyCommand::Track(track) => {
                let (run, before) = self.in_session(options, |context, session, _| {
                    start_track(context, session, &track)
                })?;
                let started = Instant::now();
                self.say(&json!({ "execute": body }));
                let executed = loop {
                    let said = self.said.recv().map_err(|_| stopped())?;
                    match said.get("executed") {
                        Some(executed) => break executed.clone(),
                        // A magic in the cell.
                        None => self.hear(&said),
                    }
                };
                let seconds = started.elapsed().as_secs_f64();
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let error = &executed["error"];
                let left = TrackedCell {
                    source: body,
                    extension: "py",
                    output: &text(&executed["output"]),
                    error: error.is_object().then(|| RunError {
                        message: text(&error["message"]),
                        details: text(&error["details"]),
                        ..RunError::default()
                    }),
                };
                // The run has to end, also after an interrupt of its cell.
                self.stop.store(false, Ordering::SeqCst);
                let run_id = run.run_id.clone();
                let ended = self.in_session(options, |context, session, _| {
                    finish_track(context, session, &run_id, before, &left)
                })?;
                let status = ended.status;
                self.print("stderr", &format!("run `{run_id}` {status} after {seconds:.1} s\n"));
                Ok(())
            }
            // IPython's own.
            BodyCommand::Bash(_) | BodyCommand::Writefile(_) | BodyCommand::Python => Ok(()),
        }
    }

    fn shared(&mut self, options: &Options, command: &Command) -> Result<(), CellError> {
        let outcome = self.connected(|context, session, talk| {
            perform(command, options, context, session, talk)
        })?;
        self.show(&outcome, options.json)
    }

    fn sql(&mut self, options: &Options, query: &str, asked: &SqlOptions) -> Result<(), CellError> {
        let outcome = self.in_session(options, |context, session, talk| {
            sql(context, session, talk, query, asked, options.json)
        })?;
        self.show(&outcome, options.json)?;
        if let Some(name) = &asked.output {
            let file = self.session.path().with_file_name("rows.json");
            std::fs::write(&file, outcome.json.to_string()).map_err(|error| {
                failure("Unavailable", format!("the rows cannot be kept: {error}"), None)
            })?;
            self.say(&json!({ "bind": { "name": name, "file": file } }));
        }
        Ok(())
    }

    fn show(&mut self, outcome: &Outcome, as_json: bool) -> Result<(), CellError> {
        if as_json {
            let text = serde_json::to_string_pretty(&outcome.json)
                .map_err(|error| failure("InternalError", error.to_string(), None))?;
            self.print("stdout", &(text + "\n"));
            return Ok(());
        }
        match (&outcome.follow, &outcome.html) {
            (Some(run_id), _) => self.say(&json!({ "run": run_id })),
            (None, Some(html)) => self.say(&json!({
                "display": { "text/plain": outcome.text, "text/html": html }
            })),
            (None, None) if outcome.text.is_empty() => {}
            (None, None) => self.print("stdout", &format!("{}\n", outcome.text)),
        }
        Ok(())
    }

    /// As [`Magics::connected`], in the workspace that the options name.
    fn in_session<T>(
        &mut self,
        options: &Options,
        work: impl FnOnce(&Context, &mut Active, &mut dyn Talk) -> lazuli::Result<T>,
    ) -> Result<T, CellError> {
        self.connected(|context, session, talk| {
            let workspace = session.workspace.clone();
            if let Some(other) = &options.workspace {
                session.workspace = other.clone();
            }
            let done = work(context, session, talk)?;
            session.workspace = workspace;
            Ok(done)
        })
    }

    /// Does the work with the daemon and the session, which changes when it succeeds.
    fn connected<T>(
        &mut self,
        work: impl FnOnce(&Context, &mut Active, &mut dyn Talk) -> lazuli::Result<T>,
    ) -> Result<T, CellError> {
        let mut active = self.session.active();
        let mut talk = Talker { stop: self.stop.clone(), transfer_told: None };
        let connect = || {
            let client = Client::connect()?;
            let config = lazuli::Config::from_environment()?;
            let mut context = Context::new(client, Caller::Cell, config)?;
            context.owner = Some(self.owner.clone());
            Ok(context)
        };
        let context = connect().map_err(|error: lazuli::Error| failed(&error))?;
        let done = work(&context, &mut active, &mut talk).map_err(|error| failed(&error))?;
        if !self.is_stopped() {
            self.session.activate(active).map_err(|error| failed(&error))?;
        }
        Ok(done)
    }

    fn ask_secret(&mut self, name: String) -> Result<Command, CellError> {
        let prompt = format!("Value of the secret {name}: ");
        self.say(&json!({ "ask": { "prompt": prompt, "password": true } }));
        let value = self.answer("answer")?.as_str().unwrap_or_default().to_owned();
        if value.is_empty() {
            return Err(failure(
                "Invalid",
                format!("no value was given for the secret `{name}`"),
                Some("run the cell again and type it".into()),
            ));
        }
        Ok(Command::Secret(SecretCommand::Set { name, value: Some(value) }))
    }

    /// Puts the values of the `{expressions}` that IPython has left in their places.
    fn evaluate(&mut self, magic: LineMagic) -> Result<LineMagic, CellError> {
        if magic.expressions.is_empty() {
            return Ok(magic);
        }
        let codes: Vec<&str> =
            magic.expressions.iter().map(|expression| expression.code.as_str()).collect();
        self.say(&json!({ "evaluate": codes }));
        let values = self.answer("values")?;
        let values = values.as_array().into_iter().flatten();
        let texts = values.map(|value| value.as_str().unwrap_or_default().to_owned());
        Ok(magic.fill(texts.collect()))
    }

    /// What the Python process says next.
    fn answer(&mut self, field: &str) -> Result<Value, CellError> {
        let mut said = self.said.recv().map_err(|_| stopped())?;
        match said.get_mut(field) {
            Some(answer) => Ok(answer.take()),
            // It has failed there, and its error is the one to see.
            None => {
                self.stop.store(true, Ordering::SeqCst);
                Err(stopped())
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn print(&self, stream: &str, text: &str) {
        self.say(&json!({ "print": { "stream": stream, "text": text } }));
    }

    fn say(&self, event: &Value) {
        say(event);
    }
}

fn say(event: &Value) {
    let mut out = std::io::stdout().lock();
    // The Python process is gone, and the end of the input says so too.
    if writeln!(out, "{event}").and_then(|()| out.flush()).is_err() {
        tracing::debug!("nobody listens any more");
    }
}

fn stopped() -> CellError {
    crate::cell::interrupted()
}

struct Talker {
    stop: Arc<AtomicBool>,
    transfer_told: Option<(Instant, Instant)>,
}

impl Talk for Talker {
    fn note(&mut self, sentence: &str) {
        say(&json!({ "print": { "stream": "stderr", "text": format!("{sentence}\n") } }));
    }

    fn print(&mut self, text: &str) {
        say(&json!({ "print": { "stream": "stdout", "text": text } }));
    }

    fn transfer(&mut self, what: &str, done: u64, total: u64) {
        let now = Instant::now();
        let (began, told) = *self.transfer_told.get_or_insert((now, now));
        let ends = done >= total;
        let is_told = (now - began).as_secs() >= 1 && (ends || (now - told).as_millis() > 330);
        self.transfer_told = (!ends).then_some((began, if is_told { now } else { told }));
        if is_told {
            let (done, total) = (byte_size(done), byte_size(total));
            say(&json!({ "progress": format!("{what}: {done} of {total}") }));
        }
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}
