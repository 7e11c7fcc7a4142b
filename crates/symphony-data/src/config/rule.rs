//! Scoring rules from YAML: features and score terms.

use crate::{
    difficulty::{Feature, Rule, Scorer, Term, functions},
    yaml::{Node, walk::Walk},
};

/// `{features: …, score: …}`.
pub(super) fn rule(walk: &mut Walk, field: &str, node: &Node) -> Rule {
    let problems = walk.problems.len();
    let mut rule = Rule { features: Vec::new(), score: Vec::new() };
    let mut scored = false;
    // The keys after the first two are read elsewhere; here they are suggestions for a misspelt key.
    for (key, field, node) in walk.fields(field, node, &["features", "score", "preset", "measured", "min_responses"]) {
        if key == "features" {
            for (name, field, node) in walk.entries(&field, node) {
                // Another takes the place of one with a mistake, so that references to it are not called undefined.
                let feature = functions::read(walk, &field, node).unwrap_or_else(|| Feature::field(&name));
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

/// Compiles the rule once, so that a feature that no row can have is refused now, at its own line.
pub(super) fn check(walk: &mut Walk, field: &str, node: &Node, rule: &Rule, identity: &[String]) {
    for (name, refusal) in Scorer::compile(rule, identity).err().into_iter().flatten() {
        let (at, place) = place_of(node, field, &name);
        walk.problem(place, &at, refusal.what, refusal.instead);
    }
}

/// The node about the feature `name`: its definition, else the score term that names it.
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
                    walk.problem(node, &field, format!("`{method}` is not a normalization"), "write `normalize: p95`");
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
