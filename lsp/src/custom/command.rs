//! Commands of the table, as the shell performs them: submit, cancel, register, download, create and
//! start compute, whatever there is.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lazuli::Config;
use lazuli::client::Client;
use lazuli_actions::{Caller, Context, Outcome, Session, Talk, byte_size, perform, submit_body};
use lazuli_commands::table::{BodyCommand, ShellCommand};
use lazuli_commands::{Cell, Options, ShellInvocation, parse_cell, parse_shell};
use lazuli_domain::ApiError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;
use tower_lsp_server::jsonrpc::Result;
use tower_lsp_server::ls_types::ProgressToken;

use super::{blocking, invalid};
use crate::main_loop::Snapshot;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandParams {
    pub words: Vec<String>,
    pub workspace: Option<String>,
    pub folder: Option<PathBuf>,
    pub work_done_token: Option<ProgressToken>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmitTextParams {
    pub text: String,
    /// What to call the script.
    pub script: Option<String>,
    /// Options as after `submit`.
    #[serde(default)]
    pub words: Vec<String>,
    pub workspace: Option<String>,
    pub folder: Option<PathBuf>,
    pub work_done_token: Option<ProgressToken>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    pub text: String,
    pub json: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// A run to show and follow, or that was submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    pub is_bad: bool,
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Answer {
        let made = || Some(outcome.json.get("run_id")?.as_str()?.to_owned());
        let run = outcome.follow.clone().or_else(made);
        Answer {
            text: outcome.text,
            json: outcome.json,
            html: outcome.html,
            run,
            is_bad: outcome.is_bad,
        }
    }
}

/// What is told while it goes on.
pub type Told = mpsc::UnboundedSender<String>;

pub async fn command(snapshot: &Snapshot, params: CommandParams, told_tx: Told) -> Result<Answer> {
    let (options, command) = match parse_shell(&params.words) {
        Ok(ShellInvocation::Command(options, command)) => match *command {
            ShellCommand::Shared(command) => (options, command),
            _ => return Err(invalid(format!("`{}` is for a terminal", params.words.join(" ")))),
        },
        Ok(ShellInvocation::Print(text)) => {
            return Ok(Answer { text, json: Value::Null, html: None, run: None, is_bad: false });
        }
        Err(error) => return Err(invalid(sentence(&error.message, error.hint.as_deref()))),
    };
    let workspace = params.workspace.unwrap_or_else(|| snapshot.workspace.clone());
    act(workspace, params.folder, told_tx, move |context, session, talk| {
        perform(&command, &options, context, session, talk)
    })
    .await
}

/// Submits a text that lies in no file, or in another one than is saved.
pub async fn submit_text(
    snapshot: &Snapshot,
    params: SubmitTextParams,
    told_tx: Told,
) -> Result<Answer> {
    let script = params.script.unwrap_or_else(|| "cell.py".into());
    let words = std::iter::once(&script).chain(&params.words).map(|word| quoted(word));
    let line = format!("%%submit {}\n{}", words.collect::<Vec<_>>().join(" "), params.text);
    let magic = match parse_cell(&line) {
        Ok(Cell::Body(magic)) => magic,
        Ok(Cell::Pieces(_)) => return Err(invalid("nothing is to be submitted")),
        Err(error) => return Err(invalid(sentence(&error.message, error.hint.as_deref()))),
    };
    let BodyCommand::Submit(submit) = magic.command else {
        return Err(invalid("nothing is to be submitted"));
    };
    let Options { workspace, .. } = magic.options;
    let workspace = workspace.or(params.workspace).unwrap_or_else(|| snapshot.workspace.clone());
    act(workspace, params.folder, told_tx, move |context, session, talk| {
        submit_body(context, session, talk, &submit, &params.text)
    })
    .await
}

async fn act(
    workspace: String,
    folder: Option<PathBuf>,
    told_tx: Told,
    work: impl FnOnce(&Context, &mut Session, &mut dyn Talk) -> lazuli::Result<Outcome> + Send + 'static,
) -> Result<Answer> {
    let stop = Arc::new(AtomicBool::new(false));
    // A canceled request drops this future, and with it the guard.
    let _guard = StopWhenDropped(stop.clone());
    let mut talk = Teller { told_tx, stop };
    blocking(move || {
        let client = Client::connect()?;
        let mut context = Context::new(client, Caller::Shell, Config::from_environment()?)?;
        if let Some(folder) = folder {
            if !folder.is_dir() {
                return Err(ApiError::not_found("folder", &folder.to_string_lossy()).into());
            }
            context.folder = folder;
        }
        let mut session = Session { workspace, ..Session::default() };
        work(&context, &mut session, &mut talk)
    })
    .await
    .map(Answer::from)
}

struct StopWhenDropped(Arc<AtomicBool>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Teller {
    told_tx: Told,
    stop: Arc<AtomicBool>,
}

impl Teller {
    fn tell(&self, text: String) {
        // Nobody may have asked to be told.
        let _ = self.told_tx.send(text);
    }
}

impl Talk for Teller {
    fn note(&mut self, sentence: &str) {
        self.tell(sentence.to_owned());
    }

    fn transfer(&mut self, what: &str, done: u64, total: u64) {
        self.tell(format!("{what}: {} of {}", byte_size(done), byte_size(total)));
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

fn sentence(message: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{message}; {hint}"),
        None => message.to_owned(),
    }
}
