//! The power of a pool, by simulation: the differences that are said to be found are found as often as that is said.

use symphony_data::results::power::{LEVEL, POWER, detectable, needed};

/// SplitMix64 (Steele, Lea & Flood, 2014): numbers from 0 up to 1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The two-sided mid-p value of McNemar's test: of the tasks on which two models disagree, one solves `wins`, the other
/// `losses` (Fagerland, Lydersen & Laake, 2013).
fn mid_p(wins: u32, losses: u32) -> f64 {
    let (n, few) = (wins + losses, wins.min(losses));
    // The binomial law of a fair coin, by logarithms, as its terms can be too small for numbers.
    let mut log_term = -f64::from(n) * std::f64::consts::LN_2;
    let mut below = 0.0;
    for count in 0..few {
        below += log_term.exp();
        log_term += f64::from(n - count).ln() - f64::from(count + 1).ln();
    }
    (2.0 * below + log_term.exp()).min(1.0)
}

/// How often the test finds a difference between two models that disagree and differ so often.
fn found(tasks: u32, discordance: f64, delta: f64, pairs: u32, random: &mut Random) -> f64 {
    let finds = |_: &u32| {
        let (mut wins, mut losses) = (0, 0);
        for _ in 0..tasks {
            let at = random.next();
            wins += u32::from(at < f64::midpoint(discordance, delta));
            losses += u32::from(at >= 1.0 - f64::midpoint(discordance, -delta));
        }
        mid_p(wins, losses) <= LEVEL
    };
    f64::from((0..pairs).filter(finds).count() as u32) / f64::from(pairs)
}

/// What chance alone moves a share of 2,000 pairs by, once in a thousand runs.
fn tolerance(share: f64) -> f64 {
    3.3 * (share * (1.0 - share) / 2000.0).sqrt()
}

#[test]
fn the_difference_that_a_pool_can_show_is_found_with_the_stated_power() {
    let mut random = Random(1);
    for (tasks, discordance) in [(150, 0.3), (600, 0.3), (600, 0.1), (2000, 0.05), (400, 0.5)] {
        let delta = detectable(f64::from(tasks), discordance).unwrap();
        let share = found(tasks, discordance, delta, 2000, &mut random);
        // The normal approximation is off by about a point, too.
        assert!((share - POWER).abs() < tolerance(POWER) + 0.015, "{tasks} {discordance} {delta}: {share}");
        // Half of the difference is found far less often, and no difference as often as the level says.
        assert!(found(tasks, discordance, delta / 2.0, 2000, &mut random) < 0.4);
        assert!(found(tasks, discordance, 0.0, 2000, &mut random) < LEVEL + tolerance(LEVEL) + 0.005);
    }
}

#[test]
fn as_many_tasks_as_a_difference_needs_show_it() {
    let mut random = Random(2);
    for (delta, discordance) in [(0.05, 0.2), (0.1, 0.4), (0.25, 0.1)] {
        let tasks = needed(delta, discordance).ceil();
        assert!((detectable(tasks, discordance).unwrap() - delta).abs() < 0.003 * delta + 0.002);
        let share = found(tasks as u32, discordance.max(delta), delta, 2000, &mut random);
        // Where all disagreements are wins, counts are so few that the test's own steps show.
        let steps = if discordance < delta { 0.1 } else { 0.015 };
        assert!((share - POWER).abs() < tolerance(POWER) + steps, "{delta} {discordance} {tasks}: {share}");
    }
}
