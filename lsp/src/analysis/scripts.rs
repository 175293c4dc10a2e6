//! Scripts that are submitted: which arguments they declare with argparse, which ones a
//! configuration gives them, and what does not fit.

use super::lexer::{Kind, Token, tokens};
use super::places::{Call, visit};
use super::{Finding, Span};
use crate::documents::Language;

/// An argument that a script declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Argument {
    /// `--reg-rate`, `-r`; empty for a positional argument.
    pub flags: Vec<String>,
    /// What it is called when it has no flag.
    pub name: String,
    pub type_name: Option<String>,
    pub is_required: bool,
    pub takes_value: bool,
    pub choices: Vec<String>,
    pub help: Option<String>,
}

/// What a script says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub arguments: Vec<Argument>,
    pub uses_argparse: bool,
    /// `parse_known_args`: it takes others too.
    pub takes_others: bool,
}

impl Argument {
    /// `--epochs int, required`, and what the script says about it.
    pub fn in_words(&self) -> String {
        let mut words = match self.flags.as_slice() {
            [] => self.name.clone(),
            flags => flags.join(", "),
        };
        match (&self.type_name, self.takes_value) {
            (Some(name), true) => words.push_str(&format!(" {name}")),
            (None, true) => words.push_str(" str"),
            (_, false) => {}
        }
        if !self.choices.is_empty() {
            words.push_str(&format!(" ({})", self.choices.join(", ")));
        }
        if self.is_required {
            words.push_str(", required");
        }
        if let Some(help) = &self.help {
            words.push_str(&format!("\n{help}"));
        }
        words
    }

    /// The flag that people write.
    pub fn flag(&self) -> Option<&String> {
        self.flags.iter().find(|flag| flag.starts_with("--")).or(self.flags.first())
    }
}

impl Script {
    /// The argument that argparse takes the flag for.
    pub fn argument(&self, flag: &str) -> Option<&Argument> {
        find(self, flag)
    }
}

impl Submission {
    /// A flag, or an empty string that may become one, at the cursor.
    pub fn flag_at(&self, cursor: usize) -> Option<&Given> {
        self.arguments.iter().flatten().find_map(|argument| match argument {
            GivenArgument::Flag(given) | GivenArgument::Literal(given) => (given.span.start
                <= cursor
                && cursor <= given.span.end
                && (given.text.is_empty() || given.text.starts_with('-')))
            .then_some(given),
            GivenArgument::Unknown => None,
        })
    }
}

/// A configuration that gives arguments to a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The name of the call, to underline what is missing.
    pub call: Span,
    pub script: Option<Given>,
    pub source: Option<Given>,
    pub arguments: Option<Vec<GivenArgument>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub text: String,
    pub span: Span,
}

/// One element of `arguments` or `script_params`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenArgument {
    /// `--flag`.
    Flag(Given),
    /// A number or a string.
    Literal(Given),
    /// Something that is known when it runs.
    Unknown,
}

pub fn read_script(code: &str) -> Script {
    let tokens = tokens(code, Language::Python, &[]);
    let mut script = Script::default();
    // Which call of `add_argument` is read, by where it begins.
    let mut current: Option<usize> = None;
    visit(code, &tokens, |index, token, calls| {
        if token.is_word(code, "ArgumentParser") {
            script.uses_argparse = true;
        }
        if token.is_word(code, "parse_known_args") {
            script.takes_others = true;
        }
        let Some(call) = calls.iter().rfind(|call| call.name() == "add_argument") else { return };
        if current != Some(call.start) {
            current = Some(call.start);
            script.arguments.push(Argument { takes_value: true, ..Argument::default() });
        }
        let Some(argument) = script.arguments.last_mut() else { return };
        let is_direct =
            calls.last().is_some_and(|last| last.start == call.start && last.bracket == '(');
        let text = token.content().map(|span| code[span].to_owned());
        match (call.keyword.as_deref(), text) {
            (None, Some(text)) if is_direct && text.starts_with('-') => argument.flags.push(text),
            (None, Some(text)) if is_direct && argument.name.is_empty() => argument.name = text,
            (Some("type"), None)
                if token.kind == Kind::Word
                    && !tokens.get(index + 1).is_some_and(|next| next.is_sign('=')) =>
            {
                argument.type_name = Some(token.text(code).to_owned());
            }
            (Some("required"), None) if token.is_word(code, "True") => argument.is_required = true,
            (Some("action"), Some(text)) => {
                argument.takes_value = text == "append" || text == "store"
            }
            (Some("choices"), Some(text)) => argument.choices.push(text),
            (Some("help"), Some(text)) if argument.help.is_none() => argument.help = Some(text),
            _ => {}
        }
    });
    script
}

/// The calls in the code that submit a script.
pub fn submissions(code: &str, skip: &[Span]) -> Vec<Submission> {
    let tokens = tokens(code, Language::Python, skip);
    let mut found: Vec<Submission> = Vec::new();
    visit(code, &tokens, |index, token, calls| {
        let Some(call) = calls.iter().rfind(|call| submits(call)) else { return };
        let span = call.start..call.start + call.callee.len();
        if found.last().is_none_or(|last| last.call != span) {
            found.push(Submission { call: span, script: None, source: None, arguments: None });
        }
        let Some(submission) = found.last_mut() else { return };
        let given =
            || token.content().map(|span| Given { text: code[span.clone()].to_owned(), span });
        let inner = calls.last().map_or('(', |last| last.bracket);
        let is_direct =
            calls.last().is_some_and(|last| last.start == call.start && last.bracket == '(');
        let is_value = index > 0 && !token.is_sign('=');
        match call.keyword.as_deref() {
            Some("script" | "entry_script" | "script_name") if is_direct && is_value => {
                submission.script = submission.script.take().or_else(given);
            }
            Some("source_directory") if is_direct && is_value => {
                submission.source = submission.source.take().or_else(given);
            }
            Some("arguments" | "script_params") => {
                let depth = calls
                    .iter()
                    .rev()
                    .take_while(|inner| inner.start != call.start || inner.bracket != '(')
                    .count();
                if depth == 0
                    && is_value
                    && !matches!(token.kind, Kind::Sign('[' | '{' | ']' | '}' | ',' | ')'))
                {
                    // A variable: nothing is known of it.
                    submission.arguments = None;
                } else if depth == 1 && matches!(inner, '[' | '{') {
                    let arguments = submission.arguments.get_or_insert_default();
                    element(code, &tokens, index, token, arguments);
                } else if depth == 0 && matches!(token.kind, Kind::Sign('[' | '{')) {
                    submission.arguments = Some(Vec::new());
                }
            }
            None if call.index == 0 && is_direct && call.name() == "ScriptRunConfig" => {
                submission.source = submission.source.take().or_else(given);
            }
            None if call.index == 1 && is_direct && call.name() == "ScriptRunConfig" => {
                submission.script = submission.script.take().or_else(given);
            }
            _ => {}
        }
    });
    found
}

fn submits(call: &Call) -> bool {
    call.bracket == '('
        && matches!(
            call.name(),
            "ScriptRunConfig"
                | "Estimator"
                | "SKLearn"
                | "TensorFlow"
                | "PyTorch"
                | "Chainer"
                | "PythonScriptStep"
                | "EstimatorStep"
        )
}

/// Reads one token of a list or dict of arguments.
fn element(
    code: &str,
    tokens: &[Token],
    index: usize,
    token: &Token,
    into: &mut Vec<GivenArgument>,
) {
    let begins = matches!(tokens[index - 1].kind, Kind::Sign('[' | '{' | ',' | ':'));
    // A string that is being typed is the last thing there is, or is not closed.
    let ends = matches!(token.kind, Kind::Text { close: 0, .. })
        || tokens
            .get(index + 1)
            .is_none_or(|next| matches!(next.kind, Kind::Sign(']' | '}' | ',' | ':')));
    if !begins || matches!(token.kind, Kind::Sign(']' | '}')) {
        return;
    }
    let given = |span: Span| Given { text: code[span.clone()].to_owned(), span };
    into.push(match (token.content(), token.kind) {
        (Some(span), _)
            if ends && code[span.clone()].starts_with('-') && !is_number(&code[span.clone()]) =>
        {
            GivenArgument::Flag(given(span))
        }
        (Some(span), _) if ends => GivenArgument::Literal(given(span)),
        (None, Kind::Number) if ends => GivenArgument::Literal(given(token.span.clone())),
        _ => GivenArgument::Unknown,
    });
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

/// What does not fit between a submission and its script.
pub fn compare(submission: &Submission, script: &Script, script_name: &str) -> Vec<Finding> {
    let Some(given) = &submission.arguments else { return Vec::new() };
    if !script.uses_argparse {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut seen: Vec<&Argument> = Vec::new();
    // With something unknown among them, nothing can be said to be missing.
    let mut is_whole = true;
    let mut position = 0;
    while position < given.len() {
        let argument = &given[position];
        position += 1;
        let flag = match argument {
            GivenArgument::Flag(flag) => flag,
            GivenArgument::Literal(_) => continue,
            GivenArgument::Unknown => {
                is_whole = false;
                continue;
            }
        };
        let (name, inline) = match flag.text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (flag.text.as_str(), None),
        };
        let Some(declared) = find(script, name) else {
            if !script.takes_others {
                let flags: Vec<&str> = script
                    .arguments
                    .iter()
                    .flat_map(|argument| &argument.flags)
                    .map(String::as_str)
                    .collect();
                let message = format!("`{script_name}` has no argument `{name}`");
                findings.push(super::magics::with_nearest(flag.span.clone(), message, name, flags));
            }
            continue;
        };
        seen.push(declared);
        if inline.is_none() && declared.takes_value {
            match given.get(position) {
                Some(GivenArgument::Literal(value)) => {
                    position += 1;
                    findings.extend(fits(declared, name, value));
                }
                Some(GivenArgument::Unknown) => position += 1,
                Some(GivenArgument::Flag(_)) | None => {
                    findings.push(Finding::warning(
                        flag.span.clone(),
                        format!("`{name}` needs a value"),
                    ));
                }
            }
        }
    }
    if is_whole {
        let missing = script
            .arguments
            .iter()
            .filter(|argument| argument.is_required && !seen.contains(argument));
        for argument in missing {
            let name = argument.flags.last().unwrap_or(&argument.name);
            let message = format!("`{script_name}` requires the argument `{name}`");
            findings.push(Finding::warning(submission.call.clone(), message));
        }
    }
    findings
}

fn find<'a>(script: &'a Script, name: &str) -> Option<&'a Argument> {
    let exact =
        script.arguments.iter().find(|argument| argument.flags.iter().any(|flag| flag == name));
    exact.or_else(|| {
        // argparse takes a beginning that fits one flag.
        let mut begins = script.arguments.iter().filter(|argument| {
            name.starts_with("--") && argument.flags.iter().any(|flag| flag.starts_with(name))
        });
        begins.next().filter(|_| begins.next().is_none())
    })
}

fn fits(declared: &Argument, name: &str, value: &Given) -> Option<Finding> {
    let text = value.text.as_str();
    let wanted = match declared.type_name.as_deref() {
        Some("int") if text.parse::<i64>().is_err() => "a whole number",
        Some("float") if !is_number(text) => "a number",
        _ if !declared.choices.is_empty()
            && !declared.choices.iter().any(|choice| choice == text) =>
        {
            let message = format!(
                "`{text}` is none of the choices of `{name}`: {}",
                declared.choices.join(", ")
            );
            return Some(Finding::warning(value.span.clone(), message));
        }
        _ => return None,
    };
    Some(Finding::warning(value.span.clone(), format!("`{name}` takes {wanted}, not `{text}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "import argparse\nparser = argparse.ArgumentParser()\n\
        parser.add_argument('--reg-rate', '-r', type=float, dest='reg', default=0.01, help='Regularization')\n\
        parser.add_argument(\"--epochs\", type=int, required=True)\n\
        parser.add_argument('--kind', choices=['a', 'b'])\n\
        parser.add_argument('--fast', action='store_true')\nargs = parser.parse_args()\n";

    fn check(code: &str, expected: &[(&str, &str)]) {
        let script = read_script(SCRIPT);
        let submissions = submissions(code, &[]);
        let findings: Vec<Finding> = submissions
            .iter()
            .flat_map(|submission| compare(submission, &script, "train.py"))
            .collect();
        let found: Vec<_> =
            findings.iter().map(|f| (&code[f.span.clone()], f.message.as_str())).collect();
        assert_eq!(found, expected, "{code}");
    }

    #[test]
    fn a_script_tells_its_arguments() {
        let script = read_script(SCRIPT);
        let flags: Vec<_> =
            script.arguments.iter().map(|argument| argument.flags.join(" ")).collect();
        assert_eq!(flags, ["--reg-rate -r", "--epochs", "--kind", "--fast"]);
        assert_eq!(script.arguments[0].type_name.as_deref(), Some("float"));
        assert_eq!(script.arguments[0].help.as_deref(), Some("Regularization"));
        assert!(script.arguments[1].is_required && !script.arguments[3].takes_value);
        assert_eq!(script.arguments[2].choices, ["a", "b"]);
    }

    #[test]
    fn arguments_are_compared_with_the_script() {
        check(
            "ScriptRunConfig('.', 'train.py', arguments=['--reg-rate', 0.1, '--epochs', 3, '--fast'])",
            &[],
        );
        check(
            "ScriptRunConfig(source_directory='.', script='train.py', arguments=['--reg_rate', 0.1, '--epochs', n])",
            &[(
                "--reg_rate",
                "`train.py` has no argument `--reg_rate`; did you mean `--reg-rate`?",
            )],
        );
        check(
            "Estimator(entry_script='train.py', script_params={'--reg-rate': 'high', '--kind': 'c'})",
            &[
                ("high", "`--reg-rate` takes a number, not `high`"),
                ("c", "`c` is none of the choices of `--kind`: a, b"),
                ("Estimator", "`train.py` requires the argument `--epochs`"),
            ],
        );
        check("ScriptRunConfig('.', 'train.py', arguments=more)", &[]);
        check("ScriptRunConfig('.', 'train.py', arguments=['--epochs', 3] + more)", &[]);
        check(
            "ScriptRunConfig('.', 'train.py', arguments=['--epochs', data.as_named_input('a'), x])",
            &[],
        );
    }
}
