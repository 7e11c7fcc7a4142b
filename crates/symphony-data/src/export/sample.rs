//! A task on its way out: its ids, and its row as it is asked.

use std::collections::HashMap;

use serde::Serialize;

use super::{ExportError, Target, source::Source};
use crate::{
    bin::Bin,
    config::Config,
    progress::{Note, Progress},
    prompt::{Asked, Prompt},
    task::{TaskId, TaskView, Text},
};

/// A task, asked.
pub(super) struct Sample<'s> {
    pub task: TaskView<'s>,
    pub bin: Bin,
    /// The prompt of its benchmark, and its row as it asks it; `None` where the target does not need them and the benchmark
    /// has no prompt that fits.
    question: Option<(&'s Prompt, Asked)>,
}

/// The value of the key `symphony`.
#[derive(Serialize)]
pub(super) struct Ids<'s> {
    pub task_id: TaskId<'s>,
    pub benchmark: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<&'s Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<&'s Text>,
    pub difficulty_bin: &'s str,
    pub difficulty_score: f64,
    /// Its phase, in a pool that has phases.
    pub phase: Option<u32>,
    /// How many rows of its benchmark it stands for: 1 in a pool without weights.
    pub weight: f64,
}

impl<'s> Sample<'s> {
    /// Its ids, bin and score.
    pub fn ids(&self) -> Ids<'s> {
        let TaskView {
            task_id, benchmark, difficulty_score, difficulty_bin, source_id, identity, phase, weight, ..
        } = self.task;
        let weight = weight.unwrap_or(1.0);
        Ids { task_id, benchmark, source_id, identity, difficulty_bin, difficulty_score, phase, weight }
    }

    /// Its id in the export.
    pub fn id(&self) -> String {
        self.task.task_id.to_string()
    }

    /// Says which task it is, also where a pool repeats it: its benchmark and its identity, else its source_id, else its task_id.
    pub fn key(&self) -> String {
        let TaskView { task_id, benchmark, source_id, identity, .. } = self.task;
        match identity.or(source_id) {
            Some(id) => format!("{benchmark}/{id}"),
            None => format!("{benchmark}/{task_id}"),
        }
    }

    /// Its row, as JSON on one line.
    pub fn row(&self) -> std::borrow::Cow<'s, str> {
        let row = self.task.raw_data.get();
        // In JSON, a line end stands only between values, never inside one.
        if row.contains(['\n', '\r']) { row.replace(['\n', '\r'], " ").into() } else { row.into() }
    }

    /// The prompt of its benchmark, and its row as it asks it.
    ///
    /// # Errors
    /// The benchmark has no prompt that fits.
    pub fn question(&self) -> Result<(&'s Prompt, &Asked), ExportError> {
        let question = self.question.as_ref().map(|(prompt, asked)| (*prompt, asked));
        question.ok_or_else(|| ExportError::NoPrompt { benchmark: self.task.benchmark.to_owned() })
    }
}

/// Asks tasks. The prompt of each benchmark is looked up, and compared with the row, at its first task.
pub(super) struct Asker<'a> {
    config: &'a Config,
    source: &'a Source,
    target: Target,
    progress: &'a dyn Progress,
    prompts: HashMap<String, Option<&'a Prompt>>,
}

impl<'a> Asker<'a> {
    pub fn new(config: &'a Config, source: &'a Source, target: Target, progress: &'a dyn Progress) -> Self {
        Self { config, source, target, progress, prompts: HashMap::new() }
    }

    /// Asks a task.
    ///
    /// # Errors
    /// Its benchmark has no prompt, or one that does not fit its row, and the target needs one.
    pub fn ask<'s>(&'s mut self, task: TaskView<'s>) -> Result<Sample<'s>, ExportError> {
        // Reading a task has checked its bin.
        let bin = Bin::parse(task.difficulty_bin).unwrap_or(Bin::Medium);
        let question = match self.question(task) {
            Err(error) if !self.target.needs_prompts() => {
                self.leave_out(task.benchmark, &error);
                None
            }
            question => question?,
        };
        Ok(Sample { task, bin, question })
    }

    fn question(&mut self, task: TaskView<'_>) -> Result<Option<(&'a Prompt, Asked)>, ExportError> {
        let row = task.raw_data.get();
        let prompt = match self.prompts.get(task.benchmark) {
            Some(prompt) => *prompt,
            None => {
                let prompt = Some(self.config.prompt_for(task.benchmark, row)?);
                self.prompts.insert(task.benchmark.to_owned(), prompt);
                prompt
            }
        };
        let asked = prompt.map(|prompt| Ok((prompt, prompt.ask(row)?))).transpose();
        asked.map_err(|fault| ExportError::NotAsked {
            path: self.source.path().to_owned(),
            task: match task.source_id {
                Some(source_id) if source_id.as_str() != task.task_id.to_string() => {
                    format!("{} ({source_id})", task.task_id)
                }
                _ => task.task_id.to_string(),
            },
            benchmark: task.benchmark.to_owned(),
            fault: Box::new(fault),
        })
    }

    /// Asks no task of a benchmark, and says why.
    fn leave_out(&mut self, benchmark: &str, why: &ExportError) {
        self.prompts.insert(benchmark.to_owned(), None);
        let warning = format!("{benchmark}: its tasks have no input and target, and eval.yaml leaves them out: {why}");
        self.progress.note(Note::Warning(&warning));
    }
}
