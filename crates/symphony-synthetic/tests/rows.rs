//! The synthetic benchmarks: schema, determinism, variety, and above all that the answers are right.
//! Wherever a question can be solved from its text alone, it is solved here a second time, by other code.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Command;

use serde_json::Value;
use symphony_synthetic::{Generator, generator, generators};

fn row_text(generator: &dyn Generator, config: &str, seed: u64, i: u64) -> String {
    let mut out = String::new();
    generator.write_row(config, seed, i, &mut out);
    out
}

fn rows(name: &str, config: &str, count: u64) -> Vec<Value> {
    let generator = generator(name).expect("a generator of that name");
    (0..count).map(|i| serde_json::from_str(&row_text(generator, config, 0, i)).expect("valid JSON")).collect()
}

fn text<'r>(row: &'r Value, key: &str) -> &'r str {
    row[key].as_str().unwrap_or_else(|| panic!("{key} is a string in {row}"))
}

/// The keys of a JSON object in the order of its text. Values here hold no `": ` outside of strings but after keys.
fn top_level_keys(json: &str) -> Vec<String> {
    let (mut keys, mut depth, mut at) = (Vec::new(), 0, 0);
    let bytes = json.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => {
                let start = at + 1;
                at += 1;
                while bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                if depth == 1 && json[at + 1..].starts_with(": ") {
                    keys.push(json[start..at].to_owned());
                }
            }
            _ => {}
        }
        at += 1;
    }
    keys
}

/// The options `(A) …` of an input, in order.
fn options(input: &str) -> Vec<&str> {
    let list = input.split_once("\nOptions:\n").expect("a list of options").1;
    list.lines().map(|line| line.get(4..).expect("a lettered option")).collect()
}

/// The place of a target such as `(B)`.
fn chosen(target: &str) -> usize {
    usize::from(target.as_bytes()[1] - b'A')
}

#[test]
fn every_generator_writes_the_keys_of_its_benchmark_in_order_on_one_line() {
    let keys: [(&str, u64, &[&str]); 5] = [
        ("humaneval", 164, &["task_id", "prompt", "entry_point", "canonical_solution", "test"]),
        ("gsm8k", 1319, &["question", "answer"]),
        ("bbh", 2437, &["input", "target"]),
        ("amc", 83, &["id", "problem", "answer", "url"]),
        ("medical_qa", 1273, &["question", "answer", "options", "meta_info", "answer_idx", "metamap_phrases"]),
    ];
    assert_eq!(generators().len(), keys.len());
    assert!(generator("bbh").is_some_and(|g| g.configs().len() == 10 && g.configs()[1] == "causal_judgement"));
    assert!(generator("nothing").is_none());
    for (name, count, keys) in keys {
        let generator = generator(name).expect("a generator of that name");
        assert_eq!(generator.real_rows(), count);
        for i in 0..500 {
            let config = generator.configs().get(i as usize % 10).copied().unwrap_or("");
            let row = row_text(generator, config, 7, i);
            assert_eq!(top_level_keys(&row), keys, "{row}");
            assert!(!row.contains('\n'));
            serde_json::from_str::<Value>(&row).expect("valid JSON");
        }
    }
}

#[test]
fn no_synthetic_row_passes_for_a_real_one_and_types_are_those_of_the_real_rows() {
    for (i, row) in rows("humaneval", "", 50).iter().enumerate() {
        assert_eq!(text(row, "task_id"), format!("SyntheticHumanEval/{i}"));
        assert!(text(row, "prompt").contains(&format!("def {}(", text(row, "entry_point"))));
        assert!(text(row, "test").contains("def check(candidate):"));
    }
    let mut numbers = HashSet::new();
    for (i, row) in rows("amc", "", 50).iter().enumerate() {
        assert_eq!(row["id"].as_u64(), Some(i as u64));
        assert!(row["answer"].is_f64(), "{row}");
        let address =
            text(row, "url").strip_prefix("https://synthetic.invalid/").expect("an address that cannot exist");
        let (contest, number) = address.split_once("_Problems/Problem_").expect("contest and number");
        assert!(
            ["_AMC_10A", "_AMC_10B", "_AMC_12A", "_AMC_12B"].iter().any(|name| contest.ends_with(name)),
            "{contest}"
        );
        numbers.insert(number.parse::<u32>().expect("a number"));
    }
    assert_eq!(numbers, (1..=25).collect());
}

#[test]
fn a_row_depends_on_seed_and_number_alone() {
    for generator in generators() {
        let config = generator.configs().first().copied().unwrap_or("");
        let alone = row_text(*generator, config, 5, 40);
        let mut out = String::from("before");
        for i in 0..40 {
            generator.write_row(config, 5, i, &mut out);
        }
        let start = out.len();
        generator.write_row(config, 5, 40, &mut out);
        assert_eq!(out[start..], alone, "{}", generator.name());
        assert!(out.starts_with("before{"));
        assert_ne!(alone, row_text(*generator, config, 6, 40), "{}", generator.name());
    }
}

#[test]
fn of_100_000_rows_of_any_generator_at_least_999_in_1000_are_distinct_apart_from_their_ids() {
    std::thread::scope(|scope| {
        for generator in generators() {
            scope.spawn(|| {
                let distinct = distinct_texts(*generator, 100_000);
                assert!(distinct >= 99_900, "{}: {distinct} distinct", generator.name());
            });
        }
    });
}

/// How many of the first rows differ, ids and addresses left out.
fn distinct_texts(generator: &dyn Generator, count: u64) -> usize {
    let configs = generator.configs();
    let (mut seen, mut row) = (HashSet::new(), String::new());
    for i in 0..count {
        row.clear();
        // Configs take turns, as in the source.
        let k = configs.len().max(1) as u64;
        generator.write_row(configs.get((i % k) as usize).copied().unwrap_or(""), 3, i / k, &mut row);
        let start = row.find(", \"prompt\"").or_else(|| row.find(", \"problem\"")).unwrap_or(0);
        let end = row.find("\", \"entry_point\"").or_else(|| row.find(", \"url\"")).unwrap_or(row.len());
        let mut hasher = DefaultHasher::new();
        row[start..end].hash(&mut hasher);
        seen.insert(hasher.finish());
    }
    seen.len()
}

/// `1+2*3-8/4` with the usual precedence; division must come out even.
fn arithmetic(expression: &str) -> i64 {
    let (mut sum, mut product, mut sign, mut operator) = (0, 1, 1, b'*');
    let mut number = 0;
    for byte in expression.bytes().chain([b'+']) {
        if byte.is_ascii_digit() {
            number = number * 10 + i64::from(byte - b'0');
            continue;
        }
        if operator == b'/' {
            assert_eq!(product % number, 0, "{expression}");
            product /= number;
        } else {
            product *= number;
        }
        number = 0;
        operator = byte;
        if byte == b'+' || byte == b'-' {
            sum += sign * product;
            sign = if byte == b'-' { -1 } else { 1 };
            product = 1;
        }
    }
    sum
}

#[test]
fn gsm8k_annotations_are_right_and_lead_to_the_final_answer() {
    for row in rows("gsm8k", "", 5000) {
        let answer = text(&row, "answer");
        let (work, last) = answer.rsplit_once("\n#### ").expect("a last line");
        let mut result = None;
        for line in work.lines() {
            let inside = line.split_once("<<").and_then(|(_, rest)| rest.split_once(">>")).expect("an annotation").0;
            let (expression, value) = inside.split_once('=').expect("an equation");
            let value: i64 = value.parse().expect("an integer");
            assert_eq!(arithmetic(expression), value, "{answer}");
            // The running quantity goes from line to line.
            if let Some(before) = result {
                assert!(expression.starts_with(&format!("{before}")), "{answer}");
            }
            result = Some(value);
        }
        assert_eq!(result, last.parse().ok(), "{answer}");
        assert!(!text(&row, "question").contains(['{', '|']), "{row}");
    }
}

/// Evaluates by substitution until one literal is left: parentheses, then `not`, then `and`, then `or`.
fn boolean(expression: &str) -> bool {
    let mut now = expression.to_owned();
    loop {
        let before = now.clone();
        if let Some(close) = now.find(" )") {
            let open = now[..close].rfind("( ").expect("an opening parenthesis");
            let value = boolean(&now[open + 2..close]);
            now.replace_range(open..close + 2, if value { "True" } else { "False" });
            continue;
        }
        now = now.replace("not True", "False!").replace("not False", "True!").replace('!', "");
        if now != before {
            continue;
        }
        return now.split(" or ").any(|part| part.split(" and ").all(|literal| literal == "True"));
    }
}

#[test]
fn boolean_expressions_have_the_value_that_an_independent_evaluator_finds() {
    for row in rows("bbh", "boolean_expressions", 2000) {
        let expression = text(&row, "input").strip_suffix(" is").expect("the ending");
        assert_eq!(if boolean(expression) { "True" } else { "False" }, text(&row, "target"), "{row}");
    }
}

#[test]
fn navigate_walks_return_exactly_when_the_target_says_so() {
    let mut home = 0;
    for row in rows("bbh", "navigate", 2000) {
        let input =
            text(&row, "input").split_once("point? ").expect("the walk").1.split_once("\nOptions").expect("options").0;
        let (mut x, mut y, mut dx, mut dy) = (0, 0, 0, 1);
        for command in input.split('.').map(str::trim).filter(|c| !c.is_empty()) {
            let words: Vec<&str> = command.split(' ').collect();
            match words[..] {
                ["Turn", "left"] => (dx, dy) = (-dy, dx),
                ["Turn", "right"] => (dx, dy) = (dy, -dx),
                ["Turn", "around"] => (dx, dy) = (-dx, -dy),
                ["Always", ..] => {}
                ["Take", n, _, ref side @ ..] => {
                    let n: i64 = n.parse().expect("a number of steps");
                    let (sx, sy) = match side {
                        [] | ["forward"] => (dx, dy),
                        ["backward"] => (-dx, -dy),
                        ["left"] => (-dy, dx),
                        _ => (dy, -dx),
                    };
                    (x, y) = (x + n * sx, y + n * sy);
                }
                _ => panic!("{command}"),
            }
        }
        home += i32::from((x, y) == (0, 0));
        assert_eq!(text(&row, "target"), if (x, y) == (0, 0) { "Yes" } else { "No" }, "{row}");
    }
    assert!((600..1400).contains(&home), "{home} of 2000 walks lead home");
}

#[test]
fn web_of_lies_is_solved_by_following_the_chain() {
    for row in rows("bbh", "web_of_lies", 2000) {
        let story = text(&row, "input").strip_prefix("Question: ").expect("the opening");
        let (mut honest, mut who) = (true, "");
        for sentence in story.split('.').map(str::trim) {
            let truthful = sentence.ends_with("tells the truth");
            match sentence.split_once(" says ") {
                _ if sentence.starts_with("Does") => assert_eq!(sentence, format!("Does {who} tell the truth?")),
                Some((speaker, claim)) => {
                    assert!(claim.starts_with(who), "{row}");
                    honest = truthful == honest;
                    who = speaker;
                }
                None => (honest, who) = (truthful, sentence.split(' ').next().unwrap_or_default()),
            }
        }
        assert_eq!(text(&row, "target"), if honest { "Yes" } else { "No" }, "{row}");
    }
}

#[test]
fn tracking_shuffled_objects_is_solved_by_making_the_swaps() {
    for row in rows("bbh", "tracking_shuffled_objects_three_objects", 2000) {
        let input = text(&row, "input");
        let things = options(input);
        let mut listed = input.split([',', ' ']).filter(|word| !word.is_empty() && *word != "and");
        let names: [&str; 3] = std::array::from_fn(|_| listed.next().expect("three names"));
        // Options are listed in the order of the people.
        let mut has = things;
        let swaps = input.split_once(" First, ").expect("swaps").1;
        for sentence in swaps.split(". ").take(3) {
            let at: Vec<usize> = (0..3).filter(|&n| sentence.split([' ', ',']).any(|word| word == names[n])).collect();
            assert_eq!(at.len(), 2, "{row}");
            has.swap(at[0], at[1]);
        }
        let asked = swaps.split_once("\nOptions").expect("options").0.rsplit_once(". ").expect("a question").1;
        let who = (0..3).find(|&n| asked.split([' ', ',']).any(|word| word == names[n])).expect("who is asked about");
        assert_eq!(options(input)[chosen(text(&row, "target"))], has[who], "{row}");
    }
}

#[test]
fn logical_deduction_has_one_true_option_and_the_target_names_it() {
    for row in rows("bbh", "logical_deduction_three_objects", 2000) {
        let input = text(&row, "input");
        let story = input.split_once(": ").expect("a list").1.split_once("\nOptions").expect("options").0;
        let (listed, statements) = story.split_once(". ").expect("statements");
        let clean = |name: &str| {
            name.trim().trim_start_matches("and ").trim_start_matches("an ").trim_start_matches("a ").to_owned()
        };
        let listed = listed.split_once(": ").map_or(listed, |(_, list)| list);
        let objects: Vec<String> = listed.split(", ").map(clean).collect();
        assert_eq!(objects.len(), 3, "{row}");
        let lower = |s: &str| s.trim_start_matches("The ").trim_start_matches("the ").to_owned();
        let place_of = |words: &str| -> usize {
            let first = ["leftmost", "cheapest", "oldest", "tallest", "lightest", "youngest", "first"];
            if words.contains("second") {
                return 1;
            }
            // "The oldest" is the last place among siblings, and the first among vehicles.
            let siblings = input.contains("siblings");
            match words.trim_start_matches("the ") {
                "oldest" if siblings => 2,
                word if first.contains(&word) => 0,
                _ => 2,
            }
        };
        let holds = |statement: &str, order: &[usize; 3]| -> bool {
            let statement = lower(statement.trim_end_matches('.'));
            let subject = (0..3).find(|&n| statement.starts_with(&objects[n])).expect("a subject");
            let rest = statement[objects[subject].len()..].trim();
            let position = |object: usize| order.iter().position(|&o| o == object).expect("a place");
            if let Some(other) = (0..3).find(|&n| rest.ends_with(&objects[n]) && n != subject) {
                let earlier = ["left", "less", "before", "above", "older", "taller", "younger"];
                let siblings = input.contains("siblings");
                let is_earlier =
                    if siblings { rest.contains("younger") } else { earlier.iter().any(|word| rest.contains(word)) };
                return (position(subject) < position(other)) == is_earlier;
            }
            let words = rest.split_once(' ').expect("a verb").1;
            position(subject) == place_of(words)
        };
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let possible: Vec<&[usize; 3]> =
            orders.iter().filter(|order| statements.split(". ").all(|statement| holds(statement, order))).collect();
        assert_eq!(possible.len(), 1, "{row}");
        let right: Vec<usize> = (0..3).filter(|&n| holds(options(input)[n], possible[0])).collect();
        assert_eq!(right, [chosen(text(&row, "target"))], "{row}");
    }
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

/// The day after (month, day, year), the slow and sure way.
fn next_day((month, day, year): (u32, u32, u32)) -> (u32, u32, u32) {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    match (month, day) {
        (12, 31) => (1, 1, year + 1),
        _ if day == last => (month + 1, 1, year),
        _ => (month, day + 1, year),
    }
}

#[test]
fn date_understanding_is_solved_where_the_text_gives_today_and_asks_for_a_day_near_it() {
    let mut solved = 0;
    for row in rows("bbh", "date_understanding", 4000) {
        let input = text(&row, "input");
        assert_eq!(options(input).iter().collect::<HashSet<_>>().len(), 6, "{row}");
        let Some(date) = input.strip_prefix("Today is ").or_else(|| input.strip_prefix("It is ")) else { continue };
        let mut parts = date.split([' ', ',', '.']).filter(|part| !part.is_empty());
        let month = MONTHS
            .iter()
            .position(|m| Some(*m) == parts.next())
            .or_else(|| MONTHS.iter().position(|m| date.starts_with(m)));
        let (Some(month), Some(day), Some(year)) =
            (month, date.split([' ', ',']).nth(1), date.split([' ', '.']).nth(2))
        else {
            panic!("{row}");
        };
        let mut when =
            (month as u32 + 1, day.parse().expect("a day"), year.trim_end_matches('.').parse().expect("a year"));
        let asked =
            input.split_once("What is the date ").expect("a question").1.split_once(" in MM").expect("a format").0;
        let words = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
        let number = words.iter().position(|word| asked.starts_with(&format!("{word} "))).map_or(1, |n| n + 2);
        let days = match asked {
            "tomorrow" | "24 hours later" => 1,
            "one week from today" => 7,
            _ if asked.ends_with("days from today") => number,
            _ if asked.ends_with("weeks from today") => 7 * number,
            _ => continue,
        };
        for _ in 0..days {
            when = next_day(when);
        }
        let expected = format!("{:02}/{:02}/{}", when.0, when.1, when.2);
        assert_eq!(options(input)[chosen(text(&row, "target"))], expected, "{row}");
        solved += 1;
    }
    assert!(solved > 150, "{solved} solved");
}

#[test]
fn medical_answers_are_the_option_they_name_and_no_two_options_are_equal() {
    for row in rows("medical_qa", "", 3000) {
        let options: Vec<&str> = ["A", "B", "C", "D"].iter().map(|letter| text(&row["options"], letter)).collect();
        assert_eq!(options.iter().collect::<HashSet<_>>().len(), 4, "{row}");
        assert_eq!(text(&row, "answer"), text(&row["options"], text(&row, "answer_idx")), "{row}");
        assert!(["step1", "step2&3"].contains(&text(&row, "meta_info")));
        let phrases = row["metamap_phrases"].as_array().expect("a list");
        assert!(phrases.len() > 5);
        let question = text(&row, "question");
        assert!(phrases.iter().all(|phrase| phrase.as_str().is_some_and(|p| question.contains(p))), "{row}");
        assert!(!question.contains(['{', '}']) && !question.contains("  "), "{row}");
    }
}

#[test]
fn an_anion_gap_is_computed_from_the_numbers_in_the_vignette() {
    let mut solved = 0;
    for row in rows("medical_qa", "", 4000) {
        let question = text(&row, "question");
        let value = |name: &str| -> Option<f64> { question.split_once(name)?.1.split(' ').next()?.parse().ok() };
        let (Some(na), Some(cl), Some(hco3)) = (value("show sodium "), value("chloride "), value("and bicarbonate "))
        else {
            continue;
        };
        let Some(answer) = text(&row, "answer").split(' ').find_map(|word| word.parse::<f64>().ok()) else { continue };
        assert!((answer - (na - cl - hco3)).abs() < 0.5, "{row}");
        solved += 1;
    }
    assert!(solved > 50, "{solved} solved");
}

#[test]
fn two_hundred_humaneval_solutions_pass_their_own_tests_and_examples_under_python() {
    let mut program = String::from(
        "import doctest, json\nfor row in json.loads(open(__file__ + '.json', encoding='utf-8').read()):\n",
    );
    program.push_str("    code = row['prompt'] + row['canonical_solution']\n    scope = {}\n");
    program.push_str("    exec(code + '\\n' + row['test'] + '\\ncheck(' + row['entry_point'] + ')', scope)\n");
    program.push_str("    found = doctest.DocTestParser().get_doctest(scope[row['entry_point']].__doc__, scope, row['task_id'], None, 0)\n");
    program.push_str("    assert found.examples and doctest.DocTestRunner().run(found).failed == 0, code\n");
    let path = std::env::temp_dir().join(format!("synthetic_rows_{}.py", std::process::id()));
    let data = path.with_extension("py.json");
    std::fs::write(&path, program).expect("a temporary file");
    std::fs::write(&data, Value::from(rows("humaneval", "", 200)).to_string()).expect("a temporary file");
    let run = Command::new("python3").arg(&path).output();
    for file in [&path, &data] {
        std::fs::remove_file(file).expect("the temporary file is ours");
    }
    match run {
        Err(missing) => eprintln!("SKIPPED: the HumanEval solutions were not run, python3 did not start: {missing}"),
        Ok(run) => assert!(
            run.status.success(),
            "{}{}",
            String::from_utf8_lossy(&run.stdout),
            String::from_utf8_lossy(&run.stderr)
        ),
    }
}
