//! JSON Schemas of the files that people write and of those that they read, for editors and for checks elsewhere.
//!
//! They describe the form alone; references between parts, such as the names of benchmarks and features, are checked when
//! files are read. Each definition stands in one place: feature functions and samplers describe themselves, and
//! `schema/*.json` holds the rest. A `$ref` there may lead to a definition that is put in here.

use serde_json::{Value, json};

use super::selection::SELECT;
use crate::{
    difficulty::functions,
    request::{NearDuplicates, OnDuplicate, SamplerKind, Strata, TaskOrder},
};

/// The schema of one line of `task_pool.jsonl`.
pub const TASK: &str = include_str!("schema/task.json");

/// The schema of `data_config.yaml`.
pub fn config() -> String {
    let mut schema = read(include_str!("schema/config.json"));
    schema["$defs"]["feature"] = functions::schema();
    if let Value::Object(definitions) = experiments_schema()["$defs"].take() {
        for (name, definition) in definitions {
            schema["$defs"][name] = definition;
        }
    }
    text(&schema)
}

/// The schema of `experiments.yaml`.
pub fn experiments() -> String {
    text(&experiments_schema())
}

fn experiments_schema() -> Value {
    let mut schema = read(include_str!("schema/experiments.json"));
    let names: Vec<&str> = SamplerKind::ALL.iter().map(|sampler| sampler.name()).collect();
    schema["$defs"]["sampler"] = json!({"enum": names, "default": SamplerKind::default().name()});
    schema["$defs"]["select"] = json!({
        "description": "Which tasks are drawn: as many of each bin as the split says, or those that tell most about the full benchmark's score",
        "enum": SELECT,
        "default": SELECT[0],
    });
    schema["$defs"]["order"] = json!({
        "description": "The order in which the pool gives its tasks; easy_first and hard_first sort by bin, then by difficulty",
        "enum": TaskOrder::WORDS,
        "default": TaskOrder::default().name(),
    });
    let words =
        |description: &str, words: &[&str]| json!({"description": description, "enum": words, "default": words[0]});
    let of_identity =
        "Which rows of one identity may be drawn: all, the first, or the first and none whose answers differ";
    schema["$defs"]["on_duplicate"] = words(of_identity, OnDuplicate::WORDS);
    let of_group = "Which rows of one group of near-duplicates may be drawn: all, or the first";
    schema["$defs"]["near_duplicates"] = words(of_group, NearDuplicates::WORDS);
    let of_strata = "How the tasks of a benchmark are shared among its strata";
    schema["$defs"]["strata"] = words(of_strata, Strata::WORDS);
    schema
}

fn read(built_in: &str) -> Value {
    // The built-in files are JSON: the tests read all of them.
    serde_json::from_str(built_in).unwrap_or_default()
}

fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}
