//! Prompts from YAML, and a benchmark's prompt for its rows.

use super::{Benchmark, Config};
use crate::{
    prompt::{Answer, Captured, Choices, Code, Grade, Prompt, Template},
    row::{FieldSet, Which, kind_of, paths_of},
    yaml::{
        Node, Place, Problem, Problems, Refusal,
        walk::{Walk, by_distance, join, nearest_of},
    },
};

/// The forms of `grade`, for messages.
const GRADES: &str = "choice, exact, number, or {code: {tests: \"{test}\", entry_point: \"{entry_point}\"}}";
/// How many fields of a row a message lists.
const MAX_LISTED: usize = 12;

/// The keys of a prompt, each with its place.
pub(super) type Places = Vec<(String, Place)>;

/// `{input: …, target: …, choices: …, grade: …, stop: …}`, and where its keys are written; `None` after a problem.
pub(super) fn prompt(walk: &mut Walk, field: &str, node: &Node) -> Option<(Prompt, Places)> {
    let problems = walk.problems.len();
    let (mut input, mut target, mut choices, mut grade, mut stop) = (None, None, None, None, Vec::new());
    let entries = walk.fields(field, node, &["input", "target", "choices", "grade", "stop"]);
    let has = |name: &str| entries.iter().any(|(key, ..)| *key == name);
    for (key, field, node) in &entries {
        match *key {
            "input" => input = filled(walk, field, node),
            "target" => target = answer(walk, field, node, true),
            "choices" => choices = choices_of(walk, field, node),
            "grade" => grade = grade_of(walk, field, node),
            _ => stop = stops(walk, field, node),
        }
    }
    for (key, example) in [
        ("input", "\"{question}\""),
        ("target", "\"{answer}\""),
        ("grade", if has("choices") { "choice" } else { "exact" }),
    ] {
        if !has(key) && !has_unknown_keys(node, &entries) {
            walk.problem(node, field, format!("has no `{key}`"), format!("write it, such as `{key}: {example}`"));
        }
    }
    let at = |name: &str| entries.iter().find(|(key, ..)| *key == name).map(|(_, field, node)| (field, *node));
    if let (Some(grade), Some((grade_field, grade_node))) = (&grade, at("grade")) {
        let wants_choice = matches!(grade, Grade::Choice);
        if let (false, Some((field, node))) = (wants_choice, at("choices")) {
            let what = format!("`choices` go with `grade: choice`, and the grade is {}", grade.name());
            walk.problem(node, field, what, "remove one of the two");
        }
        if wants_choice && !has("choices") {
            let hint = "write the labels, `choices: [A, B]`, or the field that lists them, `choices: {items: FIELD}`";
            walk.problem(grade_node, grade_field, "`grade: choice` needs `choices`", hint);
        }
        if let (Some(Answer::Index { .. }), false, Some((field, node))) = (&target, wants_choice, at("target")) {
            walk.problem(node, field, "`index` is the number of a choice", "write `grade: choice` and `choices`");
        }
    }
    if walk.problems.len() > problems {
        return None;
    }
    let mut places: Places = entries.iter().map(|(key, _, node)| ((*key).to_owned(), node.place.clone())).collect();
    places.push((String::new(), node.place.clone()));
    Some((Prompt { input: input?, target: target?, choices, grade: grade?, stop }, places))
}

/// A template that reads at least one field.
fn filled(walk: &mut Walk, field: &str, node: &Node) -> Option<Template> {
    let text = walk.text(field, node)?;
    let template = template(walk, field, node, &text)?;
    if !template.fields().is_empty() {
        return Some(template);
    }
    let hint = match text.find("{{") {
        Some(_) => "write each field in single braces, `{FIELD}`; double braces stand for a brace".to_owned(),
        None if is_a_name(&text) => format!("write `{{{text}}}` if you mean the field"),
        None => "write each field in braces, `{FIELD}`".to_owned(),
    };
    walk.problem(node, field, "reads no field, so that it is the same for every row", hint);
    None
}

fn is_a_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c))
}

fn template(walk: &mut Walk, field: &str, node: &Node, text: &str) -> Option<Template> {
    match Template::parse(text) {
        Ok(template) => Some(template),
        Err(Refusal { what, instead }) => {
            walk.problem(node, field, what, instead);
            None
        }
    }
}

/// A template, `{capture: {field: F, regex: R, which: last}}`, or, for a target, `{index: {field: F, first: 0}}`.
fn answer(walk: &mut Walk, field: &str, node: &Node, is_target: bool) -> Option<Answer> {
    if node.map().is_none() {
        if node.text().is_none() {
            walk.wrong_type(node, field, "a text with fields in braces", "\"{answer}\"");
            return None;
        }
        if is_target {
            return filled(walk, field, node).map(Answer::Filled);
        }
        let text = walk.text(field, node)?;
        return template(walk, field, node, &text).map(Answer::Filled);
    }
    let known: &[&str] = if is_target { &["capture", "index"] } else { &["capture"] };
    let problems = walk.problems.len();
    let entries = walk.fields(field, node, known);
    let [(key, field, node)] = &entries[..] else {
        if walk.problems.len() == problems {
            let hint = format!("write a text with fields in braces, or one of {}", known.join(", "));
            walk.problem(node, field, format!("expected one way to find it, found {}", node.describe()), hint);
        }
        return None;
    };
    match *key {
        "capture" => captured(walk, field, node).map(Answer::Captured),
        _ => index(walk, field, node),
    }
}

fn captured(walk: &mut Walk, field: &str, node: &Node) -> Option<Captured> {
    let (mut path, mut regex, mut which) = (None, None, Which::default());
    let entries = walk.fields(field, node, &["field", "regex", "which"]);
    required(walk, field, node, &entries, &["field", "regex"])?;
    for (key, field, node) in &entries {
        match *key {
            "field" => path = Some(field_name(walk, field, node)?),
            "regex" => regex = Some(walk.text(field, node)?),
            _ => match node.text().and_then(Which::parse) {
                Some(named) => which = named,
                None => {
                    let what = format!("{} is neither first nor last", node.describe());
                    walk.problem(node, field, what, "write `which: last`");
                    return None;
                }
            },
        }
    }
    match Captured::new(&path?, &regex?, which) {
        Ok(captured) => Some(captured),
        Err(Refusal { what, instead }) => {
            walk.problem(node, field, what, instead);
            None
        }
    }
}

fn index(walk: &mut Walk, field: &str, node: &Node) -> Option<Answer> {
    let (mut path, mut first) = (None, 0);
    let entries = walk.fields(field, node, &["field", "first"]);
    required(walk, field, node, &entries, &["field"])?;
    for (key, field, node) in &entries {
        if *key == "field" {
            path = Some(field_name(walk, field, node)?);
        } else {
            first = walk.whole(field, node)?;
        }
    }
    Some(Answer::Index { field: path?, first })
}

/// Notes the keys that are missing from a mapping; `None` if one is.
fn required(
    walk: &mut Walk,
    field: &str,
    node: &Node,
    entries: &[(&str, String, &Node)],
    names: &[&str],
) -> Option<()> {
    if has_unknown_keys(node, entries) {
        return None;
    }
    let missing = names.iter().find(|name| !entries.iter().any(|(key, ..)| key == *name));
    let Some(missing) = missing else { return Some(()) };
    walk.problem(node, field, format!("`{missing}` is missing"), format!("its keys are {}", names.join(", ")));
    None
}

/// Whether a mapping has keys that are not among its known `entries`, or is no mapping: that is a problem of its own, and
/// may be why another key is missing.
fn has_unknown_keys(node: &Node, entries: &[(&str, String, &Node)]) -> bool {
    node.map().is_none_or(|all| all.iter().filter(|(_, value)| !value.is_null()).count() > entries.len())
}

/// The name of a field without braces, nested ones with dots.
fn field_name(walk: &mut Walk, field: &str, node: &Node) -> Option<String> {
    let name = walk.text(field, node)?;
    if name.trim() != name || name.contains(['{', '}']) || name.split('.').any(str::is_empty) {
        let what = format!("{name:?} names no field");
        walk.problem(node, field, what, "write a field's name without braces, nested ones with dots");
        return None;
    }
    Some(name)
}

/// `[A, B, C]`, or `{items: FIELD}`.
fn choices_of(walk: &mut Walk, field: &str, node: &Node) -> Option<Choices> {
    if node.map().is_some() {
        let entries = walk.fields(field, node, &["items"]);
        required(walk, field, node, &entries, &["items"])?;
        let (_, field, node) = entries.first()?;
        return field_name(walk, field, node).map(Choices::Items);
    }
    let problems = walk.problems.len();
    let labels = walk.texts(field, node);
    let hint = "write the labels that models answer with, such as `choices: [A, B]`";
    for (at, label) in labels.iter().enumerate() {
        if labels[..at].contains(label) {
            walk.problem(node, field, format!("`{label}` is named twice"), "name each choice once");
        } else if label.trim().is_empty() || label.trim() != label {
            walk.problem(node, field, format!("{label:?} is blank, or has blanks around it"), hint);
        } else if label.contains(['{', '}']) {
            let what = format!("`{label}` has a brace, and labels are not filled");
            walk.problem(node, field, what, format!("{hint}, and the fields into `input`"));
        }
    }
    if labels.len() < 2 && walk.problems.len() == problems {
        walk.problem(node, field, "lists fewer than two choices", hint);
    }
    (walk.problems.len() == problems).then_some(Choices::Listed(labels))
}

/// `choice`, `exact`, `number`, or `{code: {tests: …, entry_point: …, given: …}}`; `given` may be missing.
fn grade_of(walk: &mut Walk, field: &str, node: &Node) -> Option<Grade> {
    if node.map().is_none() {
        return match node.text() {
            Some("choice") => Some(Grade::Choice),
            Some("exact") => Some(Grade::Exact),
            Some("number") => Some(Grade::Number),
            Some("code") => {
                let what = "`code` needs `tests` and `entry_point`";
                walk.problem(node, field, what, format!("write `grade: {}`", GRADES.rsplit(", or ").next()?));
                None
            }
            _ => {
                let what = format!("{} is not a grade", node.describe());
                walk.problem(node, field, what, format!("write one of {GRADES}"));
                None
            }
        };
    }
    let entries = walk.fields(field, node, &["code"]);
    required(walk, field, node, &entries, &["code"])?;
    let (_, field, node) = entries.first()?;
    let keys = ["tests", "entry_point", "given"];
    let entries = walk.fields(field, node, &keys);
    required(walk, field, node, &entries, &keys[..2])?;
    let (mut tests, mut entry_point, mut given) = (None, None, None);
    for (key, field, node) in &entries {
        match *key {
            "tests" => tests = filled(walk, field, node),
            "given" => given = Some(filled(walk, field, node)?),
            _ => entry_point = answer(walk, field, node, false),
        }
    }
    Some(Grade::Code(Box::new(Code { tests: tests?, entry_point: entry_point?, given })))
}

/// Texts that end an answer.
fn stops(walk: &mut Walk, field: &str, node: &Node) -> Vec<String> {
    let texts = walk.texts(field, node);
    for (at, text) in texts.iter().enumerate() {
        if text.is_empty() {
            walk.problem(node, field, "an empty text ends every answer before it begins", "remove it");
        } else if texts[..at].contains(text) {
            walk.problem(node, field, format!("{text:?} is named twice"), "name each text once");
        }
    }
    texts
}

impl Config {
    /// The prompt of a benchmark whose rows have the fields of `row`, the JSON text of the first one.
    ///
    /// # Errors
    /// The benchmark has no prompt, or its prompt reads fields that the row does not have.
    pub fn prompt_for(&self, name: &str, row: &str) -> Result<&Prompt, Problems> {
        let field = format!("benchmarks.{name}");
        let Some(benchmark) = self.benchmark(name) else {
            let hint = nearest_of(name, &self.names());
            return Err(Problem::new(Place::default(), field, format!("there is no benchmark `{name}`"), hint).into());
        };
        let place = |key: &str| benchmark.place_of(key);
        let known = paths_of(row);
        let Some(prompt) = &benchmark.prompt else {
            let hint = format!(
                "write `prompt: {{input: \"{{question}}\", target: \"{{answer}}\", grade: exact}}` with the fields of its rows: {}",
                listed(&known)
            );
            let what = "has no `prompt`, so that it can be exported to hf alone";
            return Err(Problem::new(place(""), field, what, hint).into());
        };
        let field = format!("{field}.prompt");
        let unknown = prompt
            .unknown_fields(row)
            .map_err(|fault| Problem::new(place(""), field.clone(), format!("the first row: {fault}"), ""))?;
        let problems: Vec<Problem> = unknown
            .into_iter()
            .map(|read| {
                let what = format!("the first row has no field `{}`", read.field);
                let hint = match above(row, &read.field) {
                    Some((path, kind)) => format!("`{path}` is {kind}, and dots lead into objects alone"),
                    None => format!("it has, nearest first: {}", listed(&by_distance(&read.field, &known))),
                };
                Problem::new(place(read.key), join(&field, read.key), what, hint)
            })
            .collect();
        if problems.is_empty() { Ok(prompt) } else { Err(Problems(problems)) }
    }
}

impl Benchmark {
    /// Where a key of its prompt is written (`target`, or `grade.code.tests`), else where its prompt or itself is.
    fn place_of(&self, key: &str) -> Place {
        let top = key.split('.').next().unwrap_or_default();
        let place = |name: &str| self.places.iter().find(|(known, _)| known == name).map(|(_, place)| place.clone());
        place(top).or_else(|| place("")).unwrap_or_default()
    }
}

/// The field above `path` that is there but is no object, and its kind.
fn above(row: &str, path: &str) -> Option<(String, &'static str)> {
    let mut set = FieldSet::default();
    let above: Vec<&str> = path.match_indices('.').map(|(at, _)| &path[..at]).collect();
    let slots: Vec<usize> = above.iter().map(|path| set.add(path)).collect();
    let fields = set.read(row, false).ok()?;
    above.iter().zip(slots).find_map(|(path, slot)| {
        let json = fields.json(slot).ok()?;
        (!json.starts_with('{')).then(|| ((*path).to_owned(), kind_of(json)))
    })
}

fn listed(fields: &[String]) -> String {
    let more = if fields.len() > MAX_LISTED { ", …" } else { "" };
    let shown: Vec<&str> = fields.iter().take(MAX_LISTED).map(String::as_str).collect();
    if shown.is_empty() { "none".to_owned() } else { format!("{}{more}", shown.join(", ")) }
}
