//! Rows from files of columns: the same text values as from JSON lines, whatever the columns' types; and files of
//! columns that are cut off, damaged or hostile.

use std::{
    fs::{self, File},
    ops::ControlFlow,
    path::Path,
    sync::Arc,
};

use arrow_array::{
    Array as _, ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int64Array, ListArray,
    RecordBatch, StringArray, StructArray, TimestampMillisecondArray, types::Int32Type,
};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use serde_json::Value;
use symphony_data::{
    DatasetBuilder,
    format::{Batcher, Format, ReadError, arrow as arrow_rows, parquet as parquet_rows},
    preprocess::PreprocessOptions,
    row::RowBatch,
};

mod support;

/// The text of all rows of a file.
fn rows(path: &Path) -> Result<Vec<String>, ReadError> {
    rows_with(|batcher| Format::of(path).unwrap().read_file(path, None, batcher).map(drop))
}

fn rows_with(read: impl FnOnce(&mut Batcher<'_>) -> Result<(), ReadError>) -> Result<Vec<String>, ReadError> {
    let mut rows = Vec::new();
    let mut sink = |batch: RowBatch| {
        rows.extend((0..batch.len()).map(|i| String::from_utf8(batch.bytes(i).to_vec()).unwrap()));
        ControlFlow::Continue(())
    };
    let mut batcher = Batcher::new(&mut sink);
    batcher.begin("columns", None, false)?;
    read(&mut batcher)?;
    batcher.flush()?;
    Ok(rows)
}

fn parquet_of(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// A batch with a column of every type that a dataset is likely to have.
fn motley() -> RecordBatch {
    let structs = StructArray::from(vec![
        (
            Arc::new(arrow_schema::Field::new("A", arrow_schema::DataType::Utf8, true)),
            Arc::new(StringArray::from(vec![Some("x\n\"y\""), None])) as ArrayRef,
        ),
        (
            Arc::new(arrow_schema::Field::new("n", arrow_schema::DataType::Float32, true)),
            Arc::new(Float32Array::from(vec![0.1, 2.0])) as ArrayRef,
        ),
    ]);
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("text", Arc::new(StringArray::from(vec![Some("é\u{1f600}"), None]))),
        ("whole", Arc::new(Int64Array::from(vec![Some(i64::MAX), None]))),
        ("real", Arc::new(Float64Array::from(vec![142.0, 1e300]))),
        ("short", Arc::new(Float32Array::from(vec![0.1, f32::MAX]))),
        ("flag", Arc::new(BooleanArray::from(vec![true, false]))),
        ("list", Arc::new(lists)),
        ("object", Arc::new(structs)),
        ("label", Arc::new(vec!["yes", "no"].into_iter().collect::<DictionaryArray<Int32Type>>())),
        ("when", Arc::new(TimestampMillisecondArray::from(vec![0, 86_400_500]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

const MOTLEY: [&str; 2] = [
    r#"{"text":"é😀","whole":9223372036854775807,"real":142.0,"short":0.10000000149011612,"flag":true,"list":[1,null],"object":{"A":"x\n\"y\"","n":0.10000000149011612},"label":"yes","when":"1970-01-01T00:00:00"}"#,
    r#"{"text":null,"whole":null,"real":1e+300,"short":3.4028234663852886e+38,"flag":false,"list":null,"object":{"A":null,"n":2.0},"label":"no","when":"1970-01-02T00:00:00.500000"}"#,
];

#[test]
fn columns_of_all_types_become_json_as_python_would_read_it() {
    let place = tempfile::tempdir().unwrap();
    let batch = motley();
    let parquet = place.path().join("rows.parquet");
    fs::write(&parquet, parquet_of(&batch)).unwrap();
    let arrow = place.path().join("file.arrow");
    let mut writer = arrow_ipc::writer::FileWriter::try_new(File::create(&arrow).unwrap(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let stream = place.path().join("stream.arrow");
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(File::create(&stream).unwrap(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    for path in [parquet, arrow, stream] {
        assert_eq!(rows(&path).unwrap(), MOTLEY, "{}", path.display());
    }
}

#[test]
fn the_real_datasets_have_the_same_rows_in_parquet_as_in_json_lines() {
    let Some(data) = support::real_data() else { return };
    let hub = data.join("../hub");
    let mut pairs = vec![
        ("openai/openai_humaneval/openai_humaneval/test".to_owned(), "humaneval/test.jsonl".to_owned()),
        ("openai/gsm8k/main/test".to_owned(), "gsm8k/test.jsonl".to_owned()),
        ("AI-MO/aimo-validation-amc/default/train".to_owned(), "amc/train.jsonl".to_owned()),
        ("GBaker/MedQA-USMLE-4-options/default/test".to_owned(), "medical_qa/test.jsonl".to_owned()),
    ];
    for entry in fs::read_dir(hub.join("lukaemon/bbh")).unwrap() {
        let config = entry.unwrap().file_name().into_string().unwrap();
        pairs.push((format!("lukaemon/bbh/{config}/test"), format!("bbh/{config}.jsonl")));
    }
    let mut compared = 0;
    for (columns, lines) in pairs {
        let (columns, lines) =
            (rows(&hub.join(columns).join("0000.parquet")).unwrap(), rows(&data.join(lines)).unwrap());
        assert_eq!(columns.len(), lines.len());
        for (column, line) in columns.iter().zip(&lines) {
            let [column, line]: [Value; 2] = [column, line].map(|text| serde_json::from_str(text).unwrap());
            // As text: 142 and 142.0 are different, and so are keys in another order.
            assert_eq!(column.to_string(), line.to_string());
            compared += 1;
        }
    }
    assert_eq!(compared, 164 + 1319 + 83 + 1273 + 6511);
}

#[test]
fn a_store_is_the_same_from_parquet_as_from_json_lines() {
    let place = tempfile::tempdir().unwrap();
    let questions: Vec<String> = (0..3000).map(|i| format!("{} is it?", "how much ".repeat(i % 17))).collect();
    let batch = RecordBatch::try_from_iter([
        ("question", Arc::new(StringArray::from(questions.clone())) as ArrayRef),
        ("year", Arc::new(Float64Array::from((0..3000).map(f64::from).collect::<Vec<_>>())) as ArrayRef),
    ]);
    fs::write(place.path().join("rows.parquet"), parquet_of(&batch.unwrap())).unwrap();
    let lines =
        questions.iter().enumerate().map(|(i, question)| format!("{{\"question\":\"{question}\",\"year\":{i}.0}}\n"));
    fs::write(place.path().join("rows.jsonl"), lines.collect::<String>()).unwrap();
    let store = |ending: &str| {
        let yaml = format!(
            "benchmarks: {{mine: {{path: 'file:{}/rows.{ending}', identity: [question], difficulty: {{features: {{w: {{words: question}}, y: {{number: year}}}}, score: [{{feature: w, normalize: p95}}, {{feature: y, weight: 0.0001}}]}}}}}}",
            place.path().display()
        );
        let full = place.path().join(ending);
        let builder = DatasetBuilder::from_yaml("columns.yaml", &yaml).unwrap();
        builder.preprocess_all_benchmarks(&full, PreprocessOptions::default()).unwrap();
        fs::read_to_string(full.join("mine_full.jsonl")).unwrap()
    };
    assert!(store("parquet") == store("jsonl"));
}

#[test]
fn a_file_of_columns_that_is_cut_off_or_damaged_ends_in_one_message_and_no_panic() {
    let place = tempfile::tempdir().unwrap();
    let whole = parquet_of(&motley());
    let path = place.path().join("rows.parquet");
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(rows(&path), Err(ReadError::Malformed { line: 0, .. })), "{length} bytes");
    }
    for (text, expected) in [
        ("<!DOCTYPE html><html>not found</html>", "this is a web page, not a Parquet file"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "get the file with `git lfs pull`"),
        ("PAR1 and no more", "this is not a complete Parquet file (it has no footer); get it again"),
    ] {
        fs::write(&path, text).unwrap();
        let Err(ReadError::Malformed { reason, .. }) = rows(&path) else { panic!("{text}") };
        assert!(reason.contains(expected), "{reason}");
    }
}

/// A batch in every form that a file of columns has: Parquet, Arrow's file and stream, and both compressed.
fn in_all_forms(batch: &RecordBatch) -> Vec<(&'static str, Vec<u8>)> {
    let ipc = |compression: Option<arrow_ipc::CompressionType>, as_file: bool| {
        let options = arrow_ipc::writer::IpcWriteOptions::default().try_with_compression(compression).unwrap();
        let mut bytes = Vec::new();
        if as_file {
            let mut writer =
                arrow_ipc::writer::FileWriter::try_new_with_options(&mut bytes, &batch.schema(), options).unwrap();
            writer.write(batch).and_then(|()| writer.finish()).unwrap();
        } else {
            let mut writer =
                arrow_ipc::writer::StreamWriter::try_new_with_options(&mut bytes, &batch.schema(), options).unwrap();
            writer.write(batch).and_then(|()| writer.finish()).unwrap();
        }
        bytes
    };
    let (lz4, zstd) = (arrow_ipc::CompressionType::LZ4_FRAME, arrow_ipc::CompressionType::ZSTD);
    vec![
        ("rows.parquet", parquet_of(batch)),
        ("rows.arrow", ipc(None, true)),
        ("lz4.feather", ipc(Some(lz4), true)),
        ("zstd.feather", ipc(Some(zstd), true)),
        ("lz4.arrow", ipc(Some(lz4), false)),
        ("zstd.arrow", ipc(Some(zstd), false)),
    ]
}

/// The rows of the batch from each of its forms.
fn rows_in_all_forms(batch: &RecordBatch) -> Vec<(&'static str, Result<Vec<String>, ReadError>)> {
    let place = tempfile::tempdir().unwrap();
    let read = |(name, bytes)| {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        (name, rows(&path))
    };
    in_all_forms(batch).into_iter().map(read).collect()
}

fn columns_of(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn reason_of(outcome: Result<Vec<String>, ReadError>) -> String {
    match outcome {
        Err(ReadError::Malformed { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn times_are_the_same_text_from_every_form() {
    use arrow_array::{
        Date32Array, DurationMicrosecondArray, DurationSecondArray, Time32MillisecondArray, Time64NanosecondArray,
        TimestampMicrosecondArray, TimestampNanosecondArray, TimestampSecondArray,
    };
    // 2024-03-01 12:05:00, 2024-07-01 12:05:00.25, and 1874, when Berlin's clocks went by the sun; as Python's isoformat
    // writes them.
    let micros = vec![1_709_294_700_000_000, 1_719_835_500_250_000, -3_000_000_000_000_000];
    let moments = || TimestampMicrosecondArray::from(micros.clone());
    let zoned: ArrayRef = Arc::new(moments().with_timezone("Europe/Berlin"));
    let list = ListArray::new(
        Arc::new(arrow_schema::Field::new("item", zoned.data_type().clone(), true)),
        arrow_buffer::OffsetBuffer::from_lengths([1, 1, 1]),
        zoned.clone(),
        None,
    );
    let lasted: ArrayRef = Arc::new(DurationMicrosecondArray::from(vec![5_400_500_000, -1, 0]));
    let inner = StructArray::from(vec![
        (Arc::new(arrow_schema::Field::new("lasted", lasted.data_type().clone(), true)), lasted.clone()),
        (Arc::new(arrow_schema::Field::new("at", zoned.data_type().clone(), true)), zoned.clone()),
    ]);
    let batch = columns_of(vec![
        ("plain", Arc::new(moments()) as ArrayRef),
        ("utc", Arc::new(moments().with_timezone("UTC"))),
        ("berlin", zoned),
        ("fixed", Arc::new(moments().with_timezone("+05:30"))),
        ("seconds", Arc::new(TimestampSecondArray::from(vec![0, 1, -1]).with_timezone("Europe/Berlin"))),
        ("nanos", Arc::new(TimestampNanosecondArray::from(vec![1_709_294_700_000_000_001, 0, -1]))),
        ("day", Arc::new(Date32Array::from(vec![Some(19_783), None, Some(-1)]))),
        ("clock", Arc::new(Time32MillisecondArray::from(vec![47_100_250, 0, 86_399_999]))),
        ("fine", Arc::new(Time64NanosecondArray::from(vec![1, 47_100_000_000_000, 0]))),
        ("lasted", lasted),
        ("long", Arc::new(DurationSecondArray::from(vec![86_400, 90_000, -60]))),
        ("list", Arc::new(list)),
        ("inner", Arc::new(inner)),
    ]);
    let expected = [
        r#"{"plain":"2024-03-01T12:05:00","utc":"2024-03-01T12:05:00+00:00","berlin":"2024-03-01T13:05:00+01:00","fixed":"2024-03-01T17:35:00+05:30","seconds":"1970-01-01T01:00:00+01:00","nanos":"2024-03-01T12:05:00.000000001","day":"2024-03-01","clock":"13:05:00.250000","fine":"00:00:00.000000001","lasted":"PT5400.5S","long":"PT86400S","list":["2024-03-01T13:05:00+01:00"],"inner":{"lasted":"PT5400.5S","at":"2024-03-01T13:05:00+01:00"}}"#,
        r#"{"plain":"2024-07-01T12:05:00.250000","utc":"2024-07-01T12:05:00.250000+00:00","berlin":"2024-07-01T14:05:00.250000+02:00","fixed":"2024-07-01T17:35:00.250000+05:30","seconds":"1970-01-01T01:00:01+01:00","nanos":"1970-01-01T00:00:00","day":null,"clock":"00:00:00","fine":"13:05:00","lasted":"-PT0.000001S","long":"PT90000S","list":["2024-07-01T14:05:00.250000+02:00"],"inner":{"lasted":"-PT0.000001S","at":"2024-07-01T14:05:00.250000+02:00"}}"#,
        r#"{"plain":"1874-12-07T18:40:00","utc":"1874-12-07T18:40:00+00:00","berlin":"1874-12-07T19:33:28+00:53:28","fixed":"1874-12-08T00:10:00+05:30","seconds":"1970-01-01T00:59:59+01:00","nanos":"1969-12-31T23:59:59.999999999","day":"1969-12-31","clock":"23:59:59.999000","fine":"00:00:00","lasted":"PT0S","long":"-PT60S","list":["1874-12-07T19:33:28+00:53:28"],"inner":{"lasted":"PT0S","at":"1874-12-07T19:33:28+00:53:28"}}"#,
    ];
    for (name, found) in rows_in_all_forms(&batch) {
        assert_eq!(found.unwrap(), expected, "{name}");
    }
}

#[test]
fn a_zone_that_a_parquet_file_notes_for_other_units_than_it_stores_is_kept() {
    // As pyarrow writes timestamp[s, tz=Europe/Berlin]: the column holds milliseconds in UTC, and the note says seconds.
    let stored = arrow_array::TimestampMillisecondArray::from(vec![1_709_294_700_000]).with_timezone("UTC");
    let batch = columns_of(vec![("at", Arc::new(stored) as ArrayRef)]);
    let noted = arrow_schema::DataType::Timestamp(arrow_schema::TimeUnit::Second, Some("Europe/Berlin".into()));
    let noted = arrow_schema::Schema::new(vec![arrow_schema::Field::new("at", noted, true)]);
    let note =
        parquet::file::metadata::KeyValue::new("ARROW:schema".to_owned(), parquet::arrow::encode_arrow_schema(&noted));
    let properties =
        parquet::file::properties::WriterProperties::builder().set_key_value_metadata(Some(vec![note])).build();
    let options = parquet::arrow::arrow_writer::ArrowWriterOptions::new()
        .with_skip_arrow_metadata(true)
        .with_properties(properties);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(&mut bytes, batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let found = rows_with(|batcher| parquet_rows::read(bytes::Bytes::from(bytes), batcher));
    assert_eq!(found.unwrap(), [r#"{"at":"2024-03-01T13:05:00+01:00"}"#]);
}

#[test]
fn a_time_outside_every_calendar_is_a_bad_row_and_an_unknown_zone_is_an_error() {
    let batch =
        columns_of(vec![("at", Arc::new(arrow_array::TimestampSecondArray::from(vec![0, i64::MAX])) as ArrayRef)]);
    let mut faults = Vec::new();
    let mut sink = |batch: RowBatch| {
        faults.extend((0..batch.len()).map(|i| batch.row(i).map(drop).map_err(|fault| fault.to_string())));
        ControlFlow::Continue(())
    };
    let mut batcher = Batcher::new(&mut sink);
    let (_, arrow) = in_all_forms(&batch).swap_remove(1);
    let length = arrow.len() as u64;
    arrow_rows::read(std::io::Cursor::new(arrow), length, &mut batcher).and_then(|()| batcher.flush()).unwrap();
    assert_eq!(faults, [Ok(()), Err("holds a time that is out of range".to_owned())]);

    let lost = arrow_array::TimestampSecondArray::from(vec![0]).with_timezone("Mars/Olympus");
    for (name, found) in rows_in_all_forms(&columns_of(vec![("at", Arc::new(lost) as ArrayRef)])) {
        let reason = reason_of(found);
        assert!(reason.starts_with("the times of its column `at` have the zone `Mars/Olympus`"), "{name}: {reason}");
    }
}

#[test]
fn maps_become_objects_whose_keys_are_texts() {
    use arrow_array::builder::{Float32Builder, Int32Builder, MapBuilder, StringBuilder};
    let mut numbers = MapBuilder::new(None, Int32Builder::new(), Float32Builder::new());
    numbers.keys().append_value(7);
    numbers.values().append_value(0.1);
    numbers.keys().append_value(-1);
    numbers.values().append_null();
    numbers.append(true).unwrap();
    numbers.append(false).unwrap();
    let mut texts = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    texts.keys().append_value("a\"");
    texts.values().append_value("x");
    texts.append(true).unwrap();
    texts.append(true).unwrap();
    let batch =
        columns_of(vec![("numbers", Arc::new(numbers.finish()) as ArrayRef), ("texts", Arc::new(texts.finish()))]);
    let expected =
        [r#"{"numbers":{"7":0.10000000149011612,"-1":null},"texts":{"a\"":"x"}}"#, r#"{"numbers":null,"texts":{}}"#];
    for (name, found) in rows_in_all_forms(&batch) {
        assert_eq!(found.unwrap(), expected, "{name}");
    }
}

#[test]
fn a_null_among_the_values_of_a_dictionary_is_null() {
    let values: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let keys = arrow_array::Int32Array::from(vec![Some(0), Some(1), None]);
    let batch =
        columns_of(vec![("label", Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values).unwrap()) as ArrayRef)]);
    for (name, found) in rows_in_all_forms(&batch) {
        assert_eq!(found.unwrap(), [r#"{"label":"a"}"#, r#"{"label":null}"#, r#"{"label":null}"#], "{name}");
    }
}

#[test]
fn a_parquet_file_is_read_in_every_supported_compression() {
    use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
    let batch = motley();
    for compression in [
        Compression::BROTLI(BrotliLevel::default()),
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4_RAW,
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let mut bytes = Vec::new();
        let properties = parquet::file::properties::WriterProperties::builder().set_compression(compression).build();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let found = rows_with(|batcher| parquet_rows::read(bytes::Bytes::from(bytes), batcher));
        assert_eq!(found.unwrap(), MOTLEY, "{compression:?}");
    }
}

#[test]
fn a_compressed_column_that_claims_more_than_it_can_hold_is_refused_before_memory_is_set_aside_for_it() {
    let batch = columns_of(vec![("n", Arc::new(Int64Array::from(vec![7; 5000])) as ArrayRef)]);
    for (name, mut bytes) in in_all_forms(&batch).split_off(2) {
        // The length that the column claims, before its compressed text.
        let length = 40_000_i64.to_le_bytes();
        let at = bytes.windows(8).position(|window| window == length).unwrap();
        bytes[at..at + 8].copy_from_slice(&(1_i64 << 46).to_le_bytes());
        let length = bytes.len() as u64;
        let found = rows_with(|batcher| arrow_rows::read(std::io::Cursor::new(bytes), length, batcher));
        let reason = reason_of(found);
        assert!(reason.contains("a column claims to be longer than it can be"), "{name}: {reason}");
    }
}

#[test]
fn the_message_names_a_feather_file_of_the_first_version() {
    let found = rows_with(|batcher| arrow_rows::read(std::io::Cursor::new(b"FEA1\0\0\0\0"), 8, batcher));
    assert_eq!(reason_of(found), "this is a Feather file of version 1, which is not supported; write it as version 2");
}

#[test]
fn two_columns_or_fields_of_one_name_are_refused() {
    let texts = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let field = |name: &str| Arc::new(arrow_schema::Field::new(name, arrow_schema::DataType::Utf8, true));
    let inner = StructArray::from(vec![(field("x"), texts("a")), (field("x"), texts("b"))]);
    let nested = StructArray::from(vec![(
        Arc::new(arrow_schema::Field::new("in", inner.data_type().clone(), true)),
        Arc::new(inner) as ArrayRef,
    )]);
    let cases = [
        (
            columns_of(vec![("id", texts("1")), ("question", texts("a")), ("question", texts("b"))]),
            "it has two columns `question`; rename one",
        ),
        (columns_of(vec![("s", Arc::new(nested) as ArrayRef)]), "its column `s.in` has two fields `x`; rename one"),
    ];
    for (batch, expected) in cases {
        for (name, found) in rows_in_all_forms(&batch) {
            assert_eq!(reason_of(found), expected, "{name}");
        }
    }
}

#[test]
fn a_column_of_bytes_is_an_error_that_says_how_to_leave_it_out() {
    let bytes: ArrayRef = Arc::new(arrow_array::BinaryArray::from(vec![&b"\x00\xff"[..]]));
    let inner = StructArray::from(vec![(
        Arc::new(arrow_schema::Field::new("bytes", bytes.data_type().clone(), true)),
        bytes.clone(),
    )]);
    for column in [bytes, Arc::new(inner) as ArrayRef] {
        for (name, found) in rows_in_all_forms(&columns_of(vec![("image", column)])) {
            assert_eq!(
                reason_of(found),
                "its column `image` holds bytes, which JSON does not have; leave it out with `drop_columns: [image]`",
                "{name}"
            );
        }
    }
}

/// Runs stage 1 on a file, and returns the rows of the store, or the message.
fn stage1(folder: &Path, path: &str, more: &str, format: &str) -> Result<Vec<Value>, String> {
    let yaml = format!(
        "benchmarks:\n  b:\n    path: 'file:{}/{path}'\n    identity: [question]\n    store: {format}\n    difficulty:\n      features: {{w: {{words: question}}, n: {{number: stats.n}}}}\n      score: [{{feature: w}}]\n{more}",
        folder.display()
    );
    let builder = DatasetBuilder::from_yaml("b.yaml", &yaml).map_err(|error| error.to_string())?;
    let full = tempfile::tempdir().unwrap();
    builder
        .preprocess_all_benchmarks(full.path(), PreprocessOptions::default())
        .map_err(|error| error.to_string().replace(&format!("{}/", folder.display()), ""))?;
    if format == "parquet" {
        let file = File::open(full.path().join("b_full.parquet")).unwrap();
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        let texts = batches.iter().flat_map(|batch| {
            let column = arrow_array::cast::AsArray::as_string::<i32>(batch.column_by_name("raw_data").unwrap());
            column.iter().map(|text| serde_json::from_str(text.unwrap()).unwrap()).collect::<Vec<Value>>()
        });
        return Ok(texts.collect());
    }
    Ok(support::json_lines(&full.path().join("b_full.jsonl"))
        .into_iter()
        .map(|mut row| row["raw_data"].take())
        .collect())
}

/// Four rows as columns: NaN and infinity where no feature looks, in one of them where one does.
fn with_nan(read: f64) -> RecordBatch {
    let floats = |values: Vec<Option<f64>>| Arc::new(Float64Array::from(values)) as ArrayRef;
    let stats = StructArray::from(vec![
        (
            Arc::new(arrow_schema::Field::new("n", arrow_schema::DataType::Float64, true)),
            floats(vec![Some(1.0), Some(2.0), Some(read), Some(4.0)]),
        ),
        (
            Arc::new(arrow_schema::Field::new("p", arrow_schema::DataType::Float64, true)),
            floats(vec![Some(f64::NEG_INFINITY), Some(0.5), None, Some(f64::NAN)]),
        ),
    ]);
    columns_of(vec![
        ("question", Arc::new(StringArray::from(vec!["a", "a b", "NaN, a", "a b c d"])) as ArrayRef),
        ("gain", floats(vec![Some(f64::NAN), Some(1.5), Some(f64::INFINITY), None])),
        ("stats", Arc::new(stats)),
    ])
}

#[test]
fn nan_is_null_where_no_feature_reads_it_and_an_error_where_one_does() {
    let place = tempfile::tempdir().unwrap();
    let expected = [
        r#"{"question":"a","gain":null,"stats":{"n":1.0,"p":null}}"#,
        r#"{"question":"a b","gain":1.5,"stats":{"n":2.0,"p":0.5}}"#,
        r#"{"question":"NaN, a","gain":null,"stats":{"n":3.0,"p":null}}"#,
        r#"{"question":"a b c d","gain":null,"stats":{"n":4.0,"p":null}}"#,
    ];
    let lines = |n: &str| {
        format!(
            "{{\"question\": \"a\", \"gain\": NaN, \"stats\": {{\"n\": 1.0, \"p\": -Infinity}}}}\n{{\"question\": \"a b\", \"gain\": 1.5, \"stats\": {{\"n\": 2.0, \"p\": 0.5}}}}\n{{\"question\": \"NaN, a\", \"gain\": Infinity, \"stats\": {{\"n\": {n}, \"p\": null}}}}\n{{\"question\": \"a b c d\", \"gain\": null, \"stats\": {{\"n\": 4.0, \"p\": NaN}}}}\n"
        )
    };
    fs::write(place.path().join("good.jsonl"), lines("3.0")).unwrap();
    fs::write(place.path().join("bad.jsonl"), lines("NaN")).unwrap();
    for (name, bytes) in in_all_forms(&with_nan(3.0)) {
        fs::write(place.path().join(format!("good-{name}")), bytes).unwrap();
    }
    for (name, bytes) in in_all_forms(&with_nan(f64::NAN)) {
        fs::write(place.path().join(format!("bad-{name}")), bytes).unwrap();
    }
    for name in ["good.jsonl", "good-rows.parquet", "good-rows.arrow", "good-lz4.feather"] {
        for format in ["jsonl", "parquet"] {
            let rows = stage1(place.path(), name, "", format).unwrap();
            let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
            assert_eq!(rows, expected, "{name} to {format}");
        }
    }
    for name in ["bad.jsonl", "bad-rows.parquet", "bad-rows.arrow", "bad-zstd.arrow"] {
        let message = stage1(place.path(), name, "", "jsonl").unwrap_err();
        let expected = format!("{name}:3: row 2 of b: field `stats.n`: holds NaN, which is no number to compute with");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn half_a_surrogate_pair_is_stored_as_the_replacement_character() {
    let place = tempfile::tempdir().unwrap();
    let row = |question: &str, note: &str| {
        format!("{{\"question\": \"{question}\", \"note\": \"{note}\", \"stats\": {{\"n\": 1}}}}\n")
    };
    fs::write(place.path().join("rows.jsonl"), row("a", r"\ud83d\ude00 cut \ud83d") + &row("b c", r"\\ud83d")).unwrap();
    for format in ["jsonl", "parquet"] {
        let rows = stage1(place.path(), "rows.jsonl", "", format).unwrap();
        assert_eq!(rows[0]["note"], "\u{1f600} cut \u{fffd}");
        assert_eq!(rows[1]["note"], r"\ud83d");
    }
    fs::write(place.path().join("rows.jsonl"), row("a", "") + &row(r"b \uDE00", "")).unwrap();
    let message = stage1(place.path(), "rows.jsonl", "", "jsonl").unwrap_err();
    assert!(
        message.contains(r"rows.jsonl:2: row 1 of b: field `question`: holds half a character (\uDE00)"),
        "{message}"
    );
}

#[test]
fn columns_that_are_not_selected_are_not_in_the_rows() {
    let place = tempfile::tempdir().unwrap();
    let texts = |values: [&str; 2]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let stats = StructArray::from(vec![(
        Arc::new(arrow_schema::Field::new("n", arrow_schema::DataType::Int64, true)),
        Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef,
    )]);
    let batch = columns_of(vec![
        ("image", Arc::new(arrow_array::BinaryArray::from(vec![&b"\x00\xff"[..], b"x"])) as ArrayRef),
        ("question", texts(["a", "b c"])),
        ("note", texts(["x", "y"])),
        ("stats", Arc::new(stats)),
    ]);
    for (name, bytes) in in_all_forms(&batch) {
        fs::write(place.path().join(name), bytes).unwrap();
    }
    let lines = [
        r#"{"image": "\u0000", "question": "a", "note": "x", "stats": {"n": 1}}"#,
        r#"{"question": "b c", "stats": {"n": 2}, "note": "y", "image": NaN}"#,
    ];
    fs::write(place.path().join("rows.jsonl"), lines.join("\n")).unwrap();
    fs::write(place.path().join("rows.json"), format!("[{}]", lines.join(",\n").replace("NaN", "null"))).unwrap();
    let expected = [r#"{"question":"a","stats":{"n":1}}"#, r#"{"question":"b c","stats":{"n":2}}"#];
    for name in ["rows.parquet", "rows.arrow", "lz4.feather", "rows.jsonl", "rows.json"] {
        for more in ["    drop_columns: [image, note]\n", "    columns: [stats, question]\n"] {
            let rows = stage1(place.path(), name, more, "jsonl").unwrap();
            let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
            assert_eq!(rows, expected, "{name}, {more}");
        }
        let message = stage1(place.path(), name, "    drop_columns: [image, notes]\n", "jsonl").unwrap_err();
        let expected = "b: no row has the column `notes`, which `drop_columns` names; the rows have `image`, `question`, `note`, `stats`";
        assert_eq!(message, expected, "{name}");
    }
    // Columns that are left out may share a name.
    let twice = columns_of(vec![
        ("question", texts(["a", "b"])),
        ("x", texts(["a", "b"])),
        ("x", texts(["a", "b"])),
        ("stats", batch.column(3).clone()),
    ]);
    fs::write(place.path().join("rows.parquet"), parquet_of(&twice)).unwrap();
    assert_eq!(stage1(place.path(), "rows.parquet", "    drop_columns: x\n", "jsonl").unwrap().len(), 2);
}

#[test]
fn values_of_a_csv_file_and_of_generated_rows_are_selected_too() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("rows.csv"), "question,image,year\na,x,1\nb c,y,2\n").unwrap();
    let of = |path: &str, columns: &str, rule: &str| {
        let yaml = format!("benchmarks: {{b: {{path: '{path}', {columns}, difficulty: {rule}}}}}");
        let builder = DatasetBuilder::from_yaml("b.yaml", &yaml).unwrap();
        let full = tempfile::tempdir().unwrap();
        builder.preprocess_all_benchmarks(full.path(), PreprocessOptions::default()).map_err(|e| e.to_string())?;
        Ok::<_, String>(support::json_lines(&full.path().join("b_full.jsonl"))[0]["raw_data"].to_string())
    };
    let words = "{features: {w: {words: question}}, score: [{feature: w}]}";
    let csv = format!("file:{}/rows.csv", place.path().display());
    assert_eq!(of(&csv, "drop_columns: [image]", words).unwrap(), r#"{"question":"a","year":"1"}"#);
    let generated = of("synthetic:gsm8k?rows=3", "columns: [question]", words).unwrap();
    assert!(generated.starts_with(r#"{"question":""#) && !generated.contains(r#""answer":"#), "{generated}");
    let message = of("synthetic:gsm8k?rows=3", "drop_columns: [answers]", words).unwrap_err();
    assert!(message.contains("no row has the column `answers`"), "{message}");
}

#[test]
fn a_value_that_many_rows_share_cannot_expand_without_end() {
    // A megabyte that a thousand rows repeat: a gigabyte of text in a file of some kilobytes.
    let value = "x".repeat(1 << 20);
    let mut bytes = Vec::new();
    let batch =
        |n| RecordBatch::try_from_iter([("text", Arc::new(StringArray::from(vec![value.as_str(); n])) as ArrayRef)]);
    let zstd = parquet::basic::Compression::ZSTD(parquet::basic::ZstdLevel::default());
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_compression(zstd)
        .set_dictionary_page_size_limit(4 << 20)
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
        .build();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch(1).unwrap().schema(), Some(properties)).unwrap();
    for _ in 0..10 {
        writer.write(&batch(100).unwrap()).unwrap();
    }
    writer.close().unwrap();
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let mut most = 0;
    let mut sink = |batch: RowBatch| {
        most = most.max((0..batch.len()).map(|i| batch.bytes(i).len()).sum());
        ControlFlow::Continue(())
    };
    let mut batcher = Batcher::new(&mut sink);
    let Err(ReadError::Malformed { reason, .. }) = parquet_rows::read(bytes::Bytes::from(bytes), &mut batcher) else {
        panic!("it was read to its end");
    };
    assert_eq!(reason, "decompresses to more than 10000 times its size, which real data does not");
    assert!(most < 8 << 20, "{most} bytes at once");
}

/// A footer whose schema is `depth` groups, one within the other, around one column.
fn nested_parquet(depth: usize) -> Vec<u8> {
    // Thrift's compact protocol: field and type in one byte, then the value.
    let mut footer = vec![0x15, 0x02, 0x19, 0xfc];
    let mut n = depth + 2;
    while n >= 0x80 {
        footer.push((n & 0x7f | 0x80) as u8);
        n >>= 7;
    }
    footer.push(n as u8);
    footer.extend([0x48, 1, b'r', 0x15, 0x02, 0]);
    for _ in 0..depth {
        footer.extend([0x35, 0, 0x18, 1, b'g', 0x15, 0x02, 0]);
    }
    footer.extend([0x15, 0x02, 0x25, 0, 0x18, 1, b'c', 0, 0x16, 0, 0x19, 0x0c, 0]);
    let length = (footer.len() as u32).to_le_bytes();
    [b"PAR1", &footer[..], &length, b"PAR1"].concat()
}

#[test]
fn columns_nested_too_deep_are_refused_before_anything_recurses_into_them() {
    let read = |depth| rows_with(|batcher| parquet_rows::read(bytes::Bytes::from(nested_parquet(depth)), batcher));
    assert!(read(1).unwrap().is_empty());
    assert!(read(100).unwrap().is_empty());
    for depth in [200, 1_000_000] {
        let Err(ReadError::Malformed { reason, .. }) = read(depth) else { panic!("{depth}") };
        assert_eq!(reason, "its columns are nested more than 128 deep");
    }
}

type ReadBytes = fn(Vec<u8>) -> Result<Vec<String>, ReadError>;

/// Valid files of columns in all their forms, as seeds of mutations.
fn changed_seeds() -> &'static [(Vec<u8>, ReadBytes)] {
    static SEEDS: std::sync::OnceLock<Vec<(Vec<u8>, ReadBytes)>> = std::sync::OnceLock::new();
    SEEDS.get_or_init(|| {
        let batch = motley();
        let (mut file, mut stream) = (Vec::new(), Vec::new());
        let mut writer = arrow_ipc::writer::FileWriter::try_new(&mut file, &batch.schema()).unwrap();
        writer.write(&batch).and_then(|()| writer.finish()).unwrap();
        let mut writer = arrow_ipc::writer::StreamWriter::try_new(&mut stream, &batch.schema()).unwrap();
        writer.write(&batch).and_then(|()| writer.finish()).unwrap();
        let arrow: ReadBytes = |bytes| {
            let length = bytes.len() as u64;
            rows_with(|batcher| arrow_rows::read(std::io::Cursor::new(bytes), length, batcher))
        };
        vec![
            (parquet_of(&batch), |bytes| rows_with(|batcher| parquet_rows::read(bytes::Bytes::from(bytes), batcher))),
            (file, arrow),
            (stream, arrow),
            (in_all_forms(&batch).swap_remove(2).1, arrow),
            (in_all_forms(&batch).swap_remove(3).1, arrow),
        ]
    })
}

#[test]
fn the_seeds_of_the_mutations_are_valid() {
    for (seed, read) in changed_seeds() {
        assert_eq!(read(seed.clone()).unwrap(), MOTLEY);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_changed_file_of_columns_panics(at: usize, cut in 0_usize..20, insert in prop::collection::vec(any::<u8>(), 0..12), in_place: bool) {
        for (seed, read) in changed_seeds() {
            let at = at % (seed.len() + 1);
            let end = (at + if in_place { insert.len() } else { cut }).min(seed.len());
            let _ = read([&seed[..at], &insert, &seed[end..]].concat());
        }
    }
}
