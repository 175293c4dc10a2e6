use lazuli::Result;
use lazuli_domain::{ApiError, ErrorKind, Run};
use serde_json::json;

use super::{STANDARD_LOG, follow_log, how_it_ended};
use crate::{Context, Outcome, Talk};

pub(super) fn print(
    context: &Context,
    run: &Run,
    file: &str,
    tail: Option<usize>,
) -> Result<Outcome> {
    let mut bytes = Vec::new();
    loop {
        let chunk = match context.client.read_log(&run.run_id, file, bytes.len() as u64) {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return no_such_log(context, run, file);
            }
            Err(error) => return Err(error),
        };
        bytes.extend_from_slice(&chunk.bytes);
        if chunk.bytes.is_empty() || bytes.len() as u64 >= chunk.size {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let text = match tail {
        Some(lines) => last_lines(&text, lines),
        None => &text,
    };
    let json = json!({ "run_id": run.run_id, "path": file, "text": text });
    Outcome::new(text.strip_suffix('\n').unwrap_or(text), &json)
}

pub(super) fn follow(
    context: &Context,
    talk: &mut dyn Talk,
    run: &Run,
    file: &str,
) -> Result<Outcome> {
    match follow_log(context, talk, &run.run_id, file)? {
        Some(ended) => {
            talk.note(&how_it_ended(&ended));
            Outcome::new("", &ended)
        }
        None => Outcome::new("", run),
    }
}

fn no_such_log(context: &Context, run: &Run, file: &str) -> Result<Outcome> {
    let logs = context.client.logs(&run.run_id)?;
    let run_id = &run.run_id;
    if file == STANDARD_LOG && logs.is_empty() {
        let json = json!({ "run_id": run_id, "path": file, "text": "" });
        return Outcome::new(format!("run `{run_id}` has no log"), &json);
    }
    let names: Vec<String> = logs.iter().map(|log| format!("`{}`", log.path)).collect();
    let error = ApiError::new(ErrorKind::NotFound, format!("run `{run_id}` has no log `{file}`"));
    let error = match names.is_empty() {
        true => error.hint("it has no log at all"),
        false => error.hint(format!("it has {}", names.join(", "))),
    };
    Err(error.into())
}

fn last_lines(text: &str, lines: usize) -> &str {
    let body = text.strip_suffix('\n').unwrap_or(text);
    match lines {
        0 => "",
        _ => match body.rmatch_indices('\n').nth(lines - 1) {
            Some((newline, _)) => &text[newline + 1..],
            None => text,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::last_lines;

    #[test]
    fn the_last_lines_are_the_last() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last_lines("a\nb\nc", 1), "c");
        assert_eq!(last_lines("a\n", 5), "a\n");
        assert_eq!(last_lines("a\n", 0), "");
    }
}
