//! Writes values of columns as JSON text, as Python's `json` writes the values that pyarrow reads. Dates and times are
//! texts as `isoformat` writes them, durations are ISO 8601, and a map is an object whose keys are texts. NaN and
//! infinity are written as `NaN` and `Infinity`, as in Python; the reader of the row understands them.

use std::{collections::HashSet, fmt::Write as _, io::Write as _, str::FromStr};

use arrow_array::{
    Array, ArrowPrimitiveType, MapArray, PrimitiveArray, StringViewArray,
    cast::AsArray,
    temporal_conversions::{
        as_datetime_with_timezone, date32_to_datetime, date64_to_datetime, timestamp_s_to_datetime,
    },
    timezone::Tz,
    types::{
        Date32Type, Date64Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
        DurationSecondType, Float16Type, Float32Type, Float64Type, IntervalDayTimeType, IntervalMonthDayNanoType,
        IntervalYearMonthType, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    },
};
use arrow_json::{
    Encoder, EncoderFactory, EncoderOptions,
    writer::{NullableEncoder, make_encoder},
};
use arrow_schema::{ArrowError, DataType, FieldRef, IntervalUnit, TimeUnit};

/// A byte that JSON text never contains: in strings it is escaped. The text between two of them is the row's fault.
pub(super) const MARK: u8 = 1;
/// How far from 1970 a time may be, in seconds: about 250,000 years.
const MAX_SECONDS: u64 = 8_000_000_000_000;

/// The reason why something is refused, for the user.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(pub String);

/// Makes the encoders of values that JSON does not have, and of texts, which make up most rows.
#[derive(Debug)]
pub(super) struct Encoders;

impl EncoderFactory for Encoders {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let mut nulls = array.nulls().cloned();
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Utf8View => Box::new(TextEncoder(array.as_string_view())),
            DataType::Float64 => Box::new(FloatEncoder(array.as_primitive::<Float64Type>())),
            DataType::Float32 => Box::new(FloatEncoder(array.as_primitive::<Float32Type>())),
            DataType::Float16 => Box::new(FloatEncoder(array.as_primitive::<Float16Type>())),
            DataType::Date32 => {
                let days = array.as_primitive::<Date32Type>().values();
                temporal(move |at, out| write!(out, "{}", date32_to_datetime(days[at])?.date()).ok())
            }
            DataType::Date64 => {
                let moments = array.as_primitive::<Date64Type>().values();
                temporal(move |at, out| write!(out, "{}", date64_to_datetime(moments[at])?.date()).ok())
            }
            DataType::Time32(TimeUnit::Second) => {
                let times = array.as_primitive::<Time32SecondType>().values();
                temporal(move |at, out| write_time(Moment::new(times[at].into(), TimeUnit::Second), out))
            }
            DataType::Time32(_) => {
                let times = array.as_primitive::<Time32MillisecondType>().values();
                temporal(move |at, out| write_time(Moment::new(times[at].into(), TimeUnit::Millisecond), out))
            }
            DataType::Time64(unit) => {
                let (times, unit) = (longs(array), *unit);
                temporal(move |at, out| write_time(Moment::new(times[at], unit), out))
            }
            DataType::Duration(unit) => {
                let (lengths, unit) = (longs(array), *unit);
                temporal(move |at, out| {
                    write_duration(i128::from(lengths[at]) * i128::from(Moment::nanoseconds(unit)), out);
                    Some(())
                })
            }
            DataType::Timestamp(unit, zone) => {
                let (moments, unit) = (longs(array), *unit);
                match zone {
                    None => temporal(move |at, out| write_moment(Moment::new(moments[at], unit), out)),
                    Some(zone) => {
                        let zone = Tz::from_str(zone).map_err(|_| {
                            let name = field.name();
                            let reason = format!(
                                "the times of its column `{name}` have the zone `{zone}`, which is not known; convert \
                                 them to UTC"
                            );
                            ArrowError::ExternalError(Box::new(Refused(reason)))
                        })?;
                        temporal(move |at, out| write_zoned(Moment::new(moments[at], unit), zone, out))
                    }
                }
            }
            DataType::Interval(IntervalUnit::YearMonth) => {
                let intervals = array.as_primitive::<IntervalYearMonthType>().values();
                temporal(move |at, out| {
                    write_interval(intervals[at], 0, 0, out);
                    Some(())
                })
            }
            DataType::Interval(IntervalUnit::DayTime) => {
                let intervals = array.as_primitive::<IntervalDayTimeType>().values();
                temporal(move |at, out| {
                    write_interval(0, intervals[at].days, i128::from(intervals[at].milliseconds) * 1_000_000, out);
                    Some(())
                })
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                let intervals = array.as_primitive::<IntervalMonthDayNanoType>().values();
                temporal(move |at, out| {
                    let interval = intervals[at];
                    write_interval(interval.months, interval.days, interval.nanoseconds.into(), out);
                    Some(())
                })
            }
            DataType::Map(..) => Box::new(MapEncoder::new(field, array.as_map(), options)?),
            DataType::Dictionary(..) if array.as_any_dictionary().values().null_count() > 0 => {
                let dictionary = array.as_any_dictionary();
                nulls = array.logical_nulls();
                let values = make_encoder(field, dictionary.values().as_ref(), options)?;
                Box::new(DictionaryEncoder { keys: dictionary.normalized_keys(), values })
            }
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, nulls)))
    }
}

/// The numbers of a column of 64-bit times.
fn longs(array: &dyn Array) -> &[i64] {
    match array.data_type() {
        DataType::Time64(TimeUnit::Microsecond) => array.as_primitive::<Time64MicrosecondType>().values(),
        DataType::Time64(_) => array.as_primitive::<Time64NanosecondType>().values(),
        DataType::Duration(TimeUnit::Second) => array.as_primitive::<DurationSecondType>().values(),
        DataType::Duration(TimeUnit::Millisecond) => array.as_primitive::<DurationMillisecondType>().values(),
        DataType::Duration(TimeUnit::Microsecond) => array.as_primitive::<DurationMicrosecondType>().values(),
        DataType::Duration(TimeUnit::Nanosecond) => array.as_primitive::<DurationNanosecondType>().values(),
        DataType::Timestamp(TimeUnit::Second, _) => array.as_primitive::<TimestampSecondType>().values(),
        DataType::Timestamp(TimeUnit::Millisecond, _) => array.as_primitive::<TimestampMillisecondType>().values(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => array.as_primitive::<TimestampMicrosecondType>().values(),
        _ => array.as_primitive::<TimestampNanosecondType>().values(),
    }
}

struct TextEncoder<'a>(&'a StringViewArray);

impl Encoder for TextEncoder<'_> {
    fn encode(&mut self, at: usize, out: &mut Vec<u8>) {
        write_text(self.0.value(at), out);
    }
}

/// Appends a text as JSON, with the escapes that serde_json writes.
fn write_text(text: &str, out: &mut Vec<u8>) {
    /// How many bytes are checked at once: the compiler turns them into one vector.
    const WIDE: usize = 16;
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let mut rest = text.as_bytes();
    out.push(b'"');
    while !rest.is_empty() {
        // Not `any`, which stops at the first hit and so checks byte by byte.
        let plain = |chunk: &&[u8]| !chunk.iter().fold(false, |found, byte| found | special(byte));
        let mut end = rest.chunks_exact(WIDE).take_while(plain).count() * WIDE;
        end += rest[end..].iter().position(special).unwrap_or(rest.len() - end);
        out.extend_from_slice(&rest[..end]);
        let Some(byte) = rest.get(end) else { break };
        match byte {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            8 => out.extend_from_slice(br"\b"),
            12 => out.extend_from_slice(br"\f"),
            // Writing to memory cannot fail.
            control => _ = write!(out, "\\u{control:04x}"),
        }
        rest = &rest[end + 1..];
    }
    out.push(b'"');
}

/// Writes short floats as the doubles that Python reads, whose shortest text has more digits.
struct FloatEncoder<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>);

impl<T: ArrowPrimitiveType> Encoder for FloatEncoder<'_, T>
where
    T::Native: Into<f64>,
{
    fn encode(&mut self, at: usize, out: &mut Vec<u8>) {
        let number: f64 = self.0.value(at).into();
        match serde_json::Number::from_f64(number) {
            Some(number) => out.extend_from_slice(number.to_string().as_bytes()),
            None if number.is_nan() => out.extend_from_slice(b"NaN"),
            None => out.extend_from_slice(if number > 0.0 { b"Infinity" } else { b"-Infinity" }),
        }
    }
}

/// Writes times, each as a text.
struct TemporalEncoder<F> {
    write: F,
    text: String,
}

/// The encoder of times that `write` writes; `write` returns `None` if a time is out of range.
fn temporal<'a>(write: impl FnMut(usize, &mut String) -> Option<()> + 'a) -> Box<dyn Encoder + 'a> {
    Box::new(TemporalEncoder { write, text: String::new() })
}

impl<F: FnMut(usize, &mut String) -> Option<()>> Encoder for TemporalEncoder<F> {
    fn encode(&mut self, at: usize, out: &mut Vec<u8>) {
        self.text.clear();
        if (self.write)(at, &mut self.text).is_none() {
            refuse_row(out, "holds a time that is out of range");
        }
        out.push(b'"');
        out.extend_from_slice(self.text.as_bytes());
        out.push(b'"');
    }
}

/// Puts a row's fault into its text.
fn refuse_row(out: &mut Vec<u8>, reason: &str) {
    out.push(MARK);
    out.extend_from_slice(reason.as_bytes());
    out.push(MARK);
}

/// A moment, or a time of day: whole seconds, and nanoseconds beyond them.
#[derive(Clone, Copy)]
struct Moment {
    seconds: i64,
    nanoseconds: u64,
}

impl Moment {
    fn new(value: i64, unit: TimeUnit) -> Self {
        let per_second = 1_000_000_000 / Self::nanoseconds(unit);
        Self {
            seconds: value.div_euclid(per_second),
            nanoseconds: (value.rem_euclid(per_second) * Self::nanoseconds(unit)).unsigned_abs(),
        }
    }

    /// How many nanoseconds the unit has.
    fn nanoseconds(unit: TimeUnit) -> i64 {
        match unit {
            TimeUnit::Second => 1_000_000_000,
            TimeUnit::Millisecond => 1_000_000,
            TimeUnit::Microsecond => 1_000,
            TimeUnit::Nanosecond => 1,
        }
    }

    /// Writes the fraction of the seconds: nothing, or as many digits as Python's datetime (or pandas' Timestamp)
    /// writes.
    fn write_fraction(self, out: &mut String) {
        // Writing to memory cannot fail.
        let _ = match self.nanoseconds {
            0 => Ok(()),
            n if n % 1_000 == 0 => write!(out, ".{:06}", n / 1_000),
            n => write!(out, ".{n:09}"),
        };
    }
}

/// A time of day, such as `13:05:00.250000`.
fn write_time(time: Moment, out: &mut String) -> Option<()> {
    let seconds = u64::try_from(time.seconds).ok().filter(|seconds| *seconds < 86_400)?;
    let _ = write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    time.write_fraction(out);
    Some(())
}

/// A moment without a zone, such as `2024-03-01T13:05:00`.
fn write_moment(moment: Moment, out: &mut String) -> Option<()> {
    let seconds = Some(moment.seconds).filter(|seconds| seconds.unsigned_abs() < MAX_SECONDS)?;
    let _ = write!(out, "{}", timestamp_s_to_datetime(seconds)?.format("%Y-%m-%dT%H:%M:%S"));
    moment.write_fraction(out);
    Some(())
}

/// A moment in a zone, such as `2024-03-01T13:05:00+01:00`.
fn write_zoned(moment: Moment, zone: Tz, out: &mut String) -> Option<()> {
    let seconds = Some(moment.seconds).filter(|seconds| seconds.unsigned_abs() < MAX_SECONDS)?;
    let there = as_datetime_with_timezone::<TimestampSecondType>(seconds, zone)?;
    let _ = write!(out, "{}", there.format("%Y-%m-%dT%H:%M:%S"));
    moment.write_fraction(out);
    // Before time zones there were offsets to the second.
    let offset = there.format("%::z").to_string();
    out.push_str(offset.strip_suffix(":00").unwrap_or(&offset));
    Some(())
}

/// A duration, such as `PT5400.5S`. Not in days, because a day is not always 24 hours long.
fn write_duration(nanoseconds: i128, out: &mut String) {
    out.push_str(if nanoseconds < 0 { "-PT" } else { "PT" });
    write_seconds(nanoseconds.unsigned_abs(), out);
}

fn write_seconds(nanoseconds: u128, out: &mut String) {
    let _ = write!(out, "{}", nanoseconds / 1_000_000_000);
    let fraction = nanoseconds % 1_000_000_000;
    if fraction > 0 {
        let digits = format!(".{fraction:09}");
        out.push_str(digits.trim_end_matches('0'));
    }
    out.push('S');
}

/// Months, days and time, each with its own sign, such as `P14M-3DT0.5S`.
fn write_interval(months: i32, days: i32, nanoseconds: i128, out: &mut String) {
    out.push('P');
    for (number, letter) in [(months, 'M'), (days, 'D')] {
        if number != 0 {
            let _ = write!(out, "{number}{letter}");
        }
    }
    if nanoseconds != 0 || out.len() == 1 {
        out.push_str(if nanoseconds < 0 { "T-" } else { "T" });
        write_seconds(nanoseconds.unsigned_abs(), out);
    }
}

/// Writes dictionaries that have null among their values.
struct DictionaryEncoder<'a> {
    keys: Vec<usize>,
    values: NullableEncoder<'a>,
}

impl Encoder for DictionaryEncoder<'_> {
    fn encode(&mut self, at: usize, out: &mut Vec<u8>) {
        self.values.encode(self.keys[at], out);
    }
}

/// Writes maps as objects. JSON has texts as keys, and so numbers become texts.
struct MapEncoder<'a> {
    offsets: &'a [i32],
    keys: NullableEncoder<'a>,
    values: NullableEncoder<'a>,
}

impl<'a> MapEncoder<'a> {
    fn new(field: &'a FieldRef, map: &'a MapArray, options: &'a EncoderOptions) -> Result<Self, ArrowError> {
        Ok(Self {
            offsets: map.value_offsets(),
            keys: make_encoder(field, map.keys().as_ref(), options)?,
            values: make_encoder(field, map.values().as_ref(), options)?,
        })
    }
}

impl Encoder for MapEncoder<'_> {
    fn encode(&mut self, at: usize, out: &mut Vec<u8>) {
        let mut known = HashSet::new();
        out.push(b'{');
        for entry in self.offsets[at] as usize..self.offsets[at + 1] as usize {
            if !known.is_empty() {
                out.push(b',');
            }
            let mut key = Vec::new();
            if self.keys.is_null(entry) {
                refuse_row(out, "holds a map with null for a key");
            } else {
                self.keys.encode(entry, &mut key);
            }
            // Texts and times are texts already. Lists and structs cannot be keys, but their text can.
            match key.first() {
                Some(&(b'"' | MARK)) => out.extend_from_slice(&key),
                _ => write_text(&String::from_utf8_lossy(&key), out),
            }
            if !known.insert(key) {
                refuse_row(out, "holds a map with a key twice");
            }
            out.push(b':');
            if self.values.is_null(entry) {
                out.extend_from_slice(b"null");
            } else {
                self.values.encode(entry, out);
            }
        }
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_serde_json_escapes_them() {
        let all: String = (0..300).filter_map(char::from_u32).collect();
        let long = "plain text of some length, then a \" and a \\ and a line\nbreak; ".repeat(5);
        for text in ["", "a", "exactly 16 bytes", "exactly 16 byte\n", "é\u{7f}\u{2028}😀", &all, &long] {
            for from in 0..text.len().min(40) {
                let Some(text) = text.get(from..) else { continue };
                let mut written = Vec::new();
                write_text(text, &mut written);
                assert_eq!(String::from_utf8(written).unwrap(), serde_json::Value::from(text).to_string());
            }
        }
    }
}
