//! Faults that the disk survives: runs killed at any moment, and runs at the same time.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Large enough for a run to be killed in the middle of each of its files, small enough to be run hundreds of times.
const CONFIG: &str = "
benchmarks:
  humaneval: {path: 'synthetic:humaneval'}
  gsm8k: {path: 'synthetic:gsm8k?rows=4000'}
experiments:
  one: {benchmarks: [humaneval, gsm8k], n_total_tasks: 2000, sample_with_replacement: when_short}
  two: {benchmarks: [gsm8k], n_total_tasks: 1000, sampler: stable}
";

fn start(folder: &Path) -> Child {
    let config = folder.join("config.yaml");
    if !config.exists() {
        fs::write(&config, CONFIG).unwrap();
    }
    Command::new(env!("CARGO_BIN_EXE_symphony-data"))
        .args(["--config", "config.yaml", "quick-start", "--force"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn finish(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    stderr
}

/// All files below a folder, hidden ones too.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn after_a_kill_at_any_moment_the_next_run_leaves_what_an_undisturbed_one_leaves() {
    let place = tempfile::tempdir().unwrap();
    // Measured again each round: the last run's time is the best guess of the next one's.
    let run = || {
        let began = Instant::now();
        finish(start(place.path()));
        began.elapsed()
    };
    let mut whole_run = run();
    let undisturbed = files(place.path());
    let mut disturbed = 0;
    for round in 0..200_u32 {
        let mut child = start(place.path());
        // Spread over the whole run and a little beyond, in an order that does not follow it.
        std::thread::sleep(whole_run.mul_f64(f64::from(round * 83 % 200) / 190.0));
        child.kill().unwrap();
        child.wait().unwrap();
        disturbed += u32::from(files(place.path()) != undisturbed);
        whole_run = run();
        assert!(files(place.path()) == undisturbed, "round {round}");
    }
    assert!(disturbed >= 20, "only {disturbed} of 200 kills met a run in the middle of its files");
}

#[test]
fn two_runs_in_one_folder_at_once_both_succeed() {
    let place = tempfile::tempdir().unwrap();
    finish(start(place.path()));
    let undisturbed = files(place.path());
    let mut waited = 0;
    let until = Instant::now() + Duration::from_secs(60);
    while waited == 0 && Instant::now() < until {
        let (first, second) = (start(place.path()), start(place.path()));
        let said = finish(first) + &finish(second);
        waited += said.matches("another run is using data/benchmarks/full; waiting for it").count();
        assert!(files(place.path()) == undisturbed);
    }
    assert!(waited > 0, "two runs never met in one folder");
}
