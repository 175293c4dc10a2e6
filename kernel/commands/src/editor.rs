//! What an editor wants to know of a magic beside completion and hover: which of its words are what,
//! and how its command is called.

use crate::complete::{Takes, place, walk};
use crate::help::about;
use crate::parse::find;
use crate::table::Face;
use crate::words::{Word, split_line};
use crate::{NameKind, Span};

/// A word of a magic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub span: Span,
    pub kind: PartKind,
    /// Without quotes.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// `%run`
    Magic,
    /// `submit`
    Command,
    /// `--compute`
    Option,
    Name(NameKind),
    /// A word for the script, behind `--`.
    ScriptArgument,
    /// `{code}`
    Code,
    Value,
}

/// How a command is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `%submit SCRIPT [OPTIONS] [-- ARGUMENTS]`
    pub label: String,
    pub about: String,
    /// Bytes of the label, and what is to be said about it.
    pub parameters: Vec<(Span, String)>,
    /// Which of them is being typed.
    pub active: Option<usize>,
}

/// The words of the magic that `text` begins with.
pub fn parts(text: &str) -> Vec<Part> {
    let start = text.len() - text.trim_start().len();
    let face = if text[start..].starts_with("%%") { Face::Body } else { Face::Line };
    let first = start + face.prefix().len();
    let Ok((words, _)) = split_line(text, first) else { return Vec::new() };
    let table = face.table();
    words
        .iter()
        .enumerate()
        .flat_map(|(index, word)| match index {
            0 => vec![Part {
                span: start..word.span.end,
                kind: PartKind::Magic,
                text: word.text.clone(),
            }],
            _ => word_parts(&table, &words[..index], word),
        })
        .collect()
}

fn word_parts(table: &clap::Command, before: &[Word], word: &Word) -> Vec<Part> {
    let whole = |kind| vec![Part { span: word.span.clone(), kind, text: word.text.clone() }];
    let (command, takes) = walk(table, before);
    if matches!(takes, Takes::ScriptArgument) {
        return whole(PartKind::ScriptArgument);
    }
    if word.text == "--" {
        // It parts the script's words from ours, and is neither.
        return Vec::new();
    }
    if word.text.starts_with("--") && word.text.len() > 2 {
        let name_end = word.text.find('=').unwrap_or(word.text.len());
        let span = word.span.start..word.span.start + name_end;
        let mut parts = vec![Part {
            span: span.clone(),
            kind: PartKind::Option,
            text: word.text[..name_end].to_owned(),
        }];
        if let Some(value) = word.text.get(name_end + 1..)
            && !value.is_empty()
        {
            let takes = crate::complete::takes_of_option(command, table, &word.text[..name_end]);
            let span = span.end + 1..word.span.end;
            parts.push(Part { span, kind: kind_of(&takes), text: value.to_owned() });
        }
        return parts;
    }
    if word.text.starts_with('-') && word.text.len() > 1 && !matches!(takes, Takes::Name(_)) {
        return whole(PartKind::Option);
    }
    if matches!(takes, Takes::Command) {
        let known = find(command, &word.text).is_some();
        return whole(if known { PartKind::Command } else { PartKind::Value });
    }
    if let Some(code) = &word.braces {
        return vec![Part { span: code.clone(), kind: PartKind::Code, text: word.text.clone() }];
    }
    whole(kind_of(&takes))
}

fn kind_of(takes: &Takes) -> PartKind {
    match takes {
        Takes::Name(kind) => PartKind::Name(*kind),
        _ => PartKind::Value,
    }
}

/// How the command is called in whose words the cursor stands.
pub fn signature(cell: &str, cursor: usize) -> Option<Signature> {
    let place = place(cell, cursor)?;
    let command = &place.command;
    if matches!(place.takes, Takes::Magic) || command.get_name() == place.table.get_name() {
        return None;
    }
    let mut label = format!("{}{}", place.face.prefix(), place.path.join(" "));
    let mut parameters = Vec::new();
    let mut push = |text: String, about: String| {
        label.push(' ');
        let start = label.len();
        label.push_str(&text);
        parameters.push((start..label.len(), about));
    };
    if command.has_subcommands() {
        let names: Vec<&str> = command
            .get_subcommands()
            .filter(|sub| !sub.is_hide_set())
            .map(clap::Command::get_name)
            .collect();
        push(names.join("|"), about(command));
    }
    let help =
        |argument: &clap::Arg| argument.get_help().map(ToString::to_string).unwrap_or_default();
    let mut positionals = 0;
    for argument in command.get_positionals().filter(|argument| !argument.is_last_set()) {
        let name = value_name(argument);
        let many =
            if argument.get_action().takes_values() && is_many(argument) { "…" } else { "" };
        let text = if argument.is_required_set() {
            format!("{name}{many}")
        } else {
            format!("[{name}{many}]")
        };
        push(text, help(argument));
        positionals += 1;
    }
    let mut options = Vec::new();
    for argument in command
        .get_arguments()
        .filter(|argument| !argument.is_positional() && !argument.is_hide_set())
    {
        let Some(long) = argument.get_long().filter(|long| *long != "help") else { continue };
        let value = if argument.get_action().takes_values() {
            format!(" {}", value_name(argument))
        } else {
            String::new()
        };
        options.push(long.to_owned());
        push(format!("[--{long}{value}]"), help(argument));
    }
    if let Some(last) = command.get_positionals().find(|argument| argument.is_last_set()) {
        push(format!("[-- {}]", value_name(last)), help(last));
    }
    let offset = usize::from(command.has_subcommands());
    let active = match (&place.option, &place.takes) {
        _ if command.has_subcommands() => Some(0),
        (_, Takes::ScriptArgument) => Some(parameters.len() - 1),
        (Some(option), _) => {
            let place = options.iter().position(|known| known == option);
            place.map(|place| offset + positionals + place)
        }
        (None, Takes::Option) => None,
        _ if positionals > 0 => Some(offset + place.positional.min(positionals - 1)),
        _ => None,
    };
    Some(Signature { label, about: about(command), parameters, active })
}

fn value_name(argument: &clap::Arg) -> String {
    let names = argument
        .get_value_names()
        .map(|names| names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
    names.map_or_else(|| argument.get_id().as_str().to_uppercase(), |names| names.join(" "))
}

fn is_many(argument: &clap::Arg) -> bool {
    matches!(argument.get_action(), clap::ArgAction::Append)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_magic_are_told() {
        use PartKind::*;
        let found = parts("  %run submit train.py --compute=local -e 'my exp' --wait -- --a");
        let found: Vec<_> = found.iter().map(|part| (part.text.as_str(), part.kind)).collect();
        assert_eq!(
            found,
            [
                ("run", Magic),
                ("submit", Command),
                ("train.py", Name(NameKind::File)),
                ("--compute", Option),
                ("local", Name(NameKind::Compute)),
                ("-e", Option),
                ("my exp", Name(NameKind::Experiment)),
                ("--wait", Option),
                ("--a", ScriptArgument),
            ]
        );
        let text = "%log loss={1 + 2}";
        assert_eq!(&text[parts(text)[1].span.clone()], "1 + 2");
    }

    #[test]
    fn a_signature_follows_the_cursor() {
        let active = |text: &str| {
            let signature = signature(text, text.len()).unwrap();
            signature
                .active
                .map(|index| signature.label[signature.parameters[index].0.clone()].to_owned())
        };
        assert_eq!(active("%submit ").as_deref(), Some("SCRIPT"));
        assert_eq!(active("%submit t.py --compute ").as_deref(), Some("[--compute COMPUTE]"));
        assert_eq!(active("%submit t.py -- a").as_deref(), Some("[-- ARGUMENTS]"));
        assert_eq!(signature("%subm", 5), None);
        assert_eq!(signature("x = 1", 5), None);
    }
}
