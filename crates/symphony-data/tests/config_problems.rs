//! All mistakes in a configuration are reported at once, each with file, line and the way out.

use symphony_data::{
    bin::{Cut, Percentiles},
    config::{Config, DEFAULT_CONFIG, DEFAULT_EXPERIMENTS},
    request::{Replacement, RequestSpec},
};

const SEVEN_MISTAKES: &str = include_str!("fixtures/seven_mistakes.yaml");

fn problems(text: &str) -> Vec<String> {
    match Config::from_yaml("my.yaml", text) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(problems) => problems.0.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_file_with_seven_mistakes_gets_seven_messages_in_one_go() {
    let found = problems(SEVEN_MISTAKES);
    let expected = [
        "my.yaml:4: benchmarks.gsm8k.enabeld: unknown key; did you mean `enabled`?",
        "my.yaml:6: benchmarks.amc.enabled: expected true or false, found \"yes\"; write `enabled: true`",
        "my.yaml:14: benchmarks.mine.difficulty.score.question_wrods: the score names a feature that is not defined; did you mean `question_words`?",
        "my.yaml:18: stream_generation.difficulty_percentiles.gsm8k: [80, 20] has the low percentile above the high one; \
         write the low percentile, then the high one, such as [20, 80]",
        "my.yaml:23: experiments.first.benchmark_ratios: `amc` is not in the mix; the mix is gsm8k, mine",
        "my.yaml:24: experiments.first.difficulty_split: cannot read \"80-20\"; \
         write easy:hard or easy:medium:hard in whole numbers, not all 0, such as 80:20",
        "my.yaml:26: experiments.first.random_seed: 4294967296 is too large for the numpy sampler; use 0 to 4294967295, or `sampler: stable`",
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_configuration_of_the_brief_is_accepted_as_it_stands() {
    let config = Config::from_yaml_with_experiments(
        "data_config.yaml",
        DEFAULT_CONFIG,
        Some(("experiments.yaml", DEFAULT_EXPERIMENTS)),
    )
    .unwrap();
    assert_eq!(config.names(), ["humaneval", "gsm8k", "bbh", "amc", "medical_qa"]);
    assert_eq!(config.percentiles_of("amc"), Percentiles { low: 20.0, high: 80.0 });
    assert_eq!(config.sample_with_replacement, Replacement::Never);
    let ids: Vec<&str> = config.experiments.iter().map(|experiment| experiment.id.as_str()).collect();
    assert_eq!(ids, ["exp1", "exp2", "exp3", "exp5"]);
    assert!(
        config
            .experiments
            .iter()
            .all(|experiment| experiment.request.sample_with_replacement == Replacement::WhenShort)
    );
}

#[test]
fn every_kind_of_mistake_names_its_line_and_the_way_out() {
    let cases = [
        ("", "my.yaml:1: benchmarks: no benchmark is configured; add one"),
        ("benchmarks:\n  gsm8k: {path: [}", "my.yaml:2: this is not YAML"),
        (
            "benchmarks:\n  gsm8k:\n  gsm8k:\n",
            "my.yaml:3: `gsm8k` is given twice, first on line 2; keep one of the two",
        ),
        (
            "benchmarks:\n  mine: {path: 'file:x.jsonl'}",
            "my.yaml:2: benchmarks.mine: `mine` is not a preset and has no `difficulty`; add a rule for its difficulty",
        ),
        (
            "benchmarks:\n  ../../etc: {}",
            "my.yaml:2: benchmarks.../../etc: `../../etc` is not a valid name for a benchmark; it is used in file names",
        ),
        ("benchmarks:\n  CON: {}", "`CON` is not a valid name for a benchmark"),
        (
            "benchmarks:\n  gsm8k: {path: gsm8k.jsonl}",
            "`gsm8k.jsonl` does not name a kind of source; write datasets:REPO, file:PATTERN or synthetic:NAME",
        ),
        (
            "benchmarks:\n  gsm8k: {columns: [answer], drop_columns: [question]}",
            "`columns` and `drop_columns` cannot be combined; name either the columns to keep or the ones to leave out",
        ),
        (
            "benchmarks:\n  gsm8k: {drop_columns: answer, difficulty: {features: {w: {words: answer}}, score: [{feature: w}]}}",
            "my.yaml:2: benchmarks.gsm8k.drop_columns: `answer` is left out, but the feature `w` reads it; keep it",
        ),
        (
            "benchmarks:\n  medical_qa: {columns: [options, meta_info]}",
            "my.yaml:2: benchmarks.medical_qa.columns: `question` is left out, but ",
        ),
        (
            "benchmarks:\n  gsm8k: {drop_columns: [question], difficulty: {features: {w: {words: answer}}, score: [{feature: w}]}}",
            "`question` is left out, but `identity` reads it; keep it",
        ),
        ("benchmarks:\n  gsm8k: {drop_columns: [a, a]}", "`a` is named twice; name each column once"),
        ("benchmarks:\n  gsm8k: {columns: []}", "is empty; name at least one column, or remove it"),
        ("benchmarks:\n  gsm8k: {path: 's3:bucket'}", "there is no source `s3:`"),
        (
            "benchmarks:\n  gsm8k: {path: 's3://key:half/half@bucket/*.jsonl'}",
            "the user or the password of this `s3://` URL has a `/` or a `?`; write `%2F` and `%3F` for them",
        ),
        (
            "benchmarks:\n  gsm8k: {path: 'file:s3://key:secret@bucket/*.jsonl'}",
            "`file:` is for files of this machine; write the URL alone, as in s3://bucket/rows/*.jsonl",
        ),
        (
            "benchmarks:\n  gsm8k: {path: 's3://key:secret@bucket/***.jsonl'}",
            "`s3://bucket/***.jsonl` is not a valid pattern: wildcards are either regular `*` or recursive `**`; write it like \
             s3://bucket/rows/*.jsonl",
        ),
        ("benchmarks:\n  gsm8k: {path: 'synthetic:gsm9k'}", "there is no generator `gsm9k`; known: "),
        (
            "benchmarks:\n  gsm8k: {path: 'synthetic:gsm8k?row=5'}",
            "cannot read `row=5`; write synthetic:NAME?rows=1000&seed=1",
        ),
        ("benchmarks:\n  bbh: {path: 'file:all.jsonl'}", "the path has no `{config}`, but the benchmark has configs"),
        (
            "benchmarks:\n  gsm8k: {path: 'file:{config}.jsonl'}",
            "`{config}` stands for each of `configs`, and the benchmark has none",
        ),
        ("benchmarks:\n  bbh: {path: 'synthetic:bbh', configs: [navigat]}", "synthetic:bbh has no config `navigat`"),
        ("benchmarks:\n  bbh: {configs: [navigate, navigate]}", "`navigate` is named twice; name each config once"),
        (
            "benchmarks:\n  bbh: {configs: [../navigate]}",
            "`../navigate` is not a valid name of a config; write names without folders",
        ),
        ("benchmarks:\n  gsm8k: {store: parquett}", "`parquett` is not a store format; write jsonl or parquet"),
        (
            "benchmarks:\n  gsm8k: {difficulty: {preset: amc_lenght}}",
            "there is no preset `amc_lenght`; did you mean `amc_length`?",
        ),
        (
            "benchmarks:\n  gsm8k: {difficulty: {features: {n: {wrods: q}}, score: [{feature: n}]}}",
            "unknown function; did you mean `words`?",
        ),
        (
            "benchmarks:\n  gsm8k: {difficulty: {features: {n: {words: q}}}}",
            "has no `score`; write `score: [{feature: NAME, normalize: p95}]`",
        ),
        (
            "benchmarks:\n  gsm8k: {difficulty: {features: {n: {matches: {field: q, regex: '('}}}, score: [{feature: n}]}}",
            "`(` is not a valid regular expression: unclosed group",
        ),
        (
            "benchmarks:\n  gsm8k: {difficulty: {features: {n: {capture: {field: q, regex: 'x'}}}, score: [{feature: n}]}}",
            "the regex `x` has no group",
        ),
        (
            "benchmarks:\n  gsm8k: {difficulty: {features: {n: {count: {field: q}}}, score: [{feature: n}]}}",
            "`substrings` is missing; its arguments are field, substrings",
        ),
        (
            "benchmarks:\n  gsm8k: {difficulty: {features: {n: {above: {feature: m, bound: 1}}, m: {words: q}}, score: [{feature: n}]}}",
            "`m` is not a feature above this one; define it first",
        ),
        (
            "benchmarks:\n  gsm8k: {difficulty: {features: {n: {words: q}}, score: [{feature: n, normalize: p90}]}}",
            "`p90` is not a normalization; write `normalize: p95`",
        ),
        (
            "benchmarks:\n  gsm8k: {difficulty: {features: {n: {words: q}}, score: [{feature: n, constant: c}]}}",
            "there is no `normalize`; add `normalize: p95`",
        ),
        (
            "benchmarks:\n  gsm8k:\nstream_generation: {difficulty_percentiles: {gsm8k: [20, 180]}}",
            "[20, 180] is outside 0 to 100",
        ),
        (
            "benchmarks:\n  gsm8k:\nstream_generation: {difficulty_percentiles: {gsm8k: 20}}",
            "expected two numbers as percentiles, found 20; write `gsm8k: [20, 80]`",
        ),
        (
            "benchmarks:\n  gsm8k:\nstream_generation: {sample_with_replacement: sometimes}",
            "expected false, true or when_short, found sometimes",
        ),
        ("benchmarks:\n  gsm8k:\nmixing_rules: {exclude_combinations: [[gsm8k, amd]]}", "there is no benchmark `amd`"),
        (
            "benchmarks:\n  gsm8k:\nexperiments: {e: {benchmarks: [gsm8k], n_total_tasks: 0}}",
            "experiments.e.n_total_tasks: 0 tasks; ask for 1 to 100000000",
        ),
        ("benchmarks:\n  gsm8k:\nexperiments: {e: {benchmarks: [gsm8k]}}", "experiments.e: `n_total_tasks` is missing"),
        (
            "benchmarks:\n  gsm8k:\nexperiments: {e: {benchmarks: [gsm8k], phases: [{n_total_tasks: 4}, {order: easy_first}]}}",
            "experiments.e.phases: phase 2 has no `n_total_tasks`; write how many tasks it should have",
        ),
        (
            "benchmarks:\n  gsm8k:\nexperiments: {e: {benchmarks: [gsm8k], phases: []}}",
            "experiments.e.phases: there is no phase",
        ),
        (
            "benchmarks:\n  gsm8k:\nexperiments: {e: {benchmarks: [gsm8k], n_total_tasks: 5, phases: [{n_total_tasks: 4}]}}",
            "experiments.e.n_total_tasks: 5 tasks, but its phases have 4; leave it out, or change the phases",
        ),
        (
            "benchmarks:\n  gsm8k:\nexperiments: {e: {benchmarks: [gsm8k], n_total_tasks: 10, sampler: pandas}}",
            "there is no sampler `pandas`; known here: numpy, stable",
        ),
        (
            "benchmarks:\n  gsm8k: {enabled: false}\nexperiments: {e: {benchmarks: [gsm8k], n_total_tasks: 10}}",
            "`gsm8k` is disabled; set `enabled: true`",
        ),
        (
            "benchmarks:\n  gsm8k:\nexperiments: {benchmarks: {benchmarks: [gsm8k], n_total_tasks: 10}}",
            "the folder `benchmarks` holds the preprocessed benchmarks",
        ),
    ];
    for (text, expected) in cases {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{text}\n{found:#?}");
        assert!(found[0].contains(expected), "{text}\n{}\n{expected}", found[0]);
        assert!(found[0].starts_with("my.yaml:"), "{}", found[0]);
    }
}

#[test]
fn aliases_of_aliases_expand_only_up_to_a_limit() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
        text += &format!("a{i}: &a{i} [{aliases}]\n");
    }
    assert!(problems(&text)[0].contains("its aliases expand to too much"));
    assert!(problems(&("[".repeat(100) + &"]".repeat(100)))[0].contains("nested too deep"));
}

#[test]
fn a_request_is_checked_as_a_whole() {
    let config = Config::from_yaml(
        "my.yaml",
        "benchmarks: {gsm8k: , amc: , bbh: }\nmixing_rules: {exclude_combinations: [[amc, bbh]]}",
    )
    .unwrap();
    let spec = RequestSpec {
        benchmarks: vec!["gsm8k".into(), "amc".into(), "bbh".into()],
        benchmark_ratios: Some(vec![("gsm8k".into(), -1.0), ("amc".into(), 0.5)]),
        difficulty_split: Some("0:0".into()),
        n_total_tasks: 10,
        ..RequestSpec::default()
    };
    let found: Vec<String> = spec.resolve(&config).unwrap_err().0.iter().map(ToString::to_string).collect();
    for expected in [
        "amc and bbh may not be mixed",
        "`gsm8k` has the ratio -1",
        "`bbh` has no ratio",
        "difficulty_split: cannot read \"0:0\"",
    ] {
        assert!(found.iter().any(|problem| problem.contains(expected)), "{expected} is not in {found:#?}");
    }
}

#[test]
fn ratios_that_do_not_sum_to_one_are_rescaled_with_a_warning() {
    let config = Config::from_yaml("my.yaml", "benchmarks: {gsm8k: , amc: }").unwrap();
    let spec = |a, b| RequestSpec {
        benchmarks: vec!["gsm8k".into(), "amc".into()],
        benchmark_ratios: Some(vec![("gsm8k".into(), a), ("amc".into(), b)]),
        n_total_tasks: 10,
        ..RequestSpec::default()
    };
    assert!(spec(0.7, 0.3005).resolve(&config).unwrap().warnings.is_empty());
    let warned = spec(7.0, 3.0).resolve(&config).unwrap();
    assert_eq!(warned.warnings, ["benchmark_ratios sum to 10, not 1; they were rescaled"]);
}

#[test]
fn a_mistake_in_one_feature_hides_none_in_another() {
    let text = "
benchmarks:
  gsm8k:
    enabled: true
    enabled: false
    difficulty:
      features:
        a: {wrods: question}
        b: {matches: {field: question, regex: '('}}
        c: {above: {feature: a, bound: 1}}
      score:
        - {feature: a}
        - {feature: d}
";
    let found = problems(text);
    let lines: Vec<&str> = found.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    assert_eq!(lines, ["my.yaml:5", "my.yaml:8", "my.yaml:9", "my.yaml:13"], "{found:#?}");
}

#[test]
fn the_sections_of_a_file_may_stand_in_any_order() {
    let text = "
experiments: {e: {benchmarks: [gsm8k, amc], n_total_tasks: 10}}
mixing_rules: {exclude_combinations: [[gsm8k, bbh]]}
stream_generation: {difficulty_percentiles: {amc: [30, 70]}}
benchmarks: {gsm8k: , amc: , bbh: }
";
    let config = Config::from_yaml("my.yaml", text).unwrap();
    assert_eq!(config.experiments[0].request.parts[1].cut, Cut::Percentiles(Percentiles { low: 30.0, high: 70.0 }));
}

#[test]
fn a_demo_names_the_benchmarks_without_a_generator() {
    let text = "
benchmarks:
  gsm8k:
  bbh: {configs: [navigate, word_sorting]}
  mine: {path: 'file:x.jsonl', difficulty: {preset: gsm8k}}
";
    let found = Config::from_yaml("my.yaml", text).unwrap().use_synthetic_sources().unwrap_err().to_string();
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines.len(), 2, "{found}");
    assert!(
        lines[0]
            .starts_with("benchmarks.bbh: synthetic:bbh has no config `word_sorting`; known: boolean_expressions, ")
    );
    assert!(lines[1].starts_with("benchmarks.mine: there is no generator for this benchmark"));
}

#[test]
fn a_benchmark_has_one_ratio() {
    let config = Config::from_yaml("my.yaml", "benchmarks: {gsm8k: , amc: }").unwrap();
    let spec = RequestSpec {
        benchmarks: vec!["gsm8k".into(), "amc".into()],
        benchmark_ratios: Some(vec![("gsm8k".into(), 0.9), ("amc".into(), 0.5), ("gsm8k".into(), 0.5)]),
        n_total_tasks: 10,
        ..RequestSpec::default()
    };
    assert_eq!(
        spec.resolve(&config).unwrap_err().to_string(),
        "benchmark_ratios: `gsm8k` has two ratios; keep one of the two"
    );
}

/// The built-in files are inside the package, so that it can be built without the checkout; `config/` is for users.
#[test]
fn the_built_in_files_are_those_in_the_checkouts_config_folder() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    if !folder.is_dir() {
        return eprintln!("SKIPPED: this is not a checkout ({} is absent)", folder.display());
    }
    for (name, built_in) in [("data_config.yaml", DEFAULT_CONFIG), ("experiments.yaml", DEFAULT_EXPERIMENTS)] {
        let own = std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(
            own, built_in,
            "config/{name} and crates/symphony-data/src/config/defaults/{name} differ: copy the one that you changed"
        );
    }
}
/// A configuration of two benchmarks with these lines.
fn two(lines: &str) -> String {
    format!("benchmarks: {{gsm8k: , amc: }}\n{lines}")
}

#[test]
fn fractions_and_percentages_in_the_wrong_place_are_reported_once_with_the_way_out() {
    let cases = [
        (two("stream_generation: {difficulty_percentiles: {gsm8k: [0.2, 0.8]}}"), "write 20:80"),
        (two("stream_generation: {difficulty_percentiles: {gsm8k: [0.07, 1]}}"), "write 7:100"),
        (
            two("experiments: {e: {benchmarks: [amc], n_total_tasks: 5, difficulty_percentiles: {amc: [0.29, 0.7]}}}"),
            "write 29:70",
        ),
        (two("stream_generation: {difficulty_percentiles: [20, 80]}"), "difficulty_percentiles: {gsm8k: [20, 80]}"),
        ("benchmarks: {gsm8k: {difficulty_cuts: [20, 60]}}".to_owned(), "write `difficulty_cuts: [0.2, 0.6]`"),
        ("benchmarks: {gsm8k: {difficulty_cuts: [30, 70]}}".to_owned(), "write `difficulty_cuts: [0.3, 0.7]`"),
        ("benchmarks: {gsm8k: {chance: 25}}".to_owned(), "write 0.25"),
        ("benchmarks: {gsm8k: {chance: 20%}}".to_owned(), "write 0.2 if you mean 20 %"),
        (
            two(
                "experiments: {e: {benchmarks: [gsm8k, amc], n_total_tasks: 5, benchmark_ratios: {gsm8k: 100%, amc: 0}}}",
            ),
            "expected a number, found 100%; write `gsm8k: 1`",
        ),
        (
            two("experiments: {e: {benchmarks: [gsm8k, amc], n_total_tasks: 5, benchmark_ratios: [0.5, 0.5]}}"),
            "expected a mapping, found [0.5, 0.5]",
        ),
        (
            two(
                "experiments: {e: {benchmarks: [gsm8k, amc], n_total_tasks: 5, benchmark_ratios: {gsm8k: -1, amc: 0}}}",
            ),
            "`gsm8k` has the ratio -1",
        ),
        (
            two("experiments: {e: {benchmarks: [gsm8k], n_total_tasks: 5, difficulty_split: [80, 20]}}"),
            "found [80, 20]; write `difficulty_split: 80:20`",
        ),
    ];
    for (text, expected) in cases {
        let found = problems(&text);
        assert_eq!(found.len(), 1, "{text}\n{found:#?}");
        assert!(found[0].contains(expected), "{text}\n{}\n{expected}", found[0]);
    }
    assert!(Percentiles::new(0.2, 0.8).unwrap_err().contains("20:80"));
    assert_eq!(Percentiles::new(0.5, 99.5), Ok(Percentiles { low: 0.5, high: 99.5 }));
    assert_eq!(Percentiles::new(0.0, 0.5), Ok(Percentiles { low: 0.0, high: 0.5 }));
    // Records of version 0.1.0 can still be read.
    assert_eq!(serde_json::from_str::<Percentiles>("[0.2, 0.8]").unwrap(), Percentiles { low: 0.2, high: 0.8 });
}

#[test]
fn a_flat_list_is_not_a_list_of_lists_and_a_text_with_commas_is_not_a_list() {
    let cases = [
        ("mixing_rules: {exclude_combinations: [gsm8k, amc]}", "such as [[humaneval, amc]]"),
        ("mixing_rules: {exclude_combinations: [gsm8k]}", "such as [[humaneval, amc]]"),
        ("mixing_rules: {exclude_combinations: gsm8k}", "such as [[humaneval, amc]]"),
        (
            "mixing_rules: {exclude_combinations: [[gsm8k, amc], amc]}",
            "[1]: a combination needs at least two benchmarks",
        ),
        ("experiments: {e: {benchmarks: 'x, y', n_total_tasks: 5}}", "there is no benchmark `x, y`"),
        (
            "experiments:\n  e:\n    benchmarks: gsm8k, amc\n    n_total_tasks: 5",
            "`gsm8k, amc` is one text, not a list; write `benchmarks: [gsm8k, amc]`",
        ),
    ];
    for (lines, expected) in cases {
        let found = problems(&two(lines));
        assert_eq!(found.len(), 1, "{lines}\n{found:#?}");
        assert!(found[0].contains(expected), "{lines}\n{}\n{expected}", found[0]);
    }
    let found = problems("benchmarks:\n  bbh:\n    configs: navigate, web_of_lies");
    assert!(found.len() == 1 && found[0].contains("write `configs: [navigate, web_of_lies]`"), "{found:#?}");
    let found = problems(
        "benchmarks:\n  gsm8k:\n    difficulty:\n      features:\n        n:\n          count:\n            field: q\n            substrings: so, then\n      score: [{feature: n}]",
    );
    assert!(found.len() == 1 && found[0].contains("[so, then]`, or put it in quotes"), "{found:#?}");
}

#[test]
fn yes_and_no_are_booleans_where_one_is_expected_and_texts_elsewhere() {
    for (word, meaning) in
        [("no", false), ("Off", false), ("FALSE", false), ("yes", true), ("On", true), ("True", true)]
    {
        let text = format!(
            "benchmarks: {{gsm8k: {{enabled: {word}}}, amc: {{description: {word}x}}}}\nstream_generation: {{sample_with_replacement: {word}}}"
        );
        let config = Config::from_yaml("my.yaml", &text).unwrap();
        assert_eq!(config.benchmarks[0].enabled, meaning, "{word}");
        let replacement = if meaning { Replacement::Always } else { Replacement::Never };
        assert_eq!(config.sample_with_replacement, replacement, "{word}");
    }
    let text = "benchmarks: {gsm8k: {difficulty: {features: {n: {count: {field: q, substrings: [yes, no]}}}, score: [{feature: n}]}}}";
    Config::from_yaml("my.yaml", text).unwrap();
}

#[test]
fn merge_keys_fill_in_the_keys_that_are_not_overridden() {
    let text = "
benchmarks:
  first: &base {path: 'file:a.jsonl', split: train, difficulty: &length {preset: gsm8k}}
  second: {<<: *base, path: 'file:b.jsonl'}
  third: {<<: [{chance: 0.25}, *base, {chance: 0.5}]}
";
    let config = Config::from_yaml("my.yaml", text).unwrap();
    let [first, second, third] = &config.benchmarks[..] else { panic!("{:?}", config.names()) };
    assert_eq!((second.source.to_string().as_str(), second.split.as_str()), ("file:b.jsonl", "train"));
    assert_eq!((third.source.to_string(), third.chance), (first.source.to_string(), 0.25));
    let found = problems("benchmarks:\n  gsm8k: {<<: preset}");
    assert!(found.len() == 1 && found[0].contains("my.yaml:2: `<<` merges the keys of other mappings"), "{found:#?}");
}

#[test]
fn only_the_devices_of_windows_are_invalid_names() {
    use symphony_data::config::check_name;
    for device in ["con", "PRN", "aux.x", "nul", "com1", "LPT9"] {
        assert!(check_name(device).is_err(), "{device}");
    }
    for name in ["con1", "nul2", "com", "com0", "com10", "lpt", "console", "aux1"] {
        assert!(check_name(name).is_ok(), "{name}");
    }
}

#[test]
fn one_file_for_configuration_and_experiments_reports_each_problem_once() {
    let text = "benchmarks: {gsm8k: }\nexperiments: {e: {benchmarks: [gsm9k], n_total_tasks: 5}}";
    let found = Config::from_yaml_with_experiments("my.yaml", text, Some(("my.yaml", text))).unwrap_err();
    assert_eq!(found.0.len(), 1, "{found}");
}
