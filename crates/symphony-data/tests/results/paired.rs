//! Comparisons of two models: exact p-values, type I error, coverage, power.

use symphony_data::results::paired::{Difference, FLIPS, Pair, compare, detectable, p_value};

use super::Random;

fn pairs(differences: &[f64]) -> Vec<Pair> {
    differences
        .iter()
        .map(|difference| Pair { size: difference.abs().max(1.0).ceil(), difference: *difference })
        .collect()
}

/// The mid-p value over all sets of signs, one by one.
fn brute_force(differences: &[f64]) -> f64 {
    let observed = differences.iter().sum::<f64>().abs();
    let (mut beyond, mut equal) = (0.0, 0.0);
    for signs in 0_u32..1 << differences.len() {
        let signed = differences.iter().enumerate();
        let sum: f64 = signed.map(|(at, own)| if signs >> at & 1 == 1 { *own } else { -own }).sum();
        if (sum.abs() - observed).abs() < 1e-9 {
            equal += 1.0;
        } else if sum.abs() > observed {
            beyond += 1.0;
        }
    }
    (beyond + equal / 2.0) / f64::from(1_u32 << differences.len())
}

#[test]
fn exact_p_values_are_those_over_all_sets_of_signs() {
    let mut random = Random(2);
    for parts in [1_u32, 2, 3, 4, 6, 7] {
        for n in 1..=11 {
            // The differences of answers in parts, some of tasks that repeat.
            let mut one = |_| {
                let steps = (random.uniform() * f64::from(2 * parts + 1)).floor() - f64::from(parts);
                f64::from(random.up_to(3)) * steps / f64::from(parts)
            };
            let differences: Vec<f64> = (0..n).map(&mut one).filter(|own| *own != 0.0).collect();
            if differences.is_empty() {
                continue;
            }
            let (p, flips) = p_value(&pairs(&differences), FLIPS);
            assert!((p - brute_force(&differences)).abs() < 1e-12, "{differences:?}: {p}");
            assert_eq!(flips, None);
        }
    }
}

#[test]
fn for_right_and_wrong_answers_the_test_is_mcnemars_mid_p() {
    // 12 tasks differ, 10 for one model and 2 for the other: 2 (C(12,0) + C(12,1)) / 2^12 + C(12,2) / 2^12.
    let differences: Vec<f64> = (0..12).map(|at| if at < 10 { 1.0 } else { -1.0 }).collect();
    let (p, _) = p_value(&pairs(&differences), FLIPS);
    assert!((p - (2.0 * (1.0 + 12.0) + 66.0) / 4096.0).abs() < 1e-12, "{p}");
    // Many tasks: the normal approximation, as numbers become too small for the powers of 2.
    let differences: Vec<f64> = (0..4_000).map(|at| if at < 2_080 { 1.0 } else { -1.0 }).collect();
    let (p, _) = p_value(&pairs(&differences), FLIPS);
    // z = 160 / sqrt(4000) = 2.5298, of which tables say 0.0114.
    assert!((p - 0.011_41).abs() < 5e-5, "{p}");
    assert_eq!(p_value(&pairs(&[0.0, 0.0]), FLIPS), (1.0, None));
}

#[test]
fn differences_without_a_common_unit_are_flipped_at_random() {
    let differences = [0.317_f64, 0.713, -0.229, 0.541, 0.871, -0.113, 0.337, 0.641, 0.097, -0.401, 0.277, 0.499];
    let exact = brute_force(&differences);
    let (p, flips) = p_value(&pairs(&differences), FLIPS);
    assert_eq!(flips, Some(FLIPS));
    let standard_error = (exact * (1.0 - exact) / f64::from(FLIPS)).sqrt();
    assert!((p - exact).abs() < 4.0 * standard_error, "{p} {exact}");
    assert_eq!(p_value(&pairs(&differences), FLIPS), (p, flips), "the same signs each time");
}

/// How the answers of two models to the tasks of a pool are made.
#[derive(Clone, Copy, Debug)]
struct Scenario {
    tasks: usize,
    /// Each task is drawn from once to so often.
    repeats: u32,
    /// With one try: how often only the first model solves a task, and how often only the second. With more: how often a
    /// task is easier for the first, and how often for the second, by 0.3.
    first: f64,
    second: f64,
    tries: u32,
}

impl Scenario {
    fn truth(&self) -> f64 {
        (self.first - self.second) * if self.tries == 1 { 1.0 } else { 0.3 }
    }

    fn sample(&self, random: &mut Random) -> Vec<Pair> {
        let mut one = |_| {
            let size = f64::from(random.up_to(self.repeats));
            let which = random.uniform();
            let favor = if which < self.first {
                1.0
            } else if which < self.first + self.second {
                -1.0
            } else {
                0.0
            };
            let difference = if self.tries == 1 {
                favor
            } else {
                let base = 0.25 + 0.5 * random.uniform();
                random.rate(base + 0.15 * favor, self.tries) - random.rate(base - 0.15 * favor, self.tries)
            };
            Pair { size, difference: size * difference }
        };
        (0..self.tasks).map(&mut one).collect()
    }
}

fn scenario(tasks: usize, repeats: u32, tries: u32, first: f64, second: f64) -> Scenario {
    Scenario { tasks, repeats, first, second, tries }
}

const SAMPLES: usize = 8_000;

/// The share of samples of which something is true.
fn share(own: &Scenario, seed: u64, is: impl Fn(&Difference) -> bool) -> f64 {
    let mut random = Random(seed);
    let hits = (0..SAMPLES).filter(|_| is(&compare(&own.sample(&mut random), FLIPS).unwrap())).count();
    hits as f64 / SAMPLES as f64
}

#[test]
fn equal_models_look_different_in_one_of_twenty_samples() {
    // Three standard errors of 5 %.
    let tolerance = 3.0 * (0.05 * 0.95 / SAMPLES as f64).sqrt();
    for own in [
        scenario(150, 1, 1, 0.1, 0.1),
        scenario(500, 1, 1, 0.05, 0.05),
        scenario(100, 4, 1, 0.1, 0.1),
        scenario(50, 1, 4, 0.1, 0.1),
        scenario(200, 1, 3, 0.1, 0.1),
        scenario(40, 2, 5, 0.2, 0.2),
    ] {
        let rejected = share(&own, 3, |found| found.p_value < 0.05);
        assert!((0.04 - tolerance..0.06 + tolerance).contains(&rejected), "{own:?}: {rejected}");
    }
}

#[test]
fn intervals_of_differences_hold_the_truth_and_agree_with_the_test() {
    let tolerance = 3.0 * (0.05 * 0.95 / SAMPLES as f64).sqrt();
    for own in [
        // Three of a hundred tasks differ, all for one model; six of a hundred; most.
        scenario(100, 1, 1, 0.03, 0.0),
        scenario(100, 1, 1, 0.05, 0.01),
        scenario(100, 1, 1, 0.2, 0.1),
        scenario(30, 1, 1, 0.2, 0.05),
        scenario(20, 1, 1, 0.2, 0.2),
        scenario(500, 1, 1, 0.05, 0.05),
        // Tasks that repeat, and several tries.
        scenario(50, 4, 1, 0.2, 0.05),
        scenario(200, 3, 1, 0.15, 0.1),
        scenario(50, 1, 4, 0.2, 0.1),
        scenario(40, 2, 5, 0.2, 0.2),
    ] {
        let truth = own.truth();
        let holding = share(&own, 4, |found| (found.low..=found.high).contains(&truth));
        assert!((0.93 - tolerance..0.98).contains(&holding), "{own:?}: {holding}");
        let apart = share(&own, 4, |found| (found.low > 0.0 || found.high < 0.0) != (found.p_value < 0.05));
        assert!(apart < 0.03, "{own:?}: {apart}");
    }
}

#[test]
fn a_plain_normal_interval_would_fail_with_few_differences() {
    // So that the test above can fail: three differences of a hundred, all for one model, have no variance of their own.
    let own = scenario(100, 1, 1, 0.03, 0.0);
    let mut random = Random(4);
    let mut holding = 0;
    for _ in 0..SAMPLES {
        let (n, sum) = (100.0, own.sample(&mut random).iter().map(|pair| pair.difference).sum::<f64>());
        let mean = sum / n;
        let half = 1.96 * ((mean - mean * mean) / n).sqrt();
        holding += usize::from((mean - half..=mean + half).contains(&0.03));
    }
    assert!((holding as f64) < 0.93 * SAMPLES as f64, "{holding}");
}

#[test]
fn with_no_differences_the_interval_has_a_width() {
    let found = compare(&pairs(&[0.0; 50]), FLIPS).unwrap();
    assert_eq!((found.difference, found.p_value, -found.low), (0.0, 1.0, found.high));
    // Two pseudo-tasks, half of one for each model: sqrt(1) / 52, and t(49) is 2.0096.
    assert!((found.high - 2.0096 / 52.0).abs() < 1e-5, "{found:?}");
    assert_eq!(compare(&pairs(&[1.0]), FLIPS), None);
    assert_eq!(compare(&[], FLIPS), None);
}

#[test]
fn the_detectable_difference_is_shown_with_a_power_of_80_percent() {
    // A fifth of 300 tasks differ. The true standard error is sqrt((0.2 - d²) / 300), and d is what it can show.
    let mut d = 0.0;
    for _ in 0..50 {
        d = detectable(((0.2 - d * d) / 300.0_f64).sqrt());
    }
    let own = scenario(300, 1, 1, f64::midpoint(0.2, d), f64::midpoint(0.2, -d));
    let shown = share(&own, 5, |found| found.p_value < 0.05);
    assert!((0.77..0.83).contains(&shown), "{shown}");
}

/// The power of the paired test, and that of the test of two proportions that takes the answers for independent.
fn powers(tasks: usize, accuracy: f64, first: f64, second: f64) -> (f64, f64) {
    let own = scenario(tasks, 1, 1, first, second);
    let both = accuracy - first;
    let mut random = Random(6);
    let (mut paired, mut unpaired) = (0, 0);
    for _ in 0..SAMPLES {
        let sample = own.sample(&mut random);
        paired += usize::from(compare(&sample, FLIPS).unwrap().p_value < 0.05);
        // Which tasks that do not differ both solve.
        let (mut a, mut b) = (0.0, 0.0);
        for pair in &sample {
            let solved = f64::from(u8::from(pair.difference == 0.0 && random.chance(both / (1.0 - first - second))));
            a += solved + pair.difference.max(0.0);
            b += solved + (-pair.difference).max(0.0);
        }
        let n = tasks as f64;
        let pooled = (a + b) / (2.0 * n);
        let z = (a - b) / n / (2.0 * pooled * (1.0 - pooled) / n).sqrt();
        unpaired += usize::from(z.abs() > 1.96);
    }
    (paired as f64 / SAMPLES as f64, unpaired as f64 / SAMPLES as f64)
}

/// The table of docs/results.md, whose rows are: tasks, accuracy of the better model, differ for it, for the other, and the two
/// powers, in percent.
#[test]
fn the_page_on_results_says_how_much_pairing_gains() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once("## Against the plain two-proportion test").unwrap();
    let number = |cell: &str| cell.trim().trim_end_matches(" %").replace(',', "").parse::<f64>().ok();
    let rows: Vec<Vec<f64>> = section
        .lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| line.trim_matches('|').split('|').map(number).collect())
        .collect();
    assert!(rows.len() >= 3, "{rows:?}");
    let mut wrong = Vec::new();
    for row in rows {
        let [tasks, accuracy, first, second, paired, unpaired] = row[..] else { panic!("{row:?}") };
        let found = powers(tasks as usize, accuracy / 100.0, first / 100.0, second / 100.0);
        // The page rounds to whole percents.
        let is_near = |found: f64, said: f64| (100.0 * found - said).abs() < 1.6;
        if !is_near(found.0, paired) || !is_near(found.1, unpaired) || found.0 < found.1 {
            wrong.push((row, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
