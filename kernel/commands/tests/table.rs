//! The table keeps its rules.

use lazuli_commands::table::SHORT_NAMES;
use lazuli_commands::{
    Command, LineCommand, NameKind, Piece, ShellCommand, ShellInvocation, cell_table, parse_cell,
    parse_shell, reference, shell_table,
};

#[test]
fn the_tables_hold_together() {
    cell_table().debug_assert();
    shell_table().debug_assert();
}

#[test]
fn every_argument_says_what_it_takes_and_every_command_what_it_does() {
    const PLAIN: [&str; 47] = [
        "PATH",
        "FORMAT",
        "HEADER",
        "ENCODING",
        "KIND",
        "COLUMN",
        "NUMBER",
        "SECONDS",
        "DAYS",
        "TOKEN",
        "ACCOUNT/CONTAINER",
        "ACCOUNT/SHARE",
        "ACCOUNT/FILESYSTEM",
        "BUCKET",
        "USER@HOST[:PORT]/DATABASE",
        "USER@HOST",
        "FINGERPRINT",
        "WORD",
        "REGION",
        "VARIABLE",
        "ID",
        "FILTER",
        "ORDER",
        "ALIAS",
        "STAGE",
        "NAME",
        "KEY=VALUE",
        "NAME=VALUE",
        "COLUMN=VALUE",
        "STEP",
        "PACKAGE",
        "ARGUMENT",
        "ARGUMENTS",
        "STATUS",
        "COUNT",
        "MESSAGE",
        "KEY",
        "VERSION",
        "TEXT",
        "FRAMEWORK",
        "VALUE",
        "PORT",
        "ADDRESS",
        "SHELL",
        "TIME",
        "POSTGRES-URL",
        "URL",
    ];
    fn walk(command: &clap::Command, path: &str) {
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path}: {}", argument.get_id());
            if !argument.get_action().takes_values() {
                continue;
            }
            for name in argument.get_value_names().unwrap_or_default() {
                let known =
                    NameKind::of_value_name(name).is_some() || PLAIN.contains(&name.as_str());
                assert!(known, "{path}: {name}");
            }
        }
        for subcommand in command.get_subcommands() {
            assert!(subcommand.get_about().is_some(), "{path} {}", subcommand.get_name());
            walk(subcommand, &format!("{path} {}", subcommand.get_name()));
        }
    }
    walk(&cell_table(), "%");
    walk(&shell_table(), "lazuli");
}

#[test]
fn a_short_name_means_what_it_stands_for() {
    let examples = [
        ("log", "a=1 --step 2"),
        ("log_row", "t a=1"),
        ("log_image", "i a.png"),
        ("upload", "a"),
        ("submit", "a.py --wait"),
        ("rundetails", "r"),
        ("register_model", "m a"),
    ];
    assert_eq!(examples.map(|(name, _)| name), SHORT_NAMES.map(|(name, _)| name));
    for ((short, whole), (_, arguments)) in SHORT_NAMES.into_iter().zip(examples) {
        let spoken = |name: &str| {
            let words: Vec<String> =
                format!("{name} {arguments}").split(' ').map(str::to_owned).collect();
            parse_shell(&words).unwrap()
        };
        assert_eq!(spoken(short), spoken(whole), "{short}");
    }
}

#[test]
fn every_example_is_right() {
    fn walk(command: &clap::Command, check: &dyn Fn(&str)) {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if let Some((_, examples)) = text.split_once("Examples:\n") {
            examples.lines().for_each(|line| check(line.trim()));
        }
        command.get_subcommands().for_each(|subcommand| walk(subcommand, check));
    }
    walk(&cell_table(), &|example| {
        parse_cell(example).unwrap_or_else(|error| panic!("{example}: {error}"));
    });
    walk(&shell_table(), &|example| {
        let example = example.split(" > ").next().unwrap();
        let (bare, quoted) = example.split_once(" \"").unwrap_or((example, ""));
        let quoted = Some(quoted.trim_matches('"')).filter(|quoted| !quoted.is_empty());
        let words: Vec<String> = bare.split(' ').skip(1).chain(quoted).map(str::to_owned).collect();
        parse_shell(&words).unwrap_or_else(|error| panic!("{example}: {error:?}"));
    });
}

#[test]
fn cell_and_shell_mean_the_same() {
    for line in ["run list --limit 3", "submit train.py -- --a b", "model show churn --version 2"] {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let Ok(ShellInvocation::Command(_, shell)) = parse_shell(&words) else { panic!("{line}") };
        let Ok(lazuli_commands::Cell::Pieces(pieces)) = parse_cell(&format!("%{line}")) else {
            panic!("{line}")
        };
        let [Piece::Magic(magic)] = pieces.as_slice() else { panic!("{line}") };
        let shared = |command: &LineCommand| -> Option<Command> {
            match command {
                LineCommand::Shared(command) => Some(command.clone()),
                _ => None,
            }
        };
        assert_eq!(Some(*shell), shared(&magic.command).map(ShellCommand::Shared), "{line}");
    }
}

#[test]
fn a_wrong_command_line_gets_a_sentence_and_a_hint() {
    let said = |line: &str| {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let error = parse_shell(&words).unwrap_err();
        format!("{}\n{}", error.message, error.hint.unwrap_or_default())
    };
    assert_eq!(said("rnu list"), "there is no command `rnu`\ndid you mean `run`?");
    assert_eq!(said("run lst"), "`lazuli run` has no command `lst`\ndid you mean `list`?");
    assert_eq!(
        said("run list --limt 3"),
        "`lazuli run list` has no option `--limt`\ndid you mean `--limit`?"
    );
    assert_eq!(
        said("serve --port many"),
        "`many` is no whole number, which `--port` wants\n`lazuli serve --help` explains it"
    );
    assert_eq!(said("completions bsh"), "`bsh` is no value for `SHELL`\ndid you mean `bash`?");
}

#[test]
fn the_kernel_gets_its_arguments_as_they_are() {
    let words = ["kernel", "install", "--user", "--help"].map(str::to_owned);
    let Ok(ShellInvocation::Command(_, command)) = parse_shell(&words) else { panic!() };
    let ShellCommand::Kernel(kernel) = *command else { panic!() };
    assert_eq!(kernel.arguments, ["install", "--user", "--help"]);
}

#[test]
fn the_reference_names_every_command() {
    let page = reference();
    for part in ["`lazuli run submit`", "`%lsmagic`", "`%%track`", "`lazuli serve`", "`log`"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("snapshot create"));
}

#[test]
fn expressions_are_filled_in() {
    let Ok(lazuli_commands::Cell::Pieces(pieces)) = parse_cell("%log a={x} b=2 c={y}") else {
        panic!()
    };
    let [Piece::Magic(magic)] = pieces.as_slice() else { panic!() };
    let filled = magic.clone().fill(vec!["1".into(), "3".into()]);
    let Ok(lazuli_commands::Cell::Pieces(plain)) = parse_cell("%log a=1 b=2 c=3") else { panic!() };
    let [Piece::Magic(plain)] = plain.as_slice() else { panic!() };
    assert_eq!(filled.command, plain.command);
    assert!(filled.expressions.is_empty());
}

/// `UPDATE_EXPECT=1 cargo test -p lazuli-commands` writes the page anew.
#[test]
fn the_reference_page_is_up_to_date() {
    expect_test::expect_file!["../../../docs/commands.md"].assert_eq(&reference());
}
