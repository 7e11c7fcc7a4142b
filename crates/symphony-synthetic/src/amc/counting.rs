//! Counting and probability.

use super::super::people::cast;
use super::super::prng::Rng;
use super::super::text::article;
use super::{Problem, choose, fraction};

pub(super) fn outfits(rng: &mut Rng) -> Problem {
    let (a, b, c) = (rng.range(3, 30), rng.range(2, 25), rng.range(2, 20));
    let [person] = cast::<1>(rng);
    let (name, he) = (person.name, person.pronoun("he").unwrap_or_default());
    Problem {
        setup: format!("{name} owns ${a}$ shirts, ${b}$ pairs of trousers, and ${c}$ hats, all of them different."),
        extras: vec![
            "Shirts, trousers and hats can be combined freely.".into(),
            format!("On some days {he} goes without a hat, which counts as an outfit of its own."),
        ],
        question:
            "How many outfits are possible, if an outfit is a shirt, a pair of trousers, and either one hat or none?"
                .into(),
        answer: a * b * (c + 1),
    }
}

pub(super) fn committee(rng: &mut Rng) -> Problem {
    let (first, second) = (rng.range(4, 30), rng.range(4, 30));
    let size = rng.range(3, 6);
    let bound = rng.range(1, size - 1);
    let (ones, others) = rng.pick(&[
        ("teachers", "engineers"),
        ("violinists", "pianists"),
        ("doctors", "nurses"),
        ("juniors", "seniors"),
        ("swimmers", "runners"),
        ("cooks", "waiters"),
        ("poets", "painters"),
        ("bakers", "brewers"),
    ]);
    let club = rng.pick(&[
        "A club",
        "A union",
        "A village council",
        "A choir",
        "An orchestra",
        "A charity",
        "A society",
        "A cooperative",
    ]);
    let (words, low, high) = match rng.below(3) {
        0 => ("at least", bound, size),
        1 => ("at most", 0, bound),
        _ => ("exactly", bound, bound),
    };
    Problem {
        setup: format!("{club} has ${first}$ {ones} and ${second}$ {others} as members."),
        extras: vec![
            "Nobody is both.".into(),
            "All seats of the committee are equal, so the order in which they are filled does not matter.".into(),
            format!(
                "Without any condition there would be ${}$ possible committees of this size.",
                choose(first + second, size)
            ),
        ],
        question: format!(
            "In how many ways can a committee of ${size}$ be chosen that includes {words} ${bound}$ of the {ones}?"
        ),
        answer: (low..=high).map(|k| choose(first, k) * choose(second, size - k)).sum(),
    }
}

pub(super) fn balls(rng: &mut Rng) -> Problem {
    const COLORS: [&str; 8] = ["red", "blue", "green", "white", "black", "yellow", "purple", "orange"];
    let counts: [i64; 3] = [rng.range(2, 25), rng.range(2, 25), rng.range(2, 25)];
    let [first, second, third] = rng.distinct::<3>(COLORS.len()).map(|color| COLORS[color]);
    let pairs = choose(counts.iter().sum(), 2);
    let alike: i64 = counts.iter().map(|&count| choose(count, 2)).sum();
    let same = rng.chance(50);
    let (question, answer) = fraction(if same { alike } else { pairs - alike }, pairs);
    let things = rng.pick(&["balls", "marbles", "beads", "chips", "socks"]);
    let [a, b, c] = counts;
    Problem {
        setup: format!(
            "A bag contains ${a}$ {first}, ${b}$ {second}, and ${c}$ {third} {things}. Two of them are drawn at random without replacement."
        ),
        extras: vec![
            format!("All {things} are equally likely to be drawn, and they cannot be told apart by touch."),
            "The one that is drawn first is not put back before the second one is drawn.".into(),
        ],
        question: format!(
            "The probability that they have {} {question}",
            if same { "the same color" } else { "different colors" }
        ),
        answer,
    }
}

pub(super) fn dice(rng: &mut Rng) -> Problem {
    let (sides, other) = (rng.range(4, 30), rng.range(4, 30));
    let sum = rng.range(4, sides + other - 1);
    let (words, fits): (&str, fn(i64, i64) -> bool) = match rng.below(3) {
        0 => ("", |x, sum| x == sum),
        1 => ("at least ", |x, sum| x >= sum),
        _ => ("less than ", |x, sum| x < sum),
    };
    let ways = (1..=sides).map(|x| (1..=other).filter(|y| fits(x + y, sum)).count() as i64).sum();
    let (question, answer) = fraction(ways, sides * other);
    let [person] = cast::<1>(rng);
    Problem {
        setup: format!(
            "{} spins two fair wheels, one with the numbers $1$ to ${sides}$ and one with the numbers $1$ to ${other}$.",
            person.name
        ),
        extras: vec![
            "Every number of a wheel is equally likely, and neither wheel influences the other.".into(),
            format!("There are ${}$ equally likely outcomes.", sides * other),
        ],
        question: format!("The probability that the sum is {words}${sum}$ {question}"),
        answer,
    }
}

pub(super) fn paths(rng: &mut Rng) -> Problem {
    let (w, h) = (rng.range(3, 11), rng.range(3, 11));
    let (x, y) = (rng.range(1, w - 1), rng.range(1, h - 1));
    let routes = |dx: i64, dy: i64| choose(dx + dy, dx);
    let through = routes(x, y) * routes(w - x, h - y);
    let avoid = rng.chance(50);
    let walker = rng.pick(&[
        "ant", "robot", "mouse", "snail", "tourist", "courier", "spider", "cyclist", "beetle", "turtle", "postman",
        "knight",
    ]);
    let spot = rng.pick(&[
        "a puddle",
        "a café",
        "a fountain",
        "a lamp",
        "a kiosk",
        "a statue",
        "a bench",
        "a tree",
        "a well",
        "a mailbox",
        "a ladder",
        "a gate",
    ]);
    Problem {
        setup: format!(
            "{} {walker} moves on the lines of a square grid from $(0,0)$ to $({w},{h})$, in each step one unit to the right or one unit up. At $({x},{y})$ there is {spot}.",
            if article(walker) == "an" { "An" } else { "A" }
        ),
        extras: vec![
            format!("Every such walk has exactly ${}$ steps, of which ${w}$ go to the right.", w + h),
            "Two walks are different if they differ in at least one step.".into(),
            format!(
                "The {walker} cannot leave the grid and never turns back, having no reason to take a longer way than necessary."
            ),
        ],
        question: if avoid {
            format!("How many different walks avoid {spot}?").replacen(" a ", " the ", 1)
        } else {
            format!("How many different walks pass {spot}?").replacen(" a ", " the ", 1)
        },
        answer: if avoid { routes(w, h) - through } else { through },
    }
}

pub(super) fn tilings(rng: &mut Rng) -> Problem {
    let (n, long) = (rng.range(7, 18), rng.range(2, 5));
    let (small, large, modulus) = (rng.range(2, 9), rng.range(2, 9), rng.range(50, 999));
    let mut ways = vec![1];
    for k in 1..=n as usize {
        let with_long = k.checked_sub(long as usize).map_or(0, |rest| ways[rest] * large);
        ways.push((ways[k - 1] * small + with_long) % modulus);
    }
    Problem {
        setup: format!("A strip of length ${n}$ and width $1$ is to be covered with tiles without gaps or overlaps. There are square tiles in ${small}$ colors and tiles of length ${long}$ in ${large}$ colors."),
        extras: vec![
            "There are as many tiles of each sort as are needed.".into(),
            "It is allowed to use only tiles of one sort.".into(),
            "The strip has a left end and a right end, so that a covering and its mirror image count as different, unless they look the same.".into(),
            format!("A strip of length $1$ can be covered in ${small}$ ways."),
        ],
        question: format!("What is the remainder when the number of ways to cover the strip is divided by ${modulus}$?"),
        answer: ways[n as usize] % modulus,
    }
}

pub(super) fn stars_and_bars(rng: &mut Rng) -> Problem {
    let (people, things, least) = (rng.range(3, 5), rng.range(12, 30), rng.range(0, 2));
    let free = things - people * least;
    let [a, b, c, d, e] = cast::<5>(rng).map(|person| person.name);
    let names = match people {
        3 => format!("{a}, {b}, and {c}"),
        4 => format!("{a}, {b}, {c}, and {d}"),
        _ => format!("{a}, {b}, {c}, {d}, and {e}"),
    };
    let what = rng.pick(&["coins", "apples", "stickers", "pencils", "cards", "walnuts"]);
    Problem {
        setup: format!(
            "{names} share ${things}$ identical {what} among themselves. Each of them gets at least ${least}$."
        ),
        extras: vec![
            format!("All of the {what} are given away, and none is cut into pieces."),
            "It matters who gets how many, but not in which order they are handed out.".into(),
            format!("Once everyone has the least number that is allowed, ${free}$ are left, which can go to anyone."),
        ],
        question: "In how many ways can this be done?".into(),
        answer: choose(free + people - 1, people - 1),
    }
}

pub(super) fn random_walk(rng: &mut Rng) -> Problem {
    let steps = rng.range(4, 10);
    let right = rng.range(0, steps);
    let (odds, start) = (rng.range(1, 4), rng.range(-150, 150));
    let end = start + 2 * right - steps;
    let all = (odds + 1).pow(steps as u32);
    let (question, answer) = fraction(choose(steps, right) * odds.pow(right as u32), all);
    let who = rng.pick(&[
        "A frog",
        "A robot",
        "A grasshopper",
        "A token",
        "A snail",
        "A crab",
        "A flea",
        "A chess piece",
        "A cricket",
        "A toy train",
        "A sparrow",
        "A toy car",
    ]);
    Problem {
        setup: format!(
            "{who} starts at ${start}$ on the number line. In each step it moves one unit to the right with probability $\\frac{{{odds}}}{{{}}}$ and otherwise one unit to the left, independently of all other steps.",
            odds + 1
        ),
        extras: vec![
            format!("After ${steps}$ steps it cannot be farther away from ${start}$ than ${steps}$ units."),
            "Positions to the left of $0$ are negative.".into(),
            "It may visit the same point several times.".into(),
            format!(
                "Each of the $2^{{{steps}}}$ possible sequences of moves leads to one point, but many of them lead to the same."
            ),
        ],
        question: format!("The probability that it is at ${end}$ after exactly ${steps}$ steps {question}"),
        answer,
    }
}

pub(super) fn no_neighbors(rng: &mut Rng) -> Problem {
    let n = rng.range(8, 32);
    let k = rng.range(3, (n + 1) / 2 - 1);
    let modulus = rng.range(100, 999);
    let (place, thing) = rng.pick(&[
        ("chairs in a row", "guests"),
        ("parking spaces in a line", "cars"),
        ("lockers along a wall", "students"),
        ("flower pots on a sill", "bulbs"),
        ("hooks on a rail", "coats"),
        ("seats on a long bench", "hikers"),
        ("stalls along a street", "dealers"),
        ("berths along a pier", "boats"),
        ("nests under a roof", "swallows"),
        ("beds along a path", "roses"),
        ("shelves one above the other", "vases"),
        ("cells in a row", "monks"),
    ]);
    Problem {
        setup: format!(
            "There are ${n}$ {place}. Exactly ${k}$ of them are to be taken by {thing}, in such a way that no two of the taken ones are next to each other."
        ),
        extras: vec![
            format!("It does not matter which of the {thing} takes which of the chosen places."),
            "The two places at the ends have only one neighbor each.".into(),
            "At least one place is thus left free between any two that are taken, and there may be more.".into(),
            "Places that are not taken remain empty.".into(),
        ],
        question: format!(
            "If $N$ is the number of ways in which the places can be chosen, what is the remainder when $N$ is divided by ${modulus}$?"
        ),
        answer: choose(n - k + 1, k) % modulus,
    }
}
