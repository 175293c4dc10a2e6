//! A definition with its files found becomes a table of DataFusion's.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::prelude::{DataFrame, SessionContext, ident};
use datafusion::scalar::ScalarValue;
use lazuli_domain::{
    ApiError, ColumnType, DataPath, HeaderMode, InvalidLines, ResolvedTable, TableFileOptions,
    TableSource,
};

use crate::convert::convert;
use crate::database;
use crate::error::{Result, told, unknown_column};
use crate::extras::Extras;
use crate::parquet::{self, ParquetTable};
use crate::stores::{Place, Stores};
use crate::text::columns::{Column, Emptiness};
use crate::text::delimited::{self, Delimited};
use crate::text::encoding::Encoding;
use crate::text::json_lines::JsonLines;
use crate::text::read::{Cutting, Origin, head};
use crate::text::split::Rules;
use crate::text::values::Reading;
use crate::text::{Format, Look, Text, TextTable};

/// How much of text is looked at for the types of its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The beginning of some files.
    Some,
    /// Every value, so that none of them can be of another type.
    All,
}

/// What was found by looking at everything, kept for the next query of the same files.
#[derive(Default)]
pub struct Looks(HashMap<String, Look>);

/// Tables remembered beyond a worker's need are forgotten all at once.
const REMEMBERED: usize = 100;

/// What it takes to open a table.
pub struct Opening<'a> {
    pub stores: &'a mut Stores,
    pub looks: &'a mut Looks,
    pub depth: Depth,
}

impl Opening<'_> {
    /// The table's source, before any of its steps.
    pub async fn open(
        &mut self,
        context: &SessionContext,
        table: &ResolvedTable,
    ) -> Result<DataFrame> {
        match &table.definition.source {
            TableSource::Delimited { options, .. } | TableSource::JsonLines { options, .. } => {
                let files = self.files(table).await?;
                let text = self.text(&table.definition.source, options, &files).await?;
                self.read(context, table, text, &options.set_column_types).await
            }
            TableSource::Parquet { options, .. } => self.parquet(context, table, options).await,
            TableSource::Sql { datastore, query, query_timeout, set_column_types } => {
                let open = self.stores.datastore(datastore)?.clone();
                let asked = database::open(datastore, &open, query, *query_timeout).await?;
                let names = asked.columns.iter().map(|(name, _)| name.clone()).collect();
                let mut types = BTreeMap::new();
                for (name, found) in &asked.columns {
                    types.extend(found.clone().map(|found| (name.clone(), found)));
                }
                types.extend(set_column_types.clone());
                let text = database::text(names, asked.stream);
                self.read(context, table, text, &types).await
            }
        }
    }

    async fn files(&mut self, table: &ResolvedTable) -> Result<Vec<(DataPath, Place)>> {
        let mut files = Vec::with_capacity(table.files.len());
        for file in &table.files {
            files.push((file.at.clone(), self.stores.place(&file.at).await?));
        }
        if files.is_empty() {
            return Err(
                ApiError::invalid("the table has no file").hint("see whether its paths are right")
            );
        }
        Ok(files)
    }

    async fn parquet(
        &mut self,
        context: &SessionContext,
        table: &ResolvedTable,
        options: &TableFileOptions,
    ) -> Result<DataFrame> {
        let files = self.files(table).await?;
        for store in self.stores.all() {
            let url = parquet::url(store)?;
            context.register_object_store(url.as_ref(), Arc::clone(&store.objects));
        }
        let extras = Extras::of(options, &files)?;
        let places: Vec<Place> = files.into_iter().map(|(_, place)| place).collect();
        let provider = ParquetTable::open(&context.state(), &places, &extras).await?;
        let frame = context.read_table(Arc::new(provider)).map_err(|error| told(&error))?;
        let names: Vec<String> =
            frame.schema().fields().iter().map(|field| field.name().clone()).collect();
        check_given(&options.set_column_types, names.iter().map(String::as_str))?;
        // The columns of the path come first, as in tables of text.
        let (of_file, of_path) = names.split_at(names.len() - extras.fields.len());
        let columns = of_path.iter().map(ident).chain(of_file.iter().map(|name| {
            match options.set_column_types.get(name) {
                Some(given) => convert(ident(name), given).alias(name),
                None => ident(name),
            }
        }));
        frame.select(columns.collect::<Vec<_>>()).map_err(|error| told(&error))
    }

    /// Text whose columns have names and no types yet.
    async fn text(
        &mut self,
        source: &TableSource,
        options: &TableFileOptions,
        files: &[(DataPath, Place)],
    ) -> Result<Text> {
        let extras = Arc::new(Extras::of(options, files)?);
        let origins: Arc<[Origin]> =
            files.iter().map(|(_, place)| Origin::File(place.clone())).collect();
        match source {
            TableSource::Delimited {
                separator,
                header,
                support_multi_line,
                empty_as_string,
                encoding,
                ..
            } => {
                let (separator, wide_separator) = separator_of(separator)?;
                let rules = Rules { separator, multi_line: *support_multi_line };
                let cutting = Cutting { encoding: encoding_of(encoding)?, rules, wide_separator };
                let (names, named_by) = names(&origins, cutting, *header).await?;
                let emptiness =
                    Emptiness { empty_as_string: *empty_as_string, quoted_is_text: false };
                let names = names.into();
                let format = Format::Delimited(Delimited {
                    rules,
                    header: *header,
                    emptiness,
                    names,
                    named_by,
                });
                Ok(Text { origins, extras, cutting, format })
            }
            TableSource::JsonLines { invalid_lines, encoding, .. } => {
                let cutting = Cutting { encoding: encoding_of(encoding)?, ..lines() };
                let format = json(*invalid_lines, Vec::new());
                Ok(Text { origins, extras, cutting, format })
            }
            TableSource::Parquet { .. } | TableSource::Sql { .. } => {
                Err(crate::error::internal("a table that is not text was read as text"))
            }
        }
    }

    /// Finds the types of the columns.
    async fn read(
        &mut self,
        context: &SessionContext,
        table: &ResolvedTable,
        mut text: Text,
        given: &BTreeMap<String, ColumnType>,
    ) -> Result<DataFrame> {
        let infer = match &table.definition.source {
            TableSource::Delimited { infer_column_types, .. } => *infer_column_types,
            _ => true,
        };
        let all_given = match &text.format {
            Format::Delimited(delimited) => {
                !infer || delimited.names.iter().all(|name| given.contains_key(name))
            }
            Format::JsonLines(_) => false,
        };
        let key = serde_json::to_string(&(&table.definition.source, &table.files));
        let key = key.map_err(crate::error::internal)?;
        let known = self.looks.0.get(&key);
        let (found_names, seen) = match (&text.format, known) {
            (Format::Delimited(delimited), _) if all_given => {
                (delimited.names.to_vec(), vec![Default::default(); delimited.names.len()])
            }
            (_, Some(look)) => (look.names.clone(), look.seen.clone()),
            _ if self.depth == Depth::All => {
                let look = text.look_at_all().await?;
                let found = (look.names.clone(), look.seen.clone());
                if self.looks.0.len() >= REMEMBERED {
                    self.looks.0.clear();
                }
                self.looks.0.insert(key, look);
                found
            }
            _ => {
                let look = text.look_at_some().await?;
                (look.names, look.seen)
            }
        };
        let registered: HashMap<&str, Reading> = match self.depth {
            Depth::Some => table
                .columns
                .iter()
                .flatten()
                .filter_map(|column| {
                    Some((column.name.as_str(), Reading::named(&column.data_type)?))
                })
                .collect(),
            Depth::All => HashMap::new(),
        };
        let of_path = text.extras.fields.iter().map(|field| field.name().as_str());
        check_given(given, of_path.chain(found_names.iter().map(String::as_str)))?;
        if let Format::JsonLines(json) = &mut text.format {
            json.names = found_names.clone().into();
        }
        let columns = found_names.into_iter().zip(seen).map(|(name, seen)| {
            if let Some(given) = given.get(&name) {
                return Column { reading: Reading::of(given), is_given: true, name };
            }
            let reading = match registered.get(name.as_str()) {
                _ if !infer => Reading::Text,
                Some(reading) => reading.clone(),
                None => seen.reading(),
            };
            Column { name, reading, is_given: false }
        });
        let provider = TextTable::new(text, columns.collect());
        context.read_table(Arc::new(provider)).map_err(|error| told(&error))
    }
}

/// Whether nothing that the table reads can turn out to be of another type than was found by looking
/// at some of it.
pub fn is_certain(table: &ResolvedTable) -> bool {
    match &table.definition.source {
        TableSource::Delimited { infer_column_types, .. } => {
            !infer_column_types || table.columns.is_some()
        }
        TableSource::JsonLines { .. } => table.columns.is_some(),
        TableSource::Parquet { .. } => true,
        // Only SQLite leaves types open; its file is read here anyway.
        TableSource::Sql { .. } => false,
    }
}

/// One line is one record, and nothing in it is quoted.
fn lines() -> Cutting {
    let rules = Rules { separator: b'\n', multi_line: false };
    Cutting { encoding: Encoding::Utf8, rules, wide_separator: None }
}

fn json(invalid: InvalidLines, names: Vec<String>) -> Format {
    Format::JsonLines(JsonLines { invalid, names: names.into() })
}

fn encoding_of(name: &str) -> Result<Encoding> {
    Encoding::named(name).ok_or_else(|| {
        ApiError::invalid(format!("there is no encoding `{name}`"))
            .hint(format!("known are {}", Encoding::NAMES))
    })
}

/// One byte, and the character that it stands for in the blocks where the one given takes more.
fn separator_of(given: &str) -> Result<(u8, Option<char>)> {
    let mut characters = given.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) if one.is_ascii() && !matches!(one, '"' | '\n' | '\r') => {
            Ok((one as u8, None))
        }
        // No text has this control character in it.
        (Some(one), None) if !one.is_ascii() => Ok((0x1F, Some(one))),
        _ => Err(ApiError::invalid(format!("the separator `{given}` is not one character")).hint(
            "give one character, which is neither a quote nor a line end: `,`, `;`, `|` or a tab",
        )),
    }
}

/// The names of the columns, and by which file they are known.
async fn names(
    origins: &Arc<[Origin]>,
    cutting: Cutting,
    mode: HeaderMode,
) -> Result<(Vec<String>, usize)> {
    const HEAD: u64 = 64 << 10;
    let mut all: Vec<String> = Vec::new();
    let mut first = None;
    for (number, origin) in origins.iter().enumerate() {
        // An empty file has no columns, which is no reason to refuse the others.
        let Some(block) = head(origins, number, cutting, HEAD).await? else { continue };
        if mode == HeaderMode::NoHeaders {
            let Some(width) = delimited::width(&block, cutting.rules, origin.shown())? else {
                continue;
            };
            return Ok((delimited::numbered(width), number));
        }
        let Some(names) = delimited::header(&block, cutting.rules, origin.shown())? else {
            continue;
        };
        first.get_or_insert(number);
        for name in names {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        if mode != HeaderMode::CombineAllFilesHeaders {
            break;
        }
    }
    match first {
        Some(first) => Ok((all, first)),
        None => {
            let shown = origins.first().map_or("", Origin::shown);
            let error = match origins.len() {
                1 => ApiError::invalid(format!("the file `{shown}` is empty")),
                count => ApiError::invalid(format!(
                    "all {count} files are empty, the first is `{shown}`"
                )),
            };
            Err(error.hint("a table needs at least a header, or one row"))
        }
    }
}

fn check_given<'a>(
    given: &BTreeMap<String, ColumnType>,
    columns: impl Iterator<Item = &'a str>,
) -> Result<()> {
    let columns: Vec<&str> = columns.collect();
    match given.keys().find(|name| !columns.contains(&name.as_str())) {
        Some(unknown) => Err(unknown_column(unknown, columns)),
        None => Ok(()),
    }
}

/// A time as DataFusion's literals have it.
pub fn time(milliseconds: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(milliseconds.saturating_mul(1000)), None)
}
