use crate::parse::{self, find};
use crate::table::{Face, SHORT_NAMES};
use crate::{ParseError, Span, nearest, words};

/// A magic as `%lsmagic` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MagicEntry {
    /// With its `%` or `%%`.
    pub name: String,
    pub about: String,
    /// `%run submit` for `%submit`.
    pub stands_for: Option<String>,
}

/// What an editor shows while the mouse rests on a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    pub span: Span,
    /// Markdown.
    pub text: String,
}

/// All magics: those of a line, then those of a cell.
pub fn magics() -> Vec<MagicEntry> {
    [Face::Line, Face::Body]
        .into_iter()
        .flat_map(|face| {
            let table = face.table();
            let visible = table.get_subcommands().filter(|command| !command.is_hide_set());
            visible
                .map(|command| MagicEntry {
                    name: format!("{}{}", face.prefix(), command.get_name()),
                    about: about(command),
                    stands_for: stands_for(face, command.get_name()),
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn stands_for(face: Face, name: &str) -> Option<String> {
    let (_, whole) = SHORT_NAMES.iter().find(|(short, _)| face == Face::Line && *short == name)?;
    Some(format!("%{whole}"))
}

/// The help of a command (`run submit`, `%submit`, `%%track`), or with an empty topic the list of
/// all magics.
pub fn help(topic: &str) -> Result<String, ParseError> {
    if topic.trim().is_empty() {
        return Ok(overview());
    }
    match find_topic(topic) {
        Some((face, path)) => Ok(render(face, &path)),
        None => Err(unknown_topic(topic)),
    }
}

pub(crate) fn find_topic(topic: &str) -> Option<(Face, Vec<String>)> {
    let topic = topic.trim();
    let faces: &[Face] = match topic {
        _ if topic.starts_with("%%") => &[Face::Body],
        _ if topic.starts_with('%') => &[Face::Line],
        _ => &[Face::Line, Face::Body],
    };
    let words: Vec<&str> = topic.trim_start_matches('%').split_whitespace().collect();
    faces.iter().find_map(|face| {
        let table = face.table();
        let mut at = &table;
        let mut path = Vec::new();
        for word in &words {
            at = find(at, word)?;
            path.push(at.get_name().to_owned());
        }
        (!path.is_empty()).then_some((*face, path))
    })
}

fn unknown_topic(topic: &str) -> ParseError {
    let error = ParseError::new(0..topic.len(), format!("there is no help for `{topic}`"));
    let known: Vec<String> = all_paths().iter().map(|(_, path)| path.join(" ")).collect();
    match nearest(topic.trim_start_matches('%'), known.iter().map(String::as_str)) {
        Some(right) => {
            error.hint(format!("did you mean `%help {right}`?")).suggest(right.to_owned())
        }
        None => error.hint("`%lsmagic` lists the magics"),
    }
}

pub(crate) fn all_paths() -> Vec<(Face, Vec<String>)> {
    fn walk(face: Face, at: &clap::Command, path: &[String], into: &mut Vec<(Face, Vec<String>)>) {
        for command in at.get_subcommands().filter(|command| !command.is_hide_set()) {
            let mut path = path.to_vec();
            path.push(command.get_name().to_owned());
            into.push((face, path.clone()));
            walk(face, command, &path, into);
        }
    }
    let mut paths = Vec::new();
    for face in [Face::Line, Face::Body] {
        walk(face, &face.table(), &[], &mut paths);
    }
    paths
}

pub(crate) fn render(face: Face, path: &[String]) -> String {
    let spoken = format!("{}{}", face.prefix(), path.join(" "));
    let table = face.table();
    let command = path.iter().fold(&table, |at, name| find(at, name).unwrap_or(at));
    let mut command = command.clone().bin_name(spoken).disable_help_flag(true);
    for option in ["json", "workspace"] {
        let global = table.get_arguments().find(|argument| argument.get_id() == option);
        if let Some(global) = global {
            command = command.arg(global.clone());
        }
    }
    let mut text = command.disable_help_subcommand(true).render_help().to_string();
    if let Some(whole) = path.first().and_then(|name| stands_for(face, name))
        && path.len() == 1
    {
        text.push_str(&format!("\nShort for `{whole}`.\n"));
    }
    text
}

fn overview() -> String {
    let mut text = String::from(
        "A line that begins with % is a magic; %% makes the whole cell the magic's body.\n\
         `%help NAME` explains one, `--json` answers in JSON.\n\n",
    );
    let magics = magics();
    let width = magics.iter().map(|magic| magic.name.len()).max().unwrap_or(0);
    for magic in magics {
        text.push_str(&format!("{:width$}  {}\n", magic.name, magic.about));
    }
    text
}

/// What the word at `cursor` (bytes) of a cell's magic means.
pub fn hover(cell: &str, cursor: usize) -> Option<Hover> {
    let (face, start) = crate::complete::magic_at(cell, cursor)?;
    let (words, _) = words::split_line(cell, start + face.prefix().trim_end().len()).ok()?;
    let index = words.iter().position(|word| {
        let begins =
            if word.span.start == start + face.prefix().len() { start } else { word.span.start };
        begins <= cursor && cursor <= word.span.end
    })?;
    let word = &words[index];
    let span = if index == 0 { start..word.span.end } else { word.span.clone() };
    let table = face.table();
    let path = parse::path(&table, words[..=index].iter().map(|word| word.text.as_str()));
    let command = path.iter().fold(&table, |at, name| find(at, name).unwrap_or(at));
    if path.last().is_some_and(|_| find_is(&table, &path[..path.len() - 1], &word.text)) {
        return Some(Hover { span, text: format!("```text\n{}```", render(face, &path)) });
    }
    let name = word.text.split('=').next().unwrap_or_default();
    let long = name.strip_prefix("--")?;
    let argument = command
        .get_arguments()
        .chain(table.get_arguments())
        .find(|argument| argument.get_long() == Some(long))?;
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let value = argument
        .get_value_names()
        .filter(|_| argument.get_action().takes_values())
        .map(|names| format!(" {}", names.join(" ")))
        .unwrap_or_default();
    Some(Hover { span, text: format!("`--{long}{value}`\n\n{help}") })
}

fn find_is(table: &clap::Command, before: &[String], word: &str) -> bool {
    let at = before.iter().fold(table, |at, name| find(at, name).unwrap_or(at));
    find(at, word).is_some()
}

pub(crate) fn about(command: &clap::Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}
