//! Checksums: `sha256:` for small files, which users can check with sha256sum, and `blake3:` for sources and stores,
//! which are large. A seal is a checksum that a small JSON file holds of itself.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use ring::digest::{Context, SHA256};

/// `blake3:` and the digest in hex.
pub(super) fn blake3_text(hasher: &blake3::Hasher) -> String {
    format!("blake3:{}", hasher.finalize().to_hex())
}

/// Reads a file and hashes all that it reads (BLAKE3).
#[derive(Debug)]
pub struct HashingReader<R> {
    inner: R,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<R: Read> HashingReader<R> {
    /// A reader that hashes everything that is read from `inner` through it.
    pub fn new(inner: R) -> Self {
        Self { inner, hasher: blake3::Hasher::new(), bytes: 0 }
    }

    /// The checksum of the bytes that were read so far.
    pub fn checksum(&self) -> String {
        blake3_text(&self.hasher)
    }

    /// How many bytes were read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }
}

/// `sha256:` and the digest of `bytes` in hex.
pub fn sha256_of(bytes: &[u8]) -> String {
    let mut hasher = Context::new(&SHA256);
    hasher.update(bytes);
    sha256_text(hasher)
}

pub(crate) fn sha256_text(hasher: Context) -> String {
    use std::fmt::Write;
    let mut text = "sha256:".to_owned();
    for byte in hasher.finish().as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Computes the checksum of a file, of the kind that `like` names, and its size.
///
/// # Errors
/// The file cannot be read.
pub fn of_file(path: &Path, like: &str) -> io::Result<(String, u64)> {
    of_reader(File::open(path)?, like)
}

/// The same for what a reader gives.
///
/// # Errors
/// It cannot be read.
pub fn of_reader(mut file: impl Read, like: &str) -> io::Result<(String, u64)> {
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    let mut blake = blake3::Hasher::new();
    let mut sha = Context::new(&SHA256);
    let is_sha = like.starts_with("sha256:");
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        bytes += n as u64;
        if is_sha {
            sha.update(&buffer[..n]);
        } else {
            blake.update(&buffer[..n]);
        }
    }
    Ok((if is_sha { sha256_text(sha) } else { blake3_text(&blake) }, bytes))
}

/// The beginning of a sealed file's last key. Its value is the checksum over the file with this value empty.
const SEAL: &str = "\"self_checksum\": \"";

/// Writes `value`, whose last field is an empty `self_checksum`, as indented JSON with that field filled.
///
/// # Errors
/// The value cannot be written as JSON.
pub fn seal(value: &impl serde::Serialize) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    let checksum = sha256_of(text.as_bytes());
    if let Some(at) = text.rfind(SEAL) {
        text.insert_str(at + SEAL.len(), &checksum);
    }
    Ok(text)
}

/// Whether a file has a seal, whole or broken. Every file that [`seal`] wrote has one.
pub fn has_seal(text: &str) -> bool {
    text.contains(SEAL)
}

/// Whether a sealed file is as it was written.
pub fn is_sealed(text: &str) -> bool {
    let Some(at) = text.rfind(SEAL).map(|at| at + SEAL.len()) else { return false };
    let Some(end) = text[at..].find('"').map(|end| at + end) else { return false };
    sha256_of([&text[..at], &text[end..]].concat().as_bytes()) == text[at..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_file_notices_every_flipped_bit() {
        let sealed = seal(&serde_json::json!({"a": [1, 2.5], "b": "ü", "self_checksum": ""})).unwrap();
        assert!(is_sealed(&sealed));
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut bytes = sealed.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                assert!(std::str::from_utf8(&bytes).map_or(true, |text| !is_sealed(text)), "byte {at}, bit {bit}");
            }
        }
        assert!(!is_sealed(sealed.trim_end()));
    }

    #[test]
    fn sha256_is_what_sha256sum_prints() {
        assert_eq!(sha256_of(b"abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
