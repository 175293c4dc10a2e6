//! `%%track`: the Rust below runs as a run. Its source and what it prints are kept with the run; a
//! cell that fails is a failed run.

use std::ops::Range;
use std::time::Instant;

use lazuli_actions::{TrackedCell, finish_track, start_track};
use lazuli_commands::Options;
use lazuli_commands::table::Track;
use lazuli_domain::RunError;

use super::shared;
use crate::cell::{Cell, in_place, rust};
use crate::interpreter::CellError;

pub async fn run(
    cell: &mut Cell,
    options: Options,
    track: Track,
    code: &str,
    body: Range<usize>,
) -> Result<(), CellError> {
    let (run, before) = shared::in_session(cell, move |context, session, _| {
        let workspace = session.workspace.clone();
        if let Some(workspace) = options.workspace {
            session.workspace = workspace;
        }
        let (run, run_before) = start_track(context, session, &track)?;
        Ok((run, (workspace, run_before)))
    })
    .await?;
    let started = Instant::now();
    cell.start_transcript();
    let outcome = rust::run(cell, &in_place(code, body.clone())).await;
    let seconds = started.elapsed().as_secs_f64();
    let transcript = cell.take_transcript();

    let run_id = run.run_id.clone();
    let source = code[body].to_owned();
    let error = outcome.as_ref().err().map(run_error);
    // The run has to end, also after an interrupt of its cell.
    cell.forgive_interrupt();
    let ended = shared::in_session(cell, move |context, session, _| {
        let (workspace, run_before) = before;
        session.workspace = workspace;
        let left = TrackedCell { source: &source, extension: "rs", output: &transcript, error };
        finish_track(context, session, &run_id, run_before, &left)
    })
    .await;
    match ended {
        Ok(ended) => {
            let status = ended.status;
            cell.stderr(format!("run `{}` {status} after {seconds:.1} s\n", run.run_id)).await;
            outcome
        }
        // The cell's own error is the one to see.
        Err(error) if outcome.is_err() => {
            let run_id = &run.run_id;
            cell.stderr(format!("the run `{run_id}` was not ended: {}\n", error.value)).await;
            outcome
        }
        Err(error) => Err(error),
    }
}

fn run_error(error: &CellError) -> RunError {
    RunError {
        message: format!("{}: {}", error.name, error.value),
        details: without_colour(&error.traceback.join("\n")),
        ..RunError::default()
    }
}

/// Text without ANSI colours.
fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::without_colour;

    #[test]
    fn a_run_keeps_its_error_without_colours() {
        assert_eq!(without_colour("\u{1b}[1;31merror\u{1b}[0m: no\n[x]"), "error: no\n[x]");
    }
}
