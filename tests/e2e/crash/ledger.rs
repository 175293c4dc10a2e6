use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// What a writer says of itself in a file outside of Lazuli: a line of one `write` each, which
/// survives `kill -9`.
pub struct Ledger(File);

impl Ledger {
    pub fn open(path: &Path) -> Ledger {
        Ledger(OpenOptions::new().create(true).append(true).open(path).expect("a ledger"))
    }

    pub fn note(&mut self, word: &str, what: impl std::fmt::Display) {
        self.0.write_all(format!("{word} {what}\n").as_bytes()).expect("a ledger takes lines");
    }
}

/// What a ledger says.
#[derive(Debug, Default)]
pub struct Account {
    pub run: Option<String>,
    /// Calls that were made, whatever became of them.
    pub begun: BTreeSet<i64>,
    /// Calls that returned.
    pub returned: BTreeSet<i64>,
    /// What was acknowledged: by an answer to it, or by a flush after it.
    pub acknowledged: BTreeSet<i64>,
}

impl Account {
    pub fn read(path: &Path) -> Account {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut account = Account::default();
        // A line without its newline was being written.
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let (word, what) = line.split_once(' ').expect("two words");
            let number = || what.parse::<i64>().expect("a number");
            match word {
                "run" => account.run = Some(what.to_owned()),
                "begun" => drop(account.begun.insert(number())),
                "returned" => drop(account.returned.insert(number())),
                "acknowledged" => drop(account.acknowledged.insert(number())),
                // Everything up to this one.
                "flushed" => {
                    let before = account.returned.range(..=number()).copied();
                    account.acknowledged.extend(before.collect::<Vec<_>>());
                }
                _ => panic!("`{line}` in {}", path.display()),
            }
        }
        account
    }
}
