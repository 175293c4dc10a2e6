//! Where the names of a workspace stand in code: `ws.datasets['…']`, `Model(ws, '…')`,
//! `compute_target='…'`, `workspace.dataset("…")`; and which names the code itself makes.

use lazuli_commands::NameKind;

use super::Span;
use super::lexer::{Kind, Token, tokens};
use crate::documents::Language;

/// A string that is a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its content, without the quotes.
    pub span: Span,
    pub kind: NameKind,
    pub role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It must be there.
    Use,
    /// It may be there, and is made when it is not.
    Any,
    /// It is made here.
    Definition,
}

/// A call that a token stands in.
#[derive(Clone, Debug)]
pub struct Call {
    /// `Dataset.get_by_name`, `ws.datasets.get`; the last part alone when what is before is no name.
    pub callee: String,
    /// Where the callee begins.
    pub start: usize,
    /// Which argument; keywords count.
    pub index: usize,
    pub keyword: Option<String>,
    pub bracket: char,
}

impl Call {
    pub fn name(&self) -> &str {
        self.callee.rsplit('.').next().unwrap_or_default()
    }

    fn owner(&self) -> &str {
        let mut parts = self.callee.rsplit('.');
        parts.next();
        parts.next().unwrap_or_default()
    }
}

/// Visits every token with the brackets around it, the innermost last.
pub fn visit(code: &str, tokens: &[Token], mut see: impl FnMut(usize, &Token, &[Call])) {
    let mut calls: Vec<Call> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if let (Kind::Sign('='), Some(call)) = (token.kind, calls.last_mut()) {
            let is_comparison = tokens.get(index + 1).is_some_and(|next| next.is_sign('='))
                || index > 0 && matches!(tokens[index - 1].kind, Kind::Sign('=' | '!' | '<' | '>'));
            if !is_comparison && index > 0 && tokens[index - 1].kind == Kind::Word {
                call.keyword = Some(tokens[index - 1].text(code).to_owned());
            }
        }
        see(index, token, &calls);
        match token.kind {
            Kind::Sign(bracket @ ('(' | '[' | '{')) => {
                let (callee, start) = callee(code, &tokens[..index]);
                let start = start.unwrap_or(token.span.start);
                calls.push(Call { callee, start, index: 0, keyword: None, bracket });
            }
            Kind::Sign(')' | ']' | '}') => {
                calls.pop();
            }
            Kind::Sign(',') => {
                if let Some(call) = calls.last_mut() {
                    call.index += 1;
                    call.keyword = None;
                }
            }
            _ => {}
        }
    }
}

/// The dotted name that ends here.
fn callee(code: &str, before: &[Token]) -> (String, Option<usize>) {
    let mut parts = Vec::new();
    let mut start = None;
    let mut rest = before;
    while let Some((last, others)) = rest.split_last() {
        if last.kind != Kind::Word || is_keyword(last.text(code)) {
            // A method of something that is no name: `f().datasets`.
            if !parts.is_empty() {
                parts.push("");
            }
            break;
        }
        parts.push(last.text(code));
        start = Some(last.span.start);
        rest = match others.split_last() {
            Some((dot, others)) if dot.is_sign('.') => others,
            // `Dataset::get` in Rust.
            Some((colon, others))
                if colon.is_sign(':') && others.last().is_some_and(|c| c.is_sign(':')) =>
            {
                &others[..others.len() - 1]
            }
            _ => break,
        };
    }
    parts.reverse();
    (parts.join("."), start)
}

fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "if" | "in"
            | "and"
            | "or"
            | "not"
            | "return"
            | "print"
            | "assert"
            | "else"
            | "elif"
            | "while"
            | "yield"
    )
}

/// The names in the code, in their order.
pub fn places(code: &str, language: Language, skip: &[Span]) -> Vec<Place> {
    let tokens = tokens(code, language, skip);
    let mut places = Vec::new();
    visit(code, &tokens, |index, token, calls| {
        let (Some(span), Some(call)) = (token.content(), calls.last()) else { return };
        if code[token.span.start..span.start].contains(['f', 'F']) {
            // A formatted string is no name.
            return;
        }
        // Only a string that is the whole argument.
        let is_first =
            index > 0 && matches!(tokens[index - 1].kind, Kind::Sign('(' | '[' | ',' | '=' | '&'));
        let is_last = tokens.get(index + 1).is_none_or(|next| {
            matches!(next.kind, Kind::Sign(')' | ']' | ',') | Kind::Line)
                || !matches!(token.kind, Kind::Text { close: 1.., .. })
        });
        if !is_first || !is_last {
            return;
        }
        let found = match language {
            Language::Rust => in_rust(call),
            _ => in_python(call),
        };
        if let Some((kind, role)) = found {
            places.push(Place { span, kind, role });
        }
    });
    places
}

fn in_python(call: &Call) -> Option<(NameKind, Role)> {
    use NameKind::*;
    use Role::*;
    if call.bracket == '[' {
        return collection(call.name())
            .map(|kind| (kind, Use))
            .filter(|_| call.callee.contains('.'));
    }
    let keyword = call.keyword.as_deref();
    // By the name of the argument, whatever is called.
    match keyword {
        Some("compute_target" | "default_compute_target") => return Some((Compute, Use)),
        Some("experiment_name") => return Some((Experiment, Any)),
        Some("datastore_name") => {
            let defines = call.name().starts_with("register");
            return Some((Datastore, if defines { Definition } else { Use }));
        }
        Some(
            "entry_script" | "script_name" | "script" | "source_directory" | "snapshot_directory",
        ) => {
            return Some((File, Any));
        }
        Some("model_name") => {
            let defines = call.name() == "register" || call.name() == "register_model";
            return Some((Model, if defines { Definition } else { Use }));
        }
        _ => {}
    }
    let is = |position: usize, name: &str| match keyword {
        Some(keyword) => keyword == name,
        None => call.index == position,
    };
    match (call.owner(), call.name()) {
        ("Dataset", "get_by_name") if is(1, "name") => Some((Dataset, Use)),
        ("datasets", "get") if is(0, "name") => Some((Dataset, Use)),
        ("Environment", "get") if is(1, "name") => Some((Environment, Use)),
        ("environments", "get") if is(0, "name") => Some((Environment, Use)),
        ("Datastore", "get") if is(1, "datastore_name") => Some((Datastore, Use)),
        ("datastores" | "compute_targets" | "models", "get") if is(0, "name") => {
            collection(call.owner()).map(|kind| (kind, Use))
        }
        ("Model", "get_model_path") if is(0, "model_name") => Some((Model, Use)),
        ("ComputeTarget" | "AmlCompute" | "ComputeInstance", "create") if is(1, "name") => {
            Some((Compute, Definition))
        }
        ("Model", "register") if is(2, "model_name") => Some((Model, Definition)),
        (owner, "register") if owner != "Model" && is(1, "name") => Some((Dataset, Definition)),
        (_, "register_model") if is(0, "model_name") => Some((Model, Definition)),
        (_, "as_named_input") => None,
        (_, "Model") if is(1, "name") => Some((Model, Use)),
        (_, "Datastore") if is(1, "name") => Some((Datastore, Use)),
        (_, "Experiment") if is(1, "name") => Some((Experiment, Any)),
        (_, "ComputeTarget" | "AmlCompute" | "ComputeInstance") if is(1, "name") => {
            Some((Compute, Use))
        }
        (_, "Environment") if is(0, "name") => Some((Environment, Definition)),
        ("Environment", method) if method.starts_with("from_") && is(0, "name") => {
            Some((Environment, Definition))
        }
        (_, "Workspace") | ("Workspace", "get") if is(0, "name") => Some((Workspace, Any)),
        (_, "get_secret") if is(0, "name") => Some((Secret, Use)),
        (_, "set_secret") if is(0, "name") => Some((Secret, Definition)),
        _ => None,
    }
}

fn in_rust(call: &Call) -> Option<(NameKind, Role)> {
    use NameKind::*;
    use Role::*;
    if call.bracket != '(' || !call.callee.contains('.') {
        return None;
    }
    match (call.owner(), call.name(), call.index) {
        ("Environment", "get" | "get_version", 1) => return Some((Environment, Use)),
        ("Environment", "new" | "from_conda_specification" | "from_pip_requirements", 0) => {
            return Some((Environment, Definition));
        }
        ("ComputeTarget", "get", 1) => return Some((Compute, Use)),
        ("ComputeTarget", "create", 1) => return Some((Compute, Definition)),
        (_, _, 0) => {}
        _ => return None,
    }
    Some(match call.name() {
        "dataset" | "dataset_version" => (Dataset, Use),
        "model" | "model_version" => (Model, Use),
        "datastore" => (Datastore, Use),
        "experiment" => (Experiment, Any),
        "compute" | "compute_target" => (Compute, Use),
        "environment" => (Environment, Use),
        "secret" | "get_secret" => (Secret, Use),
        "set_secret" => (Secret, Definition),
        _ => return None,
    })
}

fn collection(name: &str) -> Option<NameKind> {
    Some(match name {
        "datasets" => NameKind::Dataset,
        "models" => NameKind::Model,
        "datastores" => NameKind::Datastore,
        "compute_targets" => NameKind::Compute,
        "environments" => NameKind::Environment,
        "experiments" => NameKind::Experiment,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Language, code: &str, expected: &[(&str, NameKind, Role)]) {
        let found = places(code, language, &[]);
        let found: Vec<_> =
            found.iter().map(|place| (&code[place.span.clone()], place.kind, place.role)).collect();
        assert_eq!(found, expected, "{code}");
    }

    #[test]
    fn names_in_python() {
        use NameKind::*;
        use Role::*;
        let python = Language::Python;
        check(python, "ws.datasets['a b'].to_pandas_dataframe()", &[("a b", Dataset, Use)]);
        check(python, "x['a']; datasets['b']", &[]);
        check(python, "Dataset.get_by_name(ws, 'a', version=2)", &[("a", Dataset, Use)]);
        check(python, "Dataset.get_by_name(workspace=ws, name='a')", &[("a", Dataset, Use)]);
        check(python, "Dataset.get_by_name(ws, 'a", &[("a", Dataset, Use)]);
        check(python, "Model(ws, 'a'); ws.models['b']", &[("a", Model, Use), ("b", Model, Use)]);
        check(
            python,
            "ScriptRunConfig('.', script='t.py', compute_target='c' , arguments=['--x', 1])",
            &[("t.py", File, Any), ("c", Compute, Use)],
        );
        check(python, "Experiment(ws, 'e').submit(c)", &[("e", Experiment, Any)]);
        check(
            python,
            "Environment.get(ws, 'e'); Environment('f')",
            &[("e", Environment, Use), ("f", Environment, Definition)],
        );
        check(python, "d.register(workspace=ws, name='n')", &[("n", Dataset, Definition)]);
        check(
            python,
            "Model.register(ws, 'p', 'n'); run.register_model(model_name='m')",
            &[("n", Model, Definition), ("m", Model, Definition)],
        );
        check(python, "Datastore.get(ws, 'd' + x); Model(ws, f'{a}')", &[]);
        check(python, "ComputeTarget(workspace=ws, name=n)", &[]);
    }

    #[test]
    fn names_in_rust() {
        use NameKind::*;
        check(
            Language::Rust,
            "let d = workspace.dataset(\"a\")?; let m = ws.model(\"b\")",
            &[("a", Dataset, Role::Use), ("b", Model, Role::Use)],
        );
        check(
            Language::Rust,
            "Workspace::from_config()?.experiment(\"e\")?",
            &[("e", Experiment, Role::Any)],
        );
        check(
            Language::Rust,
            "Environment::get(&ws, \"e\")?; ComputeTarget::create(&ws, \"c\", 2)?",
            &[("e", Environment, Role::Use), ("c", Compute, Role::Definition)],
        );
        check(Language::Rust, "println!(\"a\")", &[]);
    }
}
