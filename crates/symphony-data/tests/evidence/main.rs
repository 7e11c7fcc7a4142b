//! Responses are mapped to rows, and difficulties are fitted and used.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use symphony_data::{
    DatasetBuilder, Error, Hint,
    calibration::{CalibratedRow, CalibrationMeta},
    evidence::{
        EvidenceError,
        calibrate::{CalibrateOptions, PriorChoice, calibrate},
        responses::{Catalogue, Converted, Gathered, Input, ReadOptions, convert, read},
        validation::{ScoredBy, reliability::ceiling, validate},
    },
    irt::{Abilities, DifficultyPrior, Fit, FitOptions, fit},
    number::percentile,
    preprocess::PreprocessOptions,
    progress::{Note, Progress, Silent},
    response::{Model, Responses},
};

mod convert;
mod coverage;
mod equal;
mod exported;
mod folders;
mod forms;
mod irt;
mod labels;
mod large;
mod measured;
mod priors;
mod rates;
mod responses;
mod reviews;
mod runs;
mod simulated;
mod tries;
#[path = "../support/mod.rs"]
mod support;
mod validation;

/// A folder with a store of `rows` synthetic rows of gsm8k.
/// The abilities of the models behind known difficulties.
const ABILITIES: Abilities = Abilities { models: 50, mean: 0.0, sd: 1.0 };

struct Place {
    folder: tempfile::TempDir,
    builder: DatasetBuilder,
}

impl Place {
    fn new(rows: usize) -> Self {
        Self::of(&format!("benchmarks: {{gsm8k: {{path: 'synthetic:gsm8k?rows={rows}'}}}}"))
    }

    fn of(yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let builder = DatasetBuilder::from_yaml("test.yaml", yaml).unwrap();
        builder.preprocess_all_benchmarks(&folder.path().join("full"), PreprocessOptions::default()).unwrap();
        Self { folder, builder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn catalogue(&self) -> Catalogue<'_> {
        Catalogue::of(&self.builder.config, &self.path("full"), &[], &Silent).unwrap()
    }

    fn read(&self, inputs: &[Input], options: &ReadOptions) -> Result<Gathered, EvidenceError> {
        read(inputs, &mut self.catalogue(), options, &Silent)
    }

    fn write(&self, name: &str, text: &str) -> Input {
        fs::write(self.path(name), text).unwrap();
        Input::File { path: self.path(name), model: None }
    }

    fn calibrate(&self, inputs: &[Input], to: &str) -> (CalibrationMeta, Vec<CalibratedRow>) {
        let gathered = self.read(inputs, &ReadOptions::default()).unwrap();
        let options = CalibrateOptions::default();
        let from = (&gathered.files[..], &gathered.unmapped[..]);
        let responses = &gathered.benchmarks[0];
        let meta = calibrate(responses, from, &mut self.catalogue(), &options, &self.path(to), &Silent).unwrap();
        let path = self.path(to).join(format!("{}_calibration.jsonl", responses.benchmark()));
        let lines = fs::read_to_string(path).unwrap();
        (meta, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}

/// The generator of the simulations: SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    fn normals(&mut self, n: usize, sd: f64) -> Vec<f64> {
        let mut values: Vec<f64> = (0..n).map(|_| sd * self.normal()).collect();
        // The fit puts the panel's mean at 0, so the truth does too.
        let mean = values.iter().sum::<f64>() / n as f64;
        values.iter_mut().for_each(|value| *value -= mean);
        values
    }
}

/// Answers as a table: (row, model, score).
fn table(answers: &[(usize, usize, f64)]) -> Input {
    let text = |texts: Vec<String>| Arc::new(StringArray::from(texts)) as _;
    let columns = [
        ("benchmark", text(vec!["gsm8k".to_owned(); answers.len()])),
        ("source_id", text(answers.iter().map(|(row, ..)| format!("gsm8k_{row}")).collect())),
        ("model", text(answers.iter().map(|(_, model, _)| format!("m{model}")).collect())),
        ("score", Arc::new(Float64Array::from_iter_values(answers.iter().map(|(.., score)| *score))) as _),
    ];
    Input::Table(vec![RecordBatch::try_from_iter(columns).unwrap()])
}

/// Asks to stop when it is asked the given number of times.
struct StopAt(std::sync::atomic::AtomicUsize, usize);

impl StopAt {
    fn new(question: usize) -> Self {
        Self(std::sync::atomic::AtomicUsize::new(0), question)
    }
}

impl Progress for StopAt {
    fn cancelled(&self) -> bool {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= self.1
    }
}

/// Answers of three models to 60 rows: the later the row, the fewer solve it.
fn graded() -> Vec<(usize, usize, f64)> {
    (0..60).flat_map(|row| (0..3).map(move |model| (row, model, f64::from(u8::from(row < 15 * (model + 1)))))).collect()
}

/// The notes so far.
#[derive(Clone, Default)]
struct Notes(Arc<std::sync::Mutex<Vec<String>>>);

impl Notes {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Progress for Notes {
    fn note(&self, note: Note<'_>) {
        self.0.lock().unwrap().push(note.to_string());
    }
}
