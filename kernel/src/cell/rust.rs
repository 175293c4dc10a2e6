//! Rust code of a cell: to the interpreter and its outputs back.

use tokio::sync::mpsc;

use super::context::{Cell, interrupted};
use crate::interpreter::{CellError, MimeBundle, Output};
use crate::jupyter::iopub::Stream;

/// A cell that prints faster than the outgoing queue takes waits after so many outputs.
const OUTPUTS: usize = 64;

/// Runs the code; what it puts out is on its way when this returns.
pub async fn run(cell: &mut Cell, code: &str) -> Result<(), CellError> {
    if code.trim().is_empty() {
        return Ok(());
    }
    execute(cell, code, &mut Sink::FrontEnd).await
}

/// The value of an expression; what it prints besides is dropped.
pub async fn evaluate(cell: &mut Cell, expression: &str) -> Result<MimeBundle, CellError> {
    let mut value = None;
    execute(cell, expression, &mut Sink::Value(&mut value)).await?;
    value.ok_or_else(|| CellError {
        name: "NoValue".into(),
        value: format!("`{}` has no value", expression.trim()),
        traceback: Vec::new(),
    })
}

/// Where the outputs go.
enum Sink<'a> {
    FrontEnd,
    /// Only the value of the last expression is wanted.
    Value(&'a mut Option<MimeBundle>),
}

async fn execute(cell: &mut Cell, code: &str, sink: &mut Sink<'_>) -> Result<(), CellError> {
    if cell.is_interrupted() {
        return Err(interrupted());
    }
    let interpreter = cell.kernel.interpreter.clone();
    let (outputs_tx, mut outputs_rx) = mpsc::channel(OUTPUTS);
    let execution_count = cell.execution_count;
    let execution = interpreter.execute(code, execution_count, outputs_tx);
    tokio::pin!(execution);
    let outcome = loop {
        tokio::select! {
            outcome = &mut execution => break outcome,
            Some(output) = outputs_rx.recv() => put_out(cell, sink, output).await,
            () = cell.interrupted() => interpreter.interrupt(),
        }
    };
    // Everything was sent before `execute` returned; some of it may still lie in the channel.
    while let Ok(output) = outputs_rx.try_recv() {
        put_out(cell, sink, output).await;
    }
    outcome
}

async fn put_out(cell: &mut Cell, sink: &mut Sink<'_>, output: Output) {
    match (output, sink) {
        (Output::Input { prompt, reply }, _) => match cell.ask(&prompt, false).await {
            // The cell may have ended meanwhile; then nobody waits for the answer.
            Ok(answer) => drop(reply.send(answer)),
            // Without an answer the cell reads the end of its input.
            Err(error) => {
                drop(reply);
                if error == interrupted() {
                    cell.kernel.interpreter.interrupt();
                }
            }
        },
        (Output::Stdout(text), Sink::FrontEnd) => cell.print(Stream::Stdout, text).await,
        (Output::Stderr(text), Sink::FrontEnd) => cell.print(Stream::Stderr, text).await,
        (Output::Display(data), Sink::FrontEnd) => cell.display(data).await,
        (Output::Result(data), Sink::FrontEnd) => cell.result(data).await,
        (Output::Result(data), Sink::Value(value)) => **value = Some(data),
        (_, Sink::Value(_)) => {}
    }
}
