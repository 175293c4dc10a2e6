//! Tables of text: delimited files, JSON lines, and what databases answer.
//!
//! Files are read in order and ahead ([`read`]), each block of whole records is cut and read by any
//! core ([`delimited`], [`json_lines`]), and the results leave in the order of the blocks. Which type
//! a column has is found by looking at the beginning of some files; when a later value does not fit,
//! [`Unfit`] says so, and the query looks at all of them and begins again.

pub mod columns;
pub mod delimited;
pub mod encoding;
pub mod json_lines;
pub mod read;
pub mod split;
pub mod values;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures_util::{Stream, StreamExt, TryStreamExt};
use lazuli_domain::ApiError;

use crate::error::{Result, carried, internal};
use crate::extras::Extras;
use columns::Column;
use delimited::{Delimited, Layout};
use json_lines::{JsonLines, Keys};
use read::{Block, Cutting, Origin, blocks};
use values::Seen;

/// Text and how it is read; clones are the same table.
#[derive(Clone, Debug)]
pub struct Text {
    pub origins: Arc<[Origin]>,
    pub extras: Arc<Extras>,
    pub cutting: Cutting,
    pub format: Format,
}

#[derive(Clone, Debug)]
pub enum Format {
    Delimited(Delimited),
    JsonLines(JsonLines),
}

/// Why a block could not be read; the places count from the block's beginning, its header aside.
#[derive(Debug)]
pub struct Broken {
    pub record: usize,
    pub line: usize,
    pub what: What,
}

#[derive(Debug)]
pub enum What {
    FieldCount { found: usize, wanted: usize },
    OpenQuote,
    NotUtf8,
    NoJson { error: String },
    NewColumn { name: String },
    Unfit { column: usize, value: String },
}

/// A value that a column's type, found by looking at a part of the data, has no place for. The query
/// that meets it looks at all of the data and begins again; if it cannot any more, this is said.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub ApiError);

/// What was found by looking: names (of JSON), and the kinds of values of each column.
pub struct Look {
    pub names: Vec<String>,
    pub seen: Vec<Seen>,
}

impl Text {
    /// Looks at the beginning of up to eight files, evenly chosen.
    pub async fn look_at_some(&self) -> Result<Look> {
        const SAMPLE: u64 = 256 << 10;
        let count = self.origins.len();
        let step = count.div_ceil(8).max(1);
        let mut looks = Keys::default();
        self.start(&mut looks);
        for file in (0..count).step_by(step) {
            let most = if count == 1 { SAMPLE * 4 } else { SAMPLE };
            if let Some(block) = read::head(&self.origins, file, self.cutting, most).await? {
                let layout = self.layout(&block)?;
                let found = self.look(&block, layout.as_deref());
                looks.merge(
                    &found.map_err(|broken| self.told(file, 0, 0, layout.as_deref(), broken))?.1,
                );
            }
        }
        Ok(Look { names: looks.names, seen: looks.seen })
    }

    /// Looks at every value, on all cores.
    pub async fn look_at_all(&self) -> Result<Look> {
        let mut looks = Keys::default();
        self.start(&mut looks);
        let mut places = Places::default();
        let text = self.clone();
        let mut found = Box::pin(
            self.blocks_with_layout()
                .map(move |block| {
                    let text = text.clone();
                    async move {
                        let (block, layout) = block?;
                        let task = SpawnedTask::spawn(async move {
                            let found = text.look(&block, layout.as_deref());
                            (Marks::of(&block, layout.as_deref()), found)
                        });
                        task.join().await.map_err(internal)
                    }
                })
                .buffered(cores()),
        );
        while let Some((marks, found)) = found.try_next().await? {
            places.enter(&marks);
            let (records, keys) = found.map_err(|broken| places.told(self, &marks, broken))?;
            looks.merge(&keys);
            places.leave(&marks, records);
        }
        Ok(Look { names: looks.names, seen: looks.seen })
    }

    fn start(&self, looks: &mut Keys) {
        if let Format::Delimited(delimited) = &self.format {
            for name in delimited.names.iter() {
                looks.add(name, Seen::NOTHING);
            }
        }
    }

    fn look(&self, block: &Block, layout: Option<&Layout>) -> Result<(usize, Keys), Broken> {
        match (&self.format, layout) {
            (Format::Delimited(delimited), Some(layout)) => {
                let mut seen = vec![Seen::NOTHING; delimited.names.len()];
                let count = delimited.look(block, layout, &mut seen)?;
                let mut keys = Keys::default();
                for (name, seen) in delimited.names.iter().zip(seen) {
                    keys.add(name, seen);
                }
                Ok((count, keys))
            }
            (Format::JsonLines(json), _) => json.look(block),
            (Format::Delimited(_), None) => Ok((0, Keys::default())),
        }
    }

    fn layout(&self, block: &Block) -> Result<Option<Arc<Layout>>> {
        match &self.format {
            Format::Delimited(delimited) => {
                delimited.layout(&self.origins, block).map(|layout| Some(Arc::new(layout)))
            }
            Format::JsonLines(_) => Ok(None),
        }
    }

    /// Each block with the layout of its file, which the file's first block gives.
    fn blocks_with_layout(
        &self,
    ) -> impl Stream<Item = Result<(Block, Option<Arc<Layout>>)>> + Send + 'static {
        let text = self.clone();
        let mut current = None;
        blocks(Arc::clone(&self.origins), self.cutting).map(move |block| {
            let block = block?;
            if block.is_first {
                current = text.layout(&block)?;
            }
            Ok((block, current.clone()))
        })
    }

    /// The error of a block, with its place in the file.
    fn told(
        &self,
        file: usize,
        records: usize,
        lines: usize,
        layout: Option<&Layout>,
        broken: Broken,
    ) -> ApiError {
        let shown = self.origins[file].shown();
        let header = layout.map_or(0, |layout| layout.header.1);
        let place = format!(
            "row {} (line {}) of `{shown}`",
            records + broken.record + 1,
            lines + header + broken.line + 1
        );
        match broken.what {
            What::FieldCount { found, wanted } => {
                let values = if found == 1 { "value" } else { "values" };
                let columns = if wanted == 1 { "column" } else { "columns" };
                ApiError::invalid(format!(
                    "{place} has {found} {values} where there are {wanted} {columns}"
                ))
                .hint(
                    "see whether the separator is right, and whether a value with the separator in \
                         it lacks its quotes",
                )
            }
            What::OpenQuote => {
                ApiError::invalid(format!("{place} opens a quote that its line does not close"))
                    .hint("with `support_multi_line=True` a value may hold line ends")
            }
            What::NotUtf8 => {
                ApiError::invalid(format!("{place} is not {}", self.cutting.encoding.name()))
                    .hint("give the encoding that the file has, for example `encoding=\"latin1\"`")
            }
            What::NoJson { error } => {
                ApiError::invalid(format!("{place} is no JSON object: {error}"))
                    .hint("with `invalid_lines=\"drop\"` such lines are left out")
            }
            What::NewColumn { name } => ApiError::invalid(format!(
                "{place} has the key `{name}`, which no line before it had"
            ))
            .hint("register the dataset again, so that all its columns are known"),
            What::Unfit { column, value } => {
                let name = self.name(column);
                ApiError::invalid(format!(
                    "{place} has `{value}` in the column `{name}`, whose other values are of another type"
                ))
                .hint(format!("give the type: `set_column_types={{\"{name}\": DataType.to_string()}}`"))
            }
        }
    }

    fn name(&self, column: usize) -> &str {
        match &self.format {
            Format::Delimited(delimited) => &delimited.names[column],
            Format::JsonLines(json) => &json.names[column],
        }
    }
}

/// What of a block is needed when it has been read.
struct Marks {
    file: usize,
    is_first: bool,
    lines: usize,
    layout: Option<(usize, usize)>,
}

impl Marks {
    fn of(block: &Block, layout: Option<&Layout>) -> Marks {
        Marks {
            file: block.file,
            is_first: block.is_first,
            lines: memchr::memchr_iter(b'\n', &block.bytes).count(),
            layout: layout.map(|layout| layout.header),
        }
    }
}

/// How many records and lines of the current file lie before the current block.
#[derive(Default)]
struct Places {
    records: usize,
    lines: usize,
}

impl Places {
    fn enter(&mut self, marks: &Marks) {
        if marks.is_first {
            *self = Places::default();
        }
    }

    fn leave(&mut self, marks: &Marks, records: usize) {
        self.records += records;
        self.lines += marks.lines;
    }

    fn told(&self, text: &Text, marks: &Marks, broken: Broken) -> ApiError {
        let header = match marks.layout {
            Some((_, lines)) if marks.is_first => lines,
            _ => 0,
        };
        text.told(marks.file, self.records, self.lines + header, None, broken)
    }
}

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Text as a table of DataFusion's: one partition, in order, read by all cores.
#[derive(Debug)]
pub struct TextTable {
    text: Text,
    columns: Arc<[Column]>,
    schema: SchemaRef,
}

impl TextTable {
    pub fn new(text: Text, columns: Vec<Column>) -> TextTable {
        let mut fields = text.extras.fields.clone();
        fields.extend(
            columns
                .iter()
                .map(|column| Arc::new(Field::new(&column.name, column.reading.data_type(), true))),
        );
        TextTable { text, columns: columns.into(), schema: Arc::new(Schema::new(fields)) }
    }
}

#[async_trait]
impl TableProvider for TextTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let wanted =
            projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema = Arc::new(self.schema.project(&wanted)?);
        let scan = TextScan {
            text: self.text.clone(),
            columns: Arc::clone(&self.columns),
            wanted: wanted.into(),
            schema: Arc::clone(&schema),
        };
        Ok(Arc::new(StreamingTableExec::try_new(
            schema,
            vec![Arc::new(scan)],
            None,
            [],
            false,
            limit,
        )?))
    }
}

/// The wanted columns of a table of text.
#[derive(Debug)]
struct TextScan {
    text: Text,
    columns: Arc<[Column]>,
    /// Places in the table's schema.
    wanted: Arc<[usize]>,
    schema: SchemaRef,
}

impl PartitionStream for TextScan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let extras = self.text.extras.fields.len();
        let of_text: Arc<[(usize, Column)]> = self
            .wanted
            .iter()
            .filter_map(|place| place.checked_sub(extras))
            .map(|column| (column, self.columns[column].clone()))
            .collect();
        let (text, wanted, schema) =
            (self.text.clone(), Arc::clone(&self.wanted), Arc::clone(&self.schema));
        let read = self.text.blocks_with_layout().map({
            let text = text.clone();
            move |block| {
                let (text, of_text) = (text.clone(), Arc::clone(&of_text));
                async move {
                    let (block, layout) = block?;
                    let task = SpawnedTask::spawn(async move {
                        let read = match (&text.format, layout.as_deref()) {
                            (Format::Delimited(delimited), Some(layout)) => {
                                delimited.read(&block, layout, &of_text)
                            }
                            (Format::JsonLines(json), _) => json.read(&block, &of_text),
                            (Format::Delimited(_), None) => Ok((0, Vec::new())),
                        };
                        (Marks::of(&block, layout.as_deref()), read)
                    });
                    task.join().await.map_err(internal)
                }
            }
        });
        // One more than cores, so that none waits for the consumer.
        let read = read.buffered(cores() + 1);
        let mut places = Places::default();
        let batches = read.map({
            let schema = Arc::clone(&schema);
            move |read| {
                let (marks, read) = read.map_err(carried)?;
                places.enter(&marks);
                let (count, arrays) = read.map_err(|broken| {
                    let may_begin_again =
                        matches!(broken.what, What::Unfit { .. } | What::NewColumn { .. });
                    let told = places.told(&text, &marks, broken);
                    match may_begin_again {
                        true => DataFusionError::External(Box::new(Unfit(told))),
                        false => carried(told),
                    }
                })?;
                places.leave(&marks, count);
                batch(&text.extras, marks.file, &wanted, &schema, count, arrays)
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }
}

fn batch(
    extras: &Extras,
    file: usize,
    wanted: &[usize],
    schema: &SchemaRef,
    count: usize,
    arrays: Vec<Option<ArrayRef>>,
) -> Result<RecordBatch, DataFusionError> {
    let mut arrays = arrays.into_iter();
    let columns = wanted.iter().zip(schema.fields()).map(|(place, field)| {
        if *place < extras.fields.len() {
            let value = extras.values[file][*place].cast_to(field.data_type())?;
            return value.to_array_of_size(count);
        }
        let array = arrays.next().flatten();
        Ok(array.unwrap_or_else(|| new_null_array(field.data_type(), count)))
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>, DataFusionError>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// The [`Unfit`] among the causes.
pub fn unfit(error: &DataFusionError) -> Option<&Unfit> {
    match error {
        DataFusionError::External(inner) => inner.downcast_ref::<Unfit>(),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => unfit(inner),
        DataFusionError::Shared(inner) => unfit(inner),
        DataFusionError::Collection(errors) => errors.iter().find_map(unfit),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            datafusion::arrow::error::ArrowError::ExternalError(inner) => {
                match inner.downcast_ref::<DataFusionError>() {
                    Some(inner) => unfit(inner),
                    None => inner.downcast_ref::<Unfit>(),
                }
            }
            _ => None,
        },
        _ => None,
    }
}
