//! Three people swap what they have three times. Who has what in the end?

use super::super::people::cast;
use super::super::text::fill;
use super::{Draw, LETTERS, lettered_options};

struct Setting {
    /// `{0}` `{1}` `{2}`: the people; the three clauses are made of `holds`.
    opening: &'static str,
    holds: &'static str,
    then: &'static str,
    swap: &'static str,
    end: &'static str,
    things: [&'static str; 12],
}

const SETTINGS: [Setting; 6] = [
    Setting {
        opening: "{0}, {1}, and {2} meet once a month to lend each other novels. At the beginning of the evening, each of them brings one: ",
        holds: "{p} brings {t}",
        then: "While they talk, books change hands.",
        swap: "{p} and {q} exchange books",
        end: "When the evening is over, {p} has",
        things: [
            "Middlemarch",
            "Dracula",
            "The Trial",
            "Persuasion",
            "Ivanhoe",
            "Candide",
            "Walden",
            "Kim",
            "The Iliad",
            "Villette",
            "Emma",
            "Germinal",
        ],
    },
    Setting {
        opening: "{0}, {1}, and {2} are at a wedding. When the music starts, each of them is dancing with somebody: ",
        holds: "{p} is dancing with {t}",
        then: "During the waltz the dancers change partners several times.",
        swap: "{p} and {q} trade partners",
        end: "When the music stops, {p} is dancing with",
        things: [
            "Lola", "Rodrigo", "Patrick", "Melissa", "Karl", "Ophelia", "Jamie", "Sam", "Izzi", "Teodor", "Margot",
            "Fabian",
        ],
    },
    Setting {
        opening: "{0}, {1}, and {2} play in the same handball team. Before the match, each of them stands in one position: ",
        holds: "{p} is playing {t}",
        then: "As the match goes on, the trainer has them switch places.",
        swap: "{p} and {q} swap positions",
        end: "When the final whistle blows, {p} is playing",
        things: [
            "goalkeeper",
            "left wing",
            "right wing",
            "pivot",
            "left back",
            "right back",
            "center back",
            "sweeper",
            "libero",
            "defender",
            "left corner",
            "right corner",
        ],
    },
    Setting {
        opening: "{0}, {1}, and {2} hold a small party at which everybody brings a wrapped present. To begin with, each has one in a different paper: ",
        holds: "{p} holds a {t} present",
        then: "Then the presents are passed around.",
        swap: "{p} and {q} swap their presents",
        end: "When the wrapping comes off, {p} holds the",
        things: [
            "red present",
            "blue present",
            "green present",
            "white present",
            "striped present",
            "golden present",
            "purple present",
            "pink present",
            "black present",
            "yellow present",
            "brown present",
            "silver present",
        ],
    },
    Setting {
        opening: "{0}, {1}, and {2} juggle in a circus. At the start of their number, each of them has a ball of one color: ",
        holds: "{p} has the {t}",
        then: "Now the balls start to fly between them.",
        swap: "{p} and {q} throw their balls to each other",
        end: "At the end of the number, {p} has the",
        things: [
            "red ball",
            "blue ball",
            "green ball",
            "white ball",
            "orange ball",
            "gray ball",
            "purple ball",
            "pink ball",
            "black ball",
            "yellow ball",
            "brown ball",
            "silver ball",
        ],
    },
    Setting {
        opening: "{0}, {1}, and {2} share the watch on a ship at night. At eight o'clock, each of them is in one place: ",
        holds: "{p} is at the {t}",
        then: "To stay awake, they change places from time to time.",
        swap: "{p} and {q} trade places",
        end: "When the sun comes up, {p} is at the",
        things: [
            "bow", "stern", "helm", "mast", "radio", "anchor", "galley", "hatch", "railing", "winch", "bridge",
            "engine",
        ],
    },
];

const ORDINALS: [&str; 3] = ["First, ", " Then, ", " Finally, "];

pub(super) fn write(draw: &mut Draw, text: &mut String) -> &'static str {
    let rng = &mut draw.rng;
    let setting = &SETTINGS[rng.below(SETTINGS.len())];
    let people = cast::<3>(rng);
    let things = rng.distinct::<3>(setting.things.len()).map(|t| setting.things[t]);
    let phrase = |text: &mut String, template: &str, p: usize, q: usize| {
        fill(text, template, |text, slot| match slot {
            "0" | "1" | "2" => text.push_str(people[usize::from(slot.as_bytes()[0] - b'0')].name),
            "p" => text.push_str(people[p].name),
            "q" => text.push_str(people[q].name),
            // "a red present": the noun is part of the thing only where the template does not say it.
            _ if template.ends_with(" present") => text.push_str(things[p].trim_end_matches(" present")),
            _ => text.push_str(things[p]),
        });
    };
    phrase(text, setting.opening, 0, 0);
    for (person, end) in [", ", ", and ", ".\n"].iter().enumerate() {
        phrase(text, setting.holds, person, person);
        text.push_str(end);
    }
    text.push_str(setting.then);
    text.push(' ');
    let mut has = [0, 1, 2];
    let mut last = 3;
    for ordinal in ORDINALS {
        // The person who stays out of a swap takes part in the next, so the same two never swap back at once.
        let mut out = rng.below(3);
        if out == last {
            out = (out + 1) % 3;
        }
        last = out;
        let (mut p, mut q) = ((out + 1) % 3, (out + 2) % 3);
        if rng.chance(50) {
            (p, q) = (q, p);
        }
        text.push_str(ordinal);
        phrase(text, setting.swap, p, q);
        text.push('.');
        has.swap(p, q);
    }
    let asked = rng.below(3);
    text.push(' ');
    phrase(text, setting.end, asked, asked);
    lettered_options(text, 3, |text, option| text.push_str(things[option]));
    LETTERS[has[asked]]
}
