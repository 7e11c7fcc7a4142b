//! `eval.yaml`: the tasks that Inspect runs from the Hub, as `inspect eval hf/OWNER/NAME`.
//!
//! Only Inspect's own solvers and scorers can be named there. A model gets the question as the prompt asks it, with the
//! choices in it, and a pattern finds the answer behind the last `ANSWER:`. Code has no scorer.

use super::{
    About,
    dataset::{Config, Grading, Names},
};
use crate::{TOOL, prompt::Grade};

/// What stands before an answer.
const SAID: &str = r"\banswer[*_`]*\s*:";
/// What models put around an answer.
const MARKS: [char; 9] = [' ', '\t', '\r', '\n', '*', '_', '`', '"', '\''];

/// The tasks of the configs that have some; `None` if none has.
pub(super) fn text(about: &About<'_>, configs: &[Config], names: &Names) -> Option<String> {
    let tasks: String = configs.iter().filter_map(|config| task(config, names)).collect();
    if tasks.is_empty() {
        return None;
    }
    let name = yaml_text(about.name);
    Some(format!(
        "# Written by {TOOL}. Once this folder is a dataset on the Hub: inspect eval hf/OWNER/NAME\n\
         name: {name}\ndescription: {}\nevaluation_framework: inspect-ai\ntasks:\n{tasks}",
        yaml_text(&format!("{} tasks of known difficulty", about.tasks)),
    ))
}

/// The task of a config; `None` if Inspect has no scorer for it.
fn task(config: &Config, names: &Names) -> Option<String> {
    let scorer = match config.grading.as_ref()? {
        Grading::Code => return None,
        Grading::Number => "      - name: match\n        args:\n          numeric: true\n".to_owned(),
        grading => {
            let pattern = yaml_text(&pattern(grading));
            format!("      - name: pattern\n        args:\n          pattern: {pattern}\n")
        }
    };
    let name = yaml_text(&config.name);
    let [ids, input, target] = [&names.ids, &names.input, &names.target].map(|name| yaml_text(name));
    Some(format!(
        "  - id: {name}\n    config: {name}\n    split: test\n    field_spec:\n      input: {input}\n      \
         target: {target}\n      metadata: [{ids}]\n    solvers:\n      - name: generate\n    scorers:\n{scorer}"
    ))
}

/// The pattern that finds the answer, whose case does not count: the last one of a text.
fn pattern(grading: &Grading) -> String {
    let last = format!("(?!.*{SAID})");
    match grading {
        Grading::Choice(labels) => {
            let label = match labels {
                Some(labels) => {
                    let mut labels: Vec<&String> = labels.iter().collect();
                    // `A1` has to be tried before `A`.
                    labels.sort_by_key(|label| std::cmp::Reverse(label.chars().count()));
                    labels.iter().map(|label| regex::escape(label)).collect::<Vec<_>>().join("|")
                }
                None => r"[^\s()*_`]+".to_owned(),
            };
            format!(r"(?is){SAID}\W*({label})(?![\w']){last}")
        }
        _ => {
            let marks = r#"[*_`"'\s]*"#;
            // The second group is empty where the first one has the letter in brackets.
            format!(r#"(?is){SAID}{marks}(?:\((\w)\)|([^\n]*?))[.*_`"'\s]*(?:\n|\Z){last}"#)
        }
    }
}

/// A target without what does not count, as the pattern finds answers.
pub(super) fn plain<'t>(target: &'t str, grade: &Grade) -> &'t str {
    if !matches!(grade, Grade::Exact) {
        return target;
    }
    let plain = target.trim_matches(MARKS).trim_end_matches('.').trim_matches(MARKS);
    let mut inside = plain.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or_default().chars();
    match (inside.next(), inside.next()) {
        (Some(c), None) if c.is_alphanumeric() => &plain[1..plain.len() - 1],
        _ if plain.is_empty() => target,
        _ => plain,
    }
}

/// A text as YAML, on one line and in double quotes, which YAML reads as JSON. What YAML's readers take for a line end, or do
/// not read at all, is escaped.
pub(crate) fn yaml_text(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut yaml = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                yaml.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => yaml.push(c),
        }
    }
    yaml
}
