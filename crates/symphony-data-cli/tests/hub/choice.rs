//! The choice of files: by names, configs and splits, and at a pinned or locked commit.

use super::*;

#[test]
fn a_wrong_repository_config_or_split_answers_with_those_that_exist() {
    let repo = Repo::converted([
        ("algebra/test/0000.parquet".to_owned(), questions(0..9)),
        ("algebra/train/0000.parquet".to_owned(), questions(0..9)),
        ("algebra_two/test/0000.parquet".to_owned(), questions(0..9)),
        ("zoology/test/0000.parquet".to_owned(), questions(0..9)),
    ]);
    let stand_in = StandIn::new([("org/quiz", repo), ("org/other", quiz())]);
    for (path, more, expected) in [
        ("org/quizz", "", "has no dataset org/quizz, or it is private; similar names: org/quiz, org/other"),
        (
            "org/quiz",
            "",
            "org/quiz has several configs, and `path` names none; write datasets:org/quiz/CONFIG, with one of: algebra, algebra_two, zoology",
        ),
        (
            "org/quiz/algebra_too",
            "",
            "org/quiz has no config algebra_too; choose one of: algebra_two, algebra, zoology",
        ),
        (
            "org/quiz",
            "configs: [zoology, zoologie]",
            "org/quiz has no config zoologie; choose one of: zoology, algebra, algebra_two",
        ),
        (
            "org/quiz/algebra",
            "split: tests",
            "org/quiz has no split tests of config algebra; choose one of: test, train",
        ),
        ("org/quiz/algebra", "revision: v2", "org/quiz has no revision v2; choose one of: parquet"),
        (
            "org/quiz/algebra",
            "revision: 0123456789012345678901234567890123456789",
            "org/quiz has no revision 0123456789012345678901234567890123456789; the Hub no longer has this commit",
        ),
        (
            "org/quiz/algebra",
            "revision: 0123456",
            "org/quiz has no revision 0123456; write all 40 digits of a commit; choose one of: parquet",
        ),
    ] {
        let said = Case::new(path, more).fails(&stand_in, "preprocess");
        assert!(said.contains(expected), "{expected} is not in {said}");
    }
    for path in ["a/b/c/d", "../../etc", "org/quiz/", "org quiz/x"] {
        let case = Case::new(path, "");
        let output = case.run(&stand_in, "preprocess");
        assert_eq!(output.status.code(), Some(2), "{path}: {}", text(&output));
        assert!(text(&output).contains("write datasets:OWNER/NAME"), "{}", text(&output));
    }
    let said = text(&Case::new("org/quiz/algebra", "configs: [zoology]").run(&stand_in, "preprocess"));
    assert!(
        said.contains(
            "the path names a config, and the benchmark has `configs` too; write either datasets:org/quiz or `configs: []`"
        ),
        "{said}"
    );
}

#[test]
fn several_configs_are_one_benchmark_in_their_order() {
    let repo = Repo::converted(["b", "a"].map(|name| (format!("{name}/test/0000.parquet"), questions(0..3))));
    let stand_in = StandIn::new([("org/quiz", repo)]);
    let case = Case::new("org/quiz", "configs: [b, a], config_field: part");
    case.ok(&stand_in, "preprocess");
    let parts: Vec<Value> = lines(&case.place.path("data/benchmarks/full/quiz_full.jsonl"))
        .iter()
        .map(|task| task["raw_data"]["part"].clone())
        .collect();
    assert_eq!(parts, ["b", "b", "b", "a", "a", "a"]);
}

#[test]
fn without_a_full_conversion_the_data_files_of_the_split_are_used() {
    let jsonl = b"{\"question\": \"one two\"}\n{\"question\": \"three\"}\n".to_vec();
    let only_a_part = Repo::converted([("default/partial-test/0000.parquet".to_owned(), questions(0..9))]);
    let file = |name: &str| (name.to_owned(), jsonl.clone());
    let card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: test\n    path: rows/*.jsonl\n---\n";
    for (repo, files) in [
        (
            only_a_part.clone().with(MAIN, [file("data/test-00000-of-00001.jsonl"), file("data/train.jsonl")]),
            vec!["data/test-00000-of-00001.jsonl"],
        ),
        // On the Hub, .json is often JSON lines.
        (Repo::default().with(MAIN, [file("test.json"), file("train.json")]), vec!["test.json"]),
        (
            Repo::default().with(
                MAIN,
                [file("rows/b.jsonl"), file("rows/a.jsonl"), file("test.jsonl"), ("README.md".to_owned(), card.into())],
            ),
            vec!["rows/a.jsonl", "rows/b.jsonl"],
        ),
    ] {
        let commit = repo.commit(MAIN).to_owned();
        let stand_in = StandIn::new([("org/quiz", repo)]);
        let case = Case::new("org/quiz", "");
        case.ok(&stand_in, "preprocess");
        let source = &case.meta()["source"];
        assert_eq!((&source["revision"], &source["branch"]), (&json!(commit), &json!("main")));
        let names: Vec<&str> =
            source["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
        assert_eq!(names, files);
        assert_eq!(case.meta()["n_tasks_full"], 2 * files.len());
        let offline = case.command(&stand_in, "preprocess --force").env("HF_HUB_OFFLINE", "1").output().unwrap();
        assert!(offline.status.success(), "{}", text(&offline));
    }
    for (repo, looked_for) in [
        (
            only_a_part.clone().with(MAIN, [file("README.md")]),
            "looked for a full Parquet conversion (refs/convert/parquet holds only partial-test) and data files of that split on main",
        ),
        (
            Repo::default().with(MAIN, [file("quiz.py")]),
            "looked for a Parquet conversion (refs/convert/parquet) and data files of that split on main (.parquet, .jsonl, .json, .csv)",
        ),
    ] {
        let said = Case::new("org/quiz", "").fails(&StandIn::new([("org/quiz", repo)]), "preprocess");
        assert!(said.contains("org/quiz has no files for split test") && said.contains(looked_for), "{said}");
    }
}

#[test]
fn a_pinned_commit_is_read_wherever_the_branch_is_and_locked_refuses_another() {
    let old = quiz();
    let commit = old.commit(CONVERSION).to_owned();
    let new = Repo::converted([(FILE.to_owned(), questions(0..900))]);
    let stand_in = StandIn::new([("org/quiz", old.clone())]);
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess --locked");
    assert!(said.contains("quiz: only the recorded source may be used, but no source is recorded yet"), "{said}");
    case.ok(&stand_in, "preprocess");
    assert_eq!(case.meta()["source"]["revision"], *commit);
    case.ok(&stand_in, "preprocess --locked");
    case.ok(&stand_in, "preprocess --locked --force");

    // The branch moves; the old commit still exists.
    let mut both = new.clone();
    both.branches.insert("refs/tags/v1".to_owned(), old.branches[CONVERSION].clone());
    stand_in.put("org/quiz", both);
    let before = case.place.files("data");
    for args in ["preprocess --locked", "preprocess --locked --force"] {
        let output = case.run(&stand_in, args);
        assert_eq!(output.status.code(), Some(1));
        let now = new.commit(CONVERSION);
        let expected = format!(
            "only the recorded source may be used, and the store was made from commit {commit}, but org/quiz is now at {now} (refs/convert/parquet); pin the recorded commit with `revision: {commit}`; take what it has now with `preprocess --force`"
        );
        assert!(text(&output).contains(&expected), "{}", text(&output));
        assert!(case.place.files("data") == before);
    }
    assert_eq!(case.meta()["n_tasks_full"], 800);
    // The bins are not rewritten either.
    let as_it_was = fs::read_to_string(case.place.path("config.yaml")).unwrap();
    let other_bins = "\nstream_generation: {difficulty_percentiles: {quiz: [30, 70]}}\n";
    fs::write(case.place.path("config.yaml"), as_it_was.clone() + other_bins).unwrap();
    let output = case.run(&stand_in, "preprocess --locked");
    assert!(
        output.status.code() == Some(1)
            && text(&output).contains("only the recorded source may be used, and the store was made"),
        "{}",
        text(&output)
    );
    assert!(case.place.files("data") == before);
    fs::write(case.place.path("config.yaml"), as_it_was).unwrap();
    case.ok(&stand_in, "preprocess --force");
    assert_eq!(case.meta()["n_tasks_full"], 900);
    for pin in [commit.as_str(), "v1"] {
        let case = Case::new("org/quiz", &format!("revision: {pin}"));
        case.ok(&stand_in, "preprocess");
        assert_eq!(
            (case.meta()["n_tasks_full"].as_u64(), case.meta()["source"]["revision"].as_str()),
            (Some(800), Some(commit.as_str()))
        );
    }
    // If all of a pinned commit is in the cache, the Hub is not asked.
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    fs::write(case.place.path("config.yaml"), config("org/quiz", &format!("revision: {}", new.commit(CONVERSION))))
        .unwrap();
    let asked = stand_in.seen().len();
    case.ok(&stand_in, "preprocess");
    assert_eq!(stand_in.seen().len(), asked);
}

#[test]
fn a_store_is_rebuilt_from_the_commit_that_it_was_made_from() {
    let old = quiz();
    let mut moved = Repo::converted([(FILE.to_owned(), questions(0..900))]);
    moved.branches.insert("refs/tags/v1".to_owned(), old.branches[CONVERSION].clone());
    let stand_in = StandIn::new([("org/quiz", old)]);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    let before = case.place.files("data");
    stand_in.put("org/quiz", moved);
    fs::remove_dir_all(case.place.path("home")).unwrap();
    let store = case.place.path("data/benchmarks/full/quiz_full.jsonl");
    fs::write(&store, [fs::read(&store).unwrap(), b"x".to_vec()].concat()).unwrap();
    case.ok(&stand_in, "build --benchmarks quiz --n-total-tasks 10 --output pool");
    let after = case.place.files("data");
    assert!(before.keys().eq(after.keys()));
    let lines = |files: &std::collections::BTreeMap<PathBuf, Vec<u8>>| {
        files[Path::new("benchmarks/full/quiz_full.jsonl")].clone()
    };
    assert!(lines(&before) == lines(&after));
    assert_eq!(case.meta()["n_tasks_full"], 800);
}

#[test]
fn a_revision_of_local_files_is_a_mistake_and_locked_compares_their_checksums() {
    let place = Place::new();
    let local = config("x/y", "").replace("datasets:x/y", "file:rows.jsonl");
    fs::write(place.path("local.yaml"), &local).unwrap();
    fs::write(place.path("rows.jsonl"), "{\"question\": \"a b\"}\n").unwrap();
    place.ok("--config local.yaml preprocess");
    place.ok("--config local.yaml preprocess --locked --force");
    fs::write(place.path("rows.jsonl"), "{\"question\": \"a c\"}\n").unwrap();
    let said = place.fails(1, "--config local.yaml preprocess --locked");
    assert!(
        said.contains(
            "error: quiz: only the recorded source may be used, but rows.jsonl has changed since it was recorded"
        ),
        "{said}"
    );
    fs::write(place.path("local.yaml"), local.replace("identity", "revision: v1, identity")).unwrap();
    let said = place.fails(2, "--config local.yaml preprocess");
    assert!(said.contains("`v1` pins a commit of the Hub, but the rows come from file:rows.jsonl"), "{said}");
}
