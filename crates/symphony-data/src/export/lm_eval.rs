//! lm-evaluation-harness: a task for each benchmark and bin, and groups that add them up.
//!
//! Each benchmark and bin has two tasks. One asks and scores as the harness's own task does, where it has one; the other, for
//! chat models, asks and grades as the benchmark's prompt says. Both read the same data.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    About, ExportError, Place, Sample, Writer,
    inspect::{choices_of, code_of},
    readme::{GRADE, Readme},
};
use crate::{bin::Bin, config::Config, disk::NewFile, prompt::Grade};

const TASKS: &str = include_str!("templates/lm_eval.py");
const README: &str = include_str!("templates/lm_eval.md");
/// The tasks of the harness that ask and score these presets.
const STOCK: [(&str, &str); 4] =
    [("gsm8k", "gsm8k_cot"), ("bbh", "bbh_zeroshot"), ("humaneval", "humaneval"), ("medical_qa", "medqa_4options")];
/// The version that exports are tested with.
const TESTED: &str = "lm_eval 0.4.13";
/// The oldest version that takes a group in several groups.
const OLDEST: &str = "0.4.12";
/// How many tokens an answer may have. A completion model cuts the prompt by as many, and has 2,048 for both by default.
const TOKENS: u64 = 1024;
/// How many tokens an answer of a chat model may have.
const CHAT_TOKENS: u64 = 4096;

/// Writes a file of data for each benchmark and bin, the YAML of tasks and groups, and the Python that they name.
pub(super) struct LmEval<'c> {
    config: &'c Config,
    /// The name of the tasks. It begins with `symphony_`, so that it replaces no task of the harness.
    name: String,
    data: BTreeMap<(String, Bin), NewFile>,
    /// The benchmarks that ask for code.
    code: BTreeSet<String>,
    stops: BTreeMap<String, Vec<String>>,
}

impl<'c> LmEval<'c> {
    pub fn new(name: &str, config: &'c Config) -> Self {
        let name = if name.starts_with("symphony_") { name.to_owned() } else { format!("symphony_{name}") };
        Self { config, name, data: BTreeMap::new(), code: BTreeSet::new(), stops: BTreeMap::new() }
    }

    /// The harness's task that is like a benchmark: that of a preset, unless the user wrote a prompt for it.
    fn like(&self, benchmark: &str) -> Option<&'static str> {
        let (_, like) = STOCK.iter().find(|(name, _)| *name == benchmark)?;
        self.config.benchmark(benchmark)?.has_preset_prompt.then_some(*like)
    }
}

/// The two kinds of tasks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Completion,
    Chat,
}

impl Writer for LmEval<'_> {
    fn take(&mut self, sample: &Sample<'_>, place: &mut Place<'_>) -> Result<(), ExportError> {
        let (prompt, asked) = sample.question()?;
        let benchmark = sample.task.benchmark;
        let key = (benchmark.to_owned(), sample.bin);
        let file = match self.data.entry(key) {
            std::collections::btree_map::Entry::Occupied(file) => file.into_mut(),
            std::collections::btree_map::Entry::Vacant(free) => {
                self.stops.insert(benchmark.to_owned(), prompt.stop.clone());
                free.insert(place.create(&format!("data/{benchmark}_{}.jsonl", sample.bin))?)
            }
        };
        let mut question = json!({"input": asked.input, "target": asked.target, "grade": prompt.grade.name()});
        if let Grade::Choice = prompt.grade {
            question["choices"] = choices_of(asked);
        }
        if let Some(code) = &asked.code {
            self.code.insert(benchmark.to_owned());
            question["code"] = code_of(code);
        }
        // The row goes in as it is, so that its numbers keep their digits.
        let line = format!("{{\"symphony\":{},\"asked\":{question},\"row\":{}}}\n", json!(sample.ids()), sample.row());
        Ok(file.put(line.as_bytes())?)
    }

    fn finish(mut self: Box<Self>, about: &About<'_>, place: &mut Place<'_>) -> Result<String, ExportError> {
        for ((benchmark, bin), file) in std::mem::take(&mut self.data) {
            place.add(&format!("data/{benchmark}_{bin}.jsonl"), file)?;
        }
        place.text("utils.py", &TASKS.replace("{grade}", GRADE.trim_end()))?;
        let mut names = BTreeSet::new();
        let mut write = |name: &str, text: String| {
            if !names.insert(name.to_owned()) {
                return Err(ExportError::TwoTasks { name: name.to_owned() });
            }
            place.text(&format!("{name}.yaml"), &text)
        };
        for style in [Style::Completion, Style::Chat] {
            let root = match style {
                Style::Completion => self.name.clone(),
                Style::Chat => format!("{}_chat", self.name),
            };
            let leaf = |benchmark: &str, bin: Bin| format!("{root}_{benchmark}_{bin}");
            for cell in about.cells {
                let (benchmark, bin) = (cell.benchmark.as_str(), cell.bin);
                write(&leaf(benchmark, bin), self.leaf(&leaf(benchmark, bin), benchmark, bin, style, about))?;
            }
            let of = |keep: &dyn Fn(&str, Bin) -> bool| -> Vec<String> {
                let kept = about.cells.iter().filter(|cell| keep(&cell.benchmark, cell.bin));
                kept.map(|cell| leaf(&cell.benchmark, cell.bin)).collect()
            };
            let mut below = Vec::new();
            for benchmark in about.benchmarks() {
                let name = format!("{root}_{benchmark}");
                write(&name, group(&name, benchmark, &of(&|of, _| of == benchmark), true))?;
                below.push(name);
            }
            write(&root, group(&root, about.name, &below, true))?;
            let mut all = vec![root.clone()];
            for bin in about.bins() {
                let name = format!("{root}_{bin}");
                write(&name, group(&name, bin.name(), &of(&|_, of| of == bin), true))?;
                all.push(name);
            }
            // A task in two groups of a group that adds up would count twice.
            let name = format!("{root}_all");
            write(&name, group(&name, &name, &all, false))?;
        }
        let code: Vec<&str> = self.code.iter().map(String::as_str).collect();
        let [tasks, distinct] = [about.tasks, about.distinct].map(|count| count.to_string());
        let readme = Readme {
            harness: "lm-evaluation-harness",
            template: README,
            values: &[
                ("name", &self.name),
                ("text", if code.is_empty() { "yes" } else { "" }),
                ("stock", &self.stock_tasks(about)),
                ("repeats", if about.distinct < about.tasks { "yes" } else { "" }),
                ("tasks", &tasks),
                ("distinct", &distinct),
                ("code", &code.join(", ")),
            ],
            logs: "logs",
            tested: TESTED,
            oldest: Some(OLDEST),
        };
        let (text, command) = readme.of(about);
        place.text("README.md", &text)?;
        Ok(command)
    }
}

/// A group of tasks or groups.
fn group(name: &str, alias: &str, tasks: &[String], adds_up: bool) -> String {
    let mut text = format!("group: {}\ngroup_alias: {}\ntask: {}\n", json!(name), json!(alias), json!(tasks));
    if adds_up {
        let acc = json!([{"metric": "acc", "aggregation": "mean", "weight_by_size": true, "filter_list": ["pool"]}]);
        text += &format!("aggregate_metric_list: {acc}\n");
    }
    text + "metadata: {\"version\": 1}\n"
}

impl LmEval<'_> {
    fn leaf(&self, name: &str, benchmark: &str, bin: Bin, style: Style, about: &About<'_>) -> String {
        let like = self.like(benchmark).filter(|_| style == Style::Completion);
        let max_gen_toks = if style == Style::Chat { CHAT_TOKENS } else { TOKENS };
        let stop = self.stops.get(benchmark);
        let ours = json!({"data": format!("data/{benchmark}_{bin}.jsonl"), "like": like, "max_gen_toks": max_gen_toks, "stop": stop});
        let (key, origin) = about.source.origin();
        let of = |keys: &[&str]| keys.iter().fold(&origin, |value, key| &value[*key]).clone();
        let mut metadata =
            json!({"version": 1, "export": about.name, "benchmark": benchmark, "difficulty_bin": bin, "like": like});
        if key == "pool" && origin != Value::Null {
            metadata["request"] = of(&["request"]);
            metadata["pool"] = of(&["outputs"]);
        }
        let mut text = format!("task: {}\ntask_alias: {}\n", json!(name), json!(format!("{benchmark} {bin}")));
        text += "class: !function utils.Leaf\n";
        if self.code.contains(benchmark) {
            text += "unsafe_code: true\n";
        }
        text + &format!("symphony: {ours}\nmetadata: {metadata}\n")
    }

    /// The benchmarks that the harness has tasks for, for a README.
    fn stock_tasks(&self, about: &About<'_>) -> String {
        let like = |benchmark: &&str| self.like(benchmark).map(|like| format!("{benchmark} as `{like}`"));
        let known: Vec<String> = about.benchmarks().iter().filter_map(like).collect();
        let all = about.benchmarks().len();
        let read = "Prompt, examples, filters and metrics are read from the installed harness, and only the documents are the \
                    export's";
        match known.len() {
            0 => "as the same prompts say: the harness has no task for these benchmarks".to_owned(),
            n if n == all => format!("as the harness's own tasks do: {}. {read}", known.join(", ")),
            _ => format!("as the harness's own tasks do: {}; the others as the prompts say. {read}", known.join(", ")),
        }
    }
}
