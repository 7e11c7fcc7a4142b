//! First names with their pronouns: the cast of all the stories.

use super::prng::Rng;

/// A person of a story.
#[derive(Clone, Copy)]
pub(super) struct Person {
    pub name: &'static str,
    pub she: bool,
}

impl Person {
    /// The text of a pronoun slot (`he`, `his`, `him`, `himself`, with a capital where the slot has one), if it is one.
    pub fn pronoun(self, slot: &str) -> Option<&'static str> {
        Some(match (slot, self.she) {
            ("he", true) => "she",
            ("He", true) => "She",
            ("his" | "him", true) => "her",
            ("His", true) => "Her",
            ("himself", true) => "herself",
            ("he", false) => "he",
            ("He", false) => "He",
            ("his", false) => "his",
            ("His", false) => "His",
            ("him", false) => "him",
            ("himself", false) => "himself",
            _ => return None,
        })
    }
}

pub(super) const WOMEN: [&str; 48] = [
    "Abigail", "Amara", "Anika", "Aylin", "Beatriz", "Brooke", "Camila", "Carmen", "Chloe", "Daniela", "Divya",
    "Elena", "Esther", "Farah", "Fiona", "Freya", "Gloria", "Hana", "Helen", "Imani", "Ingrid", "Jasmine", "Julia",
    "Kavya", "Keisha", "Lara", "Leila", "Lucia", "Maren", "Mei", "Mina", "Nadia", "Naomi", "Noor", "Olivia", "Paula",
    "Priya", "Rachel", "Renata", "Rosa", "Sabine", "Selma", "Tamara", "Thandi", "Valerie", "Wanda", "Yara", "Zoe",
];

pub(super) const MEN: [&str; 48] = [
    "Aaron", "Adrian", "Ahmed", "Alex", "Andre", "Anton", "Ben", "Boris", "Caleb", "Carlos", "Chen", "Daniel", "David",
    "Diego", "Dmitri", "Elias", "Emre", "Felix", "Finn", "Gabriel", "George", "Hassan", "Hugo", "Ibrahim", "Ivan",
    "Jamal", "Javier", "Jonas", "Kenji", "Kofi", "Lamar", "Leo", "Liam", "Marcus", "Mateo", "Nikhil", "Omar", "Oscar",
    "Pablo", "Peter", "Ravi", "Rohan", "Samuel", "Stefan", "Tariq", "Tomas", "Victor", "Wei",
];

/// `K` different people.
pub(super) fn cast<const K: usize>(rng: &mut Rng) -> [Person; K] {
    rng.distinct::<K>(WOMEN.len() + MEN.len()).map(|n| match MEN.get(n) {
        Some(name) => Person { name, she: false },
        None => Person { name: WOMEN[n - MEN.len()], she: true },
    })
}
