//! What goes into statements and what comes out.

use super::Row;
use crate::error::Result;

/// A parameter as the databases take it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// What can be a parameter.
pub trait Bind {
    fn bound(&self) -> Bound<'_>;
}

impl Bind for Bound<'_> {
    fn bound(&self) -> Bound<'_> {
        *self
    }
}

impl Bind for i64 {
    fn bound(&self) -> Bound<'_> {
        Bound::Integer(*self)
    }
}

impl Bind for f64 {
    fn bound(&self) -> Bound<'_> {
        Bound::Real(*self)
    }
}

impl Bind for str {
    fn bound(&self) -> Bound<'_> {
        Bound::Text(self)
    }
}

impl Bind for String {
    fn bound(&self) -> Bound<'_> {
        Bound::Text(self)
    }
}

impl Bind for Vec<u8> {
    fn bound(&self) -> Bound<'_> {
        Bound::Bytes(self)
    }
}

impl<T: Bind + ?Sized> Bind for &T {
    fn bound(&self) -> Bound<'_> {
        (**self).bound()
    }
}

impl<T: Bind> Bind for Option<T> {
    fn bound(&self) -> Bound<'_> {
        self.as_ref().map_or(Bound::Null, Bind::bound)
    }
}

/// What a column can be read as.
pub trait Column: Sized {
    fn read(row: &Row<'_>, at: usize) -> Result<Self>;
}

macro_rules! columns {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn read(row: &Row<'_>, at: usize) -> Result<Self> {
                match row {
                    Row::Sqlite(row) => Ok(row.get(at)?),
                    Row::Postgres(row) => Ok(row.try_get(at)?),
                }
            }
        }

        impl Column for Option<$type> {
            fn read(row: &Row<'_>, at: usize) -> Result<Self> {
                match row {
                    Row::Sqlite(row) => Ok(row.get(at)?),
                    Row::Postgres(row) => Ok(row.try_get(at)?),
                }
            }
        }
    )*};
}

columns!(i64, f64, String, Vec<u8>);
