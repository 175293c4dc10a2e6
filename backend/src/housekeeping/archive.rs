//! An archive: a tar file with what it is (`lazuli.json`), rows (`tables/<name>.jsonl`), files by
//! content (`blobs/<sha256>`) and at its end (`end.json`) the digest of everything before.
//!
//! It is written as it is sent. It is read from a file, twice: first to see that it is whole and
//! ours, then to take out what it holds. Nothing is ever written to a path that an archive names.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use bytes::Bytes;
use futures_util::StreamExt;
use lazuli_domain::{ApiError, VERSION};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::tar;
use crate::blobs::Blobs;
use crate::clock::now_ms;
use crate::error::{Error, FileContext, Result};
use crate::home::hex;
use crate::store::migrations;

/// Of `lazuli.json` and of where things stand; another one is not read.
const FORMAT: u64 = 1;
const CHUNK: usize = 256 * 1024;
/// What is no blob and no table is small.
const LARGEST_DESCRIPTION: u64 = 1 << 20;

/// What an archive says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// `backup` or `experiment`.
    pub lazuli: String,
    pub format: u64,
    /// How many migrations its tables have.
    pub schema: u64,
    pub version: String,
    pub created_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct End {
    sha256: String,
    entries: u64,
    /// Files that rows refer to and that were lost before the archive was made.
    missing: Vec<String>,
}

/// Where a part of an archive lies in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub at: u64,
    pub size: u64,
}

/// An archive that is whole.
#[derive(Debug)]
pub struct Archive {
    pub tables: Vec<Part>,
    pub blobs: Vec<Part>,
    pub missing: Vec<String>,
}

/// Where an archive is written to; who reads slowly slows it.
pub struct ArchiveWriter {
    chunks: mpsc::Sender<std::io::Result<Bytes>>,
    hash: Sha256,
    entries: u64,
    time_ms: i64,
    missing: Vec<String>,
}

impl ArchiveWriter {
    pub async fn begin(
        chunks: mpsc::Sender<std::io::Result<Bytes>>,
        kind: &str,
    ) -> Result<ArchiveWriter> {
        let about = About {
            lazuli: kind.to_owned(),
            format: FORMAT,
            schema: migrations::count(),
            version: VERSION.to_owned(),
            created_at_ms: now_ms(),
        };
        let mut writer = ArchiveWriter {
            chunks,
            hash: Sha256::new(),
            entries: 0,
            time_ms: about.created_at_ms,
            missing: Vec::new(),
        };
        writer.small("lazuli.json", &json(&about)?).await?;
        Ok(writer)
    }

    pub async fn table(&mut self, name: &str, mut rows: File) -> Result<()> {
        let reading = || format!("reading the rows of `{name}`");
        let size = rows.metadata().while_trying(reading)?.len();
        rows.seek(SeekFrom::Start(0)).while_trying(reading)?;
        self.header(&format!("tables/{name}.jsonl"), size).await?;
        let content = crate::blobs::Content::of_file(rows).while_trying(reading)?;
        self.content(content, size).await
    }

    /// The blob; one that is lost is remembered.
    pub async fn blob(&mut self, blobs: &Blobs, sha256: &str) -> Result<u64> {
        let content = match blobs.open_blob(sha256).await {
            Err(Error::Refused(_)) => {
                self.missing.push(sha256.to_owned());
                return Ok(0);
            }
            opened => opened?,
        };
        let size = content.size();
        self.header(&format!("blobs/{sha256}"), size).await?;
        self.content(content, size).await?;
        Ok(size)
    }

    pub async fn end(mut self) -> Result<()> {
        let end = End {
            sha256: hex(&self.hash.clone().finalize()),
            entries: self.entries,
            missing: std::mem::take(&mut self.missing),
        };
        self.small("end.json", &json(&end)?).await?;
        self.send(Bytes::from_static(&[0; 2 * tar::BLOCK])).await
    }

    async fn small(&mut self, name: &str, content: &[u8]) -> Result<()> {
        self.header(name, content.len() as u64).await?;
        self.send(Bytes::copy_from_slice(content)).await?;
        self.pad(content.len() as u64).await
    }

    async fn header(&mut self, name: &str, size: u64) -> Result<()> {
        self.entries += 1;
        self.send(Bytes::copy_from_slice(&tar::header(name, size, self.time_ms))).await
    }

    async fn content(&mut self, content: crate::blobs::Content, size: u64) -> Result<()> {
        let mut pieces = content.stream(0, size).await?;
        let mut sent = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece.while_trying(|| "reading a file for the archive".into())?;
            sent += piece.len() as u64;
            self.send(piece).await?;
        }
        if sent != size {
            return Err(Error::Defect(format!("a file of {size} bytes ended at {sent}")));
        }
        self.pad(size).await
    }

    async fn pad(&mut self, size: u64) -> Result<()> {
        self.send(Bytes::from_static(&[0; tar::BLOCK][..tar::padding(size)])).await
    }

    async fn send(&mut self, bytes: Bytes) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.hash.update(&bytes);
        self.chunks
            .send(Ok(bytes))
            .await
            .map_err(|_gone| Error::BrokenUpload("who asked for the archive went away".into()))
    }
}

impl Archive {
    /// Reads all of it; refuses what is torn, damaged, or not an archive of that kind. Blocks.
    pub fn check(file: &File, kind: &str) -> Result<Archive> {
        let mut reader =
            Hashing { inner: BufReader::with_capacity(CHUNK, file), hash: Sha256::new(), at: 0 };
        let mut archive = Archive { tables: Vec::new(), blobs: Vec::new(), missing: Vec::new() };
        let mut entries = 0;
        loop {
            let before = hex(&reader.hash.clone().finalize());
            let mut header = [0; tar::BLOCK];
            reader.fill(&mut header, kind)?;
            let Some((name, size)) =
                tar::read_header(&header).map_err(|why| not_ours(kind, why))?
            else {
                return Err(torn(kind).into());
            };
            if entries == 0 && name != "lazuli.json" {
                return Err(not_ours(kind, "it does not begin with `lazuli.json`").into());
            }
            let part = Part { name: name.clone(), at: reader.at, size };
            match name.as_str() {
                "lazuli.json" if entries == 0 => {
                    check_about(&reader.description(size, kind)?, kind)?;
                }
                "end.json" => {
                    let end: End = serde_json::from_slice(&reader.description(size, kind)?)
                        .map_err(|_malformed| torn(kind))?;
                    if end.sha256 != before || end.entries != entries {
                        return Err(torn(kind).into());
                    }
                    archive.missing = end.missing;
                    return Ok(archive);
                }
                name => {
                    let table =
                        name.strip_prefix("tables/").and_then(|name| name.strip_suffix(".jsonl"));
                    let blob = name.strip_prefix("blobs/");
                    match (table, blob) {
                        (Some(table), _) => {
                            reader.skip(size, kind)?;
                            archive.tables.push(Part { name: table.to_owned(), ..part });
                        }
                        (_, Some(sha256)) => {
                            crate::blobs::check_digest(sha256).map_err(|_no_digest| {
                                not_ours(kind, "a name is not one of ours")
                            })?;
                            if reader.skip(size, kind)? != sha256 {
                                return Err(torn(kind).into());
                            }
                            archive.blobs.push(Part { name: sha256.to_owned(), ..part });
                        }
                        (None, None) => {
                            return Err(not_ours(kind, "a name is not one of ours").into());
                        }
                    }
                }
            }
            entries += 1;
            reader.fill(&mut [0; tar::BLOCK][..tar::padding(size)], kind)?;
        }
    }
}

/// The part's bytes.
pub fn open(file: &File, part: &Part) -> Result<impl Read + Send + use<>> {
    let open = || -> std::io::Result<std::io::Take<File>> {
        let mut file = file.try_clone()?;
        file.seek(SeekFrom::Start(part.at))?;
        Ok(file.take(part.size))
    };
    open().while_trying(|| "reading the archive".into())
}

/// Calls `take` with each line of the part.
pub fn each_line(
    file: &File,
    part: &Part,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut lines = BufReader::with_capacity(CHUNK, open(file, part)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let count =
            lines.read_until(b'\n', &mut line).while_trying(|| "reading the archive".into())?;
        if count == 0 {
            return Ok(());
        }
        take(line.trim_ascii_end())?;
    }
}

fn check_about(text: &[u8], kind: &str) -> Result<(), ApiError> {
    let about: About = serde_json::from_slice(text)
        .map_err(|_malformed| not_ours(kind, "its `lazuli.json` says something else"))?;
    match about.lazuli.as_str() {
        known if known == kind => {}
        "experiment" => {
            return Err(ApiError::invalid("the archive holds one experiment, not a whole home")
                .hint("bring it in with `lazuli experiment import`"));
        }
        "backup" => {
            return Err(ApiError::invalid("the archive is a backup of a whole home")
                .hint("bring it back with `lazuli restore`"));
        }
        _ => return Err(not_ours(kind, "its `lazuli.json` says something else")),
    }
    if (about.format, about.schema) != (FORMAT, migrations::count()) {
        return Err(ApiError::invalid(format!(
            "the archive was written by version {} of Lazuli, this is version {VERSION}",
            about.version
        ))
        .hint("use the version that wrote it"));
    }
    Ok(())
}

fn what(kind: &str) -> &'static str {
    match kind {
        "experiment" => "an exported experiment",
        _ => "a backup",
    }
}

fn not_ours(kind: &str, why: &str) -> ApiError {
    ApiError::invalid(format!("the file is not {} of Lazuli: {why}", what(kind)))
        .hint("nothing was changed; name the right file")
}

fn torn(kind: &str) -> ApiError {
    ApiError::invalid(format!("the file is {} that is torn or damaged", what(kind)))
        .hint("nothing was changed; copy the file anew, or use another one")
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|error| Error::Defect(format!("an archive has no JSON form: {error}")))
}

/// Remembers the digest of everything it has read.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
    at: u64,
}

impl<R: Read> Hashing<R> {
    fn fill(&mut self, buffer: &mut [u8], kind: &str) -> Result<()> {
        match self.inner.read_exact(buffer) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(match self.at {
                    0 => not_ours(kind, "it is too short").into(),
                    _ => torn(kind).into(),
                });
            }
            Err(source) => {
                return Err(Error::File { action: "reading the archive".into(), source });
            }
        }
        self.hash.update(&*buffer);
        self.at += buffer.len() as u64;
        Ok(())
    }

    fn description(&mut self, size: u64, kind: &str) -> Result<Vec<u8>> {
        // A list of lost files may be long.
        if size > LARGEST_DESCRIPTION {
            return Err(not_ours(kind, "its description is too long").into());
        }
        let mut text = vec![0; size as usize];
        self.fill(&mut text, kind)?;
        Ok(text)
    }

    /// Reads so many bytes and returns their digest.
    fn skip(&mut self, size: u64, kind: &str) -> Result<String> {
        let mut buffer = vec![0; CHUNK];
        let mut hash = Sha256::new();
        let mut left = size;
        while left > 0 {
            let now = left.min(CHUNK as u64) as usize;
            self.fill(&mut buffer[..now], kind)?;
            hash.update(&buffer[..now]);
            left -= now as u64;
        }
        Ok(hex(&hash.finalize()))
    }
}
