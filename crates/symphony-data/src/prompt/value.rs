//! The text of a field's value in a prompt.

use std::borrow::Cow;

use super::Choice;
use crate::row::{Fields, RowFault, decode_string, entries_of, kind_of};

/// The text of a field.
pub(super) fn text_of(fields: &Fields<'_>, slot: usize) -> Result<String, RowFault> {
    let json = fields.json(slot)?;
    let text = match json.as_bytes().first() {
        Some(b'[') => {
            let items = entries_of(json).unwrap_or_default();
            let texts: Result<Vec<_>, _> =
                items.iter().filter(|(_, item)| item.get() != "null").map(|(_, item)| scalar(item.get())).collect();
            texts.map(|texts| texts.join("\n")).map_err(|why| format!("an item of this list {why}"))
        }
        _ => scalar(json).map(Cow::into_owned).map_err(|why| {
            let keys = entries_of(json).unwrap_or_default();
            let hint = keys.first().and_then(|(key, _)| key.as_deref());
            match hint {
                Some(key) => format!("{why}; name one of its fields, such as `{{{}.{key}}}`", fields.path(slot)),
                None => why,
            }
        }),
    };
    text.map_err(|why| fields.fault(slot, why))
}

/// The text of a value that is neither a list nor an object, or why it has none.
fn scalar(json: &str) -> Result<Cow<'_, str>, String> {
    match json.as_bytes().first() {
        Some(b'"') => match decode_string(json) {
            Some(Ok(text)) => Ok(text),
            Some(Err(error)) => Err(format!("is not a readable string: {error}")),
            None => Err("is not a readable string".to_owned()),
        },
        Some(b'[' | b'{') => Err(format!("is {}, which has no text of its own", kind_of(json))),
        Some(b'n') => Ok(Cow::Borrowed("")),
        Some(b't' | b'f') => Ok(Cow::Borrowed(json)),
        _ => Ok(Cow::Borrowed(without_zeros(json))),
    }
}

/// A number without a fraction of zeros: 142.0 is 142. Every other number is as the row has it.
fn without_zeros(number: &str) -> &str {
    match number.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => match whole {
            "" | "-" | "-0" => "0",
            whole => whole,
        },
        _ => number,
    }
}

/// The number that an answer is, without commas between thousands and without a fraction of zeros; `None` if it is no
/// number.
pub(super) fn number(text: &str) -> Option<String> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, rest) = digits.split_at(digits.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(digits.len()));
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = whole.contains(',');
    if grouped && !((1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3)) {
        return None;
    }
    let plain = format!("{sign}{}{rest}", whole.replace(',', ""));
    let begins_well = plain.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit() || c == '.');
    plain.parse().ok().filter(|value: &f64| begins_well && value.is_finite())?;
    Some(without_zeros(&plain).to_owned())
}

/// The choices that a field lists: the items of a list, with the letters A, B, C, …; or those of an object, with its keys.
/// Null items at the end are left out.
pub(super) fn choices(fields: &Fields<'_>, slot: usize) -> Result<Vec<Choice>, RowFault> {
    let json = fields.json(slot)?;
    let Some(mut entries) = entries_of(json) else {
        return Err(fields.fault(slot, format!("expected a list or an object of choices, found {}", kind_of(json))));
    };
    entries.truncate(entries.iter().rposition(|(_, item)| item.get() != "null").map_or(0, |last| last + 1));
    let mut choices = Vec::new();
    for (at, (key, item)) in entries.into_iter().enumerate() {
        let label = match key {
            Some(key) => key,
            None => match u8::try_from(at).ok().filter(|at| *at < 26) {
                Some(at) => char::from(b'A' + at).to_string(),
                None => return Err(fields.fault(slot, "lists more than 26 choices, but there are 26 letters")),
            },
        };
        if label.trim().is_empty() {
            return Err(fields.fault(slot, "one of its keys is blank, so that a choice has no label"));
        }
        let text = scalar(item.get()).map_err(|why| fields.fault(slot, format!("the choice {label} {why}")))?;
        if text.trim().is_empty() {
            return Err(fields.fault(slot, format!("the choice {label} is blank")));
        }
        choices.push(Choice { label, text: text.into_owned() });
    }
    if choices.len() < 2 {
        return Err(fields.fault(slot, "lists fewer than two choices"));
    }
    Ok(choices)
}
