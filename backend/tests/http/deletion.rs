use axum::http::Method;
use lazuli_domain::{ErrorKind, Event, EventKind, Experiment, Page, Run};
use serde_json::{Value, json};

use crate::support::Daemon;

impl Daemon {
    async fn ended_run(&self, new: Value) -> String {
        let run = self.new_run_with(new).await;
        self.complete(&run.run_id).await.run_id
    }

    async fn delete(&self, path: &str) -> crate::support::Answer {
        self.call(Method::DELETE, path, None).await
    }

    async fn run_ids(&self, query: &str) -> Vec<String> {
        let page: Page<Run> = self.get(&format!("/api/workspaces/default/runs{query}")).await;
        page.items.into_iter().map(|run| run.run_id).collect()
    }

    async fn experiment_names(&self, query: &str) -> Vec<String> {
        let path = format!("/api/workspaces/default/experiments{query}");
        let experiments: Vec<Experiment> = self.get(&path).await;
        experiments.into_iter().map(|experiment| experiment.name).collect()
    }
}

#[tokio::test]
async fn a_deleted_run_is_hidden_until_it_is_restored() {
    let daemon = Daemon::start().await;
    let kept = daemon.ended_run(json!({"experiment": "diabetes"})).await;
    let run = daemon.ended_run(json!({"experiment": "diabetes"})).await;
    let path = format!("/api/runs/{run}");
    let deleted: Run = daemon.delete(&path).await.ok("delete");
    assert!(deleted.deleted_at_ms.is_some());
    let again: Run = daemon.delete(&path).await.ok("again");
    assert_eq!(again.deleted_at_ms, deleted.deleted_at_ms);
    assert_eq!(daemon.run_ids("").await, *std::slice::from_ref(&kept));
    assert_eq!(
        daemon.run_ids("?experiment=diabetes&view=deleted").await,
        *std::slice::from_ref(&run)
    );
    // It can still be looked at, and not changed.
    assert_eq!(daemon.run(&run).await.deleted_at_ms, deleted.deleted_at_ms);
    let refused = daemon.call(Method::PATCH, &path, Some(json!({"set_tags": {"a": "b"}}))).await;
    let refused = refused.refused(409);
    assert_eq!(refused.message, format!("run `{run}` is deleted"));
    assert_eq!(refused.hint, Some(format!("bring it back with `lazuli run restore {run}`")));
    let new = json!({"experiment": "diabetes", "parent_run_id": run});
    daemon.post_refused("/api/workspaces/default/runs", new, 409).await;

    let experiment = "/api/workspaces/default/experiments/diabetes";
    assert_eq!(daemon.get::<Experiment>(experiment).await.runs, 1);
    let restored: Run = daemon.post(&format!("{path}/restore"), Value::Null).await;
    assert_eq!(restored.deleted_at_ms, None);
    daemon.post::<Run>(&format!("{path}/restore"), Value::Null).await;
    assert_eq!(daemon.run_ids("").await, [run, kept]);
    assert_eq!(daemon.get::<Experiment>(experiment).await.runs, 2);
}

#[tokio::test]
async fn what_goes_on_is_not_deleted() {
    let daemon = Daemon::start().await;
    let parent = daemon.ended_run(json!({"experiment": "sweep"})).await;
    let child =
        daemon.new_run_with(json!({"experiment": "sweep", "parent_run_id": parent})).await.run_id;
    for (path, message) in [
        (format!("/api/runs/{child}"), format!("run `{child}` cannot be deleted while it goes on")),
        (
            format!("/api/runs/{parent}"),
            format!("run `{parent}` cannot be deleted while run `{child}` below it goes on"),
        ),
        (
            "/api/workspaces/default/experiments/sweep".to_owned(),
            format!("the experiment `sweep` cannot be deleted while run `{child}` goes on"),
        ),
    ] {
        let refused = daemon.delete(&path).await.refused(409);
        assert_eq!((refused.kind, refused.message), (ErrorKind::Conflict, message));
        let hint = format!("end it first: `lazuli run cancel {child}`, or `run complete`");
        assert_eq!(refused.hint, Some(hint));
    }
    assert_eq!(daemon.run_ids("").await, [child, parent]);
    assert_eq!(daemon.run_ids("?view=deleted").await, [""; 0]);
}

#[tokio::test]
async fn runs_below_go_and_come_back_with_theirs() {
    let daemon = Daemon::start().await;
    let top = daemon.ended_run(json!({"experiment": "sweep"})).await;
    let middle = daemon.ended_run(json!({"experiment": "sweep", "parent_run_id": top})).await;
    let early = daemon.ended_run(json!({"experiment": "sweep", "parent_run_id": top})).await;
    let low = daemon.ended_run(json!({"experiment": "other", "parent_run_id": middle})).await;
    daemon.delete(&format!("/api/runs/{early}")).await.ok::<Run>("early");
    daemon.delete(&format!("/api/runs/{top}")).await.ok::<Run>("top");
    assert_eq!(daemon.run_ids("").await, [""; 0]);
    daemon.post::<Run>(&format!("/api/runs/{top}/restore"), Value::Null).await;
    assert_eq!(daemon.run_ids("").await, [low, middle, top]);
    assert_eq!(daemon.run_ids("?view=deleted").await, [early]);
    for (name, runs) in [("sweep", 2), ("other", 1)] {
        let path = format!("/api/workspaces/default/experiments/{name}");
        assert_eq!(daemon.get::<Experiment>(&path).await.runs, runs, "{name}");
    }
}

#[tokio::test]
async fn a_deleted_experiment_hides_its_runs() {
    let daemon = Daemon::start().await;
    let early = daemon.ended_run(json!({"experiment": "a / b"})).await;
    let run = daemon.ended_run(json!({"experiment": "a / b"})).await;
    let other = daemon.ended_run(json!({"experiment": "other"})).await;
    daemon.delete(&format!("/api/runs/{early}")).await.ok::<Run>("early");
    let path = "/api/workspaces/default/experiments/a%20%2F%20b";
    let deleted: Experiment = daemon.delete(path).await.ok("delete");
    assert_eq!((deleted.runs, deleted.deleted_at_ms.is_some()), (0, true));
    assert_eq!(daemon.experiment_names("").await, ["other"]);
    assert_eq!(daemon.experiment_names("?view=deleted").await, ["a / b"]);
    assert_eq!(daemon.run_ids("").await, *std::slice::from_ref(&other));
    assert_eq!(daemon.run_ids("?view=deleted").await, [run.clone(), early.clone()]);

    let new = json!({"experiment": "a / b"});
    let refused = daemon.post_refused("/api/workspaces/default/runs", new, 409).await;
    assert_eq!(refused.message, "the experiment `a / b` is deleted");
    let refused = daemon.post_refused(&format!("/api/runs/{run}/restore"), Value::Null, 409).await;
    assert_eq!(
        refused.message,
        format!("run `{run}` belongs to the experiment `a / b`, which is deleted")
    );

    let restored: Experiment = daemon.post(&format!("{path}/restore"), Value::Null).await;
    assert_eq!((restored.runs, restored.deleted_at_ms), (1, None));
    assert_eq!(daemon.run_ids("").await, [other, run]);
    assert_eq!(daemon.run_ids("?view=deleted").await, [early]);
    assert_eq!(daemon.experiment_names("").await, ["a / b", "other"]);
}

#[tokio::test]
async fn deletion_is_an_event() {
    let daemon = Daemon::start().await;
    let run = daemon.ended_run(json!({"experiment": "diabetes"})).await;
    let before = *daemon.app.store.recent().last().borrow();
    let path = format!("/api/runs/{run}");
    let experiment = "/api/workspaces/default/experiments/diabetes";
    daemon.delete(&path).await.ok::<Run>("delete");
    daemon.delete(&path).await.ok::<Run>("again");
    daemon.post::<Run>(&format!("{path}/restore"), Value::Null).await;
    daemon.delete(experiment).await.ok::<Experiment>("delete");
    daemon.post::<Experiment>(&format!("{experiment}/restore"), Value::Null).await;
    let everything = Default::default();
    let events: Vec<Event> = daemon
        .app
        .store
        .read(move |database| {
            lazuli_backend::store::events::after(database, before, &everything, 10)
        })
        .await
        .unwrap();
    let kinds: Vec<EventKind> = events.into_iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::RunDeleted,
            EventKind::RunRestored,
            EventKind::ExperimentDeleted,
            EventKind::ExperimentRestored
        ]
    );
}

#[tokio::test]
async fn what_does_not_exist_is_not_deleted() {
    let daemon = Daemon::start().await;
    daemon.delete("/api/runs/nothing_1").await.refused(404);
    daemon.post_refused("/api/runs/nothing_1/restore", Value::Null, 404).await;
    daemon.ended_run(json!({"experiment": "diabetes"})).await;
    let refused = daemon.delete("/api/workspaces/default/experiments/diabets").await.refused(404);
    assert_eq!(refused.hint.as_deref(), Some("did you mean `diabetes`?"));
}
