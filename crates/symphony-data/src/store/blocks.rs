//! The checksums of a Parquet store, block by block, so that a draw notices damage in the bytes that it reads (Parquet's
//! own checksums of pages are optional, and its writers write none). They are in its index ([`super::index`]).

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use parquet::{
    errors::{ParquetError, Result},
    file::reader::{ChunkReader, Length},
};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::{held::HeldFile, seal::number};
use crate::disk::WrittenFile;

/// The bytes of a block: about what a page of a few rows takes.
pub(super) const BLOCK: usize = 16 << 10;

/// Computes the checksum of each block on its way to a file.
pub(super) struct BlockWriter<W> {
    to: W,
    block: Xxh3,
    filled: usize,
    sums: Vec<u8>,
}

impl<W: Write> BlockWriter<W> {
    pub fn new(to: W) -> Self {
        Self { to, block: Xxh3::new(), filled: 0, sums: Vec::new() }
    }

    fn end_block(&mut self) {
        self.sums.extend_from_slice(&self.block.digest().to_le_bytes());
        self.block.reset();
        self.filled = 0;
    }

    /// The file, and the checksums of its blocks.
    pub fn finish(mut self) -> (W, Vec<u8>) {
        if self.filled > 0 {
            self.end_block();
        }
        (self.to, self.sums)
    }
}

impl<W: Write> Write for BlockWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.to.write(bytes)?;
        let mut rest = &bytes[..n];
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(BLOCK - self.filled));
            self.block.update(part);
            self.filled += part.len();
            if self.filled == BLOCK {
                self.end_block();
            }
            rest = after;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A file that checks every byte that is read from it.
#[derive(Clone, Debug)]
pub(super) struct CheckedFile {
    path: Arc<PathBuf>,
    file: Arc<HeldFile>,
    bytes: u64,
    sums: Arc<Vec<u64>>,
}

impl CheckedFile {
    /// The store `file` at `path`, with these checksums of its blocks.
    pub fn new(path: &Path, file: &Arc<HeldFile>, store: &WrittenFile, sums: &[u8]) -> Self {
        let sums = Arc::new(sums.chunks_exact(8).map(|sum| number(sum, 0)).collect());
        Self { path: Arc::new(path.to_owned()), file: file.clone(), bytes: store.bytes, sums }
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for CheckedFile {
    type T = Sequence;

    fn get_read(&self, start: u64) -> Result<Sequence> {
        Ok(Sequence { file: self.clone(), at: start, read: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.bytes);
        let end = end.ok_or_else(|| ParquetError::EOF("it ends too early".to_owned()))?;
        let first = start / BLOCK as u64;
        let from = first * BLOCK as u64;
        let to = self.bytes.min(end.next_multiple_of(BLOCK as u64));
        let mut blocks = vec![0; (to - from) as usize];
        self.file.read(&mut blocks, from)?;
        for (block, sum) in blocks.chunks(BLOCK).zip(&self.sums[first as usize..]) {
            if xxh3_64(block) != *sum {
                return Err(ParquetError::General(format!(
                    "{} was changed or damaged (checksum)",
                    self.path.display()
                )));
            }
        }
        let skip = (start - from) as usize;
        Ok(Bytes::from(blocks).slice(skip..skip + length))
    }
}

/// Reads a checked file in sequence, from a given position.
pub(super) struct Sequence {
    file: CheckedFile,
    at: u64,
    read: Bytes,
}

impl Read for Sequence {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read.is_empty() {
            let to_end_of_block = BLOCK as u64 - self.at % BLOCK as u64;
            let length = to_end_of_block.min(self.file.bytes.saturating_sub(self.at));
            self.read = self.file.get_bytes(self.at, length as usize).map_err(io::Error::other)?;
            self.at += length;
        }
        let n = into.len().min(self.read.len());
        into[..n].copy_from_slice(&self.read.split_to(n));
        Ok(n)
    }
}
