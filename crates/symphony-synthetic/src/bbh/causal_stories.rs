//! The stories of causal judgement. Slots: `{N}` and `{M}` the people, `{he}` … and `{M.he}` … their pronouns,
//! `{0}` `{1}` `{2}` one of the story's words, `{place}` a town.

pub(super) struct Story {
    pub text: &'static str,
    pub words: &'static [[&'static str; 6]],
    pub questions: &'static [(&'static str, bool)],
}

/// Sentences that say nothing about any cause; they lengthen a story.
pub(super) const BACKGROUND: [&str; 22] = [
    "{N} has lived in {place} for most of {his} life and knows nearly everybody in town by name.",
    "The town is small, with one main street, a river that freezes in hard winters, and a market on Saturdays.",
    "As a child {he} wanted to become a sailor, but after school {he} found work close to home and never regretted it.",
    "{His} parents, who are both retired, live two streets away and drop by on most evenings for a cup of tea.",
    "{M} came to {place} about four years ago, after a long search for a quieter place to live and work.",
    "Before that, {M.he} had spent ten years in the capital, where {M.he} rented a tiny room above a bakery.",
    "{N} and {M} get along well enough; they greet each other in the morning and now and then have lunch together.",
    "{M} likes to talk about football, while {N}, who has never been to a stadium, listens politely and changes the subject.",
    "In {his} spare time {N} repairs old radios, a hobby that {he} took over from an uncle.",
    "On Thursdays {he} sings in a choir that gives two concerts a year, one in spring and one just before the holidays.",
    "{M} is known for arriving early and for keeping a photograph of three gray cats on the desk.",
    "The summer had been long and mild that year, and people were still sitting outside in the evenings.",
    "The local paper had been writing for weeks about a new bridge, and hardly anybody talked about anything else.",
    "On the day in question the sky was overcast, a light wind came from the west, and the streets were almost empty.",
    "{N} had slept well, had eaten two slices of toast for breakfast, and had walked the usual way past the post office.",
    "{M} had taken the bus because {M.his} bicycle was being repaired, and had read a detective novel on the way.",
    "Around noon a neighbor rang to ask about a parcel, and the call took no more than a minute.",
    "It was somebody's birthday, and there was a plate of cake in the corridor from which everyone could help themselves.",
    "Nobody who met either of them that day noticed anything out of the ordinary.",
    "A clock on the wall, which had been a present from the mayor, showed a few minutes past three.",
    "Somewhere down the road children were playing, and a dog barked at a passing truck.",
    "What happened next was told in {place} for a long time afterwards.",
];

pub(super) const STORIES: &[Story] = &[
    Story {
        text: "The office has one {0}, and it breaks down if two people use it at the same moment; one person alone never does it any harm. Because of this there is a rule that everybody knows: {1} may use it in the morning, and everyone else has to wait until the afternoon. {M} belongs to those who may use it in the morning. {N} does not, and has been reminded of the rule several times. On Tuesday at nine o'clock {M} uses the {0}, as the rule allows. At the same moment {N} uses it too, against the rule. The {0} breaks down.",
        words: &[
            ["copying machine", "label printer", "plotter", "scanner", "coffee machine", "shredder"],
            ["the accountants", "the editors", "the lawyers", "the trainees", "the designers", "the translators"],
        ],
        questions: &[("Did {N} cause the {0} to break down?", true), ("Did {M} cause the {0} to break down?", false)],
    },
    Story {
        text: "Two people independently of each other wanted to put an end to the old {0} behind the {1}, which nobody had used for years. {N} came at midnight and set fire to it. The fire was so strong that within half an hour the {0} had burned down to the ground and nothing was left but cold ash by morning. At six in the morning {M}, who knew nothing of this, came with a can of gasoline for the same purpose. {M.He} found only the ash, poured the gasoline over it out of spite, lit it, and went home. The {0} was never rebuilt.",
        words: &[
            ["barn", "shed", "boathouse", "stable", "cabin", "hut"],
            ["mill", "church", "school", "inn", "station", "cemetery"],
        ],
        questions: &[
            ("Did {N} cause the destruction of the {0}?", true),
            ("Did {M} cause the destruction of the {0}?", false),
        ],
    },
    Story {
        text: "In the hall of the {1} there are two switches side by side. The left one is wired to the {0}: whenever it is pressed, the {0} starts, and nothing else can start it. The right one was cut off from everything during a renovation; its cable ends inside the wall. {N} walks in and presses the left switch. At the very same moment {M} presses the right switch. The {0} starts.",
        words: &[
            ["fountain", "organ", "ventilation", "projector", "elevator music", "floodlight"],
            ["town hall", "museum", "theater", "hospital", "library", "hotel"],
        ],
        questions: &[
            ("Did the {0} start because {N} pressed the left switch?", true),
            ("Did the {0} start because {M} pressed the right switch?", false),
        ],
    },
    Story {
        text: "{N} is the head of a company that makes {0}. An assistant comes to {him} and says: \"We can start a new program. It will raise our profits, but it will also harm {1}.\" {N} answers: \"I know that it will harm {1}, and I do not care about that at all. All I want is the profit. Start the program.\" The program is started. Profits go up, and, as the assistant had said, harm is done to {1}.",
        words: &[
            ["paint", "fertilizer", "batteries", "paper", "plastic bags", "detergent"],
            [
                "the river",
                "the forest nearby",
                "the fish in the lake",
                "the bees of the region",
                "the drinking water",
                "the wetlands",
            ],
        ],
        questions: &[("Did {N} intentionally harm {1}?", true)],
    },
    Story {
        text: "{N} is the head of a company that makes {0}. An assistant comes to {him} and says: \"We can start a new program. It will raise our profits, and as it happens it will also help {1}.\" {N} answers: \"I know that it will help {1}, but I do not care about that at all. All I want is the profit. Start the program.\" The program is started. Profits go up, and, as the assistant had said, {1} got better.",
        words: &[
            ["paint", "fertilizer", "batteries", "paper", "plastic bags", "detergent"],
            ["the river", "the soil of the valley", "the lake", "the air in town", "the drinking water", "the coast"],
        ],
        questions: &[("Did {N} intentionally help {1}?", false)],
    },
    Story {
        text: "{N} and {M} share a house with a large number of {0}, which need water every day in summer. They have a clear agreement: in the first half of August {N} takes care of the watering, in the second half {M} does. {M} went away on the first of August, as was agreed. {N} stayed at home, had time enough, remembered the agreement, and did not water a single time because {he} preferred to watch television. By the middle of the month all of the {0} were dead. Had anyone watered them, they would have lived.",
        words: &[["tomato plants", "orchids", "roses", "lemon trees", "young vines", "hydrangeas"]],
        questions: &[
            ("Did the {0} die because {N} did not water them?", true),
            ("Did {M} cause the {0} to die?", false),
        ],
    },
    Story {
        text: "{N} takes part in a {0} competition for beginners, although {he} has never in {his} life held {1} before. {He} wants to win and aims at the center of the target. Just as {he} lets go, {his} foot slips, {he} stumbles, and the shot goes off in a quite different direction from the one {he} aimed at. It bounces off a post, then off a wall, and ends, to everybody's surprise, exactly in the center. {N} wins the competition.",
        words: &[
            ["village", "county", "summer", "company", "charity", "school"],
            ["a bow", "a crossbow", "a dart", "an air rifle", "a slingshot", "a throwing knife"],
        ],
        questions: &[("Did {N} hit the center of the target intentionally?", false)],
    },
    Story {
        text: "{N} has trained with {1} every day for twelve years and hits the center of the target nearly every time. At the {0} competition {he} wants to win, breathes calmly, aims at the center, and lets go at the right moment. The shot flies just as {he} planned it and ends exactly in the center. {N} wins the competition, and {M} is the first to congratulate {him}.",
        words: &[
            ["village", "county", "summer", "company", "charity", "school"],
            ["a bow", "a crossbow", "a dart", "an air rifle", "a slingshot", "a throwing knife"],
        ],
        questions: &[
            ("Did {N} hit the center of the target intentionally?", true),
            ("Did {M} cause {N} to win the competition?", false),
        ],
    },
    Story {
        text: "For twenty years {N} worked in a {0} where the air was full of dust, and in the end {he} fell ill with a disease of the lungs. The doctors said that it could not be cured, but that {he} had at least a year to live. One week later, while {N} was on the way to buy {1}, a truck whose driver, {M}, was looking at a telephone went through a red light and struck {him}. {N} died on the spot. The disease played no part in the accident.",
        words: &[
            ["quarry", "cement works", "flour mill", "foundry", "shipyard", "spinning mill"],
            ["a newspaper", "some stamps", "a birthday card", "fresh bread", "theater tickets", "a pair of gloves"],
        ],
        questions: &[("Did {N}'s job cause {his} death?", false), ("Did {M} cause {N}'s death?", true)],
    },
    Story {
        text: "Whenever the team of {place} plays, {N} puts on the same {0} and sits at home in front of the radio, because {he} believes that this brings luck. Nobody in the team has ever heard of {him}, and nothing {he} does at home can be seen or heard in the stadium. On Sunday {N} put on the {0} once again. In the last minute of the match {M}, the youngest player of the team, took the ball, ran past three opponents and scored {1}. The team won by that one goal.",
        words: &[
            ["yellow shirt", "woolen cap", "pair of red socks", "scarf", "old jacket", "striped tie"],
            [
                "with the left foot",
                "from a great distance",
                "with a header",
                "between the goalkeeper's legs",
                "off the inside of the post",
                "at the second attempt",
            ],
        ],
        questions: &[
            ("Did the team win because {N} put on the {0}?", false),
            ("Did the team win because of what {M} did?", true),
        ],
    },
    Story {
        text: "In the storeroom of a shop, a {0} stands on the edge of the top shelf, and below it, one under the other, stand a stack of tins and a glass bowl. {N}, in a hurry, runs against the shelf. The {0} tips over and falls onto the tins; the tins roll off and strike the bowl; the bowl falls to the floor and breaks into pieces. {M} is at the counter in the front room all the while, talking about {1} with a customer. Without the push against the shelf, everything would have stayed where it was.",
        words: &[
            ["bucket", "flowerpot", "suitcase", "jug", "toolbox", "birdcage"],
            ["the weather", "the price of coffee", "a new film", "the elections", "a recipe", "the train timetable"],
        ],
        questions: &[("Did {N} cause the bowl to break?", true), ("Did {M} cause the bowl to break?", false)],
    },
    Story {
        text: "A {0} has a pump that has to be oiled every evening. The timetable by the door says whose turn it is; that week it was {N}'s, and {M}, who works in another building as {1}, has never had anything to do with the pump and does not even know that it exists. On Wednesday evening {N} saw the timetable, thought that one evening would not matter, and went home without oiling the pump. In the night the dry pump seized and was ruined. An oiled pump would have run on.",
        words: &[
            ["swimming pool", "dairy", "brewery", "fish farm", "laundry", "greenhouse"],
            ["a gatekeeper", "a bookkeeper", "a cook", "a night watchman", "a typist", "a driver"],
        ],
        questions: &[("Did {N} cause the pump to be ruined?", true), ("Did {M} cause the pump to be ruined?", false)],
    },
];
