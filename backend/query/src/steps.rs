//! The steps of a definition, planned.

use std::time::SystemTime;

use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, Operator, binary_expr};
use datafusion::prelude::{DataFrame, SessionContext, ident, lit};
use lazuli_domain::{ApiError, SplitPart, TableDefinition, TableStep};

use crate::error::{Result, listed, told, unknown_column};
use crate::ordered::{Pick, sealed};
use crate::tables::time;

/// The frame with all steps of the definition done to it. Rows are counted in the order that
/// `ordered` keeps.
pub async fn take_steps(
    mut frame: DataFrame,
    context: &SessionContext,
    ordered: &SessionState,
    definition: &TableDefinition,
) -> Result<DataFrame> {
    for column in [&definition.timestamp, &definition.partition_timestamp].into_iter().flatten() {
        check_columns(&frame, [column.as_str()])?;
    }
    for step in &definition.steps {
        frame = take(frame, context, ordered, definition, step).await?;
    }
    Ok(frame)
}

async fn take(
    frame: DataFrame,
    context: &SessionContext,
    ordered: &SessionState,
    definition: &TableDefinition,
    step: &TableStep,
) -> Result<DataFrame> {
    let planned = match step {
        TableStep::Skip { count } => seal(frame.limit(size(*count), None), context, ordered, None),
        TableStep::Take { count } => {
            seal(frame.limit(0, Some(size(*count))), context, ordered, None)
        }
        TableStep::Sample { probability, seed } => {
            check_share("probability", *probability)?;
            let pick = Pick { share: *probability, seed: *seed, is_rest: false };
            seal(Ok(frame), context, ordered, Some(pick))
        }
        TableStep::Split { percentage, seed, part } => {
            check_share("percentage", *percentage)?;
            let is_rest = *part == SplitPart::Second;
            let pick = Pick { share: *percentage, seed: *seed, is_rest };
            seal(Ok(frame), context, ordered, Some(pick))
        }
        TableStep::KeepColumns { columns } => {
            check_columns(&frame, columns.iter().map(String::as_str))?;
            if columns.is_empty() {
                return Err(ApiError::invalid("no column is kept").hint("name at least one column"));
            }
            frame.select(columns.iter().map(ident).collect::<Vec<_>>())
        }
        TableStep::DropColumns { columns } => {
            check_columns(&frame, columns.iter().map(String::as_str))?;
            let kept = frame.schema().fields().iter().map(|field| field.name().clone());
            let kept: Vec<Expr> = kept.filter(|name| !columns.contains(name)).map(ident).collect();
            if kept.is_empty() {
                return Err(ApiError::invalid("every column is dropped").hint("keep at least one"));
            }
            frame.select(kept)
        }
        TableStep::Filter { expression } => {
            let filter = frame.parse_sql_expr(expression).map_err(|error| {
                let told = told(&error);
                let message = format!("the filter `{expression}` cannot be used: {}", told.message);
                ApiError { message, ..told }
            })?;
            frame.filter(filter)
        }
        TableStep::TimeRange { start_ms, end_ms, include_boundary } => {
            between(frame, definition, *start_ms, *end_ms, *include_boundary)?
        }
        TableStep::TimeRecent { delta_ms, include_boundary } => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let start = (now.as_millis() as i64).saturating_sub(*delta_ms);
            between(frame, definition, Some(start), None, *include_boundary)?
        }
    };
    planned.map_err(|error| told(&error))
}

type Planned = datafusion::error::Result<DataFrame>;

/// What is planned above does not reach into the frame, so that its rows are counted in order.
fn seal(
    frame: Planned,
    context: &SessionContext,
    ordered: &SessionState,
    pick: Option<Pick>,
) -> Planned {
    let plan = frame?.into_unoptimized_plan();
    context.read_table(sealed(plan, ordered.clone(), pick))
}

fn between(
    frame: DataFrame,
    definition: &TableDefinition,
    start: Option<i64>,
    end: Option<i64>,
    include_boundary: bool,
) -> Result<Planned> {
    let column = definition.timestamp.as_ref().or(definition.partition_timestamp.as_ref());
    let Some(column) = column else {
        return Err(ApiError::invalid("the dataset has no timestamp column to compare")
            .hint("name it with `with_timestamp_columns(timestamp=\"…\")`"));
    };
    check_columns(&frame, [column.as_str()])?;
    let field = frame.schema().field_with_unqualified_name(column).map_err(|error| told(&error))?;
    if !field.data_type().is_temporal() {
        return Err(ApiError::invalid(format!(
            "the timestamp column `{column}` holds {}, not times",
            crate::answer::type_name(field.data_type())
        ))
        .hint(format!(
            "read it as times: `set_column_types={{\"{column}\": DataType.to_datetime(\"%Y-%m-%d\")}}`"
        )));
    }
    let (after, before) = match include_boundary {
        true => (Operator::GtEq, Operator::LtEq),
        false => (Operator::Gt, Operator::Lt),
    };
    let bounds = [(start, after), (end, before)];
    let mut frame = frame;
    for (bound, operator) in bounds {
        let Some(bound) = bound else { continue };
        match frame.filter(binary_expr(ident(column), operator, lit(time(bound)))) {
            Ok(filtered) => frame = filtered,
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(frame))
}

fn check_columns<'a>(frame: &DataFrame, wanted: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let names: Vec<&str> =
        frame.schema().fields().iter().map(|field| field.name().as_str()).collect();
    let unknown: Vec<&str> = wanted.into_iter().filter(|name| !names.contains(name)).collect();
    match unknown.as_slice() {
        [] => Ok(()),
        [one] => Err(unknown_column(one, names)),
        many => {
            let error = unknown_column(many[0], names);
            let message = format!("there are no columns {}", listed(many.iter().copied()));
            Err(ApiError { message, ..error })
        }
    }
}

fn check_share(what: &str, share: f64) -> Result<()> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    Err(ApiError::invalid(format!("the {what} {share} is not between 0 and 1"))
        .hint("0.3 is three of ten rows"))
}

fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
