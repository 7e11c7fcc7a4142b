//! Prompts: templates and their values, and the mistakes in their keys.

use std::{fs, path::Path};

use serde_json::{Value, json};
use symphony_data::{
    DatasetBuilder,
    config::Config,
    preprocess::PreprocessOptions,
    prompt::{Asked, Choice, Prompt, Template},
};

fn fill(template: &str, row: &str) -> Result<String, String> {
    Template::parse(template).map_err(|refusal| refusal.to_string())?.fill(row).map_err(|fault| fault.to_string())
}

/// A configuration of one benchmark with this prompt, on the lines from 6 on.
fn config(prompt: &str) -> String {
    let lines: String = prompt.lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "benchmarks:\n  mine:\n    path: 'file:x.jsonl'\n    difficulty: {{score: [{{constant_term: 1}}]}}\n    prompt:\n{lines}"
    )
}

fn prompt(text: &str) -> Prompt {
    let config = Config::from_yaml("my.yaml", &config(text)).unwrap();
    config.benchmarks[0].prompt.clone().unwrap()
}

fn ask(text: &str, row: &Value) -> Result<Asked, String> {
    prompt(text).ask(&row.to_string()).map_err(|fault| fault.to_string())
}

#[test]
fn values_fill_a_template_as_the_page_says() {
    let row = r#"{"text": "a {b} \"c\"\n\\d é", "whole": 142.0, "zero": -0.0, "half": 2.50, "large": 12345678901234567890,
        "power": 1e3, "yes": true, "no": false, "none": null, "list": ["a", 2.0, null, false], "empty": [], "o": {"A": {"b": "deep"}}}"#;
    let cases = [
        ("{text}", "a {b} \"c\"\n\\d é"),
        ("{whole} {zero} {half} {large} {power}", "142 0 2.50 12345678901234567890 1e3"),
        ("{yes}{no}[{none}]", "truefalse[]"),
        ("<{list}><{empty}>", "<a\n2\nfalse><>"),
        ("{o.A.b}{o.A.b}", "deepdeep"),
        ("{{{whole}}}", "{142}"),
        (r"\boxed{{x}} {{}}", r"\boxed{x} {}"),
        ("é{yes}é", "étrueé"),
        ("", ""),
    ];
    for (template, expected) in cases {
        assert_eq!(fill(template, row).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn a_field_that_cannot_fill_a_template_is_named_with_the_reason() {
    let row = r#"{"q": "x", "o": {"A": 1}, "nested": [["a"]], "things": [{"a": 1}], "half": "\ud83d", "void": {}}"#;
    let cases = [
        ("{question}", "field `question`: missing from this row, which has: q, o, nested, things, half, void"),
        ("{o.B}", "field `o.B`: missing from this row"),
        ("{o}", "field `o`: is an object, which has no text of its own; name one of its fields, such as `{o.A}`"),
        ("{void}", "field `void`: is an object, which has no text of its own"),
        ("{nested}", "field `nested`: an item of this list is a list, which has no text of its own"),
        ("{things}", "field `things`: an item of this list is an object, which has no text of its own"),
        ("{half}", "field `half`: is not a readable string"),
    ];
    for (template, expected) in cases {
        let found = fill(template, row).unwrap_err();
        assert!(found.contains(expected), "{template}: {found}");
    }
    let deep = format!("{{\"q\": {}1{}}}", "[".repeat(200), "]".repeat(200));
    assert!(fill("{q}", &deep).unwrap_err().contains("nested more than 128 deep"));
    for row in ["", "[]", "{", "7", "{\"q\": }", "{\"q\": 1} {}"] {
        assert!(fill("{q}", row).unwrap_err().starts_with("not"), "{row}");
    }
}

#[test]
fn a_template_that_cannot_be_read_is_refused_with_its_place() {
    let cases = [
        ("{q", "column 1 of the text: `{q` is not closed; write `{FIELD}`, or `{{` for a brace"),
        ("é {a} {b\n}", "column 7 of the text: `{b` is not closed"),
        ("one\ntwo {a {b}", "line 2, column 5 of the text: `{a {b}` is not closed"),
        ("a }", "column 3 of the text: `}` closes no field; write `}}` for a brace"),
        ("{a}}", "column 4 of the text: `}` closes no field"),
        ("{}", "column 1 of the text: `{}` names no field; write `{FIELD}`, or `{{` and `}}` for braces"),
        ("{ }", "`{ }` names no field"),
        ("{ q }", "`{ q }` has blanks around the field's name; write `{q}`"),
        ("{a..b}", "`{a..b}` names no field; join the names of nested fields by single dots"),
        ("{.a}", "`{.a}` names no field"),
        ("{{{", "column 3 of the text: `{` is not closed"),
    ];
    for (template, expected) in cases {
        let found = Template::parse(template).unwrap_err().to_string();
        assert!(found.contains(expected), "{template:?}: {found}");
    }
    let long = Template::parse(&format!("{{{}", "a".repeat(100_000))).unwrap_err().to_string();
    assert!(long.chars().count() < 120, "{long}");
    assert_eq!(fill(&"{{".repeat(100_000), "{}").unwrap().len(), 100_000);
    assert_eq!(fill(&"{a}".repeat(100_000), r#"{"a": 1}"#).unwrap().len(), 100_000);
}

#[test]
fn each_mistake_in_a_prompt_names_its_line_and_what_to_write() {
    const FREE: &str = "input: '{q}'\ntarget: '{a}'\n";
    let with = |line: &str| format!("{FREE}{line}");
    let cases = [
        (
            "inptu: x\ninput: '{q}'\ntarget: '{a}'\ngrade: exact".to_owned(),
            "my.yaml:6: benchmarks.mine.prompt.inptu: unknown key; did you mean `input`?",
        ),
        (
            "target: '{a}'\ngrade: exact".to_owned(),
            "benchmarks.mine.prompt: has no `input`; write it, such as `input: \"{question}\"`",
        ),
        ("input: '{q}'\ngrade: exact".to_owned(), "has no `target`; write it, such as `target: \"{answer}\"`"),
        (FREE.to_owned(), "has no `grade`; write it, such as `grade: exact`"),
        (with("choices: [A, B]"), "has no `grade`; write it, such as `grade: choice`"),
        (
            "input: [q]\ntarget: '{a}'\ngrade: exact".to_owned(),
            "my.yaml:6: benchmarks.mine.prompt.input: expected a text, found [q]",
        ),
        (
            "input: '{q'\ntarget: '{a}'\ngrade: exact".to_owned(),
            "prompt.input: column 1 of the text: `{q` is not closed",
        ),
        (
            "input: 'Q: {}'\ntarget: '{a}'\ngrade: exact".to_owned(),
            "prompt.input: column 4 of the text: `{}` names no field",
        ),
        (
            "input: |\n  One\n  two }\ntarget: '{a}'\ngrade: exact".to_owned(),
            "prompt.input: line 2, column 5 of the text: `}` closes no field",
        ),
        (
            "input: '{{q}}'\ntarget: '{a}'\ngrade: exact".to_owned(),
            "reads no field, so that it is the same for every row; write each field in single braces",
        ),
        (
            "input: '{q}'\ntarget: answer_idx\ngrade: exact".to_owned(),
            "my.yaml:7: benchmarks.mine.prompt.target: reads no field, so that it is the same for every row; write `{answer_idx}` if you mean the field",
        ),
        (
            "input: '{q}'\ntarget: [a]\ngrade: exact".to_owned(),
            "prompt.target: expected a text with fields in braces, found [a]",
        ),
        (
            "input: '{q}'\ntarget: true\ngrade: exact".to_owned(),
            "prompt.target: expected a text with fields in braces, found true",
        ),
        (
            "input: '{q}'\ntarget: {captrue: {field: a, regex: '(x)'}}\ngrade: exact".to_owned(),
            "prompt.target.captrue: unknown key; did you mean `capture`?",
        ),
        (
            "input: '{q}'\ntarget: {}\ngrade: exact".to_owned(),
            "prompt.target: expected one way to find it, found a mapping",
        ),
        (
            "input: '{q}'\ntarget: {capture: {field: a}}\ngrade: exact".to_owned(),
            "prompt.target.capture: `regex` is missing; its keys are field, regex",
        ),
        (
            "input: '{q}'\ntarget: {capture: a}\ngrade: exact".to_owned(),
            "prompt.target.capture: expected a mapping, found a",
        ),
        (
            "input: '{q}'\ntarget: {capture: {field: '{a}', regex: '(x)'}}\ngrade: exact".to_owned(),
            "\"{a}\" names no field; write a field's name without braces",
        ),
        (
            "input: '{q}'\ntarget: {capture: {field: a, regex: '('}}\ngrade: exact".to_owned(),
            "`(` is not a valid regular expression: unclosed group",
        ),
        (
            "input: '{q}'\ntarget: {capture: {field: a, regex: 'x'}}\ngrade: exact".to_owned(),
            "the regex `x` has no group; put the answer in parentheses",
        ),
        (
            "input: '{q}'\ntarget: {capture: {field: a, regex: '(x)', which: middle}}\ngrade: exact".to_owned(),
            "middle is neither first nor last; write `which: last`",
        ),
        (
            "input: '{q}'\ntarget: {index: {field: a}}\ngrade: exact".to_owned(),
            "`index` is the number of a choice; write `grade: choice` and `choices`",
        ),
        (
            "input: '{q}'\ntarget: {index: {field: a, first: -1}}\ngrade: choice\nchoices: [A, B]".to_owned(),
            "expected a whole number from 0 up, found -1",
        ),
        (with("grade: choice"), "my.yaml:8: benchmarks.mine.prompt.grade: `grade: choice` needs `choices`"),
        (
            with("grade: exact\nchoices: [A, B]"),
            "my.yaml:9: benchmarks.mine.prompt.choices: `choices` go with `grade: choice`, and the grade is exact; remove one of the two",
        ),
        (with("grade: choice\nchoices: [A]"), "lists fewer than two choices"),
        (with("grade: choice\nchoices: [A, A]"), "`A` is named twice; name each choice once"),
        (with("grade: choice\nchoices: A, B"), "`A, B` is one text, not a list; write `choices: [A, B]`"),
        (with("grade: choice\nchoices: ['{x}', B]"), "`{x}` has a brace, and labels are not filled"),
        (with("grade: choice\nchoices: ['', B]"), "\"\" is blank, or has blanks around it"),
        (with("grade: choice\nchoices: {item: options}"), "prompt.choices.item: unknown key; did you mean `items`?"),
        (with("grade: choice\nchoices: {items: a..b}"), "\"a..b\" names no field"),
        (
            with("grade: code"),
            "`code` needs `tests` and `entry_point`; write `grade: {code: {tests: \"{test}\", entry_point: \"{entry_point}\"}}`",
        ),
        (
            with("grade: {code: {tests: '{t}'}}"),
            "prompt.grade.code: `entry_point` is missing; its keys are tests, entry_point",
        ),
        (with("grade: {code: {tests: assert, entry_point: f}}"), "prompt.grade.code.tests: reads no field"),
        (with("grade: {choice: true}"), "prompt.grade.choice: unknown key"),
        (with("grade: chioce"), "chioce is not a grade; write one of choice, exact, number, or {code: "),
        (with("grade: [exact]"), "[exact] is not a grade"),
        (with("grade: exact\nstop: {a: b}"), "prompt.stop: expected a list"),
        (with("grade: exact\nstop: ['']"), "an empty text ends every answer before it begins; remove it"),
        (with("grade: exact\nstop: [x, x]"), "\"x\" is named twice; name each text once"),
    ];
    for (text, expected) in cases {
        let found = match Config::from_yaml("my.yaml", &config(&text)) {
            Ok(_) => panic!("accepted:\n{text}"),
            Err(problems) => problems.0,
        };
        assert_eq!(found.len(), 1, "{text}\n{found:#?}");
        assert!(found[0].to_string().contains(expected), "{text}\n{}\n{expected}", found[0]);
        assert!(found[0].place.line >= 5, "{}", found[0]);
    }
    let found = Config::from_yaml("my.yaml", &config("q")).unwrap_err();
    assert!(found.to_string().contains("prompt: expected a mapping, found q"), "{found}");
}

#[test]
fn a_prompt_with_several_mistakes_reports_all_of_them() {
    let text = "input: '{q'\ntarget: {capture: {field: a, regex: '('}}\ngrade: best\nstpo: x";
    let found = Config::from_yaml("my.yaml", &config(text)).unwrap_err().0;
    let lines: Vec<usize> = found.iter().map(|problem| problem.place.line).collect();
    assert_eq!(lines, [6, 7, 8, 9], "{found:#?}");
}

#[test]
fn choices_are_the_keys_of_an_object_or_letters_and_fill_the_input_with_their_labels() {
    let text = "input: \"{q}\\n{options}\"\ntarget: '{a}'\nchoices: {items: options}\ngrade: choice";
    let choice = |label: &str, text: &str| Choice { label: label.into(), text: text.into() };
    let asked = Asked {
        input: "Which?\nA. one\nB. 2".into(),
        target: "B".into(),
        choices: vec![choice("A", "one"), choice("B", "2")],
        code: None,
    };
    let list = json!({"q": "Which?", "options": ["one", 2.0, null], "a": "B"});
    let object = json!({"q": "Which?", "options": {"A": "one", "B": "2", "C": null}, "a": " B\n"});
    let by_text = json!({"q": "Which?", "options": ["one", "2"], "a": 2.0});
    for row in [list, object, by_text] {
        assert_eq!(ask(text, &row).as_ref(), Ok(&asked), "{row}");
    }
    let wrong = [
        (json!({"q": "?", "options": ["x", "y"], "a": "C"}), "the target \"C\" is not one of the choices: A, B"),
        (json!({"q": "?", "options": ["x", "x"], "a": "x"}), "two choices are the target \"x\""),
        (json!({"q": "?", "options": ["x"], "a": "A"}), "field `options`: lists fewer than two choices"),
        (json!({"q": "?", "options": [], "a": "A"}), "lists fewer than two choices"),
        (json!({"q": "?", "options": "x", "a": "A"}), "expected a list or an object of choices, found a string"),
        (json!({"q": "?", "options": ["x", ["y"]], "a": "A"}), "the choice B is a list"),
        (json!({"q": "?", "options": ["x", null, "z"], "a": "A"}), "the choice B is blank"),
        (json!({"q": "?", "options": {"": "x", "B": "y"}, "a": "B"}), "one of its keys is blank"),
        (json!({"q": "?", "options": vec!["x"; 27], "a": "A"}), "lists more than 26 choices"),
        (json!({"q": "?", "options": ["x", "y"], "a": null}), "`target` of the prompt is blank for this row"),
        (json!({"q": "?", "a": "A"}), "field `options`: missing from this row"),
    ];
    for (row, expected) in wrong {
        let found = ask(text, &row).unwrap_err();
        assert!(found.contains(expected), "{row}: {found}");
    }
}

#[test]
fn a_target_may_be_the_number_of_a_choice() {
    let listed = "input: '{q}'\ntarget: {index: {field: a}}\nchoices: [yes, no]\ngrade: choice";
    let target = |text: &str, a: Value| {
        ask(text, &json!({"q": "?", "options": ["w", "x", "y"], "a": a})).map(|asked| asked.target)
    };
    assert_eq!(target(listed, json!(0)).as_deref(), Ok("yes"));
    assert_eq!(target(listed, json!("1")).as_deref(), Ok("no"));
    assert_eq!(target(listed, json!(1.0)).as_deref(), Ok("no"));
    let items = listed.replace("{field: a}", "{field: a, first: 1}").replace("[yes, no]", "{items: options}");
    assert_eq!(target(&items, json!(3)).as_deref(), Ok("C"));
    for (a, expected) in [
        (json!(0), "there is no choice number 0: there are 3, counted from 1"),
        (json!(4), "there is no choice number 4"),
        (json!(-1), "expected the number of a choice, found \"-1\""),
        (json!("B"), "expected the number of a choice, found \"B\""),
        (json!(null), "expected the number of a choice, found \"\""),
    ] {
        let found = target(&items, a).unwrap_err();
        assert!(found.starts_with("field `a`: ") && found.contains(expected), "{found}");
    }
}

#[test]
fn numbers_are_graded_without_commas_and_anything_else_is_refused() {
    let text = "input: '{q}'\ntarget: '{a}'\ngrade: number";
    let target = |a: Value| ask(text, &json!({"q": "?", "a": a})).map(|asked| asked.target);
    for (a, expected) in [
        (json!(142.0), "142"),
        (json!("142.00"), "142"),
        (json!(" 1,234,567.50 "), "1234567.50"),
        (json!("-4"), "-4"),
        (json!("+5"), "5"),
        (json!("-0.0"), "0"),
        (json!(".5"), ".5"),
        (json!("1e6"), "1e6"),
    ] {
        assert_eq!(target(a.clone()).as_deref(), Ok(expected), "{a}");
    }
    for a in ["12,34", ",5", "1,2345", "five", "$5", "5 apples", "inf", "nan", "-", "1e999", "--5", "1/2"] {
        let found = target(json!(a)).unwrap_err();
        assert_eq!(found, format!("the target {a:?} is not a number, as its grade needs"));
    }
    assert!(ask(text, &json!({"q": " \n", "a": 1})).unwrap_err().contains("`input` of the prompt is blank"));
}

#[test]
fn a_target_may_be_a_piece_of_a_field() {
    let text = "input: '{q}'\ntarget: {capture: {field: a, regex: 'is (.+)', which: last}}\ngrade: exact";
    let target = |text: &str, a: &str| ask(text, &json!({"q": "?", "a": a})).map(|asked| asked.target);
    assert_eq!(target(text, "it is x\nso it is  y z \n").as_deref(), Ok("y z"));
    assert_eq!(target(&text.replace(", which: last", ""), "it is x\nso it is y").as_deref(), Ok("x"));
    assert_eq!(target(text, "none").unwrap_err(), "field `a`: nothing in it matches `is (.+)`");
    assert_eq!(target(text, "is  ").unwrap_err(), "`target` of the prompt is blank for this row");
}

#[test]
fn code_is_asked_with_its_tests() {
    let text = "input: '{text}'\ntarget: '{code}'\ngrade:\n  code:\n    tests: \"{test_list}\"\n    \
                entry_point: {capture: {field: code, regex: 'def (\\w+)'}}";
    let row = json!({"text": "Double it.", "code": "def twice(x):\n    return 2 * x", "test_list": ["assert twice(1) == 2", "assert twice(0) == 0"]});
    let code = ask(text, &row).unwrap().code.unwrap();
    assert_eq!(code.tests, "assert twice(1) == 2\nassert twice(0) == 0");
    assert_eq!((code.entry_point.as_str(), code.given.as_str()), ("twice", ""));
    let given = ask(&text.replace("entry_point:", "given: \"{helpers}\"\n    entry_point:"), &{
        let mut row = row.clone();
        row["helpers"] = json!("import math");
        row
    });
    assert_eq!(given.unwrap().code.unwrap().given, "import math");
    let row = json!({"text": "Double it.", "code": "def twice(x): …", "test_list": []});
    assert_eq!(ask(text, &row).unwrap_err(), "`tests` of the prompt is blank for this row");
}

const QUIZ: &str = "
benchmarks:
  quiz:
    path: 'file:quiz.jsonl'
    difficulty: {score: [{constant_term: 1}]}
    prompt:
      input: '{quesion} {options.A} {options.a}'
      target: '{answer.text}'
      grade: {code: {tests: '{tset}', entry_point: f}}
  plain: {path: 'file:quiz.jsonl', difficulty: {score: [{constant_term: 1}]}}
  gsm8k: {path: 'file:quiz.jsonl'}
";

#[test]
fn fields_that_the_first_row_does_not_have_are_named_with_those_it_has() {
    let config = Config::from_yaml("my.yaml", QUIZ).unwrap();
    let row = r#"{"id": 1, "answer": "x", "question": "?", "options": {"A": "y"}, "test": ""}"#;
    let found = config.prompt_for("quiz", row).unwrap_err().to_string();
    let expected = [
        "my.yaml:7: benchmarks.quiz.prompt.input: the first row has no field `quesion`; it has, nearest first: question, ",
        "my.yaml:7: benchmarks.quiz.prompt.input: the first row has no field `options.a`; it has, nearest first: options.A, options, ",
        "my.yaml:8: benchmarks.quiz.prompt.target: the first row has no field `answer.text`; `answer` is a string, and dots lead into objects alone",
        "my.yaml:9: benchmarks.quiz.prompt.grade.code.tests: the first row has no field `tset`; it has, nearest first: test, ",
    ];
    for (line, expected) in found.lines().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
    assert_eq!(found.lines().count(), 4, "{found}");
    let found = config.prompt_for("plain", row).unwrap_err().to_string();
    assert_eq!(
        found,
        "my.yaml:10: benchmarks.plain: has no `prompt`, so that it can be exported to hf alone; \
         write `prompt: {input: \"{question}\", target: \"{answer}\", grade: exact}` with the fields of its rows: \
         id, answer, question, options, options.A, test"
    );
    let found = config.prompt_for("qiuz", row).unwrap_err().to_string();
    assert_eq!(found, "benchmarks.qiuz: there is no benchmark `qiuz`; did you mean `quiz`?");
    assert!(config.prompt_for("gsm8k", row).is_ok());
    let found = config.prompt_for("gsm8k", r#"{"problem": "?", "answer": "x"}"#).unwrap_err().to_string();
    assert!(found.contains("benchmarks.gsm8k.prompt.input: the first row has no field `question`"), "{found}");
    for row in ["", "[1]", "{", &format!("{{\"a\": {}{}}}", "[".repeat(999), "]".repeat(999))] {
        let found = config.prompt_for("quiz", row).unwrap_err();
        assert!(found.0.len() == 1 && found.to_string().contains("the first row: "), "{found}");
        assert!(config.prompt_for("plain", row).unwrap_err().to_string().ends_with("fields of its rows: none"));
    }
}

#[test]
fn a_users_prompt_replaces_the_presets_as_a_whole_and_its_columns_are_checked() {
    let own = "benchmarks: {gsm8k: {prompt: {input: '{question}', target: '{answer}', grade: exact}}}";
    let config = Config::from_yaml("my.yaml", own).unwrap();
    let row = r#"{"question": "?", "answer": "one #### 1"}"#;
    assert_eq!(config.benchmarks[0].prompt.as_ref().unwrap().ask(row).unwrap().target, "one #### 1");
    let part = Config::from_yaml("my.yaml", "benchmarks: {gsm8k: {prompt: {input: '{question}'}}}").unwrap_err();
    assert_eq!(part.0.len(), 2, "{part}");
    // `difficulty: {preset: …}` takes the rule alone.
    let other =
        "benchmarks: {mine: {path: 'file:x', difficulty: {preset: gsm8k}}, amc: {difficulty: {preset: amc_length}}}";
    let config = Config::from_yaml("my.yaml", other).unwrap();
    assert!(config.benchmarks[0].prompt.is_none() && config.benchmarks[1].prompt.is_some());
    let left_out =
        own.replace("{prompt:", "{difficulty: {score: [{constant_term: 1}]}, drop_columns: [answer], prompt:");
    let found = Config::from_yaml("my.yaml", &left_out).unwrap_err().to_string();
    assert!(
        found.contains("gsm8k.drop_columns: `answer` is left out, but `prompt.target` reads it; keep it"),
        "{found}"
    );
    // The preset's prompt does not stand in the way of a store without its columns.
    let text = "benchmarks: {medical_qa: {drop_columns: [answer_idx]}}";
    let config = Config::from_yaml("my.yaml", text).unwrap();
    let row = r#"{"question": "?", "options": {"A": "x", "B": "y"}}"#;
    let found = config.prompt_for("medical_qa", row).unwrap_err().to_string();
    assert!(found.contains("preset medical_qa:"), "{found}");
    assert!(found.contains("the first row has no field `answer_idx`; it has, nearest first: "), "{found}");
}

/// The example of docs/benchmarks.md, read from the page.
#[test]
fn the_documentation_shows_what_its_example_asks() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/benchmarks.md");
    let Ok(page) = fs::read_to_string(&page) else {
        return eprintln!("SKIPPED: this is not a checkout ({} is absent)", page.display());
    };
    let section = page.split_once("## How a row is asked").unwrap().1;
    let block = |fence: &str| section.split_once(&format!("```{fence}\n")).unwrap().1.split_once("\n```").unwrap().0;
    let config = Config::from_yaml("capitals.yaml", block("yaml")).unwrap();
    let rows: Vec<&str> = block("json").lines().collect();
    let prompt = config.prompt_for("capitals", rows[0]).unwrap();
    let asked: Vec<Asked> = rows.iter().map(|row| prompt.ask(row).unwrap()).collect();
    assert_eq!(asked[0].input, block("text"));
    let targets: Vec<&str> = asked.iter().map(|asked| asked.target.as_str()).collect();
    assert_eq!(targets, ["B", "A", "C"]);
}

#[test]
fn a_prompt_changes_neither_the_fingerprint_nor_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    fs::write(
        &file,
        "{\"question\": \"1 + 1?\", \"answer\": \"2\"}\n{\"question\": \"What is 2 + 3?\", \"answer\": \"5\"}\n",
    )
    .unwrap();
    let yaml = |prompt: &str| {
        format!(
            "benchmarks:\n  quiz:\n    path: 'file:{}'\n    difficulty: {{features: {{n: {{words: question}}}}, score: [{{feature: n, normalize: p95}}]}}\n{prompt}",
            file.display()
        )
    };
    let store = |prompt: &str| {
        let builder = DatasetBuilder::from_yaml("quiz.yaml", &yaml(prompt)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        builder.preprocess_all_benchmarks(folder.path(), PreprocessOptions::default()).unwrap();
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        (builder.config.benchmarks[0].fingerprint(), read("quiz_full.jsonl"), read("quiz_full_meta.json"))
    };
    let without = store("");
    assert_eq!(without, store("    prompt: {input: '{question}', target: '{answer}', grade: number}"));
    assert_eq!(without, store("    prompt: {input: 'Q: {nothing}', target: '{answer}', grade: exact}"));
}
