//! Words to commands by way of the table, and clap's errors in our words and with their place.

use std::error::Error as _;

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::table::{self, BodyCommand, Face, LineCommand, Options};
use crate::words::Word;
use crate::{ParseError, Span, nearest};

pub(crate) fn line(
    text: &str,
    span: Span,
    words: &[Word],
) -> Result<(Options, LineCommand), ParseError> {
    if let Some(topic) = help_topic(words) {
        return Ok((Options::default(), LineCommand::Help { topic }));
    }
    match matches(Face::Line, text, span, words)? {
        Matched::Arguments(matches) => {
            table::line_command(&matches).map_err(|error| unexpected(error, words))
        }
        Matched::Help(topic) => Ok((Options::default(), LineCommand::Help { topic })),
    }
}

pub(crate) fn body(
    text: &str,
    span: Span,
    words: &[Word],
) -> Result<(Options, BodyCommand), ParseError> {
    match matches(Face::Body, text, span.clone(), words)? {
        Matched::Arguments(matches) => {
            table::body_command(&matches).map_err(|error| unexpected(error, words))
        }
        Matched::Help(topic) => Err(ParseError::new(span, "help stands on a line of its own")
            .hint(format!("write `%help {topic}` in a cell of its own"))),
    }
}

/// The first run of letters, digits and underscores.
pub(crate) fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
    &text[..end.unwrap_or(text.len())]
}

pub(crate) fn is_line_magic(name: &str) -> bool {
    !name.is_empty() && find(&Face::Line.table(), name).is_some()
}

pub(crate) fn find<'a>(table: &'a clap::Command, name: &str) -> Option<&'a clap::Command> {
    table.get_subcommands().find(|command| {
        command.get_name() == name || command.get_all_aliases().any(|alias| alias == name)
    })
}

/// `%log?` asks for the help of `%log`.
fn help_topic(words: &[Word]) -> Option<String> {
    let (last, before) = words.split_last()?;
    let topic = last.text.strip_suffix('?')?;
    let mut parts: Vec<&str> = before.iter().map(|word| word.text.as_str()).collect();
    parts.push(topic);
    let topic = parts.join(" ");
    crate::help::find_topic(&topic).is_some().then_some(topic)
}

enum Matched {
    Arguments(ArgMatches),
    Help(String),
}

fn matches(face: Face, text: &str, span: Span, words: &[Word]) -> Result<Matched, ParseError> {
    let prefix = face.prefix();
    let table = face.table();
    let Some(name) = words.first() else {
        return Err(ParseError::new(span, format!("`{prefix}` is followed by no name"))
            .hint("`%lsmagic` lists the magics"));
    };
    if find(&table, &name.text).is_none() && !name.text.starts_with('-') {
        let glued = span.start..name.span.end;
        return Err(unknown_magic(face, &table, &name.text, glued));
    }
    let mut table = table;
    let words_of_line = std::iter::once(prefix).chain(words.iter().map(|word| word.text.as_str()));
    match table.try_get_matches_from_mut(words_of_line) {
        Ok(matches) => Ok(Matched::Arguments(matches)),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            Ok(Matched::Help(path(&table, words.iter().map(|word| word.text.as_str())).join(" ")))
        }
        Err(error) => {
            let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            let problem = explain(&error, face, &table, &texts);
            let end = words.last().map_or(span.end, |word| word.span.end);
            let place = match problem.word {
                Some(index) => words[index].span.clone(),
                None if problem.missing => end..end,
                None => span.start..end.min(text.len()),
            };
            let mut refused = ParseError::new(place, problem.message);
            refused.hint = problem.hint;
            refused.suggestion = problem.suggestion;
            Err(refused)
        }
    }
}

fn unknown_magic(face: Face, table: &clap::Command, name: &str, span: Span) -> ParseError {
    let prefix = face.prefix();
    let other = if face == Face::Line { Face::Body } else { Face::Line };
    let error = ParseError::new(span, format!("there is no magic `{prefix}{name}`"));
    if find(&other.table(), name).is_some() {
        let right = format!("{}{name}", other.prefix());
        let error = error.suggest(right.clone());
        return match other {
            Face::Body => error.hint(format!(
                "`{right}` is a cell magic: write it in the first line of the cell it is for"
            )),
            _ => error.hint(format!("`{right}` stands on a line of its own")),
        };
    }
    let names: Vec<&str> = table.get_subcommands().map(clap::Command::get_name).collect();
    match nearest(name, names.iter().copied()) {
        Some(right) => error
            .hint(format!("did you mean `{prefix}{right}`?"))
            .suggest(format!("{prefix}{right}")),
        None => match nearest_of(other, name) {
            Some(right) => error.hint(format!("did you mean `{right}`?")).suggest(right),
            None => error.hint("`%lsmagic` lists the magics"),
        },
    }
}

fn nearest_of(face: Face, name: &str) -> Option<String> {
    let table = face.table();
    let names: Vec<&str> = table.get_subcommands().map(clap::Command::get_name).collect();
    nearest(name, names).map(|right| format!("{}{right}", face.prefix()))
}

/// The commands that the words name, `["run", "submit"]`.
pub(crate) fn path<'a>(table: &clap::Command, words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut path = Vec::new();
    let mut at = table;
    for word in words {
        if let Some(command) = find(at, word) {
            path.push(command.get_name().to_owned());
            at = command;
        } else if !word.starts_with('-') {
            break;
        }
    }
    path
}

pub(crate) struct Problem {
    /// Which word is wrong.
    pub word: Option<usize>,
    /// Something is missing at the end.
    pub missing: bool,
    pub message: String,
    pub suggestion: Option<String>,
    pub hint: Option<String>,
}

/// Says clap's error in our words.
pub(crate) fn explain(
    error: &clap::Error,
    face: Face,
    table: &clap::Command,
    words: &[&str],
) -> Problem {
    let path = path(table, words.iter().copied());
    let command = path.iter().fold(table, |at, name| find(at, name).unwrap_or(at));
    let spoken = format!("{}{}", face.prefix(), path.join(" "));
    let spoken = spoken.trim_end();
    let mut problem = Problem {
        word: None,
        missing: false,
        message: String::new(),
        suggestion: None,
        hint: Some(format!("`{}` explains it", help_of(face, &path))),
    };
    let argument = context(error, ContextKind::InvalidArg);
    let value = context(error, ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = context(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            problem.word = position(words, &name);
            problem.message = format!("`{spoken}` has no command `{name}`");
            wrong_subcommand(&mut problem, face, &path, command, &name);
        }
        ErrorKind::UnknownArgument => {
            let name = argument.unwrap_or_default();
            problem.word = position(words, &name);
            if name.starts_with('-') {
                problem.message = format!("`{spoken}` has no option `{name}`");
                let options = long_options(command);
                if let Some(right) =
                    nearest(name.trim_start_matches('-'), options.iter().map(String::as_str))
                {
                    problem.hint = Some(format!("did you mean `--{right}`?"));
                    problem.suggestion = Some(format!("--{right}"));
                } else if takes_script_arguments(command) {
                    problem.hint =
                        Some(format!("write `-- {name}` when it is an argument for the script"));
                }
            } else {
                problem.message = format!("`{spoken}` takes no further word `{name}`");
                if takes_script_arguments(command) {
                    problem.hint =
                        Some(format!("write `-- {name}` when it is an argument for the script"));
                }
            }
        }
        ErrorKind::MissingRequiredArgument => {
            problem.missing = true;
            let wanted = argument.unwrap_or_default().replace("...", "").replace(['<', '>'], "");
            problem.message = format!("`{spoken}` needs {wanted}");
            problem.hint = first_example(command)
                .map(|example| format!("for example `{example}`"))
                .or(problem.hint);
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            problem.missing = true;
            problem.message = format!("`{spoken}` needs a command");
            problem.hint = Some(format!("it is one of {}", visible_names(command).join(", ")));
        }
        ErrorKind::InvalidValue => {
            let name = option_name(&argument.unwrap_or_default());
            match value {
                Some(value) if !value.is_empty() => {
                    problem.word = position(words, &value);
                    problem.message = format!("`{value}` is no value for `{name}`");
                    let possible = list(error, ContextKind::ValidValue);
                    match nearest(&value, possible.iter().map(String::as_str)) {
                        Some(right) => {
                            problem.hint = Some(format!("did you mean `{right}`?"));
                            problem.suggestion = Some(right.to_owned());
                        }
                        None if !possible.is_empty() => {
                            problem.hint = Some(format!("it is one of {}", possible.join(", ")));
                        }
                        None => {}
                    }
                }
                _ => {
                    problem.word = position(words, &name);
                    problem.message = format!("`{name}` needs a value");
                }
            }
        }
        ErrorKind::ValueValidation => {
            let value = value.unwrap_or_default();
            problem.word = position(words, &value);
            let why = error.source().map(ToString::to_string);
            let name = option_name(&argument.unwrap_or_default());
            problem.message = match why {
                Some(why) if why.contains('`') => why,
                Some(why) if why.contains("digit") => {
                    format!("`{value}` is no whole number, which `{name}` wants")
                }
                Some(why) => format!("`{value}` is no value for `{name}`: {why}"),
                None => format!("`{value}` is no value for `{name}`"),
            };
        }
        ErrorKind::ArgumentConflict => {
            let name = option_name(&argument.unwrap_or_default());
            problem.word = position(words, &name);
            let other = context(error, ContextKind::PriorArg).map(|other| option_name(&other));
            problem.message = match other {
                Some(other) if other == name => format!("`{name}` is given twice"),
                Some(other) => format!("`{name}` and `{other}` exclude each other"),
                None => format!("`{name}` does not go with the other arguments"),
            };
        }
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues | ErrorKind::NoEquals => {
            let name = option_name(&argument.unwrap_or_default());
            problem.word = position(words, &name);
            problem.message = format!("`{name}` needs a value");
        }
        ErrorKind::TooManyValues => {
            let value = value.unwrap_or_default();
            problem.word = position(words, &value);
            problem.message = format!("`{value}` is one value too many");
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or("the words cannot be understood");
            problem.message = first.trim_start_matches("error: ").to_owned();
        }
    }
    problem
}

fn wrong_subcommand(
    problem: &mut Problem,
    face: Face,
    path: &[String],
    command: &clap::Command,
    name: &str,
) {
    let names = visible_names(command);
    if path.is_empty() {
        problem.message = format!("there is no command `{name}`");
        problem.hint = Some("`lazuli --help` lists the commands".to_owned());
    }
    if let Some(right) = nearest(name, names.iter().map(String::as_str)) {
        problem.hint = Some(format!("did you mean `{right}`?"));
        problem.suggestion = Some(right.to_owned());
    } else if path == ["run"] && name.ends_with(".py") {
        problem.hint = Some(format!("`{}submit {name}` runs a script", face.prefix()));
        problem.suggestion = Some(format!("submit {name}"));
    } else if !path.is_empty() {
        problem.hint = Some(format!("it is one of {}", names.join(", ")));
    }
}

fn help_of(face: Face, path: &[String]) -> String {
    match face {
        Face::Shell => format!("lazuli {} --help", path.join(" ")).replace("  ", " "),
        Face::Line | Face::Body => format!("%help {}", path.join(" ")).trim_end().to_owned(),
    }
}

/// From-arg-matches fails only when the table and its types disagree.
fn unexpected(error: clap::Error, words: &[Word]) -> ParseError {
    let span = words.first().map_or(0..0, |word| word.span.clone());
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    ParseError::new(span, first)
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(" ")),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        ContextValue::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn list(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// `--limit <COUNT>` is called `--limit`, `[RUN]` is called `RUN`.
fn option_name(argument: &str) -> String {
    let name = argument.split_whitespace().next().unwrap_or(argument);
    name.trim_matches(['<', '>', '[', ']', '.']).to_owned()
}

fn position(words: &[&str], wanted: &str) -> Option<usize> {
    let exact = words.iter().position(|word| *word == wanted);
    exact.or_else(|| {
        words.iter().position(|word| {
            word.split_once('=').is_some_and(|(name, value)| {
                name == wanted || (value == wanted && name.starts_with("--"))
            })
        })
    })
}

pub(crate) fn long_options(command: &clap::Command) -> Vec<String> {
    let own = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let own = own.filter_map(|argument| argument.get_long().map(str::to_owned));
    let mut options: Vec<String> = own.collect();
    for global in ["json", "workspace"] {
        if !options.iter().any(|option| option == global) {
            options.push(global.to_owned());
        }
    }
    options.retain(|option| option != "help");
    options
}

fn takes_script_arguments(command: &clap::Command) -> bool {
    command.get_arguments().any(clap::Arg::is_last_set)
}

fn visible_names(command: &clap::Command) -> Vec<String> {
    let visible = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    visible.map(|sub| sub.get_name().to_owned()).filter(|name| name != "help").collect()
}

fn first_example(command: &clap::Command) -> Option<String> {
    let after = command.get_after_help()?.to_string();
    let (_, examples) = after.split_once("Examples:\n")?;
    examples.lines().next().map(|line| line.trim().to_owned())
}
