//! The vignette around a calculation: the patient and the complaint, history, vital signs, examination, and other
//! findings.
//!
//! Apart from the sentences in [`KEYWORDS`], nothing here contains a word that the difficulty rule counts, so that a
//! question has as many of them as were drawn.

use super::super::prng::Rng;
use super::super::text::{article, capitalize_at, fill, push_int};
use super::{Case, spaced_words as word_count};

/// The person of a vignette.
pub(super) struct Subject {
    pub age: i64,
    pub she: bool,
    /// In centimeters.
    pub height: i64,
}

impl Subject {
    pub fn draw(rng: &mut Rng) -> Self {
        let she = rng.chance(50);
        let height = if she { rng.range(152, 178) } else { rng.range(163, 192) };
        Subject { age: rng.range(19, 84), she, height }
    }

    pub fn he(&self) -> &'static str {
        if self.she { "She" } else { "He" }
    }
}

const PLACES: [&str; 6] = [
    "comes to the emergency department",
    "comes to the physician",
    "is brought to the hospital",
    "is seen in the office",
    "is admitted to the hospital",
    "is referred to the ward",
];
const COMPLAINTS: [&str; 24] = [
    "fatigue",
    "nausea and vomiting",
    "shortness of breath",
    "abdominal pain",
    "headache",
    "dizziness",
    "weakness in the legs",
    "swelling of the ankles",
    "palpitations",
    "fever and chills",
    "a cough that does not go away",
    "confusion",
    "loss of appetite",
    "back pain",
    "chest discomfort on exertion",
    "muscle cramps",
    "diarrhea",
    "joint pain",
    "blurred vision",
    "increased thirst",
    "weight loss",
    "trouble sleeping",
    "flank pain",
    "a fall at home",
];
const SPANS: [&str; 8] = ["2-day", "3-day", "5-day", "1-week", "2-week", "3-week", "2-month", "6-month"];

/// A sentence of a vignette, and the part that it belongs to, which a case may keep for itself. `{he}` `{his}` are
/// pronouns; `{a-b}` is a number between a and b.
type Sentence = (&'static str, &'static str);

const HISTORY: [Sentence; 20] = [
    ("history", "{His} symptoms began gradually and have become worse over the past few days."),
    ("speech", "{He} has never had anything like this before."),
    ("history", "Rest and plenty of fluids have not brought any relief."),
    ("", "{His} past medical history is notable for hypertension and seasonal allergies."),
    ("", "{He} has type 2 diabetes mellitus, which has been well controlled with diet and metformin."),
    ("", "{He} had an appendectomy {3-20} years ago and a fracture of the wrist in childhood."),
    ("", "{He} was told {2-9} years ago that {he} had gallstones, but they have never caused any trouble."),
    ("", "{His} medications include lisinopril and a daily multivitamin."),
    ("", "{He} takes acetaminophen now and then and uses no other drugs."),
    ("smoking", "{He} does not smoke and drinks {2-6} glasses of wine a week."),
    ("smoking", "{He} quit smoking {4-15} years ago."),
    ("", "{His} father died of a myocardial infarction at the age of {58-79}, and {his} mother has osteoporosis."),
    ("work", "{He} works as a bus driver and lives with {his} spouse and {2-4} children."),
    ("work", "{He} is retired, lives alone in a house with a garden, and manages {his} household without help."),
    ("", "{He} returned {2-6} weeks ago from a trip to visit relatives in Portugal."),
    ("", "{His} immunizations are up to date, and {he} had a tetanus booster {2-8} years ago."),
    ("", "There is no history of recent travel, contact with animals, or similar complaints in the family."),
    ("speech", "{He} denies chest pain, night sweats, and changes in bowel habits."),
    ("", "{He} has had no blood in the stool or urine."),
    ("", "{He} is allergic to penicillin, which once gave {him} a rash."),
];
const EXAM: [Sentence; 18] = [
    ("temperature", "{His} temperature is {365-378:10}°C."),
    ("pulse", "{His} pulse is {64-108}/min and regular."),
    ("pressure", "Blood pressure is {108-148}/{62-92} mm Hg."),
    ("breathing", "Respirations are {14-22}/min."),
    ("oxygen", "Oxygen saturation is {94-99}% on room air."),
    ("mood", "{He} appears tired but is in no acute distress."),
    ("mood", "{He} is alert and oriented to person, place, and time."),
    ("skin", "The mucous membranes are dry, and skin turgor is slightly reduced."),
    ("skin", "The skin is warm, without a rash or bruises."),
    ("", "The neck is supple, and there is no lymphadenopathy or jugular venous distention."),
    ("", "The lungs are clear to auscultation on both sides."),
    ("", "Cardiac examination shows a normal S1 and S2 without murmurs, rubs, or gallops."),
    ("", "The abdomen is soft, with mild tenderness in the epigastrium and normal bowel sounds."),
    ("", "There is no enlargement of the liver or the spleen."),
    ("skin", "There is trace edema around both ankles, and peripheral pulses are palpable."),
    ("neuro", "Neurologic examination shows normal strength, sensation, and reflexes in all extremities."),
    ("neuro", "Cranial nerves are intact, and gait is steady."),
    ("weight", "{His} body mass index was {22-31} kg/m2 at {his} last visit."),
];
const LABS: [Sentence; 14] = [
    ("hemoglobin", "Hemoglobin is {118-154:10} g/dL."),
    ("", "Platelet count is {160-380},000/mm3."),
    ("leukocytes", "Leukocyte count is {5-10},{100-900}/mm3 with a normal differential count."),
    ("", "Alanine aminotransferase is {14-38} U/L, and total bilirubin is {4-11:10} mg/dL."),
    ("glucose", "A fingerstick glucose is {84-138} mg/dL."),
    ("calcium", "Serum phosphorus is {27-44:10} mg/dL, and magnesium is {17-23:10} mg/dL."),
    ("creatinine", "Serum creatinine was {7-11:10} mg/dL half a year ago."),
    ("", "Thyroid-stimulating hormone is {8-39:10} mU/L."),
    ("", "Urinalysis shows {2-4} leukocytes per high-power field, no casts, and no protein."),
    ("", "An x-ray of the chest shows a heart of normal size and no infiltrates."),
    ("ecg", "An electrocardiogram shows a normal sinus rhythm without changes of the ST segment."),
    ("", "Abdominal ultrasonography shows no dilation of the bile ducts and kidneys of normal size."),
    ("", "Blood cultures have been drawn, and the results are not yet available."),
    ("", "An intravenous line is placed, and {he} is moved to a quiet room for observation."),
];
const STUDY: [Sentence; 18] = [
    ("", "The participants were recruited at {3-12} hospitals over a period of {14-36} months."),
    ("", "Their mean age was {48-66} years, and {41-58}% of them were women."),
    ("", "People who were younger than 18 years, pregnant, or unable to give consent were excluded."),
    ("", "The two groups did not differ in body mass index, blood pressure, or smoking habits."),
    ("", "Neither the participants nor the people who assessed the results knew who belonged to which group."),
    (
        "",
        "About {2-6}% of the participants were lost to follow-up and were counted as if nothing had happened to them.",
    ),
    ("", "The study was paid for by a public fund, and none of the authors reported a conflict of interest."),
    ("", "All results were entered into a common database and checked by {2-4} people independently."),
    ("", "The sample size had been calculated in advance so as to reach a power of {80-90}%."),
    ("", "A committee looked at the data every {3-6} months and saw no reason to stop early."),
    (
        "",
        "Similar studies in other countries had included fewer people and had given results that pointed in different directions.",
    ),
    ("", "The results were analyzed by intention to treat, and missing values were not replaced."),
    ("", "The authors plan to publish the full data next year, after a second analysis by an independent group."),
    ("", "At a journal club, a resident presents the results and draws the table on a whiteboard."),
    ("", "A colleague asks how the result would change in a region where the disease is less common."),
    ("", "The discussion turns to the costs, which amount to {120-900} dollars per person and year."),
    ("", "Before the study, {60-85}% of the invited people had agreed to take part, which was more than expected."),
    ("", "Visits took place every {2-6} months, and blood was drawn at each of them."),
];
/// A sentence for each keyword that may be asked for besides "patient"; they are true of any case. The first part is
/// the keyword.
const KEYWORDS: [Sentence; 12] = [
    ("diagnosis", "A definite diagnosis has not been made so far."),
    ("treatment", "No treatment has been started yet."),
    ("diagnosis", "The working diagnosis will be discussed after the result is known."),
    ("treatment", "A decision about further treatment depends on the result."),
    ("mechanism", "A student asks about the mechanism behind the findings."),
    ("clinical", "The case is to be presented at the clinical conference in the afternoon."),
    ("differential", "The differential is still wide."),
    ("syndrome", "Nobody in the family is known to have a genetic syndrome."),
    ("evidence", "There is no evidence of an error in the measurements."),
    ("adverse", "No adverse reactions to drugs have been reported."),
    ("diagnosis", "An earlier diagnosis of anemia could not be confirmed."),
    ("treatment", "The treatment of an ear infection ended last month."),
];
const STUDY_KEYWORDS: [Sentence; 6] = [
    ("treatment", "The length of treatment was the same for everyone."),
    ("diagnosis", "The diagnosis was confirmed by two specialists."),
    ("adverse", "No serious adverse events were observed."),
    ("evidence", "The authors call this the best evidence to date."),
    ("clinical", "The clinical staff was trained for two days."),
    ("protocol", "The protocol was published before the first participant was enrolled."),
];

fn tell(rng: &mut Rng, out: &mut String, template: &str, she: bool) {
    fill(out, template, |out, slot| match (slot, she) {
        ("he", true) => out.push_str("she"),
        ("He", true) => out.push_str("She"),
        ("his" | "him", true) => out.push_str("her"),
        ("His", true) => out.push_str("Her"),
        ("he" | "He" | "his" | "him" | "His", false) => out.push_str(match slot {
            "he" => "he",
            "He" => "He",
            "his" => "his",
            "him" => "him",
            _ => "His",
        }),
        _ => {
            let (range, tenths) = slot.strip_suffix(":10").map_or((slot, false), |range| (range, true));
            let (low, high) = range.split_once('-').unwrap_or((range, range));
            let n = rng.range(low.parse().unwrap_or(0), high.parse().unwrap_or(0));
            push_int(out, if tenths { n / 10 } else { n });
            if tenths {
                out.push('.');
                push_int(out, n % 10);
            }
        }
    });
}

/// Appends the vignette: the opening, as many other sentences as there is room for, and the facts in their place.
pub(super) fn write(rng: &mut Rng, out: &mut String, case: &Case, subject: &Subject, words: i64, keywords: usize) {
    let she = subject.she;
    // The last sentence has some 15 words.
    let mut left = words - 15 - case.facts.iter().map(|fact| word_count(fact)).sum::<i64>();
    let parts: &[&[Sentence]] = if case.personal { &[&HISTORY, &EXAM, &LABS] } else { &[&STUDY] };
    if case.personal {
        let age = subject.age.to_string();
        out.push_str(if article(&age) == "an" { "An " } else { "A " });
        out.push_str(&age);
        out.push_str(if she { "-year-old woman " } else { "-year-old man " });
        out.push_str(rng.pick(&PLACES));
        if case.taken.contains(&"history") {
            out.push('.');
        } else {
            out.push_str(" because of a ");
            out.push_str(rng.pick(&SPANS));
            out.push_str(" history of ");
            out.push_str(rng.pick(&COMPLAINTS));
            out.push('.');
        }
        left -= word_count(out);
    }

    // One keyword is "patient", in the question, for most of those that have any.
    let extra = keywords.saturating_sub(1);
    let table: &[Sentence] = if case.personal { &KEYWORDS } else { &STUDY_KEYWORDS };
    let mut remarks: Vec<Sentence> = Vec::new();
    for n in rng.distinct::<6>(table.len()) {
        let (keyword, _) = table[n];
        if remarks.len() < extra && !remarks.iter().any(|(other, _)| *other == keyword) {
            remarks.push(table[n]);
        }
    }
    left -= remarks.iter().map(|(_, text)| word_count(text)).sum::<i64>();

    // Choose at random, write in order.
    let all: Vec<(usize, Sentence)> =
        parts.iter().enumerate().flat_map(|(p, part)| part.iter().map(move |s| (p, *s))).collect();
    let mut lots: Vec<usize> = (0..all.len()).collect();
    rng.shuffle(&mut lots);
    let mut chosen = vec![false; all.len()];
    let mut told = Vec::new();
    for n in lots {
        let (_, (part, text)) = all[n];
        let cost = word_count(text);
        // Two sentences about one part could contradict each other, so a part is told once.
        let free = part.is_empty() || (!case.taken.contains(&part) && !told.contains(&part));
        if free && cost <= left + 4 {
            chosen[n] = true;
            told.push(part);
            left -= cost;
        }
    }
    let mut told_facts = false;
    let facts_after = if case.personal { rng.range(1, 2) as usize } else { 0 };
    for (n, (part, (_, text))) in all.iter().enumerate() {
        if !told_facts && *part > facts_after {
            told_facts = true;
            push_facts(out, case);
        }
        if chosen[n] {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
            tell(rng, out, text, she);
        }
        if !case.personal && !told_facts {
            told_facts = true;
            let later = out.split_off(0);
            push_facts(out, case);
            if !later.is_empty() {
                out.push(' ');
                out.push_str(&later);
            }
        }
    }
    if !told_facts {
        push_facts(out, case);
    }
    for (_, text) in remarks {
        out.push(' ');
        out.push_str(text);
    }
}

fn push_facts(out: &mut String, case: &Case) {
    for fact in &case.facts {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(fact);
    }
}

/// Appends the question itself; with keywords, the first of them is "patient" where the case is about one.
pub(super) fn ask(rng: &mut Rng, out: &mut String, case: &Case, for_label: bool, with_unit: bool, keywords: usize) {
    out.push(' ');
    let begin = out.len();
    let whose = match (case.personal, keywords > 0) {
        (true, true) => "this patient's",
        (true, false) => "the calculated",
        (false, _) => "the",
    };
    if !case.personal && keywords > 0 {
        out.push_str(
            rng.pick(&["For a patient who asks about this, ", "With a patient in mind to whom this applies, "]),
        );
    }
    let opening = if for_label {
        rng.pick(&["which of the following best describes ", "how is one to classify "])
    } else {
        rng.pick(&[
            "which of the following is closest to ",
            "which of the following values comes closest to ",
            "what is ",
        ])
    };
    out.push_str(opening);
    out.push_str(whose);
    out.push(' ');
    out.push_str(case.quantity);
    if with_unit && !matches!(case.unit, "" | "%") {
        out.push_str(", in ");
        out.push_str(case.unit);
    }
    out.push('?');
    capitalize_at(out, begin);
}
