//! What code does with runs: where it starts or submits them, and which metrics it logs.

use super::Span;
use super::lexer::tokens;
use super::places::visit;
use crate::documents::Language;

/// Something in a cell that makes a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStart {
    pub span: Span,
    /// `submit train.py`, `start_logging`, `%%submit`.
    pub label: String,
}

/// `run.log('accuracy', …)`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub metric: String,
    /// Where the call ends; before the text's end when it is whole.
    pub end: Option<usize>,
    pub call: usize,
}

/// What a script does, as far as it concerns a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// It asks for its run or declares arguments: it is meant to be submitted.
    pub is_entry: bool,
    pub gets_run: bool,
    pub logs: bool,
    /// `mlflow` or its autologging logs for it.
    pub uses_mlflow: bool,
    /// Files that it writes elsewhere than in `outputs/` or `logs/`.
    pub writes: Vec<(Span, String)>,
    /// Where it gets its run.
    pub place: Option<Span>,
}

pub fn starts(cell: &str, language: Language, skip: &[Span]) -> Vec<RunStart> {
    let mut found: Vec<RunStart> = super::magics::spans(cell, language)
        .into_iter()
        .filter(|span| {
            let line = cell[span.clone()].trim_start_matches('%');
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("submit" | "track"), _) => true,
                (Some("run"), Some(command)) => matches!(command, "submit" | "start"),
                _ => false,
            }
        })
        .map(|span| RunStart { label: cell[span.clone()].trim().to_owned(), span })
        .collect();
    let tokens = tokens(cell, language, skip);
    visit(cell, &tokens, |index, token, _| {
        let called = tokens.get(index + 1).is_some_and(|next| next.is_sign('('));
        let method = index > 0 && tokens[index - 1].is_sign('.');
        let name = token.text(cell);
        if called
            && method
            && matches!(name, "submit" | "start_logging" | "start_logging_named" | "submit_child")
        {
            found.push(RunStart { span: token.span.clone(), label: name.to_owned() });
        }
    });
    found.sort_by_key(|start| start.span.start);
    found
}

pub fn logged(code: &str, language: Language, skip: &[Span]) -> Vec<Logged> {
    let tokens = tokens(code, language, skip);
    let mut found: Vec<Logged> = Vec::new();
    visit(code, &tokens, |index, token, calls| {
        if let (Some(span), Some(call)) = (token.content(), calls.last())
            && call.index == 0
            && call.bracket == '('
            && call.callee.contains('.')
            && matches!(call.keyword.as_deref(), None | Some("name" | "key"))
            && matches!(call.name(), "log" | "log_list" | "log_metric")
            && tokens.get(index + 1).is_some_and(|next| next.is_sign(','))
        {
            found.push(Logged { metric: code[span].to_owned(), end: None, call: call.start });
        }
        if token.is_sign(')')
            && let Some(call) = calls.last()
            && let Some(open) = found.iter_mut().rfind(|logged| logged.call == call.start)
        {
            open.end = Some(token.span.end);
        }
    });
    found
}

pub fn habits(code: &str) -> Habits {
    let tokens = tokens(code, Language::Python, &[]);
    let mut habits = Habits::default();
    visit(code, &tokens, |index, token, calls| {
        let called = tokens.get(index + 1).is_some_and(|next| next.is_sign('('));
        let method = index > 0 && tokens[index - 1].is_sign('.');
        let name = token.text(code);
        if called && method && name == "get_context" {
            habits.gets_run = true;
            habits.is_entry = true;
            habits.place.get_or_insert(token.span.clone());
        }
        if name == "ArgumentParser" && called {
            habits.is_entry = true;
        }
        habits.logs |= called && method && (name.starts_with("log") || name.starts_with("upload_"));
        habits.uses_mlflow |= token.is_word(code, "mlflow") || name == "autolog";
        let Some(call) = calls.last() else { return };
        let Some(span) = token.content() else { return };
        let is_file = match call.name() {
            "dump" | "savefig" | "to_csv" | "to_parquet" | "to_pickle" | "save" => {
                call.index
                    == usize::from(call.name() == "dump" && call.callee.starts_with("joblib"))
                    || matches!(call.keyword.as_deref(), Some("filename" | "value"))
            }
            "open" => {
                call.index == 0 && call.callee == "open" && opens_to_write(code, &tokens[index..])
            }
            _ => false,
        };
        let path = &code[span.clone()];
        let is_kept = ["outputs/", "./outputs", "logs/", "./logs", "/"]
            .iter()
            .any(|kept| path.starts_with(kept));
        if is_file && !is_kept && path.contains('.') && !path.contains("://") {
            habits.writes.push((span, path.to_owned()));
        }
    });
    habits
}

/// `open('x', 'w')`, seen from the name of the file.
fn opens_to_write(code: &str, rest: &[super::lexer::Token]) -> bool {
    let mode = rest
        .iter()
        .skip(1)
        .take_while(|token| !token.is_sign(')'))
        .find_map(super::lexer::Token::content);
    mode.is_some_and(|span| code[span].contains(['w', 'a', 'x']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_is_found() {
        let code = "run.log('a', 1)\nlog('b', 2)\nrun.log(name='c', value=f(3))\nrun.log('d'";
        let found = logged(code, Language::Python, &[]);
        let found: Vec<_> =
            found.iter().map(|logged| (logged.metric.as_str(), logged.end)).collect();
        assert_eq!(found, [("a", Some(15)), ("c", Some(57))]);
    }

    #[test]
    fn the_habits_of_a_script_are_seen() {
        let code = "run = Run.get_context()\njoblib.dump(m, 'model.pkl')\njoblib.dump(value=m, filename='outputs/m.pkl')\n\
                    open('in.txt').read()\nwith open('notes.txt', 'w') as f: pass\nplt.savefig('outputs/a.png')";
        let habits = habits(code);
        assert!(habits.is_entry && habits.gets_run && !habits.logs);
        let writes: Vec<&str> = habits.writes.iter().map(|(_, path)| path.as_str()).collect();
        assert_eq!(writes, ["model.pkl", "notes.txt"]);
    }

    #[test]
    fn runs_that_a_cell_starts() {
        let labels: Vec<String> =
            starts("%submit t.py\nrun = e.submit(c)\nr = e.start_logging()", Language::Python, &[])
                .into_iter()
                .map(|start| start.label)
                .collect();
        assert_eq!(labels, ["%submit t.py", "submit", "start_logging"]);
    }
}
