//! How deep a Parquet file's columns are nested, found in its footer without recursion. The parquet crate builds its
//! schema by recursion, so a hostile file could overflow the stack.
//!
//! The footer is a struct in [Thrift's compact protocol](https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
//! Its field 2 is the schema: a list of structs, depth first, whose field 5 says how many of the next are children.

/// How deep other structs of a footer may be nested; real ones go five deep.
const MAX_SKIP: u32 = 32;
const SCHEMA: i64 = 2;
const CHILDREN: i64 = 5;

const STOP: u8 = 0;
const I32: u8 = 5;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// The depth of the deepest column of the schema in `footer`; `None` if it is not a footer.
pub(super) fn depth(footer: &[u8]) -> Option<usize> {
    let mut reader = Reader(footer);
    let mut deepest = None;
    let mut id = 0;
    loop {
        match reader.field(&mut id)? {
            STOP => return deepest,
            LIST if id == SCHEMA => deepest = deepest.max(Some(reader.schema()?)),
            kind => reader.skip(kind, MAX_SKIP)?,
        }
    }
}

struct Reader<'f>(&'f [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, n: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(n).ok()?..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The next field's kind; `id` becomes its number.
    fn field(&mut self, id: &mut i64) -> Option<u8> {
        let header = self.byte()?;
        let kind = header & 0x0f;
        if kind != STOP {
            *id = match header >> 4 {
                0 => self.zigzag()?,
                step => id.checked_add(i64::from(step))?,
            };
        }
        Some(kind)
    }

    /// A list's length and the kind of its elements.
    fn list(&mut self) -> Option<(u64, u8)> {
        let header = self.byte()?;
        let length = match header >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        Some((length, header & 0x0f))
    }

    fn schema(&mut self) -> Option<usize> {
        let (length, kind) = self.list()?;
        if kind != STRUCT {
            return None;
        }
        // How many children each open group still lacks.
        let mut open: Vec<i64> = Vec::new();
        let mut deepest = 0;
        for _ in 0..length {
            let children = self.children()?;
            while open.last().is_some_and(|lacking| *lacking <= 0) {
                open.pop();
            }
            if let Some(lacking) = open.last_mut() {
                *lacking -= 1;
            }
            open.push(children);
            deepest = deepest.max(open.len());
        }
        // The root is not a column.
        Some(deepest.saturating_sub(1))
    }

    /// How many children a schema's element has.
    fn children(&mut self) -> Option<i64> {
        let (mut id, mut children) = (0, 0);
        loop {
            match self.field(&mut id)? {
                STOP => return Some(children),
                I32 if id == CHILDREN => children = self.zigzag()?,
                kind => self.skip(kind, MAX_SKIP)?,
            }
        }
    }

    fn skip(&mut self, kind: u8, deeper: u32) -> Option<()> {
        let deeper = deeper.checked_sub(1)?;
        match kind {
            // A boolean's value is in its kind.
            1 | 2 => {}
            3 => self.bytes(1)?,
            4..=6 => self.varint().map(drop)?,
            7 => self.bytes(8)?,
            8 => {
                let length = self.varint()?;
                self.bytes(length)?;
            }
            LIST | 10 => {
                let (length, kind) = self.list()?;
                (0..length).try_for_each(|_| self.skip_item(kind, deeper))?;
            }
            11 => {
                let length = self.varint()?;
                let kinds = if length > 0 { self.byte()? } else { 0 };
                (0..length).try_for_each(|_| {
                    self.skip_item(kinds >> 4, deeper)?;
                    self.skip_item(kinds & 0x0f, deeper)
                })?;
            }
            STRUCT => {
                let mut id = 0;
                loop {
                    match self.field(&mut id)? {
                        STOP => break,
                        kind => self.skip(kind, deeper)?,
                    }
                }
            }
            13 => self.bytes(16)?,
            _ => return None,
        }
        Some(())
    }

    /// Within a list or a map, a boolean takes a byte.
    fn skip_item(&mut self, kind: u8, deeper: u32) -> Option<()> {
        if matches!(kind, 1 | 2) { self.bytes(1) } else { self.skip(kind, deeper) }
    }
}
