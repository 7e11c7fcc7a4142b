//! Rows and workers' files behind URLs: the same store as from local files, what is read of them, and what is left of a run that
//! fails.

use std::{
    error::Error,
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    num::NonZeroUsize,
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use symphony_data::{
    config::Config,
    disk::storage::{Stamp, Storage},
    preprocess::{
        Outcome, PreprocessError, PreprocessOptions, preprocess,
        shard::{Cluster, GivenConfig, Workers, preprocess_on, work},
    },
    progress::Silent,
    store::{Meta, OnBadRow},
    task::Layout,
};

/// Storage whose files lie in a folder: those of `test://host/…?options`.
#[derive(Debug, Default)]
struct Bucket {
    folder: PathBuf,
    /// The bytes that were read of each file, by name.
    read: Mutex<Vec<(String, u64)>>,
    /// How many more calls succeed; none fails if it is 0.
    calls: AtomicUsize,
}

impl Bucket {
    fn place(&self, url: &str) -> io::Result<PathBuf> {
        if self.calls.load(Ordering::Relaxed) > 0 && self.calls.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.calls.store(1, Ordering::Relaxed);
            return Err(io::Error::other("the network is down"));
        }
        let rest = url.strip_prefix("test://user:secret@host/").expect("the URL as it was given");
        let name = rest.strip_suffix("?key=hidden").expect("with the options");
        Ok(self.folder.join(name))
    }

    fn bytes_of(&self, ending: &str) -> u64 {
        self.read.lock().unwrap().iter().filter(|(name, _)| name.ends_with(ending)).map(|(_, bytes)| bytes).sum()
    }
}

impl Storage for Bucket {
    fn list(&self, folder: &str, below: bool) -> io::Result<Vec<(String, Stamp)>> {
        let folder = self.place(folder)?;
        let pattern = folder.join(if below { "**/*" } else { "*" });
        let found = glob::glob(pattern.to_str().unwrap()).unwrap().filter_map(Result::ok).filter(|path| path.is_file());
        // In no order.
        let mut files: Vec<PathBuf> = found.collect();
        files.reverse();
        let named =
            |path: PathBuf| Ok((path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned(), Stamp::of(&path)?));
        files.into_iter().map(named).collect()
    }

    fn stamp(&self, url: &str) -> io::Result<Stamp> {
        Stamp::of(&self.place(url)?)
    }

    fn read(&self, url: &str, bytes: Range<u64>) -> io::Result<Vec<u8>> {
        let place = self.place(url)?;
        let mut file = fs::File::open(&place)?;
        file.seek(SeekFrom::Start(bytes.start))?;
        let mut read = Vec::new();
        file.take(bytes.end - bytes.start).read_to_end(&mut read)?;
        let name = place.file_name().unwrap().to_string_lossy().into_owned();
        self.read.lock().unwrap().push((name, read.len() as u64));
        Ok(read)
    }

    fn put(&self, file: &Path, url: &str) -> io::Result<()> {
        let place = self.place(url)?;
        fs::create_dir_all(place.parent().unwrap())?;
        fs::copy(file, place).map(drop)
    }

    fn remove(&self, folder: &str) -> io::Result<()> {
        let place = self.place(folder)?;
        if place.exists() { fs::remove_dir_all(place) } else { Ok(()) }
    }
}

/// Does all jobs in this process, the last one first.
struct Here(Arc<dyn Storage>);

impl Workers for Here {
    fn run(
        &self,
        jobs: Vec<Vec<u8>>,
        done: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Vec<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let mut outcomes = Vec::new();
        for job in jobs.iter().rev() {
            outcomes.insert(0, work(job, &[], Some(&self.0))?);
            assert!(done(outcomes.len()));
        }
        Ok(outcomes)
    }
}

const SHARED: &str = "test://user:secret@host/shared?key=hidden";
const RULE: &str = "identity: [q], difficulty: {features: {n: {number: n}, topic: {field: topic}}, score: [{feature: n, normalize: p95}]}";

fn url(name: &str) -> String {
    format!("test://user:secret@host/{name}?key=hidden")
}

/// A bucket, and a folder for stores.
fn bucket() -> (tempfile::TempDir, Arc<Bucket>) {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("bucket");
    fs::create_dir(&folder).unwrap();
    (place, Arc::new(Bucket { folder, ..Bucket::default() }))
}

fn yaml(path: &str, more: &str) -> String {
    format!("benchmarks: {{mine: {{path: '{path}', {more}{RULE}}}}}")
}

fn alone(
    bucket: &Arc<Bucket>,
    yaml: &str,
    folder: &Path,
    options: PreprocessOptions,
) -> Result<(Outcome, Meta), PreprocessError> {
    let mut config = Config::from_yaml("test.yaml", yaml).unwrap();
    config.use_storage(&(bucket.clone() as Arc<dyn Storage>));
    preprocess(&config.benchmarks[0], config.store_cut_of("mine"), folder, options, &Silent)
}

fn on(
    bucket: &Arc<Bucket>,
    yaml: &str,
    shards: usize,
    folder: &Path,
    options: PreprocessOptions,
) -> Result<(Outcome, Meta), PreprocessError> {
    let storage = bucket.clone() as Arc<dyn Storage>;
    let mut config = Config::from_yaml("test.yaml", yaml).unwrap();
    config.use_storage(&storage);
    let given = GivenConfig { name: "test.yaml".to_owned(), text: yaml.to_owned(), functions: String::new() };
    let shards = NonZeroUsize::new(shards).unwrap();
    let cluster = Cluster { workers: &Here(storage), config: &given, shards, shared: Some(SHARED) };
    preprocess_on(cluster, &config.benchmarks[0], config.store_cut_of("mine"), folder, options, &Silent)
}

/// The rows of a store of JSON lines, whether in parts or not, and its meta without what says how and from where they are stored.
fn content(folder: &Path) -> (String, serde_json::Value) {
    let mut parts: Vec<PathBuf> =
        glob::glob(folder.join("mine_full/*.jsonl").to_str().unwrap()).unwrap().map(Result::unwrap).collect();
    parts.sort();
    if parts.is_empty() {
        parts.push(folder.join("mine_full.jsonl"));
    }
    let rows = parts.iter().map(|part| fs::read_to_string(part).unwrap()).collect();
    let mut meta = serde_json::to_value(Meta::read(folder, "mine").unwrap()).unwrap();
    for key in ["store", "self_checksum", "benchmark_config_fingerprint"] {
        meta.as_object_mut().unwrap().remove(key);
    }
    meta["source"].as_object_mut().unwrap().remove("path");
    (rows, meta)
}

fn rows(n: usize) -> String {
    (0..n)
        .map(|i| format!("{{\"q\": \"question {}\", \"n\": {}, \"topic\": \"t{}\"}}\n", i % 700, i % 37, i % 3))
        .collect()
}

fn parquet_of(rows: &str, group: usize) -> Vec<u8> {
    let (mut q, mut n, mut topic) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        q.push(row["q"].as_str().unwrap().to_owned());
        n.push(row["n"].as_i64().unwrap());
        topic.push(row["topic"].as_str().unwrap().to_owned());
    }
    let batch = arrow_array::RecordBatch::try_from_iter([
        ("q", Arc::new(arrow_array::StringArray::from(q)) as arrow_array::ArrayRef),
        ("n", Arc::new(arrow_array::Int64Array::from(n))),
        ("topic", Arc::new(arrow_array::StringArray::from(topic))),
    ])
    .unwrap();
    let properties =
        parquet::file::properties::WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// A file's name and its bytes.
type File = (&'static str, Vec<u8>);

#[test]
fn rows_behind_urls_give_the_store_of_local_files() {
    let gzip = |text: &str| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(text.as_bytes()).unwrap();
        writer.finish().unwrap()
    };
    let (some, more) = (rows(3000), rows(500));
    let array = format!("[{}]", more.trim_end().replace('\n', ","));
    let csv: String = "q,n,topic\n".to_owned() + &(0..90).map(|i| format!("q{i},{},t\n", i % 7)).collect::<String>();
    let cases: [(&str, Vec<File>); 6] = [
        ("*.jsonl", vec![("a.jsonl", some.clone().into()), ("b.jsonl", Vec::new()), ("c.jsonl", more.clone().into())]),
        ("*.parquet", vec![("a.parquet", parquet_of(&some, 210)), ("b.parquet", parquet_of(&more, 90))]),
        ("*.jsonl.gz", vec![("a.jsonl.gz", gzip(&some)), ("b.jsonl.gz", gzip(&more))]),
        ("*.json", vec![("a.json", array.clone().into()), ("b.json", some.clone().into())]),
        ("rows.csv", vec![("rows.csv", csv.into())]),
        ("*.jsonl", vec![("named wrongly.jsonl", array.into())]),
    ];
    for (pattern, files) in cases {
        let (place, bucket) = bucket();
        fs::create_dir(bucket.folder.join("rows")).unwrap();
        for (name, bytes) in files {
            fs::write(bucket.folder.join("rows").join(name), bytes).unwrap();
        }
        let local = yaml(&format!("file:{}/rows/{pattern}", bucket.folder.display()), "");
        let remote = yaml(&url(&format!("rows/{pattern}")), "");
        let stores: Vec<PathBuf> = (0..10).map(|at| place.path().join(at.to_string())).collect();
        alone(&bucket, &local, &stores[0], PreprocessOptions::default()).unwrap();
        let (_, meta) = alone(&bucket, &remote, &stores[1], PreprocessOptions::default()).unwrap();
        assert_eq!(meta.source.path, format!("test://host/rows/{pattern}"));
        assert_eq!(content(&stores[1]), content(&stores[0]), "{pattern} on one machine");
        for shards in [1, 2, 8] {
            let (outcome, _) = on(&bucket, &remote, shards, &stores[shards + 1], PreprocessOptions::default()).unwrap();
            assert_eq!(outcome, Outcome::Built);
            assert_eq!(content(&stores[shards + 1]), content(&stores[0]), "{pattern} in {shards} shards");
            // Nothing is left, and the store is found up to date.
            assert!(fs::read_dir(bucket.folder.join("shared")).unwrap().next().is_none());
            assert_eq!(
                alone(&bucket, &remote, &stores[shards + 1], PreprocessOptions::default()).unwrap().0,
                Outcome::Cached
            );
        }
        let parquet = PreprocessOptions { format: Some(Layout::Parquet), ..PreprocessOptions::default() };
        let (_, whole) = alone(&bucket, &local, &place.path().join("whole"), parquet).unwrap();
        let (_, parts) = on(&bucket, &remote, 3, &place.path().join("parts"), parquet).unwrap();
        assert_eq!(parts.bins, whole.bins);
        let findings = symphony_data::verify::verify(&place.path().join("parts")).unwrap();
        assert!(findings.iter().all(|finding| finding.problem.is_none()), "{findings:?}");
    }
}

#[test]
fn a_shard_is_read_alone() {
    for (name, bytes) in
        [("rows.jsonl", rows(100_000).into_bytes()), ("rows.parquet", parquet_of(&rows(500_000), 30_000))]
    {
        let (place, bucket) = bucket();
        fs::write(bucket.folder.join(name), &bytes).unwrap();
        on(&bucket, &yaml(&url(name), ""), 8, &place.path().join("full"), PreprocessOptions::default()).unwrap();
        let size = bytes.len() as u64;
        let read = bucket.bytes_of(name);
        // Each byte for features, for the checksum and for the store; where the file can be cut, and what describes it, more often.
        assert!((3 * size..3 * size + (4 << 20)).contains(&read), "{name}: {read} of {size} bytes");
    }
}

#[test]
fn files_are_found_by_wildcards_and_their_secrets_are_kept() {
    let (place, bucket) = bucket();
    for name in [
        "a/x.jsonl",
        "a/y.jsonl",
        "b/x.jsonl",
        "b/.hidden.jsonl",
        "b/deep/x.jsonl",
        "b/x.txt",
        "d/xy.jsonl",
        "e/a?b.jsonl",
    ] {
        let path = bucket.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, rows(5)).unwrap();
    }
    let names = |pattern: &str, more: &str| {
        let folder = place.path().join("full");
        let force = PreprocessOptions { force: true, ..PreprocessOptions::default() };
        let made = alone(&bucket, &yaml(&url(pattern), more), &folder, force);
        made.map(|(_, meta)| meta.source.files.into_iter().map(|file| file.name).collect::<Vec<_>>())
    };
    assert_eq!(names("a/*.jsonl", "").unwrap(), ["x.jsonl", "y.jsonl"]);
    assert_eq!(names("*/x.jsonl", "").unwrap(), ["a/x.jsonl", "b/x.jsonl"]);
    assert_eq!(names("**/x.jsonl", "").unwrap(), ["a/x.jsonl", "b/deep/x.jsonl", "b/x.jsonl"]);
    assert_eq!(names("b/.*.jsonl", "").unwrap(), [".hidden.jsonl"]);
    assert_eq!(names("{config}/x.jsonl", "configs: [b, a], ").unwrap(), ["b/x.jsonl", "a/x.jsonl"]);
    let text = fs::read_to_string(place.path().join("full/mine_full_meta.json")).unwrap();
    assert!(!text.contains("secret") && !text.contains("hidden"), "{text}");
    for (pattern, more, said) in [
        ("c/*.jsonl", "", "nothing is at test://host/c/*.jsonl"),
        ("a/z.jsonl", "", "nothing is at test://host/a/z.jsonl"),
        ("b/[.]*.jsonl", "", "nothing is at"),
        ("e/*.jsonl", "", "test://host/e/a?b.jsonl: a URL cannot name a file with a `?`; rename it"),
        ("b/x.txt", "", "test://host/b/x.txt: its name does not show its format"),
        // A `*` in the name of a config stands for itself.
        ("**/{config}.jsonl", "configs: ['*'], ", "nothing is at test://host/**/[*].jsonl"),
        ("d/{config}*.jsonl", "configs: [x, xy], ", "test://host/d/xy.jsonl is found by"),
    ] {
        let error = names(pattern, more).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(!error.contains("secret") && !error.contains("hidden"), "{error}");
    }
}

#[test]
fn without_a_connection_the_way_out_is_named() {
    let config = Config::from_yaml("test.yaml", &yaml(&url("rows.jsonl"), "")).unwrap();
    let place = tempfile::tempdir().unwrap();
    let made = preprocess(
        &config.benchmarks[0],
        config.store_cut_of("mine"),
        place.path(),
        PreprocessOptions::default(),
        &Silent,
    );
    let error = made.unwrap_err().to_string();
    assert!(error.contains("rows at test://host/rows.jsonl are read by the Python package alone"), "{error}");
}

#[test]
fn a_bad_row_is_named_by_its_url_line_and_shard() {
    let (place, bucket) = bucket();
    let text = rows(400) + "{\"q\": \"no number\"}\n" + &rows(10);
    fs::write(bucket.folder.join("rows.jsonl"), text).unwrap();
    let remote = yaml(&url("rows.jsonl"), "");
    let full = place.path().join("full");
    let error = on(&bucket, &remote, 4, &full, PreprocessOptions::default()).unwrap_err().to_string();
    assert!(error.contains("test://host/rows.jsonl:401") && error.contains("in shard 4 of 4"), "{error}");
    let skip = PreprocessOptions { on_bad_row: Some(OnBadRow::Skip), ..PreprocessOptions::default() };
    let (_, meta) = on(&bucket, &remote, 4, &full, skip).unwrap();
    assert_eq!((meta.n_tasks_full, meta.rejected_rows), (410, 1));
    let aside = fs::read_to_string(full.join("mine_rejected.jsonl")).unwrap();
    assert!(aside.contains("no number") && !aside.contains("secret"), "{aside}");
}

#[test]
fn a_run_that_fails_anywhere_leaves_nothing_half_written_and_goes_on() {
    let (place, bucket) = bucket();
    fs::write(bucket.folder.join("rows.jsonl"), rows(2000)).unwrap();
    let remote = yaml(&url("rows.jsonl"), "");
    alone(&bucket, &remote, &place.path().join("one"), PreprocessOptions::default()).unwrap();
    let expected = content(&place.path().join("one"));
    let full = place.path().join("full");
    let mut failures = 0;
    for calls in 1.. {
        bucket.calls.store(calls, Ordering::Relaxed);
        // The last call removes what workers left; the store is whole without it.
        if on(&bucket, &remote, 3, &full, PreprocessOptions::default()).is_ok() {
            break;
        }
        failures += 1;
        let left: Vec<_> = fs::read_dir(&full).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name.to_string_lossy().starts_with('.') || name == "mine_full"), "{left:?}");
        let parts = fs::read_dir(full.join("mine_full")).map_or(0, |parts| {
            parts.filter(|part| !part.as_ref().unwrap().file_name().to_string_lossy().starts_with('.')).count()
        });
        assert_eq!(parts, 0, "after {calls} calls");
    }
    assert!(failures > 20, "{failures}");
    bucket.calls.store(0, Ordering::Relaxed);
    assert_eq!(content(&full), expected);
}

/// The same, but a part that was written is damaged before the driver takes it.
struct Damaging(Here, PathBuf);
impl Workers for Damaging {
    fn run(
        &self,
        jobs: Vec<Vec<u8>>,
        done: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Vec<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let outcomes = self.0.run(jobs, done)?;
        for part in glob::glob(self.1.join("shared/.mine_shards-*/*.part").to_str().unwrap()).unwrap().take(1) {
            let mut bytes = fs::read(part.as_ref().unwrap()).unwrap();
            bytes[100] ^= 1;
            fs::write(part.unwrap(), bytes).unwrap();
        }
        Ok(outcomes)
    }
}

#[test]
fn what_is_finished_is_not_done_again() {
    let (place, bucket) = bucket();
    fs::write(bucket.folder.join("rows.jsonl"), rows(20_000)).unwrap();
    let remote = yaml(&url("rows.jsonl"), "");
    let size = rows(20_000).len() as u64;
    on(&bucket, &remote, 3, &place.path().join("measured"), PreprocessOptions::default()).unwrap();
    let all = bucket.bytes_of("rows.jsonl");
    let storage = bucket.clone() as Arc<dyn Storage>;
    let mut config = Config::from_yaml("test.yaml", &remote).unwrap();
    config.use_storage(&storage);
    let given = GivenConfig { name: "test.yaml".to_owned(), text: remote.clone(), functions: String::new() };
    let workers = Damaging(Here(storage), bucket.folder.clone());
    let shards = NonZeroUsize::new(3).unwrap();
    let cluster = Cluster { workers: &workers, config: &given, shards, shared: Some(SHARED) };
    let full = place.path().join("full");
    let cut = config.store_cut_of("mine");
    let made = preprocess_on(cluster, &config.benchmarks[0], cut, &full, PreprocessOptions::default(), &Silent);
    let error = made.unwrap_err().to_string();
    assert!(
        error.contains("it is not what the worker wrote (checksum)") && error.contains("test://host/shared/"),
        "{error}"
    );
    assert!(!full.join("mine_full_meta.json").exists());
    // The features are there still.
    let before = bucket.bytes_of("rows.jsonl");
    let _ = on(&bucket, &remote, 3, &full, PreprocessOptions::default());
    let again = bucket.bytes_of("rows.jsonl") - before;
    assert!(again < all - size, "{again} of {all} bytes");
}

#[test]
fn what_was_damaged_behind_the_url_is_made_again() {
    let (place, bucket) = bucket();
    fs::write(bucket.folder.join("rows.jsonl"), rows(3000)).unwrap();
    let (remote, full) = (yaml(&url("rows.jsonl"), ""), place.path().join("full"));
    alone(&bucket, &remote, &place.path().join("one"), PreprocessOptions::default()).unwrap();
    for ending in ["features", "identities", "part", "index", "outcome"] {
        // A run that ends before it is done leaves what it finished.
        let left = |calls: &usize| {
            bucket.calls.store(*calls, Ordering::Relaxed);
            let made =
                on(&bucket, &remote, 3, &full, PreprocessOptions { force: true, ..PreprocessOptions::default() });
            bucket.calls.store(0, Ordering::Relaxed);
            let pattern = bucket.folder.join(format!("shared/.mine_shards-*/*.{ending}"));
            let found: Vec<_> = glob::glob(pattern.to_str().unwrap()).unwrap().map(Result::unwrap).collect();
            assert!(made.is_err() || found.is_empty());
            (found.len() == 3).then_some(found)
        };
        let found = (1..).find_map(|calls| left(&calls)).unwrap();
        for file in found {
            let mut bytes = fs::read(&file).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
            fs::write(&file, bytes).unwrap();
        }
        on(&bucket, &remote, 3, &full, PreprocessOptions { force: true, ..PreprocessOptions::default() }).unwrap();
        assert_eq!(content(&full), content(&place.path().join("one")), "{ending}");
    }
}

#[test]
fn a_file_whose_version_is_not_known_is_for_one_machine() {
    let (place, bucket) = bucket();
    let file = bucket.folder.join("rows.jsonl");
    fs::write(&file, rows(300)).unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let (remote, full) = (yaml(&url("rows.jsonl"), ""), place.path().join("full"));
    let error = on(&bucket, &remote, 2, &full, PreprocessOptions::default()).unwrap_err().to_string();
    assert!(error.contains("rows.jsonl: the server does not say when this file was written"), "{error}");
    alone(&bucket, &remote, &full, PreprocessOptions::default()).unwrap();
}

#[test]
fn what_an_earlier_run_left_is_removed_from_the_url() {
    let (place, bucket) = bucket();
    fs::write(bucket.folder.join("rows.jsonl"), rows(300)).unwrap();
    let (remote, full) = (yaml(&url("rows.jsonl"), ""), place.path().join("full"));
    on(&bucket, &remote, 2, &full, PreprocessOptions::default()).unwrap();
    let force = PreprocessOptions { force: true, ..PreprocessOptions::default() };
    bucket.calls.store(30, Ordering::Relaxed);
    on(&bucket, &remote, 2, &full, force).unwrap_err();
    bucket.calls.store(0, Ordering::Relaxed);
    let shared = bucket.folder.join("shared");
    assert!(fs::read_dir(&shared).unwrap().next().is_some());
    fs::write(shared.join("of another"), "").unwrap();
    assert_eq!(on(&bucket, &remote, 2, &full, PreprocessOptions::default()).unwrap().0, Outcome::Cached);
    let left: Vec<_> = fs::read_dir(&shared).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["of another"]);
}

#[test]
fn a_file_that_changes_is_noticed() {
    let (place, bucket) = bucket();
    let file = bucket.folder.join("rows.jsonl");
    fs::write(&file, rows(300)).unwrap();
    let (remote, full) = (yaml(&url("rows.jsonl"), ""), place.path().join("full"));
    let build = || on(&bucket, &remote, 2, &full, PreprocessOptions::default()).unwrap().0;
    assert_eq!(build(), Outcome::Built);
    assert_eq!(build(), Outcome::Cached);
    // As long as before.
    fs::write(&file, rows(300).replacen("question 7\"", "question 8\"", 1)).unwrap();
    assert_eq!(build(), Outcome::Built);
    assert_eq!(build(), Outcome::Cached);
    fs::write(bucket.folder.join("rows.jsonl"), rows(301)).unwrap();
    assert_eq!(build(), Outcome::Built);
}
