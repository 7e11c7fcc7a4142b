//! Pipelines over lists of integers: up to three steps, then one result.

use super::pipeline::{Kind, Reducer, Step};
use super::value::{Value, random_ints};

fn kept(v: &[i64], keep: impl Fn(i64) -> bool) -> Vec<i64> {
    v.iter().copied().filter(|&x| keep(x)).collect()
}

fn mapped(v: &[i64], map: impl Fn(i64) -> i64) -> Vec<i64> {
    v.iter().map(|&x| map(x)).collect()
}

fn scanned(v: &[i64], step: impl Fn(i64, i64) -> i64) -> Vec<i64> {
    let mut out: Vec<i64> = Vec::with_capacity(v.len());
    for &x in v {
        out.push(out.last().map_or(x, |&last| step(last, x)));
    }
    out
}

fn sorted(v: &[i64]) -> Vec<i64> {
    let mut out = v.to_vec();
    out.sort_unstable();
    out
}

fn unique(v: &[i64]) -> Vec<i64> {
    let mut out = Vec::with_capacity(v.len());
    for x in v {
        if !out.contains(x) {
            out.push(*x);
        }
    }
    out
}

const STEPS: &[Step<Vec<i64>>] = &[
    Step {
        name: "even",
        k: (0, 0),
        doc: "keep only the even numbers",
        code: "[x for x in {v} if x % 2 == 0]",
        note: "Zero counts as even.",
        apply: |v, _| kept(v, |x| x % 2 == 0),
    },
    Step {
        name: "odd",
        k: (0, 0),
        doc: "keep only the odd numbers",
        code: "[x for x in {v} if x % 2 == 1]",
        note: "Negative numbers such as -3 can be odd as well.",
        apply: |v, _| kept(v, |x| x % 2 != 0),
    },
    Step {
        name: "positive",
        k: (0, 0),
        doc: "keep only the positive numbers",
        code: "[x for x in {v} if x > 0]",
        note: "Zero is not positive, so it is dropped.",
        apply: |v, _| kept(v, |x| x > 0),
    },
    Step {
        name: "negative",
        k: (0, 0),
        doc: "keep only the negative numbers",
        code: "[x for x in {v} if x < 0]",
        note: "Zero is not negative, so it is dropped.",
        apply: |v, _| kept(v, |x| x < 0),
    },
    Step {
        name: "nonzero",
        k: (0, 0),
        doc: "remove all zeros",
        code: "[x for x in {v} if x != 0]",
        note: "All numbers other than zero stay in their places relative to each other.",
        apply: |v, _| kept(v, |x| x != 0),
    },
    Step {
        name: "multiples",
        k: (2, 7),
        doc: "keep only the multiples of {k}",
        code: "[x for x in {v} if x % {k} == 0]",
        note: "Zero is a multiple of every number.",
        apply: |v, k| kept(v, |x| x % k == 0),
    },
    Step {
        name: "indivisible",
        k: (2, 7),
        doc: "remove the multiples of {k}",
        code: "[x for x in {v} if x % {k} != 0]",
        note: "A number that leaves a remainder when it is divided by {k} stays.",
        apply: |v, k| kept(v, |x| x % k != 0),
    },
    Step {
        name: "above",
        k: (-5, 25),
        doc: "keep only the numbers greater than {k}",
        code: "[x for x in {v} if x > {k}]",
        note: "A number that is exactly {k} is not greater than {k}.",
        apply: |v, k| kept(v, |x| x > k),
    },
    Step {
        name: "below",
        k: (3, 40),
        doc: "keep only the numbers less than {k}",
        code: "[x for x in {v} if x < {k}]",
        note: "A number that is exactly {k} is not less than {k}.",
        apply: |v, k| kept(v, |x| x < k),
    },
    Step {
        name: "near_zero",
        k: (3, 20),
        doc: "keep only the numbers whose distance from zero is at most {k}",
        code: "[x for x in {v} if abs(x) <= {k}]",
        note: "Both {k} and its negative are still within this distance.",
        apply: |v, k| kept(v, |x| x.abs() <= k),
    },
    Step {
        name: "two_digit",
        k: (0, 0),
        doc: "keep only the numbers with exactly two digits",
        code: "[x for x in {v} if 10 <= abs(x) <= 99]",
        note: "A sign is not a digit, so -17 has two digits.",
        apply: |v, _| kept(v, |x| (10..=99).contains(&x.abs())),
    },
    Step {
        name: "squared",
        k: (0, 0),
        doc: "square every number",
        code: "[x * x for x in {v}]",
        note: "The square of a negative number is positive.",
        apply: |v, _| mapped(v, |x| x * x),
    },
    Step {
        name: "doubled",
        k: (0, 0),
        doc: "double every number",
        code: "[2 * x for x in {v}]",
        note: "Doubling leaves zero as it is.",
        apply: |v, _| mapped(v, |x| 2 * x),
    },
    Step {
        name: "negated",
        k: (0, 0),
        doc: "change the sign of every number",
        code: "[-x for x in {v}]",
        note: "Positive numbers become negative and the other way round.",
        apply: |v, _| mapped(v, |x| -x),
    },
    Step {
        name: "absolute",
        k: (0, 0),
        doc: "replace every number by its absolute value",
        code: "[abs(x) for x in {v}]",
        note: "The absolute value of a number is its distance from zero.",
        apply: |v, _| mapped(v, i64::abs),
    },
    Step {
        name: "raised",
        k: (1, 12),
        doc: "add {k} to every number",
        code: "[x + {k} for x in {v}]",
        note: "The amount that is added is the same for all numbers.",
        apply: |v, k| mapped(v, |x| x + k),
    },
    Step {
        name: "lowered",
        k: (1, 12),
        doc: "subtract {k} from every number",
        code: "[x - {k} for x in {v}]",
        note: "Numbers may become negative by this.",
        apply: |v, k| mapped(v, |x| x - k),
    },
    Step {
        name: "scaled",
        k: (3, 10),
        doc: "multiply every number by {k}",
        code: "[x * {k} for x in {v}]",
        note: "The sign of a number is not changed by this.",
        apply: |v, k| mapped(v, |x| x * k),
    },
    Step {
        name: "remainders",
        k: (2, 11),
        doc: "replace every number by its remainder modulo {k}",
        code: "[x % {k} for x in {v}]",
        note: "As always in Python, the remainder is between 0 and {k} - 1, even for negative numbers.",
        apply: |v, k| mapped(v, |x| x.rem_euclid(k)),
    },
    Step {
        name: "halved",
        k: (0, 0),
        doc: "halve every number, rounding down",
        code: "[x // 2 for x in {v}]",
        note: "Rounding down means towards minus infinity, so -3 becomes -2.",
        apply: |v, _| mapped(v, |x| x.div_euclid(2)),
    },
    Step {
        name: "capped",
        k: (5, 30),
        doc: "replace every number greater than {k} by {k}",
        code: "[min(x, {k}) for x in {v}]",
        note: "Numbers up to {k} stay as they are.",
        apply: |v, k| mapped(v, |x| x.min(k)),
    },
    Step {
        name: "digit_sums",
        k: (0, 0),
        doc: "replace every number by the sum of its decimal digits",
        code: "[sum(int(d) for d in str(abs(x))) for x in {v}]",
        note: "The sign of a number is ignored when its digits are added up.",
        apply: |v, _| mapped(v, super::functions::digit_sum),
    },
    Step {
        name: "sorted",
        k: (0, 0),
        doc: "sort the numbers in ascending order",
        code: "sorted({v})",
        note: "Equal numbers stay next to each other.",
        apply: |v, _| sorted(v),
    },
    Step {
        name: "descending",
        k: (0, 0),
        doc: "sort the numbers in descending order",
        code: "sorted({v}, reverse=True)",
        note: "The largest number comes first.",
        apply: |v, _| sorted(v).into_iter().rev().collect(),
    },
    Step {
        name: "reversed",
        k: (0, 0),
        doc: "reverse the order of the numbers",
        code: "{v}[::-1]",
        note: "The last number becomes the first one.",
        apply: |v, _| v.iter().rev().copied().collect(),
    },
    Step {
        name: "distinct",
        k: (0, 0),
        doc: "remove repeated numbers, keeping the first occurrence of each",
        code: "list(dict.fromkeys({v}))",
        note: "The order of first occurrences is preserved.",
        apply: |v, _| unique(v),
    },
    Step {
        name: "running_total",
        k: (0, 0),
        doc: "replace every number by the sum of all numbers up to and including it",
        code: "[sum({v}[:i + 1]) for i in range(len({v}))]",
        note: "The last of these sums is the total of all numbers.",
        apply: |v, _| scanned(v, |a, b| a + b),
    },
    Step {
        name: "running_max",
        k: (0, 0),
        doc: "replace every number by the largest number seen so far",
        code: "[max({v}[:i + 1]) for i in range(len({v}))]",
        note: "The resulting numbers never decrease.",
        apply: |v, _| scanned(v, i64::max),
    },
    Step {
        name: "differences",
        k: (0, 0),
        doc: "replace the list by the differences between neighbors, each number minus the one before it",
        code: "[b - a for a, b in zip({v}, {v}[1:])]",
        note: "There is one difference fewer than there are numbers.",
        apply: |v, _| v.windows(2).map(|pair| pair[1] - pair[0]).collect(),
    },
    Step {
        name: "first_few",
        k: (2, 5),
        doc: "keep only the first {k} numbers",
        code: "{v}[:{k}]",
        note: "If there are fewer than {k}, all of them are kept.",
        apply: |v, k| v.iter().copied().take(k as usize).collect(),
    },
    Step {
        name: "tail",
        k: (1, 3),
        doc: "drop the first {k} of the numbers",
        code: "{v}[{k}:]",
        note: "If there are no more than {k}, nothing remains.",
        apply: |v, k| v.iter().copied().skip(k as usize).collect(),
    },
    Step {
        name: "alternate",
        k: (0, 0),
        doc: "keep only every second number, starting with the first",
        code: "{v}[::2]",
        note: "These are the numbers at the indices 0, 2, 4 and so on.",
        apply: |v, _| v.iter().copied().step_by(2).collect(),
    },
];

const REDUCERS: &[Reducer<Vec<i64>>] = &[
    Reducer {
        name: "transform",
        returns: "List[int]",
        doc: "the resulting list",
        code: "{v}",
        note: "A new list is returned; the list that was passed in is not changed.",
        apply: |v| Value::Ints(v.clone()),
    },
    Reducer {
        name: "select",
        returns: "List[int]",
        doc: "a list of what remains",
        code: "list({v})",
        note: "The result may be an empty list.",
        apply: |v| Value::Ints(v.clone()),
    },
    Reducer {
        name: "sum",
        returns: "int",
        doc: "the sum of the result",
        code: "sum({v})",
        note: "The sum of an empty list is 0.",
        apply: |v| Value::Int(v.iter().sum()),
    },
    Reducer {
        name: "count",
        returns: "int",
        doc: "how many numbers there are in the end",
        code: "len({v})",
        note: "For an empty list the result is 0.",
        apply: |v| Value::Int(v.len() as i64),
    },
    Reducer {
        name: "largest",
        returns: "int",
        doc: "the largest of the numbers, or 0 if there are none",
        code: "max({v}, default=0)",
        note: "If the largest number occurs more than once, that makes no difference.",
        apply: |v| Value::Int(v.iter().copied().max().unwrap_or(0)),
    },
    Reducer {
        name: "smallest",
        returns: "int",
        doc: "the smallest of the numbers, or 0 if there are none",
        code: "min({v}, default=0)",
        note: "If the smallest number occurs more than once, that makes no difference.",
        apply: |v| Value::Int(v.iter().copied().min().unwrap_or(0)),
    },
    Reducer {
        name: "spread",
        returns: "int",
        doc: "the difference between the largest and the smallest number, or 0 if there are no numbers",
        code: "max({v}) - min({v}) if {v} else 0",
        note: "With a single number the difference is 0.",
        apply: |v| Value::Int(v.iter().max().map_or(0, |max| max - v.iter().min().unwrap_or(max))),
    },
    Reducer {
        name: "last",
        returns: "int",
        doc: "the last of the numbers, or -1 if there are none",
        code: "{v}[-1] if {v} else -1",
        note: "A result of -1 can therefore mean two different things, which is accepted here.",
        apply: |v| Value::Int(v.last().copied().unwrap_or(-1)),
    },
    Reducer {
        name: "first",
        returns: "int",
        doc: "the first of the numbers, or -1 if there are none",
        code: "{v}[0] if {v} else -1",
        note: "A result of -1 can therefore mean two different things, which is accepted here.",
        apply: |v| Value::Int(v.first().copied().unwrap_or(-1)),
    },
    Reducer {
        name: "count_different",
        returns: "int",
        doc: "how many different numbers there are in the end",
        code: "len(set({v}))",
        note: "Numbers that occur several times are counted once.",
        apply: |v| Value::Int(unique(v).len() as i64),
    },
    Reducer {
        name: "alternating_sum",
        returns: "int",
        doc: "the alternating sum of the result (first minus second plus third and so on)",
        code: "sum({v}[::2]) - sum({v}[1::2])",
        note: "The alternating sum of an empty list is 0.",
        apply: |v| Value::Int(v.iter().enumerate().map(|(n, x)| if n % 2 == 0 { *x } else { -x }).sum()),
    },
    Reducer {
        name: "average",
        returns: "int",
        doc: "the average of the result, rounded down, or 0 if nothing remains",
        code: "sum({v}) // len({v}) if {v} else 0",
        note: "Rounding down means towards minus infinity.",
        apply: |v| Value::Int(if v.is_empty() { 0 } else { v.iter().sum::<i64>().div_euclid(v.len() as i64) }),
    },
    Reducer {
        name: "is_increasing",
        returns: "bool",
        doc: "whether every number of the result is greater than the one before it",
        code: "all(a < b for a, b in zip({v}, {v}[1:]))",
        note: "An empty list and a list with a single number count as increasing.",
        apply: |v| Value::Bool(v.windows(2).all(|p| p[0] < p[1])),
    },
    Reducer {
        name: "has_repeats",
        returns: "bool",
        doc: "whether any number occurs more than once in the result",
        code: "len({v}) != len(set({v}))",
        note: "An empty list has no repeated numbers.",
        apply: |v| Value::Bool(unique(v).len() != v.len()),
    },
    Reducer {
        name: "sum_is_even",
        returns: "bool",
        doc: "whether the sum of the result is even",
        code: "sum({v}) % 2 == 0",
        note: "The sum of an empty list is 0, which is even.",
        apply: |v| Value::Bool(v.iter().sum::<i64>() % 2 == 0),
    },
];

const OPENINGS: &[&str] = &[
    "Given a list of integers,",
    "Take a list of integers,",
    "You are given a list of integers. From it,",
    "For a list of integers,",
    "For the given list,",
    "Starting from a list of integers,",
];
const PARAMETERS: &[&str] = &["numbers", "values", "nums", "data", "items", "lst", "sequence", "entries"];
const CONTEXTS: &[&str] = &[
    "The numbers come from a weather station that writes down how far the temperature has moved since the last reading.",
    "Each number is the change of a bank balance in whole dollars, in the order in which the changes were booked.",
    "Think of the numbers as the points that a player wins or loses in the rounds of a game, in the order of play.",
    "The list holds the readings of a sensor that now and then fails, in which case it does not report anything at all.",
    "In the application that needs this function, the numbers are the positions of markers on a ruler whose zero is in the middle.",
    "The numbers can be read as the floors at which an elevator stops, with the ground floor being zero.",
    "The numbers stand for stock movements in a small warehouse, where a delivery is positive and a sale is negative.",
    "A teacher uses this function to check the results of a puzzle, so it has to work for short lists and for long ones.",
];
const GENERAL: &[&str] = &[
    "The list may be empty.",
    "You may assume that all elements are integers.",
    "The list that is passed in must not be modified.",
    "The steps are to be carried out in the order in which they are named here, each on the result of the one before.",
    "The function has to give the same result every time it is called with the same list, and it prints nothing.",
];

/// Pipelines over lists.
pub(super) static LISTS: Kind<Vec<i64>> = Kind {
    python: "List[int]",
    steps: STEPS,
    reducers: REDUCERS,
    max_steps: 3,
    openings: OPENINGS,
    parameters: PARAMETERS,
    contexts: CONTEXTS,
    general: GENERAL,
    random: random_ints,
    wrap: Value::Ints,
    unwrap: |value| value.ints().to_vec(),
};
