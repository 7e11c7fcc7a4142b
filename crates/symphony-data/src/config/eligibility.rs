//! Checks the keys of a request that say which rows it may draw.

use std::{path::PathBuf, sync::Arc};

use super::{Config, pattern::means, shares::Wrong};
use crate::{
    request::{
        Eligibility, EligibilitySpec, Exclude, Experiment, NearDuplicates, OnDuplicate, Partition, RequestSpec, Strata,
    },
    yaml::walk::nearest_of,
};

/// Finds an experiment of the same file by its key.
pub(super) type Siblings<'s> = dyn Fn(&str) -> Option<Arc<Experiment>> + 's;

/// What a request says about rows, for all of its benchmarks.
#[derive(Debug, Default)]
pub(super) struct RowsChecked {
    pub stratify_by: Option<(String, Strata)>,
    /// Which rows of each benchmark may be drawn, in the order of the request.
    pub rows: Vec<Eligibility>,
    pub problems: Vec<Wrong>,
    pub warnings: Vec<String>,
}

impl RequestSpec {
    /// Checks the keys that say which rows may be drawn. `self` names benchmarks, no patterns.
    pub(super) fn check_rows(&self, config: &Config, siblings: &Siblings<'_>) -> RowsChecked {
        let mut checked = RowsChecked::default();
        let EligibilitySpec { difficulty_range, .. } = &self.rows;
        if let Some(range) = difficulty_range
            && range.low >= range.high
        {
            let hint = "write the lower percentile first, such as 40:60".to_owned();
            let message = format!("[{}, {}] holds no rows", range.low, range.high);
            checked.problems.push(("difficulty_range", message, hint));
        }
        let common = Eligibility {
            labels: Vec::new(),
            range: *difficulty_range,
            // A request that asks for shares of easy and hard tasks in a range means those within it.
            cut_in_range: difficulty_range.is_some() && !self.has_proportional_split(),
            partition: self.partition(config, &mut checked),
            exclude: self.exclude(siblings, &mut checked),
            on_duplicate: choice(
                self.rows.on_duplicate.as_ref(),
                "on_duplicate",
                OnDuplicate::WORDS,
                OnDuplicate::parse,
                &mut checked,
            ),
            near_duplicates: choice(
                self.rows.near_duplicates.as_ref(),
                "near_duplicates",
                NearDuplicates::WORDS,
                NearDuplicates::parse,
                &mut checked,
            ),
        };
        let of_benchmark = |name: &String| {
            let own = self.rows.labels.iter().filter(|(asked, ..)| means(asked, name));
            let labels = own.map(|(_, label, values)| (label.clone(), values.clone())).collect();
            Eligibility { labels, ..common.clone() }
        };
        checked.rows = self.benchmarks.iter().map(of_benchmark).collect();
        self.check_labels(config, &mut checked);
        let strata = choice(self.strata.as_ref(), "strata", Strata::WORDS, Strata::parse, &mut checked);
        match &self.stratify_by {
            Some(label) => checked.stratify_by = Some((label.clone(), strata)),
            None if self.strata.is_some() => {
                let message = "there are no strata without `stratify_by`".to_owned();
                checked.problems.push(("strata", message, "write `stratify_by: LABEL` too".to_owned()));
            }
            None => {}
        }
        for (key, label) in [("stratify_by", &self.stratify_by), ("difficulty_within", &self.difficulty_within)] {
            let Some(label) = label else { continue };
            let with: Vec<&str> = self.having(config, label);
            if with.is_empty() {
                let known = self.features(config);
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let message = format!("no benchmark of the mix has a feature `{label}`");
                checked.problems.push((key, message, nearest_of(label, &known)));
            } else if with.len() < self.benchmarks.len() {
                let without = self.benchmarks.iter().filter(|name| !with.contains(&name.as_str()));
                let without: Vec<&str> = without.map(String::as_str).collect();
                let (has, is) = if without.len() == 1 { ("has", "it is") } else { ("have", "they are") };
                let done = if key == "stratify_by" { "drawn from as a whole" } else { "cut as a whole" };
                checked.warnings.push(format!("{key}: {} {has} no label {label}, so {is} {done}", without.join(", ")));
            }
        }
        checked
    }

    /// The benchmarks of the mix that have a feature of this name.
    fn having<'s>(&'s self, config: &Config, label: &str) -> Vec<&'s str> {
        let has = |name: &&String| config.benchmark(name).is_some_and(|own| own.has_feature(label));
        self.benchmarks.iter().filter(has).map(String::as_str).collect()
    }

    /// The names of all features of the mix, each once.
    fn features(&self, config: &Config) -> Vec<String> {
        let rules = self.benchmarks.iter().filter_map(|name| config.benchmark(name)).map(|own| &own.rule);
        let mut names: Vec<String> =
            rules.flat_map(|rule| rule.features.iter().map(|(name, _)| name.clone())).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Checks the benchmarks and labels of `where`.
    fn check_labels(&self, config: &Config, checked: &mut RowsChecked) {
        for (asked, label, values) in &self.rows.labels {
            let meant: Vec<&String> = self.benchmarks.iter().filter(|name| means(asked, name)).collect();
            if meant.is_empty() {
                let message = format!("`{asked}` is not in the mix");
                checked.problems.push(("where", message, format!("the mix is {}", self.benchmarks.join(", "))));
            }
            for name in meant {
                let Some(benchmark) = config.benchmark(name) else { continue };
                if !benchmark.has_feature(label) {
                    let known: Vec<&str> = benchmark.rule.features.iter().map(|(name, _)| name.as_str()).collect();
                    let message = format!("`{name}` has no feature `{label}`");
                    checked.problems.push(("where", message, nearest_of(label, &known)));
                }
            }
            if values.is_empty() {
                let message = format!("`{label}` of `{asked}` has no values");
                checked.problems.push(("where", message, "name the values that count, or leave it out".to_owned()));
            }
        }
    }

    fn partition(&self, config: &Config, checked: &mut RowsChecked) -> Option<Partition> {
        let name = self.rows.partition.as_ref()?;
        let Some(of) = &config.partitions else {
            let hint = "write `partitions: {shares: {train: 0.8, test: 0.2}}` in the configuration".to_owned();
            checked.problems.push(("partition", "the configuration has no `partitions`".to_owned(), hint));
            return None;
        };
        let known: Vec<&str> = of.shares.iter().map(|(name, _)| name.as_str()).collect();
        if !known.contains(&name.as_str()) {
            checked.problems.push(("partition", format!("there is no partition `{name}`"), nearest_of(name, &known)));
            return None;
        }
        let sum: f64 = of.shares.iter().map(|(_, share)| share).sum();
        // Whole numbers are meant as proportions.
        if (sum - 1.0).abs() > 0.001 && of.shares.iter().any(|(_, share)| share.fract() != 0.0) {
            checked.warnings.push(format!(
                "the shares of partitions sum to {sum}, not 1; they were rescaled, so that every row is in one of them"
            ));
        }
        Some(Partition { name: name.clone(), of: of.clone() })
    }

    fn exclude(&self, siblings: &Siblings<'_>, checked: &mut RowsChecked) -> Vec<Exclude> {
        let mut all = Vec::new();
        for entry in &self.rows.exclude {
            if entry.is_empty() {
                let hint = "name a pool's folder, or a file of identities or source ids".to_owned();
                checked.problems.push(("exclude", "an entry is empty".to_owned(), hint));
                continue;
            }
            let found = siblings(entry).map_or_else(|| Exclude::Path(PathBuf::from(entry)), Exclude::Experiment);
            if !all.contains(&found) {
                all.push(found);
            }
        }
        all.extend(self.rows.exclude_tasks.iter().cloned().map(Exclude::Given));
        all
    }
}

impl super::Benchmark {
    /// Whether its rule has a feature of this name.
    fn has_feature(&self, name: &str) -> bool {
        self.rule.features.iter().any(|(known, _)| known == name)
    }
}

/// A choice among a few words; the first is the default.
pub(super) fn choice<T: Default>(
    asked: Option<&String>,
    key: &'static str,
    words: &[&str],
    parse: impl Fn(&str) -> Option<T>,
    checked: &mut RowsChecked,
) -> T {
    let Some(word) = asked else { return T::default() };
    parse(word).unwrap_or_else(|| {
        checked.problems.push((key, format!("`{word}` is no choice"), nearest_of(word, words)));
        T::default()
    })
}
