//! Files as users have them: they are read by their content, not by their names, or the message says what they are.

use std::{fs, io::Write};

use serde_json::Value;
use symphony_data::{
    DatasetBuilder,
    preprocess::PreprocessOptions,
    store::{Meta, OnBadRow},
};

/// Runs stage 1 on a file of this name and content, and returns the rows of the store, or the message.
fn rows_with(name: &str, content: &[u8], keys: &str, on_bad_row: OnBadRow) -> Result<Vec<Value>, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), content).unwrap();
    let yaml = format!(
        "benchmarks: {{quiz: {{path: 'file:{}/{name}', {keys} difficulty: {{features: {{words: {{words: q}}}}, score: [{{feature: words}}]}}}}}}",
        folder.path().display()
    );
    let builder = DatasetBuilder::from_yaml("quiz.yaml", &yaml).map_err(|error| error.to_string())?;
    let full = folder.path().join("full");
    let options = PreprocessOptions { on_bad_row: Some(on_bad_row), ..PreprocessOptions::default() };
    match builder.preprocess_all_benchmarks(&full, options) {
        Ok(_) => {
            let store = fs::read_to_string(full.join("quiz_full.jsonl")).unwrap();
            Ok(store.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["raw_data"].clone()).collect())
        }
        Err(error) => Err(error.to_string().replace(&format!("quiz: {}/", folder.path().display()), "")),
    }
}

fn rows(name: &str, content: &[u8]) -> Result<Vec<Value>, String> {
    rows_with(name, content, "", OnBadRow::Stop)
}

/// The values of `q` in the rows.
fn questions(name: &str, content: &[u8]) -> Vec<String> {
    let rows = rows(name, content).unwrap_or_else(|error| panic!("{error}"));
    rows.iter().map(|row| row["q"].as_str().unwrap().to_owned()).collect()
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(content).unwrap();
    gz.finish().unwrap()
}

fn zst(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 1).unwrap()
}

const LINES: &str = "{\"q\": \"a b\"}\n{\"q\": \"c\"}\n";
const ARRAY: &str = "[\n  {\"q\": \"a b\"},\n  {\"q\": \"c\"}\n]\n";
const CSV: &str = "q,n\na b,1\nc,2\n";

#[test]
fn a_csv_that_ends_inside_quotes_is_an_error() {
    // The quote on line 4 takes all lines after it for one value.
    let lines: String = (0..40).map(|i| format!("{i},What is {i}?\n")).collect();
    let error = rows("rows.csv", format!("n,q\n0,a\n1,b\n2,\"What is this\n{lines}").as_bytes()).unwrap_err();
    assert_eq!(
        error,
        "rows.csv:4: the file ends inside quotes that open on line 4; close them, or get the file again if it was cut off"
    );
    for (content, line) in [
        ("q\na\n\"b\nc\n", 3),
        // A value with a line break before it: the quotes open on the line after the one where the row begins.
        ("n,q\n\"1\n2\",\"b\n", 3),
        ("n,\"q\n1,a\n", 1),
        ("q\na\n\"b\"\"\n", 3),
        ("q\r\na\r\n\"", 3),
    ] {
        let error = rows_with("rows.csv", content.as_bytes(), "", OnBadRow::Skip).unwrap_err();
        assert!(error.contains(&format!("ends inside quotes that open on line {line};")), "{content:?}: {error}");
    }
}

#[test]
fn a_csv_is_read_as_python_reads_it() {
    // list(csv.DictReader(open(…, newline=""))) of Python 3.
    assert_eq!(
        questions("rows.csv", b"\xef\xbb\xbf\"q\",n\r\n\"a, \"\"b\"\"\n c\",1\r\n\r\n d ,2\r\ne\"f,3\n\"\",4"),
        ["a, \"b\"\n c", " d ", "e\"f", ""]
    );
    assert_eq!(questions("rows.tsv", b"n\tq\n1\ta, b\n2\t\"c\td\"\n"), ["a, b", "c\td"]);
}

#[test]
fn text_behind_a_closing_quote_is_a_bad_row() {
    // Python's csv with strict=True: ',' expected after '"'.
    let content = b"q\n\"What is this\n\"And \"that\"\nc\n";
    let error = rows("rows.csv", content).unwrap_err();
    assert!(
        error.contains("rows.csv:2: row 0 of quiz: has text behind a closing quote; is a quote before it"),
        "{error}"
    );
    assert_eq!(rows_with("rows.csv", content, "", OnBadRow::Skip).unwrap().len(), 1);
}

#[test]
fn a_row_of_a_csv_takes_no_more_than_64_mib() {
    let content = ["q\n\"a\n".as_bytes(), &vec![b'x'; (64 << 20) + 10]].concat();
    let error = rows("rows.csv", &content).unwrap_err();
    assert!(error.contains("rows.csv:2: a row is longer than 64 MiB, in quotes that open on line 2"), "{error}");
}

#[test]
fn a_json_array_that_is_broken_is_an_error_with_line_and_column() {
    // Line and column are those of Python 3.11's json.load.
    for (content, line, column) in [
        ("[\n  {\"q\": \"a\", \"steps\": [\n      7\n      8\n    ]}\n]", 4, 7),
        ("[\n  {\"q\": \"a\"}\n  {\"q\": \"b\"}\n]", 3, 3),
        ("[\n  {\"q\": \"a\"},,\n  {\"q\": \"b\"}\n]", 2, 14),
        ("[,\n  {\"q\": \"a\"}\n]", 1, 2),
        ("[\n  {\"q\": \"a\"},\n]", 3, 1),
        ("[{\"q\": \"is it so?\", \"ok\": tru\ne}]", 1, 27),
        ("[{\"q\": \"is it so?\", \"year\": 20\n  24}]", 2, 3),
        ("[{\"q\": \"is it so?\"\n  \"year\": 2024}]", 2, 3),
        ("[{\"q\": \"é\", \"n\": 01}]", 1, 19),
        ("[{\"q\": \"a\", \"n\": [1, ]}]", 1, 22),
        ("[{\"q\": \"a\", }]", 1, 13),
        ("[{\"q\" \"a\"}]", 1, 7),
        ("[{\"q\": \"a\", \"n\": [1}]", 1, 20),
        ("[{\"q\": \"a\n\"}]", 1, 10),
        ("[{'q': \"a\"}]", 1, 3),
        ("[{\"q\": \"a\"} {\"q\": \"b\"}]", 1, 13),
        ("[{\"q\": \"a\", \"n\": -}]", 1, 18),
        ("[{\"q\": \"a\", \"n\": 1.}]", 1, 19),
    ] {
        let error = rows_with("rows.json", content.as_bytes(), "", OnBadRow::Skip).unwrap_err();
        assert!(error.starts_with(&format!("rows.json:{line}: not JSON: ")), "{content}: {error}");
        assert!(error.ends_with(&format!(" (column {column})")), "{content}: {error}");
    }
}

#[test]
fn a_valid_json_array_is_read_in_any_layout() {
    let content = "\u{feff} [ {\"q\" : \"a, ]\\\"\", \"n\":-0.5e+3 ,\r\n\t\"o\": [ ],\"p\":{ },\"x\":[true,\nfalse , null]} ,\n{\"q\":\"b\"}\n]\n ";
    let found = rows("rows.json", content.as_bytes()).unwrap();
    let expected: Vec<Value> = vec![
        serde_json::json!({"q": "a, ]\"", "n": -500.0, "o": [], "p": {}, "x": [true, false, null]}),
        serde_json::json!({"q": "b"}),
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_element_that_is_json_but_not_a_row_can_be_skipped() {
    let content = b"[{\"q\": \"a\"}, 3, {\"q\": NaN}, {\"q\": \"b\"}]";
    assert_eq!(rows_with("rows.json", content, "", OnBadRow::Skip).unwrap().len(), 2);
}

#[test]
fn files_are_read_by_their_content_and_not_by_their_names() {
    let json = |text: &str| text.as_bytes().to_vec();
    for (name, content) in [
        ("rows.JSONL", json(LINES)),
        ("rows.Csv", json(CSV)),
        ("rows.JSONL.GZ", gz(LINES.as_bytes())),
        ("rows.csv.ZST", zst(CSV.as_bytes())),
        ("rows.jsonl", gz(LINES.as_bytes())),
        ("rows.json", zst(ARRAY.as_bytes())),
        ("rows.jsonl.gz", zst(LINES.as_bytes())),
        ("rows.jsonl.gz", json(LINES)),
        ("rows.csv.gz", json(CSV)),
        ("rows.jsonl", json(ARRAY)),
        ("rows.json", json(LINES)),
        ("rows.csv", json(LINES)),
        ("rows.tsv", json("q\tn\na b\t1\nc\t2\n")),
        ("rows.tsv.gz", gz(b"q\tn\na b\t1\nc\t2\n")),
        ("rows.tsv", json(CSV)),
        ("rows.csv", json("q;n\na b;1,5\nc;2\n")),
        ("rows.csv", json("q\tn\na b\t1\nc\t2\n")),
    ] {
        assert_eq!(questions(name, &content), ["a b", "c"], "{name} {:?}", String::from_utf8_lossy(&content));
    }
}

#[test]
fn a_long_json_object_is_told_from_json_lines() {
    let long = "x".repeat(200_000);
    let lines = format!("{{\"q\": \"{long}\"}}\n{{\"q\": \"c\"}}\n");
    assert_eq!(questions("rows.json", lines.as_bytes()), [long.as_str(), "c"]);
    let object = format!("{{\"note\": \"{long}\", \"examples\": [{{\"q\": \"a\"}}]}}");
    assert!(rows("rows.json", object.as_bytes()).unwrap_err().contains("write `rows: examples`"));
    let found = rows_with("rows.jsonl", object.as_bytes(), "rows: examples,", OnBadRow::Stop);
    assert_eq!(found.unwrap().len(), 1);
}

#[test]
fn the_message_about_a_file_that_cannot_be_read_says_what_it_is() {
    let utf16: Vec<u8> = CSV.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16_be: Vec<u8> = LINES.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (name, content, expected) in [
        (
            "rows.csv",
            [&b"\xff\xfe"[..], &utf16].concat(),
            "text in UTF-16; convert it to UTF-8, such as with `iconv -f UTF-16 -t UTF-8`",
        ),
        ("rows.csv", utf16, "text in UTF-16LE; convert it"),
        ("rows.jsonl", [&b"\xfe\xff"[..], &utf16_be].concat(), "text in UTF-16; convert it"),
        ("rows.json", utf16_be, "text in UTF-16BE; convert it"),
        (
            "rows.csv",
            b"q,n\na,1\ncaf\xe9,2\n".to_vec(),
            "not UTF-8 (byte 0xE9 on line 3); it seems to be Latin-1 or Windows-1252: convert it",
        ),
        ("rows.jsonl", b"{\"q\": \"a\"}\n{\"q\": \"caf\xe9\"}\n".to_vec(), "not UTF-8 (byte 0xE9 on line 2)"),
        (
            "rows.jsonl",
            b"\n<!DOCTYPE html>\n<html>".to_vec(),
            "this is a web page, not data; the download probably failed",
        ),
        ("rows.csv", b"<HTML><body>".to_vec(), "this is a web page, not data"),
        ("rows.csv", b"PK\x03\x04\x14\0\0\0".to_vec(), "this file is a zip archive"),
        ("rows.jsonl.gz", b"BZh91AY&SY".to_vec(), "compressed with bzip2, which is not supported; run `bunzip2`"),
        ("rows.jsonl.gz", gz(&gz(LINES.as_bytes())), "compressed twice"),
        ("rows.jsonl.gz", Vec::new(), "this file is empty, not compressed as its name says"),
        ("rows.jsonl.gz", b"this is no gzip".to_vec(), "plain text, not compressed as its name says"),
        ("rows.parquet.gz", gz(b"PAR1 and so on"), "this file of columns is compressed as a whole; decompress it"),
        ("rows.csv", b"\x01\0\0\0\x02\0\0\0\x03\x04\x05\xff".to_vec(), "binary data"),
        ("rows.jsonl", CSV.into(), "this file is a table with commas between its values, not JSON; name it .csv"),
        ("rows.json", b"q\tn\na b\t1\n".to_vec(), "a table with tabs between its values, not JSON; name it .tsv"),
        (
            "rows.csv",
            b"q;n\na;1\nb; c;2\n".to_vec(),
            "the header has `;` between its 2 names and no commas, but record 2 has 3 values with it; write commas",
        ),
        ("rows.jsonl", b"version https://git-lfs.github.com/spec/v1\n".to_vec(), "get the file with `git lfs pull`"),
    ] {
        let error = rows_with(name, &content, "", OnBadRow::Skip).unwrap_err();
        assert!(error.starts_with(&format!("{name}:")) && error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn a_broken_first_line_is_a_bad_row_and_not_another_kind_of_file() {
    for first in ["not json", "{\"q\": \"a\"", "{\"q\": \"a", "{\"q\": 1,", "[1, 2]", "{}{}", "{'q': 1}"] {
        let content = format!("{first}\n{LINES}");
        assert_eq!(rows_with("rows.jsonl", content.as_bytes(), "", OnBadRow::Skip).unwrap().len(), 2, "{first}");
    }
}

const HOLDER: &str = r#"{
  "canary": "x",
  "tags": [1, 2, 3],
  "examples": [
    {"q": "a b", "target": [{"x": 1}]},
    {"q": "c", "target": []}
  ],
  "data": {"test": [{"q": "d"}]}
}"#;

#[test]
fn rows_selects_the_array_in_an_object_and_without_it_the_message_lists_the_arrays() {
    for name in ["rows.json", "rows.jsonl"] {
        let error = rows(name, HOLDER.as_bytes()).unwrap_err();
        assert_eq!(
            error,
            format!(
                "{name}: this file is one object; its arrays are under `examples` (2 objects), `data.test` (1 object), \
                 `tags` (3 values): write `rows: examples` in the benchmark"
            )
        );
        let under = |key: &str| rows_with(name, HOLDER.as_bytes(), &format!("rows: {key},"), OnBadRow::Stop);
        let found = under("examples").unwrap();
        assert_eq!(
            found,
            [serde_json::json!({"q": "a b", "target": [{"x": 1}]}), serde_json::json!({"q": "c", "target": []})]
        );
        assert_eq!(under("data.test").unwrap(), [serde_json::json!({"q": "d"})]);
        for missing in ["example", "canary", "data", "examples.q"] {
            let error = under(missing).unwrap_err();
            assert!(
                error.contains(&format!("has no array under `{missing}`; its arrays are under `examples`")),
                "{error}"
            );
        }
    }
    let compact = serde_json::from_str::<Value>(HOLDER).unwrap().to_string();
    assert!(rows("rows.json", compact.as_bytes()).unwrap_err().contains("write `rows: examples`"));
    assert_eq!(rows_with("rows.json.gz", &gz(compact.as_bytes()), "rows: examples,", OnBadRow::Stop).unwrap().len(), 2);
    let twice = br#"{"examples": [{"q": "a"}], "examples": [{"q": "b"}]}"#;
    let error = rows_with("rows.json", twice, "rows: examples,", OnBadRow::Stop).unwrap_err();
    assert!(error.contains("the key `examples` occurs twice"), "{error}");
    for (name, content) in [("rows.json", ARRAY), ("rows.jsonl", LINES), ("rows.csv", CSV)] {
        let error = rows_with(name, content.as_bytes(), "rows: examples,", OnBadRow::Stop).unwrap_err();
        assert!(error.contains("`rows: examples` names an array in"), "{name}: {error}");
    }
    let cut = &HOLDER[..HOLDER.len() - 20];
    let error = rows_with("rows.json", cut.as_bytes(), "rows: examples,", OnBadRow::Stop).unwrap_err();
    assert!(error.contains("rows.json:8: the file ends inside its object; it seems to be cut off"), "{error}");
}

#[test]
fn a_change_of_rows_rebuilds_the_store_and_rows_without_a_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.json");
    fs::write(&file, r#"{"a": [{"q": "x"}], "b": [{"q": "y"}, {"q": "z"}]}"#).unwrap();
    let make = |key: &str| -> Meta {
        let yaml = format!(
            "benchmarks: {{quiz: {{path: 'file:{}', rows: {key}, difficulty: {{features: {{words: {{words: q}}}}, score: [{{feature: words}}]}}}}}}",
            file.display()
        );
        let builder = DatasetBuilder::from_yaml("quiz.yaml", &yaml).unwrap();
        builder.preprocess_all_benchmarks(folder.path(), PreprocessOptions::default()).unwrap().remove(0)
    };
    assert_eq!((make("a").n_tasks_full, make("b").n_tasks_full), (1, 2));
    for (key, why) in [("''", "is not a valid key"), ("a..b", "is not a valid key")] {
        let error = rows_with("rows.json", b"[]", &format!("rows: {key},"), OnBadRow::Stop).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    let yaml = "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=3', rows: a}}";
    let error = DatasetBuilder::from_yaml("c.yaml", yaml).err().unwrap().to_string();
    assert!(error.contains("the rows are generated"), "{error}");
}
