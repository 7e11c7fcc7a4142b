//! The library's rooms: `lib.rs` lists them in order, and each uses only those above it.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The rooms in the order of `lib.rs`.
fn rooms() -> Vec<String> {
    let text = fs::read_to_string(source().join("lib.rs")).unwrap();
    let name = |line: &str| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
    };
    text.lines().filter_map(name).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The names that follow `crate::` in a file, each with the line it stands on: `crate::a::b`, and every name at the top of
/// `crate::{a::b, c::{d, e}}`.
fn names_of_crate(text: &str) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let before = text[..at].chars().next_back();
        let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') || text[line_start..at].contains("//") {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        let mut depth = 0;
        let mut word = String::new();
        // Whether the next word stands right behind `crate::`, not behind a further `::`.
        let mut first = true;
        for (offset, c) in rest.char_indices() {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
                continue;
            }
            if first && !word.is_empty() {
                names.push((text[..at + "crate::".len() + offset].lines().count(), word.clone()));
                first = false;
            }
            word.clear();
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => first = true,
                _ => {}
            }
            if depth <= 0 && !(c == '{' || c == ':') {
                break;
            }
        }
    }
    names
}

#[test]
fn no_room_uses_one_that_stands_below_it_in_lib_rs() {
    let rooms = rooms();
    assert!(rooms.len() > 20, "lib.rs lists its rooms: {rooms:?}");
    let place = |name: &str| rooms.iter().position(|room| room == name);
    let mut all = Vec::new();
    files(&source(), &mut all);
    all.sort();
    let (mut upward, mut uses) = (Vec::new(), 0);
    for path in all {
        let inside = path.strip_prefix(source()).unwrap().to_owned();
        let room = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let (Some(own), Ok(text)) = (place(&room), fs::read_to_string(&path)) else { continue };
        let is_top = inside.file_stem().is_some_and(|stem| stem == "mod") && inside.components().count() == 2
            || inside.components().count() == 1;
        for (at, line) in text.lines().enumerate().filter(|(_, line)| is_top && line.starts_with("use super::")) {
            upward.push(format!("{}:{}: `{line}` reaches out of its room; write `crate::`", inside.display(), at + 1));
        }
        for (line, name) in names_of_crate(&text) {
            // Names that are no room are what lib.rs itself defines.
            let Some(other) = place(&name) else { continue };
            uses += 1;
            if other > own {
                upward.push(format!("{}:{line}: `{room}` uses `{name}`, which stands below it", inside.display()));
            }
        }
    }
    assert!(uses > 200, "only {uses} uses were found, so this test does not see them");
    assert!(upward.is_empty(), "{} uses point down in lib.rs:\n{}", upward.len(), upward.join("\n"));
}

#[test]
fn every_name_behind_crate_is_seen_with_its_line() {
    let text = "use crate::{\n    a::{self, b},\n    c,\n};\nfn f() { crate::d::e(); }\n// crate::no\n";
    let seen = names_of_crate(text);
    assert_eq!(seen, [(2, "a".to_owned()), (3, "c".to_owned()), (5, "d".to_owned())]);
}

#[test]
fn no_file_of_the_library_is_longer_than_450_lines() {
    let mut all = Vec::new();
    files(&source(), &mut all);
    let lines = |path: &PathBuf| fs::read_to_string(path).map_or(0, |text| text.lines().count());
    let long: Vec<String> = all
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .filter(|path| lines(path) > 450)
        .map(|path| format!("{}: {}", path.strip_prefix(source()).unwrap().display(), lines(path)))
        .collect();
    assert!(long.is_empty(), "cut these: {long:?}");
}
