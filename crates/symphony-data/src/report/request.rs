//! A request, as a manifest records it, in words and as YAML to copy.

use serde_json::{Map, Value};

use super::{counted, shown};
use crate::export::yaml_text;

/// The keys that [`in_words`] puts in words; the others are only named.
const SAID: [&str; 12] = [
    "benchmarks",
    "benchmark_ratios",
    "select",
    "difficulty_split",
    "n_total_tasks",
    "random_seed",
    "sample_with_replacement",
    "sampler",
    "order",
    "difficulty_percentiles",
    "difficulty_cuts",
    "difficulty",
];

/// A request in sentences.
pub(super) fn in_words(request: &Value) -> Vec<String> {
    let mut words = vec![format!(
        "The request is for {}: {}.",
        counted(request["n_total_tasks"].as_u64().unwrap_or_default(), "task"),
        shares(request)
    )];
    words.push(mix(request));
    words.push(bins(request));
    words.push(difficulty(request));
    words.push(
        match &request["sample_with_replacement"] {
            Value::Bool(false) => "No task repeats; a bin that is too small delivers fewer tasks.",
            Value::Bool(true) => "Tasks are drawn independently, so that they may repeat.",
            _ => "Tasks repeat only where a bin has fewer tasks than the request needs of it.",
        }
        .to_owned(),
    );
    let order = match request["order"].as_str() {
        None | Some("shuffled") => String::new(),
        Some(order) => format!(", in the order {}", order.replace('_', " ")),
    };
    let sampler = request["sampler"].as_str().map_or(String::new(), |name| format!("the sampler {name} and "));
    words.push(format!("They are drawn with {sampler}the seed {}{order}.", request["random_seed"]));
    let others = keys(request).filter(|key| !SAID.contains(&key.as_str()) && *key != "min_responses");
    let others: Vec<&str> = others.map(String::as_str).collect();
    if !others.is_empty() {
        words.push(format!("It also sets {}, as the YAML shows.", others.join(", ")));
    }
    words.iter().map(|sentence| shown(sentence)).collect()
}

fn keys(value: &Value) -> impl Iterator<Item = &String> {
    value.as_object().into_iter().flat_map(Map::keys)
}

/// Which benchmarks, and in which shares.
fn shares(request: &Value) -> String {
    let Some(names) = request["benchmarks"].as_array() else {
        return "from groups of benchmarks, in the shares that the YAML shows".to_owned();
    };
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    let ratios: Vec<f64> = names.iter().filter_map(|name| request["benchmark_ratios"][*name].as_f64()).collect();
    let sum: f64 = ratios.iter().sum();
    if names.len() == 1 {
        return format!("all from {}", names[0]);
    }
    if ratios.len() < names.len() || sum <= 0.0 {
        return format!("from {}, in proportion to their sizes", names.join(", "));
    }
    let share = |(name, ratio): (&&str, f64)| format!("{} from {name}", short_percent(ratio / sum));
    names.iter().zip(ratios).map(share).collect::<Vec<_>>().join(", ")
}

/// Which shares of easy and hard tasks.
fn mix(request: &Value) -> String {
    if request.get("select").is_some() {
        return "Tasks are drawn with known chances, more of those that say more about models (an informative draw)."
            .to_owned();
    }
    let split = request["difficulty_split"].as_str().unwrap_or_default();
    let parts: Vec<f64> = split.split(':').filter_map(|part| part.parse().ok()).collect();
    let sum: f64 = parts.iter().sum();
    let names: &[&str] = if parts.len() == 3 { &["easy", "medium", "hard"] } else { &["easy", "hard"] };
    if parts.len() != names.len() || sum <= 0.0 {
        return "Easy, medium and hard tasks are as frequent as in the benchmarks.".to_owned();
    }
    let share = |(part, name): (&f64, &&str)| format!("{} are {name}", short_percent(part / sum));
    let text = parts.iter().zip(names).map(share).collect::<Vec<_>>().join(", ");
    format!("Of each benchmark's tasks, {text}.")
}

/// What easy and hard mean.
fn bins(request: &Value) -> String {
    let percentiles: Vec<&Value> = values(&request["difficulty_percentiles"]);
    if request.get("difficulty_cuts").is_some() {
        return "Bins begin and end at scores that the request names: see the thresholds.".to_owned();
    }
    match percentiles.split_first() {
        Some((first, rest)) if rest.iter().all(|other| other == first) => format!(
            "A task is easy if its difficulty score is at or below percentile {} of its benchmark, and hard at or above \
             percentile {}; in between it is medium.",
            first[0], first[1]
        ),
        _ => {
            "Bins begin and end at percentiles of each benchmark's difficulty scores, which the YAML shows.".to_owned()
        }
    }
}

/// What difficulty is.
pub(super) fn difficulty(request: &Value) -> String {
    let kinds: Vec<&str> = values(&request["difficulty"]).into_iter().filter_map(Value::as_str).collect();
    let is = |kind: &str| kinds.iter().all(|own| *own == kind);
    if is("surface") {
        "Difficulty is the surface score: a rule computes it from each row's features, without asking a model."
            .to_owned()
    } else if is("reference") {
        "Difficulty is the reference: how often a model is expected to fail the task, fitted to published answers."
            .to_owned()
    } else if kinds.iter().any(|own| *own == "surface" || *own == "reference") {
        "Difficulty is of several kinds: see the table What easy and hard mean.".to_owned()
    } else {
        "Difficulty is measured: how often a model such as those of the panel is expected to fail the task, fitted to the panel's answers."
            .to_owned()
    }
}

fn values(map: &Value) -> Vec<&Value> {
    map.as_object().into_iter().flat_map(Map::values).collect()
}

/// A share as a percentage, without a decimal where it needs none.
fn short_percent(share: f64) -> String {
    let percent = (1000.0 * share).round() / 10.0;
    format!("{percent} %")
}

/// The folder of calibrations that [`yaml`] names.
pub(super) const CALIBRATIONS: &str = "calibrations";

/// An experiments file with this request under this key. A manifest records the difficulty and the fewest responses of each benchmark,
/// where a request has one of each for all.
pub(super) fn yaml(key: &str, name: Option<&str>, request: &Value) -> String {
    let mut experiment = Map::new();
    if let Some(name) = name {
        experiment.insert("name".to_owned(), name.into());
    }
    experiment.extend(request.as_object().cloned().unwrap_or_default());
    let kinds: Vec<&str> = values(&request["difficulty"]).into_iter().filter_map(Value::as_str).collect();
    if kinds.iter().any(|kind| !["surface", "reference"].contains(kind)) {
        experiment.insert("difficulty".to_owned(), CALIBRATIONS.into());
    } else if kinds.contains(&"reference") {
        experiment.insert("difficulty".to_owned(), "reference".into());
    }
    let fewest = values(&request["min_responses"]).into_iter().filter_map(Value::as_u64).max();
    if let Some(fewest) = fewest {
        experiment.insert("min_responses".to_owned(), fewest.into());
    }
    let mut text = format!("experiments:\n  {}:\n", word(key));
    put(&mut text, &experiment, "    ");
    text
}

/// Writes a mapping in lines that begin with `indent`.
fn put(text: &mut String, map: &Map<String, Value>, indent: &str) {
    for (key, value) in map {
        let key = word(key);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push_str(&format!("{indent}{key}:\n"));
                put(text, inner, &format!("{indent}  "));
            }
            Value::String(own) => text.push_str(&format!("{indent}{key}: {}\n", word(own))),
            other => text.push_str(&format!("{indent}{key}: {}\n", flow(other))),
        }
    }
}

/// A list or a number on one line. JSON is YAML.
fn flow(value: &Value) -> String {
    match value {
        Value::Array(own) => format!("[{}]", own.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(own) => {
            let pair = |(key, value): (&String, &Value)| format!("{}: {}", word(key), flow(value));
            format!("{{{}}}", own.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        Value::String(own) => word(own),
        other => other.to_string(),
    }
}

/// A text, without quotes where every reader of YAML takes it for the same text.
fn word(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&text);
    if is_plain { text.to_owned() } else { yaml_text(text) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_quotes_what_another_reader_could_misread() {
        let request = json!({"benchmarks": ["gsm8k", "no"], "difficulty_split": "80:20", "where": {"bbh": {"a b": [1, "x\u{85}"]}}});
        let expected = "experiments:\n  exp1:\n    name: \"A \\\"b\\\"\"\n    benchmarks: [gsm8k, \"no\"]\n    \
            difficulty_split: \"80:20\"\n    where:\n      bbh:\n        \"a b\": [1, \"x\\u0085\"]\n";
        assert_eq!(yaml("exp1", Some("A \"b\""), &request), expected);
    }

    #[test]
    fn the_difficulty_of_each_benchmark_becomes_the_one_of_a_request() {
        for (recorded, expected) in [
            (json!({"a": "a_calibration.jsonl", "b": "surface"}), "calibrations"),
            (json!({"a": "reference", "b": "surface"}), "reference"),
        ] {
            let request = json!({"difficulty": recorded, "min_responses": {"a": 3, "b": 0}});
            let yaml = yaml("exp1", None, &request);
            assert!(yaml.ends_with(&format!("    difficulty: {expected}\n    min_responses: 3\n")), "{yaml}");
        }
    }

    #[test]
    fn words_say_shares_bins_and_what_else_is_set() {
        let request = json!({
            "benchmarks": ["a", "b"], "benchmark_ratios": {"a": 1.0, "b": 3.0}, "difficulty_split": "1:2:1", "n_total_tasks": 40,
            "random_seed": 7, "sample_with_replacement": false, "sampler": "stable", "difficulty_percentiles": {"a": [20, 80], "b": [20, 80]},
            "partition": "test",
        });
        let words = in_words(&request).join(" ");
        for part in [
            "40 tasks: 25 % from a, 75 % from b.",
            "25 % are easy, 50 % are medium, 25 % are hard.",
            "percentile 20 of its benchmark, and hard at or above percentile 80;",
            "No task repeats",
            "the sampler stable and the seed 7.",
            "It also sets partition,",
        ] {
            assert!(words.contains(part), "{part}: {words}");
        }
    }
}
