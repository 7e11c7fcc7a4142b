//! The subject of a validation: the scores and bins of some rows.

use super::{
    BinError, ModelError, PerBin, ScoredBy, Ties, Validation, Within,
    bootstrap::{Sample, interval},
    reliability::ceiling,
    sentence::{FEW_TASKS, is_only_between, is_reversed, remarks, sentence},
};
use crate::{
    bin::{Bin, Thresholds},
    calibration::MeasuredRecord,
    config::Config,
    difficulty::Normalization,
    draw::Choice,
    evidence::{EvidenceError, responses::ROWS_AT_ONCE},
    number::{
        correlation::{pearson, spearman},
        mean,
    },
    progress::{Note, Progress},
    request::{Difficulty, REFERENCE, SURFACE},
    response::{Model, Responses},
    store::Store,
    task::StoredTask,
};

/// A row in a pool, with its score and its bin there.
pub(super) type DrawnRow = (u32, f64, Bin);

/// The scores and bins to validate, of some rows of a store.
pub(super) struct Subject {
    pool: Option<String>,
    pub(super) method: String,
    /// `surface`, `reference`, or a calibration's file name.
    difficulty: String,
    /// The models whose responses the score was fitted to.
    pub(super) panel: Vec<Model>,
    /// The score of every row of the store; NaN for rows that are left out.
    pub(super) scores: Vec<f64>,
    pub(super) bins: Vec<Bin>,
    thresholds: Thresholds,
    /// The config of each row, as an index into `group_names`; empty if the benchmark has at most one config.
    groups: Vec<u32>,
    group_names: Vec<String>,
}

impl Subject {
    /// The rows of a store, with the scores that `by` or the configuration selects.
    pub(super) fn of_store(
        store: &Store,
        config: &Config,
        by: &ScoredBy,
        progress: &dyn Progress,
    ) -> Result<Self, EvidenceError> {
        let name = &store.meta.benchmark;
        let asked = by.difficulty.as_deref();
        let difficulty = config.difficulty_of(name, asked, by.min_responses);
        let cut = if asked == Some(SURFACE) { config.store_cut_of(name) } else { config.cut_of(name) };
        let identities = if difficulty == Difficulty::Surface { Vec::new() } else { store.identities()? };
        let Choice { used, cut, warnings } = Choice::of(config, store, &identities, &difficulty, cut);
        warnings.iter().for_each(|warning| progress.note(Note::Warning(warning)));
        let joined = used.join(store, &identities, progress)?;
        let mut scores = store.scores()?;
        if let Some(joined) = &joined {
            let eligible = |row: usize, score: f64| if joined.is_eligible(row as u32) { score } else { f64::NAN };
            scores = joined.scores.iter().enumerate().map(|(row, score)| eligible(row, *score)).collect();
        }
        let known: Vec<f64> = scores.iter().copied().filter(|score| !score.is_nan()).collect();
        let thresholds = Thresholds::of(&known, cut).ok_or_else(|| EvidenceError::Insufficient {
            benchmark: name.clone(),
            reason: "none of its rows has responses of enough models (min_responses); ask for fewer".to_owned(),
        })?;
        let bins = scores.iter().map(|score| thresholds.bin(*score)).collect();
        let field = config
            .benchmark(&store.meta.benchmark)
            .filter(|benchmark| benchmark.configs.len() > 1)
            .and_then(|benchmark| benchmark.config_field.clone());
        let (mut groups, mut group_names) = (Vec::new(), Vec::new());
        if let Some(field) = field {
            let rows: Vec<u32> = (0..scores.len() as u32).collect();
            for some in rows.chunks(ROWS_AT_ONCE) {
                if progress.cancelled() {
                    return Err(EvidenceError::Cancelled);
                }
                for task in store.fetch(some)? {
                    let name = text_of(&task, &field);
                    let known = group_names.iter().position(|known| *known == name);
                    groups.push(known.unwrap_or_else(|| {
                        group_names.push(name);
                        group_names.len() - 1
                    }) as u32);
                }
            }
        }
        let mut subject = Self {
            pool: None,
            method: store.meta.normalization.method.clone(),
            difficulty: String::new(),
            panel: Vec::new(),
            scores,
            bins,
            thresholds,
            groups,
            group_names,
        };
        subject.set_by(joined.as_ref().map(|joined| &joined.record));
        Ok(subject)
    }

    /// Sets the method, and the panel that the scores were fitted to if they were measured.
    pub(super) fn set_by(&mut self, measured: Option<&MeasuredRecord>) {
        self.panel = measured.iter().flat_map(|measured| &measured.panel).cloned().collect();
        self.difficulty = match measured {
            None => SURFACE.to_owned(),
            Some(measured) => measured.file.clone().unwrap_or_else(|| REFERENCE.to_owned()),
        };
        if measured.is_some() { Normalization::EXPECTED_ERROR } else { Normalization::MIN_MAX }
            .clone_into(&mut self.method);
    }

    /// The rows in a pool, each once, with the pool's own scores and bins.
    pub(super) fn drawn(&self, pool: &str, rows: Vec<DrawnRow>) -> Self {
        let mut scores = vec![f64::NAN; self.scores.len()];
        let mut bins = vec![Bin::Medium; self.scores.len()];
        let (mut easy, mut hard) = (f64::NEG_INFINITY, f64::INFINITY);
        for (row, score, bin) in rows {
            scores[row as usize] = score;
            bins[row as usize] = bin;
            match bin {
                Bin::Easy => easy = easy.max(score),
                Bin::Hard => hard = hard.min(score),
                Bin::Medium => {}
            }
        }
        Self {
            pool: Some(pool.to_owned()),
            method: self.method.clone(),
            difficulty: self.difficulty.clone(),
            panel: self.panel.clone(),
            scores,
            bins,
            thresholds: Thresholds { easy, hard },
            groups: self.groups.clone(),
            group_names: self.group_names.clone(),
        }
    }

    /// Compares the scores with the responses of models outside the panel, or of the panel if there are no others.
    pub(super) fn validate(&self, responses: &Responses, progress: &dyn Progress) -> Result<Validation, EvidenceError> {
        let is_panel = |name: &str| self.panel.iter().any(|known| known.is_like(name));
        let names = || responses.models().iter().map(|model| model.name.clone());
        let left_out: Vec<String> = names().filter(|name| is_panel(name)).collect();
        // If only panel models answered, use them; the result says so.
        let in_sample = left_out.len() == responses.models().len();
        let kept;
        let (responses, left_out) = if in_sample || left_out.is_empty() {
            (responses, Vec::new())
        } else {
            kept = responses.only(|model| !is_panel(&model.name));
            (&kept, left_out)
        };
        let errors = responses.errors();
        let rows: Vec<usize> =
            (0..errors.len()).filter(|row| !errors[*row].is_nan() && !self.scores[*row].is_nan()).collect();
        if rows.is_empty() {
            return Err(EvidenceError::Insufficient {
                benchmark: self.pool.clone().unwrap_or_else(|| responses.benchmark().to_owned()),
                reason: format!("its {} tasks have no responses", responses.benchmark()),
            });
        }
        let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
        let sample = Sample {
            scores: pick(&self.scores),
            errors: pick(&errors),
            bins: rows.iter().map(|row| self.bins[*row]).collect(),
        };
        let (gap, by_bin) = sample.gap();
        let replicas = self.resampled(responses, &rows, progress)?;
        let estimate = |value: Option<f64>, at: usize| {
            interval(value, replicas.iter().filter_map(|replica| replica[at]).collect())
        };
        let within = self.within(&rows, &errors);
        let weighted = |within: &Within| within.spearman.map(|r| (r * within.rows as f64, within.rows as f64));
        let (sum, total) =
            within.iter().filter_map(weighted).fold((0.0, 0.0), |(sum, total), (r, n)| (sum + r, total + n));
        let at = |threshold: f64| sample.scores.iter().filter(|score| **score == threshold).count() as u64;
        let gap = estimate(gap, 2);
        let rho = estimate(spearman(&sample.scores, &sample.errors), 0);
        // A few rows show nothing of the kind.
        let said = Some(rho).filter(|_| rows.len() as u64 >= FEW_TASKS);
        let spearman_within = (total > 0.0).then(|| sum / total);
        Ok(Validation {
            benchmark: responses.benchmark().to_owned(),
            pool: self.pool.clone(),
            method: self.method.clone(),
            difficulty: self.difficulty.clone(),
            rows: rows.len() as u64,
            models: responses.models().iter().map(|model| model.name.clone()).collect(),
            left_out,
            in_sample,
            spearman: rho,
            pearson: estimate(pearson(&sample.scores, &sample.errors), 1),
            spearman_within,
            within,
            ceiling: ceiling(responses, &rows, progress)?,
            thresholds: self.thresholds,
            ties: Ties { easy: at(self.thresholds.easy), hard: at(self.thresholds.hard) },
            bins: by_bin,
            by_model: self.by_model(responses, &rows),
            sentence: sentence(gap, by_bin),
            reversed: said.is_some_and(is_reversed),
            only_between: said.is_some_and(|rho| is_only_between(rho, spearman_within)),
            remarks: said.map(|rho| remarks(rho, spearman_within)).unwrap_or_default(),
            gap,
        })
    }

    /// How often each model fails the tasks of each bin.
    pub(super) fn by_model(&self, responses: &Responses, rows: &[usize]) -> Vec<ModelError> {
        let mut samples = vec![PerBin::<(u64, f64)>::default(); responses.models().len()];
        for row in rows {
            for answer in responses.answers(*row) {
                let (rows, failed) = &mut samples[answer.model][self.bins[*row]];
                *rows += 1;
                *failed += 1.0 - answer.score;
            }
        }
        let of_model = |(model, sums): (&Model, PerBin<(u64, f64)>)| ModelError {
            model: model.name.clone(),
            rows: Bin::ALL.iter().map(|bin| sums[*bin].0).sum(),
            bins: BinError::of_sums(sums),
        };
        responses.models().iter().zip(samples).map(of_model).collect()
    }

    /// The correlation and error within each config; empty if there are fewer than two configs.
    pub(super) fn within(&self, rows: &[usize], errors: &[f64]) -> Vec<Within> {
        if self.groups.is_empty() || self.group_names.len() < 2 {
            return Vec::new();
        }
        let of_group = |(group, name): (usize, &String)| {
            let own: Vec<usize> = rows.iter().copied().filter(|row| self.groups[*row] as usize == group).collect();
            let (scores, errors): (Vec<f64>, Vec<f64>) =
                own.iter().map(|row| (self.scores[*row], errors[*row])).unzip();
            let (spearman, error) = (spearman(&scores, &errors), mean(&errors));
            Within { name: name.clone(), rows: own.len() as u64, spearman, error }
        };
        self.group_names.iter().enumerate().map(of_group).filter(|within| within.rows > 0).collect()
    }
}

/// The text in a row's field, from its metadata or its raw data; empty if it has none.
pub(super) fn text_of(task: &StoredTask, field: &str) -> String {
    let value = |json: &str| -> Option<String> {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).ok()?;
        Some(object.get(field)?.as_str()?.to_owned())
    };
    value(task.scorer_metadata.get()).or_else(|| value(task.raw_data.get())).unwrap_or_default()
}
