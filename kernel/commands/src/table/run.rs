use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use lazuli_domain::RunStatus;

use super::log::{Log, LogImage, LogRow, Upload};
use super::submit::Submit;
use crate::KeyValue;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum RunCommand {
    /// Start a run by hand and make it the active one
    #[command(
        after_help = "Examples:\n  $run start\n  $run start --experiment diabetes --tag model=ridge"
    )]
    Start {
        /// What to call it
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// The experiment it belongs to
        #[arg(long, short = 'e', value_name = "EXPERIMENT")]
        experiment: Option<String>,
        /// The run it is a part of
        #[arg(long, value_name = "RUN")]
        parent: Option<String>,
        /// A tag; may be given several times
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
        tags: Vec<KeyValue>,
    },
    /// List runs, newest first
    #[command(
        after_help = "A filter compares metrics, params, tags, properties and the run's own fields (status, name, user, started,\nduration …) by =, !=, <, <=, >, >=, like, in, between and is null, with and, or, not and parentheses.\n\nExamples:\n  $run list\n  $run list --experiment diabetes --status failed --limit 5\n  $run list --filter \"metrics.loss < 0.1 and tags.team = 'blue'\" --order-by \"metrics.loss asc\"\n  $run list --filter \"started > '-7d'\" --count"
    )]
    List {
        /// Only of this experiment
        #[arg(long, short = 'e', value_name = "EXPERIMENT")]
        experiment: Option<String>,
        /// Only with this status
        #[arg(long, value_name = "STATUS", value_parser = status_parser(), ignore_case = true)]
        status: Option<RunStatus>,
        /// Only children of this run
        #[arg(long, value_name = "RUN")]
        parent: Option<String>,
        /// Only those for which this holds
        #[arg(long, value_name = "FILTER")]
        filter: Option<String>,
        /// What comes first, the newest when absent
        #[arg(long, value_name = "ORDER")]
        order_by: Option<String>,
        /// Only say how many there are
        #[arg(long, conflicts_with_all = ["limit", "order_by"])]
        count: bool,
        /// Those that are deleted, instead of those that are not
        #[arg(long)]
        deleted: bool,
        /// How many at most
        #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// Show a run: status, times, metrics, files
    #[command(after_help = "Examples:\n  $run show\n  $run show churn_1764 --json")]
    Show {
        /// Its id, or the first characters of it; the active or last run when absent
        #[arg(value_name = "RUN")]
        run: Option<String>,
    },
    /// Count what was logged to a run, shipped and committed, and say whether it agrees
    #[command(after_help = "Examples:\n  $run verify\n  $run verify churn_1764 --json")]
    Verify {
        /// The active or last run when absent
        #[arg(value_name = "RUN")]
        run: Option<String>,
    },
    /// Complete the active run
    Complete {
        /// Another run than the active one
        #[arg(value_name = "RUN")]
        run: Option<String>,
    },
    /// End the active run as failed
    #[command(after_help = "Examples:\n  $run fail --message \"the data were wrong\"")]
    Fail {
        /// Another run than the active one
        #[arg(value_name = "RUN")]
        run: Option<String>,
        /// Why it failed
        #[arg(long, short = 'm', value_name = "MESSAGE")]
        message: Option<String>,
    },
    /// Cancel a run; a script's processes are ended
    Cancel {
        /// The active or last run when absent
        #[arg(value_name = "RUN")]
        run: Option<String>,
    },
    /// Hide ended runs, and those below them, until they are restored or `gc` removes them for good
    #[command(after_help = "Examples:\n  $run delete churn_1764 churn_1765")]
    Delete {
        /// The runs
        #[arg(value_name = "RUN", required = true)]
        runs: Vec<String>,
    },
    /// Bring deleted runs back
    #[command(after_help = "Examples:\n  $run restore churn_1764")]
    Restore {
        /// The runs; `run list --deleted` shows them
        #[arg(value_name = "RUN", required = true)]
        runs: Vec<String>,
    },
    Submit(Submit),
    /// Print a run's log
    #[command(after_help = "Examples:\n  $run logs --follow\n  $run logs churn_1764 --tail 20")]
    Logs {
        /// The active or last run when absent
        #[arg(value_name = "RUN")]
        run: Option<String>,
        /// Go on until the run has ended
        #[arg(long, short = 'f')]
        follow: bool,
        /// Which log, `user_logs/std_log.txt` when absent
        #[arg(long, value_name = "ARTIFACT")]
        file: Option<String>,
        /// Only the last lines
        #[arg(long, value_name = "COUNT", conflicts_with = "follow")]
        tail: Option<usize>,
    },
    /// Put runs side by side and show what differs
    #[command(
        after_help = "Examples:\n  $run compare churn_1764 churn_1765\n  $run compare --experiment churn --all"
    )]
    Compare {
        /// The runs
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
        /// The newest runs of this experiment
        #[arg(long, short = 'e', value_name = "EXPERIMENT", conflicts_with = "runs")]
        experiment: Option<String>,
        /// How many of the experiment
        #[arg(long, value_name = "COUNT", default_value_t = 5, requires = "experiment")]
        limit: u32,
        /// Show also what is the same
        #[arg(long)]
        all: bool,
    },
    /// Set or remove tags of a run
    #[command(
        after_help = "Examples:\n  $run tag quality=good\n  $run tag --run churn_1764 --remove draft"
    )]
    Tag {
        /// Tags to set
        #[arg(value_name = "KEY=VALUE", value_parser = KeyValue::parse, required_unless_present = "remove")]
        tags: Vec<KeyValue>,
        /// A tag to remove; may be given several times
        #[arg(long, value_name = "KEY")]
        remove: Vec<String>,
        /// Another run than the active or last one
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
    },
    /// Show the metrics of a run
    #[command(
        after_help = "Examples:\n  $run metrics\n  $run metrics churn_1764 --name loss --json"
    )]
    Metrics {
        /// The active or last run when absent
        #[arg(value_name = "RUN")]
        run: Option<String>,
        /// The points of this metric
        #[arg(long, value_name = "METRIC")]
        name: Option<String>,
    },
    /// Download a file that a run kept, or a folder of them
    #[command(after_help = "Examples:\n  $run download outputs/model.pkl --to models")]
    Download {
        /// The file or folder as the run names it
        #[arg(value_name = "ARTIFACT")]
        path: String,
        /// Another run than the active or last one
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
        /// Where to put it
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        to: String,
        /// Replace files that exist
        #[arg(long)]
        force: bool,
    },
    /// Write a run as an HTML file that shows it anywhere, without a daemon
    #[command(
        after_help = "Examples:\n  $run export churn_1764\n  $run export churn_1764 --html report.html"
    )]
    Export {
        /// The active or last run when absent
        #[arg(value_name = "RUN")]
        run: Option<String>,
        /// The file, named after the run when absent
        #[arg(long, value_name = "FILE", num_args = 0..=1)]
        html: Option<Option<String>>,
        /// Replace a file that exists
        #[arg(long)]
        force: bool,
    },
    Details(RunDetails),
    Log(Log),
    #[command(name = "log_row", alias = "log-row")]
    LogRow(LogRow),
    #[command(name = "log_image", alias = "log-image")]
    LogImage(LogImage),
    Upload(Upload),
}

/// Show a run and follow it until it ends
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  $rundetails\n  $rundetails churn_1764")]
pub struct RunDetails {
    /// The active or last run when absent
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
}

fn status_parser() -> impl TypedValueParser<Value = RunStatus> {
    PossibleValuesParser::new(RunStatus::ALL.map(RunStatus::as_str)).try_map(|name| {
        RunStatus::parse(&name).ok_or_else(|| format!("there is no status `{name}`"))
    })
}
