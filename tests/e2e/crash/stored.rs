//! What is in the database, read without Lazuli.

use std::collections::BTreeMap;
use std::process::Command;

use lazuli_tests::Home;
use lazuli_tests::postgres::Postgres;

const POINTS: &str = "SELECT runs.run_id, CAST(metric_points.number AS BIGINT) FROM metric_points
    JOIN metrics ON metrics.key = metric_points.metric JOIN runs ON runs.key = metrics.run";

/// Python has SQLite; ours is bundled with the daemon.
const ASK_SQLITE: &str = "
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
for statement in sys.argv[2:]:
    for row in database.execute(statement):
        print('|'.join(map(str, row)))
";

/// Where a home keeps its rows.
pub enum Rows<'a> {
    Sqlite(&'a Home),
    Postgres(&'a Postgres, String),
}

impl Rows<'_> {
    /// By run, as often as they are there: the numbers that were logged.
    pub fn numbers(&self) -> BTreeMap<String, Vec<i64>> {
        let mut numbers: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for row in self.ask(POINTS).lines() {
            let (run, number) = row.split_once('|').expect("two columns");
            numbers.entry(run.to_owned()).or_default().push(number.parse().expect("a number"));
        }
        numbers
    }

    /// SQLite finds its file whole.
    pub fn check_integrity(&self) {
        if let Self::Sqlite(_) = self {
            assert_eq!(self.ask("PRAGMA integrity_check"), "ok\n");
            assert_eq!(self.ask("PRAGMA foreign_key_check"), "");
        }
    }

    fn ask(&self, statement: &str) -> String {
        let home = match self {
            Self::Sqlite(home) => home,
            Self::Postgres(server, database) => return server.sql(database, statement),
        };
        let mut python = Command::new("python3");
        python.args(["-c", ASK_SQLITE]).arg(home.path().join("lazuli.db")).arg(statement);
        let output = python.output().expect("python3 is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
