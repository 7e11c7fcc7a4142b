//! Scoring rules from YAML: features and score terms.

use crate::{
    difficulty::{Feature, Function, Rule, Scorer, Term, Which},
    yaml::{
        Node,
        walk::{Walk, join, nearest_of},
    },
};

const FUNCTIONS: [&str; 16] = [
    "chars",
    "words",
    "lines",
    "items",
    "number",
    "field",
    "count",
    "present",
    "any_of",
    "matches",
    "capture",
    "lookup",
    "mean_words",
    "above",
    "mean_of",
    "python",
];

/// `{features: …, score: …}`.
pub(super) fn rule(walk: &mut Walk, field: &str, node: &Node) -> Rule {
    let problems = walk.problems.len();
    let mut rule = Rule { features: Vec::new(), score: Vec::new() };
    let mut scored = false;
    // Those after the first two are taken before a rule is read; here they are what a misspelt key may mean.
    for (key, field, node) in walk.fields(field, node, &["features", "score", "preset", "measured", "min_responses"]) {
        if key == "features" {
            for (name, field, node) in walk.entries(&field, node) {
                // One with a mistake stands as another, so that what refers to it is not called undefined.
                let feature = feature(walk, &field, node).unwrap_or_else(|| Feature::Field(name.clone()));
                rule.features.push((name, feature));
            }
        } else if key == "score" {
            scored = true;
            for (at, node) in walk.list(&field, node).iter().enumerate() {
                rule.score.extend(term(walk, &format!("{field}[{at}]"), node));
            }
        }
    }
    if rule.score.is_empty() && walk.problems.len() == problems {
        let what = if scored { "`score` has no terms" } else { "has no `score`" };
        walk.problem(node, field, what, "write `score: [{feature: NAME, normalize: p95}]`");
    }
    rule
}

/// Compiles the rule once, so that whatever no row could compute is said now, at the feature's own line.
pub(super) fn check(walk: &mut Walk, field: &str, node: &Node, rule: &Rule, identity: &[String]) {
    let Err(problems) = Scorer::compile(rule, identity) else { return };
    for (name, why) in problems {
        let (at, place) = place_of(node, field, &name);
        let defined: Vec<&str> = rule.features.iter().map(|(name, _)| name.as_str()).collect();
        let hint = if why.contains("not defined") { nearest_of(&name, &defined) } else { String::new() };
        walk.problem(place, &at, why, hint);
    }
}

/// The node that speaks of the feature `name`: where it is defined, else the score term that names it.
fn place_of<'n>(node: &'n Node, field: &str, name: &str) -> (String, &'n Node) {
    let part = |key: &str| node.map()?.iter().find(|(k, _)| k.text == key).map(|(_, node)| node);
    let defined = part("features").and_then(Node::map).and_then(|all| all.iter().find(|(key, _)| key.text == name));
    if let Some((_, node)) = defined {
        return (format!("{field}.features.{name}"), node);
    }
    let terms = part("score").and_then(Node::list).unwrap_or_default();
    let named = |term: &&Node| {
        term.map()
            .is_some_and(|keys| keys.iter().any(|(key, value)| key.text == "feature" && value.text() == Some(name)))
    };
    match terms.iter().find(named) {
        Some(term) => (format!("{field}.score.{name}"), term),
        None => (field.to_owned(), node),
    }
}

fn term(walk: &mut Walk, field: &str, node: &Node) -> Option<Term> {
    let known = ["feature", "weight", "normalize", "constant", "constant_term"];
    let entries = walk.fields(field, node, &known);
    if let Some((_, at, value)) = entries.iter().find(|(key, ..)| *key == "constant_term") {
        if entries.len() > 1 {
            walk.problem(node, field, "`constant_term` stands alone in its term", "give the feature a term of its own");
            return None;
        }
        return walk.number(at, value).map(Term::ConstantTerm);
    }
    let mut name = None;
    let mut weight = 1.0;
    let mut normalize = false;
    let mut constant = None;
    for (key, field, node) in entries {
        match key {
            "feature" => name = walk.text(&field, node),
            "weight" => weight = walk.number(&field, node)?,
            "normalize" => {
                let method = walk.text(&field, node)?;
                if method != "p95" {
                    walk.problem(node, &field, format!("`{method}` is no normalization"), "write `normalize: p95`");
                    return None;
                }
                normalize = true;
            }
            _ => constant = Some((walk.text(&field, node)?, field, node)),
        }
    }
    let Some(feature) = name else {
        if node.map().is_some() {
            walk.problem(
                node,
                field,
                "a term names a feature or is a constant_term",
                "write `{feature: NAME, weight: 0.5, normalize: p95}`",
            );
        }
        return None;
    };
    if let (Some((_, field, node)), false) = (&constant, normalize) {
        walk.problem(
            node,
            field,
            "`constant` names what `normalize` divides by, and there is no `normalize`",
            "add `normalize: p95`",
        );
        return None;
    }
    let constant = normalize.then(|| constant.map_or_else(|| format!("max_{feature}"), |(name, ..)| name));
    Some(Term::Feature { feature, weight, constant })
}

/// `{function: argument}`.
fn feature(walk: &mut Walk, field: &str, node: &Node) -> Option<Feature> {
    let Some([(function, argument)]) = node.map() else {
        walk.problem(
            node,
            field,
            format!("expected one function, found {}", node.describe()),
            "write `{words: FIELD}`",
        );
        return None;
    };
    let name = function.text.as_str();
    let field = join(field, name);
    if !FUNCTIONS.contains(&name) {
        walk.problem(node, &field, "unknown function", nearest_of(name, &FUNCTIONS));
        return None;
    }
    let mut args = Args { walk, field: &field, node: argument };
    Some(match name {
        "chars" => Feature::Chars(args.path()?),
        "words" => Feature::Words(args.path()?),
        "lines" => Feature::Lines(args.path()?),
        "items" => Feature::Items(args.path()?),
        "number" => Feature::Number(args.path()?),
        "field" => Feature::Field(args.path()?),
        "mean_words" => Feature::MeanWords(args.path()?),
        "python" => Feature::Python(Function::named(args.walk.text(&field, argument)?)),
        "count" => {
            let [row_field, substrings] = args.named(["field", "substrings"], &[])?;
            Feature::Count { field: args.text(row_field)?, substrings: args.substrings(substrings)? }
        }
        "present" => {
            let [row_field, substrings, ignore_case] =
                args.named(["field", "substrings", "ignore_case"], &["ignore_case"])?;
            let ignore_case = match ignore_case {
                Some(node) => args.walk.boolean(&join(&field, "ignore_case"), node)?,
                None => false,
            };
            Feature::Present { field: args.text(row_field)?, substrings: args.substrings(substrings)?, ignore_case }
        }
        "any_of" => {
            let [row_field, substrings] = args.named(["field", "substrings"], &[])?;
            Feature::AnyOf { field: args.text(row_field)?, substrings: args.substrings(substrings)? }
        }
        "matches" => {
            let [row_field, regex, at_least] = args.named(["field", "regex", "at_least"], &["at_least"])?;
            let least = at_least.map_or(Some(0), |node| args.walk.whole(&join(&field, "at_least"), node))?;
            let Ok(at_least) = u32::try_from(least) else {
                args.walk.problem(
                    node,
                    &join(&field, "at_least"),
                    format!("{least} is too large"),
                    "write a small number",
                );
                return None;
            };
            Feature::Matches { field: args.text(row_field)?, regex: args.text(regex)?, at_least }
        }
        "capture" => {
            let [row_field, regex, which] = args.named(["field", "regex", "which"], &["which"])?;
            let which = match which.map(|node| (node, node.text())) {
                None | Some((_, Some("first"))) => Which::First,
                Some((_, Some("last"))) => Which::Last,
                Some((node, _)) => {
                    args.walk.problem(
                        node,
                        &join(&field, "which"),
                        format!("{} is neither first nor last", node.describe()),
                        "write `which: last`",
                    );
                    return None;
                }
            };
            Feature::Capture { field: args.text(row_field)?, regex: args.text(regex)?, which }
        }
        "lookup" => {
            let [row_field, table, default] = args.named(["field", "table", "default"], &["default"])?;
            let default = match default {
                Some(node) => Some(args.walk.number(&join(&field, "default"), node)?),
                None => None,
            };
            Feature::Lookup { field: args.text(row_field)?, table: args.table(table)?, default }
        }
        "above" => {
            let [feature, bound] = args.named(["feature", "bound"], &[])?;
            let bound = bound.and_then(|node| args.walk.number(&join(&field, "bound"), node))?;
            Feature::Above { feature: args.text(feature)?, bound }
        }
        _ => {
            let parts = args.walk.list(&field, argument);
            if parts.is_empty() {
                if argument.list().is_some() {
                    args.walk.problem(argument, &field, "the mean of nothing", "list at least one function");
                }
                return None;
            }
            let parts = parts.iter().enumerate().map(|(at, part)| feature(args.walk, &format!("{field}[{at}]"), part));
            Feature::MeanOf(parts.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?)
        }
    })
}

/// The arguments of one function.
struct Args<'w, 'n> {
    walk: &'w mut Walk,
    field: &'w str,
    node: &'n Node,
}

impl<'n> Args<'_, 'n> {
    /// The single argument of a function of one field.
    fn path(&mut self) -> Option<String> {
        let path = self.walk.text(self.field, self.node)?;
        if path.is_empty() || path.split('.').any(str::is_empty) {
            self.walk.problem(
                self.node,
                self.field,
                format!("{path:?} names no field"),
                "write a field's name, nested ones with dots",
            );
            return None;
        }
        Some(path)
    }

    /// The named arguments in the order of `names`; those not in `optional` must be there.
    fn named<const N: usize>(&mut self, names: [&str; N], optional: &[&str]) -> Option<[Option<&'n Node>; N]> {
        let problems = self.walk.problems.len();
        let entries = self.walk.fields(self.field, self.node, &names);
        let found = names.map(|name| entries.iter().find(|(key, ..)| *key == name).map(|(_, _, node)| *node));
        for (name, value) in names.iter().zip(&found) {
            if value.is_none() && !optional.contains(name) && self.walk.problems.len() == problems {
                self.walk.problem(
                    self.node,
                    self.field,
                    format!("`{name}` is missing"),
                    format!("its arguments are {}", names.join(", ")),
                );
            }
        }
        (self.walk.problems.len() == problems).then_some(found)
    }

    fn text(&mut self, node: Option<&Node>) -> Option<String> {
        self.walk.text(self.field, node?)
    }

    fn substrings(&mut self, node: Option<&Node>) -> Option<Vec<String>> {
        let node = node?;
        let problems = self.walk.problems.len();
        let texts = self.walk.texts(self.field, node);
        if self.walk.problems.len() > problems {
            return None;
        }
        if texts.is_empty() || texts.iter().any(String::is_empty) {
            self.walk.problem(
                node,
                self.field,
                "an empty list or an empty substring finds nothing",
                "list what to look for",
            );
            return None;
        }
        Some(texts)
    }

    fn table(&mut self, node: Option<&Node>) -> Option<Vec<(String, f64)>> {
        let entries = self.walk.entries(&join(self.field, "table"), node?);
        entries.into_iter().map(|(text, field, node)| Some((text, self.walk.number(&field, node)?))).collect()
    }
}
