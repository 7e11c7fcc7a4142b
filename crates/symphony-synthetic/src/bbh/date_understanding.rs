//! A hint at today's date and a question about another day: calendar arithmetic with six dates to choose from.

use super::super::people::cast;
use super::super::text::{fill, push_count, push_int};
use super::{Draw, LETTERS, lettered_options};

#[derive(Clone, Copy, PartialEq, Eq)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Date {
    /// Days since 1970-01-01 in the Gregorian calendar (years counted from March, so that leap days come last).
    fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    fn from_days(days: i64) -> Self {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let (day, month) = (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
        Date { year: year + era * 400 + i64::from(month <= 2), month, day }
    }

    fn plus_days(self, n: i64) -> Self {
        Date::from_days(self.days() + n)
    }

    /// The same day `n` months later; today never lies after the 28th where this is asked.
    fn plus_months(self, n: i64) -> Self {
        let months = self.year * 12 + self.month - 1 + n;
        Date { year: months.div_euclid(12), month: months.rem_euclid(12) + 1, day: self.day }
    }

    fn write(self, text: &mut String) {
        push_two(text, self.month);
        text.push('/');
        push_two(text, self.day);
        text.push('/');
        push_int(text, self.year);
    }
}

fn push_two(text: &mut String, n: i64) {
    if n < 10 {
        text.push('0');
    }
    push_int(text, n);
}

/// Hints at today's date. Each names a day that lies `n` days after today (`n` below 0: before), as the second part
/// says; `{n}` stands for |n| in words where that number is drawn. `{date}`: "March 5, 2013", `{short}`: 03/05/2013,
/// `{uk}`: 05/03/2013.
enum Shift {
    Days(i64),
    /// The drawn number of days, before or after today.
    Ago,
    Ahead,
    /// The drawn number of years ago.
    Years,
}

const HINTS: [(&str, Shift); 16] = [
    ("Today is {date}.", Shift::Days(0)),
    ("It is {date} today.", Shift::Days(0)),
    ("The newspaper on the table, which is today's, is dated {short}.", Shift::Days(0)),
    (
        "In Britain dates are written with the day first, and so the calendar on a wall in Leeds shows today as {uk}.",
        Shift::Days(0),
    ),
    ("Yesterday was {date}.", Shift::Days(-1)),
    ("Tomorrow is {date}.", Shift::Days(1)),
    ("The day after tomorrow is {short}.", Shift::Days(2)),
    ("{N} handed in the report on {date}, and that was the day before yesterday.", Shift::Days(-2)),
    ("The parcel was sent on {short} and arrives today, {n} days later.", Shift::Ago),
    ("{N} flies home on {date}, which is {n} days from today.", Shift::Ahead),
    ("The milk in {N}'s fridge is good until {short}, {n} days from now.", Shift::Ahead),
    ("{N} moved to this town on {date} and says: \"Today it is exactly {n} years.\"", Shift::Years),
    ("{N} and {M} got married on {date}. Today they celebrate their anniversary number {n}.", Shift::Years),
    ("A concert was planned for {short}, but it was moved by one day and takes place today.", Shift::Days(-1)),
    ("{N} thinks that today is {date}, but {his} watch is one day behind.", Shift::Days(-1)),
    ("{N} thinks that today is {short}, but {his} calendar runs a day ahead.", Shift::Days(1)),
];

enum Ask {
    Days(i64),
    Months(i64),
    /// A drawn number of days, weeks or months from today.
    SomeDays,
    SomeWeeks,
    DaysAgo,
}

const ASKS: [(&str, Ask); 12] = [
    ("today", Ask::Days(0)),
    ("tomorrow", Ask::Days(1)),
    ("yesterday", Ask::Days(-1)),
    ("one week from today", Ask::Days(7)),
    ("one week ago", Ask::Days(-7)),
    ("24 hours later", Ask::Days(1)),
    ("a month ago", Ask::Months(-1)),
    ("one month from today", Ask::Months(1)),
    ("one year ago", Ask::Months(-12)),
    ("{n} days from today", Ask::SomeDays),
    ("{n} weeks from today", Ask::SomeWeeks),
    ("{n} days ago", Ask::DaysAgo),
];

pub(super) fn write(draw: &mut Draw, text: &mut String) -> &'static str {
    let rng = &mut draw.rng;
    // Days up to the 28th exist in every month, and the 28th of a February is still a surprise.
    let today = Date { year: rng.range(1924, 2031), month: rng.range(1, 12), day: rng.range(1, 28) };
    let [person, other] = cast::<2>(rng);
    let (hint, shift) = &HINTS[rng.below(HINTS.len())];
    let n = if matches!(shift, Shift::Years) { rng.range(2, 12) } else { rng.range(3, 12) };
    let named = match shift {
        Shift::Days(days) => today.plus_days(*days),
        Shift::Ago => today.plus_days(-n),
        Shift::Ahead => today.plus_days(n),
        Shift::Years => today.plus_months(-12 * n),
    };
    fill(text, hint, |text, slot| match slot {
        "date" => {
            text.push_str(MONTHS[(named.month - 1) as usize]);
            text.push(' ');
            push_int(text, named.day);
            text.push_str(", ");
            push_int(text, named.year);
        }
        "short" => named.write(text),
        "uk" => Date { month: named.day, day: named.month, ..named }.write(text),
        "n" => push_count(text, n),
        "N" => text.push_str(person.name),
        "M" => text.push_str(other.name),
        _ => text.push_str(person.pronoun(slot).unwrap_or(slot)),
    });

    // If the hint gives today's date away, today's date is not asked for.
    let plain = matches!(shift, Shift::Days(0));
    let (words, ask) = &ASKS[if plain { 1 + rng.below(ASKS.len() - 1) } else { rng.below(ASKS.len()) }];
    let m = rng.range(2, 12);
    let answer = match ask {
        Ask::Days(days) => today.plus_days(*days),
        Ask::Months(months) => today.plus_months(*months),
        Ask::SomeDays => today.plus_days(m),
        Ask::SomeWeeks => today.plus_days(7 * m),
        Ask::DaysAgo => today.plus_days(-m),
    };
    text.push_str(" What is the date ");
    fill(text, words, |text, _| push_count(text, m));
    text.push_str(" in MM/DD/YYYY?");

    // Wrong dates as people make them: off by a day, a week, a month, a year or a decade, or the day of the hint.
    let mut options = [answer; 6];
    let mut count = 1;
    while count < 6 {
        let wrong = match rng.below(8) {
            0 => answer.plus_days(rng.range(1, 3)),
            1 => answer.plus_days(-rng.range(1, 3)),
            2 => answer.plus_days(7),
            3 => Date { month: answer.month % 12 + 1, day: answer.day.min(28), ..answer },
            4 => Date { year: answer.year + rng.range(1, 9), day: answer.day.min(28), ..answer },
            5 => Date { year: answer.year - rng.range(1, 9), day: answer.day.min(28), ..answer },
            6 => named,
            _ => answer.plus_days(rng.range(20, 300)),
        };
        if !options[..count].contains(&wrong) {
            options[count] = wrong;
            count += 1;
        }
    }
    rng.shuffle(&mut options);
    lettered_options(text, 6, |text, option| options[option].write(text));
    LETTERS[options.iter().position(|date| *date == answer).unwrap_or(0)]
}
