//! Logs of pools that were exported to a harness: they come back without flags, by the ids that the export gave them.

use serde_json::{Value, json};

use super::*;

/// Rows of `b`: `What is 0?` to `What is 5?`, and in rows 6 and 7 copies of rows 0 and 1. Rows of `c` have two fields, and
/// the same value in one of them.
pub(super) fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, rows: Vec<Value>| {
        let lines: String = rows.iter().map(|row| row.to_string() + "\n").collect();
        fs::write(folder.path().join(name), lines).unwrap();
        folder.path().join(name).display().to_string()
    };
    let b = write("b.jsonl", (0..8).map(|row| json!({"question": question(row)})).collect());
    let c = write("c.jsonl", (0..4).map(|row| json!({"kind": "sum", "input": format!("Add {row} and 1.")})).collect());
    let rule = |field: &str| {
        format!("difficulty: {{features: {{words: {{words: {field}}}}}, score: [{{feature: words, normalize: p95}}]}}")
    };
    let yaml = format!(
        "benchmarks: {{b: {{path: 'file:{b}', identity: [question], {}}}, c: {{path: 'file:{c}', identity: [kind, input], {}}}}}",
        rule("question"),
        rule("input")
    );
    let builder = DatasetBuilder::from_yaml("test.yaml", &yaml).unwrap();
    builder.preprocess_all_benchmarks(&folder.path().join("full"), PreprocessOptions::default()).unwrap();
    Place { folder, builder }
}

pub(super) fn question(row: usize) -> String {
    format!("What is {}?", row % 6)
}

/// The identity of a text: XXH3 of it.
pub(super) fn identity(text: &str) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()))
}

/// What an export writes under `symphony` for a row of `b`.
pub(super) fn ids(task: usize, row: usize) -> Value {
    json!({
        "task_id": format!("exp_{task:05}_b"), "benchmark": "b", "source_id": format!("b_{row}"),
        "identity": identity(&question(row)), "difficulty_bin": "hard", "difficulty_score": 0.9, "phase": null, "weight": 1.0
    })
}

/// A line of the harness.
pub(super) fn line(doc_id: usize, doc: &Value, filter: &str, metrics: &[(&str, f64)]) -> String {
    let mut line = json!({
        "doc_id": doc_id, "doc": doc, "target": "1", "arguments": {"gen_args_0": {"arg_0": "Q"}}, "resps": [["1"]],
        "filtered_resps": ["1"], "filter": filter, "metrics": metrics.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "doc_hash": "00"
    });
    for (name, score) in metrics {
        line[*name] = json!(score);
    }
    line.to_string() + "\n"
}

/// A log of Inspect with these samples: id, input, metadata and score.
pub(super) fn inspect(model: &str, samples: &[(String, String, Value, &str)]) -> String {
    let samples: Vec<Value> = samples
        .iter()
        .map(|(id, input, metadata, score)| {
            json!({"id": id, "epoch": 1, "input": input, "target": "1", "metadata": metadata,
                "scores": {"pool_scorer": {"value": score, "answer": "1"}}})
        })
        .collect();
    let log = json!({
        "version": 2, "status": "success", "eval": {"task": "exp", "model": model, "created": "2026-01-01T10:00:00+00:00"},
        "samples": samples
    });
    serde_json::to_string_pretty(&log).unwrap()
}

/// The scores of a model: for each row that has any, the row, the score and the tries.
pub(super) fn scores(gathered: &Gathered, benchmark: &str, model: &str) -> Vec<(usize, f64, u32)> {
    let Some(responses) = gathered.benchmarks.iter().find(|own| own.benchmark() == benchmark) else { return vec![] };
    let Some(model) = responses.models().iter().position(|own| own.name == model) else { return vec![] };
    let of = |row: usize| responses.answers(row).filter(|own| own.model == model).collect::<Vec<_>>();
    (0..responses.rows()).flat_map(|row| of(row).into_iter().map(move |own| (row, own.score, own.tries))).collect()
}

pub(super) fn unmapped(gathered: &Gathered) -> Vec<String> {
    gathered.unmapped.iter().map(ToString::to_string).collect()
}

fn read_all(place: &Place, inputs: &[Input]) -> Gathered {
    place.read(inputs, &ReadOptions::default()).unwrap()
}

fn log_of(place: &Place, name: &str, text: &str) -> Input {
    fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
    place.write(name, text)
}

/// A log of the harness and one of Inspect whose documents have no text of the row.
fn logs_by_ids(place: &Place, all: &[Value]) -> [Input; 2] {
    let lines: String = all
        .iter()
        .enumerate()
        .map(|(at, ids)| line(at, &json!({"prompt": "?", "symphony": ids}), "pool", &[("acc", 1.0)]))
        .collect();
    let samples: Vec<_> = all
        .iter()
        .map(|ids| (ids["task_id"].to_string(), "Q: ?".to_owned(), json!({"symphony": ids, "row": {"x": 1}}), "C"))
        .collect();
    [log_of(place, "m/samples_exp_b_hard.jsonl", &lines), log_of(place, "exp.json", &inspect("m", &samples))]
}

#[test]
fn ids_name_the_row_where_no_text_does_and_the_source_id_picks_the_copy() {
    let place = place();
    let mut plain = ids(3, 1);
    plain.as_object_mut().unwrap().remove("source_id");
    for log in logs_by_ids(&place, &[ids(0, 0), ids(1, 4), ids(2, 7)]) {
        let gathered = read_all(&place, std::slice::from_ref(&log));
        // Rows 0 and 7 have copies, in rows 6 and 1.
        assert_eq!(scores(&gathered, "b", "m"), [(0, 1.0, 1), (4, 1.0, 1), (7, 1.0, 1)], "{log:?}");
        assert!(gathered.unmapped.is_empty(), "{:?}", gathered.unmapped);
    }
    for log in logs_by_ids(&place, &[plain]) {
        assert_eq!(scores(&read_all(&place, &[log]), "b", "m"), [(1, 1.0, 1), (7, 1.0, 1)]);
    }
}

#[test]
fn repeats_of_a_task_in_a_pool_are_tries_of_its_row() {
    let place = place();
    let doc = |task: usize, row: usize| json!({"question": question(row), "symphony": ids(task, row)});
    let tasks = [(doc(0, 2), 1.0), (doc(1, 3), 1.0), (doc(2, 2), 0.0), (doc(3, 2), 1.0), (doc(4, 2), 0.0)];
    let lines: String =
        tasks.iter().enumerate().map(|(at, (doc, score))| line(at, doc, "pool", &[("acc", *score)])).collect();
    let samples: Vec<_> = tasks
        .iter()
        .enumerate()
        .map(|(at, (doc, score))| {
            (format!("exp_{at:05}_b"), "Q".to_owned(), doc.clone(), if *score > 0.0 { "C" } else { "I" })
        })
        .collect();
    for log in
        [log_of(&place, "m/samples_exp_b_hard.jsonl", &lines), log_of(&place, "exp.json", &inspect("m", &samples))]
    {
        assert_eq!(scores(&read_all(&place, &[log]), "b", "m"), [(2, 0.5, 4), (3, 1.0, 1)]);
    }
}

#[test]
fn an_identity_that_the_store_does_not_have_falls_back_to_the_text_and_else_is_counted_as_unknown() {
    let place = place();
    let mut other = ids(0, 2);
    other["identity"] = json!("0123456789abcdef");
    let known = json!({"question": question(3), "symphony": other});
    let unknown = json!({"question": "What was it?", "symphony": other});
    let lines = line(0, &known, "pool", &[("acc", 1.0)]) + &line(1, &unknown, "pool", &[("acc", 1.0)]);
    let samples = [("exp_00000_b", known), ("exp_00001_b", unknown)].map(|(id, doc)| {
        let metadata = json!({"symphony": doc["symphony"], "row": {"question": doc["question"]}});
        (id.to_owned(), format!("Answer with a number. {}", doc["question"]), metadata, "C")
    });
    for log in [log_of(&place, "m/samples_exp_b.jsonl", &lines), log_of(&place, "exp.json", &inspect("m", &samples))] {
        let gathered = read_all(&place, &[log]);
        assert_eq!(scores(&gathered, "b", "m"), [(3, 1.0, 1)]);
        assert_eq!(
            unmapped(&gathered),
            ["1 answer with an identity that b (8 rows) does not have, and a text that matches no row: \
              identity \"0123456789abcdef\" (source_id \"b_2\")"]
        );
    }
}

#[test]
fn ids_without_an_identity_only_pick_a_copy() {
    let place = place();
    // Pools of the old program have no identity, and some no source_id.
    let lines = [
        json!({"question": question(1), "symphony": {"task_id": "exp_00000_b", "benchmark": "b", "source_id": "b_7"}}),
        json!({"question": question(2), "symphony": {"task_id": "exp_00001_b", "benchmark": "b"}}),
        // Its number is that of a row with another question.
        json!({"question": question(3), "symphony": {"task_id": "exp_00002_b", "benchmark": "b", "source_id": "b_5"}}),
        json!({"question": "none", "symphony": {"task_id": "exp_00003_b", "benchmark": "b", "source_id": "b_4"}}),
    ]
    .iter()
    .enumerate()
    .map(|(at, doc)| line(at, doc, "pool", &[("acc", 1.0)]))
    .collect::<String>();
    let gathered = read_all(&place, &[log_of(&place, "m/samples_exp_b.jsonl", &lines)]);
    assert_eq!(scores(&gathered, "b", "m"), [(2, 1.0, 1), (3, 1.0, 1), (7, 1.0, 1)]);
    assert_eq!(unmapped(&gathered), ["1 answer of the log `exp_b` to documents that match no row: \"none\""]);
}

#[test]
fn ids_and_a_text_of_two_rows_map_to_neither() {
    let place = place();
    let doc = json!({"question": question(2), "symphony": ids(0, 3)});
    let good = json!({"question": question(4), "symphony": ids(1, 4)});
    let lines = line(0, &doc, "pool", &[("acc", 1.0)]) + &line(1, &good, "pool", &[("acc", 1.0)]);
    let row = |doc: &Value| json!({"symphony": doc["symphony"], "row": {"question": doc["question"]}});
    let samples = [("x", row(&doc)), ("y", row(&good))].map(|(id, row)| (id.to_owned(), "Q".to_owned(), row, "C"));
    for log in [log_of(&place, "m/samples_exp_b.jsonl", &lines), log_of(&place, "exp.json", &inspect("m", &samples))] {
        let gathered = read_all(&place, &[log]);
        assert_eq!(scores(&gathered, "b", "m"), [(4, 1.0, 1)]);
        let said = unmapped(&gathered);
        assert!(
            said[0].starts_with("1 answer whose ids name one row of b, and whose texts name another: "),
            "{said:?}"
        );
    }
}

#[test]
fn ids_of_a_benchmark_that_is_not_preprocessed_or_not_selected_are_counted_as_such() {
    let place = place();
    let mut other = ids(0, 1);
    other["benchmark"] = json!("other");
    let docs =
        [json!({"question": question(1), "symphony": other}), json!({"question": question(2), "symphony": ids(1, 2)})];
    let lines: String = docs.iter().enumerate().map(|(at, doc)| line(at, doc, "pool", &[("acc", 1.0)])).collect();
    let log = log_of(&place, "m/samples_exp.jsonl", &lines);
    let gathered = read_all(&place, std::slice::from_ref(&log));
    assert_eq!(scores(&gathered, "b", "m"), [(2, 1.0, 1)]);
    let said = unmapped(&gathered);
    assert!(said[0].starts_with("1 answer to benchmarks that are not preprocessed in "), "{said:?}");
    assert!(said[0].ends_with(": benchmark \"other\""), "{said:?}");
    let only = ["c".to_owned()];
    let mut catalogue = Catalogue::of(&place.builder.config, &place.path("full"), &only, &Silent).unwrap();
    let error = read(&[log], &mut catalogue, &ReadOptions::default(), &Silent).unwrap_err().to_string();
    assert!(error.contains("1 answer to benchmarks that were not selected: benchmark \"b\""), "{error}");
}

#[test]
fn hostile_ids_map_to_no_wrong_row() {
    let place = place();
    let right = identity(&question(5));
    let hostile = [
        json!(7),
        json!([]),
        json!("b_5"),
        json!(null),
        json!({}),
        json!({"benchmark": 5, "source_id": "b_5", "identity": right}),
        json!({"benchmark": "b", "source_id": {"b_5": 1}, "identity": [right]}),
        json!({"benchmark": "b", "source_id": "b_5", "identity": 5}),
        json!({"benchmark": "b", "source_id": "b_99999999999999999999", "identity": "g"}),
        json!({"benchmark": "b", "source_id": "", "identity": "-000000000000001"}),
        json!({"benchmark": "../b", "source_id": "b_5", "identity": right}),
        json!({"benchmark": "c", "source_id": "b_5", "identity": right}),
        json!({"benchmark": "\u{1b}[2J", "identity": right}),
    ];
    for ids in &hostile {
        let doc = json!({"question": "What else?", "symphony": ids});
        let good = json!({"question": question(1), "symphony": {"benchmark": "b", "identity": identity(&question(1))}});
        let lines = line(0, &doc, "pool", &[("acc", 1.0)]) + &line(1, &good, "pool", &[("acc", 1.0)]);
        let samples = [("x", doc), ("y", good)].map(|(id, doc)| (id.to_owned(), "Q".to_owned(), doc, "C"));
        for log in [log_of(&place, "m/samples_exp.jsonl", &lines), log_of(&place, "exp.json", &inspect("m", &samples))]
        {
            let gathered = read_all(&place, &[log]);
            assert_eq!(scores(&gathered, "b", "m"), [(1, 1.0, 1), (7, 1.0, 1)], "{ids}");
            assert_eq!(scores(&gathered, "c", "m"), [], "{ids}");
            assert_eq!(
                gathered.unmapped.iter().map(|own| own.answers).sum::<u64>(),
                1,
                "{ids}: {:?}",
                gathered.unmapped
            );
        }
    }
    // The identity of this benchmark has several fields, and the document has only one of them.
    let ids = json!({"benchmark": "c", "source_id": "c_2", "identity": identity("sum\u{1f}Add 2 and 1.")});
    let doc = json!({"input": "Q: Add 2 and 1.\nA:", "symphony": ids});
    let log = log_of(&place, "m/samples_exp.jsonl", &line(0, &doc, "pool", &[("acc", 0.0)]));
    assert_eq!(scores(&read_all(&place, &[log]), "c", "m"), [(2, 0.0, 1)]);
}

// ---- filters and metrics

/// The lines of a task with several filters: all of one filter first, as the harness writes them.
fn filtered(scores: &[(&str, &str, [f64; 3])]) -> Vec<String> {
    let of = |(filter, metric, scores): &(&str, &str, [f64; 3])| -> Vec<String> {
        let doc = |at: usize| json!({"question": question(at), "answer": "1", "symphony": ids(at, at)});
        (0..3).map(|at| line(at, &doc(at), filter, &[(metric, scores[at])])).collect()
    };
    scores.iter().flat_map(of).collect()
}

const STRICT: (&str, &str, [f64; 3]) = ("strict-match", "exact_match", [0.0, 0.0, 0.0]);
const FLEXIBLE: (&str, &str, [f64; 3]) = ("flexible-extract", "exact_match", [0.0, 1.0, 0.0]);
const POOL: (&str, &str, [f64; 3]) = ("pool", "acc", [1.0, 1.0, 0.0]);

fn options(filter: Option<&str>, metric: Option<&str>) -> ReadOptions {
    ReadOptions { filter: filter.map(str::to_owned), metric: metric.map(str::to_owned) }
}

/// The first three scores of a model.
fn first(gathered: &Gathered, model: &str) -> Vec<f64> {
    scores(gathered, "b", model).iter().map(|(_, score, _)| *score).collect()
}

#[test]
fn an_exported_log_is_read_by_its_own_filter_in_any_order_of_lines() {
    let place = place();
    let mut orders = vec![];
    for order in [[STRICT, FLEXIBLE, POOL], [POOL, STRICT, FLEXIBLE], [FLEXIBLE, POOL, STRICT]] {
        orders.push(filtered(&order));
        // Document by document.
        let lines = filtered(&order);
        orders.push((0..9).map(|at| lines[at % 3 * 3 + at / 3].clone()).collect());
    }
    for lines in orders {
        let log = log_of(&place, "m/samples_exp_b_hard.jsonl", &lines.concat());
        let gathered = read_all(&place, &[log]);
        assert_eq!(scores(&gathered, "b", "m"), [(0, 1.0, 1), (1, 1.0, 1), (2, 0.0, 1)], "{lines:?}");
    }
    // Its lines may list other metrics too, which count only if they are chosen.
    let doc = json!({"question": question(0), "symphony": ids(0, 0)});
    let log = log_of(&place, "m/samples_exp_b.jsonl", &line(0, &doc, "pool", &[("acc_norm", 0.0), ("acc", 1.0)]));
    assert_eq!(first(&read_all(&place, std::slice::from_ref(&log)), "m"), [1.0]);
    assert_eq!(first(&place.read(&[log], &options(None, Some("acc_norm"))).unwrap(), "m"), [0.0]);
}

#[test]
fn a_chosen_filter_or_metric_wins_and_concerns_only_logs_that_have_it() {
    let place = place();
    let exported = log_of(&place, "m/samples_exp_b_hard.jsonl", &filtered(&[STRICT, FLEXIBLE, POOL]).concat());
    let all = std::slice::from_ref(&exported);
    let read = |inputs: &[Input], filter, metric| place.read(inputs, &options(filter, metric));
    assert_eq!(first(&read(all, Some("flexible-extract"), None).unwrap(), "m"), [0.0, 1.0, 0.0]);
    assert_eq!(first(&read(all, Some("strict-match"), Some("exact_match")).unwrap(), "m"), [0.0, 0.0, 0.0]);
    for (filter, metric) in [(Some("other"), None), (None, Some("other")), (None, Some("exact_match"))] {
        assert_eq!(first(&read(all, filter, metric).unwrap(), "m"), [1.0, 1.0, 0.0], "{filter:?} {metric:?}");
    }
    // Logs of Inspect and of stock tasks in the same command.
    let sample = |row: usize, score: &'static str| {
        (format!("exp_{row:05}_b"), question(row), json!({"symphony": ids(row, row)}), score)
    };
    let of_inspect = log_of(&place, "exp.json", &inspect("i", &[sample(0, "I"), sample(1, "I"), sample(2, "C")]));
    let stock = filtered(&[STRICT, FLEXIBLE]).concat().replace("\"symphony\"", "\"other\"");
    let stock = log_of(&place, "s/samples_b.jsonl", &stock);
    let error = read(&[exported.clone(), stock.clone()], None, None).unwrap_err();
    assert_eq!(error.hints(), [Hint::Filter("flexible-extract".to_owned())], "{error}");
    let both = read(&[exported, of_inspect, stock.clone()], Some("flexible-extract"), Some("exact_match")).unwrap();
    assert_eq!(first(&both, "m"), [0.0, 1.0, 0.0]);
    assert_eq!(first(&both, "i"), [0.0, 0.0, 1.0]);
    // Without ids, rows 6 and 7 are copies of rows 0 and 1.
    assert_eq!(first(&both, "s"), [0.0, 1.0, 0.0, 0.0, 1.0]);
    // What was chosen must be in every log that is not of an export.
    let error = read(std::slice::from_ref(&stock), Some("other"), None).unwrap_err().to_string();
    assert!(error.contains("has no line of the filter `other`; it has flexible-extract, strict-match"), "{error}");
    let plain = inspect("i", &[("1".to_owned(), question(0), json!({}), "C")]);
    let error = read(&[log_of(&place, "plain.json", &plain)], None, Some("acc")).unwrap_err().to_string();
    assert!(error.contains("has no scorer `acc`; it has pool_scorer"), "{error}");
}

#[test]
fn a_filter_of_another_task_that_is_named_pool_is_read_as_any_filter() {
    let place = place();
    let lines = filtered(&[STRICT, ("pool", "exact_match", [1.0, 1.0, 1.0])]).concat();
    let log = log_of(&place, "m/samples_b.jsonl", &lines);
    let error = place.read(std::slice::from_ref(&log), &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("a line for each of the filters pool and strict-match"), "{error}");
    let gathered = place.read(&[log], &options(Some("pool"), None)).unwrap();
    assert_eq!(first(&gathered, "m"), [1.0, 1.0, 1.0]);
}

#[test]
fn a_whole_row_under_the_ids_of_another_counts_for_neither() {
    let place = place();
    let row_of_c = json!({"kind": "sum", "input": "Add 2 and 1."});
    // Another row of the benchmark, one of another benchmark, and a row that no store has.
    let rows = [json!({"question": question(4)}), row_of_c, json!({"question": "What is 3 "})];
    let with = |row: &Value, ids: Value| {
        let mut doc = row.clone();
        doc["symphony"] = ids;
        doc
    };
    let lines: String =
        rows.iter().enumerate().map(|(at, row)| line(at, &with(row, ids(at, 1)), "pool", &[("acc", 1.0)])).collect();
    let samples: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| (format!("s{at}"), "?".to_owned(), json!({"symphony": ids(at, 1), "row": row}), "C"))
        .collect();
    let right = line(9, &with(&json!({"question": question(1)}), ids(9, 1)), "pool", &[("acc", 1.0)]);
    let logs = [
        log_of(&place, "m/samples_exp_b_hard.jsonl", &(lines + &right)),
        log_of(&place, "exp.json", &inspect("i", &samples)),
    ];
    let gathered = read_all(&place, &logs);
    assert_eq!(scores(&gathered, "b", "m"), [(1, 1.0, 1)]);
    assert!(scores(&gathered, "b", "i").is_empty() && scores(&gathered, "c", "i").is_empty());
    let told = unmapped(&gathered);
    assert!(
        told.len() == 1 && told[0].starts_with("6 answers whose ids name one row of b, and whose texts name another"),
        "{told:?}"
    );
}

#[test]
fn what_a_log_holds_twice_counts_once() {
    let place = place();
    let one = line(0, &json!({"question": question(1), "symphony": ids(0, 1)}), "pool", &[("acc", 1.0)]);
    let sample =
        ("s0".to_owned(), "?".to_owned(), json!({"symphony": ids(0, 2), "row": {"question": question(2)}}), "C");
    let logs = [
        log_of(&place, "m/samples_exp_b_hard.jsonl", &one.repeat(3)),
        log_of(&place, "exp.json", &inspect("m", &[sample.clone(), sample])),
    ];
    let gathered = read_all(&place, &logs);
    assert_eq!(scores(&gathered, "b", "m"), [(1, 1.0, 1), (2, 1.0, 1)]);
    let told = unmapped(&gathered);
    assert!(
        told.iter().any(|told| told.starts_with("2 answers to documents that their log holds a second time")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|told| told.starts_with("1 answer to samples that their log holds a second time")),
        "{told:?}"
    );
}

#[test]
fn a_log_without_scores_says_so() {
    let place = place();
    let text = line(0, &json!({"question": question(1)}), "none", &[("bypass", 999.0)])
        + &line(1, &json!({"question": question(2)}), "none", &[("bypass", 999.0)]);
    let log = log_of(&place, "m/samples_exp_b_hard.jsonl", &text);
    let error = place.read(&[log], &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("2 answers without a score"), "{error}");
}
