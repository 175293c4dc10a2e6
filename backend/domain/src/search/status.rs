use crate::RunStatus;

/// The word MLflow's clients know a status by.
pub fn mlflow_status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::NotStarted | RunStatus::Queued | RunStatus::Preparing => "SCHEDULED",
        RunStatus::Running | RunStatus::Finalizing | RunStatus::CancelRequested => "RUNNING",
        RunStatus::Completed => "FINISHED",
        RunStatus::Failed => "FAILED",
        RunStatus::Canceled => "KILLED",
    }
}

/// The statuses a filter means by `word`; empty when it is no such word.
///
/// MLflow's words in capitals stand for every status that its clients see under that word:
/// `RUNNING` is Running, Finalizing and CancelRequested. Every other spelling is ours where we
/// have the word (`Running`, `running`: just that one), else MLflow's (`finished`). The tree of a
/// filter holds only our names, so that a store compares what it has stored.
pub fn statuses(word: &str) -> Vec<RunStatus> {
    let exactly = all(|status| mlflow_status(status) == word);
    if !exactly.is_empty() {
        return exactly;
    }
    match RunStatus::parse(word) {
        Some(status) => vec![status],
        None => all(|status| mlflow_status(status).eq_ignore_ascii_case(word)),
    }
}

/// The statuses whose name, ours or MLflow's, is like the pattern. Decided here and not by the
/// store, because the store knows our names only.
pub(super) fn statuses_like(pattern: &str, ignore_case: bool) -> Vec<RunStatus> {
    all(|status| {
        [status.as_str(), mlflow_status(status)].into_iter().any(|name| match ignore_case {
            true => is_like(&name.to_lowercase(), &pattern.to_lowercase()),
            false => is_like(name, pattern),
        })
    })
}

/// Every word a status compares with, for messages and completion.
pub(super) fn words() -> Vec<&'static str> {
    let ours = RunStatus::ALL.into_iter().map(RunStatus::as_str);
    ours.chain(["SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED"]).collect()
}

fn all(holds: impl Fn(RunStatus) -> bool) -> Vec<RunStatus> {
    RunStatus::ALL.into_iter().filter(|status| holds(*status)).collect()
}

/// SQL's LIKE. Goes back to the last `%` only, so it is never worse than pattern times text.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut next) = (0, 0);
    let mut last_percent: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(next) {
            Some('%') => {
                last_percent = Some((next, at));
                next += 1;
            }
            Some(wanted) if *wanted == '_' || *wanted == text[at] => {
                at += 1;
                next += 1;
            }
            _ => {
                let Some((percent, taken)) = last_percent else { return false };
                last_percent = Some((percent, taken + 1));
                at = taken + 1;
                next = percent + 1;
            }
        }
    }
    pattern[next..].iter().all(|rest| *rest == '%')
}
