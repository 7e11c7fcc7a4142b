//! Divisibility, remainders, digits.

use super::super::prng::Rng;
use super::{Problem, gcd};

fn lcm(a: i64, b: i64) -> i64 {
    a / gcd(a, b) * b
}

pub(super) fn smallest_multiple(rng: &mut Rng) -> Problem {
    let [a, b, c] = rng.distinct::<3>(40).map(|n| n as i64 + 4);
    let above = rng.range(1, 60) * 100;
    let step = lcm(lcm(a, b), c);
    Problem {
        setup: String::new(),
        extras: Vec::new(),
        question: format!(
            "What is the smallest integer greater than ${above}$ that is divisible by ${a}$, ${b}$, and ${c}$?"
        ),
        answer: (above / step + 1) * step,
    }
}

pub(super) fn percent(rng: &mut Rng) -> Problem {
    const THINGS: [&str; 24] = [
        "coat",
        "bicycle",
        "painting",
        "telescope",
        "sofa",
        "guitar",
        "boat",
        "carpet",
        "piano",
        "camera",
        "lamp",
        "table",
        "scooter",
        "tent",
        "watch",
        "ring",
        "fur",
        "mirror",
        "cello",
        "saddle",
        "stove",
        "harp",
        "drone",
        "canoe",
    ];
    // With percentages in steps of 5, the price has to be a multiple of 400 for the result to be whole.
    let price = rng.range(1, 120) * 400;
    let (up, down) = (rng.range(1, 18) * 5, rng.range(1, 18) * 5);
    let thing = rng.pick(&THINGS);
    let (first, second) = if rng.chance(50) {
        (format!("raised by ${up}$"), format!("lowered by ${down}$"))
    } else {
        (format!("lowered by ${down}$"), format!("raised by ${up}$"))
    };
    Problem {
        setup: format!(
            "The price of a {thing} was ${price}$ dollars. It was first {first} percent, and the new price was then {second} percent."
        ),
        extras: vec![
            format!(
                "The second change refers to the price after the first one, not to the ${price}$ dollars of the beginning."
            ),
            "Taxes are not considered here.".into(),
        ],
        question: "What is the final price in dollars?".into(),
        answer: price / 400 * (20 + up / 5) * (20 - down / 5),
    }
}

pub(super) fn divisors(rng: &mut Rng) -> Problem {
    let exponents: [i64; 4] = std::array::from_fn(|_| rng.range(2, 16));
    let [a, b, c, d] = exponents;
    let (p, q) = rng.pick(&[(5, 7), (5, 11), (7, 11), (5, 13), (7, 13), (11, 13), (5, 17), (7, 17)]);
    let all = |count: fn(i64) -> i64| exponents.iter().map(|&e| count(e)).product::<i64>();
    let (kind, note, answer) = match rng.below(3) {
        0 => ("positive divisors", "A number is a divisor of itself.", all(|e| e + 1)),
        1 => ("positive divisors that are perfect squares", "The number $1$ is a perfect square.", all(|e| e / 2 + 1)),
        _ => ("even positive divisors", "A number is even if it is divisible by $2$.", all(|e| e + 1) / (a + 1) * a),
    };
    let number = format!("2^{{{a}}} \\cdot 3^{{{b}}} \\cdot {p}^{{{c}}} \\cdot {q}^{{{d}}}");
    Problem {
        setup: String::new(),
        extras: vec![note.into()],
        question: if rng.chance(50) {
            format!("How many {kind} does the number ${number}$ have?")
        } else {
            format!("What is the number of {kind} of ${number}$?")
        },
        answer,
    }
}

pub(super) fn congruences(rng: &mut Rng) -> Problem {
    let m = rng.range(5, 30);
    let mut n = rng.range(5, 30);
    while gcd(m, n) > 1 {
        n += 1;
    }
    let (a, b, above) = (rng.range(1, m - 1), rng.range(1, n - 1), rng.range(2, 99) * 50);
    let answer = (above + 1..).find(|x| x % m == a && x % n == b).unwrap_or(0);
    Problem {
        setup: format!(
            "An integer greater than ${above}$ leaves a remainder of ${a}$ when it is divided by ${m}$ and a remainder of ${b}$ when it is divided by ${n}$."
        ),
        extras: vec![
            format!(
                "Since ${m}$ and ${n}$ have no common divisor greater than $1$, such numbers exist for any pair of remainders."
            ),
            format!("Two such numbers always differ by a multiple of ${}$.", m * n),
        ],
        question: "What is the smallest number with this property?".into(),
        answer,
    }
}

pub(super) fn last_digits(rng: &mut Rng) -> Problem {
    let (a, b) = (rng.range(2, 19), rng.range(2, 19));
    let (m, n) = (rng.range(20, 2030), rng.range(20, 2030));
    let power = |base: i64, exponent: i64| (0..exponent % 20 + 20).fold(1, |product, _| product * base % 100);
    Problem {
        setup: String::new(),
        extras: vec![
            "As usual, $a^n$ means the product of $n$ factors that are all equal to $a$.".into(),
            "The numbers are far too large to be computed, but their last digits repeat as the exponent grows.".into(),
        ],
        question: format!("What is the remainder when ${a}^{{{m}}}+{b}^{{{n}}}$ is divided by $100$?"),
        // From the second power on, the last two digits repeat every 20 exponents.
        answer: (power(a, m) + power(b, n)) % 100,
    }
}

pub(super) fn inclusion(rng: &mut Rng) -> Problem {
    let [a, b, c] = rng.distinct::<3>(15).map(|n| n as i64 + 2);
    let n = rng.range(100, 999);
    Problem {
        setup: format!("Consider the integers from $1$ to ${n}$, both included."),
        extras: vec![
            "An integer that is divisible by both of the first two numbers counts once.".into(),
            format!("For instance, ${}$ is divisible by ${a}$.", a * 3),
        ],
        question: format!("How many of them are divisible by ${a}$ or by ${b}$, but not by ${c}$?"),
        answer: (1..=n).filter(|x| (x % a == 0 || x % b == 0) && x % c != 0).count() as i64,
    }
}

pub(super) fn trailing_zeros(rng: &mut Rng) -> Problem {
    let n = rng.range(300, 2500);
    // A long product has many more factors 2 than of any other prime, so the largest prime of the base decides.
    let m = rng.range(10, n - 150);
    let (base, prime) = rng.pick(&[(10, 5), (6, 3), (14, 7), (15, 5), (21, 7), (22, 11), (26, 13)]);
    let in_factorial = |n: i64| std::iter::successors(Some(n / prime), |k| (*k > 0).then_some(k / prime)).sum::<i64>();
    Problem {
        setup: format!("The number $\\frac{{{n}!}}{{{m}!}}$ is written in base ${base}$."),
        extras: vec![
            format!("Recall that ${n}!$ is the product of all integers from $1$ to ${n}$."),
            format!(
                "In base ${base}$, the number ${}$ is written as $100$, so that it ends in two zeros.",
                base * base
            ),
            "Zeros that stand between other digits are not counted.".into(),
        ],
        question: "In how many zeros does it end?".into(),
        answer: in_factorial(n) - in_factorial(m),
    }
}

pub(super) fn digit_sums(rng: &mut Rng) -> Problem {
    let sum = rng.range(4, 24);
    let (divisor, word) = rng.pick(&[(1, ""), (2, "even "), (5, "")]);
    let (low, high) = (rng.range(100, 500), rng.range(600, 1500));
    let matches = |n: &i64| n % divisor == 0 && n / 1000 + n / 100 % 10 + n / 10 % 10 + n % 10 == sum;
    let multiple = if divisor == 5 { " and that are divisible by $5$" } else { "" };
    Problem {
        setup: String::new(),
        extras: vec![
            "The sum of digits of a number is found by adding its digits in base ten; that of $407$ is $4+0+7=11$."
                .into(),
            "Digits may be repeated.".into(),
            "Systematic counting by the first digit leads to the answer without listing all of the numbers one by one."
                .into(),
        ],
        question: format!(
            "How many {word}integers between ${low}$ and ${high}$, both included, are there whose digits add up to ${sum}${multiple}?"
        ),
        answer: (low..=high).filter(matches).count() as i64,
    }
}

pub(super) fn floors(rng: &mut Rng) -> Problem {
    let (m, n, factor) = (rng.range(3, 30), rng.range(30, 200), rng.range(2, 20));
    let offset = rng.range(1, m);
    let term = |k: i64| (factor * k + offset) / m;
    Problem {
        setup: "For a real number $x$, let $\\lfloor x \\rfloor$ denote the greatest integer that does not exceed $x$."
            .into(),
        extras: vec![
            "Thus $\\lfloor 3.7 \\rfloor = 3$ and $\\lfloor 5 \\rfloor = 5$.".into(),
            format!("In the sum below, $k$ runs through all integers from $1$ to ${n}$."),
            format!("The term for $k={m}$, for example, is ${}$.", term(m)),
        ],
        question: format!(
            "What is the value of \\[\\sum_{{k=1}}^{{{n}}} \\left\\lfloor \\frac{{{factor}k+{offset}}}{{{m}}} \\right\\rfloor?\\]"
        ),
        answer: (1..=n).map(term).sum(),
    }
}
