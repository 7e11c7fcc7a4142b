//! Steps and turns on a plane: do they lead back to the start? Half of the walks are made to.

use super::super::text::push_int;
use super::{Draw, YES_NO_OPTIONS, yes_no};

const SIDES: [(&str, (i64, i64)); 4] =
    [("forward", (0, 1)), ("right", (1, 0)), ("backward", (0, -1)), ("left", (-1, 0))];
const HEADINGS: [(i64, i64); 4] = [(0, 1), (1, 0), (0, -1), (-1, 0)];
const TURNS: [(&str, usize); 3] = [("Turn right. ", 1), ("Turn around. ", 2), ("Turn left. ", 3)];

pub(super) fn write(draw: &mut Draw, text: &mut String) -> &'static str {
    let rng = &mut draw.rng;
    text.push_str("If you follow these instructions, do you return to the starting point? ");
    let moves = rng.range(5, 7);
    let home = rng.chance(45);
    let mut at = (0, 0);
    if rng.chance(45) {
        text.push_str("Always face forward. ");
        for _ in 0..moves - if home { 2 } else { 0 } {
            let side = rng.below(4);
            side_step(text, &mut at, side, rng.range(1, 10));
        }
        if home {
            let (x, y) = at;
            side_step(text, &mut at, if x > 0 { 3 } else { 1 }, x.abs());
            side_step(text, &mut at, if y > 0 { 2 } else { 0 }, y.abs());
        }
    } else {
        let mut heading = 0;
        for number in 0..moves {
            if number > 0 && rng.chance(50) {
                turn(text, &mut heading, rng.below(3));
            }
            ahead(text, &mut at, heading, rng.range(1, 10));
        }
        if home {
            // Walk back along one axis, then along the other.
            for (distance, back) in [(at.0, if at.0 > 0 { 3 } else { 1 }), (at.1, if at.1 > 0 { 2 } else { 0 })] {
                if distance != 0 {
                    let by = (back + 4 - heading) % 4;
                    if by > 0 {
                        turn(text, &mut heading, by - 1);
                    }
                    ahead(text, &mut at, heading, distance.abs());
                }
            }
        }
    }
    text.truncate(text.trim_end().len());
    text.push_str(YES_NO_OPTIONS);
    yes_no(at == (0, 0))
}

fn turn(text: &mut String, heading: &mut usize, which: usize) {
    let (words, by) = TURNS[which];
    text.push_str(words);
    *heading = (*heading + by) % 4;
}

fn steps(text: &mut String, at: &mut (i64, i64), n: i64, (dx, dy): (i64, i64)) {
    text.push_str("Take ");
    push_int(text, n);
    text.push_str(if n == 1 { " step" } else { " steps" });
    *at = (at.0 + n * dx, at.1 + n * dy);
}

fn ahead(text: &mut String, at: &mut (i64, i64), heading: usize, n: i64) {
    steps(text, at, n, HEADINGS[heading]);
    text.push_str(". ");
}

fn side_step(text: &mut String, at: &mut (i64, i64), side: usize, n: i64) {
    if n > 0 {
        steps(text, at, n, SIDES[side].1);
        text.push(' ');
        text.push_str(SIDES[side].0);
        text.push_str(". ");
    }
}
