//! Which lines of a log count, and by which metric. A log has a line for each document and filter, in any order, so the
//! whole log is looked at before any line is taken.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    path::Path,
};

use serde_json::value::RawValue;

use crate::{
    evidence::responses::ReadOptions,
    format::{Batcher, Format},
    progress::Progress,
    row::{RowBatch, python},
};

/// The filter that every task of an exported pool has beside those of its benchmark.
const POOL: &str = "pool";
/// The metric of its lines.
const ACC: &str = "acc";

/// Which lines of a log count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Choice {
    /// The filter of the lines; `None` if the log may have only one.
    pub filter: Option<String>,
    /// The metric that gives the score; `None` if the lines may have only one.
    pub metric: Option<String>,
    /// Whether the log is of an exported pool.
    pub is_exported: bool,
}

/// The metrics that all lines of each filter have.
type Filters = BTreeMap<String, BTreeSet<String>>;

impl Choice {
    /// The choice for the log at `path`. A log of an exported pool is read by the filter and metric that the export added,
    /// unless the caller chose others that it has. Any other log is read by what the caller chose.
    pub fn of(path: &Path, options: &ReadOptions, progress: &dyn Progress) -> Self {
        let wanted = options.metric.as_deref();
        let filters = filters_of(path, &[Some(ACC), wanted].into_iter().flatten().collect::<Vec<_>>(), progress);
        Self::among(&filters, options)
    }

    fn among(filters: &Filters, options: &ReadOptions) -> Self {
        let has = |filter: &str, metric: &str| filters.get(filter).is_some_and(|metrics| metrics.contains(metric));
        if !has(POOL, ACC) {
            return Self { filter: options.filter.clone(), metric: options.metric.clone(), is_exported: false };
        }
        let filter = options.filter.as_deref().filter(|filter| filters.contains_key(*filter)).unwrap_or(POOL);
        let metric = options.metric.as_deref().filter(|metric| has(filter, metric));
        let metric = metric.or((filter == POOL).then_some(ACC));
        Self { filter: Some(filter.to_owned()), metric: metric.map(str::to_owned), is_exported: true }
    }
}

/// The filters of a log, and which of `metrics` all lines of each have. Lines that cannot be read have none: reading the log
/// says what is wrong with them.
fn filters_of(path: &Path, metrics: &[&str], progress: &dyn Progress) -> Filters {
    let mut filters = Filters::new();
    // A pipe can be read only once.
    if !path.is_file() {
        return filters;
    }
    let Some(format) = Format::of(path).and_then(|format| format.found_in(path, None).ok()) else { return filters };
    let mut look = |batch: RowBatch| {
        for row in 0..batch.len() {
            let Ok(text) = batch.row(row) else { continue };
            let text = python::text_to_json(text);
            let line: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(&text).unwrap_or_default();
            let Some(filter) = line.get("filter").and_then(|own| serde_json::from_str::<String>(own.get()).ok()) else {
                continue;
            };
            let has = |metric: &&str| line.contains_key(*metric);
            match filters.get_mut(&filter) {
                Some(known) => known.retain(|metric| has(&metric.as_str())),
                None => {
                    let own = metrics.iter().copied().filter(has).map(str::to_owned);
                    filters.insert(filter, own.collect());
                }
            }
        }
        if progress.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut batcher = Batcher::new(&mut look);
    // Reading the log reports the error.
    _ = format.read_file(path, None, &mut batcher).and_then(|_| batcher.flush());
    filters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_chose_wins_where_an_exported_log_has_it_and_is_the_only_choice_for_others() {
        let filters = |all: &[(&str, &[&str])]| -> Filters {
            let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            all.iter().map(|(filter, metrics)| ((*filter).to_owned(), own(metrics))).collect()
        };
        let chosen = |all: &[(&str, &[&str])], filter: Option<&str>, metric: Option<&str>| {
            let own = |name: Option<&str>| name.map(str::to_owned);
            let Choice { filter, metric, is_exported } =
                Choice::among(&filters(all), &ReadOptions { filter: own(filter), metric: own(metric) });
            (filter.unwrap_or_default(), metric.unwrap_or_default(), is_exported)
        };
        let is = |filter: &str, metric: &str, is_exported| (filter.to_owned(), metric.to_owned(), is_exported);
        let exported: &[(&str, &[&str])] = &[("strict-match", &["exact_match"]), ("pool", &["acc", "acc_norm"])];
        for (filter, metric, expected) in [
            (None, None, is("pool", "acc", true)),
            (Some("strict-match"), None, is("strict-match", "", true)),
            (Some("strict-match"), Some("exact_match"), is("strict-match", "exact_match", true)),
            (Some("flexible-extract"), None, is("pool", "acc", true)),
            (None, Some("acc_norm"), is("pool", "acc_norm", true)),
            (None, Some("pass@1"), is("pool", "acc", true)),
        ] {
            assert_eq!(chosen(exported, filter, metric), expected, "{filter:?} {metric:?}");
        }
        // Another's filter of the same name, and a log without it.
        for other in [&[("pool", &["exact_match"][..])][..], &[("strict-match", &["acc"])], &[]] {
            assert_eq!(chosen(other, None, None), is("", "", false));
            assert_eq!(chosen(other, Some("f"), Some("m")), is("f", "m", false));
        }
    }
}
