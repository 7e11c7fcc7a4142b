//! How the generators write: JSON strings, numbers, templates and the little English grammar that templates need.

/// Appends a JSON string: `write` appends the raw text to the same buffer, and what it wrote is escaped afterwards.
/// Text that needs no escaping (most of it) is thus written once and never copied.
pub(super) fn json_string(out: &mut String, write: impl FnOnce(&mut String)) {
    out.push('"');
    let start = out.len();
    write(out);
    // Without an early stop, the compiler can check many bytes at a time.
    let special = |b: u8| b < 0x20 || b == b'"' || b == b'\\';
    if out.as_bytes()[start..].iter().fold(false, |found, &b| found | special(b)) {
        let raw = out.split_off(start);
        out.reserve(raw.len() + 32);
        push_escaped(out, &raw);
    }
    out.push('"');
}

fn push_escaped(out: &mut String, raw: &str) {
    let mut done = 0;
    for (at, byte) in raw.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\t' => "\\t",
            b'\r' => "\\r",
            // No generator writes any other control character; a space keeps the JSON valid all the same.
            0..0x20 => " ",
            _ => continue,
        };
        out.push_str(&raw[done..at]);
        out.push_str(escape);
        done = at + 1;
    }
    out.push_str(&raw[done..]);
}

/// Appends an integer in decimal.
pub(super) fn push_int(out: &mut String, n: i64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = n.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if n < 0 {
        out.push('-');
    }
    out.push_str(std::str::from_utf8(&digits[start..]).unwrap_or_default());
}

/// Appends `template`, each `{slot}` replaced by what `write` appends for it. A capitalized slot gets a capital.
pub(super) fn fill(out: &mut String, template: &str, mut write: impl FnMut(&mut String, &str)) {
    // Slots are a few bytes apart, where a plain loop finds the next brace sooner than a search routine would.
    let next = |from: usize, brace: u8| {
        template.as_bytes()[from..].iter().position(|&b| b == brace).map_or(template.len(), |at| from + at)
    };
    let mut done = 0;
    while done < template.len() {
        let open = next(done, b'{');
        out.push_str(&template[done..open]);
        if open == template.len() {
            break;
        }
        let close = next(open, b'}');
        write(out, &template[open + 1..close]);
        done = close + 1;
    }
}

/// Turns the ASCII letter at `at` into a capital: the first one of a sentence whose start was a slot.
pub(super) fn capitalize_at(out: &mut str, at: usize) {
    if let Some(first) = out.get_mut(at..=at) {
        first.make_ascii_uppercase();
    }
}

/// The indefinite article of a word, by sound where spelling misleads.
pub(super) fn article(word: &str) -> &'static str {
    const CONSONANT_SOUND: [&str; 5] = ["uni", "use", "euro", "one", "uk"];
    const VOWEL_SOUND: [&str; 6] = ["hour", "honest", "heir", "8", "11", "18"];
    let lower = word.get(..word.len().min(6)).unwrap_or(word).to_ascii_lowercase();
    let vowel = lower.starts_with(['a', 'e', 'i', 'o', 'u']);
    let starts = |list: &[&str]| list.iter().any(|p| lower.starts_with(p));
    if (vowel && !starts(&CONSONANT_SOUND)) || (starts(&VOWEL_SOUND) && !lower.starts_with("110")) { "an" } else { "a" }
}

/// A count in words up to twelve, in digits above, as newspapers do.
pub(super) fn push_count(out: &mut String, n: i64) {
    const WORDS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    match usize::try_from(n).ok().and_then(|n| WORDS.get(n)) {
        Some(word) => out.push_str(word),
        None => push_int(out, n),
    }
}

/// How many whitespace-separated words `text` has.
pub(super) fn word_count(text: &str) -> i64 {
    text.split_whitespace().count() as i64
}
