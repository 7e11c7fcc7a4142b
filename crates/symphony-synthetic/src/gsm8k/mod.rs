//! Stands in for GSM8K: word problems of two to nine steps, each step a sentence of the story and a line of the
//! worked answer with its calculator annotation.
//!
//! A story is a walk over a theme's operations. The running quantity starts as one thing (trays), may turn into
//! others (rolls, then dollars), and every operation is chosen so that it stays a whole number of sensible size.

mod themes;

use super::Generator;
use super::people::{Person, cast};
use super::prng::Rng;
use super::text::{capitalize_at, fill, json_string, push_int};
use themes::{ASK_CASH, CASH_OPS, GROUPS, Kind, Op, Theme, Variants};

pub(super) struct Gsm8k;

/// Steps per story, in percent of the stories: two steps, three, and so on.
const STEPS_PERCENT: [usize; 8] = [24, 29, 22, 13, 7, 3, 1, 1];
/// Connectives ("so", "then" …) per answer, in percent: none, one, and so on.
const CONNECTIVES_PERCENT: [usize; 4] = [39, 45, 11, 5];
const LAST_CONNECTIVES: [&str; 5] = ["So ", "Therefore, ", "Finally, ", "So ", "So in the end "];
const MIDDLE_CONNECTIVES: [&str; 3] = ["Then ", "Next, ", "Then "];
const MAX_STEPS: usize = 9;
/// No running quantity grows beyond this.
const LIMIT: i64 = 20_000;

/// One step as drawn: the operation, its number, and the quantity before and after.
#[derive(Clone, Copy)]
struct Step {
    op: &'static Op,
    k: i64,
    before: i64,
    after: i64,
}

/// What the slots of a sentence stand for.
struct Scene {
    /// The story's person, or, in a chain of comparisons, all the people in order.
    people: [Person; MAX_STEPS + 1],
    /// Whether each step brings the next person on stage.
    chain: bool,
    item: &'static str,
    first: i64,
}

impl Scene {
    fn write(&self, out: &mut String, template: &str, at: usize, step: Option<&Step>) {
        let (now, previous) =
            if self.chain { (self.people[at], self.people[at.max(1) - 1]) } else { (self.people[0], self.people[1]) };
        let (k, before, after) = step.map_or((0, self.first, self.first), |s| (s.k, s.before, s.after));
        fill(out, template, |out, slot| match slot {
            "k" => push_int(out, k),
            "v" => push_int(out, before),
            "r" => push_int(out, after),
            "x" => out.push_str(self.item),
            "N" => out.push_str(now.name),
            // The friend of a story, or the person before this one in a chain.
            "F" => out.push_str(previous.name),
            "A" => out.push_str(self.people[0].name),
            "=" | "$=" => {
                if let Some(step) = step {
                    push_calculation(out, step, slot == "$=");
                }
            }
            _ => out.push_str(now.pronoun(slot).unwrap_or(slot)),
        });
    }
}

/// `48 / 2 = <<48/2=24>>24`, with a dollar sign before the result where it is money.
fn push_calculation(out: &mut String, step: &Step, money: bool) {
    push_expression(out, step, " ");
    out.push_str(if money { " = $<<" } else { " = <<" });
    push_expression(out, step, "");
    out.push('=');
    push_int(out, step.after);
    out.push_str(">>");
    push_int(out, step.after);
}

fn push_expression(out: &mut String, step: &Step, space: &str) {
    let operator = |out: &mut String, sign: &str, n: i64| {
        for part in [space, sign, space] {
            out.push_str(part);
        }
        push_int(out, n);
    };
    push_int(out, step.before);
    match step.op.kind {
        Kind::Add => operator(out, "+", step.k),
        Kind::Subtract => operator(out, "-", step.k),
        Kind::Multiply => operator(out, "*", step.k),
        Kind::Divide => operator(out, "/", step.k),
        Kind::AddTimes => {
            operator(out, "+", step.before);
            operator(out, "*", step.k);
        }
        Kind::SubtractShare => {
            operator(out, "-", step.before);
            operator(out, "/", step.k);
        }
    }
}

/// A number with which `op` can follow `before`, and the result; `None` if there is no sensible one.
fn try_op(rng: &mut Rng, op: &Op, before: i64) -> Option<(i64, i64)> {
    let k = rng.stepped(op.low, op.high, op.step);
    let (k, after) = match op.kind {
        Kind::Add => (k, before + k),
        // A subtraction leaves at least a fifth, so that the story can continue.
        Kind::Subtract => {
            let most = before * 4 / 5;
            let k = if k > most { op.low + (most - op.low).max(0) / op.step * op.step } else { k };
            (k <= most).then_some((k, before - k))?
        }
        Kind::Multiply => (k, before * k),
        Kind::AddTimes => (k, before + before * k),
        Kind::Divide | Kind::SubtractShare => {
            let span = op.high - op.low + 1;
            let k = (0..span).map(|j| op.low + (k - op.low + j) % span).find(|k| before % k == 0 && before > *k)?;
            (k, if op.kind == Kind::Divide { before / k } else { before - before / k })
        }
    };
    (after > 1 && after <= LIMIT).then_some((k, after))
}

/// The operations of a theme, followed by those that all themes share.
fn op_at(theme: &'static Theme, j: usize) -> &'static Op {
    theme.ops.get(j).unwrap_or_else(|| &CASH_OPS[j - theme.ops.len()])
}

/// Draws the steps of a story; it ends early only if no operation of the theme is left that fits.
fn draw_steps(
    rng: &mut Rng,
    theme: &'static Theme,
    first: i64,
    phase: &mut usize,
    steps: &mut [Option<Step>],
) -> usize {
    let (mut value, mut used, mut n) = (first, 0u32, 0);
    while n < steps.len() {
        let count = theme.ops.len() + CASH_OPS.len();
        let start = rng.below(count);
        let found = (0..count).map(|j| (start + j) % count).find_map(|j| {
            let op = op_at(theme, j);
            let free = op.from == *phase && (theme.chain || used & (1 << j) == 0);
            if free { try_op(rng, op, value).map(|drawn| (j, drawn)) } else { None }
        });
        let Some((j, (k, after))) = found else { break };
        let op = op_at(theme, j);
        steps[n] = Some(Step { op, k, before: value, after });
        (value, *phase, used) = (after, op.to, used | (1 << j));
        n += 1;
    }
    n
}

/// Draws an index with the given chances in percent (the last one takes what is missing to 100).
fn weighted(rng: &mut Rng, percent: &[usize]) -> usize {
    let mut u = rng.below(100);
    for (index, &share) in percent.iter().enumerate() {
        if u < share {
            return index;
        }
        u -= share;
    }
    percent.len() - 1
}

impl Generator for Gsm8k {
    fn name(&self) -> &'static str {
        "gsm8k"
    }

    fn real_rows(&self) -> u64 {
        1319
    }

    fn configs(&self) -> &'static [&'static str] {
        &[]
    }

    fn write_row(&self, _config: &str, seed: u64, i: u64, out: &mut String) {
        let mut rng = Rng::for_row("gsm8k", seed, i);
        let mut number = rng.below(GROUPS.iter().map(|group| group.len()).sum());
        let mut theme = GROUPS[0][0];
        for group in GROUPS {
            if let Some(found) = group.get(number) {
                theme = found;
                break;
            }
            number -= group.len();
        }
        let start = &theme.starts[rng.below(theme.starts.len())];
        let first = rng.stepped(start.low, start.high, start.step);
        let mut people = [Person { name: "", she: false }; MAX_STEPS + 1];
        if theme.chain {
            people = cast(&mut rng);
        } else {
            people[..2].copy_from_slice(&cast::<2>(&mut rng));
        }
        let scene = Scene { people, chain: theme.chain, item: rng.pick(theme.items), first };

        let mut steps = [None; MAX_STEPS];
        let wanted = 2 + weighted(&mut rng, &STEPS_PERCENT);
        let mut phase = start.phase;
        let n = draw_steps(&mut rng, theme, first, &mut phase, &mut steps[..wanted]);
        let drawn = &steps[..n];

        out.push_str("{\"question\": ");
        json_string(out, |out| {
            let sentence = |out: &mut String, rng: &mut Rng, template: Variants, at, step| {
                let begin = out.len();
                scene.write(out, rng.pick(template), at, step);
                capitalize_at(out, begin);
            };
            sentence(out, &mut rng, start.text, 0, None);
            for (at, step) in drawn.iter().flatten().enumerate() {
                out.push(' ');
                sentence(out, &mut rng, step.op.story, at + 1, Some(step));
            }
            out.push(' ');
            sentence(out, &mut rng, theme.asks.get(phase).copied().unwrap_or(ASK_CASH), n, None);
        });
        out.push_str(", \"answer\": ");
        json_string(out, |out| write_answer(out, &mut rng, &scene, drawn, first));
        out.push('}');
    }
}

/// One line per step, some of them opened by a connective, then the `####` line.
fn write_answer(out: &mut String, rng: &mut Rng, scene: &Scene, steps: &[Option<Step>], first: i64) {
    // Connectives go to the last lines: the first line has nothing to follow from.
    let connectives = weighted(rng, &CONNECTIVES_PERCENT);
    let mut result = first;
    for (at, step) in steps.iter().flatten().enumerate() {
        let to_come = steps.len() - 1 - at;
        let begin = out.len();
        if at > 0 && to_come < connectives {
            out.push_str(match to_come {
                0 => rng.pick(&LAST_CONNECTIVES),
                1 => rng.pick(&MIDDLE_CONNECTIVES),
                2 => "After that, ",
                _ => "",
            });
            // The three commonest connectives are one keyword each; a fourth would need a fourth kind of line.
        }
        scene.write(out, rng.pick(step.op.answer), at + 1, Some(step));
        capitalize_at(out, begin);
        out.push_str(".\n");
        result = step.after;
    }
    out.push_str("#### ");
    push_int(out, result);
}
