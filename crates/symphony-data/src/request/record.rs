//! A request as manifests record it: under the keys that a user writes.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, json};

use super::{
    Branch, Difficulty, Eligibility, Exclude, NearDuplicates, OnDuplicate, Part, Request, SamplerKind, Strata,
    TaskOrder,
};
use crate::bin::Cut;

impl Serialize for Request {
    /// Writes the request under the keys that a user writes. A key that came later is written only where it is used, so that earlier
    /// requests keep their form, and their manifests the same bytes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let by_name = |value: &dyn Fn(&Part) -> Value| -> Map<String, Value> {
            self.parts.iter().map(|part| (part.benchmark.clone(), value(part))).collect()
        };
        map.serialize_entry("benchmarks", &self.members(&self.branches))?;
        map.serialize_entry("benchmark_ratios", &self.ratios())?;
        let is_informative = self.sampler == SamplerKind::Informative;
        if is_informative {
            map.serialize_entry("select", &self.sampler)?;
        } else {
            map.serialize_entry("difficulty_split", &self.shares_of_bins())?;
        }
        map.serialize_entry("n_total_tasks", &self.n_total_tasks)?;
        map.serialize_entry("random_seed", &self.random_seed)?;
        map.serialize_entry("sample_with_replacement", &self.sample_with_replacement)?;
        if !is_informative {
            map.serialize_entry("sampler", &self.sampler)?;
        }
        if self.order != TaskOrder::default() {
            map.serialize_entry("order", &self.order)?;
        }
        let (mut percentiles, mut cuts) = (Map::new(), Map::new());
        for part in &self.parts {
            let (to, value) = match part.cut {
                Cut::Percentiles(own) => (&mut percentiles, serde_json::to_value(own)),
                Cut::Cuts(own) => (&mut cuts, serde_json::to_value(own)),
            };
            to.insert(part.benchmark.clone(), value.unwrap_or_default());
        }
        map.serialize_entry("difficulty_percentiles", &percentiles)?;
        if !cuts.is_empty() {
            map.serialize_entry("difficulty_cuts", &cuts)?;
        }
        if self.parts.iter().any(|part| part.difficulty != Difficulty::Surface) {
            let asked = by_name(&|part| part.difficulty.name().into());
            map.serialize_entry("difficulty", &asked)?;
            let least = by_name(&|part| part.difficulty.min_responses().into());
            map.serialize_entry("min_responses", &least)?;
        }
        for (key, value) in self.rows() {
            map.serialize_entry(key, &value)?;
        }
        if let Some((label, strata)) = &self.stratify_by {
            map.serialize_entry("stratify_by", label)?;
            if *strata != Strata::default() {
                map.serialize_entry("strata", strata)?;
            }
        }
        if let Some(label) = self.parts.first().and_then(|part| part.difficulty_within.as_ref()) {
            map.serialize_entry("difficulty_within", label)?;
        }
        if let Some(path) = self.parts.first().and_then(|part| part.thresholds_from.as_ref()) {
            map.serialize_entry("thresholds_from", &Exclude::Path(path.clone()))?;
        }
        if !self.phases.is_empty() {
            let phases: Vec<Value> = self.phases.iter().map(|phase| phase.as_phase_of(self)).collect();
            map.serialize_entry("phases", &phases)?;
        }
        map.end()
    }
}

impl Request {
    /// Groups and benchmarks as a user writes them: a list of names, or a mapping where there are groups.
    fn members(&self, branches: &[Branch]) -> Value {
        let member = |branch: &Branch| match branch {
            Branch::Benchmark(at) => (self.parts[*at].benchmark.clone(), Value::Null),
            Branch::Group(group) => (group.name.clone(), self.members(&group.members)),
        };
        let members: Vec<(String, Value)> = branches.iter().map(member).collect();
        if members.iter().all(|(_, own)| own.is_null()) {
            return members.into_iter().map(|(name, _)| Value::from(name)).collect();
        }
        Value::Object(members.into_iter().collect())
    }

    fn shares_of_bins(&self) -> String {
        if self.proportional_split { "proportional".to_owned() } else { self.split.to_string() }
    }

    fn ratios(&self) -> Value {
        fn put(ratios: &mut Map<String, Value>, parts: &[Part], branches: &[Branch]) {
            for branch in branches {
                match branch {
                    Branch::Benchmark(at) => _ = ratios.insert(parts[*at].benchmark.clone(), parts[*at].ratio.into()),
                    Branch::Group(group) => {
                        ratios.insert(group.name.clone(), group.ratio.into());
                        put(ratios, parts, &group.members);
                    }
                }
            }
        }
        if self.proportional {
            return "proportional".into();
        }
        let mut ratios = Map::new();
        put(&mut ratios, &self.parts, &self.branches);
        Value::Object(ratios)
    }

    /// The keys that say which rows may be drawn.
    fn rows(&self) -> Vec<(&'static str, Value)> {
        let mut keys = Vec::new();
        let labels: Map<String, Value> = self
            .parts
            .iter()
            .filter(|part| !part.rows.labels.is_empty())
            .map(|part| {
                let labels = part.rows.labels.iter().map(|(label, values)| (label.clone(), json!(values)));
                (part.benchmark.clone(), Value::Object(labels.collect()))
            })
            .collect();
        if !labels.is_empty() {
            keys.push(("where", Value::Object(labels)));
        }
        // The other keys are the same for all benchmarks.
        let Some(Eligibility { range, partition, exclude, on_duplicate, near_duplicates, .. }) =
            self.parts.first().map(|part| &part.rows)
        else {
            return keys;
        };
        if let Some(range) = range {
            keys.push(("difficulty_range", json!(range)));
        }
        if !exclude.is_empty() {
            keys.push(("exclude", json!(exclude)));
        }
        if let Some(partition) = partition {
            keys.push(("partition", json!(partition.name)));
            keys.push(("partitions", json!(*partition.of)));
        }
        if *on_duplicate != OnDuplicate::default() {
            keys.push(("on_duplicate", json!(on_duplicate)));
        }
        if *near_duplicates != NearDuplicates::default() {
            keys.push(("near_duplicates", json!(near_duplicates)));
        }
        keys
    }

    /// A phase of `whole` with the keys in which it differs.
    fn as_phase_of(&self, whole: &Self) -> Value {
        let mut phase = Map::new();
        phase.insert("n_total_tasks".to_owned(), self.n_total_tasks.into());
        phase.insert("difficulty_split".to_owned(), self.shares_of_bins().into());
        if self.ratios() != whole.ratios() {
            phase.insert("benchmark_ratios".to_owned(), self.ratios());
        }
        if self.order != whole.order {
            phase.insert("order".to_owned(), json!(self.order));
        }
        for (key, value) in self.rows() {
            if !whole.rows().contains(&(key, value.clone())) {
                phase.insert(key.to_owned(), value);
            }
        }
        Value::Object(phase)
    }
}
