//! Functions of lists and strings that are not pipelines: pairs of lists, brackets, runs, subsequences.

use super::super::super::prng::Rng;
use super::super::super::text::push_int;
use super::super::value::{Value, random_ints, random_word};
use super::Function;

fn numbers(v: Vec<i64>) -> Value {
    Value::Ints(v)
}

/// Two lists of the same length.
fn paired(rng: &mut Rng) -> Vec<Value> {
    let length = rng.range(0, 6);
    let mut list = || Value::Ints((0..length).map(|_| rng.range(-9, 15)).collect());
    vec![list(), list()]
}

const TWO_LISTS: &[(&str, &str)] = &[("first", "List[int]"), ("second", "List[int]")];
const ONE_LIST: &[(&str, &str)] = &[("numbers", "List[int]")];
const TEXT: &[(&str, &str)] = &[("text", "str")];
const TWO_TEXTS: &[(&str, &str)] = &[("first", "str"), ("second", "str")];

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "dot_product",
        k: (0, 0),
        parameters: TWO_LISTS,
        returns: "int",
        doc: "Multiply the numbers of two lists of the same length pair by pair, and return the sum of the products.",
        notes: &[
            "For two empty lists the result is 0.",
            "The first number of one list belongs to the first number of the other, and so on.",
        ],
        body: "    return sum(a * b for a, b in zip(first, second))\n",
        arguments: paired,
        evaluate: |a, _| Value::Int(a[0].ints().iter().zip(a[1].ints()).map(|(x, y)| x * y).sum()),
    },
    Function {
        name: "larger_of_each",
        k: (0, 0),
        parameters: TWO_LISTS,
        returns: "List[int]",
        doc: "Compare two lists of the same length place by place, and return the list of the larger number of each pair.",
        notes: &[
            "Where both numbers are equal, that number is taken.",
            "The result is as long as each of the two lists.",
        ],
        body: "    return [max(a, b) for a, b in zip(first, second)]\n",
        arguments: paired,
        evaluate: |a, _| numbers(a[0].ints().iter().zip(a[1].ints()).map(|(x, y)| *x.max(y)).collect()),
    },
    Function {
        name: "interleave",
        k: (0, 0),
        parameters: TWO_LISTS,
        returns: "List[int]",
        doc: "Merge two lists by taking numbers from them in turn, starting with the first list. When one of them is used up, the rest of the other follows.",
        notes: &[
            "The lists may have different lengths, and either of them may be empty.",
            "No number is lost: the result is as long as both lists together.",
        ],
        body: "    result = []\n    for i in range(max(len(first), len(second))):\n        result += first[i:i + 1] + second[i:i + 1]\n    return result\n",
        arguments: |rng| vec![numbers(random_ints(rng)), numbers(random_ints(rng))],
        evaluate: |a, _| {
            let (x, y) = (a[0].ints(), a[1].ints());
            numbers((0..x.len().max(y.len())).flat_map(|i| x.get(i).into_iter().chain(y.get(i))).copied().collect())
        },
    },
    Function {
        name: "common_elements",
        k: (0, 0),
        parameters: TWO_LISTS,
        returns: "List[int]",
        doc: "Return the numbers that occur in both lists, sorted in ascending order and without repetitions.",
        notes: &[
            "If the lists have nothing in common, the result is an empty list.",
            "How often a number occurs in one of the lists does not matter.",
        ],
        body: "    return sorted(set(first) & set(second))\n",
        arguments: |rng| {
            let mut list = || numbers((0..rng.range(0, 8)).map(|_| rng.range(0, 12)).collect());
            vec![list(), list()]
        },
        evaluate: |a, _| {
            let mut out: Vec<i64> = a[0].ints().iter().copied().filter(|x| a[1].ints().contains(x)).collect();
            out.sort_unstable();
            out.dedup();
            numbers(out)
        },
    },
    Function {
        name: "all_below",
        k: (0, 0),
        parameters: &[("numbers", "List[int]"), ("limit", "int")],
        returns: "bool",
        doc: "Return True if every number of the list is less than the limit, and False otherwise.",
        notes: &["A number that equals the limit is not less than it.", "For an empty list the answer is True."],
        body: "    return all(x < limit for x in numbers)\n",
        arguments: |rng| vec![numbers(random_ints(rng)), Value::Int(rng.range(0, 60))],
        evaluate: |a, _| Value::Bool(a[0].ints().iter().all(|&x| x < a[1].int())),
    },
    Function {
        name: "pairs_with_sum",
        k: (0, 0),
        parameters: &[("numbers", "List[int]"), ("target", "int")],
        returns: "int",
        doc: "Count the pairs of different positions in the list whose numbers add up to the target.",
        notes: &[
            "A pair is counted once, not once for each order of its positions.",
            "The same number may stand at both positions, as long as the positions differ.",
        ],
        body: "    count = 0\n    for i in range(len(numbers)):\n        for j in range(i + 1, len(numbers)):\n            if numbers[i] + numbers[j] == target:\n                count += 1\n    return count\n",
        arguments: |rng| {
            vec![numbers((0..rng.range(0, 9)).map(|_| rng.range(-2, 9)).collect()), Value::Int(rng.range(2, 12))]
        },
        evaluate: |a, _| {
            let v = a[0].ints();
            Value::Int(
                (0..v.len()).map(|i| v[i + 1..].iter().filter(|&&y| v[i] + y == a[1].int()).count() as i64).sum(),
            )
        },
    },
    Function {
        name: "rotate",
        k: (0, 0),
        parameters: &[("numbers", "List[int]"), ("steps", "int")],
        returns: "List[int]",
        doc: "Rotate the list to the left by the given number of steps: in each step the first number moves to the end.",
        notes: &[
            "After as many steps as the list has numbers, it looks as it did at first.",
            "An empty list stays empty.",
        ],
        body: "    if not numbers:\n        return []\n    steps %= len(numbers)\n    return numbers[steps:] + numbers[:steps]\n",
        arguments: |rng| vec![numbers(random_ints(rng)), Value::Int(rng.range(0, 12))],
        evaluate: |a, _| {
            let mut v = a[0].ints().to_vec();
            let by = a[1].int() as usize % v.len().max(1);
            v.rotate_left(by);
            numbers(v)
        },
    },
    Function {
        name: "is_balanced",
        k: (0, 0),
        parameters: TEXT,
        returns: "bool",
        doc: "The text consists of round brackets only. Return True if every opening bracket is closed later and no bracket is closed before it was opened.",
        notes: &[
            "An empty text is balanced.",
            "It is not enough that there are as many opening brackets as closing ones; their order matters as well.",
        ],
        body: "    depth = 0\n    for c in text:\n        depth += 1 if c == '(' else -1\n        if depth < 0:\n            return False\n    return depth == 0\n",
        arguments: |rng| {
            vec![Value::Text(if rng.chance(40) {
                let n = rng.range(1, 4) as usize;
                ["(".repeat(n), ")".repeat(n), "()".repeat(rng.below(4)), "(())".repeat(rng.below(3))].concat()
            } else {
                random_word(rng, "()", 0, 12)
            })]
        },
        evaluate: |a, _| {
            let mut depth = 0;
            let mut fine = true;
            for c in a[0].text().bytes() {
                depth += if c == b'(' { 1 } else { -1 };
                fine &= depth >= 0;
            }
            Value::Bool(fine && depth == 0)
        },
    },
    Function {
        name: "run_lengths",
        k: (0, 0),
        parameters: TEXT,
        returns: "str",
        doc: "Compress the text: replace every run of equal characters by the character followed by the length of the run.",
        notes: &["A character that stands alone is followed by a 1.", "An empty text gives an empty string."],
        body: "    result = ''\n    i = 0\n    while i < len(text):\n        j = i\n        while j < len(text) and text[j] == text[i]:\n            j += 1\n        result += text[i] + str(j - i)\n        i = j\n    return result\n",
        arguments: |rng| vec![Value::Text(random_word(rng, "aaabbc", 0, 14))],
        evaluate: |a, _| {
            let mut out = String::new();
            for run in a[0].text().as_bytes().chunk_by(|x, y| x == y) {
                out.push(char::from(run[0]));
                push_int(&mut out, run.len() as i64);
            }
            Value::Text(out)
        },
    },
    Function {
        name: "differing_places",
        k: (0, 0),
        parameters: TWO_TEXTS,
        returns: "int",
        doc: "Count the places at which two strings of the same length have different characters.",
        notes: &[
            "For equal strings the result is 0.",
            "This number is known as the Hamming distance of the two strings.",
        ],
        body: "    return sum(a != b for a, b in zip(first, second))\n",
        arguments: |rng| {
            let n = rng.range(0, 10);
            let mut word = || Value::Text(random_word(rng, "abcd", n, n));
            vec![word(), word()]
        },
        evaluate: |a, _| Value::Int(a[0].text().bytes().zip(a[1].text().bytes()).filter(|(x, y)| x != y).count() as i64),
    },
    Function {
        name: "is_rearrangement",
        k: (0, 0),
        parameters: TWO_TEXTS,
        returns: "bool",
        doc: "Return True if the second string can be made by putting the characters of the first one into another order, and False otherwise.",
        notes: &[
            "Every character has to be used exactly as often as it occurs.",
            "Two equal strings count as rearrangements of each other.",
        ],
        body: "    return sorted(first) == sorted(second)\n",
        arguments: |rng| {
            let word = random_word(rng, "abcdeo", 1, 8);
            let mut other: Vec<char> = word.chars().collect();
            rng.shuffle(&mut other);
            if rng.chance(40) {
                other[0] = 'e';
            }
            vec![Value::Text(word), Value::Text(other.into_iter().collect())]
        },
        evaluate: |a, _| {
            let sorted = |v: &Value| {
                let mut bytes = v.text().as_bytes().to_vec();
                bytes.sort_unstable();
                bytes
            };
            Value::Bool(sorted(&a[0]) == sorted(&a[1]))
        },
    },
    Function {
        name: "longest_increasing",
        k: (0, 0),
        parameters: ONE_LIST,
        returns: "int",
        doc: "Return the length of the longest strictly increasing subsequence of the list. The numbers of a subsequence keep their order but need not be neighbors.",
        notes: &[
            "For an empty list the result is 0.",
            "Equal numbers cannot both belong to a strictly increasing subsequence.",
        ],
        body: "    best = []\n    for i, x in enumerate(numbers):\n        best.append(1 + max((best[j] for j in range(i) if numbers[j] < x), default=0))\n    return max(best, default=0)\n",
        arguments: |rng| vec![numbers(random_ints(rng))],
        evaluate: |a, _| {
            let v = a[0].ints();
            let mut best: Vec<i64> = Vec::new();
            for (i, x) in v.iter().enumerate() {
                let longest = (0..i).filter(|&j| v[j] < *x).map(|j| best[j]).max().unwrap_or(0);
                best.push(1 + longest);
            }
            Value::Int(best.into_iter().max().unwrap_or(0))
        },
    },
    Function {
        name: "largest_block_sum",
        k: (0, 0),
        parameters: ONE_LIST,
        returns: "int",
        doc: "Return the largest sum that a block of neighboring numbers of the list can have. The empty block, whose sum is 0, is allowed.",
        notes: &[
            "If all numbers are negative, the best block is therefore the empty one.",
            "A block may consist of a single number or of the whole list.",
        ],
        body: "    best = current = 0\n    for x in numbers:\n        current = max(0, current + x)\n        best = max(best, current)\n    return best\n",
        arguments: |rng| vec![numbers(random_ints(rng))],
        evaluate: |a, _| {
            let (mut best, mut current) = (0, 0);
            for x in a[0].ints() {
                current = (current + x).max(0);
                best = best.max(current);
            }
            Value::Int(best)
        },
    },
    Function {
        name: "below_zero_at",
        k: (0, 40),
        parameters: &[("changes", "List[int]")],
        returns: "int",
        doc: "A water tank holds {k} liters at first, and the list tells how the amount changes, one number a day. Return the index of the first day after which the balance would be below zero, or -1 if that never happens.",
        notes: &[
            "Positive numbers are rain, negative ones are water that is taken out.",
            "The days are counted from 0, as the indices of a list are.",
        ],
        body: "    balance = {k}\n    for day, change in enumerate(changes):\n        balance += change\n        if balance < 0:\n            return day\n    return -1\n",
        arguments: |rng| vec![numbers(random_ints(rng))],
        evaluate: |a, k| {
            let mut balance = k;
            for (day, change) in a[0].ints().iter().enumerate() {
                balance += change;
                if balance < 0 {
                    return Value::Int(day as i64);
                }
            }
            Value::Int(-1)
        },
    },
];
