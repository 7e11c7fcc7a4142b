//! What several tests share.
#![allow(dead_code)] // Each test binary uses its own part.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A folder of its own, and the program run in it.
pub struct Place(pub tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_symphony-data"));
        // Nothing is asked of the real Hub: tests of downloads point this elsewhere.
        command.args(args.split_whitespace()).current_dir(self.0.path()).env("HF_HUB_OFFLINE", "1");
        command.env_remove("COLUMNS");
        command
    }

    pub fn run(&self, args: &str) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs the program, expects it to succeed, and gives its stdout.
    pub fn ok(&self, args: &str) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the program, expects this exit code and nothing on stdout, and gives its stderr.
    pub fn fails(&self, code: i32, args: &str) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(code), "{args}");
        assert!(output.stdout.is_empty(), "{args}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }

    /// All files below a folder, by their path.
    pub fn files(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>, root: &Path) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    walk(&entry.path(), found, root);
                } else {
                    found.insert(entry.path().strip_prefix(root).unwrap().to_owned(), fs::read(entry.path()).unwrap());
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(&self.path(folder), &mut found, &self.path(folder));
        found
    }
}

/// The parts of the real datasets as the Hub has them, if they lie beside the checkout; else says that the test is
/// skipped.
pub fn real_hub() -> Option<PathBuf> {
    let hub = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/hub").canonicalize().ok();
    if hub.is_none() {
        eprintln!("SKIPPED: the real datasets are not on this machine (../shared/hub)");
    }
    hub
}

/// The five real benchmarks as local files, if they lie beside the checkout; else says that the test is skipped.
pub fn real_data() -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").canonicalize().ok();
    if data.is_none() {
        eprintln!("SKIPPED: the real benchmarks are not on this machine (../shared/data)");
    }
    data
}
