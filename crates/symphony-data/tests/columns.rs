//! Rows from files of columns: the same text values as from JSON lines, whatever the columns' types; and files of
//! columns that are cut off, damaged or made to break us.

use std::{
    fs::{self, File},
    ops::ControlFlow,
    path::Path,
    sync::Arc,
};

use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray, TimestampMillisecondArray, types::Int32Type,
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
    r#"{"text":null,"whole":null,"real":1e+300,"short":3.4028234663852886e+38,"flag":false,"list":null,"object":{"A":null,"n":2.0},"label":"no","when":"1970-01-02T00:00:00.500"}"#,
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
fn a_file_of_columns_that_is_cut_off_or_damaged_is_one_message_and_no_panic() {
    let place = tempfile::tempdir().unwrap();
    let whole = parquet_of(&motley());
    let path = place.path().join("rows.parquet");
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(rows(&path), Err(ReadError::Malformed { line: 0, .. })), "{length} bytes");
    }
    for (text, expected) in [
        ("<!DOCTYPE html><html>not found</html>", "this is a web page and no Parquet file"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "`git lfs pull` gets it"),
        ("PAR1 and no more", "this is no whole Parquet file (it has no footer); get it anew"),
    ] {
        fs::write(&path, text).unwrap();
        let Err(ReadError::Malformed { reason, .. }) = rows(&path) else { panic!("{text}") };
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn what_json_has_not_is_an_error_and_never_another_value() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("rows.parquet");
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.5, f64::NAN, f64::INFINITY]));
    let inner = StructArray::from(vec![(
        Arc::new(arrow_schema::Field::new("x", arrow_schema::DataType::Float64, true)),
        numbers,
    )]);
    let batch = RecordBatch::try_from_iter([("deep", Arc::new(inner) as ArrayRef)]).unwrap();
    fs::write(&path, parquet_of(&batch)).unwrap();
    let mut faults = Vec::new();
    let mut sink = |batch: RowBatch| {
        faults.extend(
            (0..batch.len()).map(|i| (batch.origin(i).line, batch.row(i).map_err(|fault| fault.to_string()).is_err())),
        );
        ControlFlow::Continue(())
    };
    let mut batcher = Batcher::new(&mut sink);
    batcher.begin("columns", None, false).unwrap();
    Format::Parquet.read_file(&path, None, &mut batcher).and_then(|_| batcher.flush()).unwrap();
    assert_eq!(faults, [(1, false), (2, true), (3, true)]);

    let bytes: ArrayRef = Arc::new(arrow_array::BinaryArray::from(vec![&b"\x00\xff"[..]]));
    fs::write(&path, parquet_of(&RecordBatch::try_from_iter([("image", bytes)]).unwrap())).unwrap();
    let Err(ReadError::Malformed { reason, .. }) = rows(&path) else { panic!("bytes were read") };
    assert_eq!(reason, "its column `image` holds bytes, which JSON has not; write the file without it");
}

#[test]
fn a_value_that_many_rows_share_cannot_unfold_without_end() {
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
    assert_eq!(reason, "unfolds to more than 10000 times its size, as no data does");
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

/// Files of columns that are right, in all their forms, for mutations to begin with.
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
        ]
    })
}

#[test]
fn the_seeds_of_the_mutations_are_good_themselves() {
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
