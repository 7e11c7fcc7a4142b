//! Data that one pass leaves for the next: in memory while there is little of it, else in a hidden file.

use std::{
    borrow::Cow,
    fs::{self, File},
    io::Write,
    path::PathBuf,
};

use super::{DiskError, read_at};

/// How much is held in memory, in bytes.
const IN_MEMORY: usize = 32 << 20;

/// Blocks of bytes, written once, in order, and read in any order.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    blocks: Vec<Block>,
    in_memory: usize,
    file: Option<File>,
    in_file: u64,
}

#[derive(Debug)]
enum Block {
    Memory(Vec<u8>),
    File { from: u64, bytes: usize },
}

impl Scratch {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, blocks: Vec::new(), in_memory: 0, file: None, in_file: 0 }
    }

    /// Appends a block.
    ///
    /// # Errors
    /// The disk cannot be written to.
    pub fn push(&mut self, block: Vec<u8>) -> Result<(), DiskError> {
        if self.in_memory + block.len() <= IN_MEMORY {
            self.in_memory += block.len();
            self.blocks.push(Block::Memory(block));
            return Ok(());
        }
        let failed = |error| DiskError::writing(&self.path, "write this file", error);
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let mut options = File::options();
                let file = options.read(true).write(true).create_new(true).open(&self.path).map_err(failed)?;
                // Without a name, the file is gone when this process ends, however it ends. Where open files keep their
                // names, the folder's next writer removes it.
                let _ = fs::remove_file(&self.path);
                none.insert(file)
            }
        };
        file.write_all(&block).map_err(failed)?;
        self.blocks.push(Block::File { from: self.in_file, bytes: block.len() });
        self.in_file += block.len() as u64;
        Ok(())
    }

    /// The first `limit` bytes of a block, or the whole block if it is shorter.
    ///
    /// # Errors
    /// The disk cannot be read, or there is no such block.
    pub fn get(&self, block: usize, limit: usize) -> Result<Cow<'_, [u8]>, DiskError> {
        let failed = |error| DiskError::new(&self.path, "read this file", error);
        match (self.blocks.get(block), &self.file) {
            (Some(Block::Memory(bytes)), _) => Ok(Cow::Borrowed(&bytes[..bytes.len().min(limit)])),
            (Some(Block::File { from, bytes }), Some(file)) => {
                let mut found = vec![0; (*bytes).min(limit)];
                read_at(file, &mut found, *from).map_err(failed)?;
                Ok(Cow::Owned(found))
            }
            _ => Err(failed(std::io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}
