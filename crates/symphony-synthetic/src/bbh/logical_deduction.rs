//! Three objects in an order that two statements fix. Which option is true?

use super::super::text::{article, capitalize_at};
use super::{Draw, LETTERS, lettered_options};

/// A kind of row: its objects, and the words for its places and comparisons.
struct Setting {
    opening: &'static str,
    /// The noun after each object's distinguishing word, with its space; empty where the object is a noun itself.
    noun: &'static str,
    things: &'static [&'static str],
    /// The names of the three places, from the first to the last.
    places: [&'static str; 3],
    /// "X … Y" when X stands earlier, and when X stands later.
    earlier: &'static str,
    later: &'static str,
    /// The article before a thing ("the "), or nothing before names.
    the: &'static str,
}

const COLORS: &[&str] = &[
    "red",
    "blue",
    "green",
    "yellow",
    "orange",
    "white",
    "black",
    "gray",
    "purple",
    "brown",
    "silver",
    "turquoise",
    "pink",
    "ivory",
];
const PEOPLE: &[&str] = &[
    "Ana", "Bob", "Cleo", "Dan", "Eve", "Gus", "Ida", "Joe", "Kim", "Lou", "Mel", "Ned", "Oli", "Pam", "Rob", "Sue",
    "Ted", "Uma",
];
const LINE: [&str; 3] = ["the leftmost", "the second from the left", "the rightmost"];

const SETTINGS: [Setting; 11] = [
    Setting {
        opening: "Three books stand side by side on a windowsill",
        noun: " book",
        things: COLORS,
        places: LINE,
        earlier: "stands to the left of",
        later: "stands to the right of",
        the: "the ",
    },
    Setting {
        opening: "Three cups are lined up on a kitchen shelf",
        noun: " cup",
        things: COLORS,
        places: LINE,
        earlier: "is to the left of",
        later: "is to the right of",
        the: "the ",
    },
    Setting {
        opening: "Three houses face a quiet street",
        noun: " house",
        things: COLORS,
        places: LINE,
        earlier: "is farther left than",
        later: "is farther right than",
        the: "the ",
    },
    Setting {
        opening: "Three birds sit on a wire",
        noun: "",
        places: LINE,
        earlier: "is to the left of",
        later: "is to the right of",
        the: "the ",
        things: &[
            "sparrow",
            "finch",
            "owl",
            "magpie",
            "starling",
            "heron",
            "wren",
            "kingfisher",
            "swallow",
            "jackdaw",
            "thrush",
            "cuckoo",
            "pigeon",
            "osprey",
        ],
    },
    Setting {
        opening: "A fruit stand sells three kinds of fruit",
        noun: "",
        places: ["the cheapest", "the second-cheapest", "the most expensive"],
        earlier: "cost less than",
        later: "cost more than",
        the: "the ",
        things: &[
            "apples", "oranges", "kiwis", "pears", "mangoes", "plums", "cherries", "peaches", "grapes", "bananas",
            "apricots", "melons", "figs", "lemons",
        ],
    },
    Setting {
        opening: "Three runners took part in the village race",
        noun: "",
        things: PEOPLE,
        places: ["first", "second", "last"],
        earlier: "finished before",
        later: "finished after",
        the: "",
    },
    Setting {
        opening: "Three golfers compared their results after the tournament",
        noun: "",
        things: PEOPLE,
        places: ["first", "second", "last"],
        earlier: "finished above",
        later: "finished below",
        the: "",
    },
    Setting {
        opening: "A museum of transport shows three vehicles",
        noun: "",
        places: ["the oldest", "the second-oldest", "the newest"],
        earlier: "is older than",
        later: "is newer than",
        the: "the ",
        things: &[
            "tractor",
            "tram",
            "bus",
            "truck",
            "scooter",
            "limousine",
            "carriage",
            "van",
            "ambulance",
            "bicycle",
            "fire engine",
            "sedan",
            "steamroller",
            "taxi",
        ],
    },
    Setting {
        opening: "Three trees of different height grow behind the school",
        noun: "",
        places: ["the tallest", "the second-tallest", "the shortest"],
        earlier: "is taller than",
        later: "is shorter than",
        the: "the ",
        things: &[
            "oak", "maple", "birch", "willow", "pine", "cedar", "elm", "ash", "chestnut", "poplar", "larch", "spruce",
            "beech", "alder",
        ],
    },
    Setting {
        opening: "Three boxes wait on the scale of a post office",
        noun: " box",
        things: COLORS,
        places: ["the lightest", "the second-lightest", "the heaviest"],
        earlier: "weighs less than",
        later: "weighs more than",
        the: "the ",
    },
    Setting {
        opening: "Three siblings blow out candles this week",
        noun: "",
        things: PEOPLE,
        places: ["the youngest", "the second-youngest", "the oldest"],
        earlier: "is younger than",
        later: "is older than",
        the: "",
    },
];

pub(super) fn write(draw: &mut Draw, text: &mut String) -> &'static str {
    let rng = &mut draw.rng;
    let setting = &SETTINGS[rng.below(SETTINGS.len())];
    let listed = rng.distinct::<3>(setting.things.len()).map(|t| setting.things[t]);
    // order[p] is the listed object in place p.
    let mut order = [0, 1, 2];
    rng.shuffle(&mut order);
    let plural = setting.earlier.starts_with("cost");
    let be = if setting.places[0] == "first" {
        " finished "
    } else if plural {
        " are "
    } else {
        " is "
    };

    let name = |text: &mut String, object: usize| {
        for part in [setting.the, listed[object], setting.noun] {
            text.push_str(part);
        }
    };
    text.push_str(
        "The following paragraphs each describe a set of three objects arranged in a fixed order. \
         The statements are logically consistent within each paragraph. ",
    );
    text.push_str(setting.opening);
    text.push_str(if setting.noun.is_empty() { ": " } else { ", each in a different color: " });
    for (object, before) in ["", ", ", ", and "].iter().enumerate() {
        text.push_str(before);
        if !plural && !setting.the.is_empty() {
            text.push_str(article(listed[object]));
            text.push(' ');
        }
        text.push_str(listed[object]);
        text.push_str(setting.noun);
    }
    text.push('.');

    let compare = |text: &mut String, first: usize, second: usize, swapped: bool| {
        let begin = text.len() + 1;
        text.push(' ');
        let (subject, verb, object) =
            if swapped { (second, setting.later, first) } else { (first, setting.earlier, second) };
        name(text, order[subject]);
        for part in [" ", verb, " "] {
            text.push_str(part);
        }
        name(text, order[object]);
        text.push('.');
        capitalize_at(text, begin);
    };
    let place = |text: &mut String, p: usize| {
        let begin = text.len() + 1;
        text.push(' ');
        name(text, order[p]);
        text.push_str(be);
        text.push_str(setting.places[p]);
        text.push('.');
        capitalize_at(text, begin);
    };
    // Two statements that leave one order: a chain of comparisons, a place and a comparison, or two places.
    match rng.below(3) {
        0 => {
            let pairs = if rng.chance(50) { [(0, 1), (1, 2)] } else { [(1, 2), (0, 1)] };
            for (first, second) in pairs {
                compare(text, first, second, rng.chance(50));
            }
        }
        1 => {
            let p = rng.below(3);
            let (first, second) = [(1, 2), (0, 2), (0, 1)][p];
            let swapped = rng.chance(50);
            if rng.chance(50) {
                place(text, p);
                compare(text, first, second, swapped);
            } else {
                compare(text, first, second, swapped);
                place(text, p);
            }
        }
        _ => {
            for p in rng.distinct::<2>(3) {
                place(text, p);
            }
        }
    }

    let asked = rng.below(3);
    lettered_options(text, 3, |text, option| {
        let begin = text.len();
        name(text, option);
        text.push_str(be);
        text.push_str(setting.places[asked]);
        capitalize_at(text, begin);
    });
    LETTERS[order[asked]]
}
