//! Stores in parts: the same rows, scores, labels and pools as a store that is one file.

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use symphony_data::{
    DatasetBuilder,
    config::Config,
    export::{ExportOptions, Input, Target},
    preprocess::{Outcome, PreprocessOptions, preprocess},
    progress::Silent,
    request::RequestSpec,
    store::{Meta, OnBadRow, Store},
    task::Layout,
    verify::{Verdict, verify},
};

/// Tasks with a label and with copies.
const BBH: &str = "benchmarks: {bbh: {path: 'synthetic:bbh?rows=900'}}";

fn config(yaml: &str) -> Config {
    Config::from_yaml("test.yaml", yaml).unwrap()
}

fn in_parts(parts: usize, format: Layout) -> PreprocessOptions {
    PreprocessOptions { parts: NonZeroUsize::new(parts), format: Some(format), ..PreprocessOptions::default() }
}

fn stage1(config: &Config, folder: &Path, options: PreprocessOptions) -> (Outcome, Meta) {
    let benchmark = &config.benchmarks[0];
    preprocess(benchmark, config.store_cut_of(&benchmark.name), folder, options, &Silent).unwrap()
}

/// All files below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert!(fs::read_dir(&path).unwrap().count() > 0, "an empty folder was left: {}", path.display());
            found.extend(
                files(&path)
                    .into_iter()
                    .map(|(name, bytes)| (path.file_name().unwrap().into(), name, bytes))
                    .map(|(folder, name, bytes): (PathBuf, PathBuf, Vec<u8>)| (folder.join(name), bytes)),
            );
        } else {
            found.insert(path.file_name().unwrap().into(), fs::read(&path).unwrap());
        }
    }
    found
}

/// The bytes of two pools of a store, one by each sampler, with their statistics.
fn pools(yaml: &str, full: &Path, name: &str) -> Vec<Vec<u8>> {
    let builder = DatasetBuilder::from_yaml("test.yaml", yaml).unwrap();
    let place = tempfile::tempdir().unwrap();
    ["numpy", "stable"]
        .into_iter()
        .flat_map(|sampler| {
            let request = RequestSpec {
                benchmarks: vec![name.to_owned()],
                n_total_tasks: 60,
                sampler: Some(sampler.to_owned()),
                ..RequestSpec::default()
            };
            let stream = builder.build_task_stream(&request, full).unwrap();
            let (pool, statistics) = (place.path().join("task_pool.jsonl"), place.path().join("statistics.json"));
            builder.save_task_pool(&stream, &pool).unwrap();
            builder.save_statistics(&stream, &statistics).unwrap();
            [fs::read(pool).unwrap(), fs::read(statistics).unwrap()]
        })
        .collect()
}

#[test]
fn rows_scores_labels_and_pools_do_not_depend_on_the_number_of_parts() {
    let config = config(BBH);
    for format in Layout::ALL {
        let whole = tempfile::tempdir().unwrap();
        let (_, meta) = stage1(&config, whole.path(), in_parts(1, format));
        assert!(meta.store.parts.is_empty());
        let one = Store::open(whole.path(), "bbh", &Silent).unwrap();
        let rows: Vec<u32> = (0..900).collect();
        for parts in [2, 8] {
            let folder = tempfile::tempdir().unwrap();
            let (outcome, in_parts) = stage1(&config, folder.path(), in_parts(parts, format));
            assert_eq!((outcome, in_parts.store.parts.len()), (Outcome::Built, parts));
            assert_eq!(in_parts.store.parts.iter().map(|part| part.rows).sum::<u64>(), 900);
            // Nothing else of the meta differs.
            let mut other = in_parts.clone();
            (other.store, other.self_checksum) = (meta.store.clone(), meta.self_checksum.clone());
            assert_eq!(serde_json::to_value(&other).unwrap(), serde_json::to_value(&meta).unwrap());
            let several = Store::open(folder.path(), "bbh", &Silent).unwrap();
            let bits = |store: &Store| store.scores().unwrap().into_iter().map(f64::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(&several), bits(&one));
            assert_eq!(several.identities().unwrap(), one.identities().unwrap());
            assert_eq!(several.rows().unwrap(), 900);
            assert_eq!(several.label_names().unwrap(), one.label_names().unwrap());
            assert_eq!(several.labels().unwrap(), one.labels().unwrap());
            assert_eq!(several.label("task_name").unwrap(), one.label("task_name").unwrap());
            assert_eq!(format!("{:?}", several.fetch(&rows).unwrap()), format!("{:?}", one.fetch(&rows).unwrap()));
            assert_eq!(pools(BBH, folder.path(), "bbh"), pools(BBH, whole.path(), "bbh"));
            if format == Layout::Jsonl {
                let all: Vec<u8> = (0..parts)
                    .flat_map(|part| fs::read(folder.path().join(format!("bbh_full/part-{part:05}.jsonl"))).unwrap())
                    .collect();
                assert!(all == fs::read(whole.path().join("bbh_full.jsonl")).unwrap(), "the lines differ");
            }
        }
    }
}

#[test]
fn a_store_keeps_its_parts_until_others_are_asked_for_and_leaves_no_old_file() {
    let config = config(BBH);
    let (folder, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let names = |folder: &Path| files(folder).into_keys().map(|name| name.display().to_string()).collect::<Vec<_>>();
    stage1(&config, folder.path(), in_parts(1, Layout::Jsonl));
    let one = files(folder.path());
    assert_eq!(stage1(&config, folder.path(), in_parts(3, Layout::Jsonl)).0, Outcome::Built);
    assert_eq!(
        names(folder.path()),
        [
            "bbh_full/part-00000.index",
            "bbh_full/part-00000.jsonl",
            "bbh_full/part-00001.index",
            "bbh_full/part-00001.jsonl",
            "bbh_full/part-00002.index",
            "bbh_full/part-00002.jsonl",
            "bbh_full_meta.json"
        ]
    );
    let three = files(folder.path());
    let keep = PreprocessOptions::default();
    assert_eq!(stage1(&config, folder.path(), keep).0, Outcome::Cached);
    assert_eq!(stage1(&config, folder.path(), PreprocessOptions { force: true, ..keep }).0, Outcome::Built);
    assert!(files(folder.path()) == three);
    // Fewer parts, another format, and one file again.
    assert_eq!(stage1(&config, folder.path(), in_parts(2, Layout::Parquet)).0, Outcome::Built);
    stage1(&config, fresh.path(), in_parts(2, Layout::Parquet));
    assert!(files(folder.path()) == files(fresh.path()));
    assert_eq!(stage1(&config, folder.path(), in_parts(1, Layout::Jsonl)).0, Outcome::Built);
    assert!(files(folder.path()) == one);
    // What a run left that was killed while it wrote parts.
    fs::create_dir(folder.path().join("bbh_full")).unwrap();
    for left in ["part-00000.jsonl", ".part-00001.jsonl.unfinished"] {
        fs::write(folder.path().join("bbh_full").join(left), "half").unwrap();
    }
    assert_eq!(stage1(&config, folder.path(), keep).0, Outcome::Cached);
    assert!(files(folder.path()) == one && !folder.path().join("bbh_full").exists());
}

#[test]
fn a_foreign_file_among_the_parts_stays() {
    let config = config(BBH);
    let folder = tempfile::tempdir().unwrap();
    stage1(&config, folder.path(), in_parts(2, Layout::Jsonl));
    fs::write(folder.path().join("bbh_full/notes.txt"), "mine").unwrap();
    stage1(&config, folder.path(), in_parts(1, Layout::Jsonl));
    let left: Vec<PathBuf> = files(&folder.path().join("bbh_full")).into_keys().collect();
    assert_eq!(left, [PathBuf::from("notes.txt")]);
}

#[test]
fn a_store_has_no_more_parts_than_rows() {
    let config = config("benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=3'}}");
    let folder = tempfile::tempdir().unwrap();
    let (_, meta) = stage1(&config, folder.path(), in_parts(5, Layout::Parquet));
    assert_eq!(meta.store.parts.iter().map(|part| part.rows).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(stage1(&config, folder.path(), in_parts(5, Layout::Parquet)).0, Outcome::Cached);
    assert_eq!(stage1(&config, folder.path(), in_parts(2, Layout::Parquet)).0, Outcome::Built);
}

#[test]
fn a_label_is_one_of_all_parts_together() {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows.jsonl");
    // `late` has its first values in the last part; `mixed` is a text there and a number before.
    let line = |row: usize| {
        let late = if row < 6 { "null".to_owned() } else { format!("\"v{}\"", row % 2) };
        let mixed = if row < 3 { row.to_string() } else { "\"text\"".to_owned() };
        format!("{{\"n\": {row}, \"late\": {late}, \"topic\": \"t{}\", \"mixed\": {mixed}}}\n", row / 4)
    };
    fs::write(&rows, (0..9).map(line).collect::<String>()).unwrap();
    let config = config(&format!(
        "benchmarks: {{mine: {{path: 'file:{}', difficulty: {{features: {{n: {{number: n}}, late: {{field: late}}, topic: \
         {{field: topic}}, mixed: {{field: mixed}}}}, score: [{{feature: n, normalize: p95}}]}}}}}}",
        rows.display()
    ));
    for format in Layout::ALL {
        let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
        stage1(&config, &whole, in_parts(1, format));
        let (_, meta) = stage1(&config, &parts, in_parts(3, format));
        assert_eq!(meta.store.labels, ["late", "topic"]);
        let open = |folder: &Path| Store::open(folder, "mine", &Silent).unwrap();
        assert_eq!(open(&parts).labels().unwrap(), open(&whole).labels().unwrap());
        let late = open(&parts).label("late").unwrap().unwrap();
        assert_eq!((late.value(5), late.value(6), late.value(7)), (None, Some("v0"), Some("v1")));
        assert_eq!(open(&parts).label("mixed").unwrap(), None);
    }
}

#[test]
fn rows_that_are_set_aside_are_those_of_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows.jsonl");
    let line = |row: usize| if row.is_multiple_of(5) { "{}\n".to_owned() } else { format!("{{\"n\": {row}}}\n") };
    fs::write(&rows, (0..41).map(line).collect::<String>()).unwrap();
    let config = config(&format!(
        "benchmarks: {{mine: {{path: 'file:{}', difficulty: {{features: {{n: {{number: n}}}}, score: [{{feature: n, normalize: \
         p95}}]}}}}}}",
        rows.display()
    ));
    let skip = |parts| PreprocessOptions { on_bad_row: Some(OnBadRow::Skip), ..in_parts(parts, Layout::Jsonl) };
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let (_, one) = stage1(&config, &whole, skip(1));
    let (_, four) = stage1(&config, &parts, skip(4));
    assert_eq!((one.rejected_rows, four.rejected_rows, &four.rejected), (9, 9, &one.rejected));
    let rejected = |folder: &Path| fs::read_to_string(folder.join("mine_rejected.jsonl")).unwrap();
    assert_eq!(rejected(&parts), rejected(&whole));
    assert_eq!(stage1(&config, &parts, skip(4)).0, Outcome::Cached);
}

#[test]
fn other_percentiles_rewrite_the_bins_of_every_part() {
    let other = config(&format!("{BBH}\nstream_generation: {{difficulty_percentiles: {{bbh: [45, 55]}}}}"));
    for format in Layout::ALL {
        let (rewritten, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        stage1(&config(BBH), rewritten.path(), in_parts(3, format));
        assert_eq!(stage1(&other, rewritten.path(), in_parts(3, format)).0, Outcome::Rebinned);
        stage1(&other, fresh.path(), in_parts(3, format));
        assert!(files(rewritten.path()) == files(fresh.path()), "{}", format.name());
    }
}

#[test]
fn a_damaged_part_is_noticed_and_rebuilt_and_a_damaged_index_is_made_again() {
    for format in Layout::ALL {
        let folder = tempfile::tempdir().unwrap();
        let config = config(BBH);
        stage1(&config, folder.path(), in_parts(3, format));
        let whole = files(folder.path());
        assert!(verify(folder.path()).unwrap().iter().all(|found| found.verdict == Verdict::Ok));
        // The meta, three parts and their indexes.
        assert_eq!(verify(folder.path()).unwrap().len(), 7);
        for (name, bytes) in &whole {
            let is_index = name.extension().is_some_and(|ending| ending == "index");
            let outcome = if is_index { Outcome::Cached } else { Outcome::Built };
            let mut damaged = bytes.clone();
            damaged[bytes.len() / 2] ^= 4;
            fs::write(folder.path().join(name), &damaged).unwrap();
            let bad = verify(folder.path()).unwrap().into_iter().find(|found| found.verdict != Verdict::Ok).unwrap();
            assert!(bad.path.ends_with(name), "{}: {bad:?}", name.display());
            assert_eq!(stage1(&config, folder.path(), PreprocessOptions::default()).0, outcome, "{}", name.display());
            assert!(files(folder.path()) == whole, "{}", name.display());
            fs::remove_file(folder.path().join(name)).unwrap();
            assert_eq!(
                stage1(&config, folder.path(), PreprocessOptions::default()).0,
                outcome,
                "{} removed",
                name.display()
            );
            assert!(files(folder.path()) == whole, "{}", name.display());
        }
    }
}

#[test]
fn a_file_that_is_not_a_part_of_the_store_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(BBH);
    stage1(&config, folder.path(), in_parts(2, Layout::Jsonl));
    fs::copy(folder.path().join("bbh_full/part-00000.jsonl"), folder.path().join("bbh_full/part-00002.jsonl")).unwrap();
    let found = verify(folder.path()).unwrap();
    let bad: Vec<_> = found.iter().filter(|found| found.verdict == Verdict::Bad).collect();
    assert_eq!(bad.len(), 1);
    assert!(bad[0].path.ends_with("bbh_full/part-00002.jsonl"));
    assert!(bad[0].problem.as_ref().unwrap().contains("preprocess again to remove it"));
    stage1(&config, folder.path(), PreprocessOptions::default());
    assert!(verify(folder.path()).unwrap().iter().all(|found| found.verdict == Verdict::Ok));
}

#[test]
fn a_draw_that_reads_a_damaged_byte_of_a_part_rebuilds_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(BBH);
    stage1(&config, folder.path(), in_parts(2, Layout::Jsonl));
    let (whole, drawn) = (files(folder.path()), pools(BBH, folder.path(), "bbh"));
    let part = folder.path().join("bbh_full/part-00001.jsonl");
    // Damage in every line, so that any draw meets it.
    let damaged = fs::read_to_string(&part).unwrap().replace("\"benchmark\"", "\"benchmarc\"");
    fs::write(&part, damaged).unwrap();
    assert_eq!(pools(BBH, folder.path(), "bbh"), drawn);
    assert!(files(folder.path()) == whole);
}

#[test]
fn a_missing_part_is_reported_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    stage1(&config(BBH), folder.path(), in_parts(2, Layout::Jsonl));
    let part = folder.path().join("bbh_full/part-00001.jsonl");
    fs::remove_file(&part).unwrap();
    let error = Store::open(folder.path(), "bbh", &Silent).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: this file is missing", part.display()));
    assert!(matches!(&error.hints()[..], [symphony_data::Hint::Preprocess { benchmarks, folder: full, .. }]
            if *benchmarks == ["bbh"] && full == folder.path()));
}

#[test]
fn a_meta_that_names_a_part_elsewhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    stage1(&config(BBH), folder.path(), in_parts(2, Layout::Jsonl));
    let path = folder.path().join("bbh_full_meta.json");
    let mut meta: Meta = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    meta.store.parts[0].name = "../bbh_full/part-00000.jsonl".to_owned();
    meta.self_checksum.clear();
    fs::write(&path, symphony_data::disk::checksum::seal(&meta).unwrap()).unwrap();
    let error = Store::open(folder.path(), "bbh", &Silent).unwrap_err().to_string();
    assert!(error.contains("names a file that is not a part"), "{error}");
}

#[test]
fn a_store_of_parts_is_exported_by_its_folder_too() {
    let folder = tempfile::tempdir().unwrap();
    let builder = DatasetBuilder::from_yaml("test.yaml", BBH).unwrap();
    let (parts, whole) = (folder.path().join("parts"), folder.path().join("whole"));
    stage1(&builder.config, &parts, in_parts(3, Layout::Jsonl));
    stage1(&builder.config, &whole, in_parts(1, Layout::Jsonl));
    let exported = |from: PathBuf, name: &str| {
        let to = folder.path().join(name);
        let options = ExportOptions {
            target: Target::LmEval,
            name: Some("bbh".to_owned()),
            benchmarks: Vec::new(),
            force: false,
        };
        builder.export(vec![Input::Path(from)], &options, &to).unwrap();
        let mut found = files(&to);
        // It names the folder that was exported.
        found.retain(|name, _| name.extension().is_some_and(|ending| ending == "jsonl"));
        found.into_values().collect::<Vec<_>>()
    };
    let one = exported(whole.join("bbh_full.jsonl"), "a");
    assert!(!one.is_empty());
    assert!(exported(parts.join("bbh_full"), "b") == one);
}
