//! Every feature function: its form in fingerprints, and the message for each mistake in its arguments.

use std::collections::BTreeSet;

use symphony_data::{
    config::{Config, schema},
    difficulty::Feature,
};

/// A configuration whose second feature, `n`, is this one.
fn config(feature: &str) -> String {
    format!(
        "benchmarks:\n  mine:\n    path: 'file:x.jsonl'\n    difficulty:\n      features:\n        m: {{words: q}}\n        \
         n: {feature}\n      score: [{{feature: m}}]\n"
    )
}

#[test]
fn the_json_of_a_feature_never_changes_because_fingerprints_of_stores_hold_it() {
    let functions = [
        ("{chars: q}", r#"{"chars":"q"}"#),
        ("{words: question}", r#"{"words":"question"}"#),
        ("{lines: a.b}", r#"{"lines":"a.b"}"#),
        ("{mean_words: options}", r#"{"mean_words":"options"}"#),
        ("{items: options}", r#"{"items":"options"}"#),
        ("{number: n}", r#"{"number":"n"}"#),
        ("{field: a.\"b\"}", r#"{"field":"a.\"b\""}"#),
        (
            "{lookup: {field: kind, table: {b: 0.5, a: 2, 'no': -1e300}}}",
            r#"{"lookup":{"field":"kind","table":[["b",0.5],["a",2.0],["no",-1e+300]],"default":null}}"#,
        ),
        ("{lookup: {default: 0.1, field: kind, table: {}}}", r#"{"lookup":{"field":"kind","table":[],"default":0.1}}"#),
        (
            "{count: {field: q, substrings: [so, yes, \"é\\n\"]}}",
            r#"{"count":{"field":"q","substrings":["so","yes","é\n"]}}"#,
        ),
        (
            "{present: {substrings: so, field: q}}",
            r#"{"present":{"field":"q","substrings":["so"],"ignore_case":false}}"#,
        ),
        (
            "{present: {field: q, substrings: [So], ignore_case: yes}}",
            r#"{"present":{"field":"q","substrings":["So"],"ignore_case":true}}"#,
        ),
        ("{any_of: {field: q, substrings: [a, b]}}", r#"{"any_of":{"field":"q","substrings":["a","b"]}}"#),
        ("{matches: {field: q, regex: '(?m)^\\d'}}", r#"{"matches":{"field":"q","regex":"(?m)^\\d","at_least":0}}"#),
        ("{matches: {field: q, regex: x, at_least: 3}}", r#"{"matches":{"field":"q","regex":"x","at_least":3}}"#),
        ("{capture: {field: q, regex: '(\\d+)'}}", r#"{"capture":{"field":"q","regex":"(\\d+)","which":"first"}}"#),
        (
            "{capture: {field: q, regex: '(x)', which: last}}",
            r#"{"capture":{"field":"q","regex":"(x)","which":"last"}}"#,
        ),
        ("{above: {feature: m, bound: 3}}", r#"{"above":{"feature":"m","bound":3.0}}"#),
        (
            "{mean_of: [{words: q}, {mean_of: [{count: {field: q, substrings: [a]}}]}]}",
            r#"{"mean_of":[{"words":"q"},{"mean_of":[{"count":{"field":"q","substrings":["a"]}}]}]}"#,
        ),
        ("{python: n_loops}", r#"{"python":{"name":"n_loops","version":null}}"#),
    ];
    let mut pinned = BTreeSet::new();
    for (yaml, json) in functions {
        let config = Config::from_yaml("my.yaml", &config(yaml)).unwrap();
        let (name, feature) = &config.benchmarks[0].rule.features[1];
        assert_eq!((name.as_str(), serde_json::to_string(feature).unwrap().as_str()), ("n", json), "{yaml}");
        pinned.insert(feature.name().to_owned());
    }
    assert_eq!(
        pinned,
        functions_of_the_schema().into_iter().collect(),
        "each function has its JSON here, and its form in the JSON Schema"
    );
}

fn functions_of_the_schema() -> Vec<String> {
    let schema: serde_json::Value = serde_json::from_str(&schema::config()).unwrap();
    let features = schema["$defs"]["feature"]["oneOf"].as_array().unwrap();
    features.iter().map(|feature| feature["required"][0].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_mistake_in_an_argument_gets_one_message_with_its_place_and_what_to_write() {
    let cases = [
        ("words", "n: expected one function, found words; write `{words: FIELD}`"),
        ("[words, q]", "n: expected one function, found [words, q]; write `{words: FIELD}`"),
        ("{words: q, chars: q}", "n: expected one function, found a mapping with words, chars; write `{words: FIELD}`"),
        ("{wrods: q}", "n.wrods: unknown function; did you mean `words`?"),
        ("{words: }", r#"n.words: expected a text, found nothing; write `words: "text"`"#),
        ("{words: [q]}", r#"n.words: expected a text, found [q]; write `words: "text"`"#),
        ("{words: a..b}", r#"n.words: "a..b" names no field; write a field's name, nested ones with dots"#),
        ("{chars: ''}", r#"n.chars: "" names no field; write a field's name, nested ones with dots"#),
        ("{mean_words: .a}", r#"n.mean_words: ".a" names no field; write a field's name, nested ones with dots"#),
        ("{python: }", r#"n.python: expected a text, found nothing; write `python: "text"`"#),
        ("{python: [a]}", r#"n.python: expected a text, found [a]; write `python: "text"`"#),
        ("{count: q}", "n.count: expected a mapping, found q; write `field: …`"),
        ("{count: {field: q}}", "n.count: `substrings` is missing; its arguments are field, substrings"),
        ("{count: {substrings: [a]}}", "n.count: `field` is missing; its arguments are field, substrings"),
        ("{count: {field: q, substring: [a]}}", "n.count.substring: unknown key; did you mean `substrings`?"),
        (
            "{count: {field: q, substrings: []}}",
            "n.count: an empty list or an empty substring finds nothing; list what to look for",
        ),
        (
            "{count: {field: q, substrings: [a, '']}}",
            "n.count: an empty list or an empty substring finds nothing; list what to look for",
        ),
        ("{count: {field: q, substrings: {a: b}}}", "n.count: expected a list, found a mapping with a; write `[a, b]`"),
        ("{count: {field: [q], substrings: [a]}}", r#"n.count: expected a text, found [q]; write `count: "text"`"#),
        (
            "{any_of: {field: q, substrings: 3, ignore_case: true}}",
            "n.any_of.ignore_case: unknown key; known here: field, substrings",
        ),
        (
            "{any_of: {field: q, substrings: [[a]]}}",
            r#"n.any_of[0]: expected a text, found [a]; write `any_of[0]: "text"`"#,
        ),
        (
            "{present: {field: q, substrings: [a], ignore_case: maybe}}",
            "n.present.ignore_case: expected true or false, found maybe; write `ignore_case: true`",
        ),
        ("{matches: {field: q}}", "n.matches: `regex` is missing; its arguments are field, regex, at_least"),
        (
            "{matches: {field: q, regex: x, at_least: -1}}",
            "n.matches.at_least: expected a whole number from 0 up, found -1; write `at_least: 1000`",
        ),
        (
            "{matches: {field: q, regex: x, at_least: 5000000000}}",
            "n.matches.at_least: 5000000000 is too large; write a small number",
        ),
        ("{matches: {field: q, regex: '('}}", "n: `(` is not a valid regular expression: unclosed group"),
        (
            "{capture: {field: q, regex: '[(]'}}",
            r"n: the regex `[(]` has no group; put the number in parentheses, as in `(\d+)`",
        ),
        (
            "{capture: {field: q, regex: '(x)', which: middle}}",
            "n.capture.which: middle is neither first nor last; write `which: last`",
        ),
        (
            "{capture: {field: q, regex: '(x)', which: [last]}}",
            "n.capture.which: [last] is neither first nor last; write `which: last`",
        ),
        ("{lookup: {field: q}}", "n.lookup: `table` is missing; its arguments are field, table, default"),
        ("{lookup: {field: q, table: [a]}}", "n.lookup.table: expected a mapping, found [a]; write `name: value`"),
        ("{lookup: {field: q, table: {a: b}}}", "n.lookup.table.a: expected a number, found b; write `a: 0.5`"),
        (
            "{lookup: {field: q, table: {a: 1}, default: x}}",
            "n.lookup.default: expected a number, found x; write `default: 0.5`",
        ),
        ("{above: {feature: m}}", "n.above: `bound` is missing; its arguments are feature, bound"),
        ("{above: {feature: m, bound: x}}", "n.above.bound: expected a number, found x; write `bound: 0.5`"),
        ("{above: {feature: n, bound: 1}}", "n: `n` is not a feature above this one; define it first"),
        ("{mean_of: []}", "n.mean_of: the mean of nothing; list at least one function"),
        ("{mean_of: q}", "n.mean_of: expected a list, found q; write `[a, b]`"),
        ("{mean_of: [{words: q}, {wrods: q}]}", "n.mean_of[1].wrods: unknown function; did you mean `words`?"),
        (
            "{mean_of: [{words: q}, {matches: {field: q, regex: '('}}]}",
            "n: `(` is not a valid regular expression: unclosed group",
        ),
    ];
    for (yaml, expected) in cases {
        let found = Config::from_yaml("my.yaml", &config(yaml)).unwrap_err().to_string();
        assert_eq!(found, format!("my.yaml:7: benchmarks.mine.difficulty.features.{expected}"), "{yaml}");
    }
}

#[test]
fn a_name_that_is_near_no_function_gets_the_list_of_all() {
    let found = Feature::from_yaml("{length_in_bytes: q}").unwrap_err().to_string();
    let all = functions_of_the_schema().join(", ");
    assert_eq!(found, format!("feature:1: length_in_bytes: unknown function; known here: {all}"));
}

#[test]
fn a_feature_alone_is_read_from_yaml_and_every_problem_in_it_is_found() {
    let feature = Feature::from_yaml("{mean_of: [{words: q}, {chars: q}]}").unwrap();
    assert_eq!(feature, feature.clone());
    assert_ne!(feature, Feature::from_yaml("{mean_of: [{words: q}, {chars: other}]}").unwrap());
    assert_ne!(Feature::from_yaml("{words: q}").unwrap(), Feature::from_yaml("{chars: q}").unwrap());
    assert_eq!(Feature::field("q"), Feature::from_yaml("{field: q}").unwrap());
    let problems = Feature::from_yaml("\nmean_of:\n- {wrods: q}\n- {chars: ''}").unwrap_err();
    let expected = [
        "feature:3: mean_of[0].wrods: unknown function; did you mean `words`?",
        "feature:4: mean_of[1].chars: \"\" names no field; write a field's name, nested ones with dots",
    ];
    assert_eq!(problems.to_string().lines().collect::<Vec<_>>(), expected);
}
