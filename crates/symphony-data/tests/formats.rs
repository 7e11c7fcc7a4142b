//! Files as people have them: whatever their names say, they are read as what they are, or named for what they are.

use std::fs;

use serde_json::Value;
use symphony_data::{
    DatasetBuilder,
    preprocess::{OnBadRow, PreprocessOptions},
};

/// What stage 1 makes of a file of this name and content: the rows as the store has them, or the message.
fn rows_with(name: &str, content: &[u8], keys: &str, on_bad_row: OnBadRow) -> Result<Vec<Value>, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), content).unwrap();
    let yaml = format!(
        "benchmarks: {{quiz: {{path: 'file:{}/{name}', {keys} difficulty: {{features: {{words: {{words: q}}}}, score: [{{feature: words}}]}}}}}}",
        folder.path().display()
    );
    let builder = DatasetBuilder::from_yaml("quiz.yaml", &yaml).map_err(|error| error.to_string())?;
    let full = folder.path().join("full");
    let options = PreprocessOptions { on_bad_row, ..PreprocessOptions::default() };
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
    assert!(error.contains("rows.csv:2: a row longer than 64 MiB, in quotes that open on line 2"), "{error}");
}
