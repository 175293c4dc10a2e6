//! Parquet files as a table of DataFusion's.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use futures_util::{StreamExt, TryStreamExt, stream};
use lazuli_domain::ApiError;
use object_store::ObjectMeta;
use object_store::ObjectStoreExt;

use crate::error::{Result, internal, told};
use crate::extras::Extras;
use crate::ordered::{in_order, is_ordered};
use crate::stores::{Place, Store};
use crate::text::delimited::columns_differ;

/// What one core reads of a file when rows are to come in order.
const PART: u64 = 8 << 20;
/// Files whose footers are read at the same time.
const AHEAD: usize = 16;

/// Files in their order; the columns of their paths stand behind their own.
#[derive(Debug)]
pub struct ParquetTable {
    /// Neighbours in one store.
    runs: Vec<(ObjectStoreUrl, Vec<PartitionedFile>)>,
    schema: TableSchema,
}

impl ParquetTable {
    /// Reads the footer of every file, because all must have the same columns.
    pub async fn open(
        state: &SessionState,
        places: &[Place],
        extras: &Extras,
    ) -> Result<ParquetTable> {
        let found: Vec<(ObjectMeta, SchemaRef)> = stream::iter(places)
            .map(|place| footer(state, place))
            .buffered(AHEAD)
            .try_collect()
            .await?;
        let mut files = places.iter().zip(&found);
        let Some((first, (_, schema))) = files.next() else {
            return Err(ApiError::invalid("the table has no file"));
        };
        let mut merged = schema.as_ref().clone().with_metadata(Default::default());
        for (place, (_, schema)) in files {
            merged = same_columns(merged, first, schema, place)?;
        }
        let mut runs: Vec<(ObjectStoreUrl, Vec<PartitionedFile>)> = Vec::new();
        for (number, (place, (meta, _))) in places.iter().zip(found).enumerate() {
            let url = url(&place.store)?;
            let mut file = PartitionedFile::new_from_meta(meta);
            if let Some(values) = extras.values.get(number) {
                file = file.with_partition_values(values.clone());
            }
            match runs.last_mut() {
                Some((last, files)) if *last == url => files.push(file),
                _ => runs.push((url, vec![file])),
            }
        }
        let schema = TableSchema::builder(Arc::new(merged))
            .with_table_partition_cols(extras.fields.clone())
            .build();
        Ok(ParquetTable { runs, schema })
    }
}

/// By which DataFusion finds the store.
pub fn url(store: &Store) -> Result<ObjectStoreUrl> {
    ObjectStoreUrl::parse(format!("lazuli://{}", store.key)).map_err(internal)
}

async fn footer(state: &SessionState, place: &Place) -> Result<(ObjectMeta, SchemaRef)> {
    let objects = &place.store.objects;
    let meta = objects.head(&place.path).await.map_err(|error| place.unreadable(&error))?;
    let format = ParquetFormat::default()
        .with_options(state.default_table_options().parquet)
        .with_force_view_types(false)
        .with_binary_as_string(true);
    let schema =
        format.infer_schema(state, objects, std::slice::from_ref(&meta)).await.map_err(|error| {
            match error.find_root() {
                DataFusionError::ObjectStore(error) => place.unreadable(error),
                _ => {
                    let why = told(&error).message;
                    let why = why.strip_prefix("the query failed: ").unwrap_or(&why);
                    ApiError::invalid(format!("the file `{}` is no Parquet file: {why}", place.shown))
                        .hint("see whether it was written to its end, and leave files of another kind out")
                }
            }
        })?;
    Ok((meta, schema))
}

/// The columns of both files, in the order of the first; numbers may be of different widths.
fn same_columns(known: Schema, first: &Place, schema: &Schema, place: &Place) -> Result<Schema> {
    let names = |schema: &Schema| -> Vec<String> {
        schema.fields().iter().map(|field| field.name().clone()).collect()
    };
    let (one, other) = (names(&known), names(schema));
    let missing: Vec<&str> =
        one.iter().filter(|name| !other.contains(name)).map(String::as_str).collect();
    let added: Vec<&str> =
        other.iter().filter(|name| !one.contains(name)).map(String::as_str).collect();
    if !missing.is_empty() || !added.is_empty() {
        let text = columns_differ(&first.shown, &place.shown, &missing, &added);
        return Err(ApiError::invalid(text)
            .hint("register them as two datasets, or write one of them anew"));
    }
    let mut fields = Vec::with_capacity(known.fields().len());
    for field in known.fields() {
        let same = schema.field_with_name(field.name()).map_err(internal)?;
        let (one, other) = (field.data_type(), same.data_type());
        let wide = match (one, other) {
            _ if one == other => one.clone(),
            (DataType::Null, any) | (any, DataType::Null) => any.clone(),
            _ if one.is_numeric() && other.is_numeric() => {
                match one.is_integer() && other.is_integer() {
                    true => DataType::Int64,
                    false => DataType::Float64,
                }
            }
            _ => {
                return Err(ApiError::invalid(format!(
                    "the column `{}` is {one} in `{}` and {other} in `{}`",
                    field.name(),
                    first.shown,
                    place.shown
                ))
                .hint("write one of the files anew with the type of the other"));
            }
        };
        fields.push(Field::new(field.name(), wide, true));
    }
    Ok(Schema::new(fields))
}

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>, DataFusionError> {
        // They skip whole row groups; the rows are filtered again above.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let ordered = is_ordered(state);
        let mut source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(state.default_table_options().parquet);
        if let Some(filter) = conjunction(filters.to_vec()) {
            let schema = DFSchema::try_from(Arc::clone(self.schema.table_schema()))?;
            source = source.with_predicate(state.create_physical_expr(filter, &schema)?);
        }
        let source = Arc::new(source);
        let format = ParquetFormat::default().with_options(state.default_table_options().parquet);
        let mut plans = Vec::with_capacity(self.runs.len());
        for (url, files) in &self.runs {
            let groups = match ordered {
                true => {
                    files.iter().flat_map(parts).map(|part| FileGroup::new(vec![part])).collect()
                }
                false => {
                    FileGroup::new(files.clone()).split_files(state.config().target_partitions())
                }
            };
            let config = FileScanConfigBuilder::new(url.clone(), Arc::clone(&source) as _)
                .with_file_groups(groups)
                .with_projection_indices(projection.cloned())?
                .with_limit(limit)
                .with_preserve_order(ordered)
                .build();
            plans.push(format.create_physical_plan(state, config).await?);
        }
        let plan = match plans.len() {
            1 => plans.remove(0),
            _ => UnionExec::try_new(plans)?,
        };
        match ordered {
            true => in_order(plan, limit),
            false => Ok(plan),
        }
    }
}

/// The file in pieces; a row group belongs to the piece in which its middle lies.
fn parts(file: &PartitionedFile) -> Vec<PartitionedFile> {
    let size = file.object_meta.size;
    (0..size.div_ceil(PART).max(1))
        .map(|part| {
            let (start, end) = (part * PART, ((part + 1) * PART).min(size));
            file.clone().with_range(start as i64, end as i64)
        })
        .collect()
}
