//! Overlap with other text.

use std::{fs, io::Write, path::Path};

use serde_json::Value;
use symphony_data::compare::{Against, CompareOptions};

use crate::{
    driver::{PROMPT, Place},
    support,
};

const QUESTION: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen";
const SHORT: &str = "these are only eight words in a row";

fn place() -> Place {
    let row = |question: &str| serde_json::json!({"q": question, "a": "x"}).to_string();
    let rows = [row(QUESTION), row("far too short"), row(SHORT), row(&QUESTION.replace("seven", "other"))];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    Place::new(&[("one", &format!("identity: [q], {PROMPT}"), &rows)])
}

/// What is found in these files, and its lines without identities.
fn against(place: &Place, files: &[&Path]) -> (Against, Vec<Value>) {
    let options = CompareOptions {
        against: files.iter().map(|file| file.to_str().unwrap().to_owned()).collect(),
        ..CompareOptions::default()
    };
    let report = place.builder().duplicates(&place.full(), &options).unwrap();
    let mut lines = support::json_lines(&place.full().join("one_overlap.jsonl"));
    for line in &mut lines {
        let identity = line.as_object_mut().unwrap().remove("identity").unwrap();
        assert_eq!(identity.as_str().unwrap().len(), 16);
    }
    (report.against.unwrap(), lines)
}

fn line(row: u32, found: u32, of: u32, longest: u32, file: &str, line: u32) -> Value {
    serde_json::json!({
        "source_id": format!("one_{row}"), "found": found, "of": of, "longest": longest, "file": file, "line": line
    })
}

#[test]
fn planted_runs_are_found_in_text_with_their_line() {
    let place = place();
    let file = place.folder.path().join("other.txt");
    let wrapped = QUESTION.to_uppercase().replace(' ', ",\n- ");
    fs::write(&file, format!("first line\nsecond line {wrapped}\nand {SHORT}.\n")).unwrap();
    let (found, lines) = against(&place, &[&file]);
    assert_eq!(lines, [line(0, 3, 3, 15, "other.txt", 2), line(2, 1, 1, 8, "other.txt", 17)]);
    let own = &found.benchmarks[0];
    assert_eq!((found.files, own.overlapping, own.whole, own.too_short), (1, 2, 2, 1));

    // Twelve words in a row are not enough, nor is a run whose words are in two files.
    let (twelve, rest) = QUESTION.split_at(QUESTION.find(" thirteen").unwrap());
    let files = ["a.txt", "b.txt"].map(|name| place.folder.path().join(name));
    fs::write(&files[0], twelve).unwrap();
    fs::write(&files[1], rest).unwrap();
    assert!(against(&place, &[&files[0], &files[1]]).1.is_empty());
}

#[test]
fn every_place_in_a_large_file_is_looked_at_and_counted_to_the_line() {
    let place = place();
    let file = place.folder.path().join("large.txt");
    // Blocks end at a mebibyte and more: the run is put before, on and behind each place that could be an end.
    for (at, filler) in [
        (1_000_000, "filler\n"),
        (1_048_500, "filler\n"),
        (1_064_900, "filler "),
        (1_064_950, "a-"),
        (2_100_000, "漢字。"),
        (3_000_000, "x"),
    ] {
        let mut text = filler.repeat(at / filler.len());
        let lines = text.matches('\n').count() as u32;
        text += "\n. ";
        text += QUESTION;
        text += "\n";
        text += &filler.repeat(1_500_000 / filler.len());
        fs::write(&file, &text).unwrap();
        let (found, rows) = against(&place, &[&file]);
        assert_eq!(rows, [line(0, 3, 3, 15, "large.txt", lines + 2)], "{filler:?} {at}");
        assert!(found.bytes >= text.len() as u64);
    }
}

#[test]
fn all_strings_of_rows_are_looked_at_in_every_format_folder_and_compression() {
    let place = place();
    let folder = place.folder.path().join("texts");
    fs::create_dir_all(folder.join("deep")).unwrap();
    let row = serde_json::json!({"id": 7, "deep": {"list": ["no", QUESTION]}}).to_string();
    let jsonl = format!("{{\"q\": \"nothing\"}}\n{{\"broken\": \"{SHORT}\n{row}\n");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(jsonl.as_bytes()).unwrap();
    fs::write(folder.join("deep/rows.jsonl.gz"), packed.finish().unwrap()).unwrap();
    let (_, lines) = against(&place, &[&folder]);
    // A broken row counts as text.
    assert_eq!(lines, [line(0, 3, 3, 15, "rows.jsonl.gz", 3), line(2, 1, 1, 8, "rows.jsonl.gz", 2)]);

    fs::write(folder.join("a.csv"), format!("q,a\n\"{QUESTION}\",x\n")).unwrap();
    fs::write(folder.join(".hidden.txt"), SHORT).unwrap();
    let (found, lines) = against(&place, &[&folder, &folder.join("*.csv")]);
    assert_eq!((found.files, &lines[0]), (2, &line(0, 3, 3, 15, "a.csv", 2)));

    let json = folder.join("one.json");
    for text in [
        format!("{{\"page\": {{\"text\": \"{SHORT}\"}}}}"),
        format!("[\"x\", \"{SHORT}\"]"),
        format!("[{{\"t\": \"{SHORT}\"}}]"),
    ] {
        fs::write(&json, text).unwrap();
        assert_eq!(against(&place, &[&json]).1, [line(2, 1, 1, 8, "one.json", 1)]);
    }
}

#[test]
fn text_that_is_no_text_does_no_harm() {
    let place = place();
    let file = place.folder.path().join("odd");
    let mut bytes: Vec<u8> = (0..=255).cycle().take(2 << 20).collect();
    bytes.extend_from_slice(b"\xff\n");
    bytes.extend_from_slice(SHORT.as_bytes());
    fs::write(&file, &bytes).unwrap();
    let lines = bytes.split(|byte| *byte == b'\n').count() as u32 - 1;
    assert_eq!(against(&place, &[&file]).1, [line(2, 1, 1, 8, "odd", lines + 1)]);
    for nothing in [vec![], vec![b'w'; 3 << 20], vec![0; 3 << 20]] {
        fs::write(&file, &nothing).unwrap();
        assert!(against(&place, &[&file]).1.is_empty());
    }
    // A new run without overlap leaves no lines of the run before.
    assert_eq!(fs::read(place.full().join("one_overlap.jsonl")).unwrap(), b"");
}

#[test]
fn the_overlap_of_all_benchmarks_can_be_written_to_one_file() {
    let place = place();
    let (file, output) = (place.folder.path().join("other.txt"), place.folder.path().join("lists/overlap.jsonl"));
    fs::write(&file, SHORT).unwrap();
    let options = CompareOptions {
        against: vec![file.to_str().unwrap().to_owned()],
        output: Some(output.clone()),
        ..CompareOptions::default()
    };
    place.builder().duplicates(&place.full(), &options).unwrap();
    assert_eq!(support::json_lines(&output).len(), 1);
    // A store, or the other text itself, is not replaced.
    let store = place.full().join("one_full.jsonl");
    let before = fs::read(&store).unwrap();
    for taken in [&store, &file] {
        let options = CompareOptions { output: Some(taken.clone()), ..options.clone() };
        let error = place.builder().duplicates(&place.full(), &options).unwrap_err().to_string();
        assert!(error.ends_with(", and is not replaced; name another file for the overlap"), "{error}");
    }
    assert!(fs::read(&store).unwrap() == before && fs::read_to_string(&file).unwrap() == SHORT);
    assert!(!place.full().join("one_overlap.jsonl").exists());
}

#[test]
fn three_rows_of_the_real_gsm8k_share_runs_with_its_training_split() {
    let (Some(data), Some((builder, full))) = (support::real_data(), support::real("default")) else { return };
    let train = data.join("gsm8k/train.jsonl.gz");
    let output = tempfile::tempdir().unwrap();
    let options = CompareOptions {
        against: vec![train.to_str().unwrap().to_owned()],
        output: Some(output.path().join("overlap.jsonl")),
        ..CompareOptions::default()
    };
    let report = builder.duplicates(full, &options).unwrap();
    let found: Vec<u64> = report.against.unwrap().benchmarks.iter().map(|own| own.overlapping).collect();
    assert_eq!(found, [0, 0, 3, 0, 0]);
    let lines = support::json_lines(&output.path().join("overlap.jsonl"));
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            let number = |key: &str| line[key].as_u64().unwrap();
            (line["source_id"].as_str().unwrap(), number("found"), number("of"), number("line"))
        })
        .collect();
    // Computed by a Python script that keeps all runs of 13 words of the training split.
    assert_eq!(lines, [("gsm8k_581", 3, 29, 407), ("gsm8k_602", 7, 13, 1315), ("gsm8k_632", 13, 44, 21)]);
}
