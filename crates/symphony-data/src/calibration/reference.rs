//! Reference difficulties: calibrations that ship inside the program, fitted to public answers of models.
//!
//! `reference/{b}.csv` has a line for each row of benchmark `b`, in its order; `reference/{b}.json` is the card that says
//! how they were fitted. Both hold fitted numbers alone: no row, and no answer.

use std::{collections::HashMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

use super::{FeatureSlope, ItemModel, asymptote};
use crate::{
    number::{
        Estimate,
        function::{logistic, normal_nodes, reported, square},
    },
    response::Model,
};

/// The embedded files of each benchmark: its name, its rows and its card.
const FILES: [(&str, &str, &str); 4] = [
    ("humaneval", include_str!("reference/humaneval.csv"), include_str!("reference/humaneval.json")),
    ("gsm8k", include_str!("reference/gsm8k.csv"), include_str!("reference/gsm8k.json")),
    ("bbh", include_str!("reference/bbh.csv"), include_str!("reference/bbh.json")),
    ("medical_qa", include_str!("reference/medical_qa.csv"), include_str!("reference/medical_qa.json")),
];

/// The first line of a file of rows.
const HEADER: &str = "identity,n_responses,difficulty,standard_error,expected_error";

/// The built-in benchmarks without a reference difficulty, because no answers of models to them are public.
pub const WITHOUT_REFERENCE: [&str; 1] = ["amc"];

/// The number of nodes of the integral over difficulties and abilities. For standard deviations of up to 8 logits, they stand
/// so close that the error is far below the fourth decimal.
const NODES: usize = 61;

static ALL: LazyLock<Vec<Reference>> =
    LazyLock::new(|| FILES.iter().filter_map(|(_, rows, card)| Reference::parse(rows, card)).collect());

/// The reference difficulty of one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReferenceRow {
    /// The row's identity, as in a store.
    pub identity: u64,
    /// How many models of the panel answered.
    pub n_responses: u32,
    /// b, in logits. A model of the panel's mean ability solves a row of difficulty 0 half of the time.
    pub difficulty: f64,
    /// The standard error of the difficulty, in logits.
    pub standard_error: f64,
    /// How often a model drawn from the panel's fitted distribution of abilities fails, 0..1.
    pub expected_error: f64,
}

/// A model of the panel.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ReferenceModel {
    /// Its name, and its family if that is known.
    #[serde(flatten)]
    pub model: Model,
    /// How many rows it answered.
    pub n_responses: u64,
}

/// A publication whose answers the reference was fitted to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ReferenceSource {
    /// Its name, such as that of a repository.
    pub name: String,
    /// The licence of the answers.
    pub license: String,
    /// How many models of the panel it has.
    pub models: u64,
    /// What it holds, in a phrase.
    pub what: String,
}

/// How well a difficulty predicted the answers of models that it was not fitted to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct HeldOut {
    /// What was left out, one after the other: `models` or `families`.
    pub what: String,
    /// The difficulty: `reference`, or `surface` for comparison.
    pub difficulty: String,
    /// How many were left out.
    pub n: u64,
    /// Spearman's correlation of the difficulty and the error of the models left out, -1 to 1.
    pub spearman: Estimate,
    /// How much more often the models left out fail hard rows than easy ones, -1 to 1.
    pub gap: Estimate,
    /// Further keys of the card.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// The card of a reference difficulty: whose answers it was fitted to, how, and how well it predicts.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ReferenceCard {
    /// The benchmark.
    pub benchmark: String,
    /// How many rows it has.
    pub n_tasks_full: u64,
    /// How many of them have answers.
    pub n_answered: u64,
    /// How many answers there are. A model's tries at a row count as one.
    pub n_answers: u64,
    /// The models. Tasks chosen by this difficulty do not evaluate them independently.
    pub panel: Vec<ReferenceModel>,
    /// How many families the models belong to.
    pub n_families: u64,
    /// How many models there are if those that differ only in how they were prompted or sampled count as one.
    pub n_base_models: u64,
    /// Where the answers were published.
    pub sources: Vec<ReferenceSource>,
    /// The fitted item response model.
    pub model: ItemModel,
    /// The assumed probability that a guess is right, 0..1.
    pub chance: f64,
    /// The standard deviation of the panel's fitted distribution of abilities, in logits.
    pub ability_sd: f64,
    /// The mean of that distribution, in logits.
    #[serde(default)]
    pub ability_mean: f64,
    /// The difficulty of a row with mean features, in logits.
    pub intercept: f64,
    /// The feature that is a text and divides the rows into groups, if there is one. Features predict difficulty within them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How difficulty depends on the features.
    pub features: Vec<FeatureSlope>,
    /// The standard deviation of difficulty around its prediction from the features, in logits.
    pub residual_sd: f64,
    /// How well it predicts the answers of models that were left out of the fit.
    pub held_out: Vec<HeldOut>,
    /// A caveat in plain words, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The program that fitted it.
    pub tool: String,
    /// The checksum of the file of rows.
    pub checksum: String,
    /// Further keys of the card.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

impl ReferenceCard {
    /// The result for `difficulty` (`reference` or `surface`) where `what` (`models` or `families`) was left out.
    pub fn held_out(&self, what: &str, difficulty: &str) -> Option<&HeldOut> {
        self.held_out.iter().find(|found| found.what == what && found.difficulty == difficulty)
    }
}

/// The reference difficulty of one benchmark.
#[derive(Debug)]
pub struct Reference {
    /// How it was fitted.
    pub card: ReferenceCard,
    rows: Vec<ReferenceRow>,
    /// The places in `rows` of each identity; copies of a row have several.
    places: HashMap<u64, Vec<u32>, foldhash::fast::FixedState>,
    /// The integral over a standard normal distribution, as (node, weight).
    nodes: Vec<(f64, f64)>,
}

impl PartialEq for Reference {
    /// A benchmark has one reference difficulty.
    fn eq(&self, other: &Self) -> bool {
        self.card.benchmark == other.card.benchmark
    }
}

impl Reference {
    /// The reference difficulty of this benchmark; `None` if it has none.
    pub fn of(benchmark: &str) -> Option<&'static Self> {
        ALL.iter().find(|reference| reference.card.benchmark == benchmark)
    }

    /// All reference difficulties.
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// The names of the benchmarks that have one.
    pub fn names() -> Vec<&'static str> {
        FILES.iter().map(|(name, ..)| *name).collect()
    }

    /// Reads the embedded files; `None` if they are not valid, which a test excludes.
    fn parse(rows: &str, card: &str) -> Option<Self> {
        let mut lines = rows.lines();
        lines.next().filter(|header| *header == HEADER)?;
        let rows: Vec<ReferenceRow> = lines.map(ReferenceRow::parse).collect::<Option<_>>()?;
        let mut places = HashMap::<u64, Vec<u32>, foldhash::fast::FixedState>::default();
        for (place, row) in (0..).zip(&rows) {
            places.entry(row.identity).or_default().push(place);
        }
        Some(Self { card: serde_json::from_str(card).ok()?, rows, places, nodes: normal_nodes(NODES) })
    }

    /// The rows of the benchmark, in its order.
    pub fn rows(&self) -> &[ReferenceRow] {
        &self.rows
    }

    /// Whether it has a row with this identity.
    pub fn knows(&self, identity: u64) -> bool {
        self.places.contains_key(&identity)
    }

    /// The row with this identity that has `copy` copies before it; the last copy if there are fewer. `None` if it is not known.
    pub fn row(&self, identity: u64, copy: usize) -> Option<&ReferenceRow> {
        let places = self.places.get(&identity)?;
        let place = places.get(copy).or(places.last())?;
        self.rows.get(*place as usize)
    }

    /// The difficulty and expected error of a row that it does not know, predicted from the row's features. `label` is the
    /// row's text of the label, and `feature` gives the value of a feature; one without a value counts as its mean. The standard
    /// error is that of the prediction.
    pub fn predicted(&self, identity: u64, label: Option<&str>, feature: impl Fn(&str) -> Option<f64>) -> ReferenceRow {
        let card = &self.card;
        let difficulty = card.intercept + FeatureSlope::sum(&card.features, label, feature);
        ReferenceRow {
            identity,
            n_responses: 0,
            difficulty: reported(difficulty),
            standard_error: reported(card.residual_sd),
            expected_error: reported(self.expected_error(difficulty)),
        }
    }

    /// How often a model of random ability fails a row whose predicted difficulty is `predicted`.
    fn expected_error(&self, predicted: f64) -> f64 {
        // Difficulty less ability is the sum of two independent normal numbers, so that one integral is enough.
        let sd = (square(self.card.residual_sd) + square(self.card.ability_sd)).sqrt();
        let distance = predicted - self.card.ability_mean;
        let failing: f64 = self.nodes.iter().map(|(node, weight)| weight * logistic(distance + node * sd)).sum();
        (1.0 - asymptote(self.card.chance)) * failing
    }
}

impl ReferenceRow {
    /// Reads a line of a file of rows.
    fn parse(line: &str) -> Option<Self> {
        let mut cells = line.split(',');
        let identity = cells.next().filter(|cell| cell.len() == 16)?;
        let identity = u64::from_str_radix(identity, 16).ok()?;
        let n_responses = cells.next()?.parse().ok()?;
        let mut number = || cells.next()?.parse::<f64>().ok().filter(|number| number.is_finite());
        let (difficulty, standard_error, expected_error) = (number()?, number()?, number()?);
        let is_valid = cells.next().is_none() && (0.0..=1.0).contains(&expected_error);
        is_valid.then_some(Self { identity, n_responses, difficulty, standard_error, expected_error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::checksum;

    #[test]
    fn the_embedded_files_are_whole_match_their_cards_and_fit_250_kb() {
        for (name, rows, card) in &FILES {
            // What is wrong with a card is said here; the program would only lack it.
            serde_json::from_str::<ReferenceCard>(card).unwrap_or_else(|error| panic!("{name}.json: {error}"));
            let reference = Reference::of(name).unwrap_or_else(|| panic!("{name}.csv is not valid"));
            assert_eq!(checksum::sha256_of(rows.as_bytes()), reference.card.checksum, "{name}");
            assert_eq!(reference.rows.len() as u64, reference.card.n_tasks_full, "{name}");
            let answered = reference.rows.iter().filter(|row| row.n_responses > 0).count();
            assert_eq!(answered as u64, reference.card.n_answered, "{name}");
            assert!(!reference.card.sources.is_empty() && card.ends_with("}\n"), "{name}");
            let numbers = [reference.card.ability_sd, reference.card.residual_sd, reference.card.intercept];
            assert!(numbers.iter().all(|number| number.is_finite()), "{name}");
        }
        assert_eq!(Reference::all().len(), FILES.len(), "the benchmark of a card is that of its file");
        let bytes: usize = FILES.iter().map(|(_, rows, card)| rows.len() + card.len()).sum();
        assert!(bytes <= 250_000, "{bytes} bytes");
        assert!(WITHOUT_REFERENCE.iter().all(|name| Reference::of(name).is_none()));
    }

    #[test]
    fn a_line_that_is_not_valid_is_refused() {
        let good = "00000000000000ff,3,-0.5,0.25,0.4";
        let row =
            ReferenceRow { identity: 255, n_responses: 3, difficulty: -0.5, standard_error: 0.25, expected_error: 0.4 };
        assert_eq!(ReferenceRow::parse(good), Some(row));
        for bad in [
            "",
            "ff,3,-0.5,0.25,0.4",
            "00000000000000fg,3,-0.5,0.25,0.4",
            "00000000000000ff,-3,-0.5,0.25,0.4",
            "00000000000000ff,3,inf,0.25,0.4",
            "00000000000000ff,3,-0.5,0.25,1.4",
            "00000000000000ff,3,-0.5,0.25",
            "00000000000000ff,3,-0.5,0.25,0.4,1",
        ] {
            assert_eq!(ReferenceRow::parse(bad), None, "{bad}");
        }
    }

    /// A reference with two features.
    fn example(chance: f64, ability_sd: f64, residual_sd: f64) -> Reference {
        let card = format!(
            r#"{{"benchmark": "b", "n_tasks_full": 3, "n_answered": 2, "n_answers": 4, "n_families": 1, "n_base_models": 2,
            "panel": [{{"name": "m", "family": "f", "n_responses": 2}}, {{"name": "n", "n_responses": 2}}],
            "sources": [{{"name": "s", "license": "MIT", "models": 2, "what": "w"}}], "model": "1pl", "chance": {chance},
            "ability_sd": {ability_sd}, "intercept": -0.5, "residual_sd": {residual_sd}, "features": [
            {{"name": "words", "coefficient": 0.8, "mean": 100.0, "sd": 20.0}},
            {{"name": "same", "coefficient": 5.0, "mean": 1.0, "sd": 0.0}}],
            "held_out": [{{"what": "families", "difficulty": "reference", "n": 2, "further": 1,
            "spearman": {{"value": 0.5, "low": 0.4, "high": null}}, "gap": {{"value": 0.1, "low": 0, "high": 0.2}}}}],
            "tool": "t", "checksum": "sha256:", "later": [1]}}"#
        );
        let rows = format!(
            "{HEADER}\n0000000000000001,2,1,0.5,0.7\n0000000000000002,2,0,0.5,0.5\n0000000000000001,0,2,0.5,0.9\n"
        );
        Reference::parse(&rows, &card).unwrap()
    }

    #[test]
    fn copies_have_a_line_each_and_further_keys_of_a_card_are_kept() {
        let reference = example(0.0, 1.0, 1.0);
        let error = |identity, copy| reference.row(identity, copy).map(|row| row.expected_error);
        assert_eq!([error(1, 0), error(1, 1), error(1, 2), error(2, 0)], [0.7, 0.9, 0.9, 0.5].map(Some));
        assert!(error(3, 0).is_none() && !reference.knows(3) && reference.knows(2));
        let card = serde_json::to_value(&reference.card).unwrap();
        assert_eq!((&card["later"][0], &card["held_out"][0]["further"]), (&1.into(), &1.into()));
        assert_eq!(card["panel"][0], serde_json::json!({"name": "m", "family": "f", "n_responses": 2}));
    }

    #[test]
    fn the_expected_error_of_a_prediction_is_the_integral_over_difficulties_and_abilities() {
        // The midpoint rule over the two distributions, to nine standard deviations, with the standard library's functions.
        let by_force = |difficulty: f64, chance: f64, ability_sd: f64, residual_sd: f64| {
            let steps = 600;
            let normal = |at: i32| {
                let z = -9.0 + 18.0 * (f64::from(at) + 0.5) / f64::from(steps);
                (z, (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * 18.0 / f64::from(steps))
            };
            let mut sum = 0.0;
            for (own, of_row) in (0..steps).map(normal) {
                for (theta, of_model) in (0..steps).map(normal) {
                    let solved = 1.0 / (1.0 + (-(theta * ability_sd - difficulty - own * residual_sd)).exp());
                    sum += of_row * of_model * (1.0 - chance / 2.0) * (1.0 - solved);
                }
            }
            sum
        };
        // The value of the feature, and the difficulty that follows: −0.5 + 0.8 · (value − 100) / 20, at most 3 deviations.
        let cases = [(Some(100.0), -0.5), (Some(130.0), 0.7), (Some(1e9), 1.9), (Some(-1e9), -2.9), (None, -0.5)];
        for (chance, ability_sd, residual_sd) in [(0.0, 0.65, 1.7), (0.25, 2.6, 3.6), (0.2, 0.0, 0.5), (0.0, 5.0, 4.0)]
        {
            let reference = example(chance, ability_sd, residual_sd);
            for (words, difficulty) in cases {
                let row = reference.predicted(7, None, |name| if name == "words" { words } else { Some(9.0) });
                let expected = by_force(difficulty, chance, ability_sd, residual_sd);
                assert!((row.expected_error - expected).abs() <= 0.000_06, "{row:?}, not {expected}");
                assert_eq!(row.expected_error, (row.expected_error * 1e4).round() / 1e4);
                assert!((row.difficulty - difficulty).abs() < 1e-9, "{row:?}");
                assert_eq!((row.identity, row.n_responses, row.standard_error), (7, 0, residual_sd));
            }
        }
        // A row of difficulty 0 is failed half of the time, but for the share of guesses that are right.
        let even = example(0.25, 2.0, 3.0).predicted(1, None, |name| (name == "words").then_some(112.5));
        assert_eq!((even.difficulty, even.expected_error), (0.0, 0.4375));
    }
}
