//! The calculations with tables: how good a test is, and how much a drug helps.

use super::super::prng::Rng;
use super::Case;

pub(super) const ALL: [fn(&mut Rng) -> Case; 5] =
    [number_needed, sensitivity, predictive_value, relative_risk, odds_ratio];

const DRUGS: [&str; 8] = [
    "a new anticoagulant",
    "an inhaled steroid",
    "a vaccine against influenza",
    "a monoclonal antibody",
    "a beta blocker",
    "an exercise program",
    "a diuretic",
    "vitamin D",
];
const OUTCOMES: [&str; 8] = [
    "stroke",
    "hospital admission",
    "a hip fracture",
    "myocardial infarction",
    "pneumonia",
    "a relapse",
    "deep vein thrombosis",
    "kidney failure",
];
const TESTS: [&str; 8] = [
    "a rapid antigen test",
    "a new blood test",
    "ultrasonography",
    "a stool test",
    "a questionnaire",
    "a urine dipstick",
    "a breath test",
    "a skin test",
];
const EXPOSURES: [&str; 6] = [
    "smoke",
    "work at night",
    "live beside a highway",
    "drink well water",
    "work with solvents",
    "sleep less than six hours",
];

const MORE: f64 = f64::INFINITY;

fn study(
    facts: Vec<String>,
    what: (&'static str, &'static str, usize),
    right: f64,
    wrong: [f64; 3],
    classes: [super::Class; 4],
) -> Case {
    let (quantity, unit, decimals) = what;
    Case { facts, quantity, unit, decimals, right, wrong, classes, personal: false, taken: &[] }
}

const QUALITY: [super::Class; 4] = [
    (50.0, "poor", "is worse than what a coin would give"),
    (70.0, "moderate", "is too low for a test that stands alone"),
    (90.0, "good", "is good enough for a first step"),
    (MORE, "excellent", "is as good as one can hope for"),
];

fn number_needed(rng: &mut Rng) -> Case {
    // Risks in percent that differ by a divisor of 100, so that the number comes out whole.
    let difference = rng.pick(&[2, 4, 5, 10]);
    let treated = rng.range(3, 22);
    let (size, control) = (100 * rng.range(2, 12), treated + difference);
    let right = 100.0 / difference as f64;
    study(
        vec![format!(
            "In a randomized trial, {size} people are given {} and {size} are given placebo. After two years, {} occurs in {} people of the first group and in {} of the second.",
            rng.pick(&DRUGS),
            rng.pick(&OUTCOMES),
            size / 100 * treated,
            size / 100 * control
        )],
        ("number needed to treat", "people", 0),
        right,
        [100.0 / treated as f64, 100.0 / control as f64, difference as f64 * 3.0],
        [
            (11.0, "small", "makes the benefit large"),
            (21.0, "medium", "makes the benefit noticeable"),
            (41.0, "large", "makes the benefit small"),
            (MORE, "very large", "makes the benefit hard to notice"),
        ],
    )
}

/// A test against a reference in a two-by-two table: true and false positives, false and true negatives.
fn table(rng: &mut Rng) -> ([f64; 4], String) {
    let (ill, well) = (20 * rng.range(3, 20), 20 * rng.range(10, 60));
    let found = ill * rng.range(52, 97) / 100;
    let alarms = well * rng.range(4, 30) / 100;
    let text = format!(
        "{} is compared with a reference standard in {} people. Of the {ill} who have the disease, {found} test positive; of the {well} who do not have it, {alarms} test positive.",
        super::capitalized(rng.pick(&TESTS)),
        ill + well
    );
    ([found, alarms, ill - found, well - alarms].map(|n| n as f64), text)
}

fn sensitivity(rng: &mut Rng) -> Case {
    let ([tp, fp, miss, tn], text) = table(rng);
    let (sens, spec) = (100.0 * tp / (tp + miss), 100.0 * tn / (tn + fp));
    let (ppv, npv) = (100.0 * tp / (tp + fp), 100.0 * tn / (tn + miss));
    if rng.chance(50) {
        study(vec![text], ("sensitivity of the test", "%", 0), sens, [spec, ppv, 100.0 - sens], QUALITY)
    } else {
        study(vec![text], ("specificity of the test", "%", 0), spec, [sens, npv, 100.0 - spec], QUALITY)
    }
}

fn predictive_value(rng: &mut Rng) -> Case {
    let ([tp, fp, miss, tn], text) = table(rng);
    let (sens, spec) = (100.0 * tp / (tp + miss), 100.0 * tn / (tn + fp));
    let (ppv, npv) = (100.0 * tp / (tp + fp), 100.0 * tn / (tn + miss));
    if rng.chance(50) {
        study(vec![text], ("positive predictive value of the test", "%", 0), ppv, [sens, spec, 100.0 - ppv], QUALITY)
    } else {
        study(vec![text], ("negative predictive value of the test", "%", 0), npv, [spec, ppv, sens], QUALITY)
    }
}

/// People with and without an exposure, and how many of each fall ill.
fn cohort(rng: &mut Rng) -> ([f64; 4], String) {
    let (exposed, other) = (50 * rng.range(4, 16), 50 * rng.range(4, 16));
    let (ill, few) = (exposed * rng.range(12, 40) / 100, other * rng.range(4, 11) / 100);
    let exposure = rng.pick(&EXPOSURES);
    let text = format!(
        "Researchers follow {exposed} adults who {exposure} and {other} adults who do not. Within ten years, {} occurs in {ill} of the first group and in {few} of the second.",
        rng.pick(&OUTCOMES)
    );
    ([ill, exposed - ill, few, other - few].map(|n| n as f64), text)
}

const STRENGTH: [super::Class; 4] = [
    (1.0, "protective", "suggests that the exposure protects"),
    (2.0, "weak", "shows a weak association"),
    (4.0, "strong", "shows a strong association"),
    (MORE, "very strong", "shows a very strong association that chance hardly explains"),
];

fn relative_risk(rng: &mut Rng) -> Case {
    let ([a, b, c, d], text) = cohort(rng);
    let right = a / (a + b) * (c + d) / c;
    study(vec![text], ("relative risk", "", 1), right, [a * d / (b * c), a / c, c / (c + d) * (a + b) / a], STRENGTH)
}

fn odds_ratio(rng: &mut Rng) -> Case {
    let ([a, b, c, d], text) = cohort(rng);
    let right = a * d / (b * c);
    study(vec![text], ("odds ratio", "", 1), right, [a / (a + b) * (c + d) / c, a / c + 1.0, b * c / (a * d)], STRENGTH)
}
