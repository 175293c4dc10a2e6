use crate::cell::magic_lines;
use crate::help::about;
use crate::parse::{find, long_options};
use crate::table::Face;
use crate::words::{Word, split_line};
use crate::{Catalog, NameKind, Span};

/// What may stand at the cursor; `span` (bytes) is what a choice replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completions {
    pub span: Span,
    pub items: Vec<Completion>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub text: String,
    pub kind: CompletionKind,
    /// One line about it.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    Magic,
    Command,
    Option,
    /// One of a fixed set of values.
    Value,
    Name(NameKind),
}

impl CompletionKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Magic => "magic",
            Self::Command => "command",
            Self::Option => "option",
            Self::Value => "value",
            Self::Name(kind) => kind.as_str(),
        }
    }
}

/// Names that the caller has to fetch for a [`Catalog`] before it asks [`complete`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub kind: NameKind,
    /// What is typed of it so far.
    pub prefix: String,
}

/// Which names the place of the cursor takes; none where it takes none, and outside of magics.
pub fn wanted(cell: &str, cursor: usize) -> Option<Wanted> {
    let place = place(cell, cursor)?;
    match place.takes {
        Takes::Name(kind) => Some(Wanted { kind, prefix: place.prefix }),
        _ => None,
    }
}

/// Completes the magic in which the cursor stands; none outside of magics.
pub fn complete(cell: &str, cursor: usize, catalog: &Catalog) -> Option<Completions> {
    let place = place(cell, cursor)?;
    let begins = |text: &str| text.to_lowercase().starts_with(&place.prefix.to_lowercase());
    let mut items: Vec<Completion> = match &place.takes {
        Takes::Name(NameKind::Command) => entries(&place.table, CompletionKind::Command),
        Takes::Name(kind) => catalog
            .names(*kind)
            .iter()
            .map(|candidate| Completion {
                text: match place.command.get_name() {
                    // In SQL, single quotes are those of texts.
                    "sql" => quote_table(&candidate.name),
                    _ => quote(&candidate.name),
                },
                kind: CompletionKind::Name(*kind),
                detail: candidate.detail.clone(),
            })
            .collect(),
        Takes::Values(values) => values
            .iter()
            .map(|value| Completion {
                text: value.clone(),
                kind: CompletionKind::Value,
                detail: String::new(),
            })
            .collect(),
        Takes::Magic => {
            let mut items = entries(&place.table, CompletionKind::Magic);
            for item in &mut items {
                item.text = format!("{}{}", place.face.prefix(), item.text);
            }
            items
        }
        Takes::Command => entries(&place.command, CompletionKind::Command),
        Takes::Option => options(&place.command, &place.table),
        Takes::ScriptArgument | Takes::Nothing => Vec::new(),
    };
    items.retain(|item| {
        let plain = item.text.trim_start_matches('%').trim_start_matches(['"', '\'']);
        begins(plain) || begins(&item.text)
    });
    Some(Completions { span: place.span, items })
}

pub(crate) enum Takes {
    Magic,
    Command,
    Option,
    Name(NameKind),
    Values(Vec<String>),
    ScriptArgument,
    Nothing,
}

pub(crate) struct Place {
    pub face: Face,
    pub table: clap::Command,
    /// The command that the words before the cursor name, and its name.
    pub command: clap::Command,
    pub path: Vec<String>,
    pub takes: Takes,
    /// The option whose value stands at the cursor.
    pub option: Option<String>,
    /// How many positional arguments stand before.
    pub positional: usize,
    prefix: String,
    span: Span,
}

/// The magic in whose lines the cursor stands, and where its `%` is.
pub(crate) fn magic_at(cell: &str, cursor: usize) -> Option<(Face, usize)> {
    let first = cell.len() - cell.trim_start().len();
    if cell[first..].starts_with("%%") {
        let (_, end) = split_line(cell, first + 2).unwrap_or((Vec::new(), line_end(cell, first)));
        return (first < cursor && cursor <= end).then_some((Face::Body, first));
    }
    // A magic under the cursor may be half typed: one that the reader of cells refuses is looked
    // for by its line.
    let lines = magic_lines(cell).unwrap_or_default();
    let start = lines.into_iter().rfind(|start| *start < cursor);
    if let Some(start) = start {
        let end =
            split_line(cell, start + 1).map_or_else(|_| line_end(cell, start), |(_, end)| end);
        return (cursor <= end).then_some((Face::Line, start));
    }
    let line_start = cell[..cursor].rfind('\n').map_or(0, |newline| newline + 1);
    let line = &cell[line_start..cursor];
    let start = line_start + (line.len() - line.trim_start().len());
    (start < cursor && cell[start..].starts_with('%') && line.trim() == "%")
        .then_some((Face::Line, start))
}

fn line_end(cell: &str, start: usize) -> usize {
    cell[start..].find('\n').map_or(cell.len(), |newline| start + newline)
}

pub(crate) fn place(cell: &str, cursor: usize) -> Option<Place> {
    if !cell.is_char_boundary(cursor) {
        return None;
    }
    let (face, start) = magic_at(cell, cursor)?;
    let prefix_length = face.prefix().len();
    let table = face.table();
    if cursor < start + prefix_length {
        // `%|%submit`: between the two signs nothing can be said.
        return None;
    }
    let typed = &cell[..cursor];
    let (mut words, _) = split_line(typed, start + prefix_length)
        .unwrap_or_else(|error| unclosed(typed, start + prefix_length, error.span.start));
    let partial = match words.last() {
        Some(word) if word.span.end == cursor => words.pop(),
        _ => None,
    };
    let prefix = partial.as_ref().map(|word| word.text.clone()).unwrap_or_default();
    let span = partial.map_or(cursor..cursor, |word| word.span);
    if words.is_empty() {
        let command = table.clone();
        return Some(Place {
            face,
            table,
            command,
            path: Vec::new(),
            takes: Takes::Magic,
            option: None,
            positional: 0,
            prefix,
            span: start..cursor,
        });
    }
    let walked = follow(&table, &words);
    let path = crate::parse::path(&table, words.iter().map(|word| word.text.as_str()));
    let command = walked.command.clone();
    let option = walked.pending.and_then(clap::Arg::get_long).map(str::to_owned);
    let (positional, takes) = (walked.positional, walked.takes());
    let mut place = Place { face, table, command, path, takes, option, positional, prefix, span };
    refine(&mut place);
    Some(place)
}

/// The words before a quote that is still open, and what stands behind it as the last one.
fn unclosed(typed: &str, start: usize, quote: usize) -> (Vec<Word>, usize) {
    let (mut words, _) = split_line(&typed[..quote], start).unwrap_or_default();
    words.push(Word {
        text: typed[quote + 1..].to_owned(),
        span: quote..typed.len(),
        braces: None,
    });
    (words, typed.len())
}

/// Follows whole words through the table to what comes next.
pub(crate) fn walk<'a>(table: &'a clap::Command, words: &[Word]) -> (&'a clap::Command, Takes) {
    let walked = follow(table, words);
    (walked.command, walked.takes())
}

/// Where words lead.
struct Walked<'a> {
    command: &'a clap::Command,
    /// An option whose value comes next.
    pending: Option<&'a clap::Arg>,
    positional: usize,
    only_script_arguments: bool,
}

impl Walked<'_> {
    fn takes(&self) -> Takes {
        match self.pending {
            _ if self.only_script_arguments => Takes::ScriptArgument,
            Some(argument) => values_of(argument),
            None if self.command.has_subcommands() && self.positional == 0 => Takes::Command,
            None => positional_of(self.command, self.positional),
        }
    }
}

fn follow<'a>(table: &'a clap::Command, words: &[Word]) -> Walked<'a> {
    let mut command = table;
    let mut positional = 0;
    let mut pending: Option<&clap::Arg> = None;
    let mut only_script_arguments = false;
    for word in words {
        if only_script_arguments {
            continue;
        }
        if pending.take().is_some() {
            continue;
        }
        let text = word.text.as_str();
        if text == "--" {
            only_script_arguments = true;
        } else if text.starts_with('-') && text.len() > 1 {
            if !text.contains('=') {
                pending = option(command, table, text).filter(|found| takes_value(found));
            }
        } else if let Some(next) = find(command, text).filter(|_| positional == 0) {
            command = next;
        } else {
            positional += 1;
        }
    }
    Walked { command, pending, positional, only_script_arguments }
}

/// What the value of an option is.
pub(crate) fn takes_of_option(command: &clap::Command, table: &clap::Command, name: &str) -> Takes {
    option(command, table, name).map_or(Takes::Nothing, values_of)
}

/// What is typed of the word may say more than the words before it.
fn refine(place: &mut Place) {
    if !place.prefix.starts_with('-') || matches!(place.takes, Takes::ScriptArgument) {
        return;
    }
    let Some((name, value)) = place.prefix.split_once('=') else {
        place.takes = Takes::Option;
        return;
    };
    place.takes = option(&place.command, &place.table, name).map_or(Takes::Nothing, values_of);
    place.span.start += name.len() + 1;
    place.prefix = value.to_owned();
}

fn option<'a>(
    command: &'a clap::Command,
    table: &'a clap::Command,
    text: &str,
) -> Option<&'a clap::Arg> {
    let mut arguments = command.get_arguments().chain(table.get_arguments());
    match text.strip_prefix("--") {
        Some(long) => arguments.find(|argument| argument.get_long() == Some(long)),
        None => arguments.find(|argument| argument.get_short() == text.chars().nth(1)),
    }
}

fn takes_value(argument: &clap::Arg) -> bool {
    argument.get_action().takes_values()
}

fn positional_of(command: &clap::Command, index: usize) -> Takes {
    let positionals: Vec<&clap::Arg> =
        command.get_positionals().filter(|argument| !argument.is_last_set()).collect();
    let argument = positionals.get(index).or_else(|| {
        positionals.last().filter(|last| matches!(last.get_action(), clap::ArgAction::Append))
    });
    argument.map_or(Takes::Nothing, |argument| values_of(argument))
}

fn values_of(argument: &clap::Arg) -> Takes {
    if let Some(kind) = NameKind::of(argument) {
        return Takes::Name(kind);
    }
    let values = argument.get_possible_values();
    if argument.get_action().takes_values() && !values.is_empty() {
        return Takes::Values(values.iter().map(|value| value.get_name().to_owned()).collect());
    }
    Takes::Nothing
}

fn entries(command: &clap::Command, kind: CompletionKind) -> Vec<Completion> {
    let visible = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    visible
        .map(|sub| Completion { text: sub.get_name().to_owned(), kind, detail: about(sub) })
        .collect()
}

fn options(command: &clap::Command, table: &clap::Command) -> Vec<Completion> {
    long_options(command)
        .into_iter()
        .map(|long| {
            let text = format!("--{long}");
            let help = option(command, table, &text).and_then(clap::Arg::get_help);
            Completion {
                kind: CompletionKind::Option,
                detail: help.map(ToString::to_string).unwrap_or_default(),
                text,
            }
        })
        .collect()
}

fn quote_table(name: &str) -> String {
    match !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

fn quote(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:@+,~".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else if name.contains('\'') {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        format!("'{name}'")
    }
}
