use std::fmt::Write as _;

use crate::help::{about, render};
use crate::parse::find;
use crate::table::{Face, SHORT_NAMES};

/// The reference page of all commands, in Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# Commands\n\n\
         Every command is said in a shell as `lazuli NAME …` and in a cell as `%NAME …`. With \
         `--json` it answers in JSON; with `--workspace NAME` it works in another workspace. A \
         run may be named by the first characters of its id.\n\n\
         ## Short names\n\n| short | stands for |\n|---|---|\n",
    );
    for (short, whole) in SHORT_NAMES {
        let _ = writeln!(page, "| `{short}` | `{whole}` |");
    }
    section(&mut page, Face::Shell, "In a shell and in a cell", |name| {
        find(&Face::Line.table(), name).is_some()
    });
    section(&mut page, Face::Shell, "In a shell only", |name| {
        name != "help" && find(&Face::Line.table(), name).is_none()
    });
    section(&mut page, Face::Line, "In a cell only", |name| {
        find(&Face::Shell.table(), name).is_none() || name == "help"
    });
    section(&mut page, Face::Body, "For a whole cell", |_| true);
    page
}

fn section(page: &mut String, face: Face, title: &str, belongs: impl Fn(&str) -> bool) {
    let _ = write!(page, "\n## {title}\n");
    let table = face.table();
    for command in table.get_subcommands() {
        let short = SHORT_NAMES.iter().any(|(short, _)| *short == command.get_name());
        if command.is_hide_set() || (short && face != Face::Body) || !belongs(command.get_name()) {
            continue;
        }
        entry(page, face, command, &[]);
    }
}

fn entry(page: &mut String, face: Face, command: &clap::Command, before: &[String]) {
    let mut path = before.to_vec();
    path.push(command.get_name().to_owned());
    let spoken = format!("{}{}", face.prefix(), path.join(" "));
    let level = if before.is_empty() { "###" } else { "####" };
    if command.has_subcommands() {
        let _ = write!(page, "\n{level} `{spoken}`\n\n{}\n", about(command));
        for subcommand in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            entry(page, face, subcommand, &path);
        }
    } else {
        let text = render(face, &path);
        let _ = write!(page, "\n{level} `{spoken}`\n\n```text\n{}\n```\n", text.trim_end());
    }
}
