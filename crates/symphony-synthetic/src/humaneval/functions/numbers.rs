//! Functions of integers: divisors, primes, digits, sequences.

use super::super::super::prng::Rng;
use super::super::value::Value;
use super::Function;

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn is_prime(n: i64) -> bool {
    n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0)
}

fn digits_in_base(mut n: i64, base: i64) -> String {
    let mut digits = Vec::new();
    while n > 0 || digits.is_empty() {
        digits.push(b'0' + (n % base) as u8);
        n /= base;
    }
    digits.iter().rev().map(|&digit| char::from(digit)).collect()
}

/// A number up to 100 or up to 10,000.
fn some_number(rng: &mut Rng) -> Vec<Value> {
    let high = rng.pick(&[100, 1000, 10_000]);
    vec![Value::Int(rng.range(1, high))]
}

const N: &[(&str, &str)] = &[("n", "int")];

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "digit_power_sum",
        k: (1, 4),
        parameters: N,
        returns: "int",
        doc: "Return the sum of the decimal digits of the positive integer n, each raised to the power of {k}.",
        notes: &[
            "The exponent is the same for all digits.",
            "For a number with a single digit the result is just that digit raised to the power of {k}.",
        ],
        body: "    return sum(int(digit) ** {k} for digit in str(n))\n",
        arguments: some_number,
        evaluate: |a, k| Value::Int(a[0].int().to_string().bytes().map(|d| i64::from(d - b'0').pow(k as u32)).sum()),
    },
    Function {
        name: "count_primes",
        k: (0, 0),
        parameters: N,
        returns: "int",
        doc: "Return how many prime numbers are less than n.",
        notes: &[
            "A prime number is an integer greater than 1 whose only positive divisors are 1 and itself.",
            "The number n itself is not counted, even if it is prime.",
        ],
        body: "    count = 0\n    for candidate in range(2, n):\n        if all(candidate % d for d in range(2, int(candidate ** 0.5) + 1)):\n            count += 1\n    return count\n",
        arguments: |rng| vec![Value::Int(rng.range(0, 400))],
        evaluate: |a, _| Value::Int((2..a[0].int()).filter(|&n| is_prime(n)).count() as i64),
    },
    Function {
        name: "collatz_steps",
        k: (0, 0),
        parameters: N,
        returns: "int",
        doc: "Count how many steps it takes to come from the positive integer n to 1, if an even number is halved in a step and an odd number is replaced by three times itself plus one.",
        notes: &[
            "For n = 1 no step is needed, so the result is 0.",
            "You may assume that 1 is always reached, which has never been proved but holds for all numbers that anyone has tried.",
        ],
        body: "    steps = 0\n    while n != 1:\n        n = n // 2 if n % 2 == 0 else 3 * n + 1\n        steps += 1\n    return steps\n",
        arguments: some_number,
        evaluate: |a, _| {
            let (mut n, mut steps) = (a[0].int(), 0);
            while n != 1 {
                n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
                steps += 1;
            }
            Value::Int(steps)
        },
    },
    Function {
        name: "in_base",
        k: (2, 9),
        parameters: N,
        returns: "str",
        doc: "Write the integer n, which is not negative, in base {k}, and return the digits as a string.",
        notes: &[
            "There are no leading zeros, except that zero itself is written as '0'.",
            "In base {k} only the digits less than {k} are used.",
        ],
        body: "    if n == 0:\n        return '0'\n    digits = ''\n    while n > 0:\n        digits = str(n % {k}) + digits\n        n //= {k}\n    return digits\n",
        arguments: some_number,
        evaluate: |a, k| Value::Text(digits_in_base(a[0].int(), k)),
    },
    Function {
        name: "count_divisors",
        k: (0, 0),
        parameters: N,
        returns: "int",
        doc: "Return the number of positive divisors of the positive integer n.",
        notes: &[
            "Both 1 and n itself are divisors of n.",
            "A square number is the only kind of number that has an odd number of divisors.",
        ],
        body: "    return sum(1 for d in range(1, n + 1) if n % d == 0)\n",
        arguments: |rng| vec![Value::Int(rng.range(1, 900))],
        evaluate: |a, _| {
            let n = a[0].int();
            Value::Int(
                (1..).take_while(|d| d * d <= n).filter(|d| n % d == 0).map(|d| if d * d == n { 1 } else { 2 }).sum(),
            )
        },
    },
    Function {
        name: "is_power",
        k: (2, 7),
        parameters: N,
        returns: "bool",
        doc: "Return True if the positive integer n is a power of {k}, and False otherwise.",
        notes: &[
            "The number 1 is a power of {k}, because it is {k} to the power of 0.",
            "No floating point numbers should be used, as they are not exact for large n.",
        ],
        body: "    while n % {k} == 0:\n        n //= {k}\n    return n == 1\n",
        arguments: |rng| {
            let (base, exponent) = (rng.range(2, 7), rng.range(0, 6));
            vec![Value::Int(base.pow(exponent as u32) + rng.pick(&[0, 0, 0, 1, 6]))]
        },
        evaluate: |a, k| {
            let mut n = a[0].int();
            while n % k == 0 {
                n /= k;
            }
            Value::Bool(n == 1)
        },
    },
    Function {
        name: "sum_of_multiples",
        k: (3, 9),
        parameters: N,
        returns: "int",
        doc: "Return the sum of all positive integers below n that are multiples of 2 or of {k}.",
        notes: &[
            "A number that is a multiple of both is added only once.",
            "If there is no such number, the sum is 0.",
        ],
        body: "    return sum(x for x in range(1, n) if x % 2 == 0 or x % {k} == 0)\n",
        arguments: |rng| vec![Value::Int(rng.range(0, 300))],
        evaluate: |a, k| Value::Int((1..a[0].int()).filter(|x| x % 2 == 0 || x % k == 0).sum()),
    },
    Function {
        name: "digits_reversed_plus",
        k: (0, 20),
        parameters: N,
        returns: "int",
        doc: "Reverse the decimal digits of the positive integer n, add {k} to the number that you get, and return the sum.",
        notes: &[
            "Zeros at the end of n disappear when it is reversed.",
            "The reversal comes first, the addition after it.",
        ],
        body: "    return int(str(n)[::-1]) + {k}\n",
        arguments: some_number,
        evaluate: |a, k| {
            let (mut n, mut out) = (a[0].int(), 0);
            while n > 0 {
                out = out * 10 + n % 10;
                n /= 10;
            }
            Value::Int(out + k)
        },
    },
    Function {
        name: "count_digit",
        k: (0, 9),
        parameters: N,
        returns: "int",
        doc: "Count how often the digit {k} is written when all integers from 1 to n are written down in decimal.",
        notes: &[
            "A digit that occurs several times in one number counts each time.",
            "If n is 0, nothing is written down.",
        ],
        body: "    return sum(str(x).count('{k}') for x in range(1, n + 1))\n",
        arguments: |rng| vec![Value::Int(rng.range(0, 250))],
        evaluate: |a, k| {
            let mut count = 0;
            for mut x in 1..=a[0].int() {
                while x > 0 {
                    count += i64::from(x % 10 == k);
                    x /= 10;
                }
            }
            Value::Int(count)
        },
    },
    Function {
        name: "fibonacci_like",
        k: (2, 12),
        parameters: N,
        returns: "int",
        doc: "A sequence starts with 1 and {k}, and every further term is the sum of the two terms before it. Return its n-th term, where n starts from 0.",
        notes: &[
            "The term with the index 0 is 1, and the term with the index 1 is {k}.",
            "With recursion alone this would take very long for large n, so a loop is the better way.",
        ],
        body: "    a, b = 1, {k}\n    for _ in range(n):\n        a, b = b, a + b\n    return a\n",
        arguments: |rng| vec![Value::Int(rng.range(0, 60))],
        evaluate: |a, k| {
            let (mut x, mut y) = (1, k);
            for _ in 0..a[0].int() {
                (x, y) = (y, x + y);
            }
            Value::Int(x)
        },
    },
    Function {
        name: "nearest_multiple",
        k: (3, 25),
        parameters: N,
        returns: "int",
        doc: "Return the multiple of {k} that is closest to the integer n. If two multiples are equally close, return the larger one.",
        notes: &[
            "Zero is a multiple of {k}, and so are the negative multiples.",
            "If n is itself a multiple of {k}, it is returned unchanged.",
        ],
        body: "    low = n // {k} * {k}\n    return low if n - low < low + {k} - n else low + {k}\n",
        arguments: |rng| vec![Value::Int(rng.range(-300, 600))],
        evaluate: |a, k| {
            let n = a[0].int();
            let low = n.div_euclid(k) * k;
            Value::Int(if n - low < low + k - n { low } else { low + k })
        },
    },
    Function {
        name: "prime_factors",
        k: (0, 0),
        parameters: N,
        returns: "List[int]",
        doc: "Return the list of prime factors of the positive integer n in ascending order, each as often as it divides n.",
        notes: &["The product of the returned numbers is n.", "For n = 1 the list is empty."],
        body: "    factors = []\n    d = 2\n    while n > 1:\n        while n % d == 0:\n            factors.append(d)\n            n //= d\n        d += 1\n    return factors\n",
        arguments: |rng| vec![Value::Int(rng.range(1, 1500))],
        evaluate: |a, _| {
            let (mut n, mut d, mut out) = (a[0].int(), 2, Vec::new());
            while n > 1 {
                while n % d == 0 {
                    out.push(d);
                    n /= d;
                }
                d += 1;
            }
            Value::Ints(out)
        },
    },
    Function {
        name: "count_ones",
        k: (0, 9),
        parameters: N,
        returns: "int",
        doc: "Return how many ones the binary representation of n + {k} has, where n is not negative.",
        notes: &[
            "For example, the binary representation of eleven is 1011, which has three ones.",
            "Zero has no ones.",
        ],
        body: "    return bin(n + {k}).count('1')\n",
        arguments: some_number,
        evaluate: |a, k| Value::Int(i64::from((a[0].int() + k).count_ones())),
    },
    Function {
        name: "common_divisor_sum",
        k: (0, 0),
        parameters: &[("a", "int"), ("b", "int")],
        returns: "int",
        doc: "Return the sum of the greatest common divisor and the least common multiple of two positive integers.",
        notes: &[
            "If the two numbers are equal, the result is twice that number.",
            "The product of the two is always the same as the product of a and b.",
        ],
        body: "    x, y = a, b\n    while y:\n        x, y = y, x % y\n    return x + a * b // x\n",
        arguments: |rng| {
            let mut n = || Value::Int(rng.range(1, 120));
            vec![n(), n()]
        },
        evaluate: |a, _| {
            let (a, b) = (a[0].int(), a[1].int());
            let g = gcd(a, b);
            Value::Int(g + a * b / g)
        },
    },
    Function {
        name: "fewest_coins",
        k: (6, 14),
        parameters: &[("amount", "int")],
        returns: "int",
        doc: "There are coins of 1, 5 and {k}, as many of each as one likes. Return the smallest number of coins that add up to the amount.",
        notes: &[
            "For the amount 0 no coin is needed.",
            "Taking the largest coin that fits is not always best, so all possibilities have to be compared.",
        ],
        body: "    best = [0]\n    for total in range(1, amount + 1):\n        best.append(1 + min(best[total - coin] for coin in (1, 5, {k}) if coin <= total))\n    return best[amount]\n",
        arguments: |rng| vec![Value::Int(rng.range(0, 90))],
        evaluate: |a, k| {
            let n = a[0].int();
            Value::Int(
                (0..=n / k)
                    .map(|big| {
                        let rest = n - big * k;
                        big + rest / 5 + rest % 5
                    })
                    .min()
                    .unwrap_or(0),
            )
        },
    },
    Function {
        name: "triangle_kind",
        k: (0, 0),
        parameters: &[("a", "int"), ("b", "int"), ("c", "int")],
        returns: "str",
        doc: "Given the lengths of three sides, return 'none' if they cannot form a triangle, and otherwise 'equilateral', 'isosceles' or 'scalene'.",
        notes: &[
            "Three sides form a triangle if each of them is shorter than the other two together.",
            "An equilateral triangle has three equal sides, an isosceles one exactly two, and a scalene one has three different sides.",
        ],
        body: "    if a + b <= c or a + c <= b or b + c <= a:\n        return 'none'\n    return {1: 'equilateral', 2: 'isosceles', 3: 'scalene'}[len({a, b, c})]\n",
        arguments: |rng| {
            let mut side = || Value::Int(rng.range(1, 9));
            vec![side(), side(), side()]
        },
        evaluate: |v, _| {
            let (a, b, c) = (v[0].int(), v[1].int(), v[2].int());
            Value::Text(String::from(if a + b <= c || a + c <= b || b + c <= a {
                "none"
            } else if a == b && b == c {
                "equilateral"
            } else if a == b || b == c || a == c {
                "isosceles"
            } else {
                "scalene"
            }))
        },
    },
];
