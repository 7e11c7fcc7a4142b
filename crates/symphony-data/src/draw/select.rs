//! Chooses the rows that a request may draw from a benchmark, and sorts them into bins.

use std::sync::Arc;

use super::{
    DrawError, Joined,
    difficulty::Choice,
    stores::{Loaded, Stores},
    thresholds::Published,
};
use crate::{
    bin::{Bins, Cut, PerBin, Thresholds},
    request::{Difficulty, Eligibility, Exclude, NearDuplicates, OnDuplicate, Part},
    store::{Label, Store, StoreError},
    stream::{
        Stratum,
        cut::{Ends, Groups},
        eligible::{Eligible, EligibleRows, repeated},
        partition::Stretch,
    },
    yaml::walk::nearest_of,
};

/// What a part of a request wants from its benchmark.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    difficulty: Difficulty,
    cut: Cut,
    rows: Eligibility,
    within: Option<String>,
    thresholds_from: Option<std::path::PathBuf>,
    stratify_by: Option<String>,
}

impl Wanted {
    pub fn of(part: &Part, stratify_by: Option<&str>) -> Self {
        Self {
            difficulty: part.difficulty.clone(),
            cut: part.cut,
            rows: part.rows.clone(),
            within: part.difficulty_within.clone(),
            thresholds_from: part.thresholds_from.clone(),
            stratify_by: stratify_by.map(str::to_owned),
        }
    }
}

/// The rows of a benchmark that a part of a request may draw.
#[derive(Debug)]
pub struct Selected {
    /// The measured difficulty that they are drawn by; `None` for surface scores.
    pub joined: Option<Arc<Joined>>,
    /// The score of every row on the scale of published thresholds, where that is another.
    pub published_scores: Option<Vec<f64>>,
    /// The rows by bin.
    pub bins: Bins,
    /// The rows of each value of the label that the request stratifies by, by bin; empty if it does not.
    pub strata: Vec<Stratum>,
    /// The thresholds within each value of a label, where the request asks for them.
    pub within: Vec<(String, Thresholds)>,
    /// How many rows may be drawn, and why no others; `None` if the request may draw all.
    pub eligible: Option<EligibleRows>,
    /// Warnings about the difficulty that is used.
    pub warnings: Vec<String>,
}

impl Selected {
    /// The scores that rows are drawn by, where `surface` are their surface scores.
    pub fn scores<'s>(&'s self, surface: &'s [f64]) -> &'s [f64] {
        match (&self.joined, &self.published_scores) {
            (Some(joined), _) => &joined.scores,
            (None, Some(published)) => published,
            (None, None) => surface,
        }
    }
}

/// The name of the rows that have no value of a label.
const NO_VALUE: &str = "(none)";

impl Stores<'_> {
    /// The rows of a benchmark that a part of a request may draw.
    pub(super) fn selected(&self, part: &Part, stratify_by: Option<&str>) -> Result<Arc<Selected>, DrawError> {
        let name = &part.benchmark;
        let loaded = self.loaded(name)?;
        let wanted = Wanted::of(part, stratify_by);
        if let Some(known) = loaded.known(&wanted) {
            return Ok(known);
        }
        let selected = Arc::new(self.select(loaded, name, &wanted)?);
        loaded.remember(wanted, selected.clone());
        Ok(selected)
    }

    fn select(&self, loaded: &Loaded, name: &str, wanted: &Wanted) -> Result<Selected, DrawError> {
        let choice = Choice::of(self.config, &loaded.store, loaded.identities()?, &wanted.difficulty, wanted.cut);
        let joined = loaded.joined(&choice.used, self.progress)?;
        let published = wanted.thresholds_from.as_deref();
        let published = published.map(|path| Ok::<_, DrawError>((path, Published::read(path, name)?))).transpose()?;
        let published_scores = match (&published, self.config.benchmark(name)) {
            (Some((path, published)), Some(own)) => published.scores(path, &choice.used, loaded, own)?,
            _ => None,
        };
        let mut warnings = choice.warnings;
        let joined_now = joined.as_deref();
        warnings.extend(published.as_ref().and_then(|(path, own)| own.warning(path, joined_now)));
        let surface = published_scores.as_deref().map_or_else(|| loaded.scores(), Ok)?;
        let scores = joined.as_ref().map_or(surface, |joined| &joined.scores[..]);
        let within =
            wanted.within.as_deref().map(|label| self.label_if_any(loaded, name, label)).transpose()?.flatten();
        if let (Some((path, published)), Some(label)) = (&published, &within)
            && published.thresholds_within.is_empty()
        {
            let way_out = "name a pool that was drawn with `difficulty_within`, or leave one of the two out";
            let why = format!(
                "thresholds_from: {}: it has no thresholds within each {}; {way_out}",
                path.display(),
                label.name
            );
            return Err(rows_error(name, why));
        }
        let groups = groups_of(within.as_deref());
        let rows = &wanted.rows;

        let mut eligible = Eligible::all(scores.len());
        if let Some(joined) = joined.as_ref().filter(|joined| joined.record.min_responses > 0) {
            let why = format!("with responses from fewer than {} models", joined.record.min_responses);
            eligible.keep(why, |row| joined.is_eligible(row));
        }
        // Thresholds are those of all rows with a difficulty: easy means the same in every part of a benchmark.
        let ends = Ends::of(scores, |row| eligible.is(row), groups, rows.range, rows.cut_in_range, choice.cut);
        let ends = ends.ok_or_else(|| match &joined {
            Some(joined) if joined.scores.is_empty() || eligible.count() == 0 => {
                DrawError::from(choice.used.too_few_responses(name))
            }
            _ if scores.is_empty() => no_tasks(&loaded.store),
            _ => {
                let range = rows.range.map(|range| format!("{} to {}", range.low, range.high)).unwrap_or_default();
                rows_error(name, format!("no row lies within difficulty_range {range}; choose a wider one"))
            }
        })?;
        let ends = match &published {
            None => ends,
            Some((_, published)) => {
                let of_label = |label: &Arc<Label>| {
                    let values = (0..=label.values.len()).map(|group| value_of(label, group));
                    values.map(|value| published.thresholds_within.get(&value).copied()).collect()
                };
                ends.with(published.thresholds, within.as_ref().map(of_label).unwrap_or_default())
            }
        };
        for (label, values) in &rows.labels {
            let label = label_of(loaded, name, label)?;
            keep_values(&mut eligible, name, &label, values)?;
        }
        if let Some(range) = rows.range {
            let why = format!("outside of difficulty_range {} to {}", range.low, range.high);
            eligible.keep(why, |row| ends.in_range(groups.of(row), scores[row as usize]));
        }
        self.keep_by_identity(&mut eligible, loaded, name, rows)?;

        let strata = match &wanted.stratify_by {
            Some(label) => match self.label_if_any(loaded, name, label)? {
                Some(label) => strata(&eligible, &ends, scores, groups, &label),
                None => Vec::new(),
            },
            None => Vec::new(),
        };
        let within = within.iter().flat_map(|label| {
            let named = |(group, ends): (usize, &Option<Thresholds>)| Some((value_of(label, group), (*ends)?));
            ends.of_group.iter().enumerate().filter_map(named).collect::<Vec<_>>()
        });
        let asked = *rows != Eligibility::default() || !eligible.left_out.is_empty();
        Ok(Selected {
            bins: ends.sort(scores, groups, |row| eligible.is(row)),
            strata,
            within: within.collect(),
            eligible: asked.then(|| eligible.record()),
            warnings,
            joined,
            published_scores,
        })
    }

    /// Applies the conditions that look at identities.
    fn keep_by_identity(
        &self,
        eligible: &mut Eligible,
        loaded: &Loaded,
        name: &str,
        rows: &Eligibility,
    ) -> Result<(), DrawError> {
        let identities = loaded.identities()?;
        let identity = |row: u32| identities.get(row as usize).copied().unwrap_or_default();
        if let Some(partition) = &rows.partition {
            let stretch = Stretch::of(partition);
            let duplicates = self.duplicates(loaded, name)?;
            let together = if duplicates.is_some() { " (near-duplicates together)" } else { "" };
            let why = format!("outside of partition {}{together}", partition.name);
            match duplicates.as_deref().filter(|duplicates| !duplicates.groups.is_empty()) {
                None => eligible.keep(why, |row| stretch.has(identity(row))),
                // Near-duplicates are in the partition of the first of their group.
                Some(duplicates) => eligible.keep(why, |row| {
                    let identity = identity(row);
                    stretch.has(duplicates.places.get(&identity).copied().unwrap_or(identity))
                }),
            }
            // Pools of one partitioning share tasks if duplicates were looked for in between.
            duplicates.iter().for_each(|duplicates| eligible.read(duplicates.meta.duplicates.checksum.as_str()));
        }
        for exclude in &rows.exclude {
            let excluded = self.excluded(exclude)?;
            let verb = if matches!(exclude, Exclude::Path(path) if path.is_file()) { "listed in" } else { "drawn by" };
            let why = match exclude {
                Exclude::Given(_) => "excluded".to_owned(),
                exclude => format!("{verb} {}", exclude.name()),
            };
            eligible.keep(why, |row| !excluded.has(name, identity(row)));
            eligible.read(excluded.checksum());
        }
        let conflicts = if rows.on_duplicate == OnDuplicate::DropConflicts {
            Some(self.needed_duplicates(loaded, name, "on_duplicate: drop_conflicts")?)
        } else {
            None
        };
        if let Some(duplicates) = &conflicts {
            eligible.keep("with conflicting answers", |row| !duplicates.conflicts.contains(&identity(row)));
            eligible.read(duplicates.meta.duplicates.checksum.as_str());
        }
        if rows.on_duplicate != OnDuplicate::Keep {
            let repeated = repeated(identities);
            eligible.keep_first("copies", |row| Some(identity(row)).filter(|identity| repeated.contains(identity)));
        }
        if rows.near_duplicates == NearDuplicates::One {
            let duplicates = self.needed_duplicates(loaded, name, "near_duplicates: one")?;
            eligible.keep_first("near-duplicates", |row| duplicates.groups.get(&identity(row)).copied());
            eligible.read(duplicates.meta.duplicates.checksum.as_str());
        }
        Ok(())
    }

    /// A label of a benchmark; `None` if its rule has no feature of this name.
    fn label_if_any(&self, loaded: &Loaded, name: &str, label: &str) -> Result<Option<Arc<Label>>, DrawError> {
        let rule = self.config.benchmark(name).map(|benchmark| &benchmark.rule);
        let has = rule.is_some_and(|rule| rule.features.iter().any(|(known, _)| known == label));
        if has { label_of(loaded, name, label).map(Some) } else { Ok(None) }
    }
}

/// Leaves out the rows with other values of a label.
fn keep_values(eligible: &mut Eligible, name: &str, label: &Label, values: &[String]) -> Result<(), DrawError> {
    let mut codes = Vec::new();
    for value in values {
        let code = label.values.iter().position(|known| known == value).ok_or_else(|| {
            let known: Vec<&str> = label.values.iter().map(String::as_str).collect();
            let shown = &known[..known.len().min(60)];
            let near = nearest_of(value, &known);
            let hint = if near.starts_with("known here") && shown.len() < known.len() {
                format!("some that it has: {}", shown.join(", "))
            } else {
                near
            };
            rows_error(name, format!("no row has the {} {value:?}; {hint}", label.name))
        })?;
        codes.push(code as u16);
    }
    let why = format!("with another {}", label.name);
    eligible.keep(why, |row| label.code(row).is_some_and(|code| codes.contains(&code)));
    Ok(())
}

/// A label of a benchmark.
fn label_of(loaded: &Loaded, name: &str, label: &str) -> Result<Arc<Label>, DrawError> {
    loaded.label(label)?.map_or_else(
        || {
            let known = loaded.store.label_names()?;
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let hint = if known.is_empty() { "it has no label".to_owned() } else { nearest_of(label, &known) };
            let why = format!(
                "`{label}` is no label: a label is a feature whose values are texts of at most 1024 bytes, and at most 65535 of them; {hint}"
            );
            Err(rows_error(name, why))
        },
        Ok,
    )
}

pub(super) fn no_tasks(store: &Store) -> DrawError {
    StoreError::Stale { path: store.place(), reason: "this store has no tasks".to_owned() }.into()
}

pub(super) fn rows_error(benchmark: &str, why: String) -> DrawError {
    DrawError::Rows { benchmark: benchmark.to_owned(), why }
}

fn groups_of(label: Option<&Label>) -> Groups<'_> {
    label.map_or(Groups::ONE, |label| Groups { of_row: label.codes(), values: label.values.len() })
}

/// The value of a group of a label; a name that is no value for the rows without one.
fn value_of(label: &Label, group: usize) -> String {
    label.values.get(group).cloned().unwrap_or_else(|| {
        let mut name = NO_VALUE.to_owned();
        while label.values.contains(&name) {
            name = format!("({name})");
        }
        name
    })
}

/// The eligible rows of each value that has any, in the order in which the values first appear in the store.
fn strata(eligible: &Eligible, ends: &Ends, scores: &[f64], groups: Groups<'_>, label: &Label) -> Vec<Stratum> {
    let by_value = groups_of(Some(label));
    let mut rows = vec![PerBin::<Vec<u32>>::default(); label.values.len() + 1];
    for (row, score) in (0..).zip(scores).filter(|(row, _)| eligible.is(*row)) {
        let bin = ends.bin(groups.of(row), *score);
        rows[by_value.of(row)][bin].push(row);
    }
    let strata = rows
        .into_iter()
        .enumerate()
        .map(|(value, rows)| Stratum { value: value_of(label, value), bins: Bins::with(ends.all, rows) });
    strata.filter(|stratum| stratum.bins.sizes().total() > 0).collect()
}
