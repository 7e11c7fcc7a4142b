//! Faults of the network: waiting, trying again, resuming, giving up.

use super::*;

#[test]
fn too_many_requests_are_followed_by_the_pause_that_is_asked_for() {
    let asked = Fault::Status(429, vec![("Retry-After", "2".to_owned())], String::new());
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(1, asked, is_bytes));
    let case = Case::new("org/quiz", "");
    let began = Instant::now();
    let said = case.ok(&stand_in, "-v preprocess");
    assert!(
        said.contains("quiz: the server answered 429, too many requests, asking to wait 2 s; trying again in 2 s"),
        "{said}"
    );
    assert!(began.elapsed() >= Duration::from_secs(2));
}

#[test]
fn a_pause_that_is_too_long_ends_the_run_at_once() {
    let asked = Fault::Status(429, vec![("Retry-After", "3600".to_owned())], String::new());
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(9, asked, |seen| seen.method == "HEAD"));
    let case = Case::new("org/quiz", "");
    let said = case.fails(&stand_in, "preprocess");
    assert!(
        said.contains(
            "org/quiz: default/test/0000.parquet: the server answered 429, too many requests, asking to wait 3600 s\n"
        ),
        "{said}"
    );
}

#[test]
fn errors_of_the_server_are_tried_again_wherever_they_come() {
    for code in [500, 502, 503] {
        let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(1, status(code), |_| true));
        let case = Case::new("org/quiz", "");
        let said = case.ok(&stand_in, "-v preprocess");
        assert_eq!(said.matches(&format!("answered {code} (not now); trying again in ")).count(), 4, "{said}");
        assert_eq!(case.meta()["n_tasks_full"], 800);
    }
}

#[test]
fn a_server_that_never_recovers_is_given_up_within_two_minutes() {
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(99, status(503), is_bytes));
    let case = Case::new("org/quiz", "");
    let began = Instant::now();
    let said = case.fails(&stand_in, "preprocess");
    assert!(began.elapsed() < Duration::from_secs(120));
    assert!(
        said.contains(
            "error: quiz: org/quiz: default/test/0000.parquet: the server answered 503 (not now); tried 6 times; try again later"
        ),
        "{said}"
    );
    assert_eq!(case.blobs(), [] as [PathBuf; 0]);
}

#[test]
fn an_unreachable_hub_is_named_with_host_port_and_what_to_set() {
    let address = {
        let gone = StandIn::new([]);
        gone.address
    };
    let case = Case::new("org/quiz", "");
    let mut command = case.place.command("--config config.yaml preprocess");
    isolate(&mut command, &case.place.path("home"));
    let output = command.env("HF_ENDPOINT", format!("http://{address}")).output().unwrap();
    let said = failed(&output, &case.place);
    for part in [
        &format!("cannot reach {address} (Connection refused"),
        "HTTPS_PROXY",
        "SSL_CERT_FILE",
        "HF_ENDPOINT",
        "HF_HUB_OFFLINE=1",
        "--demo",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

#[test]
fn an_endpoint_that_is_not_an_address_is_named() {
    let case = Case::new("org/quiz", "");
    for endpoint in ["huggingface.co", "ftp://huggingface.co"] {
        let mut command = case.place.command("--config config.yaml preprocess");
        isolate(&mut command, &case.place.path("home"));
        let said = failed(&command.env("HF_ENDPOINT", endpoint).output().unwrap(), &case.place);
        assert!(said.contains("HF_ENDPOINT is not a valid address"), "{said}");
    }
}

/// Breaks off the first download with this fault, checks that the second resumes it, and returns standard error.
fn resumed_after(fault: Fault) -> String {
    let stand_in = StandIn::new([("org/quiz", quiz())])
        .with_storage()
        .with_faults(first(1, fault, |seen| seen.storage && is_bytes(seen)));
    let case = Case::new("org/quiz", "");
    let said = case.ok(&stand_in, "-v preprocess");
    let asked: Vec<Option<String>> =
        stand_in.seen().into_iter().filter(|seen| seen.storage && is_bytes(seen)).map(|seen| seen.range).collect();
    let length = questions(0..800).len();
    assert_eq!(asked, [None, Some(format!("bytes=100000-{}", length - 1))], "only the rest is asked for");
    said
}

#[test]
fn a_download_whose_connection_is_reset_is_resumed() {
    let said = resumed_after(Fault::Reset(100_000));
    assert!(said.contains("the connection was lost ("), "{said}");
}

#[test]
fn a_body_that_is_shorter_than_announced_is_resumed() {
    let said = resumed_after(Fault::Short(100_000));
    assert!(said.contains("the connection was lost ("), "{said}");
}

#[test]
fn a_body_that_stalls_is_resumed() {
    let said = resumed_after(Fault::Stall(100_000));
    assert!(said.contains("no answer in time (set HF_HUB_DOWNLOAD_TIMEOUT to wait for more seconds)"), "{said}");
}

#[test]
fn a_server_that_sends_the_whole_file_for_a_part_is_asked_again_for_the_whole() {
    let faults = |seen: &Seen| match (is_bytes(seen), seen.nth) {
        (true, 0) => Some(Fault::Short(100_000)),
        (true, 1) => Some(Fault::Whole),
        _ => None,
    };
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(faults);
    let case = Case::new("org/quiz", "");
    case.ok(&stand_in, "preprocess");
    let ranges: Vec<bool> =
        stand_in.seen().iter().filter(|seen| is_bytes(seen)).map(|seen| seen.range.is_some()).collect();
    assert_eq!(ranges, [false, true, false]);
}

#[test]
fn a_slow_server_is_waited_for_and_progress_moves() {
    // Three seconds in all, with a timeout of one.
    let slow = Fault::Slow(12, Duration::from_millis(250));
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(1, slow, is_bytes));
    let case = Case::new("org/quiz", "");
    let command = case.command(&stand_in, "preprocess");
    let Some(screen) = on_a_terminal(&command) else { return };
    let mut shown: Vec<&str> = screen.split(" KiB/").filter_map(|part| part.split_whitespace().last()).collect();
    shown.dedup();
    assert!(screen.contains("0/1 files") && shown.len() > 5, "{screen:?}");
    assert!(screen.contains("quiz: downloaded 1 file, "), "{screen:?}");
}

/// The output of a command on a terminal; `None`, with a note that the test is skipped, without one.
fn on_a_terminal(command: &Command) -> Option<String> {
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
    let line: Vec<String> = [command.get_program()].into_iter().chain(command.get_args()).map(quoted).collect();
    let mut script = Command::new("script");
    script.args(["-qec", &line.join(" "), "/dev/null"]).current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    match script.env("TERM", "xterm").stdin(Stdio::null()).output() {
        Ok(output) => {
            let screen = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{screen}");
            Some(screen)
        }
        Err(_) => {
            eprintln!("SKIPPED: no terminal can be made here (script, of util-linux)");
            None
        }
    }
}

#[test]
fn an_interrupted_download_ends_within_a_second_and_the_next_resumes_it() {
    let slow = Fault::Slow(40, Duration::from_millis(250));
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(first(1, slow, is_bytes));
    let case = Case::new("org/quiz", "");
    let mut command = case.command(&stand_in, "preprocess");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while stand_in.sent("0000.parquet") == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(1));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let began = Instant::now();
    child.wait().unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let said = failed(&child.wait_with_output().unwrap(), &case.place);
    assert!(said.contains("error: quiz: stopped; nothing was written"), "{said}");
    case.ok(&stand_in, "preprocess");
    let last = stand_in.seen().into_iter().rfind(is_bytes).unwrap();
    assert!(last.range.is_some_and(|range| range != "bytes=0-"), "the bytes that had come are kept");
}

#[test]
fn a_proxy_that_a_variable_names_is_asked_to_connect() {
    let proxy = StandIn::new([]);
    let case = Case::new("org/quiz", "");
    let mut command = case.place.command("--config config.yaml preprocess");
    isolate(&mut command, &case.place.path("home"));
    command.env("HF_ENDPOINT", "https://hub.example").env("HF_TOKEN", "hf_secret");
    let output = command.env("HTTPS_PROXY", format!("http://{}", proxy.address)).output().unwrap();
    let said = failed(&output, &case.place);
    assert!(said.contains("cannot reach hub.example:443") && said.contains("NO_PROXY"), "{said}");
    let seen = proxy.seen();
    assert!(!seen.is_empty());
    for seen in seen {
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("CONNECT", "hub.example:443"));
        assert_eq!(seen.authorization, None, "the proxy does not get the token");
    }
}

#[test]
fn redirects_without_end_are_given_up() {
    let to_itself = |seen: &Seen| Some(Fault::Status(302, vec![("Location", seen.path.clone())], String::new()));
    let stand_in = StandIn::new([("org/quiz", quiz())]).with_faults(to_itself);
    let said = Case::new("org/quiz", "").fails(&stand_in, "preprocess");
    assert!(said.contains("the answer is not from a Hub (it redirects without end)"), "{said}");
}
