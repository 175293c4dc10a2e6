use std::time::{SystemTime, UNIX_EPOCH};

use lazuli::Result;
use lazuli_commands::table::{Log, LogImage, LogRow};
use lazuli_commands::{Assignment, ValueSource};
use lazuli_domain::{
    ApiError, MetricKind, MetricValue, Number, Run, SpoolRecord, artifact_path, check_key,
};
use serde_json::{Map, Value, json};

use super::start::{self, Start};
use super::upload;
use crate::{Caller, Context, Outcome, Session, Talk, files};

pub(super) fn log(
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
    command: &Log,
) -> Result<Outcome> {
    let mut points = Vec::new();
    for assignment in &command.values {
        check_key("metric", &assignment.name)?;
        points.push((assignment.name.clone(), scalar(text_of(assignment)?)));
    }
    let run = run_to_log(context, session, talk, command.run.as_deref())?;
    for (name, _) in &points {
        may_log(&run, name, MetricKind::Scalar)?;
    }
    let mut logged = Map::new();
    for (name, value) in points {
        logged.insert(name.clone(), json!(value));
        append(context, &run, name, MetricKind::Scalar, value, command.step)?;
    }
    answer(&run, logged)
}

pub(super) fn log_row(
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
    command: &LogRow,
) -> Result<Outcome> {
    check_key("metric", &command.name)?;
    let mut row = Map::new();
    for assignment in &command.values {
        let cell = json!(scalar(text_of(assignment)?));
        if row.insert(assignment.name.clone(), cell).is_some() {
            let message = format!("the column `{}` is given twice", assignment.name);
            return Err(ApiError::invalid(message).hint("give each column one value").into());
        }
    }
    let run = run_to_log(context, session, talk, command.run.as_deref())?;
    may_log(&run, &command.name, MetricKind::Row)?;
    let value = MetricValue::Json(Value::Object(row.clone()));
    append(context, &run, command.name.clone(), MetricKind::Row, value, None)?;
    answer(&run, Map::from_iter([(command.name.clone(), Value::Object(row))]))
}

pub(super) fn log_image(
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
    command: &LogImage,
) -> Result<Outcome> {
    check_key("metric", &command.name)?;
    let place = context.path(&command.file);
    if let Err(error) = std::fs::metadata(&place) {
        return Err(files::missing(&place, &command.file, &error));
    }
    let run = run_to_log(context, session, talk, command.run.as_deref())?;
    may_log(&run, &command.name, MetricKind::Image)?;
    let file_name = place.file_name().and_then(|name| name.to_str()).unwrap_or("picture");
    let artifact = artifact_path(&format!("images/{file_name}"))?;
    upload::put(context, talk, &run.run_id, &[(artifact.clone(), place)])?;
    let value = MetricValue::Json(json!({ "artifact": artifact }));
    append(context, &run, command.name.clone(), MetricKind::Image, value, None)?;
    answer(&run, Map::from_iter([(command.name.clone(), json!({ "artifact": artifact }))]))
}

/// The named run, else the active one, else one that is started now.
pub(super) fn run_to_log(
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
    named: Option<&str>,
) -> Result<Run> {
    let run = match named.or(session.run_id.as_deref()) {
        Some(run) => context.client.run(run)?,
        None if context.caller == Caller::Shell => {
            return Err(ApiError::invalid("a shell has no active run")
                .hint("say which with `--run RUN`, or set `LAZULI_RUN_ID`; `lazuli run start` starts one")
                .into());
        }
        None => {
            let run = start::begin(context, session, Start::default())?;
            talk.note(&format!(
                "no run was active: started run `{}` of experiment `{}`; {} ends it",
                run.run_id,
                run.experiment,
                context.say("run complete")
            ));
            run
        }
    };
    if run.status.is_final() {
        return Err(ended(context, &run));
    }
    Ok(run)
}

fn ended(context: &Context, run: &Run) -> lazuli::Error {
    ApiError::conflict(format!("run `{}` is {} and takes nothing more", run.run_id, run.status))
        .hint(format!("start another one with {}", context.say("run start")))
        .into()
}

/// A metric keeps its kind.
fn may_log(run: &Run, name: &str, kind: MetricKind) -> Result<()> {
    match run.metrics.iter().find(|metric| metric.name == name) {
        Some(metric) if metric.kind != kind => Err(ApiError::conflict(format!(
            "the metric `{name}` of run `{}` is of kind {}, not {kind}",
            run.run_id, metric.kind
        ))
        .hint("log it by another name")
        .into()),
        _ => Ok(()),
    }
}

fn append(
    context: &Context,
    run: &Run,
    name: String,
    kind: MetricKind,
    value: MetricValue,
    step: Option<i64>,
) -> Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let record = SpoolRecord::Metric {
        name,
        kind,
        value,
        step,
        time_ms: since.as_millis() as i64,
        description: String::new(),
    };
    match context.client.append_record(&run.run_id, &record)? {
        true => Ok(()),
        false => Err(ended(context, &context.client.run(&run.run_id)?)),
    }
}

fn text_of(assignment: &Assignment) -> Result<&str> {
    match &assignment.value {
        ValueSource::Text(text) => Ok(text),
        ValueSource::Expression(code) => Err(ApiError::invalid(format!(
            "the value of `{}` is a Rust expression, `{{{code}}}`",
            assignment.name
        ))
        .hint("only a cell of the Rust kernel evaluates those; give a number")
        .into()),
    }
}

/// A number, or as SDK v1 allows, a text.
fn scalar(text: &str) -> MetricValue {
    match text.trim() {
        "true" => MetricValue::Number(Number::Integer(1)),
        "false" => MetricValue::Number(Number::Integer(0)),
        text => match Number::parse(text) {
            Some(number) => MetricValue::Number(number),
            None => MetricValue::Text(text.trim_matches('"').to_owned()),
        },
    }
}

fn answer(run: &Run, logged: Map<String, Value>) -> Result<Outcome> {
    let mut entries = Vec::new();
    for (name, value) in &logged {
        entries.push(match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        });
    }
    let text = format!("logged {} to run `{}`", entries.join(" "), run.run_id);
    Outcome::new(text, &json!({ "run_id": run.run_id, "logged": logged }))
}
