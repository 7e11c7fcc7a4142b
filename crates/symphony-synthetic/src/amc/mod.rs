//! Stands in for the AMC problems: contest problems with integer answers, from the easy ones that open a contest to the
//! hard ones that close it. Every 25 rows are one contest, with its problems in mixed order.

mod algebra;
mod counting;
mod geometry;
mod numbers;

use super::Generator;
use super::people::cast;
use super::prng::{Rng, quantile_at};
use super::text::{fill, json_string, push_int};

pub(super) struct Amc;

/// Characters per problem, by percentile.
const CHARS: [i64; 13] = [72, 96, 107, 142, 184, 222, 264, 301, 343, 379, 497, 648, 900];
const CONTESTS: [&str; 4] = ["10A", "10B", "12A", "12B"];
const PROBLEMS: u64 = 25;
/// Where a third of a contest's numbers ends.
const LEVELS: [i64; 2] = [8, 16];

/// A problem before it becomes text: the sentences that it needs, and true ones that may be added between them.
struct Problem {
    setup: String,
    extras: Vec<String>,
    question: String,
    answer: i64,
}

type Family = fn(&mut Rng) -> Problem;

/// The families by level: the first, the middle and the last problems of a contest.
const FAMILIES: [&[Family]; 3] = [
    &[
        algebra::operation,
        algebra::mean,
        algebra::arithmetic_sequence,
        algebra::continued_fraction,
        algebra::meeting,
        geometry::rectangle,
        geometry::right_triangle,
        numbers::smallest_multiple,
        numbers::percent,
        counting::outfits,
        algebra::coins,
    ],
    &[
        algebra::vieta,
        algebra::remainder_theorem,
        numbers::divisors,
        numbers::congruences,
        numbers::last_digits,
        numbers::inclusion,
        geometry::chord,
        geometry::lattice_points,
        geometry::triangle_height,
        counting::committee,
        counting::balls,
        counting::dice,
    ],
    &[
        algebra::recurrence,
        algebra::polynomial,
        numbers::trailing_zeros,
        numbers::digit_sums,
        numbers::floors,
        counting::paths,
        counting::tilings,
        counting::stars_and_bars,
        counting::random_walk,
        counting::no_neighbors,
        geometry::cevians,
    ],
];

/// Openings for the longer problems. `{N}` is a name.
const LEAD_INS: [&str; 14] = [
    "{N} likes to end the day with a puzzle.",
    "In a mathematics club, {N} wrote the following on the board.",
    "This problem is from the notebook of {N}, who trains for contests.",
    "On a long train ride, {N} and {M} pass the time with numbers, and this is what they came up with.",
    "{N} found a problem on a slip of paper inside a used book, and could not let go of it for two days.",
    "At a summer camp, the team of {N} has twenty minutes for the following task, without a calculator.",
    "For the last round of a quiz, {M} has prepared a question that can be solved with a pencil, patience and one good idea.",
    "While they wait for the bus, {N} challenges {M} to solve a problem before it arrives, and {M} succeeds with a minute to spare.",
    "{N} and {M} disagree about the answer to a problem. They have both checked their work twice, and exactly one of them is right.",
    "When {N} was asked for a favorite problem, the answer came without hesitation: it was the one that follows, which looks harder than it is.",
    "A teacher gives the same problem to two classes. In one of them nobody solves it; in the other {N} does, with a drawing and three lines of computation.",
    "The newspaper of {N}'s school has a corner for puzzles. In its last number it printed one that hardly anyone solved, so here it is again, word for word.",
    "Before the computers were switched on, {M} bet that nobody could find the answer by hand. {N} took the bet, filled one sheet of paper on both sides, and won it just before lunch.",
    "There is a jar of sweets for whoever is first to solve the problem of the week. Last week {N} won it with an answer written on the back of a ticket, and {M}, who came second, asked for the solution at once. This week's problem is of the same kind.",
];

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

/// The number `n` choose `k`, for the small numbers of contest problems.
fn choose(n: i64, k: i64) -> i64 {
    if k < 0 || k > n { 0 } else { (0..k).fold(1, |product, j| product * (n - j) / (j + 1)) }
}

/// The wording for answers that are fractions: what to add up, and the sum.
fn fraction(numerator: i64, denominator: i64) -> (&'static str, i64) {
    let common = gcd(numerator, denominator).max(1);
    (
        "can be written as $\\frac{m}{n}$, where $m$ and $n$ are relatively prime positive integers. What is $m+n$?",
        (numerator + denominator) / common,
    )
}

impl Problem {
    /// Puts the problem into words, about `chars` characters of them if there is enough to say.
    fn tell(&self, rng: &mut Rng, chars: i64, text: &mut String) {
        let mut missing = chars - (self.setup.len() + self.question.len()) as i64 - 1;
        let people = cast::<2>(rng);
        let mut extras = String::new();
        let mut lead_in = "";
        // Some problems get an opening, and so do all that are too short without one; it is long if much is missing.
        let extra_chars: i64 = self.extras.iter().map(|extra| extra.len() as i64 + 1).sum();
        if missing > extra_chars || rng.chance(35) {
            let fits = |length: i64| length <= missing && length * 3 >= missing.min(200);
            let start = rng.below(LEAD_INS.len());
            let mut turn = LEAD_INS.iter().cycle().skip(start).take(LEAD_INS.len());
            lead_in = turn.find(|template| fits(template.len() as i64 + 4)).copied().unwrap_or("");
            missing -= lead_in.len() as i64 + 4;
        }
        for extra in &self.extras {
            if (extra.len() as i64) <= missing + 25 {
                missing -= extra.len() as i64 + 1;
                extras.push_str(extra);
                extras.push(' ');
            }
        }
        fill(text, lead_in, |text, slot| text.push_str(people[usize::from(slot == "M")].name));
        if !lead_in.is_empty() {
            text.push(' ');
        }
        for part in [&self.setup, " ", &extras, &self.question] {
            if !self.setup.is_empty() || part != " " {
                text.push_str(part);
            }
        }
    }
}

impl Generator for Amc {
    fn name(&self) -> &'static str {
        "amc"
    }

    fn real_rows(&self) -> u64 {
        83
    }

    fn configs(&self) -> &'static [&'static str] {
        &[]
    }

    fn write_row(&self, _config: &str, seed: u64, i: u64, out: &mut String) {
        let mut contest = Rng::for_row("amc contest", seed, i / PROBLEMS);
        let (year, name, offset) = (contest.range(2000, 2025), contest.pick(&CONTESTS), contest.range(0, 24));
        // 7 is coprime to 25, so that every number comes once in a contest.
        let number = ((i % PROBLEMS) as i64 * 7 + offset) % 25 + 1;

        let mut rng = Rng::for_row("amc", seed, i);
        let level = LEVELS.iter().filter(|&&last| number > last).count();
        let problem = rng.pick(FAMILIES[level])(&mut rng);
        // Later problems tend to be longer, but every number has short ones and long ones.
        let rank = if rng.chance(60) { (number as usize - 1) * 400 + rng.below(400) } else { rng.below(10_000) };

        out.push_str("{\"id\": ");
        push_int(out, i as i64);
        out.push_str(", \"problem\": ");
        json_string(out, |text| {
            let begin = text.len();
            problem.tell(&mut rng, quantile_at(&CHARS, rank), text);
            // A few real problems are plain text.
            if rng.chance(2) && !text[begin..].contains('\\') {
                let plain = text.split_off(begin).replace('$', "");
                text.push_str(&plain);
            }
        });
        out.push_str(", \"answer\": ");
        push_int(out, problem.answer);
        out.push_str(".0, \"url\": \"https://synthetic.invalid/");
        push_int(out, year);
        for part in ["_AMC_", name, "_Problems/Problem_"] {
            out.push_str(part);
        }
        push_int(out, number);
        out.push_str("\"}");
    }
}
