//! Files of text become blocks of whole records, in order and ahead of who reads them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use lazuli_domain::ApiError;
use object_store::{GetOptions, GetRange};

use super::encoding::{Encoding, FileDecoder};
use super::split::{LARGEST_BLOCK, Rules, last_end};
use crate::error::Result;
use crate::stores::Place;

/// Read at once, and about the size of a block: what a core works on while the next one is read.
const PIECE: u64 = 2 << 20;
/// Pieces of a file, and files, that are on their way at the same time.
const AHEAD: usize = 4;

/// Bytes that come one after the other: what a query to a database answers.
pub trait Bytestream: Send + Sync + std::fmt::Debug {
    fn open(&self) -> BoxStream<'static, Result<Bytes>>;
}

/// Where text comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    File(Place),
    Stream(Arc<dyn Bytestream>),
}

impl Origin {
    /// For people.
    pub fn shown(&self) -> &str {
        match self {
            Origin::File(place) => &place.shown,
            Origin::Stream(_) => "the answer of the database",
        }
    }
}

/// How all files of a table are cut.
#[derive(Clone, Copy, Debug)]
pub struct Cutting {
    pub encoding: Encoding,
    pub rules: Rules,
    /// A character of more than one byte that separates values; blocks have the rules' separator in
    /// its place.
    pub wide_separator: Option<char>,
}

/// Whole records of one file.
#[derive(Debug)]
pub struct Block {
    /// Which of the table's files.
    pub file: usize,
    /// The first of its file: a header stands here.
    pub is_first: bool,
    /// UTF-8, unless the file is broken; it is not checked yet.
    pub bytes: Vec<u8>,
}

/// The blocks of all files, in their order.
pub fn blocks(
    origins: Arc<[Origin]>,
    cutting: Cutting,
) -> impl futures_util::Stream<Item = Result<Block>> + Send + 'static {
    let files = origins.len();
    stream::iter(0..files)
        .map(move |file| {
            let origins = Arc::clone(&origins);
            async move {
                let pieces = pieces(&origins[file], None).await?;
                Ok::<_, ApiError>(file_blocks(origins, file, pieces, cutting))
            }
        })
        .buffered(AHEAD)
        .try_flatten()
}

/// The first block of a file, with at most so many bytes of it; nothing of an empty file.
pub async fn head(
    origins: &Arc<[Origin]>,
    file: usize,
    cutting: Cutting,
    most: u64,
) -> Result<Option<Block>> {
    let mut most = most;
    loop {
        let read = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&read);
        let pieces = pieces(&origins[file], Some(most)).await?.inspect_ok(move |piece| {
            counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
        });
        let mut blocks = Box::pin(file_blocks(Arc::clone(origins), file, pieces.boxed(), cutting));
        let Some(mut block) = blocks.try_next().await? else { return Ok(None) };
        // A last record without a line end is a block of its own.
        while read.load(Ordering::Relaxed) < most {
            match blocks.try_next().await? {
                Some(more) => block.bytes.extend_from_slice(&more.bytes),
                None => return Ok(Some(block)),
            }
        }
        // The last record may have been cut in two.
        match last_end(&block.bytes, cutting.rules) {
            Some(end) => {
                block.bytes.truncate(end);
                return Ok(Some(block));
            }
            // One record longer than that.
            None if (block.bytes.len() as u64) * 4 >= most && most < LARGEST_BLOCK as u64 => {
                most *= 8;
            }
            None => return Ok(Some(block)),
        }
    }
}

/// The bytes of a file: the first piece says how large it is now, whatever was known of it.
async fn pieces(origin: &Origin, most: Option<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
    let place = match origin {
        Origin::File(place) => place.clone(),
        Origin::Stream(stream) => return Ok(stream.open()),
    };
    let first = PIECE.min(most.unwrap_or(PIECE));
    let options = GetOptions { range: Some(GetRange::Bounded(0..first)), ..GetOptions::default() };
    let got = match place.store.objects.get_opts(&place.path, options).await {
        Ok(got) => got,
        // A range of an empty file is refused by most stores; whether it is one, is asked.
        Err(error) => {
            let head = place
                .store
                .objects
                .get_opts(&place.path, GetOptions { head: true, ..GetOptions::default() });
            return match head.await {
                Ok(found) if found.meta.size == 0 => Ok(stream::empty().boxed()),
                Ok(_) => Err(place.unreadable(&error)),
                Err(error) => Err(place.unreadable(&error)),
            };
        }
    };
    let size = got.meta.size.min(most.unwrap_or(u64::MAX));
    let begin = got.bytes().await.map_err(|error| place.unreadable(&error))?;
    let start = begin.len() as u64;
    let starts = (0..size.saturating_sub(start).div_ceil(PIECE)).map(move |n| start + n * PIECE);
    let rest = stream::iter(starts)
        .map(move |start| {
            let place = place.clone();
            async move {
                let range = GetRange::Bounded(start..(start + PIECE).min(size));
                let options = GetOptions { range: Some(range), ..GetOptions::default() };
                let got = place.store.objects.get_opts(&place.path, options).await;
                match got {
                    Ok(got) => got.bytes().await.map_err(|error| place.unreadable(&error)),
                    Err(error) => Err(place.unreadable(&error)),
                }
            }
        })
        .buffered(AHEAD);
    Ok(stream::once(async move { Ok(begin) }).chain(rest).boxed())
}

struct Cutter {
    origins: Arc<[Origin]>,
    file: usize,
    pieces: BoxStream<'static, Result<Bytes>>,
    decoder: FileDecoder,
    cutting: Cutting,
    /// Decoded, without the end of its last record.
    rest: Vec<u8>,
    is_first: bool,
    is_over: bool,
}

fn file_blocks(
    origins: Arc<[Origin]>,
    file: usize,
    pieces: BoxStream<'static, Result<Bytes>>,
    cutting: Cutting,
) -> impl futures_util::Stream<Item = Result<Block>> + Send + 'static {
    let cutter = Cutter {
        origins,
        file,
        pieces,
        decoder: FileDecoder::new(cutting.encoding),
        cutting,
        rest: Vec::new(),
        is_first: true,
        is_over: false,
    };
    stream::try_unfold(cutter, |mut cutter| async move {
        Ok(cutter.next().await?.map(|block| (block, cutter)))
    })
}

impl Cutter {
    async fn next(&mut self) -> Result<Option<Block>> {
        while !self.is_over {
            match self.pieces.next().await {
                Some(piece) => {
                    let piece = piece?;
                    self.decode(&piece, false)?;
                    let Some(end) = last_end(&self.rest, self.cutting.rules) else {
                        self.check_length()?;
                        continue;
                    };
                    let mut rest = Vec::with_capacity(self.rest.len() - end + PIECE as usize + 16);
                    rest.extend_from_slice(&self.rest[end..]);
                    self.rest.truncate(end);
                    let bytes = std::mem::replace(&mut self.rest, rest);
                    return Ok(Some(self.block(bytes)));
                }
                None => {
                    self.is_over = true;
                    self.decode(&[], true)?;
                    if !self.rest.is_empty() {
                        let bytes = std::mem::take(&mut self.rest);
                        return Ok(Some(self.block(bytes)));
                    }
                }
            }
        }
        Ok(None)
    }

    fn block(&mut self, mut bytes: Vec<u8>) -> Block {
        if let Some(wide) = self.cutting.wide_separator
            && let Ok(text) = std::str::from_utf8(&bytes)
        {
            let separator = char::from(self.cutting.rules.separator);
            bytes = text.replace(wide, separator.encode_utf8(&mut [0; 4])).into_bytes();
        }
        Block { file: self.file, is_first: std::mem::take(&mut self.is_first), bytes }
    }

    fn decode(&mut self, bytes: &[u8], is_last: bool) -> Result<()> {
        self.decoder.decode(bytes, is_last, &mut self.rest).map_err(|not| {
            let name = self.cutting.encoding.name();
            ApiError::invalid(format!(
                "the file `{}` is not {name}: see its byte {}",
                self.origins[self.file].shown(),
                not.offset
            ))
            .hint("give the encoding that it has: `encoding=\"…\"`")
        })?;
        Ok(())
    }

    /// A quote that never closes would take the whole file into memory.
    fn check_length(&self) -> Result<()> {
        const LONGEST_RECORD: usize = 64 << 20;
        if self.rest.len() <= LONGEST_RECORD {
            return Ok(());
        }
        let shown = self.origins[self.file].shown();
        Err(ApiError::invalid(format!("a row of the file `{shown}` is longer than 64 MB"))
            .hint("see whether it is text of that format, and whether a quote is left open in it"))
    }
}
