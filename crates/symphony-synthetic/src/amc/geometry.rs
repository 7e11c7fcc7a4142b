//! Lengths, areas and points.

use super::super::prng::Rng;
use super::{Problem, fraction, gcd};

/// Names of three corners.
const CORNERS: [[&str; 3]; 8] = [
    ["A", "B", "C"],
    ["D", "E", "F"],
    ["P", "Q", "R"],
    ["X", "Y", "Z"],
    ["K", "L", "M"],
    ["R", "S", "T"],
    ["U", "V", "W"],
    ["F", "G", "H"],
];

pub(super) fn rectangle(rng: &mut Rng) -> Problem {
    let (width, more) = (rng.range(3, 150), rng.range(1, 90));
    let length = width + more;
    let thing = rng.pick(&[
        "garden",
        "field",
        "floor",
        "meadow",
        "swimming pool",
        "parking lot",
        "yard",
        "roof",
        "pasture",
        "court",
        "hall",
        "vineyard",
    ]);
    let unit = rng.pick(&["feet", "meters", "yards", "paces"]);
    let area = rng.chance(60);
    Problem {
        setup: format!(
            "A rectangular {thing} is ${more}$ {unit} longer than it is wide, and its perimeter is ${}$ {unit}.",
            2 * (width + length)
        ),
        extras: vec![
            "The perimeter is the total length of the four sides.".into(),
            "Both side lengths turn out to be integers.".into(),
        ],
        question: if area {
            format!("What is the area of the {thing} in square {unit}?")
        } else {
            format!("What is the square of the length of its diagonal, in square {unit}?")
        },
        answer: if area { width * length } else { width * width + length * length },
    }
}

pub(super) fn right_triangle(rng: &mut Rng) -> Problem {
    let (a, b) = (rng.range(1, 150) * 2, rng.range(3, 300));
    let [p, q, r] = rng.pick(&CORNERS);
    let (what, answer) = match rng.below(3) {
        0 => (format!("the area of triangle ${p}{q}{r}$"), a * b / 2),
        1 => (format!("${p}{q}^2$"), a * a + b * b),
        // The median to the hypotenuse is half as long as the hypotenuse.
        _ => (
            format!("the square of the length of the median to side $\\overline{{{p}{q}}}$, multiplied by $4$"),
            a * a + b * b,
        ),
    };
    Problem {
        setup: format!("In triangle ${p}{q}{r}$, the angle at ${r}$ is a right angle, ${q}{r}={a}$, and ${p}{r}={b}$."),
        extras: Vec::new(),
        question: format!("What is {what}?"),
        answer,
    }
}

pub(super) fn chord(rng: &mut Rng) -> Problem {
    let radius = rng.range(8, 400);
    let distance = rng.range(1, radius - 1);
    let [p, q, center] = rng.pick(&CORNERS);
    let square = 4 * (radius * radius - distance * distance);
    let (question, answer) = if rng.chance(50) {
        (format!("What is ${p}{q}^2$?"), square)
    } else {
        (format!("What is the area of a square one of whose sides is $\\overline{{{p}{q}}}$?"), square)
    };
    Problem {
        setup: format!(
            "A chord $\\overline{{{p}{q}}}$ of a circle with radius ${radius}$ and center ${center}$ lies at a distance of ${distance}$ from ${center}$."
        ),
        extras: vec![
            "A chord is a segment whose endpoints lie on the circle.".into(),
            "The distance is measured along the perpendicular from the center to the chord.".into(),
            format!("The longest possible chord of this circle has length ${}$.", 2 * radius),
        ],
        question,
        answer,
    }
}

pub(super) fn lattice_points(rng: &mut Rng) -> Problem {
    let (x, y) = (rng.range(-20, 20), rng.range(-20, 20));
    let scale = rng.range(1, 12);
    let (dx, dy) = (rng.range(1, 20) * scale, rng.range(1, 20) * scale);
    Problem {
        setup: format!(
            "In the coordinate plane, a segment has the endpoints $({x},{y})$ and $({},{})$.",
            x + dx,
            y + dy
        ),
        extras: vec![
            "A lattice point is a point whose coordinates are both integers.".into(),
            "The endpoints of a segment belong to it.".into(),
            "The points need not be at the corners of squares that the segment cuts in half.".into(),
        ],
        question: "How many points with integer coordinates lie on the segment, endpoints included?".into(),
        answer: gcd(dx, dy) + 1,
    }
}

pub(super) fn triangle_height(rng: &mut Rng) -> Problem {
    let (a, b) = (rng.range(2, 500), rng.range(2, 500));
    let [p, q, r] = rng.pick(&CORNERS);
    let (question, answer) = fraction(a * a * b * b, a * a + b * b);
    Problem {
        setup: format!("In triangle ${p}{q}{r}$, the angle at ${r}$ is a right angle, ${q}{r}={a}$, and ${p}{r}={b}$."),
        extras: vec![
            format!(
                "The altitude from ${r}$ is the segment from ${r}$ to line ${p}{q}$ that is perpendicular to this line."
            ),
            format!("The square of the hypotenuse is ${}$.", a * a + b * b),
        ],
        question: format!("The square of the length of the altitude from ${r}$ {question}"),
        answer,
    }
}

/// Areas cut off by two cevians, by mass points: the area of the triangle around their crossing is a fraction.
pub(super) fn cevians(rng: &mut Rng) -> Problem {
    // Ratios in lowest terms.
    let mut ratio = || loop {
        let (x, y) = (rng.range(1, 12), rng.range(1, 12));
        if gcd(x, y) == 1 {
            break (x, y);
        }
    };
    let ((bd, dc), (ae, ec)) = (ratio(), ratio());
    // Masses that balance at D and E, and so at P; each is the share of the triangle on the other side of P.
    let (a, b, c) = (bd * ec, dc * ae, bd * ae);
    let total = a + b + c;
    let area = total * rng.range(1, 30);
    let (which, share) = rng.pick(&[("ABP", c), ("BCP", a), ("CAP", b)]);
    let p = rng.pick(&["P", "X", "M", "T"]);
    let (name, whole) = (which.replace('P', p), "ABC");
    Problem {
        setup: format!(
            "In triangle ${whole}$, point $D$ lies on side $\\overline{{BC}}$ with $BD:DC={bd}:{dc}$, and point $E$ lies on side $\\overline{{AC}}$ with $AE:EC={ae}:{ec}$. Segments $\\overline{{AD}}$ and $\\overline{{BE}}$ meet at ${p}$."
        ),
        extras: vec![
            format!("Neither of the two segments is a side of the triangle, so that ${p}$ lies inside of it."),
            "The shape of the triangle is not given, and the answer does not depend on it.".into(),
            format!(
                "The segments from ${p}$ to the corners cut the triangle into three parts, whose areas add up to ${area}$."
            ),
        ],
        question: format!("If the area of triangle ${whole}$ is ${area}$, what is the area of triangle ${name}$?"),
        answer: area / total * share,
    }
}
