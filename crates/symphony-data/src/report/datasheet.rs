//! The datasheet of a pool: what it is, where its tasks come from, and how to make it again.

use std::path::Path;

use serde_json::Value;

use super::{ReportError, Table, counted, request, rule::Rule, shown};
use crate::{
    bin::Thresholds,
    config::Config,
    pool::{
        manifest,
        statistics::{BinCounts, Gatherer},
    },
    progress::printable,
    results::AnsweredPool,
};

/// The datasheet of a pool, as texts that the template writes.
#[derive(Debug)]
pub(super) struct Datasheet {
    /// The pool's name: its experiment's title, or that of its folder.
    pub name: String,
    /// The name of its folder, without those above it.
    pub folder: String,
    /// Whether any task is generated.
    pub synthetic: bool,
    /// How many tasks, how many distinct ones, and so on: a name and a value each.
    pub numbers: Vec<(&'static str, String)>,
    pub n_tasks: u64,
    pub n_distinct: u64,
    /// Of how many distinct tasks, each drawn once, it tells as much.
    pub effective_n: f64,
    /// What easy and hard mean, in a sentence, if the request is known.
    pub meaning: Option<String>,
    /// The request in sentences.
    pub words: Vec<String>,
    /// The request as an experiments file, and the key of the experiment in it.
    pub yaml: Option<(String, String)>,
    /// Whether its tasks are a part of those that the request drew.
    pub is_part: bool,
    /// The benchmarks that it draws from, with commas between them.
    pub benchmarks: String,
    /// The calibrations that it was drawn by: their files and checksums.
    pub calibrations: Vec<[String; 2]>,
    /// The file of tasks, and its checksum.
    pub tasks: Option<[String; 2]>,
    /// Whether it was read from a folder.
    pub has_folder: bool,
    pub warnings: Vec<String>,
    /// What was drawn, by what difficulty, and in which phases.
    pub drawn: Vec<Table>,
    /// Where rows come from, and the checksums.
    pub origin: Vec<Table>,
    /// The benchmarks with measured difficulty, each with the models that it was fitted to.
    pub panels: Vec<(String, Vec<String>)>,
    /// BibTeX entries of the benchmarks.
    pub citations: Vec<String>,
}

impl Datasheet {
    /// The datasheet of a pool. Licences and citations are those of the configuration.
    pub fn of(pool: &AnsweredPool, config: &Config) -> Result<Self, ReportError> {
        let none = Value::Null;
        let manifest = pool.manifest.as_ref().unwrap_or(&none);
        let parts: Vec<&Value> = manifest["benchmarks"].as_array().into_iter().flatten().collect();
        let names = parts.iter().filter_map(|part| part["benchmark"].as_str()).map(str::to_owned);
        let mut gatherer = Gatherer::new(names, false);
        pool.tasks.iter().for_each(|task| gatherer.add(task.view()));
        let statistics = gatherer.finish().ok_or(ReportError::NoPool)?;
        let folder = folder(pool);
        let text = |key: &str| manifest[key].as_str();
        let repeats = statistics.repeats;
        let numbers = vec![
            ("tasks", statistics.n_total.to_string()),
            ("distinct tasks", repeats.n_unique.to_string()),
            ("most repeats of one task", repeats.max_repeats.to_string()),
            ("effective n", format!("{:.1}", repeats.effective_n)),
            ("mean difficulty score", format!("{:.3}", statistics.difficulty_distribution.mean)),
        ];
        let key = text("experiment").unwrap_or("pool");
        let request = manifest.get("request");
        let mut drawn = vec![counts(&statistics.benchmark_breakdown, &parts)];
        let mut origin = Vec::new();
        if !parts.is_empty() {
            drawn.push(difficulty(&parts, config));
            origin.extend([sources(&parts, config), files(&parts, manifest)]);
        }
        if let Some(phases) = manifest["phases"].as_array() {
            drawn.push(self::phases(phases));
        }
        let mut warnings: Vec<String> =
            manifest["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).map(shown).collect();
        if pool.is_changed {
            warnings.insert(0, "The tasks are not those that the manifest describes: a checksum differs.".to_owned());
        }
        let n_drawn: u64 =
            parts.iter().filter_map(|part| part["got"].as_object()).flatten().filter_map(|(_, n)| n.as_u64()).sum();
        let is_part = !pool.is_changed && statistics.n_total < n_drawn;
        if is_part {
            let part = format!("{} of the {n_drawn} tasks that the manifest describes", statistics.n_total);
            warnings.insert(0, format!("These are {part}: what was asked, drawn and warned of is about all of them."));
        }
        let warning = match (pool.manifest.is_some(), pool.has_bad_manifest) {
            (true, true) => {
                Some("The manifest was changed since it was written (self_checksum): what it says may be wrong.")
            }
            (false, true) => Some("The manifest cannot be read, so that how these tasks were drawn is not known."),
            (false, false) => Some("There is no manifest, so that how these tasks were drawn is not known."),
            (true, false) => None,
        };
        warnings.splice(0..0, warning.map(str::to_owned));
        let panel = |part: &&Value| {
            let models: Vec<String> = part["difficulty"]["panel"]
                .as_array()?
                .iter()
                .filter_map(|model| model["name"].as_str())
                .map(shown)
                .collect();
            Some((shown(part["benchmark"].as_str()?), models))
        };
        Ok(Self {
            name: shown(text("name").or(text("experiment")).unwrap_or(&folder)),
            folder: shown(&folder),
            synthetic: pool.synthetic,
            n_tasks: statistics.n_total,
            n_distinct: repeats.n_unique,
            effective_n: repeats.effective_n,
            numbers,
            meaning: request.map(|request| shown(&request::difficulty(request))),
            words: request.map(request::in_words).unwrap_or_default(),
            yaml: request.map(|request| (request::yaml(key, text("name"), request), shown(key))),
            is_part,
            benchmarks: parts
                .iter()
                .filter_map(|part| part["benchmark"].as_str())
                .map(shown)
                .collect::<Vec<_>>()
                .join(","),
            calibrations: parts.iter().filter_map(|part| calibration(part)).collect(),
            tasks: tasks_file(manifest),
            has_folder: pool.folder.is_some(),
            warnings,
            drawn,
            origin,
            panels: parts.iter().filter_map(panel).collect(),
            citations: citations(&parts, config),
        })
    }
}

/// Where easy ends and where hard begins in each benchmark, as the manifest records it.
pub(super) fn thresholds(pool: &AnsweredPool, benchmark: &str) -> Option<[f64; 2]> {
    let Thresholds { easy, hard } = manifest::thresholds(pool.manifest.as_ref()?, benchmark)?;
    Some([easy, hard])
}

/// The last part of a pool's path; paths of one machine mean nothing on another.
fn folder(pool: &AnsweredPool) -> String {
    let folder = pool.folder.as_deref().unwrap_or(Path::new(&pool.name));
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "pool".to_owned())
}

/// How many tasks of each benchmark and bin there are, and how many were asked.
fn counts(breakdown: &[(String, crate::pool::statistics::Breakdown)], parts: &[&Value]) -> Table {
    let head =
        ["benchmark", "tasks", "share", "easy", "medium", "hard", "distinct", "most repeats", "effective n", "asked"];
    let all: u64 = breakdown.iter().map(|(_, own)| own.count).sum();
    let row = |(name, own): &(String, crate::pool::statistics::Breakdown)| {
        let BinCounts { easy, medium, hard } = own.bins;
        let part = parts.iter().find(|part| part["benchmark"] == name.as_str());
        let asked = part.map_or("not known".to_owned(), |part| of_bins(&part["asked"]));
        let numbers = [easy, medium.unwrap_or_default(), hard, own.repeats.n_unique, own.repeats.max_repeats];
        let share = super::percent(own.count as f64 / all as f64);
        let mut row = vec![name.clone(), own.count.to_string(), share];
        row.extend(numbers.map(|number| number.to_string()));
        row.extend([format!("{:.1}", own.repeats.effective_n), asked]);
        row
    };
    Table::new("What was drawn", &head, breakdown.iter().map(row))
}

/// Numbers of bins in words, such as `40 easy, 10 hard`.
fn of_bins(counts: &Value) -> String {
    let part = |bin: &&str| counts[*bin].as_u64().map(|n| format!("{n} {bin}"));
    ["easy", "medium", "hard"].iter().filter_map(part).collect::<Vec<_>>().join(", ")
}

/// What easy and hard mean, and how many rows there are to draw from.
fn difficulty(parts: &[&Value], config: &Config) -> Table {
    let head =
        ["benchmark", "difficulty", "easy up to", "hard from", "rows", "set aside", "eligible", "eligible by bin"];
    let row = |part: &&Value| {
        let number = |value: &Value| value.as_f64().map_or("-".to_owned(), |score| format!("{score:.3}"));
        let (own, rows) = (&part["difficulty"], &part["n_tasks_full"]);
        let panel = own["panel"].as_array().map_or(0, Vec::len) as u64;
        let meaning = match (cell(&own["kind"]).as_str(), Rule::of(part, config)) {
            ("surface", Some(rule)) => format!("surface: {}, scaled to 0..1 within the benchmark", rule.in_words()),
            ("surface", None) => "surface".to_owned(),
            (kind, _) => format!("{kind}: expected failure rate, fitted to the answers of {}", counted(panel, "model")),
        };
        vec![
            cell(&part["benchmark"]),
            meaning,
            number(&part["thresholds"]["easy"]),
            number(&part["thresholds"]["hard"]),
            cell(rows),
            cell(&part["rejected_rows"]),
            cell(part["eligible"].get("eligible").unwrap_or(rows)),
            of_bins(&part["bins"]),
        ]
    };
    Table::new("What easy and hard mean", &head, parts.iter().map(row))
}

/// The file of a calibration, and its checksum.
fn calibration(part: &Value) -> Option<[String; 2]> {
    let own = &part["difficulty"];
    Some([shown(own["file"].as_str()?), shown(own["checksum"].as_str().unwrap_or("not recorded"))])
}

/// The file of tasks, and its checksum.
fn tasks_file(manifest: &Value) -> Option<[String; 2]> {
    let mut outputs = manifest["outputs"].as_object()?.iter();
    let (name, file) = outputs.find(|(name, _)| name.starts_with("task_pool."))?;
    Some([shown(name), shown(file["checksum"].as_str()?.trim_start_matches("sha256:"))])
}

/// Where rows come from, and under which licence.
fn sources(parts: &[&Value], config: &Config) -> Table {
    let head = ["benchmark", "source", "revision", "files", "licence"];
    let row = |part: &&Value| {
        let name = cell(&part["benchmark"]);
        let license = known(part, config).and_then(|benchmark| benchmark.license.clone());
        let none = if is_generated(part) { "none: generated" } else { "not known" };
        let files: Vec<String> =
            part["source"]["files"].as_array().into_iter().flatten().map(|file| cell(&file["name"])).collect();
        let files = if files.is_empty() { "-".to_owned() } else { files.join(", ") };
        let (path, revision) = (cell(&part["source"]["path"]), cell(&part["source"]["revision"]));
        vec![name, path, revision, files, license.unwrap_or_else(|| none.to_owned())]
    };
    Table::new("Where rows come from", &head, parts.iter().map(row))
}

/// The checksums that a manifest records.
fn files(parts: &[&Value], manifest: &Value) -> Table {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (name, file) in manifest["outputs"].as_object().into_iter().flatten() {
        rows.push(vec![name.clone(), cell(&file["bytes"]), cell(&file["checksum"])]);
    }
    for part in parts {
        let name = cell(&part["benchmark"]);
        for file in part["source"]["files"].as_array().into_iter().flatten() {
            rows.push(vec![format!("{name}: {}", cell(&file["name"])), cell(&file["bytes"]), cell(&file["checksum"])]);
        }
        rows.push(vec![format!("{name}: store"), cell(&part["store"]["bytes"]), cell(&part["store"]["checksum"])]);
        rows.push(vec![format!("{name}: configuration"), "-".to_owned(), cell(&part["benchmark_config_fingerprint"])]);
    }
    Table::new("Checksums", &["what", "bytes", "checksum"], rows)
}

/// Where the mix changes.
fn phases(phases: &[Value]) -> Table {
    let rows = phases.iter().flat_map(|phase| {
        let parts = phase["benchmarks"].as_array().into_iter().flatten();
        parts.map(move |part| {
            let of_phase = ["phase", "first", "n_tasks"].map(|key| cell(&phase[key]));
            [of_phase.to_vec(), vec![cell(&part["benchmark"]), of_bins(&part["asked"]), of_bins(&part["got"])]].concat()
        })
    });
    Table::new("Phases", &["phase", "first task", "tasks", "benchmark", "asked", "got"], rows)
}

/// A value of a manifest in a cell.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether rows are generated in the format of a benchmark, whose licence and citation are not theirs.
fn is_generated(part: &Value) -> bool {
    part["source"]["path"].as_str().is_some_and(|path| path.starts_with("synthetic:"))
}

/// A benchmark of the configuration, if these rows are its own.
fn known<'c>(part: &Value, config: &'c Config) -> Option<&'c crate::config::Benchmark> {
    config.benchmark(part["benchmark"].as_str()?).filter(|_| !is_generated(part))
}

fn citations(parts: &[&Value], config: &Config) -> Vec<String> {
    let of_part = |part: &&Value| known(part, config)?.citation.as_deref().map(|entry| printable(entry).into_owned());
    parts.iter().filter_map(of_part).collect()
}
