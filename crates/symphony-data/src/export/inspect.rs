//! Inspect: one file of samples and one of Python, which asks and grades them.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    About, ExportError, Place, Sample, Writer,
    readme::{GRADE, Readme},
};
use crate::{
    disk::NewFile,
    prompt::{Asked, AskedCode, Grade},
};

/// The version that exports are tested with.
const TESTED: &str = "inspect-ai 0.3.285";
/// The oldest version that names grouped metrics as an export does.
const OLDEST: &str = "0.3.180";
const TASK: &str = include_str!("templates/inspect.py");
const README: &str = include_str!("templates/inspect.md");

/// Writes `NAME.jsonl` and `NAME.py`.
pub(super) struct Inspect {
    samples: NewFile,
    /// The benchmarks that ask for code.
    code: BTreeSet<String>,
}

impl Inspect {
    pub fn new(name: &str, place: &mut Place<'_>) -> Result<Self, ExportError> {
        Ok(Self { samples: place.create(&format!("{name}.jsonl"))?, code: BTreeSet::new() })
    }
}

impl Writer for Inspect {
    fn take(&mut self, sample: &Sample<'_>, _: &mut Place<'_>) -> Result<(), ExportError> {
        let (prompt, asked) = sample.question()?;
        let task = &sample.task;
        let mut metadata = json!({
            "symphony": sample.ids(),
            "benchmark": task.benchmark,
            "difficulty_bin": task.difficulty_bin,
            "cell": format!("{}/{}", task.benchmark, task.difficulty_bin),
            "cluster": sample.key(),
            "grade": prompt.grade.name(),
        });
        if let Grade::Choice = prompt.grade {
            metadata["choices"] = choices_of(asked);
        }
        if let Some(code) = &asked.code {
            self.code.insert(task.benchmark.to_owned());
            metadata["code"] = code_of(code);
        }
        let [id, input, target] = [&task.task_id.to_string(), &asked.input, &asked.target].map(|text| json!(text));
        let metadata = metadata.to_string();
        let open = metadata.strip_suffix('}').unwrap_or(&metadata);
        // The row goes in as it is, so that its numbers keep their digits.
        let line = format!(
            "{{\"id\":{id},\"input\":{input},\"target\":{target},\"metadata\":{open},\"row\":{}}}}}\n",
            sample.row()
        );
        Ok(self.samples.put(line.as_bytes())?)
    }

    fn finish(self: Box<Self>, about: &About<'_>, place: &mut Place<'_>) -> Result<String, ExportError> {
        let name = about.name;
        place.add(&format!("{name}.jsonl"), self.samples)?;
        place.text(&format!("{name}.py"), &TASK.replace("{name}", name).replace("{grade}", GRADE.trim_end()))?;
        let code: Vec<&str> = self.code.iter().map(String::as_str).collect();
        let readme = Readme {
            harness: "Inspect",
            template: README,
            values: &[("name", name), ("code", &code.join(", "))],
            logs: "logs",
            tested: TESTED,
            oldest: Some(OLDEST),
        };
        let (text, command) = readme.of(about);
        place.text("README.md", &text)?;
        Ok(command)
    }
}

/// The choices of a task by label, as the grading in Python reads them.
pub(super) fn choices_of(asked: &Asked) -> serde_json::Value {
    asked.choices.iter().map(|choice| (choice.label.clone(), serde_json::Value::from(choice.text.as_str()))).collect()
}

/// The code that an answer is tested with, as the grading in Python reads it.
pub(super) fn code_of(code: &AskedCode) -> serde_json::Value {
    json!({"entry_point": code.entry_point, "given": code.given, "tests": code.tests})
}
