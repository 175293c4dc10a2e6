use std::path::Path;

use lazuli_domain::{
    ApiError, ErrorKind, MetricKind, MetricValue, RunPatch, SpoolRecord, check_key, check_name,
};
use serde_json::{Value, json};

use super::Run;
use crate::client::Client;
use crate::metric_value::{self, IntoMetricValue, check_document, json_value};
use crate::spool::{self, Appended};
use crate::{Error, Result};

impl Run {
    /// Logs a number or a text; logging it again makes it a series.
    ///
    /// ```no_run
    /// # use lazuli::prelude::*;
    /// # let run = Run::get_context()?;
    /// for epoch in 0..10 {
    ///     run.log("loss", 1.0 / (epoch + 1) as f64)?;
    /// }
    /// # Ok::<(), lazuli::Error>(())
    /// ```
    pub fn log(&self, name: &str, value: impl IntoMetricValue) -> Result<()> {
        self.log_value(name, MetricKind::Scalar, value.into_metric_value(), None)
    }

    /// The same at a step of the caller's; otherwise the steps are counted 0, 1, 2 …
    pub fn log_at_step(&self, name: &str, value: impl IntoMetricValue, step: i64) -> Result<()> {
        self.log_value(name, MetricKind::Scalar, value.into_metric_value(), Some(step))
    }

    /// Logs a list: `run.log_list("accuracies", [0.6, 0.7, 0.87])?`.
    pub fn log_list<T: IntoMetricValue>(
        &self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Result<()> {
        let values = values.into_iter().map(json_value).collect();
        self.log_json(name, MetricKind::List, Value::Array(values))
    }

    /// Logs one row; logging it again adds a row: `run.log_row("xy", [("x", 1.0), ("y", 0.4)])?`.
    /// Columns of several types: `[("x", MetricValue::from(1.0)), ("solver", "lbfgs".into())]`.
    pub fn log_row<'a, T: IntoMetricValue>(
        &self,
        name: &str,
        columns: impl IntoIterator<Item = (&'a str, T)>,
    ) -> Result<()> {
        let columns: Vec<(String, Value)> = columns
            .into_iter()
            .map(|(column, value)| (column.to_owned(), json_value(value)))
            .collect();
        if columns.is_empty() {
            return Err(metric_value::no_columns(name, "log_row"));
        }
        let row = metric_value::object(name, columns.into_iter())?;
        self.log_json(name, MetricKind::Row, row)
    }

    /// Logs a table by its columns: `run.log_table("t", [("x", vec![1, 2]), ("y", vec![3, 4])])?`.
    pub fn log_table<'a, T: IntoMetricValue>(
        &self,
        name: &str,
        columns: impl IntoIterator<Item = (&'a str, Vec<T>)>,
    ) -> Result<()> {
        let columns = columns
            .into_iter()
            .map(|(column, cells)| (column.to_owned(), cells.into_iter().map(json_value).collect()))
            .collect();
        self.log_json(name, MetricKind::Table, metric_value::table(name, columns)?)
    }

    /// Keeps an image file with the run and logs it.
    pub fn log_image(&self, name: &str, file: impl AsRef<Path>) -> Result<()> {
        check_key("metric", name)?;
        let file = file.as_ref();
        let stem: String = name
            .chars()
            .take(100)
            .map(|character| match character {
                '-' | '_' | '.' => character,
                character if character.is_alphanumeric() => character,
                _ => '_',
            })
            .collect();
        let stem = stem.trim_matches('.');
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or("png");
        // The time keeps images of one name apart.
        let artifact = format!("images/{stem}_{}.{extension}", crate::time::now_ms());
        self.upload_file(&artifact, file)?;
        self.log_json(name, MetricKind::Image, json!({ "artifact": artifact }))
    }

    /// Logs SDK v1's confusion matrix; [`crate::confusion_matrix`] makes one of counts.
    pub fn log_confusion_matrix(&self, name: &str, value: impl Into<Value>) -> Result<()> {
        self.log_document(name, MetricKind::ConfusionMatrix, value.into())
    }

    /// Logs SDK v1's accuracy table: `json!({"schema_type": "accuracy_table", ..})`.
    pub fn log_accuracy_table(&self, name: &str, value: impl Into<Value>) -> Result<()> {
        self.log_document(name, MetricKind::AccuracyTable, value.into())
    }

    /// Logs SDK v1's predictions: `json!({"schema_type": "predictions", ..})`.
    pub fn log_predictions(&self, name: &str, value: impl Into<Value>) -> Result<()> {
        self.log_document(name, MetricKind::Predictions, value.into())
    }

    /// Logs SDK v1's residuals: `json!({"schema_type": "residuals", ..})`.
    pub fn log_residuals(&self, name: &str, value: impl Into<Value>) -> Result<()> {
        self.log_document(name, MetricKind::Residuals, value.into())
    }

    /// Sets a tag; a run that has ended may be tagged, too.
    pub fn tag(&self, key: &str, value: &str) -> Result<()> {
        check_name("tag", key)?;
        let record = SpoolRecord::Tag { key: key.to_owned(), value: value.to_owned() };
        match self.append(&record)? {
            Appended::Yes => Ok(()),
            Appended::NoSuchRun => self.update(&RunPatch {
                set_tags: [(key.to_owned(), value.to_owned())].into(),
                ..RunPatch::default()
            }),
        }
    }

    /// Says what the run was started with; each key is written once.
    pub fn set_parameter(&self, key: &str, value: impl std::fmt::Display) -> Result<()> {
        check_key("parameter", key)?;
        self.record(&SpoolRecord::Parameter { key: key.to_owned(), value: value.to_string() })
    }

    /// Adds a property; each key is written once and never changes, hence the daemon is asked.
    pub fn add_property(&self, key: &str, value: &str) -> Result<()> {
        check_name("property", key)?;
        self.update(&RunPatch {
            add_properties: [(key.to_owned(), value.to_owned())].into(),
            ..RunPatch::default()
        })
    }

    fn log_document(&self, name: &str, kind: MetricKind, value: Value) -> Result<()> {
        check_key("metric", name)?;
        check_document(kind, name, &value)?;
        self.log_json(name, kind, value)
    }

    fn log_json(&self, name: &str, kind: MetricKind, value: Value) -> Result<()> {
        self.log_value(name, kind, MetricValue::Json(value), None)
    }

    fn log_value(
        &self,
        name: &str,
        kind: MetricKind,
        value: MetricValue,
        step: Option<i64>,
    ) -> Result<()> {
        check_key("metric", name)?;
        self.record(&SpoolRecord::Metric {
            name: name.to_owned(),
            kind,
            value,
            step,
            time_ms: crate::time::now_ms(),
            description: String::new(),
        })
    }

    fn record(&self, record: &SpoolRecord) -> Result<()> {
        match self.append(record)? {
            Appended::Yes => Ok(()),
            Appended::NoSuchRun => Err(self.takes_no_records()),
        }
    }

    fn append(&self, record: &SpoolRecord) -> Result<Appended> {
        spool::append(&self.home.spool_file(&self.run_id), record)
    }

    /// Why there is no spool file. No daemon is started for that.
    fn takes_no_records(&self) -> Error {
        let run_id = &self.run_id;
        let known = Client::connect_existing_to(&self.home)
            .and_then(|client| client.map(|client| client.run(run_id)).transpose());
        let hint = "start a new run with `experiment.start_logging()`";
        match known {
            Ok(Some(run)) if run.status.is_final() => {
                let message = format!(
                    "run `{run_id}` has ended ({}); nothing more can be logged",
                    run.status
                );
                ApiError::conflict(message).hint(hint).into()
            }
            Err(error) if error.kind() == ErrorKind::NotFound => error,
            _ => ApiError::conflict(format!("run `{run_id}` takes no records, it has ended"))
                .hint(hint)
                .into(),
        }
    }
}
