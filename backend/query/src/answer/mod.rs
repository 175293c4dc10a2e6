//! From a query to its answer.

mod count;
mod preview;
mod profile;
mod rows;
mod sketch;
mod write;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::TableReference;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::{FetchType, LogicalPlan};
use datafusion::prelude::{DataFrame, SessionContext};
use lazuli_domain::{ApiError, QueryJob, ResolvedTable, TableAsk, TableColumn, TableStep};

use crate::config::Config;
use crate::error::{Failure, Result, internal};
use crate::frames::Frames;
use crate::session;
use crate::steps::take_steps;
use crate::stores::Stores;
use crate::tables::{Depth, Looks, Opening, is_certain};

/// Rows that fit into what is held back before the first ones are sent.
const FEW: usize = 20_000;

/// What lasts from query to query.
pub struct Worker {
    config: Config,
    looks: Looks,
}

/// A planned query.
struct Planned {
    frame: DataFrame,
    /// Rows may come in any order: they are counted or aggregated.
    is_unordered: bool,
    /// Nothing is sent before everything, or a little, has been read.
    begins_late: bool,
}

impl Worker {
    pub fn new(config: Config) -> Worker {
        Worker { config, looks: Looks::default() }
    }

    /// Sends the answer, but not its end.
    pub async fn answer(&mut self, job: QueryJob, frames: &Frames) -> Result<()> {
        match self.attempt(&job, frames, Depth::Some).await {
            // Nothing has been sent: see `rows`.
            Err(Failure::Unfit(_)) => match self.attempt(&job, frames, Depth::All).await {
                Ok(()) => Ok(()),
                Err(Failure::Unfit(error) | Failure::Told(error)) => Err(error),
            },
            Err(Failure::Told(error)) => Err(error),
            Ok(()) => Ok(()),
        }
    }

    async fn attempt(
        &mut self,
        job: &QueryJob,
        frames: &Frames,
        depth: Depth,
    ) -> Result<(), Failure> {
        let runtime = session::runtime(self.config.memory, &self.config.folder)?;
        let (quick, ordered) = (session::quick(&runtime), session::ordered(&runtime));
        let mut stores = Stores::new(job.datastores.clone(), &self.config.folder);
        // What is sent as it is read cannot be taken back, so its types must be certain.
        let certain = job.tables.values().all(is_certain);
        let asks_all = matches!(job.ask, TableAsk::Columns) && !certain;
        let mut depth = if asks_all { Depth::All } else { depth };
        let mut planned = self.plan(job, &ordered, &mut stores, depth).await?;
        let sends_early = matches!(job.ask, TableAsk::Rows) && !planned.begins_late;
        if sends_early && !certain && depth == Depth::Some {
            depth = Depth::All;
            planned = self.plan(job, &ordered, &mut stores, depth).await?;
        }
        let is_unordered = planned.is_unordered
            || matches!(job.ask, TableAsk::Count | TableAsk::Profile | TableAsk::Columns);
        let context = if is_unordered { quick } else { ordered };
        let (_, plan) = planned.frame.into_parts();
        let frame = DataFrame::new(context.state(), plan);
        match &job.ask {
            TableAsk::Rows => rows::send(frame, frames).await,
            TableAsk::Columns => {
                let columns = columns(&frame);
                json(frames, &serde_json::json!({ "columns": columns }))
            }
            TableAsk::Count => json(frames, &count::of(frame).await?),
            TableAsk::Preview { rows } => json(frames, &preview::of(frame, *rows).await?),
            TableAsk::Profile => json(frames, &profile::of(frame).await?),
            TableAsk::Write { datastore, path, format } => {
                let written = write::to(frame, &mut stores, datastore, path, format).await?;
                json(frames, &serde_json::json!({ "files": written }))
            }
        }
    }

    async fn plan(
        &mut self,
        job: &QueryJob,
        context: &SessionContext,
        stores: &mut Stores,
        depth: Depth,
    ) -> Result<Planned, Failure> {
        let mut opening = Opening { stores, looks: &mut self.looks, depth };
        let Some(sql) = &job.sql else {
            let mut tables = job.tables.values();
            let (Some(table), None) = (tables.next(), tables.next()) else {
                return Err(internal("a query without SQL has one table").into());
            };
            let frame = opened(&mut opening, context, table).await?;
            let takes_few = table
                .definition
                .steps
                .iter()
                .any(|step| matches!(step, TableStep::Take { count } if *count <= FEW as u64));
            return Ok(Planned { frame, is_unordered: false, begins_late: takes_few });
        };
        for (name, table) in &job.tables {
            let frame = opened(&mut opening, context, table).await.map_err(|error| ApiError {
                message: format!("the dataset `{name}`: {}", error.message),
                ..error
            })?;
            let name = TableReference::bare(name.as_str());
            // Opened again when more has to be looked at.
            context.deregister_table(name.clone())?;
            context.register_table(name, frame.into_view())?;
        }
        let names: Vec<&str> = job.tables.keys().map(String::as_str).collect();
        let sql = lazuli_domain::quote_tables(sql, &names);
        let only_select = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let frame = context.sql_with_options(&sql, only_select).await?;
        let (is_unordered, begins_late) = shape(frame.logical_plan());
        Ok(Planned { frame, is_unordered, begins_late })
    }
}

async fn opened(
    opening: &mut Opening<'_>,
    context: &SessionContext,
    table: &ResolvedTable,
) -> Result<DataFrame> {
    let frame = opening.open(context, table).await?;
    // The context is the ordered one.
    take_steps(frame, context, &context.state(), &table.definition).await
}

/// Whether the order of what the plan reads does not matter, and whether it sends nothing before it has
/// read everything, or little.
fn shape(plan: &LogicalPlan) -> (bool, bool) {
    match plan {
        LogicalPlan::Aggregate(_) | LogicalPlan::Sort(_) => (true, true),
        LogicalPlan::Limit(limit) => {
            let (unordered, late) = shape(&limit.input);
            let few = matches!(limit.get_fetch_type(), Ok(FetchType::Literal(Some(count))) if count <= FEW);
            (unordered, late || few)
        }
        LogicalPlan::Projection(projection) => shape(&projection.input),
        LogicalPlan::Filter(filter) => shape(&filter.input),
        LogicalPlan::SubqueryAlias(alias) => shape(&alias.input),
        LogicalPlan::Distinct(_) => (false, false),
        _ => (false, false),
    }
}

fn json(frames: &Frames, value: &impl serde::Serialize) -> Result<(), Failure> {
    Ok(frames.data(&serde_json::to_vec(value).map_err(internal)?)?)
}

fn columns(frame: &DataFrame) -> Vec<TableColumn> {
    frame
        .schema()
        .fields()
        .iter()
        .map(|field| TableColumn {
            name: field.name().clone(),
            data_type: type_name(field.data_type()),
        })
        .collect()
}

/// As [`TableColumn`] has it.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean".into(),
        any if any.is_integer() => "integer".into(),
        any if any.is_floating() => "float".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".into(),
        DataType::Timestamp(..) => "datetime".into(),
        DataType::Dictionary(_, values) => type_name(values),
        other => other.to_string(),
    }
}
