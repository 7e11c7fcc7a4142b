//! The token: it goes to the Hub only, and its absence is explained.

use super::*;

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else_and_is_never_shown() {
    let mut repo = quiz().with(MAIN, [("README.md".to_owned(), b"# Quiz".to_vec())]);
    repo.token = Some("hf_secret".to_owned());
    let more = (0..5).map(|at| (format!("other/test/000{at}.parquet"), questions(at..at + 2)));
    let files = repo.branches[CONVERSION].1.clone().into_iter().chain(more).collect::<Vec<_>>();
    let mut repo = repo.with(CONVERSION, files);
    repo.token = Some("hf_secret".to_owned());
    // Every page of the listing says that the next one is on the other host, and the failure echoes the token.
    let faults = |seen: &Seen| match seen.path.contains("/tree/") {
        true => Some(Fault::Elsewhere),
        false if is_bytes(seen) && seen.nth == 0 && !seen.storage => {
            Some(Fault::Status(503, Vec::new(), json!({"error": "hf_secret\u{1b}[31m"}).to_string()))
        }
        false => None,
    };
    let stand_in = StandIn::new([("org/quiz", repo)]).with_storage().with_faults(faults);
    let case = Case::new("org/quiz", "");
    let output = case.command(&stand_in, "-v preprocess").env("HF_TOKEN", "hf_secret").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let (hub, storage): (Vec<Seen>, Vec<Seen>) = stand_in.seen().into_iter().partition(|seen| !seen.storage);
    assert!(hub.iter().all(|seen| seen.authorization.as_deref() == Some("Bearer hf_secret")));
    assert!(!storage.is_empty() && storage.iter().all(|seen| seen.authorization.is_none()));
    assert!(storage.iter().all(|seen| !seen.path.contains("cursor")), "the listing stays with the Hub");
    assert!(hub.iter().filter(|seen| seen.path.contains("cursor")).count() >= 2);
    let said = text(&output);
    assert!(said.contains("answered 503 (*** [31m)"), "{said:?}");
    let written = case.place.files(".").into_iter().filter(|(name, _)| !name.starts_with("home/hub"));
    let all: Vec<u8> = written.flat_map(|(_, bytes)| bytes).chain(output.stdout).chain(output.stderr).collect();
    assert!(!String::from_utf8_lossy(&all).contains("hf_secret"));
}

#[test]
fn the_token_is_withheld_only_if_a_variable_asks_for_that() {
    let stand_in = StandIn::new([("org/quiz", quiz())]);
    let case = Case::new("org/quiz", "");
    let sent = |variables: &[(&str, &str)]| {
        let before = stand_in.seen().len();
        let mut command = case.command(&stand_in, "preprocess --force");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        stand_in.seen()[before].authorization.clone()
    };
    let token = ("HF_TOKEN", "hf_a");
    assert_eq!(sent(&[token, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "0")]).as_deref(), Some("Bearer hf_a"));
    assert_eq!(sent(&[token, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
    assert_eq!(sent(&[("HUGGING_FACE_HUB_TOKEN", "hf_b")]).as_deref(), Some("Bearer hf_b"));
}

#[test]
fn a_closed_repository_says_how_to_get_access() {
    let mut repo = quiz();
    repo.token = Some("hf_secret".to_owned());
    let stand_in = StandIn::new([("org/quiz", repo), ("org/quizzes", quiz()), ("someone/other", quiz())]);
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess");
    assert!(
        said.contains("has no dataset org/quiz, or it is private; similar names: org/quizzes, someone/other"),
        "{said}"
    );
    let output = case.command(&stand_in, "preprocess").env("HF_TOKEN", "hf_wrong").output().unwrap();
    let said = failed(&output, &case.place);
    assert!(said.contains("has no dataset org/quiz, or it is private and your token cannot read it"), "{said}");
    assert!(!said.contains("hf_wrong"));

    // A gated repository is visible, but its files are not.
    for (code, token) in [(401, None), (403, Some("hf_else"))] {
        let stand_in = StandIn::new([("org/quiz", quiz())])
            .with_faults(first(99, status(code), |seen| seen.path.contains("/resolve/")));
        let mut command = case.command(&stand_in, "preprocess");
        if let Some(token) = token {
            command.env("HF_TOKEN", token);
        }
        let said = failed(&command.output().unwrap(), &case.place);
        let way_in = format!(
            "org/quiz is gated or private (not now); ask for access at http://{}/datasets/org/quiz",
            stand_in.address
        );
        assert!(said.contains(&way_in), "{said}");
        assert_eq!(said.contains("set HF_TOKEN to a token of that account"), token.is_none(), "{said}");
    }
}

#[test]
fn a_redirect_that_comes_back_to_the_hub_from_elsewhere_carries_no_token() {
    let mut repo = quiz();
    repo.token = Some("hf_secret".to_owned());
    let stand_in = StandIn::new([("org/quiz", repo)]).with_storage();
    let back = format!("http://{}/api/datasets/org/quiz/refs?back", stand_in.address);
    let stand_in = stand_in.with_faults(move |seen| {
        (seen.storage && is_bytes(seen)).then(|| Fault::Status(302, vec![("Location", back.clone())], String::new()))
    });
    let case = Case::new("org/quiz", "");
    failed(&case.command(&stand_in, "preprocess").env("HF_TOKEN", "hf_secret").output().unwrap(), &case.place);
    let back: Vec<Seen> = stand_in.seen().into_iter().filter(|seen| seen.path.ends_with("?back")).collect();
    assert!(!back.is_empty() && back.iter().all(|seen| seen.authorization.is_none()), "{back:?}");
}
