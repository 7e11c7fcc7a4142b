//! Files that cannot be read are told apart from absent or changed ones, and a run never waits for itself.

use std::{fs, os::unix::fs::symlink, path::Path, sync::Mutex};

use symphony_data::{
    DatasetBuilder,
    config::Config,
    draw::with_stores,
    preprocess::PreprocessOptions,
    progress::{Note, Progress, Silent},
    request::RequestSpec,
    store::{OnBadRow, Store, StoreError},
    verify::{Verdict, verify},
};

/// Six benchmarks of generated rows.
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn builder() -> DatasetBuilder {
    let benchmark =
        |name: &&str| format!("  {name}: {{path: 'synthetic:gsm8k?rows=300', difficulty: {{preset: gsm8k}}}}\n");
    let benchmarks: String = NAMES.iter().map(benchmark).collect();
    DatasetBuilder::from_yaml("six.yaml", &format!("benchmarks:\n{benchmarks}")).unwrap()
}

/// Keeps all notes.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Progress for Told {
    fn note(&self, note: Note<'_>) {
        self.0.lock().unwrap().push(note.to_string());
    }
}

fn draw(config: &Config, folder: &Path, progress: &dyn Progress) {
    let benchmarks = NAMES.map(str::to_owned).to_vec();
    let spec = RequestSpec { benchmarks, n_total_tasks: 12, ..RequestSpec::default() };
    let request = spec.resolve(config).unwrap();
    with_stores(config, folder, [&request], progress, |library| library.draw(&request).map(drop)).unwrap();
}

#[test]
fn stores_that_are_opened_together_never_wait_for_each_other() {
    let builder = builder();
    let folder = tempfile::tempdir().unwrap();
    builder.preprocess_all_benchmarks(folder.path(), PreprocessOptions::default()).unwrap();
    for _ in 0..20 {
        NAMES.iter().for_each(|name| fs::remove_file(folder.path().join(format!("{name}_full.index"))).unwrap());
        let told = Told::default();
        draw(&builder.config, folder.path(), &told);
        let told = told.0.into_inner().unwrap();
        assert_eq!(told.iter().filter(|note| note.contains("rebuilding its index")).count(), NAMES.len(), "{told:?}");
        assert!(!told.iter().any(|note| note.contains("another run")), "{told:?}");
    }
}

#[test]
fn verification_tells_changed_files_from_unreadable_ones() {
    let builder = builder();
    let folder = tempfile::tempdir().unwrap();
    builder.preprocess_all_benchmarks(folder.path(), PreprocessOptions::default()).unwrap();
    let of = |name: &str| folder.path().join(name);
    let found = || verify(folder.path()).unwrap();
    assert!(found().iter().all(|finding| finding.verdict == Verdict::Ok && finding.problem.is_none()));
    // Not even root can read a folder as a file.
    let folder_instead = |name: &str| {
        fs::remove_file(of(name)).unwrap();
        symlink(folder.path(), of(name)).unwrap();
    };
    folder_instead("a_full.jsonl");
    folder_instead("b_full.index");
    folder_instead("c_full_meta.json");
    fs::remove_file(of("d_full.jsonl")).unwrap();
    fs::write(of("e_full_meta.json"), b"\xff").unwrap();
    let mut store = fs::read(of("f_full.jsonl")).unwrap();
    store[9] ^= 1;
    fs::write(of("f_full.jsonl"), store).unwrap();
    let found = found();
    let verdict = |name: &str| {
        let finding = found.iter().find(|finding| finding.path == of(name)).unwrap();
        (finding.verdict, finding.problem.clone().unwrap_or_default())
    };
    for name in ["a_full.jsonl", "b_full.index", "c_full_meta.json"] {
        let (verdict, problem) = verdict(name);
        assert_eq!(verdict, Verdict::Unreadable, "{name}: {problem}");
        assert!(problem.starts_with("cannot be read: Is a directory"), "{name}: {problem}");
    }
    assert_eq!(verdict("d_full.jsonl"), (Verdict::Bad, "missing".to_owned()));
    assert_eq!(verdict("e_full_meta.json").0, Verdict::Bad);
    assert_eq!(verdict("f_full.jsonl"), (Verdict::Bad, "changed or damaged (checksum)".to_owned()));
}

#[test]
fn a_file_in_the_place_of_the_folder_of_stores_is_not_taken_for_an_empty_folder() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("full");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file, "gsm8k", &Silent).unwrap_err();
    assert!(error.to_string().contains("there is a file where a folder is needed"), "{error}");
    let absent = Store::open(&place.path().join("nowhere"), "gsm8k", &Silent).unwrap_err();
    assert!(matches!(absent, StoreError::Missing { .. }), "{absent}");
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_and_is_not_replaced() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let rows: String = (0..50).map(|i| format!("{{\"question\": \"{}\"}}\n", "word ".repeat(i % 9 + 1))).collect();
    fs::write(at("rows.jsonl"), rows + "{\"question\": 7}\n").unwrap();
    let config = format!(
        "benchmarks:\n  quiz:\n    path: 'file:{}'\n    identity: [question]\n    difficulty: {{features: {{n: {{words: \
         question}}}}, score: [{{feature: n, normalize: p95}}]}}\n",
        at("rows.jsonl").display()
    );
    let builder = DatasetBuilder::from_yaml("quiz.yaml", &config).unwrap();
    let full = at("full");
    let options = PreprocessOptions { on_bad_row: Some(OnBadRow::Skip), ..PreprocessOptions::default() };
    let again = || builder.preprocess_all_benchmarks(&full, options).map(drop).map_err(|error| error.to_string());
    again().unwrap();
    for name in ["quiz_full_meta.json", "quiz_rejected.jsonl"] {
        let (file, kept) = (full.join(name), at("kept"));
        fs::rename(&file, &kept).unwrap();
        // A link to a folder: it exists, but cannot be read as a file.
        symlink(place.path(), &file).unwrap();
        let error = again().unwrap_err();
        assert!(error.starts_with(&format!("{}: cannot read this file: Is a directory", file.display())), "{error}");
        assert!(file.symlink_metadata().unwrap().is_symlink(), "{name} was replaced");
        fs::remove_file(&file).unwrap();
        fs::rename(&kept, &file).unwrap();
    }
    again().unwrap();
    // Files that are gone or changed are rebuilt as before.
    fs::remove_file(full.join("quiz_rejected.jsonl")).unwrap();
    again().unwrap();
    assert!(full.join("quiz_rejected.jsonl").exists());
}
