//! A table as files of a datastore.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::DataFrame;
use futures_util::TryStreamExt;
use lazuli_domain::{ApiError, DataPath, StoredFile, WriteFormat};
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};

use crate::error::{Failure, internal};
use crate::stores::{Place, Stores};

/// Rows of one file.
const ROWS: usize = 5_000_000;
/// Sent at once; S3 wants all but the last to be equally long.
const PART: usize = 8 << 20;

/// Writes `part-00000.csv` and so on below the folder; nothing stays of what fails.
pub async fn to(
    frame: DataFrame,
    stores: &mut Stores,
    datastore: &str,
    folder: &str,
    format: &WriteFormat,
) -> Result<Vec<StoredFile>, Failure> {
    let at = DataPath::Datastore { datastore: datastore.to_owned(), path: folder.to_owned() };
    let folder = stores.place(&at).await?;
    let mut there = folder.store.objects.list(Some(&folder.path));
    let first = there.try_next().await.map_err(|error| folder.unreadable(&error))?;
    if first
        .is_some_and(|file| file.location.filename().is_some_and(|name| name.starts_with("part-")))
    {
        return Err(ApiError::conflict(format!(
            "the folder `{}` already has files of a table",
            folder.shown
        ))
        .hint("write to another folder, or delete that one first")
        .into());
    }
    drop(there);
    let mut written = Vec::new();
    let result = write_all(frame, &folder, format, &mut written).await;
    if result.is_err() {
        for (file, _) in &written {
            if let Err(error) = file.store.objects.delete(&file.path).await {
                eprintln!("`{}` was not removed: {}", file.shown, crate::error::of_store(&error));
            }
        }
    }
    result?;
    let mut files = Vec::with_capacity(written.len());
    for (file, _) in written {
        let found = file.store.objects.head(&file.path).await;
        let found = found.map_err(|error| file.unreadable(&error))?;
        files.push(StoredFile {
            path: file.shown,
            size: found.size,
            modified_at_ms: found.last_modified.timestamp_millis(),
        });
    }
    Ok(files)
}

type Written = Vec<(Place, usize)>;

async fn write_all(
    frame: DataFrame,
    folder: &Place,
    format: &WriteFormat,
    written: &mut Written,
) -> Result<(), Failure> {
    let mut batches = frame.execute_stream().await?;
    let schema = batches.schema();
    let mut file = File::begin(folder, &schema, format, written).await?;
    while let Some(batch) = batches.try_next().await? {
        if file.rows >= ROWS {
            file.finish().await?;
            file = File::begin(folder, &schema, format, written).await?;
        }
        file.write(&batch).await?;
    }
    file.finish().await
}

struct File {
    place: Place,
    upload: Box<dyn MultipartUpload>,
    encoder: Encoder,
    /// Encoded and not sent yet.
    rest: Vec<u8>,
    rows: usize,
}

enum Encoder {
    Csv { separator: u8, has_header: bool },
    Parquet(Box<ArrowWriter<Vec<u8>>>),
}

impl File {
    async fn begin(
        folder: &Place,
        schema: &SchemaRef,
        format: &WriteFormat,
        written: &mut Written,
    ) -> Result<File, Failure> {
        let (ending, encoder) = match format {
            WriteFormat::Csv { separator } => match separator.as_bytes() {
                [separator] => ("csv", Encoder::Csv { separator: *separator, has_header: false }),
                _ => {
                    return Err(ApiError::invalid(format!(
                        "the separator `{separator}` is not one character"
                    ))
                    .hint("give one character, for example `,`")
                    .into());
                }
            },
            WriteFormat::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_max_row_group_row_count(Some(256 << 10))
                    .build();
                let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties));
                ("parquet", Encoder::Parquet(Box::new(writer.map_err(internal)?)))
            }
        };
        let name = format!("part-{:05}.{ending}", written.len());
        let mut place = folder.clone();
        place.path = folder.path.clone().join(name.as_str());
        place.shown = format!("{}/{name}", folder.shown).trim_start_matches('/').to_owned();
        let upload = place.store.objects.put_multipart(&place.path).await;
        let upload = upload.map_err(|error| unwritable(&place, &error))?;
        written.push((place.clone(), 0));
        let mut file = File { place, upload, encoder, rest: Vec::new(), rows: 0 };
        // A table without rows has columns nevertheless.
        file.write(&RecordBatch::new_empty(Arc::clone(schema))).await?;
        Ok(file)
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.rows += batch.num_rows();
        match &mut self.encoder {
            Encoder::Csv { separator, has_header } => {
                let mut writer = csv::WriterBuilder::new()
                    .with_header(!*has_header)
                    .with_delimiter(*separator)
                    .build(&mut self.rest);
                *has_header = true;
                writer.write(batch).map_err(|error| {
                    Failure::Told(
                        ApiError::invalid(format!("the table cannot be written as CSV: {error}"))
                            .hint("write it as Parquet, or leave nested columns out"),
                    )
                })?;
            }
            Encoder::Parquet(writer) => {
                writer.write(batch).map_err(internal)?;
                if writer.in_progress_size() > 4 * PART {
                    writer.flush().map_err(internal)?;
                }
                writer.inner_mut().drain(..).for_each(|byte| self.rest.push(byte));
            }
        }
        while self.rest.len() >= PART {
            let rest = self.rest.split_off(PART);
            self.send(rest).await?;
        }
        Ok(())
    }

    async fn send(&mut self, rest: Vec<u8>) -> Result<(), Failure> {
        let part = std::mem::replace(&mut self.rest, rest);
        let sent = self.upload.put_part(PutPayload::from(part)).await;
        sent.map_err(|error| unwritable(&self.place, &error).into())
    }

    async fn finish(mut self) -> Result<(), Failure> {
        if let Encoder::Parquet(writer) =
            std::mem::replace(&mut self.encoder, Encoder::Csv { separator: b',', has_header: true })
        {
            self.rest.extend(writer.into_inner().map_err(internal)?);
        }
        self.send(Vec::new()).await?;
        let done = self.upload.complete().await;
        done.map(drop).map_err(|error| unwritable(&self.place, &error).into())
    }
}

fn unwritable(place: &Place, error: &object_store::Error) -> ApiError {
    let told = place.unreadable(error);
    ApiError { message: told.message.replace(" cannot be read: ", " cannot be written: "), ..told }
}
