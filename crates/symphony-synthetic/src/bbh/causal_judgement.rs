//! A story and a question about who or what caused its end, or whether someone intended it. The answer follows from the
//! causal structure that the story states: what was connected, what came first, whose duty it was, what was known.

use super::super::people::cast;
use super::super::text::{fill, word_count};
use super::causal_stories::{BACKGROUND, STORIES};
use super::{Draw, YES_NO_OPTIONS, yes_no};

/// Words of the whole input, by percentile.
const WORDS: [i64; 13] = [69, 100, 106, 132, 137, 156, 165, 174, 181, 208, 336, 419, 451];

pub(super) fn write(draw: &mut Draw, text: &mut String) -> &'static str {
    let rng = &mut draw.rng;
    let story = &STORIES[rng.below(STORIES.len())];
    let people = cast::<2>(rng);
    let values = [rng.below(6), rng.below(6), rng.below(6)];
    let (question, answer) = rng.pick(story.questions);
    let wanted = rng.quantile(&WORDS);
    let place =
        rng.pick(&["Ashford", "Brixton Falls", "Carlow", "Dunmore", "Eastvale", "Fairhaven", "Glenrock", "Harwick"]);

    let write = |text: &mut String, template: &str| {
        fill(text, template, |text, slot| match slot {
            "N" => text.push_str(people[0].name),
            "M" => text.push_str(people[1].name),
            "place" => text.push_str(place),
            "0" | "1" | "2" => {
                let table = usize::from(slot.as_bytes()[0] - b'0');
                text.push_str(story.words.get(table).map_or("", |words| words[values[table]]));
            }
            // Pronouns of the second person are marked: {M.he}.
            _ => {
                let (person, pronoun) = slot.strip_prefix("M.").map_or((people[0], slot), |p| (people[1], p));
                text.push_str(person.pronoun(pronoun).unwrap_or(slot));
            }
        });
    };
    text.push_str("How would a typical person answer each of the following questions about causation?\n");
    let begin = text.len();
    write(text, story.text);
    text.push(' ');
    write(text, question);
    // Background that touches none of the causes goes in front, up to the drawn length.
    let mut missing = wanted - word_count(&text[begin..]) - 15;
    if missing > 8 {
        let told = text.split_off(begin);
        let mut order: [usize; BACKGROUND.len()] = std::array::from_fn(|n| n);
        rng.shuffle(&mut order);
        let mut chosen = [false; BACKGROUND.len()];
        for sentence in order {
            let words = word_count(BACKGROUND[sentence]);
            if words <= missing + 6 {
                chosen[sentence] = true;
                missing -= words;
            }
        }
        // In the order of the table, in which they make a small portrait.
        for (sentence, _) in chosen.iter().enumerate().filter(|(_, chosen)| **chosen) {
            write(text, BACKGROUND[sentence]);
            text.push(' ');
        }
        text.push_str(&told);
    }
    text.push_str(YES_NO_OPTIONS);
    yes_no(answer)
}
