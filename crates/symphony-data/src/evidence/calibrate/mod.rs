//! Calibration: fits a difficulty for every row of a benchmark to the answers of a panel of models, and writes it to files.

use std::{collections::BTreeMap, path::Path};

mod known;
mod prior;
mod rows;

pub use self::prior::PriorChoice;
use self::{prior::Chosen, rows::Rows};
use super::{
    EvidenceError,
    responses::{Catalogue, Gathered, Unmapped},
};
use crate::{
    TOOL,
    calibration::{
        CalibratedRow, CalibrationMeta, ItemModel, PanelMember, PriorKind, asymptote, calibration_meta_name,
        calibration_name,
    },
    disk::{Folder, NamedFile, WrittenFile, checksum},
    irt::{FEW_MODELS, Fit, FitOptions, RowDifficulty, fit},
    progress::{Note, Progress},
    response::{Model, Responses},
};

/// If fewer than one in this many rows has responses, a warning says so.
const FEW_ANSWERED: usize = 10;

/// How to calibrate.
#[derive(Clone, Debug, Default)]
pub struct CalibrateOptions {
    /// The model to fit.
    pub model: ItemModel,
    /// For each benchmark, how often a guess is right, from 0 up to but not including 1. Benchmarks that are not named here
    /// use the chance in the configuration.
    pub chance: BTreeMap<String, f64>,
    /// What the difficulty of a row is predicted from before its answers are read.
    pub prior: PriorChoice,
}

/// Fits a difficulty to the answers to each benchmark, and writes them into `folder`. Every prior is read before anything is
/// written.
///
/// # Errors
/// As for [`calibrate()`].
pub fn calibrate_all(
    gathered: &Gathered,
    catalogue: &mut Catalogue<'_>,
    options: &CalibrateOptions,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Vec<CalibrationMeta>, EvidenceError> {
    let benchmarks = &gathered.benchmarks;
    benchmarks.iter().try_for_each(|responses| options.prior.check(responses.benchmark(), progress))?;
    let from = (&gathered.files[..], &gathered.unmapped[..]);
    let fitted = benchmarks.iter().map(|responses| calibrate(responses, from, catalogue, options, folder, progress));
    fitted.collect()
}

/// Fits a difficulty to the answers to one benchmark, and writes it and its meta into `folder`. The meta records `files` and
/// the number of `unmapped` answers.
///
/// # Errors
/// The chance is not valid, the prior knows none of the rows or cannot be read, the store cannot be read, the folder holds a calibration of real rows and these are generated,
/// a file cannot be written, or the caller asked to stop.
pub fn calibrate(
    responses: &Responses,
    (files, unmapped): (&[NamedFile], &[Unmapped]),
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
        return Err(insufficient(&format!("chance is {chance}; give how often a guess is right, such as 0.25")));
    }
    if let PriorChoice::Calibration(path) = &options.prior {
        let (from, to) = (known::calibration_at(path, name), folder.join(calibration_name(name)));
        if from.canonicalize().is_ok_and(|from| to.canonicalize().is_ok_and(|to| from == to)) {
            return Err(insufficient("its prior would be replaced by the result; write it to another folder"));
        }
    }
    let Some((shelf, own)) = catalogue.shelf(name)?.and_then(|shelf| Some((shelf, shelf.store()?))) else {
        return Err(insufficient("its preprocessed store is missing; preprocess it again"));
    };
    let discrimination = options.model == ItemModel::TwoParameters;
    if discrimination && responses.models().len() < FEW_MODELS {
        let warning = format!(
            "{name}: with only {} models, the discriminations come mostly from their prior; with fewer than {FEW_MODELS}, \
             1pl ranks rows as well",
            responses.models().len()
        );
        progress.note(Note::Warning(&warning));
    }
    let rows = responses.rows();
    let answered = (0..rows).filter(|row| responses.answers(*row).len() > 0).count();
    let read = Rows::read(own, shelf.rows)?;
    let synthetic = own.meta.is_synthetic();
    let chosen = Chosen::of(&options.prior, name, &read, synthetic, responses.models(), progress)?;
    if answered * FEW_ANSWERED < rows {
        let from = match chosen.kind {
            PriorKind::Features => "predicted from features alone",
            PriorKind::Reference => "that of the reference",
            PriorKind::Calibration => "that of the calibration that is the prior",
        };
        let warning = format!(
            "{name}: models answered {answered} of {rows} rows; the difficulty of the others is {from}; `min_responses: 1` \
             leaves such rows out"
        );
        progress.note(Note::Warning(&warning));
    }
    let alike = |score: f64| (0..rows).all(|row| responses.answers(row).all(|answer| answer.score == score));
    if let Some(what) =
        [(1.0, "solved"), (0.0, "failed")].into_iter().find_map(|(score, what)| alike(score).then_some(what))
    {
        let warning =
            format!("{name}: models {what} every row that they answered, so their answers do not tell rows apart");
        progress.note(Note::Warning(&warning));
    }
    let fitting = FitOptions { discrimination, chance: asymptote(chance) };
    let fitted = fit(responses, &chosen.prior, fitting, &|| progress.cancelled()).ok_or(EvidenceError::Cancelled)?;
    if !fitted.converged {
        let warning =
            format!("{name}: the fit did not converge in {} rounds; its meta records that", fitted.iterations);
        progress.note(Note::Warning(&warning));
    }
    let store = own.meta.store.file.clone();
    let existing = folder.join(calibration_meta_name(name));
    let is_real = |text: String| serde_json::from_str::<CalibrationMeta>(&text).is_ok_and(|meta| !meta.synthetic);
    if synthetic && std::fs::read_to_string(&existing).is_ok_and(is_real) {
        let path = existing;
        return Err(EvidenceError::Occupied { path });
    }
    let folder = Folder::lock(folder, progress)?;
    let mut file = folder.create_small(&calibration_name(name))?;
    for (row, RowDifficulty { difficulty, standard_error, discrimination: own, expected_error, curve }) in
        fitted.difficulties.iter().copied().enumerate()
    {
        let line = CalibratedRow {
            source_id: read.source_ids[row].clone(),
            identity: read.identities[row].clone(),
            difficulty,
            standard_error,
            discrimination: discrimination.then_some(own),
            n_responses: responses.answers(row).len() as u64,
            expected_error,
            curve: (!discrimination).then_some(curve),
        };
        let written = serde_json::to_writer(&mut file, &line).map_err(std::io::Error::from);
        file.check(written)?;
        file.put(b"\n")?;
    }
    let calibration = file.written()?;
    let mut meta = meta_of(responses, &fitted, options.model, chance, store, calibration);
    meta.prior = chosen.kind;
    meta.label = read.label.map(|label| label.name);
    (meta.features, meta.prior_difficulty) = chosen.fitted(&fitted);
    meta.synthetic = synthetic;
    meta.responses = files.to_vec();
    // Sorted, so that the order of the inputs does not change the meta.
    meta.responses.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.checksum.cmp(&b.checksum)));
    meta.unmapped_answers = unmapped.iter().map(|unmapped| unmapped.answers).sum();
    // A meta holds finite numbers, texts and lists, so it can always be serialized.
    let text = checksum::seal(&meta).unwrap_or_default();
    let sealed = folder.write_small(&calibration_meta_name(name), &text)?;
    folder.publish(vec![file, sealed], true)?;
    Ok(meta)
}

fn meta_of(
    responses: &Responses,
    fitted: &Fit,
    model: ItemModel,
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
    let member = |((model, ability), n): ((&Model, &crate::irt::Ability), u64)| PanelMember {
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
        model,
        chance,
        panel: responses.models().iter().zip(&fitted.abilities).zip(answered).map(member).collect(),
        ability_sd: fitted.ability_sd,
        ability_mean: fitted.ability_mean,
        prior: PriorKind::Features,
        prior_difficulty: None,
        label: None,
        features: Vec::new(),
        intercept: fitted.intercept,
        residual_sd: fitted.residual_sd,
        discrimination_sd: fitted.discrimination_sd,
        tries_in_common: fitted.tries_in_common,
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
