//! Four films of one kind and four to choose from, of which exactly one is of that kind.
//!
//! The table groups well-known films so plainly (animation for children, westerns, …) that a different group is a
//! different kind; a question never sets a group against one that overlaps it.

use super::{Draw, LETTERS, lettered_options};

struct Group {
    films: &'static [&'static str],
    /// Groups (by index) that share films of the kind, and from which no wrong option is taken.
    close: &'static [usize],
}

const GROUPS: [Group; 10] = [
    // Animation for families.
    Group {
        close: &[5],
        films: &[
            "Toy Story",
            "Finding Nemo",
            "Monsters, Inc",
            "The Incredibles",
            "Ratatouille",
            "WALL-E",
            "Up",
            "Shrek",
            "Ice Age",
            "Kung Fu Panda",
            "Frozen",
            "Moana",
            "Tangled",
            "Coco",
            "Inside Out",
            "The Little Mermaid",
            "Mulan",
            "Madagascar",
            "How to Train Your Dragon",
            "Zootopia",
        ],
    },
    // Science fiction in space.
    Group {
        close: &[7, 4],
        films: &[
            "Alien",
            "Interstellar",
            "Gravity",
            "2001 A Space Odyssey",
            "Star Trek",
            "The Martian",
            "Solaris",
            "Event Horizon",
            "Contact",
            "Sunshine",
            "Moon",
            "Serenity",
            "Ad Astra",
            "Silent Running",
            "Galaxy Quest",
            "Forbidden Planet",
            "Dune",
            "Apollo 13",
        ],
    },
    // Westerns.
    Group {
        close: &[],
        films: &[
            "Unforgiven",
            "High Noon",
            "The Searchers",
            "Rio Bravo",
            "True Grit",
            "Shane",
            "Stagecoach",
            "Tombstone",
            "Silverado",
            "Pale Rider",
            "3:10 to Yuma",
            "The Magnificent Seven",
            "Once Upon a Time in the West",
            "The Wild Bunch",
            "Open Range",
            "Hondo",
            "Red River",
            "My Darling Clementine",
        ],
    },
    // Romantic comedies.
    Group {
        close: &[9],
        films: &[
            "Notting Hill",
            "When Harry Met Sally",
            "Pretty Woman",
            "Sleepless in Seattle",
            "You've Got Mail",
            "Bridget Jones's Diary",
            "Four Weddings and a Funeral",
            "Love Actually",
            "While You Were Sleeping",
            "The Holiday",
            "27 Dresses",
            "The Proposal",
            "Hitch",
            "Runaway Bride",
            "Two Weeks Notice",
            "13 Going on 30",
            "Crazy Rich Asians",
            "The Wedding Planner",
        ],
    },
    // Horror.
    Group {
        close: &[1],
        films: &[
            "The Exorcist",
            "Halloween",
            "The Shining",
            "A Nightmare on Elm Street",
            "Friday the 13th",
            "Scream",
            "The Conjuring",
            "Hereditary",
            "It Follows",
            "The Blair Witch Project",
            "Saw",
            "Poltergeist",
            "The Omen",
            "Carrie",
            "The Ring",
            "Insidious",
            "Sinister",
            "The Babadook",
        ],
    },
    // Musicals.
    Group {
        close: &[0, 3],
        films: &[
            "Singin' in the Rain",
            "West Side Story",
            "The Sound of Music",
            "Grease",
            "Chicago",
            "Cabaret",
            "Hairspray",
            "My Fair Lady",
            "Mamma Mia",
            "La La Land",
            "Les Misérables",
            "Oklahoma",
            "Top Hat",
            "Funny Girl",
            "The Music Man",
            "Evita",
            "Rent",
            "Dreamgirls",
        ],
    },
    // War.
    Group {
        close: &[],
        films: &[
            "Saving Private Ryan",
            "Platoon",
            "Full Metal Jacket",
            "Apocalypse Now",
            "Dunkirk",
            "1917",
            "Das Boot",
            "The Thin Red Line",
            "Hacksaw Ridge",
            "Black Hawk Down",
            "Letters from Iwo Jima",
            "Paths of Glory",
            "The Longest Day",
            "A Bridge Too Far",
            "Enemy at the Gates",
            "Midway",
            "Fury",
            "Hamburger Hill",
        ],
    },
    // Superheroes.
    Group {
        close: &[1, 0],
        films: &[
            "Spider-Man",
            "Iron Man",
            "The Dark Knight",
            "The Avengers",
            "X-Men",
            "Thor",
            "Black Panther",
            "Wonder Woman",
            "Superman",
            "Captain America The First Avenger",
            "Ant-Man",
            "Doctor Strange",
            "Shazam",
            "Aquaman",
            "Fantastic Four",
            "Logan",
            "Man of Steel",
            "Captain Marvel",
        ],
    },
    // Gangsters.
    Group {
        close: &[],
        films: &[
            "The Godfather",
            "Goodfellas",
            "Casino",
            "Scarface",
            "Donnie Brasco",
            "The Untouchables",
            "Carlito's Way",
            "A Bronx Tale",
            "The Departed",
            "Miller's Crossing",
            "Road to Perdition",
            "American Gangster",
            "Once Upon a Time in America",
            "White Heat",
            "Little Caesar",
            "Black Mass",
            "Mean Streets",
            "The Irishman",
        ],
    },
    // Costume dramas.
    Group {
        close: &[3, 5],
        films: &[
            "Pride and Prejudice",
            "Sense and Sensibility",
            "The Age of Innocence",
            "A Room with a View",
            "Howards End",
            "The Remains of the Day",
            "The Duchess",
            "Atonement",
            "Jane Eyre",
            "Little Women",
            "Barry Lyndon",
            "Dangerous Liaisons",
            "The Piano",
            "Far from the Madding Crowd",
            "Becoming Jane",
            "Belle",
            "Persuasion",
            "The Young Victoria",
        ],
    },
];

pub(super) fn write(draw: &mut Draw, text: &mut String) -> &'static str {
    let rng = &mut draw.rng;
    let liked = rng.below(GROUPS.len());
    let films = GROUPS[liked].films;
    let [right, seen @ ..] = rng.distinct::<5>(films.len());
    text.push_str("Find a movie similar to ");
    for (n, film) in seen.into_iter().enumerate() {
        text.push_str(if n == 0 { "" } else { ", " });
        text.push_str(films[film]);
    }
    text.push(':');

    let mut options = [films[right]; 4];
    let mut count = 1;
    while count < options.len() {
        let other = rng.below(GROUPS.len());
        let film = rng.pick(GROUPS[other].films);
        let apart = other != liked && !GROUPS[liked].close.contains(&other) && !GROUPS[other].close.contains(&liked);
        if apart && !options[..count].contains(&film) {
            options[count] = film;
            count += 1;
        }
    }
    rng.shuffle(&mut options);
    lettered_options(text, options.len(), |text, option| text.push_str(options[option]));
    LETTERS[options.iter().position(|film| *film == films[right]).unwrap_or(0)]
}
