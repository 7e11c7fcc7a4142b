//! Keeps a very large file that is being written from filling memory.
//!
//! What a program writes lies in memory until the system writes it to the disk, and stays there after that, in case that it is
//! read again. A store that is larger than the memory to spare then slows its own writing down: the system has to find memory
//! for each new page, and makes the writer wait for the disk. Stage 1 of ten million rows (8.5 GB, 24 GiB of memory) takes 21 s
//! that way, and 13.5 s if what is written is sent to the disk and let go.

use std::{
    fs::File,
    io,
    ops::Range,
    sync::mpsc::{SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
};

/// How much of a file stays in memory, in bytes; stores of most benchmarks are smaller.
const KEPT: u64 = 1 << 30;
/// How much is sent to the disk at once, in bytes.
const STEP: u64 = 128 << 20;

/// Sends what was written of a file to the disk, and lets it go from memory, while more is written.
#[derive(Debug, Default)]
pub(super) struct WriteBehind {
    /// Takes how far the file was written.
    thread: Option<(SyncSender<u64>, JoinHandle<io::Result<()>>)>,
    /// How far it was asked for.
    asked: u64,
}

impl WriteBehind {
    /// Tells that the file has this many bytes now.
    ///
    /// # Errors
    /// The disk failed to take what was written before.
    pub fn written(&mut self, file: &File, bytes: u64) -> io::Result<()> {
        if bytes < KEPT.max(self.asked) + STEP {
            return Ok(());
        }
        let sender = match &self.thread {
            Some((sender, _)) => sender,
            None => {
                let file = file.try_clone()?;
                let (sender, receiver) = sync_channel(1);
                let work = move || {
                    let mut from = 0;
                    receiver.into_iter().try_for_each(|to| {
                        file.sync_data()?;
                        let_go(&file, from..to);
                        from = to;
                        Ok(())
                    })
                };
                &self.thread.insert((sender, thread::Builder::new().spawn(work)?)).0
            }
        };
        match sender.try_send(bytes) {
            Ok(()) => self.asked = bytes,
            // The disk is behind; there will be more for it next time.
            Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => return self.join(),
        }
        Ok(())
    }

    /// Ends the sending. Does not wait for the disk.
    ///
    /// # Errors
    /// The disk failed to take what was written before.
    pub fn finish(&mut self) -> io::Result<()> {
        match &self.thread {
            Some((_, thread)) if thread.is_finished() => self.join(),
            _ => {
                self.thread = None;
                Ok(())
            }
        }
    }

    fn join(&mut self) -> io::Result<()> {
        let Some((sender, thread)) = self.thread.take() else { return Ok(()) };
        drop(sender);
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that wrote to the disk ended early")))
    }
}

/// Lets a part of a file, which is on the disk, go from memory. Where that cannot be asked for, it stays.
fn let_go(file: &File, part: Range<u64>) {
    #[cfg(target_os = "linux")]
    {
        let length = std::num::NonZeroU64::new(part.end - part.start);
        let _ = rustix::fs::fadvise(file, part.start, length, rustix::fs::Advice::DontNeed);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, part);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn a_file_is_sent_to_the_disk_step_by_step_once_it_is_large() {
        let file = tempfile::tempfile().unwrap();
        let mut behind = WriteBehind::default();
        // The file has holes, so this takes no time.
        file.set_len(KEPT + 3 * STEP).unwrap();
        file.write_all_at(b"begin", 0).unwrap();
        behind.written(&file, KEPT + STEP - 1).unwrap();
        assert!(behind.thread.is_none());
        behind.written(&file, KEPT + STEP).unwrap();
        assert_eq!(behind.asked, KEPT + STEP);
        behind.written(&file, KEPT + STEP + 1).unwrap();
        assert_eq!(behind.asked, KEPT + STEP);
        while behind.asked < KEPT + 2 * STEP {
            behind.written(&file, KEPT + 2 * STEP).unwrap();
        }
        behind.finish().unwrap();
        let mut begin = [0; 5];
        file.read_exact_at(&mut begin, 0).unwrap();
        assert_eq!(&begin, b"begin");
    }

    #[test]
    fn a_disk_that_fails_is_noticed_at_the_next_write() {
        let mut behind = WriteBehind::default();
        // Nothing can be synced here.
        let (_other_end, pipe) = io::pipe().unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(pipe));
        behind.written(&file, KEPT + STEP).unwrap();
        let failed = (2..).find_map(|step| behind.written(&file, KEPT + step * STEP).err());
        assert_eq!(failed.unwrap().kind(), io::ErrorKind::InvalidInput);
    }
}
