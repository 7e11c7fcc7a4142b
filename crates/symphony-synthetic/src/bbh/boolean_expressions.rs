//! `not ( True and False ) or True is`: an expression of True and False with not, and, or and parentheses.

use super::super::prng::Rng;
use super::Draw;

pub(super) fn write(draw: &mut Draw, text: &mut String) -> &'static str {
    let terms = [4, 5, 5, 5, 6][draw.rng.below(5)];
    let value = expression(&mut draw.rng, text, terms, true);
    text.push_str(" is");
    if value { "True" } else { "False" }
}

/// Appends `term op term …` and returns its value: `not` binds before `and`, `and` before `or`.
fn expression(rng: &mut Rng, text: &mut String, terms: usize, may_nest: bool) -> bool {
    let (mut any, mut all, mut left) = (false, true, terms);
    loop {
        let nots = [0, 0, 1, 1, 1, 2][rng.below(6)];
        for _ in 0..nots {
            text.push_str("not ");
        }
        let plain = if may_nest && rng.chance(30) {
            let inside = if left > 1 { 1 + rng.below(2) } else { 1 };
            left -= inside;
            text.push_str("( ");
            let value = expression(rng, text, inside, false);
            text.push_str(" )");
            value
        } else {
            left -= 1;
            let value = rng.chance(50);
            text.push_str(if value { "True" } else { "False" });
            value
        };
        all &= plain ^ (nots % 2 == 1);
        if left == 0 {
            return any || all;
        }
        let or = rng.chance(50);
        if or {
            any |= all;
            all = true;
        }
        text.push_str(if or { " or " } else { " and " });
    }
}
