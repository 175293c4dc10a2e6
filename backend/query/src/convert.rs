//! Columns of typed files under another type that was asked for.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use lazuli_domain::ColumnType;

use crate::text::columns::{Column, array};
use crate::text::values::Reading;

/// The expression's values as the type; what does not fit is missing, as SDK v1 has it.
pub fn convert(value: Expr, given: &ColumnType) -> Expr {
    ScalarUDF::new_from_impl(Convert {
        reading: Reading::of(given),
        signature: Signature::any(1, Volatility::Immutable),
    })
    .call(vec![value])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Convert {
    reading: Reading,
    signature: Signature,
}

impl ScalarUDFImpl for Convert {
    fn name(&self) -> &str {
        "read_as"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.reading.data_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let value = args.args.into_iter().next();
        let value = value.ok_or_else(|| DataFusionError::Internal("nothing to convert".into()))?;
        Ok(ColumnarValue::Array(self.converted(&value.into_array(rows)?)?))
    }
}

impl Convert {
    fn converted(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let is_text =
            matches!(values.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        if !is_text || self.reading == Reading::Text {
            return Ok(cast(values, &self.reading.data_type())?);
        }
        let plain = cast(values, &DataType::Utf8)?;
        let plain = plain.as_string::<i32>();
        let column = Column { name: String::new(), reading: self.reading.clone(), is_given: true };
        let items = plain.iter().map(|text| text.map(Cow::Borrowed));
        let read = array(items, plain.len(), &column);
        read.map_err(|_| DataFusionError::Internal("a given type refused a value".into()))
            .map(|array| Arc::clone(&array))
    }
}
