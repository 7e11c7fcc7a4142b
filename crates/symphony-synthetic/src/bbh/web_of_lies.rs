//! A chain of people, each of whom says whether the one before tells the truth. Does the last one?

use super::super::people::cast;
use super::{Draw, yes_no};

pub(super) fn write(draw: &mut Draw, text: &mut String) -> &'static str {
    let rng = &mut draw.rng;
    let people = cast::<6>(rng);
    let length = if rng.chance(20) { 4 } else { 5 } + usize::from(rng.chance(15));
    let mut honest = rng.chance(50);
    text.push_str("Question: ");
    text.push_str(people[0].name);
    text.push_str(if honest { " tells the truth." } else { " lies." });
    for pair in people[..length].windows(2) {
        let claims_honest = rng.chance(50);
        for part in [" ", pair[1].name, " says ", pair[0].name] {
            text.push_str(part);
        }
        text.push_str(if claims_honest { " tells the truth." } else { " lies." });
        honest = claims_honest == honest;
    }
    text.push_str(" Does ");
    text.push_str(people[length - 1].name);
    text.push_str(" tell the truth?");
    yes_no(honest)
}
