//! What several tests share: the golden numbers, the real data where it is, and stage 1 on it.
#![allow(dead_code)] // Each test binary uses its own part.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::Value;
use symphony_data::{DatasetBuilder, preprocess::PreprocessOptions, request::RequestSpec};

pub const BENCHMARKS: [&str; 5] = ["humaneval", "gsm8k", "bbh", "amc", "medical_qa"];

/// The five real benchmarks as local files, if they lie beside the checkout; else says that the test is skipped.
pub fn real_data() -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = data.canonicalize().ok();
    if data.is_none() {
        eprintln!("SKIPPED: the real benchmarks are not on this machine (../shared/data)");
    }
    data
}

/// A configuration of the five on local files; `amc` is put under its key.
pub fn config_on_files(data: &Path, amc: &str) -> String {
    let data = data.display();
    format!(
        "benchmarks:
  humaneval: {{path: 'file:{data}/humaneval/test.jsonl'}}
  gsm8k: {{path: 'file:{data}/gsm8k/test.jsonl'}}
  bbh: {{path: 'file:{data}/bbh/{{config}}.jsonl'}}
  amc: {{path: 'file:{data}/amc/train.jsonl'{amc}}}
  medical_qa: {{path: 'file:{data}/medical_qa/test.jsonl'}}
"
    )
}

/// The golden numbers of the rule set `set` (`default` or `amc-length`).
pub fn golden(set: &str, file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(set).join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A builder on the real data, and the folder of its stores, made once for a test binary.
pub fn real(set: &'static str) -> Option<(&'static DatasetBuilder, &'static Path)> {
    static DEFAULT: OnceLock<Option<(DatasetBuilder, tempfile::TempDir)>> = OnceLock::new();
    static AMC_LENGTH: OnceLock<Option<(DatasetBuilder, tempfile::TempDir)>> = OnceLock::new();
    let (cell, amc) = match set {
        "default" => (&DEFAULT, ""),
        _ => (&AMC_LENGTH, ", difficulty: {preset: amc_length}"),
    };
    let made = cell.get_or_init(|| {
        let data = real_data()?;
        let builder = DatasetBuilder::from_yaml("test.yaml", &config_on_files(&data, amc)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        builder.preprocess_all_benchmarks(folder.path(), PreprocessOptions::default()).unwrap();
        Some((builder, folder))
    });
    made.as_ref().map(|(builder, folder)| (builder, folder.path()))
}

/// The lines of a file of JSON lines.
pub fn json_lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A golden pool's request.
pub fn golden_request(pool: &Value, sample_with_replacement: symphony_data::request::Replacement) -> RequestSpec {
    let request = &pool["request"];
    let texts = |value: &Value| value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect();
    RequestSpec {
        benchmarks: texts(&request["benchmarks_to_include"]),
        benchmark_ratios: request["benchmark_ratios"]
            .as_object()
            .map(|ratios| ratios.iter().map(|(name, ratio)| (name.clone(), ratio.as_f64().unwrap())).collect()),
        difficulty_split: request["difficulty_split"].as_str().map(str::to_owned),
        n_total_tasks: request["n_total_tasks"].as_u64().unwrap(),
        random_seed: request["random_seed"].as_u64(),
        sample_with_replacement: Some(sample_with_replacement),
        sampler: Some("numpy".to_owned()),
        difficulty_percentiles: request["difficulty_percentiles"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, pair)| {
                let pair = symphony_data::bin::Percentiles::new(pair[0].as_f64().unwrap(), pair[1].as_f64().unwrap());
                (name.clone(), pair.unwrap())
            })
            .collect(),
        ..RequestSpec::default()
    }
}
