//! Inspect: one file of samples and one of Python, which asks and grades them.

use serde_json::json;

use super::{About, ExportError, Place, Sample, Writer, readme};
use crate::{disk::NewFile, prompt::AskedCode, prompt::Grade};

const TASK: &str = include_str!("templates/inspect.py");

/// Writes `NAME.jsonl` and `NAME.py`.
pub(super) struct Inspect {
    samples: NewFile,
    /// Whether any task asks for code.
    has_code: bool,
}

impl Inspect {
    pub fn new(name: &str, place: &mut Place<'_>) -> Result<Self, ExportError> {
        Ok(Self { samples: place.create(&format!("{name}.jsonl"))?, has_code: false })
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
            metadata["labels"] = asked.choices.iter().map(|choice| choice.label.as_str()).collect();
        }
        if let Some(code) = &asked.code {
            self.has_code = true;
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
        place.add(&format!("{name}.jsonl"), self.samples);
        place.text(&format!("{name}.py"), &TASK.replace("{grade}", readme::GRADE).replace("{name}", name))?;
        let command = format!("inspect eval {name}.py --model PROVIDER/MODEL");
        let mut text = readme::head(about, "Inspect");
        text += &readme::commands(&["pip install inspect-ai openai", &command]);
        place.text("README.md", &text)?;
        Ok(command)
    }
}

/// The code that an answer is tested with, as the grading in Python reads it.
pub(super) fn code_of(code: &AskedCode) -> serde_json::Value {
    json!({"entry_point": code.entry_point, "given": code.given, "tests": code.tests})
}
