//! Keeps what is known of the workspace up to date: one thread that asks the daemon and hears its
//! events. Without a daemon it says so once, waits, and comes back by itself; it never starts one.

use std::collections::{BTreeSet, HashMap};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use lazuli::Result;
use lazuli::client::{Client, EventQuery, RunQuery};
use lazuli_actions::count;
use lazuli_commands::NameKind;
use lazuli_domain::{Event, EventKind};

use crate::names::{self, Names, RUNS, RunNote};

const WITHOUT_DAEMON: Duration = Duration::from_millis(500);
/// What changes many times is fetched once.
const SETTLE: Duration = Duration::from_millis(150);
/// A training that logs all the time is looked at so often.
const BETWEEN: Duration = Duration::from_millis(700);
const LOOK_FOR_ORDERS: Duration = Duration::from_millis(250);
/// Of so many runs it is known which script they run.
const WITH_SCRIPT: usize = 60;
/// What no event tells is asked again after so long.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// What the main loop is told.
pub enum News {
    Names(Box<Names>),
    Daemon(Daemon),
    Event(Box<Event>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Daemon {
    Running,
    Absent { message: Option<String> },
}

/// What the main loop wants.
pub enum Order {
    Workspace(String),
    /// Ask the daemon again, now.
    Refresh,
}

pub fn watch(workspace: String, orders: &Receiver<Order>, tell: &dyn Fn(News) -> bool) {
    let mut workspace = workspace;
    let mut told: Option<Daemon> = None;
    loop {
        let ended = match follow(&mut workspace, orders, tell, &mut told) {
            Ok(ended) => ended,
            Err(error) => {
                let absent = Daemon::Absent { message: Some(error.to_string()) };
                // The same daemon may be gone for a long time, for changing reasons.
                if !matches!(told, Some(Daemon::Absent { .. })) {
                    told = Some(absent.clone());
                    if !tell(News::Daemon(absent)) {
                        return;
                    }
                }
                false
            }
        };
        if ended {
            return;
        }
        match orders.recv_timeout(WITHOUT_DAEMON) {
            Ok(Order::Workspace(other)) => workspace = other,
            Ok(Order::Refresh) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Follows the daemon that runs now; true when nobody listens any more.
fn follow(
    workspace: &mut String,
    orders: &Receiver<Order>,
    tell: &dyn Fn(News) -> bool,
    told: &mut Option<Daemon>,
) -> Result<bool> {
    let Some(client) = Client::connect_existing()? else {
        if !matches!(told, Some(Daemon::Absent { .. })) {
            let absent = Daemon::Absent { message: None };
            *told = Some(absent.clone());
            return Ok(!tell(News::Daemon(absent)));
        }
        return Ok(false);
    };
    // Open before the first look, so that nothing happens unseen between the two.
    let mut events = client.events(&EventQuery::default())?.without_starting();
    let mut names = Names::default();
    let mut scripts = Scripts::default();
    refresh(&client, workspace, &all_kinds(), &mut names, &mut scripts)?;
    if *told != Some(Daemon::Running) {
        *told = Some(Daemon::Running);
        if !tell(News::Daemon(Daemon::Running)) {
            return Ok(true);
        }
    }
    if !tell(News::Names(Box::new(names.clone()))) {
        return Ok(true);
    }
    let mut asked = Instant::now();
    let mut refreshed = asked;
    loop {
        let mut stale = match orders.try_recv() {
            Ok(Order::Workspace(other)) => {
                *workspace = other;
                names = Names::default();
                all_kinds()
            }
            Ok(Order::Refresh) => WITHOUT_EVENTS.map(kind_number).into(),
            Err(TryRecvError::Empty) => BTreeSet::new(),
            Err(TryRecvError::Disconnected) => return Ok(true),
        };
        let mut patience = if stale.is_empty() { LOOK_FOR_ORDERS } else { Duration::ZERO };
        // The first event, and then what comes with it.
        let mut settled = None;
        while let Some(event) = events.next_within(patience)? {
            if event.workspace == *workspace {
                stale.extend(touched(&event.kind).iter().map(|kind| kind_number(*kind)));
            }
            stale.extend(
                touches_workspaces(&event.kind).then_some(kind_number(NameKind::Workspace)),
            );
            if !tell(News::Event(Box::new(event))) {
                return Ok(true);
            }
            let until =
                *settled.get_or_insert_with(|| (Instant::now() + SETTLE).max(refreshed + BETWEEN));
            patience = until.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                break;
            }
        }
        if asked.elapsed() > ASK_AGAIN {
            asked = Instant::now();
            stale.extend(WITHOUT_EVENTS.map(kind_number));
        }
        if !stale.is_empty() {
            refresh(&client, workspace, &stale, &mut names, &mut scripts)?;
            refreshed = Instant::now();
            if !tell(News::Names(Box::new(names.clone()))) {
                return Ok(true);
            }
        }
    }
}

const KINDS: [NameKind; 9] = [
    NameKind::Workspace,
    NameKind::Experiment,
    NameKind::Run,
    NameKind::Model,
    NameKind::Dataset,
    NameKind::Datastore,
    NameKind::Compute,
    NameKind::Environment,
    NameKind::Secret,
];

/// Nothing tells that these have changed.
const WITHOUT_EVENTS: [NameKind; 5] = [
    NameKind::Workspace,
    NameKind::Datastore,
    NameKind::Compute,
    NameKind::Environment,
    NameKind::Secret,
];

fn all_kinds() -> BTreeSet<usize> {
    (0..KINDS.len()).collect()
}

fn kind_number(kind: NameKind) -> usize {
    KINDS.iter().position(|known| *known == kind).unwrap_or_default()
}

fn touched(event: &EventKind) -> &'static [NameKind] {
    match event.as_str().split('_').next().unwrap_or_default() {
        "run" => &[NameKind::Run, NameKind::Experiment, NameKind::Compute],
        "metrics" => &[NameKind::Run],
        "experiment" => &[NameKind::Experiment, NameKind::Run],
        "model" => &[NameKind::Model],
        "dataset" => &[NameKind::Dataset],
        "log" | "artifact" => &[],
        _ => &KINDS,
    }
}

fn touches_workspaces(event: &EventKind) -> bool {
    use EventKind::{ModelDeleted, ModelRegistered};
    changes_count(event) || matches!(event, ModelRegistered { .. } | ModelDeleted { .. })
}

/// Whether the workspace has more or fewer runs now.
pub fn changes_count(event: &EventKind) -> bool {
    use EventKind::{ExperimentDeleted, ExperimentRestored, RunCreated, RunDeleted, RunRestored};
    matches!(event, RunCreated | RunDeleted | RunRestored | ExperimentDeleted | ExperimentRestored)
}

/// Which script a run runs, by its id; none for a run that runs none.
type Scripts = HashMap<String, Option<String>>;

fn refresh(
    client: &Client,
    workspace: &str,
    kinds: &BTreeSet<usize>,
    names: &mut Names,
    scripts: &mut Scripts,
) -> Result<()> {
    names.workspace = workspace.to_owned();
    for kind in kinds.iter().map(|number| KINDS[*number]) {
        fetch(client, workspace, kind, names)?;
        if kind == NameKind::Run {
            find_scripts(client, names, scripts)?;
        }
    }
    names.is_known = true;
    give_back();
    Ok(())
}

/// Long answers of the daemon leave much free memory between what is kept of them, which the
/// allocator would hold for ever.
fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it touches nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The newest runs are told which script they run, so that a script knows its last run.
fn find_scripts(client: &Client, names: &mut Names, scripts: &mut Scripts) -> Result<()> {
    scripts.retain(|run_id, _| names.runs.iter().any(|run| run.run_id == *run_id));
    for run in names.runs.iter_mut().take(WITH_SCRIPT) {
        if !run.is_submitted {
            continue;
        }
        if !scripts.contains_key(&run.run_id) {
            let script = client.job(&run.run_id)?.spec.script;
            scripts.insert(run.run_id.clone(), Some(script));
        }
        run.script = scripts.get(&run.run_id).cloned().flatten();
    }
    Ok(())
}

fn fetch(client: &Client, workspace: &str, kind: NameKind, names: &mut Names) -> Result<()> {
    let entries = match kind {
        NameKind::Workspace => client
            .workspaces()?
            .into_iter()
            .map(|found| {
                names::plain(found.name, format!("workspace, {}", count(found.runs, "run")))
            })
            .collect(),
        NameKind::Experiment => client
            .experiments(workspace)?
            .into_iter()
            .map(|found| {
                names::plain(found.name, format!("experiment, {}", count(found.runs, "run")))
            })
            .collect(),
        NameKind::Run => {
            let query = RunQuery { limit: Some(RUNS), ..RunQuery::default() };
            let runs = client.runs(workspace, &query)?.items;
            names.runs = runs.iter().map(RunNote::of).collect();
            let about = |run: &RunNote| format!("{}, {}", run.name, run.in_brief());
            names.runs.iter().map(|run| names::plain(run.run_id.clone(), about(run))).collect()
        }
        NameKind::Model => names::models(&client.models(workspace, None)?),
        NameKind::Dataset => client.datasets(workspace, "")?.iter().map(names::dataset).collect(),
        NameKind::Datastore => client
            .datastores(workspace)?
            .into_iter()
            .map(|found| names::plain(found.name, format!("datastore, {}", found.place.in_words())))
            .collect(),
        NameKind::Compute => {
            client.compute_targets(workspace)?.iter().map(names::compute).collect()
        }
        NameKind::Environment => {
            client.environments(workspace, true)?.iter().map(names::environment).collect()
        }
        NameKind::Secret => client
            .secrets(workspace)?
            .into_iter()
            .map(|found| names::plain(found.name, "secret"))
            .collect(),
        NameKind::Metric | NameKind::File | NameKind::Artifact | NameKind::Command => Vec::new(),
    };
    names.set(kind, entries);
    Ok(())
}
