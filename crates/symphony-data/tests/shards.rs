//! Stage 1 by many workers: the same store as one machine's, whatever the number of shards and the order of the jobs, and
//! what is left of a run that ends early.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::Write as _,
    fs,
    num::NonZeroUsize,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use symphony_data::{
    config::Config,
    difficulty::{Cell, RowFunction},
    preprocess::{
        Outcome, PreprocessError, PreprocessOptions, preprocess,
        shard::{Cluster, GivenConfig, Workers, preprocess_on, work},
    },
    progress::Silent,
    row::RowFault,
    store::{Meta, OnBadRow, Store},
    task::Layout,
};

/// Does all jobs in this process, the last one first, and each of them twice where `twice` says so.
#[derive(Default)]
struct Here {
    twice: bool,
    /// How many jobs are done before it fails; 0 for all.
    fails_after: usize,
    done: AtomicUsize,
}

impl Workers for Here {
    fn run(
        &self,
        jobs: Vec<Vec<u8>>,
        done: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Vec<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let mut outcomes = Vec::new();
        for job in jobs.iter().rev() {
            let so_far = self.done.fetch_add(1, Ordering::Relaxed);
            if self.fails_after > 0 && so_far >= self.fails_after {
                return Err("the power went off".into());
            }
            let outcome = work(job, &[], None)?;
            if self.twice {
                assert_eq!(work(job, &[], None)?, outcome);
            }
            outcomes.insert(0, outcome);
            if !done(outcomes.len()) {
                return Err("stopped".into());
            }
        }
        Ok(outcomes)
    }
}

fn options(format: Layout) -> PreprocessOptions {
    PreprocessOptions { format: Some(format), ..PreprocessOptions::default() }
}

fn on(
    workers: &dyn Workers,
    yaml: &str,
    shards: usize,
    folder: &Path,
    options: PreprocessOptions,
) -> Result<(Outcome, Meta), PreprocessError> {
    let config = Config::from_yaml("test.yaml", yaml).unwrap();
    let benchmark = &config.benchmarks[0];
    let cut = config.store_cut_of(&benchmark.name);
    let shards = NonZeroUsize::new(shards).unwrap();
    let given = GivenConfig { name: "test.yaml".to_owned(), text: yaml.to_owned(), functions: String::new() };
    let cluster = Cluster { workers, config: &given, shards, shared: None };
    preprocess_on(cluster, benchmark, cut, folder, options, &Silent)
}

fn alone(yaml: &str, folder: &Path, options: PreprocessOptions) -> Result<(Outcome, Meta), PreprocessError> {
    let config = Config::from_yaml("test.yaml", yaml).unwrap();
    let benchmark = &config.benchmarks[0];
    preprocess(benchmark, config.store_cut_of(&benchmark.name), folder, options, &Silent)
}

/// All that does not depend on how the rows are stored: the meta without the store, the rows, scores, identities, labels, and
/// the rows that were set aside.
fn content(folder: &Path, name: &str) -> (serde_json::Value, String, Vec<u64>, Vec<u64>, String, Option<String>) {
    let store = Store::open(folder, name, &Silent).unwrap();
    let mut meta = serde_json::to_value(&store.meta).unwrap();
    for key in ["store", "self_checksum"] {
        meta.as_object_mut().unwrap().remove(key);
    }
    let rows: Vec<u32> = (0..store.rows().unwrap() as u32).collect();
    let tasks = format!("{:?}", store.fetch(&rows).unwrap());
    let scores = store.scores().unwrap().into_iter().map(f64::to_bits).collect();
    let labels = format!("{:?}", store.labels().unwrap());
    let rejected = fs::read_to_string(folder.join(format!("{name}_rejected.jsonl"))).ok();
    (meta, tasks, scores, store.identities().unwrap(), labels, rejected)
}

/// Checks that several numbers of shards give the store that one machine makes.
fn same(yaml: &str, options: PreprocessOptions) -> Vec<Meta> {
    let place = tempfile::tempdir().unwrap();
    let one = place.path().join("one");
    let (_, meta) = alone(yaml, &one, options).unwrap();
    let expected = content(&one, &meta.benchmark);
    let on_shards = |shards: usize| {
        let folder = place.path().join(shards.to_string());
        let workers = Here { twice: shards == 2, ..Here::default() };
        let (outcome, made) = on(&workers, yaml, shards, &folder, options).unwrap();
        assert_eq!(outcome, Outcome::Built);
        let found = content(&folder, &meta.benchmark);
        assert_eq!(found.0, expected.0, "{shards} shards");
        assert!(found == expected, "{shards} shards");
        assert!(!folder.join(format!(".{}_shards", meta.benchmark)).exists());
        let parts = |part: &symphony_data::store::PartRecord| {
            fs::read(folder.join(format!("{}_full", meta.benchmark)).join(&part.name)).unwrap()
        };
        if meta.store.format == Layout::Jsonl {
            let all: Vec<u8> = made.store.parts.iter().flat_map(parts).collect();
            assert!(all == fs::read(one.join(format!("{}_full.jsonl", meta.benchmark))).unwrap(), "{shards} shards");
        }
        // One machine finds it up to date, and keeps its parts.
        assert_eq!(alone(yaml, &folder, PreprocessOptions::default()).unwrap().0, Outcome::Cached);
        made
    };
    [1, 2, 8].map(on_shards).into()
}

const RULE: &str =
    "difficulty: {features: {n: {number: n}, topic: {field: topic}}, score: [{feature: n, normalize: p95}]}";

/// Rows with a label, copies, blank lines, and a number that all rows share or none.
fn rows(n: usize, distinct: bool) -> String {
    let mut text = "\u{feff}".to_owned();
    for row in 0..n {
        let number = if distinct { row as f64 * 0.37 } else { (row % 17) as f64 };
        let topic = if row < n / 2 { "null".to_owned() } else { format!("\"t{}\"", row % 3) };
        // Every 50th row has the question of the one before, and another number.
        let question = if row % 50 == 49 { row - 1 } else { row };
        writeln!(text, "{{\"question\": \"q{question}\", \"n\": {number}, \"topic\": {topic}}}").unwrap();
        if row % 7 == 0 {
            text.push_str("\r\n");
        }
    }
    text
}

#[test]
fn generated_rows_give_the_same_store_on_any_number_of_shards() {
    for format in Layout::ALL {
        let made = same("benchmarks: {bbh: {path: 'synthetic:bbh?rows=700'}}", options(format));
        assert_eq!(made.iter().map(|meta| meta.store.parts.len()).collect::<Vec<_>>(), [1, 2, 8]);
        assert_eq!(made[2].store.labels, ["task_name"]);
    }
}

#[test]
fn lines_of_several_files_give_the_same_store_on_any_number_of_shards() {
    let place = tempfile::tempdir().unwrap();
    for (name, n) in [("a", 300), ("b", 3), ("c", 500)] {
        fs::write(place.path().join(format!("{name}.jsonl")), rows(n, false)).unwrap();
    }
    fs::write(place.path().join("d.jsonl"), "").unwrap();
    // The last line has no end.
    fs::write(place.path().join("e.jsonl"), rows(40, false).trim_end()).unwrap();
    fs::write(place.path().join("f.csv"), "question,n,topic\nx,1,a\ny,2,b\n").unwrap();
    for identity in ["", "identity: [question], "] {
        let yaml = format!("benchmarks: {{mine: {{path: 'file:{}/*', {identity}{RULE}}}}}", place.path().display());
        for format in Layout::ALL {
            let made = same(&yaml, options(format));
            assert_eq!(made[2].n_tasks_full, 845);
            assert!(made[2].store.parts.len() > 4);
            assert_eq!(made[2].copies.is_some(), !identity.is_empty());
        }
    }
}

#[test]
fn more_values_than_can_be_counted_give_the_same_percentiles() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("rows.jsonl"), rows(70_000, true)).unwrap();
    let yaml = format!(
        "benchmarks: {{mine: {{path: 'file:{}/rows.jsonl', identity: [question], {RULE}}}}}",
        place.path().display()
    );
    let made = same(&yaml, options(Layout::Jsonl));
    assert_eq!(made[0].copies.as_ref().unwrap().rows, 1400);
}

#[test]
fn row_groups_of_a_parquet_file_are_shards() {
    let place = tempfile::tempdir().unwrap();
    // A store of many row groups serves as a source: its pages hold 8 MiB of text each.
    let full = place.path().join("full");
    let yaml = "benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=60000'}}";
    alone(yaml, &full, options(Layout::Parquet)).unwrap();
    let file = full.join("gsm8k_full.parquet");
    let groups = symphony_data::format::parquet::groups(&fs::File::open(&file).unwrap()).unwrap();
    assert!(groups.len() > 2, "{groups:?}");
    let rule = "difficulty: {features: {s: {number: difficulty_score}}, score: [{feature: s, normalize: p95}]}";
    let yaml = format!("benchmarks: {{mine: {{path: 'file:{}', identity: [identity], {rule}}}}}", file.display());
    let made = same(&yaml, options(Layout::Parquet));
    assert_eq!(made[2].store.parts.len(), groups.len().min(8));
}

#[test]
fn rows_that_are_set_aside_keep_their_lines() {
    let place = tempfile::tempdir().unwrap();
    let mut text = rows(200, false);
    for at in [3, 80, 81, 82, 150] {
        let line = text.match_indices('\n').nth(at).unwrap().0 + 1;
        text.insert_str(line, "{\"n\": \"many\"}\n");
    }
    fs::write(place.path().join("a.jsonl"), rows(100, false)).unwrap();
    fs::write(place.path().join("b.jsonl"), &text).unwrap();
    // A shard of bad rows alone makes no part.
    fs::write(place.path().join("c.jsonl"), "{\"n\": \"many\"}\n".repeat(300)).unwrap();
    let yaml = format!("benchmarks: {{mine: {{path: 'file:{}/*.jsonl', {RULE}}}}}", place.path().display());
    let skip = PreprocessOptions { on_bad_row: Some(OnBadRow::Skip), ..options(Layout::Jsonl) };
    let made = same(&yaml, skip);
    assert_eq!(made[2].rejected_rows, 305);
    assert!(made[2].store.parts.len() < 8);
    // Without `skip`, the first bad row is named as one machine names it.
    let folder = place.path().join("stop");
    let one = alone(&yaml, &folder, options(Layout::Jsonl)).unwrap_err();
    for shards in [1, 2, 8] {
        let error = on(&Here::default(), &yaml, shards, &folder, options(Layout::Jsonl)).unwrap_err();
        let PreprocessError::InShard { shard, of, error: inner } = &error else { panic!("{error}") };
        assert_eq!(inner.to_string(), one.to_string(), "{shards} shards");
        assert_eq!(error.to_string(), format!("{one} (in shard {shard} of {of})"));
        assert_eq!(error.hints(), one.hints());
    }
    assert!(one.to_string().contains("b.jsonl:5: row 103 of mine: field `n`"), "{one}");
}

#[test]
fn what_one_machine_refuses_many_refuse_too() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("rows.jsonl"), rows(90, false)).unwrap();
    fs::write(place.path().join("blank.jsonl"), "\n\n").unwrap();
    fs::write(place.path().join("overflow.jsonl"), "{\"n\": 1e308}\n".repeat(30)).unwrap();
    for (file, more, rule) in [
        ("rows.jsonl", "columns: [question, n, topic, nonsense], ", RULE),
        ("blank.jsonl", "", RULE),
        ("overflow.jsonl", "", "difficulty: {features: {n: {number: n}}, score: [{feature: n, weight: -1e308}]}"),
        ("absent.jsonl", "", RULE),
    ] {
        let yaml = format!("benchmarks: {{mine: {{path: 'file:{}/{file}', {more}{rule}}}}}", place.path().display());
        let full = place.path().join("full");
        let one = alone(&yaml, &full, options(Layout::Jsonl)).unwrap_err().to_string();
        for shards in [1, 3] {
            let many = on(&Here::default(), &yaml, shards, &full, options(Layout::Jsonl)).unwrap_err().to_string();
            assert_eq!(many, one, "{file}");
        }
    }
}

/// When each outcome in the scratch folder was written.
fn outcomes(folder: &Path) -> BTreeMap<String, SystemTime> {
    let listed = fs::read_dir(folder.join(".bbh_shards")).into_iter().flatten().map(|entry| entry.unwrap());
    let named =
        listed.map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().modified().unwrap()));
    named.filter(|(name, _)| name.ends_with(".outcome")).collect()
}

#[test]
fn a_driver_that_starts_again_resumes_at_what_is_whole() {
    let place = tempfile::tempdir().unwrap();
    let yaml = "benchmarks: {bbh: {path: 'synthetic:bbh?rows=900'}}";
    let (one, full) = (place.path().join("one"), place.path().join("full"));
    alone(yaml, &one, options(Layout::Jsonl)).unwrap();
    let expected = content(&one, "bbh");
    // 4 shards: 4 jobs of features, 4 ranges, 4 scores, 4 of copies, then parts. It ends at each of these.
    let mut before = BTreeMap::new();
    for fails_after in [2, 4, 9, 17, 19] {
        let workers = Here { fails_after, ..Here::default() };
        let error = on(&workers, yaml, 4, &full, options(Layout::Jsonl)).unwrap_err();
        assert_eq!(error.to_string(), "bbh: a worker failed: the power went off");
        assert!(!full.join("bbh_full_meta.json").exists());
        let now = outcomes(&full);
        assert!(before.iter().all(|(name, time)| now.get(name) == Some(time)), "work was done again");
        before = now;
    }
    assert!(before.len() > 4, "{before:?}");
    // A file that was damaged meanwhile is made again.
    let damaged = fs::read_dir(full.join(".bbh_shards")).unwrap().map(|entry| entry.unwrap().path());
    let damaged =
        damaged.filter(|path| path.extension().is_some_and(|ending| ending == "part" || ending == "features"));
    for path in damaged {
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    // What a try left that was killed.
    fs::create_dir(full.join(".bbh_shards/half.1.2")).unwrap();
    fs::write(full.join(".bbh_shards/half.1.2/.features.unfinished"), "half").unwrap();
    on(&Here::default(), yaml, 4, &full, options(Layout::Jsonl)).unwrap();
    assert!(content(&full, "bbh") == expected);
    assert!(!full.join(".bbh_shards").exists());
    assert_eq!(on(&Here::default(), yaml, 4, &full, options(Layout::Jsonl)).unwrap().0, Outcome::Cached);
}

#[test]
fn a_source_that_changes_between_two_runs_is_read_again() {
    let place = tempfile::tempdir().unwrap();
    let (file, full, one) = (place.path().join("rows.jsonl"), place.path().join("full"), place.path().join("one"));
    fs::write(&file, rows(90, false)).unwrap();
    let yaml =
        format!("benchmarks: {{bbh: {{path: 'file:{}', configs: [], identity: [question], {RULE}}}}}", file.display());
    let workers = Here { fails_after: 6, ..Here::default() };
    on(&workers, &yaml, 3, &full, options(Layout::Jsonl)).unwrap_err();
    assert!(!outcomes(&full).is_empty());
    fs::write(&file, rows(90, false).replace("\"q7\"", "\"Q7\"")).unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    on(&Here::default(), &yaml, 3, &full, options(Layout::Jsonl)).unwrap();
    alone(&yaml, &one, options(Layout::Jsonl)).unwrap();
    assert!(content(&full, "bbh") == content(&one, "bbh"));
}

/// Changes something behind the first jobs.
struct Meanwhile<'m>(&'m dyn Fn(), AtomicUsize);

impl Workers for Meanwhile<'_> {
    fn run(
        &self,
        jobs: Vec<Vec<u8>>,
        done: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Vec<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let outcomes = Here::default().run(jobs, done)?;
        if self.1.fetch_add(1, Ordering::Relaxed) == 0 {
            (self.0)();
        }
        Ok(outcomes)
    }
}

#[test]
fn a_source_that_changes_meanwhile_ends_the_run_and_leaves_the_old_store() {
    let place = tempfile::tempdir().unwrap();
    let (file, full) = (place.path().join("rows.jsonl"), place.path().join("full"));
    let yaml = format!("benchmarks: {{mine: {{path: 'file:{}', {RULE}}}}}", file.display());
    fs::write(&file, rows(90, false)).unwrap();
    on(&Here::default(), &yaml, 3, &full, options(Layout::Jsonl)).unwrap();
    let before = content(&full, "mine");
    fs::write(&file, rows(91, false)).unwrap();
    let changes: [(&dyn Fn(), &str); 3] = [
        (&|| fs::write(&file, rows(92, false)).unwrap(), "this file changed while it was read; run again when nothing"),
        // The same bytes, written again: nobody knows that before they are read.
        (
            &|| fs::write(&file, fs::read(&file).unwrap()).unwrap(),
            "this file changed while it was read; run again when",
        ),
        (&|| fs::remove_file(&file).unwrap(), "No such file or directory"),
    ];
    for (change, why) in changes {
        let error = on(&Meanwhile(change, AtomicUsize::new(0)), &yaml, 3, &full, options(Layout::Jsonl)).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(content(&full, "mine") == before);
    }
    fs::write(&file, rows(90, false)).unwrap();
    on(&Here::default(), &yaml, 3, &full, options(Layout::Jsonl)).unwrap();
    assert!(content(&full, "mine") == before);
}

#[test]
fn more_shards_than_there_can_be_are_as_many_as_there_can_be() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("rows.jsonl"), rows(30, true)).unwrap();
    let of_file = format!("{{path: 'file:{}/rows.jsonl', {RULE}}}", place.path().display());
    for (name, benchmark) in [("mine", of_file.as_str()), ("bbh", "{path: 'synthetic:bbh?rows=30'}")] {
        let yaml = format!("benchmarks: {{{name}: {benchmark}}}");
        for (shards, parts) in [(200, 30), (usize::MAX, 30)] {
            let full = place.path().join(format!("{name}{shards}"));
            let (_, meta) = on(&Here::default(), &yaml, shards, &full, options(Layout::Jsonl)).unwrap();
            assert_eq!(meta.store.parts.len(), parts, "{name}, {shards}");
        }
    }
}

#[test]
fn copies_are_found_among_more_shards_than_ranges_of_identities() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("rows.jsonl"), rows(400, true)).unwrap();
    let path = format!("file:{}/rows.jsonl", place.path().display());
    let yaml = format!("benchmarks: {{mine: {{path: '{path}', identity: [question], {RULE}}}}}");
    let (one, full) = (place.path().join("one"), place.path().join("full"));
    let (_, meta) = alone(&yaml, &one, options(Layout::Jsonl)).unwrap();
    assert!(meta.copies.is_some());
    let (_, made) = on(&Here::default(), &yaml, 150, &full, options(Layout::Jsonl)).unwrap();
    assert!(made.store.parts.len() > 100);
    assert!(content(&full, "mine") == content(&one, "mine"));
}

/// A caller's function: `n` of the row, times a number; or the number of calls, where that is 0.
struct Times(f64, AtomicUsize);

impl RowFunction for Times {
    fn version(&self) -> &'static str {
        "1"
    }

    fn call(&self, row: &str) -> Result<Cell, RowFault> {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        if self.0 == 0.0 {
            return Ok(Cell::Int(self.1.fetch_add(1, Ordering::Relaxed) as i64));
        }
        Ok(Cell::Float(row["n"].as_f64().unwrap() * self.0))
    }
}

/// Does all jobs in this process with a function.
struct WithFunction<'w>(&'w [(String, Arc<dyn RowFunction>)], usize);

impl Workers for WithFunction<'_> {
    fn run(
        &self,
        jobs: Vec<Vec<u8>>,
        _: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Vec<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let done = jobs.iter().take(self.1).map(|job| work(job, self.0, None)).collect::<Result<Vec<_>, _>>()?;
        if done.len() < jobs.len() { Err("the power went off".into()) } else { Ok(done) }
    }
}

#[test]
fn what_other_functions_computed_is_not_used_and_values_that_change_end_the_run() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("rows.jsonl"), rows(90, false)).unwrap();
    let rule = "difficulty: {features: {n: {python: f}}, score: [{feature: n, normalize: p95}]}";
    let yaml = format!("benchmarks: {{mine: {{path: 'file:{}/rows.jsonl', {rule}}}}}", place.path().display());
    let run = |times: f64, known_by: &str, jobs: usize, folder: &str| {
        let functions = [("f".to_owned(), Arc::new(Times(times, AtomicUsize::new(0))) as Arc<dyn RowFunction>)];
        let mut config = Config::from_yaml("test.yaml", &yaml).unwrap();
        config.register_feature("f", &functions[0].1).unwrap();
        let benchmark = &config.benchmarks[0];
        let given = GivenConfig { name: "test.yaml".to_owned(), text: yaml.clone(), functions: known_by.to_owned() };
        let cut = config.store_cut_of("mine");
        let (workers, shards) = (WithFunction(&functions, jobs), NonZeroUsize::new(3).unwrap());
        let folder = place.path().join(folder);
        let cluster = Cluster { workers: &workers, config: &given, shards, shared: None };
        preprocess_on(cluster, benchmark, cut, &folder, options(Layout::Jsonl), &Silent)
    };
    let error = run(0.0, "unsteady", usize::MAX, "full").unwrap_err().to_string();
    assert!(error.contains("a registered function returned another value when it was called again"), "{error}");
    // Two of three shards are done by the first function, and then it is another one of the same version.
    run(1.0, "first", 2, "full").unwrap_err();
    run(-1.0, "second", usize::MAX, "full").unwrap();
    run(-1.0, "second", usize::MAX, "fresh").unwrap();
    assert!(content(&place.path().join("full"), "mine") == content(&place.path().join("fresh"), "mine"));
}

#[test]
fn two_drivers_at_once_make_one_whole_store() {
    let place = tempfile::tempdir().unwrap();
    let yaml = "benchmarks: {bbh: {path: 'synthetic:bbh?rows=900'}}";
    let (one, full) = (place.path().join("one"), place.path().join("full"));
    alone(yaml, &one, options(Layout::Jsonl)).unwrap();
    let mut outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let drivers = [2, 5].map(|shards| {
            let full = &full;
            scope.spawn(move || on(&Here::default(), yaml, shards, full, options(Layout::Jsonl)).unwrap().0)
        });
        drivers.into_iter().map(|driver| driver.join().unwrap()).collect()
    });
    outcomes.sort_by_key(|outcome| *outcome == Outcome::Cached);
    assert_eq!(outcomes, [Outcome::Built, Outcome::Cached]);
    assert!(content(&full, "bbh") == content(&one, "bbh"));
}

#[test]
fn a_job_of_another_version_is_refused() {
    for (job, why) in [
        (&b"nonsense"[..], "this job cannot be done here: expected"),
        (
            br#"{"tool":"symphony-data 9.9.9","config":{"name":"a","text":"","functions":""},"benchmark":"b","scratch":"/nowhere","step":{"Range":{"features":"x","constants":[]}}}"#,
            "the driver is symphony-data 9.9.9, this worker is symphony-data",
        ),
    ] {
        let error = work(job, &[], None).unwrap_err().to_string();
        assert!(error.contains(why) && error.ends_with("install the same version of symphony-data on all machines"), "{error}");
    }
}
