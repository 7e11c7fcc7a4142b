//! Looking for substrings and patterns in a text: `count`, `present`, `any_of`, `matches`, `capture`.

use memchr::memmem::Finder;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Entry, FeatureFunction,
    arguments::{Arguments, form},
    entry,
    line_starts::Matcher,
};
use crate::{
    difficulty::{
        Cell,
        kernel::{Kernel, Scope},
    },
    row::{
        Which,
        pattern::{Pattern, compile_regex},
    },
    yaml::Refusal,
};

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] =
    &[entry::<Count>(), entry::<Present>(), entry::<AnyOf>(), entry::<Matches>(), entry::<Capture>()];

/// `{count: {field: FIELD, substrings: [TEXT, …]}}`: how often the substrings occur, each counted without overlap, added up.
#[derive(Clone, Debug, Serialize)]
struct Count {
    field: String,
    substrings: Vec<String>,
}

impl FeatureFunction for Count {
    const NAME: &str = "count";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        let [field, substrings] = arguments.named(["field", "substrings"], &[])?;
        Some(Self { field: arguments.text(field)?, substrings: arguments.substrings(substrings)? })
    }

    fn schema() -> Value {
        form::named(&[("field", form::path()), ("substrings", form::substrings())], &[])
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.field);
        let finders = finders(&self.substrings);
        Ok(Kernel::new(move |row, _| {
            let text = row.text(field)?.as_bytes();
            Ok(Cell::Int(finders.iter().map(|f| f.find_iter(text).count() as i64).sum()))
        }))
    }
}

/// `{present: {field: FIELD, substrings: [TEXT, …], ignore_case: false}}`: how many of the substrings occur at all.
#[derive(Clone, Debug, Serialize)]
struct Present {
    field: String,
    substrings: Vec<String>,
    /// Whether `A` finds `a`.
    ignore_case: bool,
}

impl FeatureFunction for Present {
    const NAME: &str = "present";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        let [field, substrings, ignore_case] =
            arguments.named(["field", "substrings", "ignore_case"], &["ignore_case"])?;
        let ignore_case = match ignore_case {
            Some(node) => arguments.walk.boolean(&arguments.place("ignore_case"), node)?,
            None => false,
        };
        Some(Self { field: arguments.text(field)?, substrings: arguments.substrings(substrings)?, ignore_case })
    }

    fn schema() -> Value {
        form::named(
            &[("field", form::path()), ("substrings", form::substrings())],
            &[("ignore_case", json!({"type": "boolean", "default": false}))],
        )
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.field);
        if !self.ignore_case {
            let finders = finders(&self.substrings);
            return Ok(Kernel::new(move |row, _| Ok(Cell::Int(count_present(&finders, row.text(field)?)))));
        }
        let lowered: Vec<String> = self.substrings.iter().map(|s| s.to_lowercase()).collect();
        let finders = finders(&lowered);
        let ascii = lowered.iter().all(|s| s.is_ascii());
        Ok(Kernel::new(move |row, _| {
            let text = row.text(field)?;
            // ASCII is lowered several times as fast, and ASCII alone is looked for. Beyond ASCII, only the sign of Kelvin and
            // the dotted İ have a lower case with ASCII in it.
            let lowered = if row.is_ascii(field) || text.is_ascii() || ascii && !text.contains(['\u{212a}', 'İ']) {
                text.to_ascii_lowercase()
            } else {
                text.to_lowercase()
            };
            Ok(Cell::Int(count_present(&finders, &lowered)))
        }))
    }
}

/// `{any_of: {field: FIELD, substrings: [TEXT, …]}}`: whether any of the substrings occurs.
#[derive(Clone, Debug, Serialize)]
struct AnyOf {
    field: String,
    substrings: Vec<String>,
}

impl FeatureFunction for AnyOf {
    const NAME: &str = "any_of";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        let [field, substrings] = arguments.named(["field", "substrings"], &[])?;
        Some(Self { field: arguments.text(field)?, substrings: arguments.substrings(substrings)? })
    }

    fn schema() -> Value {
        form::named(&[("field", form::path()), ("substrings", form::substrings())], &[])
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.field);
        let finders = finders(&self.substrings);
        Ok(Kernel::new(move |row, _| {
            let text = row.text(field)?.as_bytes();
            Ok(Cell::Bool(finders.iter().any(|f| f.find(text).is_some())))
        }))
    }
}

/// `{matches: {field: FIELD, regex: REGEX, at_least: 0}}`: how often a regular expression matches, but no fewer than
/// `at_least`.
#[derive(Clone, Debug, Serialize)]
struct Matches {
    field: String,
    regex: String,
    at_least: u32,
}

impl FeatureFunction for Matches {
    const NAME: &str = "matches";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        let [field, regex, at_least] = arguments.named(["field", "regex", "at_least"], &["at_least"])?;
        let at_least = match at_least {
            Some(node) => {
                let place = arguments.place("at_least");
                let least = arguments.walk.whole(&place, node)?;
                let Ok(least) = u32::try_from(least) else {
                    arguments.walk.problem(node, &place, format!("{least} is too large"), "write a small number");
                    return None;
                };
                least
            }
            None => 0,
        };
        Some(Self { field: arguments.text(field)?, regex: arguments.text(regex)?, at_least })
    }

    fn schema() -> Value {
        form::named(
            &[("field", form::path()), ("regex", form::text())],
            &[("at_least", json!({"type": "integer", "minimum": 0, "default": 0}))],
        )
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.field);
        let regex = Matcher::new(compile_regex(&self.regex)?);
        let at_least = i64::from(self.at_least);
        Ok(Kernel::new(move |row, _| Ok(Cell::Int(regex.count(row.text(field)?).max(at_least)))))
    }
}

/// `{capture: {field: FIELD, regex: REGEX, which: first}}`: group 1 of a match, as a number.
#[derive(Clone, Debug, Serialize)]
struct Capture {
    field: String,
    regex: String,
    which: Which,
}

impl FeatureFunction for Capture {
    const NAME: &str = "capture";

    fn read(arguments: &mut Arguments<'_, '_>) -> Option<Self> {
        let [field, regex, which] = arguments.named(["field", "regex", "which"], &["which"])?;
        let which = match which.map(|node| (node, node.text().and_then(Which::parse))) {
            None => Which::default(),
            Some((_, Some(which))) => which,
            Some((node, None)) => {
                let what = format!("{} is neither first nor last", node.describe());
                arguments.walk.problem(node, &arguments.place("which"), what, "write `which: last`");
                return None;
            }
        };
        Some(Self { field: arguments.text(field)?, regex: arguments.text(regex)?, which })
    }

    fn schema() -> Value {
        form::named(
            &[("field", form::path()), ("regex", form::text())],
            &[("which", json!({"enum": ["first", "last"], "default": "first"}))],
        )
    }

    fn compile(&self, scope: &mut Scope<'_>) -> Result<Kernel, Refusal> {
        let field = scope.field(&self.field);
        let pattern = Pattern::compile(&self.regex, self.which, "the number")?;
        Ok(Kernel::new(move |row, _| {
            let group = pattern.find(row.text(field)?).map_err(|why| row.fault(field, why))?;
            let number = number_text(group).ok_or_else(|| {
                row.fault(field, format!("`{}` finds {group:?}, which is no number", pattern.regex()))
            })?;
            Ok(Cell::Json(number))
        }))
    }
}

fn finders(substrings: &[String]) -> Vec<Finder<'static>> {
    substrings.iter().map(|s| Finder::new(s.as_bytes()).into_owned()).collect()
}

fn count_present(finders: &[Finder<'_>], text: &str) -> i64 {
    finders.iter().filter(|f| f.find(text.as_bytes()).is_some()).count() as i64
}

/// A captured number in JSON's form: `007` is 7.
fn number_text(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.to_string());
    }
    let number: f64 = text.parse().ok()?;
    number.is_finite().then(|| serde_json::Number::from_f64(number).map(|n| n.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_characters_beyond_ascii_have_ascii_in_their_lower_case() {
        let found: String = ('\u{80}'..=char::MAX).filter(|c| c.to_lowercase().any(|c| c.is_ascii())).collect();
        assert_eq!(found, "İ\u{212a}");
    }

    #[test]
    fn captured_numbers_are_written_as_json_numbers() {
        assert_eq!(number_text("007").as_deref(), Some("7"));
        assert_eq!(number_text("2.50").as_deref(), Some("2.5"));
        assert_eq!(number_text("x"), None);
        assert_eq!(number_text("1e999"), None);
    }
}
