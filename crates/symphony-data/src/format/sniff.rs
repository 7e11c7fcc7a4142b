//! Recognizes a file by its first bytes. Names lie: a download is a web page, an export is UTF-16 or has `;` between
//! its values, an array is named `.jsonl`. A file whose kind is certain is read as that kind; for a file that cannot be
//! read, the message says what it is, and the way out.

use std::{
    fs::File,
    io::{self, BufRead, Read},
    path::Path,
};

use super::{
    Format, MAX_ROW_BYTES, ReadError,
    compression::{Compression, decompress},
    csv, parquet,
};

/// How much of a file is looked at, in bytes.
const HEAD: u64 = 64 << 10;

/// The kind of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Empty,
    /// Text in this encoding.
    Encoded(&'static str),
    /// Text in Latin-1 or similar: the first byte that is not UTF-8, and its line.
    Latin1(u8, usize),
    Compressed(Compression),
    /// Compressed or packed in a way that is not supported, and how to unpack it.
    Packed(&'static str, &'static str),
    Parquet,
    Arrow,
    WebPage,
    /// The pointer that git-lfs leaves in place of a file.
    LfsPointer,
    Binary,
    /// A JSON array of objects, or an empty one.
    Array,
    /// One JSON object over several lines.
    Object,
    /// One JSON object on one line, and nothing else.
    OneLine,
    /// JSON lines.
    Lines,
    /// A JSON object whose end was not seen.
    LongObject,
    /// Other text.
    Text,
}

/// The result of a look at a file.
pub(crate) struct Look {
    pub kind: Kind,
    /// Whether the file is compressed; `kind` is that of its content.
    pub compressed: bool,
    /// The first bytes, decompressed.
    head: Vec<u8>,
    /// Whether `head` is the whole file.
    whole: bool,
}

/// Looks at the beginning of a file. With `far`, it reads a file that begins with a JSON object up to the object's end
/// or the end of its first line.
///
/// # Errors
/// The file cannot be read or decompressed.
pub(crate) fn look(path: &Path, far: bool) -> io::Result<Look> {
    let mut magic = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut magic)?;
    let mut reader = decompress(File::open(path)?)?;
    let mut head = Vec::new();
    (&mut reader).take(HEAD).read_to_end(&mut head)?;
    let whole = (head.len() as u64) < HEAD;
    let mut kind = kind(&head, whole);
    if kind == Kind::LongObject && far {
        kind = far_kind(&head, &mut *reader)?;
    }
    Ok(Look { kind, compressed: Compression::of(&magic).is_some(), head, whole })
}

/// The kind of a file that begins with these bytes or, with `whole`, consists of them.
pub(crate) fn kind(head: &[u8], whole: bool) -> Kind {
    match head {
        [] => return Kind::Empty,
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Kind::Encoded("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Kind::Encoded("UTF-16"),
        // Without a mark: the first characters of data are ASCII.
        [1..=0x7f, 0, 1..=0x7f, 0, ..] => return Kind::Encoded("UTF-16LE"),
        [0, 1..=0x7f, 0, 1..=0x7f, ..] => return Kind::Encoded("UTF-16BE"),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => {
            return Kind::Packed(
                "a zip archive (Excel workbooks are such archives too)",
                "unpack it, or export it as CSV",
            );
        }
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => {
            return Kind::Packed("compressed with bzip2", "run `bunzip2`");
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => return Kind::Packed("compressed with xz", "run `unxz`"),
        // A stream of Arrow begins with a mark and the length of its schema.
        [0xff, 0xff, 0xff, 0xff, _, _, _, 0, ..] => return Kind::Arrow,
        _ if head.starts_with(parquet::MAGIC) => return Kind::Parquet,
        _ if head.starts_with(b"ARROW1") => return Kind::Arrow,
        _ => {}
    }
    if let Some(compression) = Compression::of(head) {
        return Kind::Compressed(compression);
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins = |beginning: &str| {
        text.get(..beginning.len()).is_some_and(|text| text.eq_ignore_ascii_case(beginning.as_bytes()))
    };
    if ["<!doctype", "<html", "<head", "<body", "<?xml", "<!--"].into_iter().any(begins) {
        return Kind::WebPage;
    }
    if begins("version https://git-lfs") {
        return Kind::LfsPointer;
    }
    let first = &head[..head.len().min(4096)];
    let control = |byte: &&u8| **byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 12 | 27);
    if first.iter().filter(control).count() * 20 > first.len() {
        return Kind::Binary;
    }
    if let Some((byte, line)) = latin1(head, whole) {
        return Kind::Latin1(byte, line);
    }
    let then = |from: usize| text[from..].trim_ascii_start().first();
    match text.first() {
        Some(b'[') if matches!(then(1), Some(b'{' | b']')) => Kind::Array,
        Some(b'{') if matches!(then(1), Some(b'"' | b'}') | None) => {
            let mut object = FirstObject::default();
            match text.iter().find_map(|byte| object.take(*byte)) {
                Some(kind) => kind,
                None if whole => object.end(),
                None => Kind::LongObject,
            }
        }
        _ => Kind::Text,
    }
}

/// Like [`kind`], for an object whose end is not in the head.
fn far_kind(head: &[u8], reader: &mut dyn BufRead) -> io::Result<Kind> {
    let mut object = FirstObject::default();
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if let Some(kind) = text.iter().find_map(|byte| object.take(*byte)) {
        return Ok(kind);
    }
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok(object.end());
        }
        if let Some(kind) = chunk.iter().find_map(|byte| object.take(*byte)) {
            return Ok(kind);
        }
        let length = chunk.len();
        reader.consume(length);
    }
}

/// Whether bytes are text in Latin-1 or Windows-1252: some are not UTF-8 but would be letters or signs there, and none
/// beyond ASCII are UTF-8. The first such byte, and its line.
fn latin1(head: &[u8], whole: bool) -> Option<(u8, usize)> {
    let mut first = None;
    let mut at = 0;
    for chunk in head.utf8_chunks() {
        if !chunk.valid().is_ascii() {
            return None;
        }
        at += chunk.valid().len();
        let broken = chunk.invalid();
        let cut = !whole && at + broken.len() == head.len();
        if !broken.is_empty() && !cut {
            if broken.iter().any(|byte| matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d | 0xff)) {
                return None;
            }
            first = first.or(Some((broken[0], at)));
        }
        at += broken.len();
    }
    first.map(|(byte, at)| (byte, 1 + memchr::memchr_iter(b'\n', &head[..at]).count()))
}

/// Follows a file's first JSON object, to tell a single object from one object per line.
#[derive(Default)]
struct FirstObject {
    /// The brackets that are open.
    open: Vec<u8>,
    /// In a string; and whether the next byte is escaped.
    string: Option<bool>,
    /// The last byte that was not blank.
    last: u8,
    /// A line ended within the object.
    broken: bool,
    closed: bool,
}

impl FirstObject {
    /// Takes the next byte, and returns the file's kind once it is certain.
    fn take(&mut self, byte: u8) -> Option<Kind> {
        if let Some(escaped) = self.string {
            self.string = (escaped || byte != b'"').then_some(!escaped && byte == b'\\');
            self.last = b'"';
            // No string has a line break in it: this line is a broken row.
            return (byte == b'\n').then_some(Kind::Lines);
        }
        if byte.is_ascii_whitespace() {
            self.broken |= byte == b'\n';
            return None;
        }
        if self.closed {
            return Some(Kind::Lines);
        }
        if self.broken {
            // A value continues after the line break, or a row was cut off and the next begins.
            let in_object = self.open.last() == Some(&b'{');
            let goes_on = match self.last {
                b'{' => matches!(byte, b'"' | b'}'),
                b',' if in_object => byte == b'"',
                b'[' | b',' | b':' => !matches!(byte, b',' | b':' | b'}'),
                _ => matches!(byte, b',' | b':' | b'}' | b']'),
            };
            return Some(if goes_on { Kind::Object } else { Kind::Lines });
        }
        match byte {
            b'"' => self.string = Some(false),
            // No reader accepts deeper nesting, so it is not followed.
            b'{' | b'[' if self.open.len() > MAX_ROW_BYTES => return Some(Kind::Lines),
            b'{' | b'[' => self.open.push(byte),
            b'}' | b']' => {
                self.open.pop();
                self.closed = self.open.is_empty();
            }
            _ => {}
        }
        self.last = byte;
        None
    }

    /// The kind of the file, if it ends here.
    fn end(&self) -> Kind {
        if self.closed { Kind::OneLine } else { Kind::Lines }
    }
}

impl Format {
    /// The format of the file at `path`, whose name says `self`. The first bytes decide; the name does where they leave
    /// it open. `key` is the key of the rows, if the file is one object.
    ///
    /// # Errors
    /// The file cannot be read, or not as rows; the message says what it is, and the way out.
    pub fn found_in(self, path: &Path, key: Option<&str>) -> Result<Self, ReadError> {
        let json = matches!(self, Self::Json | Self::Jsonl);
        let look = look(path, self == Self::Json || key.is_some())?;
        let refused = |reason: String| Err(ReadError::Malformed { line: 0, reason });
        let named_compressed = Compression::is_named(path) && !look.compressed;
        let format = match look.kind {
            Kind::Empty if named_compressed => {
                return refused("this file is empty, not compressed as its name says; get it again".to_owned());
            }
            Kind::Empty => self,
            Kind::Encoded(encoding) => {
                return refused(format!(
                    "this file is text in {encoding}; convert it to UTF-8, such as with `iconv -f {encoding} -t UTF-8`"
                ));
            }
            Kind::Compressed(_) => return refused("this file is compressed twice; decompress it once".to_owned()),
            Kind::Packed(what, way_out) => {
                return refused(format!("this file is {what}, which is not supported; {way_out}"));
            }
            Kind::Parquet | Kind::Arrow if look.compressed => {
                return refused(
                    "this file of columns is compressed as a whole; decompress it, because its columns are compressed already".to_owned(),
                );
            }
            Kind::Parquet => Self::Parquet,
            Kind::Arrow => Self::Arrow,
            Kind::WebPage => {
                return refused(
                    "this is a web page, not data; the download probably failed or needs a login".to_owned(),
                );
            }
            Kind::LfsPointer => {
                return refused(
                    "this is a git-lfs pointer, not the file itself; get the file with `git lfs pull`".to_owned(),
                );
            }
            Kind::Array | Kind::Object => Self::Json,
            Kind::OneLine if self == Self::Json || key.is_some() => Self::Json,
            Kind::Lines | Kind::OneLine | Kind::LongObject if json || look.kind == Kind::Lines => Self::Jsonl,
            // Their readers have better errors.
            _ if matches!(self, Self::Parquet | Self::Arrow) => self,
            Kind::Binary => {
                return refused(
                    "this file is binary data of an unknown kind, not text; convert it to JSON lines or Parquet"
                        .to_owned(),
                );
            }
            Kind::Latin1(byte, line) => {
                return refused(format!(
                    "this file is not UTF-8 (byte 0x{byte:02X} on line {line}); it seems to be Latin-1 or Windows-1252: \
                     convert it, such as with `iconv -f WINDOWS-1252 -t UTF-8`"
                ));
            }
            _ if json => match table(&look.head, look.whole) {
                Some(separator) => {
                    return refused(format!(
                        "this file is a table with {} between its values, not JSON; name it {}",
                        named(separator),
                        if separator == b'\t' { ".tsv" } else { ".csv" }
                    ));
                }
                None if named_compressed => {
                    return refused("this file is plain text, not compressed as its name says; rename it".to_owned());
                }
                None => self,
            },
            _ => self.separated(&look.head, look.whole)?,
        };
        match key {
            Some(key) if format != Self::Json && look.kind != Kind::Empty => refused(format!(
                "`rows: {key}` names an array in one JSON object, but this file is not one; remove `rows`"
            )),
            _ => Ok(format),
        }
    }

    /// The format of a table by the separator in its header: the separator that its name implies, if the header has it;
    /// else the one that gives every line as many values as the header.
    fn separated(self, head: &[u8], whole: bool) -> Result<Self, ReadError> {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let header = head.trim_ascii_start().split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        let own = self.separator().unwrap_or(b',');
        if header.contains(&own) {
            return Ok(self);
        }
        let Some(other) = SEPARATORS.into_iter().find(|separator| header.contains(separator)) else { return Ok(self) };
        let widths = csv::widths(head, other, whole);
        match widths.iter().position(|width| Some(width) != widths.first()) {
            None => Ok(Self::separated_by(other)),
            Some(at) => Err(ReadError::Malformed {
                line: 1,
                reason: format!(
                    "the header has {} between its {} names and no {}, but record {at} has {} values with it; \
                     write {} between all values, and quotes around those that contain it",
                    named(other),
                    widths[0],
                    named(own),
                    widths[at],
                    named(own),
                ),
            }),
        }
    }
}

const SEPARATORS: [u8; 3] = [b';', b'\t', b','];

/// The separator of text that is certainly a table: two columns or more, the same number on every line, and not like
/// JSON.
fn table(head: &[u8], whole: bool) -> Option<u8> {
    if head.split(|byte| *byte == b'\n').any(|line| matches!(line.trim_ascii_start().first(), Some(b'{' | b'['))) {
        return None;
    }
    [b'\t', b';', b','].into_iter().find(|separator| {
        let widths = csv::widths(head, *separator, whole);
        widths.len() > 1 && widths[0] > 1 && widths.iter().all(|width| *width == widths[0])
    })
}

fn named(separator: u8) -> &'static str {
    match separator {
        b'\t' => "tabs",
        b';' => "`;`",
        _ => "commas",
    }
}
