//! README.md of a dataset: the card that the Hub shows, with the configs that `load_dataset` reads.

use std::fmt::Write;

use serde_json::Value;

use super::{
    About,
    dataset::{Config, Grading, Names},
    eval_yaml::yaml_text,
    readme,
};
use crate::{config::Benchmark, source::SourcePath};

/// The command that publishes a dataset.
pub(super) const UPLOAD: &str = "hf upload OWNER/NAME . --repo-type dataset";
/// The tags of a dataset.
pub(super) const TAGS: [&str; 3] = ["symphony-data", "evaluation", "croissant"];
/// The versions that an export was tested with.
const TESTED: &str = "datasets 5.2.0, mlcroissant 1.1.1, inspect-ai 0.3.285";
/// The licences that the Hub knows by name, as far as datasets have them. It refuses cards with other names.
const LICENSES: [&str; 40] = [
    "afl-3.0",
    "agpl-3.0",
    "apache-2.0",
    "artistic-2.0",
    "bigscience-openrail-m",
    "bsd",
    "bsd-2-clause",
    "bsd-3-clause",
    "bsl-1.0",
    "c-uda",
    "cc",
    "cc-by-2.0",
    "cc-by-2.5",
    "cc-by-3.0",
    "cc-by-4.0",
    "cc-by-nc-2.0",
    "cc-by-nc-3.0",
    "cc-by-nc-4.0",
    "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-2.0",
    "cc-by-nc-sa-3.0",
    "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0",
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "cc0-1.0",
    "cdla-permissive-1.0",
    "cdla-permissive-2.0",
    "cdla-sharing-1.0",
    "ecl-2.0",
    "gpl",
    "gpl-3.0",
    "lgpl-3.0",
    "mit",
    "mpl-2.0",
    "odbl",
    "odc-by",
    "pddl",
    "unlicense",
];

/// The benchmarks of the configuration whose rows the tasks are. Generated tasks are not: they are only written in the
/// format of a benchmark, which has no licence for them.
pub(super) fn known<'a>(about: &'a About<'a>) -> impl Iterator<Item = (&'a str, &'a Benchmark)> {
    let parts = about.source.parts();
    about.benchmarks().into_iter().filter_map(move |name| {
        let benchmark = about.config.benchmark(name)?;
        let source = parts.iter().find(|part| part["benchmark"] == name).map(|part| &part["source"]["path"]);
        let is_generated = match source {
            Some(path) => path.as_str().is_some_and(|path| path.starts_with("synthetic:")),
            None => matches!(benchmark.source, SourcePath::Synthetic { .. }),
        };
        (!is_generated).then_some((name, benchmark))
    })
}

/// What a dataset is, in one or two sentences.
pub(super) fn description(about: &About<'_>) -> String {
    let kind = if about.source.is_pool() { "a pool of tasks" } else { "preprocessed benchmarks" };
    let benchmarks = about.benchmarks().join(", ");
    let mut text = format!("{} language model tasks of known difficulty ({kind}) from {benchmarks}.", about.tasks);
    if about.source.is_synthetic() == Some(true) {
        text += " The tasks are SYNTHETIC: generated in the format of the benchmarks, not taken from them.";
    }
    text
}

/// The card.
pub(super) fn text(about: &About<'_>, configs: &[Config], names: &Names) -> String {
    let mut text = front_matter(about, configs);
    text += &readme::head(about, "the Hugging Face Hub");
    text += &columns(configs, names);
    text += &loading(about, configs);
    text += &running(configs, names);
    text += &drawn(about);
    text += &rights(about);
    text += &format!(
        "\n## Versions\n\nTested with {TESTED}. No clock is read, so that the same tasks give the same files: `datePublished` \
         in `croissant.json` is 1970-01-01, and its `version` is 1.0.0. Set both when you publish.\n"
    );
    text
}

fn front_matter(about: &About<'_>, configs: &[Config]) -> String {
    let mut text = format!("---\npretty_name: {}\n", yaml_text(about.name));
    if let Some(license) = license(about) {
        _ = writeln!(text, "license: {license}");
    }
    let sizes = [
        (1_000, "n<1K"),
        (10_000, "1K<n<10K"),
        (100_000, "10K<n<100K"),
        (1_000_000, "100K<n<1M"),
        (10_000_000, "1M<n<10M"),
    ];
    let size = sizes.into_iter().find(|(below, _)| about.tasks < *below).map_or("10M<n<100M", |(_, name)| name);
    _ = writeln!(text, "size_categories: [{}]\ntags: [{}]\nconfigs:", yaml_text(size), TAGS.map(yaml_text).join(", "));
    for config in configs {
        _ = writeln!(text, "- config_name: {}", yaml_text(&config.name));
        if config.benchmark.is_none() {
            text += "  default: true\n";
        }
        _ = writeln!(text, "  data_files:\n  - split: test\n    path: {}", yaml_text(&config.path));
    }
    text + "---\n\n"
}

/// The licence of all tasks: `other` if benchmarks have different ones, or one that the Hub does not know by name; `None` if
/// no licence is known.
fn license(about: &About<'_>) -> Option<&'static str> {
    let licenses: Vec<&str> = known(about).filter_map(|(_, benchmark)| benchmark.license.as_deref()).collect();
    let first = licenses.first()?;
    let is_one = licenses.len() == about.benchmarks().len() && licenses.iter().all(|license| license == first);
    Some(LICENSES.into_iter().find(|known| is_one && known == first).unwrap_or("other"))
}

fn columns(configs: &[Config], names: &Names) -> String {
    let Names { ids, input, target, row } = names;
    let all = configs.first().map_or("", |config| &config.path);
    let mut text = format!(
        "\n## Columns\n\n`{all}` has all tasks in their order; `raw_data` is the row of the benchmark as JSON text, exactly as \
         its source has it.\n\nThe file of a benchmark has its tasks in the same order, with the fields of its rows as columns; \
         a field that a row does not have is null. A column of numbers that are all integers has integers: 142.0 became 142. \
         `{ids}` has the ids, bin, score and weight of each task.",
    );
    if configs.iter().any(|config| config.grading.is_some()) {
        text += &format!(
            " `{input}` is the question as a model gets it, and `{target}` the answer. Where texts are compared, `{target}` \
             has none of what does not count: quotes, a full stop at its end, the brackets of `(A)`."
        );
    }
    text.push('\n');
    let mut kept = String::new();
    for config in configs.iter().filter(|config| config.benchmark.is_some()) {
        let mut paths = Vec::new();
        config.columns.iter().for_each(|(name, kind)| kind.json_paths(name, &mut paths));
        let shown: Vec<String> = paths.iter().map(|path| code(path)).collect();
        if !shown.is_empty() {
            _ = writeln!(kept, "- {}: {}", code(&config.name), shown.join(", "));
        }
    }
    if !kept.is_empty() {
        text += &format!(
            "\nThe values of some fields have several types, or do not fit a column. These are kept as JSON text \
             (`{row}` is a whole row):\n\n{kept}"
        );
    }
    text
}

fn loading(about: &About<'_>, configs: &[Config]) -> String {
    let mut text = "\n## Load\n\n```python\nfrom datasets import load_dataset\n\n\
                    tasks = load_dataset(\"OWNER/NAME\", split=\"test\")  # or the path of this folder\n"
        .to_owned();
    if let Some(config) = configs.iter().find(|config| config.benchmark.is_some()) {
        _ = writeln!(text, "rows = load_dataset(\"OWNER/NAME\", \"{}\", split=\"test\")", config.name);
    }
    text += "```\n";
    let renamed = configs.iter().filter(|config| config.benchmark.as_ref().is_some_and(|name| *name != config.name));
    for config in renamed {
        let benchmark = config.benchmark.as_deref().unwrap_or_default();
        _ = writeln!(text, "\nThe config {} has the tasks of {}.", code(&config.name), code(benchmark));
    }
    text += "\n`croissant.json` describes the same configs in Croissant 1.1. To publish the folder:\n";
    text += &commands(&[UPLOAD]);
    if about.source.is_pool() {
        text +=
            "\nA published pool shows its answers to crawlers. Make the dataset private or gated if that matters.\n";
    }
    text
}

fn running(configs: &[Config], names: &Names) -> String {
    let of = |wanted: fn(Option<&Grading>) -> bool| -> Vec<String> {
        let configs = configs.iter().filter(|config| config.benchmark.is_some() && wanted(config.grading.as_ref()));
        configs.map(|config| code(&config.name)).collect()
    };
    let code_ones = of(|grading| matches!(grading, Some(Grading::Code)));
    let unasked = of(|grading| grading.is_none());
    let mut text = "\n## Run in Inspect\n".to_owned();
    let first = configs.iter().find(|config| !matches!(config.grading, None | Some(Grading::Code)));
    match first {
        Some(config) => {
            text += "\nOnce the dataset is on the Hub, `eval.yaml` has a task for each benchmark:\n";
            let one = format!("inspect eval hf/OWNER/NAME/{} --model PROVIDER/MODEL", config.name);
            text += &commands(&["inspect eval hf/OWNER/NAME --model PROVIDER/MODEL", &one]);
            text += &format!(
                "\nAn answer counts if it stands behind the last `ANSWER:`; a number, if it is the last one of the text. Inspect \
                 compares five digits of numbers. The log has the ids of each task under `metadata.{}`. For the grading \
                 that is the same in lm-eval, and for accuracies by bin, write `symphony-data export POOL --to inspect`.\n",
                names.ids
            );
        }
        None => {
            text += "\nInspect's own scorers can grade none of these benchmarks, so that there is no `eval.yaml`.\n";
        }
    }
    if !code_ones.is_empty() {
        text += &format!(
            "\nNot in `eval.yaml`: {}. Inspect has no scorer of its own for code. Run it with \
             `symphony-data export POOL --to inspect`.\n",
            code_ones.join(", ")
        );
    }
    if !unasked.is_empty() {
        text += &format!("\nNot in `eval.yaml`, because no prompt fits their rows: {}.\n", unasked.join(", "));
    }
    text
}

fn drawn(about: &About<'_>) -> String {
    let (key, origin) = about.source.origin();
    let parts = about.source.parts();
    let mut text = "\n## Where the tasks come from\n".to_owned();
    match origin.get("request") {
        Some(request) => {
            let request = serde_json::to_string_pretty(request).unwrap_or_default();
            text +=
                &format!("\nThe request that drew them, with its defaults filled in:\n\n{}", fenced("json", &request));
        }
        None if key == "pool" => text += "\nHow these tasks were drawn is not recorded.\n",
        None => text += "\nThese are all rows of the benchmarks, not a sample.\n",
    }
    if !parts.is_empty() {
        text +=
            "\n| benchmark | difficulty | easy up to | hard from | source | revision |\n|---|---|---|---|---|---|\n";
        for part in parts {
            let cell = |value: &Value| match value {
                Value::Null => String::new(),
                Value::String(text) => readme::cell(text),
                other => other.to_string(),
            };
            let (thresholds, source) = (&part["thresholds"], &part["source"]);
            let cells = [
                &part["benchmark"],
                &part["difficulty"]["kind"],
                &thresholds["easy"],
                &thresholds["hard"],
                &source["path"],
                &source["revision"],
            ];
            _ = writeln!(text, "| {} |", cells.map(cell).join(" | "));
        }
    }
    text + "\n`manifest.json` has all of it, with checksums.\n"
}

fn rights(about: &About<'_>) -> String {
    let known: Vec<_> = known(about).collect();
    let mut text = "\n## Licences and citations\n\n".to_owned();
    for name in about.benchmarks() {
        let benchmark = known.iter().find(|(known, _)| *known == name).map(|(_, benchmark)| benchmark);
        let license = benchmark.and_then(|benchmark| benchmark.license.as_deref()).map(readme::cell);
        _ = writeln!(text, "- {}: {}", readme::cell(name), license.as_deref().unwrap_or("no licence is known"));
    }
    for (_, benchmark) in known {
        if let Some(citation) = &benchmark.citation {
            text += &format!("\n{}", fenced("bibtex", citation));
        }
    }
    text
}

/// A block of code, whose fence is longer than all backticks in it.
fn fenced(language: &str, code: &str) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", code.trim_end())
}

/// A name between backticks.
fn code(name: &str) -> String {
    format!("`{}`", name.replace('`', "'").replace(char::is_control, " "))
}

/// Commands to type.
fn commands(lines: &[&str]) -> String {
    format!("\n```console\n{}```\n", lines.iter().map(|line| format!("$ {line}\n")).collect::<String>())
}
