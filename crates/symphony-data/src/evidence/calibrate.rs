//! Calibration: a difficulty for every row of a benchmark, fitted to the answers of a panel of models, as files.

use std::{collections::BTreeMap, path::Path};

use super::{
    EvidenceError,
    responses::{Catalogue, ROWS_AT_ONCE, Unmapped},
};
use crate::{
    TOOL,
    calibration::{CalibratedRow, CalibrationMeta, FeatureSlope, ItemModel, PanelMember, calibration_meta_name},
    disk::{Folder, NamedFile, WrittenFile, checksum},
    irt::{FEW_MODELS, Fit, FitOptions, RowDifficulty, fit},
    progress::{Note, Progress},
    response::{Model, Responses},
    store::Store,
};

/// Where fewer than one of so many rows was answered, it is said.
const FEW_ANSWERED: usize = 10;

/// How to calibrate.
#[derive(Clone, Debug, Default)]
pub struct CalibrateOptions {
    /// Which model is fitted.
    pub model: ItemModel,
    /// How often a guess is right, for each benchmark; as the configuration has it for those that are not named.
    pub chance: BTreeMap<String, f64>,
}

/// Fits a difficulty to the answers to one benchmark, and writes it with its meta into `folder`.
///
/// # Errors
/// The store, the disk, or a stop.
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
    let mut file = folder.create_small(&crate::calibration::calibration_name(name))?;
    for (row, RowDifficulty { difficulty, standard_error, discrimination: own, expected_error }) in
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
