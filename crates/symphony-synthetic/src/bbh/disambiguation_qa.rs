//! Whom does a pronoun refer to? Each pattern says what the two people do and gives a reason that fits the first, the
//! second, or either of them.

use super::super::text::{capitalize_at, fill};
use super::{Draw, LETTERS, lettered_options};

const JOBS: [&str; 40] = [
    "baker",
    "mechanic",
    "teacher",
    "nurse",
    "lawyer",
    "farmer",
    "librarian",
    "designer",
    "auditor",
    "cashier",
    "engineer",
    "painter",
    "reporter",
    "driver",
    "gardener",
    "chemist",
    "translator",
    "florist",
    "surgeon",
    "carpenter",
    "pilot",
    "historian",
    "tailor",
    "plumber",
    "coach",
    "analyst",
    "clerk",
    "dentist",
    "sculptor",
    "guard",
    "waiter",
    "musician",
    "photographer",
    "programmer",
    "secretary",
    "butcher",
    "archivist",
    "surveyor",
    "veterinarian",
    "critic",
];
const PRONOUNS: [(&str, &str, &str); 3] = [("he", "him", "his"), ("she", "her", "her"), ("they", "them", "their")];
const WHEN: [&str; 24] = [
    "",
    "",
    "On Monday, ",
    "Last week, ",
    "After lunch, ",
    "During the break, ",
    "At the end of the day, ",
    "Before the holidays, ",
    "This morning, ",
    "In the lobby, ",
    "At the conference, ",
    "On the phone, ",
    "On Friday, ",
    "After the storm, ",
    "At the station, ",
    "In the spring, ",
    "Late at night, ",
    "On the train, ",
    "Before the meeting, ",
    "At the market, ",
    "Two days ago, ",
    "In the elevator, ",
    "After the holidays, ",
    "At the airport, ",
];

#[derive(Clone, Copy)]
enum Who {
    First,
    Second,
    Either,
}

/// What happens between `{a}` and `{b}`, and the clauses that may follow: the clause with its pronoun, the same as a
/// statement about one of them, and whom it fits. `{he}`, `{him}`, `{his}` follow the drawn pronoun.
struct Pattern {
    happening: &'static str,
    clauses: [(&'static str, &'static str, Who); 5],
}

use Who::{Either, First, Second};

const PATTERNS: [Pattern; 14] = [
    Pattern {
        happening: "the {a} asked the {b} for help because {he} ",
        clauses: [
            ("could not solve the problem alone", "could not solve the problem alone", First),
            ("was known for good advice", "was known for good advice", Second),
            ("did not know what to do", "did not know what to do", First),
            ("had solved the same problem before", "had solved the same problem before", Second),
            ("happened to be in the building", "happened to be in the building", Either),
        ],
    },
    Pattern {
        happening: "the {a} thanked the {b} because {he} ",
        clauses: [
            ("had been rescued", "had been rescued", First),
            ("had found the lost wallet and brought it back", "had found the lost wallet and brought it back", Second),
            ("felt grateful", "felt grateful", First),
            ("had been so generous", "had been so generous", Second),
            ("had received the parcel in time", "had received the parcel in time", First),
        ],
    },
    Pattern {
        happening: "the {a} apologized to the {b} because {he} ",
        clauses: [
            ("had broken the vase", "had broken the vase", First),
            ("regretted the harsh words", "regretted the harsh words", First),
            ("had been kept waiting for an hour", "had been kept waiting for an hour", Second),
            ("had arrived an hour late", "had arrived an hour late", First),
            ("had been treated unfairly", "had been treated unfairly", Second),
        ],
    },
    Pattern {
        happening: "the {a} hired the {b} because {he} ",
        clauses: [
            ("needed somebody for the job", "needed somebody for the job", First),
            ("had the best references", "had the best references", Second),
            ("had too much work for one person", "had too much work for one person", First),
            ("had applied with a convincing letter", "had applied with a convincing letter", Second),
            ("came from the same village", "came from the same village", Either),
        ],
    },
    Pattern {
        happening: "the {a} met with the {b}, and {he} ",
        clauses: [
            ("talked about the plans for the summer", "talked about the plans for the summer", Either),
            ("took a few notes", "took a few notes", Either),
            ("ordered a cup of tea", "ordered a cup of tea", Either),
            ("was in a good mood", "was in a good mood", Either),
            ("forgot an umbrella there", "forgot an umbrella there", Either),
        ],
    },
    Pattern {
        happening: "the {a} paid the {b} after {he} ",
        clauses: [
            ("had received the bill", "had received the bill", First),
            ("had sent the bill", "had sent the bill", Second),
            ("had finished the work as promised", "had finished the work as promised", Second),
            ("had checked the delivery and found it complete", "had checked the delivery and found it complete", First),
            ("came back from a vacation", "came back from a vacation", Either),
        ],
    },
    Pattern {
        happening: "the {a} could not hear the {b} because {he} ",
        clauses: [
            ("was wearing earplugs", "was wearing earplugs", First),
            ("was whispering", "was whispering", Second),
            ("spoke too softly", "spoke too softly", Second),
            ("had lost a hearing aid", "had lost a hearing aid", First),
            ("was standing too far away", "was standing too far away", Either),
        ],
    },
    Pattern {
        happening: "the {a} lent the {b} an umbrella because {he} ",
        clauses: [
            ("had left home without one", "had left home without one", Second),
            ("had two of them at hand", "had two of them at hand", First),
            ("did not want to get wet on the way home", "did not want to get wet on the way home", Second),
            ("liked to be of help", "liked to be of help", First),
            ("was a kind person", "was a kind person", First),
        ],
    },
    Pattern {
        happening: "the {a} followed the {b} because {he} ",
        clauses: [
            ("knew the way out", "knew the way out", Second),
            ("did not know the way out", "did not know the way out", First),
            ("wanted to see where the other one was going", "wanted to see where the other one was going", First),
            ("was carrying the only lantern", "was carrying the only lantern", Second),
            ("was told to go to the exit", "was told to go to the exit", Either),
        ],
    },
    Pattern {
        happening: "the {a} called the {b} and asked {him} ",
        clauses: [
            ("to come over at once", "was asked to come over", Second),
            ("for the address of a good restaurant", "was asked for an address", Second),
            ("whether the order had been sent", "was asked about the order", Second),
            ("to bring the keys", "was asked to bring the keys", Second),
            ("to wait until noon", "was asked to wait", Second),
        ],
    },
    Pattern {
        happening: "the {a} told the {b} that {he} ",
        clauses: [
            ("might have left the lights on", "might have left the lights on", Either),
            ("had won the first prize", "had won the first prize", Either),
            ("would be moved to another office", "would be moved to another office", Either),
            ("should take a day off", "should take a day off", Either),
            ("had been chosen as the speaker", "had been chosen as the speaker", Either),
        ],
    },
    Pattern {
        happening: "the {a} works next door to the {b}, and {his} ",
        clauses: [
            ("dog barks all day", "has a dog that barks all day", Either),
            ("car is parked in the yard", "has a car that is parked in the yard", Either),
            ("sign was put up last year", "has a sign that was put up last year", Either),
            ("office is being painted", "has an office that is being painted", Either),
            ("customers often ring the wrong bell", "has customers who often ring the wrong bell", Either),
        ],
    },
    Pattern {
        happening: "the {a} sent the {b} a letter because {he} ",
        clauses: [
            ("wanted to make a complaint", "wanted to make a complaint", First),
            ("did not answer the phone", "did not answer the phone", Second),
            ("had something important to say", "had something important to say", First),
            ("had moved and could not be visited any more", "had moved and could not be visited any more", Second),
            ("preferred paper to screens", "preferred paper to screens", Either),
        ],
    },
    Pattern {
        happening: "the {a} taught the {b} to swim although {he} ",
        clauses: [
            ("had never been in deep water before", "had never been in deep water before", Second),
            ("had no license to teach", "had no license to teach", First),
            ("was a slow learner", "was a slow learner", Second),
            ("was paid nothing for the lessons", "was paid nothing for the lessons", First),
            ("did not like cold water", "did not like cold water", Either),
        ],
    },
];

pub(super) fn write(draw: &mut Draw, text: &mut String) -> &'static str {
    let rng = &mut draw.rng;
    let pattern = &PATTERNS[rng.below(PATTERNS.len())];
    let (clause, finding, who) = rng.pick(&pattern.clauses);
    let [a, b] = rng.distinct::<2>(JOBS.len()).map(|job| JOBS[job]);
    // "They" does not go with "was".
    let (he, him, his) = PRONOUNS[rng.below(if clause.starts_with("was ") { 2 } else { 3 })];
    text.push_str(
        "In the following sentences, explain the antecedent of the pronoun (which thing the pronoun refers to), \
         or state that it is ambiguous.\nSentence: ",
    );
    let begin = text.len();
    if !pattern.happening.contains("next door") {
        text.push_str(rng.pick(&WHEN));
    }
    fill(text, pattern.happening, |text, slot| {
        text.push_str(match slot {
            "a" => a,
            "b" => b,
            "he" => he,
            "him" => him,
            _ => his,
        });
    });
    text.push_str(clause);
    text.push('.');
    capitalize_at(text, begin);
    let (first, second) = if rng.chance(50) { (a, b) } else { (b, a) };
    lettered_options(text, 3, |text, option| {
        if option == 2 {
            text.push_str("Ambiguous");
        } else {
            for part in ["The ", [first, second][option], " ", finding] {
                text.push_str(part);
            }
        }
    });
    let meant = match who {
        First => a,
        Second => b,
        Either => return LETTERS[2],
    };
    LETTERS[usize::from(meant != first)]
}
