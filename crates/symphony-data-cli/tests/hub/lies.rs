//! Answers that are not what was asked for: none of them reaches the cache.

use super::*;

#[test]
fn a_body_with_another_checksum_is_not_believed_and_asked_for_again() {
    let mut flipped = questions(0..800);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(1, Fault::Body(flipped.clone()), is_bytes));
    let case = Case::new("org/quiz", "");
    let said = case.ok(&stand_in, "-v preprocess");
    assert!(said.contains("the download is not the expected file (checksum mismatch); trying again"), "{said}");

    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(99, Fault::Body(flipped), is_bytes));
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess");
    assert!(said.contains("the download is not the expected file (checksum mismatch); tried 3 times"), "{said}");
    assert_eq!(case.blobs(), [] as [PathBuf; 0], "nothing damaged is in the cache");
}

#[test]
fn a_file_that_is_cut_off_or_damaged_is_noticed_without_a_checksum_too() {
    let whole = questions(0..800);
    let mut damaged = whole.clone();
    damaged[50..150].fill(0xff);
    for (bytes, why) in
        [(whole[..whole.len() / 2].to_vec(), "the Parquet file is incomplete"), (damaged, "it is damaged: ")]
    {
        let fault = Fault::Other("an-etag-that-is-no-hash".to_owned(), bytes);
        let of_file = |seen: &Seen| seen.path.ends_with(".parquet") && !seen.path.starts_with("/api/");
        let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(99, fault, of_file));
        let case = Case::new("org/quiz", "");
        let said = case.fails(&stand_in, "preprocess");
        assert!(said.contains(why), "{said}");
        assert_eq!(case.blobs(), [] as [PathBuf; 0]);
    }
}

#[test]
fn an_etag_that_changes_between_two_requests_is_followed() {
    let other = questions(5..700);
    let (etag, changed) = (stand_in::sha256(&other), other.clone());
    // From the first request for the bytes on, it is another file.
    let faults = move |seen: &Seen| {
        let changed = Fault::Other(etag.clone(), changed.clone());
        let of_file = seen.path.ends_with(".parquet") && !seen.path.starts_with("/api/");
        (of_file && (seen.method == "GET" || seen.nth > 0)).then_some(changed)
    };
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(faults);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    assert_eq!(case.meta()["n_tasks_full"], 695);
    assert_eq!(case.blobs(), [case.cache().join("blobs").join(stand_in::sha256(&other))]);
}

#[test]
fn a_web_page_with_status_200_is_neither_a_file_nor_a_listing() {
    let page = "<!DOCTYPE html>\n<html><body>Please log in to this network.</body></html>";
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(99, Fault::Body(page.into()), is_bytes));
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess");
    assert!(said.contains("the download is not the expected file (") && said.contains("tried 3 times"), "{said}");
    assert_eq!(case.blobs(), [] as [PathBuf; 0]);
    for place in ["/refs", "/tree/"] {
        let portal = Fault::Status(200, vec![("Content-Type", "text/html".to_owned())], page.to_owned());
        let stand_in =
            StandIn::new([("org/quiz", quiz())]).with_faults(first(99, portal, move |seen| seen.path.contains(place)));
        let case = Case::new("org/quiz", "");
        let said = case.fails(&stand_in, "preprocess");
        assert!(said.contains("does the network ask you to log in, or is HF_ENDPOINT an incomplete mirror?"), "{said}");
    }
}

#[test]
fn one_missing_shard_of_three_ends_the_run_before_anything_is_written() {
    let shards = (0..3).map(|at| (format!("default/test/000{at}.parquet"), questions(at * 100..at * 100 + 100)));
    let repo = Repo::converted(shards);
    let stand_in = StandIn::new([("org/quiz", repo)]);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    assert_eq!(case.meta()["n_tasks_full"], 300);
    let tasks = lines(&case.place.path("data/benchmarks/full/quiz_full.jsonl"));
    let one = Case::new("org/quiz", "");
    fs::write(one.place.path("all.parquet"), questions(0..300)).unwrap();
    let local = config("x/y", "").replace("datasets:x/y", "file:all.parquet");
    fs::write(one.place.path("local.yaml"), local).unwrap();
    one.place.ok("--config local.yaml preprocess");
    assert_eq!(tasks, lines(&one.place.path("data/benchmarks/full/quiz_full.jsonl")), "shards are read in their order");

    let stand_in = stand_in.with_faults(first(99, status(404), |seen| seen.path.ends_with("0001.parquet")));
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess");
    assert!(said.contains("org/quiz: default/test/0001.parquet is listed in commit"), "{said}");
}

#[test]
fn a_listing_that_leads_out_of_the_repository_is_refused() {
    for path in ["../../evil.parquet", "/etc/evil.parquet", "a/../../evil.parquet", "a\\\\..\\\\evil.parquet"] {
        let listing = format!("[{{\"type\": \"file\", \"path\": \"{path}\", \"size\": 1}}]");
        let fault = Fault::Status(200, Vec::new(), listing);
        let stand_in =
            StandIn::new([("org/quiz", quiz())]).with_faults(first(99, fault, |seen| seen.path.contains("/tree/")));
        let case = Case::new("org/quiz", "");
        let said = case.fails(&stand_in, "preprocess");
        assert!(said.contains("a listed path leads out of the repository"), "{said}");
    }
    let fault = Fault::Other("../../../evil".to_owned(), questions(0..3));
    let stand_in =
        StandIn::new([("org/quiz", quiz())]).with_faults(first(99, fault, |seen| seen.path.contains("/resolve/")));
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess");
    assert!(said.contains("it has no valid ETag"), "{said}");
}
