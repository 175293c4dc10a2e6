//! Rows in the order of the files and of the rows in them.
//!
//! DataFusion gives rows in any order that suits it. Where order is asked for, a query is planned with
//! [`session::ordered`](crate::session::ordered), in which nothing is dealt out to several partitions,
//! and what reads files in parallel puts its parts together again in order ([`in_order`]). Steps that
//! count rows are planned so whatever stands above them ([`sealed`]).

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableType, ident};
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::text::cores;

/// Batches that a partition may have ready before it is its turn.
const READY: usize = 4;

/// Whether the query is planned so that rows keep their order.
pub fn is_ordered(state: &dyn Session) -> bool {
    !state.config_options().optimizer.enable_round_robin_repartition
}

/// One partition: the plan's partitions one after the other, while the next ones are being read.
pub fn in_order(
    plan: Arc<dyn ExecutionPlan>,
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = plan.schema();
    let stream = Arc::new(InOrder { plan, schema: Arc::clone(&schema), pick: None });
    Ok(Arc::new(StreamingTableExec::try_new(schema, vec![stream], None, [], false, limit)?))
}

#[derive(Debug)]
struct InOrder {
    plan: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    pick: Option<Pick>,
}

impl PartitionStream for InOrder {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let plan = Arc::clone(&self.plan);
        let count = plan.output_partitioning().partition_count();
        let state = (0, VecDeque::<SendableRecordBatchStream>::new());
        let parts = stream::try_unfold(state, move |(mut next, mut open)| {
            let (plan, context) = (Arc::clone(&plan), Arc::clone(&context));
            async move {
                // One more than is being read from is enough for two cores and so on.
                while next < count && open.len() < cores() {
                    open.push_back(begun(&plan, next, &context)?);
                    next += 1;
                }
                Ok::<_, DataFusionError>(open.pop_front().map(|part| (part, (next, open))))
            }
        });
        let rows = parts.try_flatten();
        let schema = Arc::clone(&self.schema);
        match self.pick {
            None => Box::pin(RecordBatchStreamAdapter::new(schema, rows)),
            Some(pick) => {
                let mut row = 0;
                let rows = rows.map(move |batch| pick.from(&batch?, &mut row));
                Box::pin(RecordBatchStreamAdapter::new(schema, rows))
            }
        }
    }
}

fn begun(
    plan: &Arc<dyn ExecutionPlan>,
    partition: usize,
    context: &Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    if plan.output_partitioning().partition_count() == 1 {
        return plan.execute(partition, Arc::clone(context));
    }
    let mut builder = RecordBatchReceiverStream::builder(plan.schema(), READY);
    let mut rows = plan.execute(partition, Arc::clone(context))?;
    let rows_tx = builder.tx();
    builder.spawn(async move {
        while let Some(batch) = rows.next().await {
            // The reader has enough.
            if rows_tx.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    });
    Ok(builder.build())
}

/// Rows chosen by their number, the same ones for the same seed.
#[derive(Clone, Copy, Debug)]
pub struct Pick {
    pub share: f64,
    pub seed: u64,
    /// Those that are otherwise left out.
    pub is_rest: bool,
}

impl Pick {
    fn from(self, batch: &RecordBatch, row: &mut u64) -> Result<RecordBatch> {
        let chosen: BooleanArray = (0..batch.num_rows() as u64)
            .map(|place| Some((chance(self.seed, *row + place) < self.share) != self.is_rest))
            .collect();
        *row += batch.num_rows() as u64;
        Ok(filter_record_batch(batch, &chosen)?)
    }
}

/// A number from 0 to 1 that the seed and the row's number fix (SplitMix64).
fn chance(seed: u64, row: u64) -> f64 {
    let mut mixed =
        seed.wrapping_mul(0xD1B5_4A32_D192_ED03) ^ row.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for _ in 0..2 {
        mixed = mixed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
    }
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

/// A table whose rows are counted: what is planned above it does not reach into it.
pub fn sealed(
    plan: LogicalPlan,
    state: SessionState,
    pick: Option<Pick>,
) -> Arc<dyn TableProvider> {
    let schema = Arc::clone(plan.schema().inner());
    Arc::new(Sealed { plan, state, pick, schema })
}

#[derive(Debug)]
struct Sealed {
    plan: LogicalPlan,
    /// Ordered.
    state: SessionState,
    pick: Option<Pick>,
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for Sealed {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut plan = self.plan.clone();
        if let Some(projection) = projection {
            let columns = projection.iter().map(|place| ident(self.schema.field(*place).name()));
            plan = LogicalPlanBuilder::from(plan).project(columns)?.build()?;
        }
        let plan = self.state.create_physical_plan(&plan).await?;
        let schema = plan.schema();
        let stream = Arc::new(InOrder { plan, schema: Arc::clone(&schema), pick: self.pick });
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![stream], None, [], false, limit)?))
    }
}

#[cfg(test)]
mod tests {
    use super::chance;

    #[test]
    fn chances_are_even_and_fixed() {
        for seed in [0, 1, 42] {
            let below = (0..100_000).filter(|row| chance(seed, *row) < 0.3).count();
            assert!((29_500..30_500).contains(&below), "{below}");
        }
        assert_eq!(chance(1, 2).to_bits(), chance(1, 2).to_bits());
        assert_ne!(chance(1, 2).to_bits(), chance(2, 1).to_bits());
    }
}
