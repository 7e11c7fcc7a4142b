//! Input from strangers: files and configurations that are hostile or broken. Nothing panics, nothing runs away, and
//! nothing is written to the wrong place.
//!
//! A short run is part of every test run; `PROPTEST_CASES=200000` makes a long one.

use std::{fs, io::Write, ops::ControlFlow, path::Path};

use proptest::prelude::*;
use symphony_data::{
    DatasetBuilder,
    config::{Config, DEFAULT_CONFIG, DEFAULT_EXPERIMENTS},
    difficulty::{Feature, Rule, Scorer, Term},
    format::{Batcher, Format, compression},
    preprocess::PreprocessOptions,
    request::{RequestSpec, Split},
    source::SourcePath,
    store::OnBadRow,
};

const SEEDS: [&str; 4] = [
    DEFAULT_CONFIG,
    DEFAULT_EXPERIMENTS,
    include_str!("fixtures/seven_mistakes.yaml"),
    include_str!("../src/config/presets/gsm8k.yaml"),
];

/// Valid rows in the three formats, as seeds of mutations.
const ROWS: [(Format, &str); 3] = [
    (
        Format::Jsonl,
        "{\"q\": \"a b \\u00e9\", \"n\": 1.5, \"o\": {\"A\": \"x y\", \"B\": [1, null]}}\n{\"q\": \"\", \"n\": -2, \"o\": []}\n",
    ),
    (
        Format::Json,
        "[\n  {\"q\": \"a b\", \"n\": 1.5, \"o\": {\"A\": \"x\\ny\"}},\n  {\"q\": \"[\", \"n\": 2e3, \"o\": [{}]}\n]\n",
    ),
    (Format::Csv, "q,n,o\n\"a, \"\"b\"\"\",1,x\nc,2,\"y\nz\"\n"),
];

/// An object that holds an array of rows.
const HOLDER: &str = "{\"canary\": \"x\", \"data\": {\"tags\": [1, {}], \"rows\": [{\"q\": \"a\", \"n\": 1, \"o\": []}, {\"q\": \"\"}]}, \"n\": 2}";

/// Cuts a piece out of `seed`, and puts `insert` in its place.
fn mutate(seed: &[u8], at: usize, cut: usize, insert: &[u8]) -> Vec<u8> {
    let at = at % (seed.len() + 1);
    let end = (at + cut).min(seed.len());
    [&seed[..at], insert, &seed[end..]].concat()
}

/// A rule that reads every field in every way.
fn scorer() -> Scorer {
    let features = [
        ("chars", "{chars: q}"),
        ("words", "{words: q}"),
        ("lines", "{lines: q}"),
        ("number", "{number: n}"),
        ("items", "{items: o}"),
        ("mean", "{mean_words: o}"),
        ("nested", "{field: o.A}"),
        ("present", "{present: {field: q, substrings: [A], ignore_case: true}}"),
    ];
    let features = features.map(|(name, yaml)| (name.into(), Feature::from_yaml(yaml).unwrap())).into();
    let score = vec![Term::Feature { feature: "number".into(), weight: 1.0, constant: Some("c".into()) }];
    Scorer::compile(&Rule { features, score }, &["q".into(), "o".into()]).unwrap()
}

/// Reads `bytes` to the end, computes every row, and returns the number of rows.
fn read(format: Format, key: Option<&str>, bytes: &[u8], scorer: &Scorer) -> usize {
    let mut rows = 0;
    let mut sink = |batch: symphony_data::row::RowBatch| {
        let features = scorer.features(&batch);
        assert_eq!(features.rows().count() + features.rejected.len(), batch.len());
        rows += batch.len();
        ControlFlow::Continue(())
    };
    let mut batcher = Batcher::new(&mut sink);
    let _ = batcher.begin("strange", Some(("config", "x")), format.is_untyped());
    let _ = format.read_text(&mut &bytes[..], key, &mut batcher);
    let _ = batcher.flush();
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_configuration_panics(seed in 0..SEEDS.len(), at: usize, cut in 0_usize..40, insert in "[ -~\n\t]{0,12}|\\PC{0,4}") {
        let bytes = mutate(SEEDS[seed].as_bytes(), at, cut, insert.as_bytes());
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(mut config) = Config::from_yaml_with_experiments("strange.yaml", &text, Some(("experiments.yaml", DEFAULT_EXPERIMENTS))) {
            let _ = config.use_synthetic_sources();
        }
        let _ = Config::from_yaml_with_experiments("data_config.yaml", DEFAULT_CONFIG, Some(("strange.yaml", &text)));
    }

    #[test]
    fn no_text_taken_for_a_configuration_panics(text in "\\PC{0,200}|[-{}\\[\\]:,&*#|>!%@a \n]{0,200}") {
        let _ = Config::from_yaml("strange.yaml", &text);
    }

    #[test]
    fn no_row_of_any_format_panics(which in 0..ROWS.len(), at: usize, cut in 0_usize..20, insert in prop::collection::vec(any::<u8>(), 0..12)) {
        let (format, seed) = ROWS[which];
        read(format, None, &mutate(seed.as_bytes(), at, cut, &insert), &scorer());
    }

    #[test]
    fn no_object_that_holds_rows_panics(at: usize, cut in 0_usize..20, insert in prop::collection::vec(any::<u8>(), 0..12)) {
        read(Format::Json, Some("data.rows"), &mutate(HOLDER.as_bytes(), at, cut, &insert), &scorer());
    }

    #[test]
    fn no_bytes_taken_for_a_file_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in [Format::Jsonl, Format::Json, Format::Csv, Format::SemicolonCsv, Format::Tsv] {
            read(format, None, &bytes, &scorer());
        }
        for magic in [&b"\x1f\x8b\x08"[..], b"\x28\xb5\x2f\xfd"] {
            let bytes = [magic, &bytes].concat();
            if let Ok(mut reader) = compression::decompress(&bytes[..]) {
                let _ = std::io::copy(&mut reader, &mut std::io::sink());
            }
        }
    }

    #[test]
    fn no_path_name_or_split_panics(text in "\\PC{0,60}", tail in "[a-z0-9:?=&/.*\\[\\]{}_-]{0,60}") {
        for text in [text.clone(), format!("file:{tail}"), format!("synthetic:{tail}"), format!("synthetic:gsm8k?{tail}"), tail] {
            if let Ok(path) = SourcePath::parse(&text) {
                let _ = (path.portable(), path.check_configs(&["a".into()]), path.check_configs(&[]));
            }
            let _ = (symphony_data::config::check_name(&text), Split::parse(&text));
            let config = Config::from_yaml("data_config.yaml", DEFAULT_CONFIG).unwrap();
            let spec = RequestSpec { benchmarks: vec![text.clone()], difficulty_split: Some(text), n_total_tasks: 1, ..RequestSpec::default() };
            let _ = spec.resolve(&config);
        }
    }
}

#[test]
fn the_seeds_of_the_mutations_are_valid() {
    let scorer = scorer();
    for (format, seed) in ROWS {
        assert_eq!(read(format, None, seed.as_bytes(), &scorer), 2, "{format:?}");
    }
    assert_eq!(read(Format::Json, Some("data.rows"), HOLDER.as_bytes(), &scorer), 2);
}

fn preprocess(file: &Path, full: &Path, on_bad_row: OnBadRow) -> Result<u64, String> {
    let yaml = format!(
        "benchmarks: {{mine: {{path: 'file:{}', difficulty: {{features: {{n: {{number: n}}}}, score: [{{feature: n}}]}}}}}}",
        file.display()
    );
    let builder = DatasetBuilder::from_yaml("strange.yaml", &yaml).unwrap();
    let metas = builder.preprocess_all_benchmarks(
        full,
        PreprocessOptions { on_bad_row: Some(on_bad_row), ..PreprocessOptions::default() },
    );
    metas.map(|metas| metas[0].n_tasks_full).map_err(|error| error.to_string())
}

#[test]
fn rows_nested_deeper_than_128_are_refused_and_others_kept() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("rows.jsonl");
    let nested = |depth: usize| format!("{{\"n\": 1, \"x\": {}{}}}\n", "[".repeat(depth), "]".repeat(depth));
    let in_text = format!("{{\"n\": 1, \"x\": \"\\\"{}\"}}\n", "[".repeat(5000));
    fs::write(&file, nested(127) + &in_text).unwrap();
    assert_eq!(preprocess(&file, place.path(), OnBadRow::Stop), Ok(2));
    fs::write(&file, nested(127) + &nested(128) + &nested(100_000)).unwrap();
    let error = preprocess(&file, place.path(), OnBadRow::Stop).unwrap_err();
    assert!(error.contains("rows.jsonl:2: row 1 of mine: lists and objects are nested more than 128 deep"), "{error}");
    assert_eq!(preprocess(&file, place.path(), OnBadRow::Skip), Ok(1));
}

#[test]
fn a_line_longer_than_64_mib_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("rows.jsonl");
    fs::write(&file, vec![b'x'; (64 << 20) + 10]).unwrap();
    let error = preprocess(&file, place.path(), OnBadRow::Skip).unwrap_err();
    assert!(error.contains("rows.jsonl:1: a line is longer than 64 MiB; is this JSON lines?"), "{error}");
}

#[test]
fn a_file_that_decompresses_without_end_is_refused_early() {
    let place = tempfile::tempdir().unwrap();
    // 1 GiB of good rows and of empty lines, in about a megabyte.
    for (ending, piece) in [("gz", "{\"n\": 1}\n"), ("zst", "\n")] {
        let file = place.path().join(format!("rows.jsonl.{ending}"));
        let out = fs::File::create(&file).unwrap();
        let block = piece.repeat((1 << 20) / piece.len());
        if ending == "gz" {
            let mut gz = flate2::write::GzEncoder::new(out, flate2::Compression::best());
            (0..1024).for_each(|_| gz.write_all(block.as_bytes()).unwrap());
            gz.finish().unwrap();
        } else {
            let mut zst = zstd::Encoder::new(out, 3).unwrap();
            (0..1024).for_each(|_| zst.write_all(block.as_bytes()).unwrap());
            zst.finish().unwrap();
        }
        let error = preprocess(&file, &place.path().join("full"), OnBadRow::Skip).unwrap_err();
        assert!(error.contains("decompresses to more than 500 times its size"), "{ending}: {error}");
        assert!(fs::read_dir(place.path().join("full")).unwrap().next().is_none());
    }
}

#[cfg(unix)]
#[test]
fn a_link_planted_in_the_output_folder_is_replaced_and_never_followed() {
    let place = tempfile::tempdir().unwrap();
    let (full, victim) = (place.path().join("full"), place.path().join("victim"));
    fs::create_dir(&full).unwrap();
    fs::write(&victim, "precious").unwrap();
    for name in ["mine_full.jsonl", "mine_full_meta.json", ".mine_full.jsonl.unfinished", "mine_rejected.jsonl"] {
        std::os::unix::fs::symlink(&victim, full.join(name)).unwrap();
    }
    let file = place.path().join("rows.jsonl");
    fs::write(&file, "{\"n\": 1}\n").unwrap();
    assert_eq!(preprocess(&file, &full, OnBadRow::Stop), Ok(1));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(fs::read_dir(&full).unwrap().all(|entry| !entry.unwrap().file_type().unwrap().is_symlink()));
}
