//! Sequences, equations, means and rates.

use super::super::people::cast;
use super::super::prng::Rng;
use super::{Problem, fraction};

pub(super) fn operation(rng: &mut Rng) -> Problem {
    let (p, q, r) = (rng.range(2, 9), rng.range(2, 9), rng.range(-9, 9));
    let apply = |a: i64, b: i64| p * a + q * b + r;
    let [a, b, c, d] = std::array::from_fn(|_| rng.range(1, 12));
    let symbol = rng.pick(&["\\star", "\\diamond", "\\circ", "\\oplus"]);
    let constant = match r {
        0 => String::new(),
        r if r < 0 => format!("-{}", -r),
        r => format!("+{r}"),
    };
    let (x, y) = (rng.range(1, 9), rng.range(1, 9));
    Problem {
        setup: format!("For integers $a$ and $b$, define $a {symbol} b = {p}a+{q}b{constant}$."),
        extras: vec![
            format!("For example, ${x} {symbol} {y} = {}$.", apply(x, y)),
            "Operations inside parentheses are to be carried out first.".into(),
            "The order of the two numbers matters, because they are multiplied by different factors in general.".into(),
        ],
        question: if rng.chance(50) {
            format!("What is $({a} {symbol} {b}) {symbol} {c}$?")
        } else {
            format!("What is the value of ${c} {symbol} ({a} {symbol} {b}) + {d}$?")
        },
        answer: 0,
    }
    .answered(|question| if question.contains(" + ") { apply(c, apply(a, b)) + d } else { apply(apply(a, b), c) })
}

impl Problem {
    /// Sets the answer where it depends on which question was drawn.
    fn answered(mut self, answer: impl Fn(&str) -> i64) -> Self {
        self.answer = answer(&self.question);
        self
    }
}

pub(super) fn mean(rng: &mut Rng) -> Problem {
    let (n, old) = (rng.range(4, 24), rng.range(62, 92));
    let new = old + rng.range(1, 6);
    let [person] = cast::<1>(rng);
    let (name, he) = (person.name, person.pronoun("he").unwrap_or_default());
    let (one, many) = rng.pick(&[
        ("quiz", "quizzes"),
        ("test", "tests"),
        ("round", "rounds"),
        ("exam", "exams"),
        ("match", "matches"),
        ("game", "games"),
    ]);
    Problem {
        setup: format!("After ${n}$ {many}, {name} has a mean score of ${old}$."),
        extras: vec![
            format!("All {many} count the same."),
            "Scores are integers, and bonus points make it possible to score more than $100$.".into(),
            format!("There is one {one} left, and {name} would like to know beforehand what {he} has to aim for."),
        ],
        question: format!("What score in the next {one} would raise the mean to exactly ${new}$?"),
        answer: new * (n + 1) - old * n,
    }
}

pub(super) fn arithmetic_sequence(rng: &mut Rng) -> Problem {
    let (first, step) = (rng.range(-20, 60), rng.range(2, 15));
    let (i, j, k) = (rng.range(2, 6), rng.range(8, 15), rng.range(20, 90));
    let term = |n: i64| first + step * (n - 1);
    let sum = rng.chance(50);
    Problem {
        setup: format!(
            "In an arithmetic sequence, term number ${i}$ is ${}$ and term number ${j}$ is ${}$.",
            term(i),
            term(j)
        ),
        extras: vec![
            "The terms are numbered from $1$.".into(),
            "In an arithmetic sequence, the difference between a term and the one before it is always the same.".into(),
        ],
        question: if sum {
            format!("What is the sum of the first ${k}$ terms?")
        } else {
            format!("What is term number ${k}$?")
        },
        answer: if sum { k * (term(1) + term(k)) / 2 } else { term(k) },
    }
}

pub(super) fn continued_fraction(rng: &mut Rng) -> Problem {
    let parts: [i64; 4] = std::array::from_fn(|_| rng.range(1, 40));
    let last = parts[3] + 1;
    let (mut n, mut d) = (last, 1);
    for part in parts[..3].iter().rev() {
        (n, d) = (part * n + d, n);
    }
    let (question, answer) = fraction(n, d);
    let [a, b, c, _] = parts;
    Problem {
        setup: String::new(),
        extras: Vec::new(),
        question: format!(
            "The number \\[{a}+\\frac{{1}}{{{b}+\\frac{{1}}{{{c}+\\frac{{1}}{{{last}}}}}}}\\] {question}"
        ),
        answer,
    }
}

pub(super) fn meeting(rng: &mut Rng) -> Problem {
    let [a, b] = cast::<2>(rng);
    let (u, v, hours) = (rng.range(8, 24), rng.range(8, 24), rng.range(2, 6));
    let distance = (u + v) * hours;
    let later = rng.chance(50);
    Problem {
        setup: format!(
            "{} and {} live ${distance}$ miles apart. At noon they start to cycle towards each other along the same road, {} at ${u}$ miles per hour and {} at ${v}$.",
            a.name, b.name, a.name, b.name
        ),
        extras: vec![
            "Neither of them stops on the way, and both keep the same speed all the time.".into(),
            "The road is straight and has no turns that could be missed.".into(),
            format!("When they meet, they sit down under a tree, and {} unpacks lunch for both of them.", b.name),
        ],
        question: if later {
            "After how many minutes do they meet?".into()
        } else {
            format!("How many miles has {} gone when they meet?", a.name)
        },
        answer: if later { hours * 60 } else { u * hours },
    }
}

pub(super) fn coins(rng: &mut Rng) -> Problem {
    let (few, many) = (rng.range(5, 95), rng.range(5, 95));
    let [person] = cast::<1>(rng);
    let ((small, low), (large, high)) = rng.pick(&[
        (("nickels", 5), ("dimes", 10)),
        (("dimes", 10), ("quarters", 25)),
        (("nickels", 5), ("quarters", 25)),
    ]);
    Problem {
        setup: format!(
            "{} has ${}$ coins, all of them {small} and {large}, worth ${}$ cents in total.",
            person.name,
            few + many,
            low * few + high * many
        ),
        extras: vec![
            "A nickel is worth $5$ cents, a dime $10$ cents, and a quarter $25$ cents.".into(),
            "There is at least one coin of each kind.".into(),
            "The coins are kept in a tin on the kitchen shelf and are counted every Sunday.".into(),
        ],
        question: format!("How many of the coins are {large}?"),
        answer: many,
    }
}

pub(super) fn vieta(rng: &mut Rng) -> Problem {
    let (b, c, k) = (rng.range(2, 60), rng.range(2, 300), rng.range(2, 20));
    let (r, s) = rng.pick(&[("r", "s"), ("p", "q"), ("u", "v"), ("a", "b")]);
    let (what, answer) = match rng.below(3) {
        0 => (format!("{r}^2+{s}^2+{k}{r}{s}"), b * b - 2 * c + k * c),
        1 => (format!("({r}-{s})^2+{k}{r}{s}"), b * b - 4 * c + k * c),
        _ => (format!("({r}+{k})({s}+{k})"), c + k * b + k * k),
    };
    Problem {
        setup: format!("Let ${r}$ and ${s}$ be the roots of $x^2-{b}x+{c}=0$."),
        extras: vec![
            "The roots may be real or complex, and they may be equal.".into(),
            "It is possible to find the answer without computing either of the roots.".into(),
            format!("If the equation were $x^2-{}x+{b}=0$, the roots would be $1$ and ${b}$, for example.", b + 1),
        ],
        question: format!("What is ${what}$?"),
        answer,
    }
}

pub(super) fn remainder_theorem(rng: &mut Rng) -> Problem {
    let (p, q) = (rng.range(2, 15), rng.range(-30, 30));
    let [a, b] = rng.distinct::<2>(9).map(|n| n as i64 + 1);
    let at = rng.range(10, 60);
    let value = |x: i64| p * x + q;
    Problem {
        setup: format!(
            "A polynomial leaves the remainder ${}$ when it is divided by $x-{a}$ and the remainder ${}$ when it is divided by $x-{b}$.",
            value(a),
            value(b)
        ),
        extras: vec![
            "Nothing else is known about the polynomial, and its degree may be large.".into(),
            format!(
                "When it is divided by $(x-{a})(x-{b})$, the remainder is a polynomial $R(x)$ of degree at most $1$."
            ),
        ],
        question: format!("If $R(x)$ is the remainder when it is divided by $(x-{a})(x-{b})$, what is $R({at})$?"),
        answer: value(at),
    }
}

pub(super) fn recurrence(rng: &mut Rng) -> Problem {
    let (a, b, p, q) = (rng.range(1, 9), rng.range(1, 9), rng.range(2, 7), rng.range(1, 7));
    let (m, n) = (rng.pick(&[7, 8, 9, 10, 11, 13, 16, 17, 19, 20, 25, 100]), rng.range(40, 400));
    let mut terms = vec![a, b];
    for k in 2..n as usize {
        terms.push((p * terms[k - 1] + q * terms[k - 2]) % m);
    }
    let third = p * b + q * a;
    Problem {
        setup: format!(
            "A sequence of integers is defined by $a_1={a}$, $a_2={b}$, and $a_n={p}a_{{n-1}}+{q}a_{{n-2}}$ for all $n\\ge 3$."
        ),
        extras: vec![
            format!("Thus $a_3={third}$ and $a_4={}$.", p * third + q * b),
            "The terms soon become too large to be written down, but their remainders repeat after some time.".into(),
            format!(
                "Each term depends only on the two terms before it, so the remainders modulo ${m}$ of two neighboring terms decide about all those that follow."
            ),
        ],
        question: format!("What is the remainder when $a_{{{n}}}$ is divided by ${m}$?"),
        answer: terms[n as usize - 1] % m,
    }
}

pub(super) fn polynomial(rng: &mut Rng) -> Problem {
    let (a, b, c) = (rng.range(1, 7), rng.range(-9, 9), rng.range(-15, 15));
    let value = |x: i64| a * x * x + b * x + c;
    let (start, at) = (rng.range(0, 4), rng.range(10, 60));
    let [x, y, z] = [start, start + 1, start + rng.range(2, 4)];
    Problem {
        setup: format!(
            "Let $P(x)$ be a quadratic polynomial with $P({x})={}$, $P({y})={}$, and $P({z})={}$.",
            value(x),
            value(y),
            value(z)
        ),
        extras: vec![
            format!("It can be shown that $P({})={}$ then holds as well.", z + 1, value(z + 1)),
            "Three values at different places are enough to determine a quadratic polynomial.".into(),
            format!(
                "The graph of $P$ is a parabola that opens upward and passes through the point $({z},{})$.",
                value(z)
            ),
        ],
        question: format!("What is $P({at})$?"),
        answer: value(at),
    }
}
