//! The cache: shared with other runs and with Python, used without a network.

use super::*;

#[test]
fn pythons_huggingface_hub_finds_what_was_downloaded_and_the_other_way_round() {
    let python = std::env::var("SYMPHONY_DATA_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_it = Command::new(&python).args(["-c", "import huggingface_hub"]).output();
    if !has_it.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: {python} has no huggingface_hub (`make test` installs it)");
        return;
    }
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_storage();
    let repo = quiz();
    let commit = repo.commit(CONVERSION);
    let fetch = |case: &Case, only_local: &str| {
        let mut command = Command::new(&python);
        stand_in.point(&mut command, &case.place.path("home"));
        let script = format!(
            "from huggingface_hub import hf_hub_download, scan_cache_dir, try_to_load_from_cache\n\
             found = [hf_hub_download('org/quiz', '{FILE}', repo_type='dataset', revision=revision, local_files_only={only_local})\n\
                      for revision in ('{CONVERSION}', '{commit}')]\n\
             assert found[0] == found[1]\n\
             print(found[0])\n\
             print(scan_cache_dir().warnings)\n"
        );
        let output = command.env("HF_HUB_DISABLE_XET", "1").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let ours = Case::new("org/quiz", "");
    ours.ok(&stand_in, "preprocess");
    let said = fetch(&ours, "True");
    assert_eq!(said.lines().next().unwrap(), ours.cache().join("snapshots").join(commit).join(FILE).to_str().unwrap());
    assert_eq!(said.lines().nth(1), Some("[]"), "the cache is as Python expects it");

    let theirs = Case::new("org/quiz", "");
    fetch(&theirs, "False");
    let before = stand_in.sent("0000.parquet");
    let said = theirs.ok(&stand_in, "-v preprocess");
    assert!(said.contains("1 file in the cache"), "{said}");
    assert_eq!(stand_in.sent("0000.parquet"), before);
    let said = text(&theirs.command(&stand_in, "preprocess --force").env("HF_HUB_OFFLINE", "1").output().unwrap());
    assert_eq!(said, "");
}

#[test]
fn two_downloads_at_once_both_succeed_and_fetch_the_file_once() {
    let slow = Fault::Slow(10, Duration::from_millis(100));
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(1, slow, is_bytes));
    let (one, other) = (Case::new("org/quiz", ""), Case::new("org/quiz", ""));
    let start = |case: &Case| {
        let mut command = case.command(&stand_in, "preprocess");
        command.env("HF_HOME", one.place.path("home")).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children = [start(&one), start(&other)];
    let said: Vec<String> = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", text(&output));
            text(&output)
        })
        .collect();
    assert_eq!(stand_in.sent("0000.parquet"), 1);
    assert!(said.concat().contains("; waiting for it"), "{said:?}");
    assert!(one.place.files("data") == other.place.files("data"));
}

#[test]
fn a_cached_file_that_was_damaged_is_removed_and_downloaded_again() {
    let stand_in = StandIn::new([("org/quiz", quiz())]);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    let before = case.place.files("data");
    let blob = case.blobs().remove(0);
    let whole = fs::read(&blob).unwrap();
    for damage in [whole[..1000].to_vec(), [&whole[..1000], b"x", &whole[1001..]].concat()] {
        fs::write(&blob, &damage).unwrap();
        let offline = case.command(&stand_in, "preprocess --force").env("HF_HUB_OFFLINE", "1").output().unwrap();
        assert!(text(&offline).contains("was changed or damaged"), "{}", text(&offline));
        assert!(case.place.files("data") == before, "the old store is whole");
        let said = case.ok(&stand_in, "preprocess --force");
        assert!(said.contains("quiz: default/test/0000.parquet in the cache is damaged"), "{said}");
        assert!(fs::read(&blob).unwrap() == whole);
    }
    assert!(case.place.files("data") == before);
}

#[test]
fn offline_the_cache_is_used_and_a_missing_file_is_named() {
    let stand_in = StandIn::new([("org/quiz", quiz())]);
    let case = Case::new("org/quiz", "");
    let offline = || case.command(&stand_in, "preprocess --force").env("HF_HUB_OFFLINE", "1").output().unwrap();
    let said = failed(&offline(), &case.place);
    let lacking = format!(
        "HF_HUB_OFFLINE is set, and the first Parquet file of split test at refs/convert/parquet of org/quiz is not in the cache ({})",
        case.cache().display()
    );
    assert!(said.contains(&lacking), "{said}");
    assert_eq!(stand_in.seen().len(), 0, "a request was made");
    case.ok(&stand_in, "preprocess");
    let asked = stand_in.seen().len();
    assert_eq!(text(&offline()), "");
    assert_eq!(stand_in.seen().len(), asked);
    // A missing shard between others is noticed; at the end, the cache must know where the end is.
    let two = Repo::converted((0..2).map(|at| (format!("default/test/000{at}.parquet"), questions(at..at + 9))));
    let commit = two.commit(CONVERSION).to_owned();
    stand_in.put("org/quiz", two);
    case.ok(&stand_in, "preprocess --force");
    let snapshot = case.cache().join("snapshots").join(commit).join("default/test");
    fs::remove_file(snapshot.join("0000.parquet")).unwrap();
    assert!(
        text(&offline()).contains("default/test/0000.parquet at refs/convert/parquet of org/quiz is not in the cache"),
        "{}",
        text(&offline())
    );
    fs::rename(snapshot.join("0001.parquet"), snapshot.join("0000.parquet")).unwrap();
    let said = text(&offline());
    assert!(
        said.contains("it does not say whether the split has more than 1 file; run once with access to the Hub"),
        "{said}"
    );
}

#[test]
fn every_offline_variable_of_python_is_obeyed_and_named() {
    let stand_in = StandIn::new([("org/quiz", quiz())]);
    let case = Case::new("org/quiz", "");
    for name in ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"] {
        let said = failed(&case.command(&stand_in, "preprocess").env(name, "Yes").output().unwrap(), &case.place);
        assert!(said.contains(&format!("{name} is set, and the first Parquet file")), "{said}");
        assert!(said.contains(&format!("run once without {name}")), "{said}");
    }
    assert_eq!(stand_in.seen().len(), 0, "a request was made");
    // A folder that cannot be read is not taken for a missing one.
    fs::create_dir_all(case.cache()).unwrap();
    fs::write(case.cache().join("snapshots"), "").unwrap();
    let said = failed(&case.command(&stand_in, "preprocess").env("HF_HUB_OFFLINE", "1").output().unwrap(), &case.place);
    assert!(said.contains("snapshots: Not a directory") && !said.contains("is not in the cache"), "{said}");
}

#[test]
fn the_cache_is_found_as_python_finds_it_through_a_tilde_and_through_variables() {
    let stand_in = StandIn::new([("org/quiz", quiz())]);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    let asked = stand_in.seen().len();
    let xdg = case.place.path("xdg");
    fs::create_dir(&xdg).unwrap();
    std::os::unix::fs::symlink(case.place.path("home"), xdg.join("huggingface")).unwrap();
    for (name, value) in [
        ("HF_HOME", "~/home"),
        ("HF_HOME", "$PLACE/home"),
        ("HF_HUB_CACHE", "${PLACE}/home/hub"),
        ("HUGGINGFACE_HUB_CACHE", "~/home/hub"),
        ("XDG_CACHE_HOME", "~/xdg"),
    ] {
        let mut command = case.command(&stand_in, "preprocess --force");
        command.env_remove("HF_HOME").env("HOME", case.place.path("")).env("PLACE", case.place.path(""));
        let output = command.env(name, value).env("HF_HUB_OFFLINE", "1").output().unwrap();
        assert!(output.status.success(), "{name}={value}: {}", text(&output));
    }
    assert_eq!(stand_in.seen().len(), asked);
}

#[test]
fn the_last_known_commit_is_read_if_the_hub_cannot_be_reached() {
    let case = Case::new("org/quiz", "");
    let address = {
        let stand_in = StandIn::new([("org/quiz", quiz())]);
        case.ok(&stand_in, "preprocess");
        stand_in.address
    };
    let mut command = case.place.command("--config config.yaml preprocess --force");
    isolate(&mut command, &case.place.path("home"));
    let output = command.env("HF_ENDPOINT", format!("http://{address}")).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        text(&output).contains(&format!("warning: quiz: cannot reach {address} (Connection refused")),
        "{}",
        text(&output)
    );
}

#[cfg(unix)]
#[test]
fn a_cache_that_cannot_be_written_is_used() {
    use std::os::unix::fs::PermissionsExt;
    let stand_in = StandIn::new([("org/quiz", quiz())]);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    // Permissions do not stop the superuser, but files in the place of folders do.
    for folder in [".no_exist", "refs"] {
        fs::remove_dir_all(case.cache().join(folder)).unwrap();
        fs::write(case.cache().join(folder), "").unwrap();
    }
    fs::set_permissions(case.cache(), fs::Permissions::from_mode(0o500)).unwrap();
    case.ok(&stand_in, "preprocess --force");
    fs::set_permissions(case.cache(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn offline_the_missing_config_is_named_and_a_commit_that_is_whole() {
    let of = |names: &[&str], n: usize| {
        Repo::converted(names.iter().map(|name| (format!("{name}/test/0000.parquet"), questions(0..n))))
    };
    let old = of(&["a", "b", "c"], 20);
    let stand_in = StandIn::new([("org/quiz", old.clone())]);
    let case = Case::new("org/quiz", "configs: [a, b, c]");
    case.ok(&stand_in, "preprocess");
    let offline = || text(&case.command(&stand_in, "preprocess --force").env("HF_HUB_OFFLINE", "1").output().unwrap());
    let lost = case.cache().join("snapshots").join(old.commit(CONVERSION)).join("b/test/0000.parquet");
    let blob = fs::read_link(&lost).unwrap();
    fs::remove_file(&lost).unwrap();
    assert!(
        offline().contains("b/test/0000.parquet at refs/convert/parquet of org/quiz is not in the cache"),
        "{}",
        offline()
    );
    std::os::unix::fs::symlink(blob, &lost).unwrap();
    // Another benchmark moves the reference to a commit that is only partly in the cache.
    let new = of(&["a", "b", "c"], 30);
    stand_in.put("org/quiz", new);
    let other = Case::new("org/quiz", "configs: [a]");
    let mut command = other.command(&stand_in, "preprocess");
    assert!(command.env("HF_HOME", case.place.path("home")).output().unwrap().status.success());
    let commit = old.commit(CONVERSION);
    assert!(
        offline().contains(&format!("all of commit {commit} is there: pin it with `revision: {commit}`")),
        "{}",
        offline()
    );
    let mut locked = case.command(&stand_in, "preprocess --locked --force");
    let output = locked.env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}
