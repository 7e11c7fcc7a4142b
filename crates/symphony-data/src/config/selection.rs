//! Resolves how a request selects tasks: as many of each bin as its split says, or the most informative ones.

use super::shares::Wrong;
use crate::{
    request::{Replacement, RequestSpec, SamplerKind},
    yaml::walk::nearest_of,
};

/// The values of the key `select`.
pub(super) const SELECT: [&str; 2] = ["bins", "informative"];

impl RequestSpec {
    /// The sampler that the keys `select` and `sampler` name; `None` if they name none. With it come the keys that do not fit it.
    pub(super) fn sampler_of_selection(&self) -> (Option<SamplerKind>, Vec<Wrong>) {
        let informative = SamplerKind::Informative;
        let [bins, by_chance] = SELECT;
        let mut wrong: Vec<Wrong> = Vec::new();
        let mut refuse = |key, message: String, hint: &str| wrong.push((key, message, hint.to_owned()));
        let sampler = match (self.select.as_deref(), self.sampler.as_deref()) {
            (Some(select), None) if select == by_chance => Some(informative),
            (Some(select), Some(sampler)) if select == by_chance && sampler != informative.name() => {
                let message = format!("`{sampler}` does not draw informative tasks");
                refuse("sampler", message, "leave it out: an informative selection has a sampler of its own");
                None
            }
            (Some(select), _) if !SELECT.contains(&select) => {
                refuse("select", format!("there is no selection `{select}`"), &nearest_of(select, &SELECT));
                None
            }
            (Some(select), Some(sampler)) if select == bins && sampler == informative.name() => {
                let message = format!("`{sampler}` does not draw by bins");
                refuse("sampler", message, "leave one of `select` and `sampler` out");
                None
            }
            (_, Some(sampler)) => {
                let known = SamplerKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>();
                let found = SamplerKind::parse(sampler);
                if found.is_none() {
                    refuse("sampler", format!("there is no sampler `{sampler}`"), &nearest_of("", &known));
                }
                found
            }
            (_, None) => Some(SamplerKind::default()),
        };
        if sampler == Some(informative) {
            if self.difficulty_split.as_deref().is_some_and(|split| split != "proportional") {
                let message = "an informative draw has a split of its own".to_owned();
                refuse("difficulty_split", message, "leave it out, or draw by bins");
            }
            if self.sample_with_replacement.is_some_and(|replacement| replacement != Replacement::Never) {
                let message = "an informative draw repeats no task".to_owned();
                refuse("sample_with_replacement", message, "leave it out, or draw by bins");
            }
            if self.phases.is_some() {
                let message = "an informative draw has no phases".to_owned();
                refuse("phases", message, "leave them out, or draw by bins");
            }
        }
        if sampler == Some(SamplerKind::Numpy)
            && let Some(seed) = self.random_seed.filter(|seed| *seed > u64::from(u32::MAX))
        {
            let message = format!("{seed} is too large for the numpy sampler");
            refuse("random_seed", message, "use 0 to 4294967295, or `sampler: stable`");
        }
        (sampler, wrong)
    }
}
