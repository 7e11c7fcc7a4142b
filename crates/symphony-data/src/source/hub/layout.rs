//! Finds the files of a split among the paths of a repository: in the Hub's own Parquet conversion, or among the data
//! files of the authors.

use std::path::Path;

use regex::Regex;

use crate::{format::Format, yaml::Node};

/// The result of looking for a config's split in a listing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The files of the split, in order.
    Files(Vec<String>),
    /// The config does not exist, but these do.
    NoConfig(Vec<String>),
    /// No config was named, and there are several.
    WhichConfig(Vec<String>),
    /// The split does not exist, but these do.
    NoSplit(Vec<String>),
    /// Only a part of the split was converted.
    Partial,
}

/// Finds a split in the Hub's own conversion: `CONFIG/SPLIT/NNNN.parquet`.
pub(super) fn converted(paths: &[String], config: Option<&str>, split: &str) -> Found {
    let shards: Vec<(&str, &str, &String)> = paths
        .iter()
        .filter_map(|path| {
            let (config, rest) = path.split_once('/')?;
            let (split, shard) = rest.split_once('/')?;
            (shard.ends_with(".parquet") && !shard.contains('/')).then_some((config, split, path))
        })
        .collect();
    let configs = distinct(shards.iter().map(|(config, ..)| *config));
    let config = match (config, &configs[..]) {
        (Some(config), _) if configs.iter().any(|known| known == config) => config,
        (Some(_), _) => return Found::NoConfig(configs),
        (None, [only]) => only,
        (None, _) if configs.iter().any(|known| known == "default") => "default",
        (None, []) => return Found::NoSplit(Vec::new()),
        (None, _) => return Found::WhichConfig(configs),
    };
    let of_config = || shards.iter().filter(|(of, ..)| *of == config);
    let mut files: Vec<String> =
        of_config().filter(|(_, of, _)| *of == split).map(|(.., path)| (*path).clone()).collect();
    if !files.is_empty() {
        files.sort_by_key(|path| in_order(path));
        return Found::Files(files);
    }
    if of_config().any(|(_, of, _)| of.strip_prefix("partial-") == Some(split)) {
        return Found::Partial;
    }
    Found::NoSplit(distinct(of_config().map(|(_, of, _)| *of).filter(|of| !of.starts_with("partial-"))))
}

/// The path that a further shard of a conversion would have.
pub(super) fn next_shard(files: &[String]) -> Option<String> {
    let folder = files.last()?.rsplit_once('/')?.0;
    Some(format!("{folder}/{:04}.parquet", files.len()))
}

/// The first missing shard, by the numbers in the names; `None` if none is known to be missing.
pub(super) fn missing_shard(files: &[String]) -> Option<String> {
    // Numbered by the authors, each series by itself: train-00001-of-00003.parquet.
    let of = Regex::new(r"^(.*-)(\d{5})(-of-)(\d{5})(\..*)?$").ok()?;
    for file in files {
        if let Some(parts) = of.captures(file) {
            let total: usize = parts[4].parse().ok()?;
            let named = |at: usize| {
                format!("{}{at:05}{}{}{}", &parts[1], &parts[3], &parts[4], parts.get(5).map_or("", |m| m.as_str()))
            };
            return (0..total).map(named).find(|name| !files.contains(name));
        }
    }
    // Numbered by the Hub: 0000.parquet, 0001.parquet, …
    let folder = files.first()?.rsplit_once('/')?.0;
    let numbered = |at: usize| format!("{folder}/{at:04}.parquet");
    let hub = files.iter().all(|file| {
        file.rsplit_once('/')
            .and_then(|(_, name)| name.strip_suffix(".parquet"))
            .is_some_and(|name| name.len() == 4 && name.bytes().all(|b| b.is_ascii_digit()))
    });
    if hub { (0..files.len()).map(numbered).find(|name| !files.contains(name)) } else { None }
}

/// Finds a split among the authors' files: as the dataset card says, or else by their names.
pub(super) fn as_laid_out(paths: &[String], card: &[CardConfig], config: Option<&str>, split: &str) -> Found {
    let data: Vec<&String> = paths.iter().filter(|path| Format::of(Path::new(path)).is_some()).collect();
    if card.is_empty() {
        return by_names(&data, config, split);
    }
    let names = distinct(card.iter().map(|config| config.name.as_str()));
    let chosen = match (config, card) {
        (Some(name), _) => match card.iter().find(|config| config.name == name) {
            Some(config) => config,
            None => return Found::NoConfig(names),
        },
        (None, [only]) => only,
        (None, _) => match card.iter().find(|config| config.is_default || config.name == "default") {
            Some(config) => config,
            None => return Found::WhichConfig(names),
        },
    };
    let Some(splits) = &chosen.splits else {
        let within: Vec<&String> = data
            .into_iter()
            .filter(|path| chosen.folder.as_ref().is_none_or(|folder| path.starts_with(folder.as_str())))
            .collect();
        return by_names(&within, None, split);
    };
    let Some((_, patterns)) = splits.iter().find(|(name, _)| name == split) else {
        return Found::NoSplit(distinct(splits.iter().map(|(name, _)| name.as_str())));
    };
    let mut files = Vec::new();
    for pattern in patterns {
        let pattern = format!("{}{}", chosen.folder.as_deref().unwrap_or_default(), pattern.trim_start_matches("./"));
        let compiled = glob::Pattern::new(&pattern);
        let matches = |path: &str| {
            let fits = compiled.as_ref().is_ok_and(|compiled| compiled.matches_with(path, AS_DATASETS));
            path == pattern || (fits && special_folders(path) == special_folders(&pattern))
        };
        let mut more: Vec<String> = data.iter().filter(|path| matches(path)).map(|path| (*path).clone()).collect();
        more.retain(|path| !files.contains(path));
        more.sort_by_key(|path| in_order(path));
        files.extend(more);
    }
    if files.is_empty() { Found::NoSplit(Vec::new()) } else { Found::Files(files) }
}

/// Patterns match as in Python's `datasets`: only `**` matches `/`, and a hidden file matches only a pattern that begins
/// with a dot too.
const AS_DATASETS: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// How many folders of a path are special, such as `__pycache__`. A pattern must name each of them.
fn special_folders(path: &str) -> usize {
    path.split('/').rev().skip(1).filter(|part| part.starts_with("__")).count()
}

/// Whether a file that no pattern names may hold rows: not if it is hidden, in a special folder, or describes the dataset.
fn may_be_data(path: &str) -> bool {
    const ABOUT: [&str; 4] = ["config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json"];
    special_folders(path) == 0
        && !path.split('/').any(|part| part.starts_with('.'))
        && !path.rsplit('/').next().is_some_and(|name| ABOUT.contains(&name))
}

/// The words for a split in the names of its files, as in Python's `datasets`.
fn keywords(split: &str) -> Vec<&str> {
    match split {
        "train" => vec!["train", "training"],
        "validation" => vec!["validation", "valid", "dev", "val"],
        "test" => vec!["test", "testing", "eval", "evaluation"],
        other => vec![other],
    }
}

/// Finds a split by a word in the names of files or of their folders.
fn by_names(data: &[&String], config: Option<&str>, split: &str) -> Found {
    let data: Vec<&String> = data.iter().copied().filter(|path| may_be_data(path)).collect();
    let within: Vec<&String> = match config {
        None => data.clone(),
        Some(config) => {
            data.iter().copied().filter(|path| path.split('/').rev().skip(1).any(|part| part == config)).collect()
        }
    };
    if let (Some(_), true) = (config, within.is_empty()) {
        return Found::NoConfig(distinct(data.iter().filter_map(|path| path.rsplit_once('/')?.0.rsplit('/').next())));
    }
    let named = |split: &str| -> Vec<String> {
        let words = keywords(split).into_iter().map(regex::escape).collect::<Vec<_>>().join("|");
        let Ok(word) = Regex::new(&format!(r"(^|[-._ 0-9/])({words})([-._ 0-9/]|$)")) else { return Vec::new() };
        within.iter().filter(|path| word.is_match(path)).map(|path| (*path).clone()).collect()
    };
    let mut files = named(split);
    let others = || ["train", "validation", "test"].into_iter().filter(|other| !named(other).is_empty());
    if files.is_empty() && split == "train" && others().next().is_none() {
        files = within.iter().map(|path| (*path).clone()).collect();
    }
    // Repositories often have the same rows in several formats.
    let rank = |path: &String| match Format::of(Path::new(path)) {
        Some(Format::Parquet) => 0,
        Some(Format::Arrow) => 1,
        Some(Format::Jsonl) => 2,
        Some(Format::Json) => 3,
        Some(Format::Csv) => 4,
        _ => 5,
    };
    let best = files.iter().map(rank).min();
    files.retain(|path| Some(rank(path)) == best);
    files.sort_by_key(|path| in_order(path));
    if files.is_empty() { Found::NoSplit(distinct(others())) } else { Found::Files(files) }
}

/// A key that sorts paths by the numbers in them: 2 before 10.
fn in_order(path: &str) -> Vec<(u64, String)> {
    let mut key = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (before, from) = rest.split_at(text);
        let digits = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (number, after) = from.split_at(digits);
        key.push((0, before.to_owned()));
        key.push((number.parse().unwrap_or(u64::MAX), number.to_owned()));
        rest = after;
    }
    key
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut distinct: Vec<String> = names.map(str::to_owned).collect();
    distinct.sort();
    distinct.dedup();
    distinct
}

/// A config as the dataset card (the YAML at the top of the README) defines it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CardConfig {
    name: String,
    is_default: bool,
    /// The folder of its files, with a `/` at the end.
    folder: Option<String>,
    /// Its splits and the patterns of their files; `None` if the names of the files tell the splits.
    splits: Option<Vec<(String, Vec<String>)>>,
}

/// The configs that a card defines; none if the card is not valid.
pub(super) fn card_configs(readme: &str) -> Vec<CardConfig> {
    let read = || -> Option<Vec<CardConfig>> {
        let (card, _) = readme.trim_start_matches('\u{feff}').strip_prefix("---")?.split_once("\n---")?;
        let root = Node::parse("README.md", card).ok()?;
        key(&root, "configs")?.list()?.iter().map(card_config).collect()
    };
    read().unwrap_or_default()
}

fn key<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    Some(&node.map()?.iter().find(|(key, _)| key.text == name)?.1)
}

fn texts(node: &Node) -> Option<Vec<String>> {
    match node.list() {
        Some(items) => items.iter().map(|item| item.text().map(str::to_owned)).collect(),
        None => Some(vec![node.text()?.to_owned()]),
    }
}

fn card_config(node: &Node) -> Option<CardConfig> {
    let splits = match key(node, "data_files") {
        None => None,
        Some(files) => match files.list() {
            Some(items) if items.iter().any(|item| item.map().is_some()) => Some(
                items
                    .iter()
                    .map(|item| Some((key(item, "split")?.text()?.to_owned(), texts(key(item, "path")?)?)))
                    .collect::<Option<Vec<_>>>()?,
            ),
            _ => Some(vec![("train".to_owned(), texts(files)?)]),
        },
    };
    let folder = key(node, "data_dir").and_then(Node::text).map(|folder| folder.trim_matches('/').to_owned() + "/");
    Some(CardConfig {
        name: key(node, "config_name")?.text()?.to_owned(),
        is_default: key(node, "default").and_then(Node::boolean) == Some(true),
        folder,
        splits,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paths(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|&path| path.to_owned()).collect()
    }

    fn files(files: &[&str]) -> Found {
        Found::Files(paths(files))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_listing_or_card_causes_a_panic(
            paths in prop::collection::vec("[a-c0-9/._-]{0,20}(test|train)?[-0-9of]{0,15}[.](parquet|jsonl|csv)", 0..6),
            card in "---\n(configs:\n- [a-z_:\n \\[\\]*{}-]{0,60}|\\PC{0,80})\n---",
            config in proptest::option::of("[a-c/]{0,3}"),
        ) {
            let card = card_configs(&card);
            for split in ["test", "train", "", "["] {
                for found in [converted(&paths, config.as_deref(), split), as_laid_out(&paths, &card, config.as_deref(), split)] {
                    if let Found::Files(files) = found {
                        assert!(!files.is_empty() && files.iter().all(|file| paths.contains(file)));
                        let _ = (missing_shard(&files), next_shard(&files));
                    }
                }
            }
        }
    }

    #[test]
    fn a_conversion_is_read_shard_by_shard_as_people_count() {
        let tree = paths(&[
            "main/train/0000.parquet",
            "main/test/0010.parquet",
            "main/test/0002.parquet",
            "main/test/0000.parquet",
            "socratic/test/0000.parquet",
            "main/partial-big/0000.parquet",
            "README.md",
        ]);
        let in_order = ["main/test/0000.parquet", "main/test/0002.parquet", "main/test/0010.parquet"];
        assert_eq!(converted(&tree, Some("main"), "test"), files(&in_order));
        assert_eq!(converted(&tree, Some("Main"), "test"), Found::NoConfig(paths(&["main", "socratic"])));
        assert_eq!(converted(&tree, None, "test"), Found::WhichConfig(paths(&["main", "socratic"])));
        assert_eq!(converted(&tree, Some("main"), "dev"), Found::NoSplit(paths(&["test", "train"])));
        assert_eq!(converted(&tree, Some("main"), "big"), Found::Partial);
        assert_eq!(missing_shard(&paths(&in_order)), Some("main/test/0001.parquet".to_owned()));
        assert_eq!(next_shard(&paths(&in_order[..1])), Some("main/test/0001.parquet".to_owned()));
    }

    #[test]
    fn the_only_config_and_the_default_one_need_no_name() {
        let only = paths(&["openai_humaneval/test/0000.parquet"]);
        assert_eq!(converted(&only, None, "test"), files(&["openai_humaneval/test/0000.parquet"]));
        let several = paths(&["a/test/0000.parquet", "default/test/0000.parquet"]);
        assert_eq!(converted(&several, None, "test"), files(&["default/test/0000.parquet"]));
    }

    #[test]
    fn files_are_found_by_the_words_in_their_names() {
        let tree = paths(&[
            "README.md",
            "data/train-00000-of-00002.parquet",
            "data/train-00001-of-00002.parquet",
            "data/test.csv",
            "data/test.jsonl",
            "latest.jsonl",
        ]);
        assert_eq!(as_laid_out(&tree, &[], None, "test"), files(&["data/test.jsonl"]));
        let train = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"];
        assert_eq!(as_laid_out(&tree, &[], None, "train"), files(&train));
        assert_eq!(missing_shard(&paths(&train)), None);
        assert_eq!(missing_shard(&paths(&train[1..])), Some(train[0].to_owned()));
        assert_eq!(as_laid_out(&tree, &[], None, "dev"), Found::NoSplit(paths(&["test", "train"])));
        let folders = paths(&["law/dev.jsonl", "law/test.jsonl", "physics/test.jsonl"]);
        assert_eq!(as_laid_out(&folders, &[], Some("law"), "validation"), files(&["law/dev.jsonl"]));
        assert_eq!(as_laid_out(&folders, &[], Some("history"), "test"), Found::NoConfig(paths(&["law", "physics"])));
        assert_eq!(as_laid_out(&paths(&["rows.jsonl"]), &[], None, "train"), files(&["rows.jsonl"]));
        assert_eq!(as_laid_out(&paths(&["rows.jsonl"]), &[], None, "test"), Found::NoSplit(Vec::new()));
    }

    #[test]
    fn a_star_stops_at_a_slash_and_two_do_not() {
        let tree = paths(&[
            "data/a.parquet",
            "data/b.parquet",
            "data/old/a.parquet",
            "data/old/older/a.parquet",
            "data/.hidden.parquet",
            "data/.old/a.parquet",
            "data/__cache__/a.parquet",
            "top.parquet",
        ]);
        let matched = |pattern: &str| {
            let card = card_configs(&format!(
                "---\nconfigs:\n- config_name: a\n  data_files:\n  - split: test\n    path: '{pattern}'\n---\n"
            ));
            match as_laid_out(&tree, &card, None, "test") {
                Found::Files(files) => files,
                _ => Vec::new(),
            }
        };
        let below = ["data/a.parquet", "data/b.parquet", "data/old/a.parquet", "data/old/older/a.parquet"];
        // What `datasets` 5.2.0 resolves each of these to.
        for (pattern, files) in [
            ("data/*.parquet", &below[..2]),
            ("./data/*.parquet", &below[..2]),
            ("data/?.parquet", &below[..2]),
            ("*.parquet", &["top.parquet"]),
            ("data/*", &below[..2]),
            ("data/**", &below),
            ("data/**/*.parquet", &below),
            ("data/*/*.parquet", &["data/old/a.parquet"]),
            ("data?a.parquet", &[]),
            ("data[/]a.parquet", &[]),
            ("data/.*.parquet", &["data/.hidden.parquet"]),
            ("data/.old/*", &["data/.old/a.parquet"]),
            ("data/__*/*", &["data/__cache__/a.parquet"]),
            ("data/a.parquet", &below[..1]),
            ("data", &[]),
        ] {
            assert_eq!(matched(pattern), *files, "{pattern}");
        }
    }

    #[test]
    fn files_that_describe_a_dataset_and_hidden_ones_hold_no_rows() {
        let tree = paths(&[
            ".cache/train.csv",
            ".train.csv",
            "__x__/rows.csv",
            "config.json",
            "dataset_infos.json",
            "rows.csv",
        ]);
        assert_eq!(as_laid_out(&tree, &[], None, "train"), files(&["rows.csv"]));
        assert_eq!(as_laid_out(&tree[..5], &[], None, "train"), Found::NoSplit(Vec::new()));
    }

    #[test]
    fn a_card_says_which_files_are_which() {
        let card = card_configs(
            "---\nlicense: mit\nconfigs:\n- config_name: hard\n  default: true\n  data_files:\n  - split: test\n    path: [\"x/b*.jsonl\", x/a.jsonl]\n  - split: train\n    path: x/t.jsonl\n- config_name: easy\n  data_dir: easy\n---\n# A dataset\n",
        );
        let tree = paths(&["x/a.jsonl", "x/b1.jsonl", "x/b2.jsonl", "x/t.jsonl", "easy/test.jsonl", "x/test.jsonl"]);
        assert_eq!(as_laid_out(&tree, &card, None, "test"), files(&["x/b1.jsonl", "x/b2.jsonl", "x/a.jsonl"]));
        assert_eq!(as_laid_out(&tree, &card, Some("easy"), "test"), files(&["easy/test.jsonl"]));
        assert_eq!(as_laid_out(&tree, &card, Some("none"), "test"), Found::NoConfig(paths(&["easy", "hard"])));
        assert_eq!(as_laid_out(&tree, &card, None, "dev"), Found::NoSplit(paths(&["test", "train"])));
        for none in ["", "# no card", "---\nlicense: mit\n---\n", "---\nconfigs: 3\n---\n", "---\n[\n---\n"] {
            assert_eq!(card_configs(none), [], "{none}");
        }
    }
}
