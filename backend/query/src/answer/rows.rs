//! All rows as an Arrow IPC stream.

use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::common::Column;
use datafusion::prelude::{DataFrame, Expr, cast};
use futures_util::TryStreamExt;

use crate::error::{Failure, internal};
use crate::frames::Frames;

/// Held back until so much is there: what has not been sent can be done again.
const HELD: usize = 4 << 20;
/// Sent at once.
const PIECE: usize = 1 << 20;

pub async fn send(frame: DataFrame, frames: &Frames) -> Result<(), Failure> {
    let mut batches = without_views(frame)?.execute_stream().await?;
    let written = |error: ArrowError| Failure::Told(internal(error));
    let mut writer = StreamWriter::try_new(Vec::new(), &batches.schema()).map_err(written)?;
    let mut has_begun = false;
    loop {
        let batch = match batches.try_next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(error) => {
                return Err(match (Failure::from(error), has_begun) {
                    (Failure::Unfit(error), true) => Failure::Told(error),
                    (failure, _) => failure,
                });
            }
        };
        writer.write(&batch).map_err(written)?;
        if writer.get_ref().len() >= if has_begun { PIECE } else { HELD } {
            has_begun = true;
            frames.data(writer.get_ref())?;
            writer.get_mut().clear();
        }
    }
    writer.finish().map_err(written)?;
    Ok(frames.data(writer.get_ref())?)
}

/// Readers of Arrow know plain text longer than they know views of it.
fn without_views(frame: DataFrame) -> Result<DataFrame, Failure> {
    let plain = |data_type: &DataType| match data_type {
        DataType::Utf8View => Some(DataType::Utf8),
        DataType::BinaryView => Some(DataType::Binary),
        _ => None,
    };
    if !frame.schema().fields().iter().any(|field| plain(field.data_type()).is_some()) {
        return Ok(frame);
    }
    let columns = frame.schema().iter().map(|(table, field)| {
        let column = Expr::Column(Column::new(table.cloned(), field.name()));
        match plain(field.data_type()) {
            Some(plain) => cast(column, plain).alias_qualified(table.cloned(), field.name()),
            None => column,
        }
    });
    let columns: Vec<Expr> = columns.collect();
    Ok(frame.select(columns)?)
}
