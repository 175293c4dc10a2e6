//! How long a search takes among many runs. Measured and printed, never asserted:
//! `cargo test -p lazuli-backend --test http search_speed -- --ignored --nocapture`

use std::time::{Duration, Instant};

use lazuli_backend::store::entries::{self, EntryKind};
use lazuli_backend::store::metrics::{self, NewPoint};
use lazuli_backend::store::runs::{self, RunRow};
use lazuli_backend::store::{Write, experiments};
use lazuli_domain::{MetricKind, RunKind, RunStatus, StringMap};
use serde_json::Value;

use crate::search::encoded;
use crate::support::Daemon;

const FIELDS: &str = "&fields=run_id,status,started,metrics.loss,params.lr,tags.team";

#[tokio::test]
#[ignore = "measures; takes a minute"]
async fn at_5_000_runs() {
    measure(5_000).await;
}

#[tokio::test]
#[ignore = "measures; takes a minute"]
async fn at_100_000_runs() {
    measure(100_000).await;
}

async fn measure(count: i64) {
    let daemon = Daemon::start().await;
    let begun = Instant::now();
    for first in (0..count).step_by(5_000) {
        daemon
            .app
            .store
            .write(move |write| seed(write, first, count.min(first + 5_000)))
            .await
            .unwrap();
    }
    println!("{count} runs seeded in {:.1} s", begun.elapsed().as_secs_f64());
    let broad = "metrics.loss < 0.5 and tags.team = 'blue'";
    for (filter, order_by) in [
        ("metrics.loss < 0.1 and tags.team = 'blue'", "metrics.loss"),
        (broad, "metrics.loss"),
        ("params.lr = '0.01'", "metrics.acc desc"),
        ("params.seed = '4711'", "metrics.loss"),
        ("status = 'FAILED' and metrics.acc > 0.5", "started desc"),
        ("tags.stage = 'prod' and metrics.acc > 0.9", "metrics.loss"),
        // Each of these has many runs, together they have none.
        ("tags.team = 'blue' and tags.twin = 'red'", "metrics.loss"),
        ("tags.team = 'blue' and tags.twin = 'red'", ""),
        ("experiment = 'experiment-3'", "metrics.loss"),
        ("name like '%77%'", "metrics.loss"),
        ("not (tags.team = 'blue' or params.lr = '0.01')", "metrics.loss desc"),
        ("", "metrics.loss desc"),
        ("", "params.lr, metrics.loss"),
        ("", "tags.team"),
        ("", "started desc"),
        ("", "created desc"),
        ("", "duration desc"),
        ("", "user, name"),
        ("", ""),
    ] {
        let query = format!("filter={}&order_by={}", encoded(filter), encoded(order_by));
        let fields = ask(&daemon, &format!("{query}{FIELDS}")).await;
        let whole = ask(&daemon, &query).await;
        let counted = ask(&daemon, &format!("{query}&limit=1&fields=run_id&count=true")).await;
        println!("{fields} {whole} {counted}  {filter} | {order_by}");
    }
    let mut cursor = String::new();
    let mut pages = Vec::new();
    for _ in 0..(count / 400) {
        let path = format!("order_by={}{FIELDS}{cursor}", encoded("metrics.loss"));
        let begun = Instant::now();
        let page: Value = daemon.get(&format!("/api/workspaces/default/runs?{path}")).await;
        pages.push(begun.elapsed());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let last = pages.split_off(pages.len() - 5);
    println!(
        "{} pages by metrics.loss: median {}, last five {}",
        pages.len() + 5,
        shown(median(pages)),
        shown(median(last))
    );
}

async fn ask(daemon: &Daemon, query: &str) -> String {
    let path = format!("/api/workspaces/default/runs?{query}");
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let page: Value = daemon.get(&path).await;
        times.push(begun.elapsed());
        assert!(page["items"].is_array());
    }
    let first = times[0];
    format!("{}/{}", shown(first), shown(median(times)))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn shown(time: Duration) -> String {
    format!("{:6.2}", time.as_secs_f64() * 1000.0)
}

/// Runs whose values are spread evenly, but not in the order in which they were made.
fn seed(write: &mut Write<'_>, first: i64, end: i64) -> lazuli_backend::Result<()> {
    let now = 1_795_600_000_000;
    for number in first..end {
        let experiment = format!("experiment-{}", number % 20);
        let experiment =
            experiments::ensure(write, "default", &experiment, &StringMap::new(), now)?;
        let spread = (number * 7_919) % 100_003;
        let status = match number % 10 {
            0 => RunStatus::Failed,
            1 => RunStatus::Canceled,
            _ => RunStatus::Completed,
        };
        let run = runs::insert(
            write,
            &RunRow {
                run_id: &format!("experiment_{}_{number:08x}", now / 1000 + number),
                workspace: "default",
                experiment,
                name: &format!("run {spread}"),
                kind: RunKind::Interactive,
                status,
                parent: None,
                user: ["ada", "grace", "edsger"][(number % 3) as usize],
                compute: "local",
                created_at_ms: now + number * 1000,
                started_at_ms: Some(now + number * 1000),
                owner: None,
            },
        )?;
        runs::set_end(write, run, status, None, Some(now + number * 1000 + spread))?;
        for (kind, key, value) in [
            (
                EntryKind::Parameter,
                "lr",
                ["0.1", "0.01", "0.001"][(spread % 3) as usize].to_owned(),
            ),
            (EntryKind::Parameter, "depth", (spread % 17).to_string()),
            (EntryKind::Parameter, "seed", number.to_string()),
            (EntryKind::Tag, "team", ["blue", "red", "green"][(number % 3) as usize].to_owned()),
            (EntryKind::Tag, "twin", ["blue", "red", "green"][(number % 3) as usize].to_owned()),
            (EntryKind::Tag, "stage", ["dev", "prod"][usize::from(spread % 50 == 0)].to_owned()),
        ] {
            entries::set(write, kind, run, key, &value)?;
        }
        for (name, value) in [
            ("loss", spread as f64 / 100_003.0),
            ("acc", ((number * 104_729) % 100_019) as f64 / 100_019.0),
            ("epochs", (spread % 100) as f64),
        ] {
            let mut metric = metrics::insert(write, run, name, MetricKind::Scalar, "")?;
            let point = NewPoint { step: None, time_ms: now, value: value.into() };
            metrics::append(write, &mut metric, &[point])?;
        }
    }
    Ok(())
}
