//! Each column in figures, in one reading.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::DataFrame;
use futures_util::TryStreamExt;
use lazuli_domain::{ColumnProfile, TableColumn, TableProfile, ValueCount};
use serde_json::Value;

use super::columns;
use super::preview::{number, time};
use super::sketch::{Numbers, Values};
use crate::error::{Failure, internal};
use crate::text::cores;

/// Different values that are kept per column, and over all columns.
const DISTINCT: usize = 100_000;
const DISTINCT_OF_ALL: usize = 2_000_000;
const FREQUENT: usize = 10;

pub async fn of(frame: DataFrame) -> Result<TableProfile, Failure> {
    let described = columns(&frame);
    let most = DISTINCT.min(DISTINCT_OF_ALL / described.len().max(1));
    let fields = frame.schema().fields().clone();
    let mut sketches: Vec<Sketch> =
        fields.iter().map(|field| Sketch::new(field.data_type(), most)).collect();
    let mut batches = frame.execute_stream().await?;
    let mut row_count = 0;
    while let Some(batch) = batches.try_next().await? {
        row_count += batch.num_rows() as u64;
        let share = sketches.len().div_ceil(cores()).max(1);
        let results: Vec<Result<(), Failure>> = std::thread::scope(|scope| {
            let works: Vec<_> = sketches
                .chunks_mut(share)
                .zip(batch.columns().chunks(share))
                .map(|(sketches, arrays)| {
                    scope.spawn(move || {
                        sketches
                            .iter_mut()
                            .zip(arrays)
                            .try_for_each(|(sketch, array)| sketch.add(array))
                    })
                })
                .collect();
            let broke = |_| Err(Failure::Told(internal("counting broke down")));
            works.into_iter().map(|work| work.join().unwrap_or_else(broke)).collect()
        });
        results.into_iter().collect::<Result<(), Failure>>()?;
    }
    let columns = described.into_iter().zip(sketches).map(|(column, sketch)| sketch.told(column));
    Ok(TableProfile { row_count, columns: columns.collect() })
}

struct Sketch {
    count: u64,
    missing: u64,
    of: Kind,
}

enum Kind {
    Numbers {
        is_whole: bool,
        values: Values<u64>,
        numbers: Numbers,
        least: f64,
        greatest: f64,
        whole: (i64, i64),
    },
    Times {
        values: Values<u64>,
        numbers: Numbers,
        range: (i64, i64),
    },
    Texts {
        values: Values<String>,
        range: Option<(String, String)>,
    },
}

impl Sketch {
    fn new(data_type: &DataType, most: usize) -> Sketch {
        let of = match data_type {
            any if any.is_integer()
                || any.is_floating()
                || matches!(any, DataType::Decimal128(..)) =>
            {
                Kind::Numbers {
                    is_whole: any.is_integer() && *any != DataType::UInt64,
                    values: Values::new(most),
                    numbers: Numbers::new(),
                    least: f64::INFINITY,
                    greatest: f64::NEG_INFINITY,
                    whole: (i64::MAX, i64::MIN),
                }
            }
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Kind::Times {
                values: Values::new(most),
                numbers: Numbers::new(),
                range: (i64::MAX, i64::MIN),
            },
            _ => Kind::Texts { values: Values::new(most), range: None },
        };
        Sketch { count: 0, missing: 0, of }
    }

    fn add(&mut self, array: &ArrayRef) -> Result<(), Failure> {
        let as_type =
            |data_type| cast(array, &data_type).map_err(|error| Failure::Told(internal(error)));
        let before = self.count;
        match &mut self.of {
            Kind::Numbers { is_whole, values, numbers, least, greatest, whole } => {
                if *is_whole {
                    let array = as_type(DataType::Int64)?;
                    for value in array.as_primitive::<Int64Type>().iter().flatten() {
                        *whole = (whole.0.min(value), whole.1.max(value));
                    }
                }
                let array = as_type(DataType::Float64)?;
                let mut found = Vec::with_capacity(array.len());
                // NaN is how pandas says that a number is missing.
                let there = array.as_primitive::<Float64Type>().iter().flatten();
                for value in there.filter(|value| !value.is_nan()) {
                    *least = least.min(value);
                    *greatest = greatest.max(value);
                    // One zero, not two.
                    values.add(&(value + 0.0).to_bits());
                    found.push(value);
                }
                self.count += found.len() as u64;
                numbers.add(found);
            }
            Kind::Times { values, numbers, range } => {
                let array = as_type(DataType::Timestamp(TimeUnit::Microsecond, None))?;
                let mut found = Vec::with_capacity(array.len());
                for value in array.as_primitive::<TimestampMicrosecondType>().iter().flatten() {
                    *range = (range.0.min(value), range.1.max(value));
                    values.add(&(value as f64).to_bits());
                    found.push(value as f64);
                }
                self.count += found.len() as u64;
                numbers.add(found);
            }
            Kind::Texts { values, range } => {
                let mut add = |text: &str| {
                    self.count += 1;
                    values.add(text);
                    match range {
                        None => *range = Some((text.to_owned(), text.to_owned())),
                        Some((least, _)) if text < least.as_str() => text.clone_into(least),
                        Some((_, greatest)) if text > greatest.as_str() => {
                            text.clone_into(greatest)
                        }
                        Some(_) => {}
                    }
                };
                if *array.data_type() == DataType::Utf8 {
                    array.as_string::<i32>().iter().flatten().for_each(&mut add);
                } else {
                    let options = FormatOptions::new();
                    let formatter = ArrayFormatter::try_new(array, &options)
                        .map_err(|error| Failure::Told(internal(error)))?;
                    for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
                        add(&formatter.value(row).to_string());
                    }
                }
            }
        }
        self.missing += array.len() as u64 - (self.count - before);
        Ok(())
    }

    fn told(self, column: TableColumn) -> ColumnProfile {
        let mut profile = ColumnProfile {
            name: column.name,
            data_type: column.data_type,
            count: self.count,
            missing_count: self.missing,
            distinct_count: 0,
            is_distinct_exact: true,
            min: Value::Null,
            max: Value::Null,
            mean: None,
            standard_deviation: None,
            quantiles: Vec::new(),
            histogram: Vec::new(),
            most_frequent: Vec::new(),
        };
        match self.of {
            Kind::Numbers { is_whole, values, numbers, least, greatest, whole } => {
                (profile.distinct_count, profile.is_distinct_exact) = values.distinct();
                if self.count > 0 {
                    (profile.min, profile.max) = match is_whole {
                        true => (whole.0.into(), whole.1.into()),
                        false => (number(least), number(greatest)),
                    };
                }
                (profile.mean, profile.standard_deviation) = numbers.moments();
                let exact = sorted(&values);
                profile.quantiles = numbers.quantiles(exact.as_deref());
                profile.histogram = numbers.histogram(exact.as_deref());
            }
            Kind::Times { values, numbers, range } => {
                (profile.distinct_count, profile.is_distinct_exact) = values.distinct();
                if self.count > 0 {
                    (profile.min, profile.max) = (time(range.0), time(range.1));
                }
                profile.histogram = numbers.histogram(sorted(&values).as_deref());
            }
            Kind::Texts { values, range } => {
                (profile.distinct_count, profile.is_distinct_exact) = values.distinct();
                if let Some((least, greatest)) = range {
                    (profile.min, profile.max) = match (least.as_str(), greatest.as_str()) {
                        (least @ ("true" | "false"), greatest @ ("true" | "false"))
                            if profile.data_type == "boolean" =>
                        {
                            ((least == "true").into(), (greatest == "true").into())
                        }
                        _ => (shown(&least).into(), shown(&greatest).into()),
                    };
                }
                let frequent = values.most_frequent(FREQUENT).into_iter();
                profile.most_frequent = frequent
                    .map(|(value, count)| ValueCount { value: shown(value), count })
                    .collect();
            }
        }
        profile
    }
}

fn sorted(values: &Values<u64>) -> Option<Vec<(f64, u64)>> {
    let mut sorted: Vec<(f64, u64)> =
        values.exact()?.map(|(bits, count)| (f64::from_bits(*bits), count)).collect();
    sorted.sort_unstable_by(|(one, _), (other, _)| one.total_cmp(other));
    Some(sorted)
}

/// A text of a megabyte is no figure.
fn shown(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
