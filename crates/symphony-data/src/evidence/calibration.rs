//! Calibration: a difficulty for every row of a benchmark, fitted to the answers of a panel of models, as files.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    EvidenceError,
    irt::{Difficulty, FEW_MODELS, Fit, FitOptions, fit},
    responses::{Catalogue, Model, ROWS_AT_ONCE, Responses, Unmapped},
};
use crate::{
    config::calibrated_benchmark,
    disk::{Folder, WrittenFile, checksum},
    progress::{Note, Progress},
    source::SourceFile,
    store::{Store, TOOL},
};

/// What a draw adds to the metadata of tasks whose difficulty was measured: their surface score, how many models
/// responded, and the standard error of the difficulty in logits.
pub const MEASURED_KEYS: [&str; 3] = ["surface_score", "n_responses", "standard_error"];

/// Where fewer than one of so many rows was answered, it is said.
const FEW_ANSWERED: usize = 10;

/// Which model is fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemModel {
    /// All rows discriminate alike.
    #[default]
    #[serde(rename = "1pl")]
    OneParameter,
    /// Each row has a discrimination.
    #[serde(rename = "2pl")]
    TwoParameters,
}

impl ItemModel {
    /// The model of this name: `1pl` or `2pl`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "1pl" => Some(Self::OneParameter),
            "2pl" => Some(Self::TwoParameters),
            _ => None,
        }
    }
}

/// How to calibrate.
#[derive(Clone, Debug, Default)]
pub struct CalibrateOptions {
    /// Which model is fitted.
    pub model: ItemModel,
    /// How often a guess is right, for each benchmark; as the configuration has it for those that are not named.
    pub chance: BTreeMap<String, f64>,
}

/// A row's line in `{b}_calibration.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibratedRow {
    /// `humaneval_26`.
    pub source_id: String,
    /// 16 hex digits.
    pub identity: String,
    /// b, in logits: 0 is a row that a model of the panel's mean ability solves every other time.
    pub difficulty: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// a, under 2pl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discrimination: Option<f64>,
    /// How many models answered.
    pub n_responses: u64,
    /// How often a model drawn from the panel's fitted distribution of abilities fails, 0..1.
    pub expected_error: f64,
}

/// A model of the panel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PanelMember {
    /// Its name and family.
    #[serde(flatten)]
    pub model: Model,
    /// How many rows it answered.
    pub n_responses: u64,
    /// θ, in logits; the panel's mean is 0.
    pub ability: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// s: above 1 where its answers follow difficulty more closely than the panel's do.
    pub slope: f64,
}

/// A feature's part in the prior of difficulty.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FeatureSlope {
    /// Its name.
    pub name: String,
    /// By how many logits difficulty rises with a standard deviation of it.
    pub coefficient: f64,
}

/// What `{b}_calibration_meta.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CalibrationMeta {
    /// The benchmark.
    pub benchmark: String,
    /// How many rows it has.
    pub n_tasks_full: u64,
    /// How many of them nobody answered.
    pub n_unanswered: u64,
    /// How many answers there were, a model's tries at a row counting as one.
    pub n_answers: u64,
    /// What was fitted.
    pub model: ItemModel,
    /// How often a guess was taken to be right.
    pub chance: f64,
    /// The panel. Whoever evaluates one of these on tasks chosen by this difficulty evaluates it on what it set itself.
    pub panel: Vec<PanelMember>,
    /// The standard deviation of the panel's fitted distribution of abilities, whose mean is 0.
    pub ability_sd: f64,
    /// What features say of difficulty.
    pub features: Vec<FeatureSlope>,
    /// The difficulty of a row with mean features.
    pub intercept: f64,
    /// The standard deviation of difficulty about what the features say.
    pub residual_sd: f64,
    /// The standard deviation of the logarithm of the discrimination, under 2pl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discrimination_sd: Option<f64>,
    /// The share of the variance of difficulty that the features explain, 0..1.
    pub variance_explained: f64,
    /// Of all answers, the rows' own parameters integrated out.
    pub log_likelihood: f64,
    /// How often all rows were gone through.
    pub iterations: u64,
    /// Whether the fit came to rest.
    pub converged: bool,
    /// The files that the answers were read from; none for a table.
    pub responses: Vec<SourceFile>,
    /// The answers in them that could not be mapped.
    pub unmapped_answers: u64,
    /// Whether the rows are generated rather than real. Responses to those say nothing of the benchmark.
    #[serde(default)]
    pub synthetic: bool,
    /// The store whose rows these are, as it was then.
    pub store: WrittenFile,
    /// `{b}_calibration.jsonl`.
    pub calibration: WrittenFile,
    /// The program that wrote this.
    pub tool: String,
    /// Over this file with this value empty.
    pub self_checksum: String,
}

/// What a manifest says of the calibration that a benchmark's tasks were drawn by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredRecord {
    /// Its file's name.
    pub file: String,
    /// Its meta's own checksum, which covers both files.
    pub checksum: String,
    /// What was fitted.
    pub model: ItemModel,
    /// Rows with responses of fewer models could not be drawn.
    pub min_responses: u64,
    /// The models whose responses set the difficulty. Evaluated on tasks chosen by it, they are evaluated on what they set.
    pub panel: Vec<Model>,
}

/// The name of the meta beside it.
pub fn calibration_meta_name(benchmark: &str) -> String {
    format!("{benchmark}_calibration_meta.json")
}

/// Fits a difficulty to the answers to one benchmark, and writes it with its meta into `folder`.
///
/// # Errors
/// The store, the disk, or a stop.
pub fn calibrate(
    responses: &Responses,
    (files, unmapped): (&[SourceFile], &[Unmapped]),
    catalogue: &mut Catalogue<'_>,
    options: &CalibrateOptions,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<CalibrationMeta, EvidenceError> {
    let name = responses.benchmark();
    let insufficient =
        |reason: &str| EvidenceError::Insufficient { benchmark: name.to_owned(), reason: reason.to_owned() };
    let configured = || catalogue.benchmark(name).map(|benchmark| benchmark.chance);
    let chance = options.chance.get(name).copied().or_else(configured).unwrap_or_default();
    if !(0.0..1.0).contains(&chance) {
        return Err(insufficient(&format!("chance is {chance}; it is how often a guess is right, such as 0.25")));
    }
    let Some(shelf) = catalogue.shelf(name)? else {
        return Err(insufficient("it is no longer preprocessed"));
    };
    let discrimination = options.model == ItemModel::TwoParameters;
    if discrimination && responses.models().len() < FEW_MODELS {
        let warning = format!(
            "{name}: discriminations of {} models are mostly their prior; with fewer than {FEW_MODELS}, 1pl tells as much",
            responses.models().len()
        );
        progress.note(Note::Warning(&warning));
    }
    let rows = responses.rows();
    let answered = (0..rows).filter(|row| responses.answers(*row).len() > 0).count();
    if answered * FEW_ANSWERED < rows {
        let warning = format!(
            "{name}: models answered {answered} of {rows} rows; the difficulty of the others is what features say, as far as \
             these tell; `min_responses: 1` leaves such rows out"
        );
        progress.note(Note::Warning(&warning));
    }
    let alike = |score: f64| (0..rows).all(|row| responses.answers(row).all(|answer| answer.score == score));
    if let Some(what) =
        [(1.0, "solved"), (0.0, "failed")].into_iter().find_map(|(score, what)| alike(score).then_some(what))
    {
        let warning = format!("{name}: models {what} every row that they answered, which tells no row from another");
        progress.note(Note::Warning(&warning));
    }
    let Rows { source_ids, identities, features } = rows_of(&shelf.store, shelf.rows)?;
    let (names, columns): (Vec<String>, Vec<Vec<f64>>) = features.into_iter().unzip();
    let options = FitOptions { discrimination, chance };
    let fitted = fit(responses, &columns, options, &|| progress.cancelled()).ok_or(EvidenceError::Cancelled)?;
    if !fitted.converged {
        let warning = format!("{name}: the fit did not come to rest in {} rounds; its meta says so", fitted.iterations);
        progress.note(Note::Warning(&warning));
    }
    let (store, synthetic) = (shelf.store.meta.store.file.clone(), shelf.store.meta.is_synthetic());
    let existing = folder.join(calibration_meta_name(name));
    let is_real = |text: String| serde_json::from_str::<CalibrationMeta>(&text).is_ok_and(|meta| !meta.synthetic);
    if synthetic && std::fs::read_to_string(&existing).is_ok_and(is_real) {
        let path = existing;
        return Err(EvidenceError::Occupied { path });
    }
    let folder = Folder::lock(folder, progress)?;
    let mut file = folder.create_small(&crate::config::calibration_name(name))?;
    for (row, Difficulty { difficulty, standard_error, discrimination: own, expected_error }) in
        fitted.difficulties.iter().copied().enumerate()
    {
        let line = CalibratedRow {
            source_id: source_ids[row].clone(),
            identity: identities[row].clone(),
            difficulty,
            standard_error,
            discrimination: discrimination.then_some(own),
            n_responses: responses.answers(row).len() as u64,
            expected_error,
        };
        let written = serde_json::to_writer(&mut file, &line).map_err(std::io::Error::from);
        file.check(written)?;
        file.put(b"\n")?;
    }
    let calibration = file.written()?;
    let mut meta = meta_of(responses, &fitted, names, options, chance, store, calibration);
    meta.synthetic = synthetic;
    meta.responses = files.to_vec();
    // In whichever order they were named, the meta is the same.
    meta.responses.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.checksum.cmp(&b.checksum)));
    meta.unmapped_answers = unmapped.iter().map(|unmapped| unmapped.answers).sum();
    // A meta holds finite numbers, texts and lists: it can always be written.
    let text = checksum::seal(&meta).unwrap_or_default();
    let sealed = folder.write_small(&calibration_meta_name(name), &text)?;
    folder.publish(vec![file, sealed], true)?;
    Ok(meta)
}

fn meta_of(
    responses: &Responses,
    fitted: &Fit,
    names: Vec<String>,
    options: FitOptions,
    chance: f64,
    store: WrittenFile,
    calibration: WrittenFile,
) -> CalibrationMeta {
    let mut answered = vec![0; responses.models().len()];
    let mut unanswered = 0;
    for row in 0..responses.rows() {
        responses.answers(row).for_each(|answer| answered[answer.model] += 1);
        unanswered += u64::from(responses.answers(row).len() == 0);
    }
    let member = |((model, ability), n): ((&Model, &super::irt::Ability), u64)| PanelMember {
        model: model.clone(),
        n_responses: n,
        ability: ability.ability,
        standard_error: ability.standard_error,
        slope: ability.slope,
    };
    CalibrationMeta {
        benchmark: responses.benchmark().to_owned(),
        n_tasks_full: responses.rows() as u64,
        n_unanswered: unanswered,
        n_answers: responses.len() as u64,
        model: if options.discrimination { ItemModel::TwoParameters } else { ItemModel::OneParameter },
        chance,
        panel: responses.models().iter().zip(&fitted.abilities).zip(answered).map(member).collect(),
        ability_sd: fitted.ability_sd,
        features: names
            .into_iter()
            .zip(&fitted.coefficients)
            .map(|(name, coefficient)| FeatureSlope { name, coefficient: *coefficient })
            .collect(),
        intercept: fitted.intercept,
        residual_sd: fitted.residual_sd,
        discrimination_sd: fitted.discrimination_sd,
        variance_explained: fitted.variance_explained,
        log_likelihood: fitted.log_likelihood,
        iterations: fitted.iterations as u64,
        converged: fitted.converged,
        responses: Vec::new(),
        unmapped_answers: 0,
        synthetic: false,
        store,
        calibration,
        tool: TOOL.to_owned(),
        self_checksum: String::new(),
    }
}

/// What a fit needs of a store.
struct Rows {
    source_ids: Vec<String>,
    identities: Vec<String>,
    /// Every feature that is a number or a boolean in all rows: name and column.
    features: Vec<(String, Vec<f64>)>,
}

fn rows_of(store: &Store, rows: usize) -> Result<Rows, EvidenceError> {
    let mut out =
        Rows { source_ids: Vec::with_capacity(rows), identities: Vec::with_capacity(rows), features: Vec::new() };
    let all: Vec<u32> = (0..rows as u32).collect();
    for some in all.chunks(ROWS_AT_ONCE) {
        for task in store.fetch(some)? {
            let row = out.source_ids.len();
            out.source_ids.push(task.task_id.as_str().to_owned());
            out.identities.push(task.identity.as_str().to_owned());
            let metadata: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(task.scorer_metadata.get()).unwrap_or_default();
            if row == 0 {
                out.features = metadata.keys().map(|name| (name.clone(), Vec::with_capacity(rows))).collect();
            }
            out.features.retain_mut(|(name, column)| {
                let value = match metadata.get(name.as_str()) {
                    Some(serde_json::Value::Bool(flag)) => Some(f64::from(u8::from(*flag))),
                    Some(value) => value.as_f64().filter(|number| number.is_finite()),
                    None => None,
                };
                value.map(|value| column.push(value)).is_some()
            });
        }
    }
    Ok(out)
}

/// The meta of the calibration at `path`.
///
/// # Errors
/// Why it cannot be used.
pub fn read_meta(path: &Path) -> Result<CalibrationMeta, String> {
    let Some(benchmark) = calibrated_benchmark(path) else {
        return Err("it is no calibration; a calibration's name is BENCHMARK_calibration.jsonl".to_owned());
    };
    let meta_path = path.with_file_name(calibration_meta_name(benchmark));
    let text = std::fs::read_to_string(&meta_path)
        .map_err(|error| format!("its meta {} cannot be read: {error}; calibrate again", meta_path.display()))?;
    if !checksum::is_sealed(&text) {
        return Err(format!("{} was changed or damaged (self_checksum); calibrate again", meta_path.display()));
    }
    serde_json::from_str(&text)
        .map_err(|error| format!("{} was written by another version ({error})", meta_path.display()))
}
