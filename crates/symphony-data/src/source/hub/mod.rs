//! `datasets:REPO[/CONFIG]`: datasets on the Hugging Face Hub, through the cache that Python's libraries share.
//!
//! Rows come from the Hub's own Parquet conversion, which exists for datasets that are scripts too, and where there is
//! none, or only a part, from the split's own data files. All files are on this machine, and are what their checksums
//! say, before the first row is read.

use std::{fmt, ops::ControlFlow, path::Path};

use self::{
    cache::is_commit,
    client::{Done, Hub, Listed, Refs, Wanted},
    error::{Failure, closest},
    layout::{Found, as_laid_out, card_configs, converted, missing_shard, next_shard},
};
use super::{
    At, Revision, Rows, Source, SourceError, SourceFile,
    file::{LocalFile, read_all},
};
use crate::{
    config::{Benchmark, Columns},
    format::Format,
    progress::{Note, Progress},
};

mod cache;
mod client;
mod environment;
mod error;
mod layout;

pub use error::HubError;

/// The branch of the Hub's own Parquet conversion.
const CONVERSION: &str = "refs/convert/parquet";
/// The branch that authors work on.
const MAIN: &str = "main";
/// A dataset's card, where its configs may be defined.
const CARD: &str = "README.md";

/// Names from before datasets had owners, and where they moved.
const OLD_NAMES: [(&str, &str); 20] = [
    ("ai2_arc", "allenai/ai2_arc"),
    ("boolq", "google/boolq"),
    ("commonsense_qa", "tau/commonsense_qa"),
    ("drop", "ucinlp/drop"),
    ("glue", "nyu-mll/glue"),
    ("gsm8k", "openai/gsm8k"),
    ("hellaswag", "Rowan/hellaswag"),
    ("math_qa", "allenai/math_qa"),
    ("mbpp", "google-research-datasets/mbpp"),
    ("openai_humaneval", "openai/openai_humaneval"),
    ("openbookqa", "allenai/openbookqa"),
    ("piqa", "ybisk/piqa"),
    ("race", "ehovy/race"),
    ("sciq", "allenai/sciq"),
    ("squad", "rajpurkar/squad"),
    ("squad_v2", "rajpurkar/squad_v2"),
    ("super_glue", "aps/super_glue"),
    ("trivia_qa", "mandarjoshi/trivia_qa"),
    ("truthful_qa", "truthfulqa/truthful_qa"),
    ("winogrande", "allenai/winogrande"),
];

/// A dataset's address: its repository and, where it has several, its config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As the user wrote it.
    text: String,
    /// The repository, as `owner/name`; without an owner where the name is of the old kind and not known here.
    pub repo: String,
    /// The config.
    pub config: Option<String>,
}

impl Address {
    /// Reads `REPO[/CONFIG]`: an old name first, then `OWNER/NAME`, then `OWNER/NAME/CONFIG`.
    ///
    /// # Errors
    /// What is wrong with it, and the way out.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let hint = "write datasets:OWNER/NAME or datasets:OWNER/NAME/CONFIG, as in datasets:openai/gsm8k/main";
        let fits = |part: &str| {
            (1..=96).contains(&part.len())
                && !part.contains("..")
                && !part.starts_with(['.', '-'])
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let config_fits = |part: &str| {
            !matches!(part, "" | "." | "..") && !part.contains('\\') && !part.chars().any(char::is_control)
        };
        let parts: Vec<&str> = text.split('/').collect();
        let old = OLD_NAMES.iter().find(|(name, _)| *name == parts[0]).map(|(_, repo)| (*repo).to_owned());
        let (repo, config) = match (old, &parts[..]) {
            (Some(repo), [_]) => (repo, None),
            (Some(repo), [_, config]) => (repo, Some(*config)),
            (None, [name]) => ((*name).to_owned(), None),
            (None, [owner, name]) => (format!("{owner}/{name}"), None),
            (None, [owner, name, config]) => (format!("{owner}/{name}"), Some(*config)),
            _ => return Err((format!("`{text}` has too many parts"), hint.to_owned())),
        };
        if !repo.split('/').all(fits) || repo.contains("--") || config.is_some_and(|config| !config_fits(config)) {
            return Err((format!("`{text}` is no dataset's name"), hint.to_owned()));
        }
        Ok(Self { text: text.to_owned(), repo, config: config.map(str::to_owned) })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A dataset's split on this machine.
pub struct HubSource<'b> {
    files: Vec<LocalFile<'b>>,
    config_field: Option<&'b str>,
    rows: Option<&'b str>,
    columns: Option<&'b Columns>,
    revision: Revision,
}

impl<'b> HubSource<'b> {
    /// Finds the split's files and downloads those that the cache does not have.
    ///
    /// # Errors
    /// See [`HubError`]; files that were not whole are not in the cache then.
    pub fn open(
        address: &'b Address,
        benchmark: &'b Benchmark,
        at: At<'_>,
        progress: &dyn Progress,
    ) -> Result<Self, HubError> {
        on_a_thread(|| {
            let request = Request::new(address, benchmark, at, progress)?;
            let chosen = request.choose()?;
            request.check_lock(&chosen, at)?;
            let (listing, files) = request.fetch(chosen)?;
            Ok(Self {
                files,
                config_field: benchmark.config_field.as_deref(),
                rows: benchmark.rows.as_deref(),
                columns: benchmark.columns.as_ref(),
                revision: Revision { commit: listing.commit, branch: listing.branch },
            })
        })
    }

    /// Whether the Hub still serves the commit `locked`; downloads nothing.
    ///
    /// # Errors
    /// [`HubError::Moved`], and whatever keeps it from asking.
    pub fn check_lock(
        address: &Address,
        benchmark: &Benchmark,
        locked: &str,
        progress: &dyn Progress,
    ) -> Result<(), HubError> {
        on_a_thread(|| {
            let request = Request::new(address, benchmark, At::Locked(locked), progress)?;
            request.check_lock(&request.choose()?, At::Locked(locked))
        })
    }
}

/// Runs `work` on a thread of its own: whoever calls this may be within a runtime, where no other can be entered.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

impl Source for HubSource<'_> {
    fn rows(&self) -> Option<u64> {
        None
    }

    fn revision(&self) -> Option<&Revision> {
        Some(&self.revision)
    }

    fn read<'s>(&'s self, sink: &mut dyn FnMut(Rows<'s>) -> ControlFlow<()>) -> Result<Vec<SourceFile>, SourceError> {
        read_all(&self.files, self.config_field, self.rows, self.columns, &mut |batch| sink(Rows::Read(batch)))
    }
}

/// One benchmark's request to the Hub.
struct Request<'p, 'b> {
    hub: Hub<'p>,
    repo: &'b str,
    /// The configs to read; `None` for the only one.
    configs: Vec<Option<&'b str>>,
    split: &'b str,
    benchmark: &'b Benchmark,
    /// What is asked for: a commit, a branch or a tag; `None` for what is served now.
    pin: Option<String>,
}

/// The files of one commit.
struct Listing {
    commit: String,
    /// The branch that the commit was found by.
    branch: Option<String>,
    files: Vec<Listed>,
    /// Whether all files of the commit are listed, rather than those that the cache has.
    whole: bool,
}

/// Which files are to be read.
struct Chosen<'b> {
    listing: Listing,
    files: Vec<(String, Option<&'b str>)>,
    converted: bool,
}

/// A config, and what was found of it instead of its files.
type Instead<'b> = (Option<&'b str>, Found);

impl<'p, 'b: 'p> Request<'p, 'b> {
    fn new(
        address: &'b Address,
        benchmark: &'b Benchmark,
        at: At<'_>,
        progress: &'p dyn Progress,
    ) -> Result<Self, HubError> {
        let configs = if benchmark.configs.is_empty() {
            vec![address.config.as_deref()]
        } else {
            benchmark.configs.iter().map(|config| Some(config.as_str())).collect()
        };
        let hub = Hub::new(&benchmark.name, progress)?;
        let pin = benchmark.revision.clone().or_else(|| match at {
            At::Commit(commit) => Some(commit.to_owned()),
            // Nobody can say what is served now; the recorded commit is what the lock is about.
            At::Locked(commit) if hub.offline.is_some() => Some(commit.to_owned()),
            At::Locked(_) | At::Now => None,
        });
        Ok(Self { hub, pin, repo: &address.repo, configs, split: &benchmark.split, benchmark })
    }

    /// Finds the commit and the files that hold the split.
    fn choose(&self) -> Result<Chosen<'b>, HubError> {
        if let Some(by) = self.hub.offline {
            return self.choose_cached().map_err(|file| self.offline(by, file));
        }
        // A commit that is here as a whole never changes, and nobody need be asked.
        if self.pin.as_deref().is_some_and(is_commit)
            && let Ok(chosen) = self.choose_cached()
            && self.is_known_whole(&chosen)
        {
            return Ok(chosen);
        }
        let refs = match self.hub.refs(self.repo) {
            Ok(refs) => refs,
            Err((failure, tries)) => return self.without_refs(failure, tries),
        };
        let Some(pin) = &self.pin else { return self.choose_unpinned(&refs) };
        let (commit, branch) = self.pinned(&refs, pin)?;
        let listing = self.list(commit, branch)?;
        let instead = match self.find(&listing, true) {
            Ok(files) => return Ok(Chosen { listing, files, converted: true }),
            Err(instead) => instead,
        };
        match self.find(&listing, false) {
            Ok(files) => Ok(Chosen { listing, files, converted: false }),
            Err(other) => Err(self.not_found(&[instead, other])),
        }
    }

    /// The split in the Hub's conversion, or else on the branch that its authors work on.
    fn choose_unpinned(&self, refs: &Refs) -> Result<Chosen<'b>, HubError> {
        let conversion = refs.converts.iter().find(|convert| convert.full_name == CONVERSION);
        let main = refs.branches.iter().find(|branch| branch.name == MAIN);
        let mut instead = Vec::new();
        for (found, name, converted) in [(conversion, CONVERSION, true), (main, MAIN, false)] {
            let Some(found) = found else { continue };
            let listing = self.list(found.target_commit.clone(), Some(name.to_owned()))?;
            match self.find(&listing, converted) {
                Ok(files) => return Ok(Chosen { listing, files, converted }),
                Err(other) => instead.push(other),
            }
        }
        Err(self.not_found(&instead))
    }

    /// The commit that `revision` means, and the branch or tag, if it is one.
    fn pinned(&self, refs: &Refs, pin: &str) -> Result<(String, Option<String>), HubError> {
        if is_commit(pin) {
            return Ok((pin.to_owned(), None));
        }
        let all = || refs.branches.iter().chain(&refs.tags).chain(&refs.converts);
        match all().find(|known| known.name == pin || known.full_name == pin) {
            Some(known) => {
                let name = if known.full_name.starts_with("refs/convert/") { &known.full_name } else { &known.name };
                Ok((known.target_commit.clone(), Some(name.clone())))
            }
            None => Err(HubError::NoRevision {
                repo: self.repo.to_owned(),
                revision: pin.to_owned(),
                known: closest(pin, all().map(|known| known.name.clone())),
            }),
        }
    }

    fn list(&self, commit: String, branch: Option<String>) -> Result<Listing, HubError> {
        if !is_commit(&commit) {
            let failure = Failure::Strange("a commit is 40 hex digits".to_owned());
            return Err(failure.into_error(self.repo, "its references", 1));
        }
        match self.hub.tree(self.repo, &commit) {
            Ok(files) => Ok(Listing { commit, branch, files, whole: true }),
            Err((failure, _)) if failure.status() == Some(404) => {
                Err(HubError::NoRevision { repo: self.repo.to_owned(), revision: commit, known: Vec::new() })
            }
            Err((failure, tries)) => Err(self.refused(failure, "its list of files", tries)),
        }
    }

    /// The files of all configs in a listing, or the first config whose split is not there.
    fn find(&self, listing: &Listing, conversion: bool) -> Result<Vec<(String, Option<&'b str>)>, Instead<'b>> {
        let paths: Vec<String> = listing.files.iter().map(|file| file.path.clone()).collect();
        let card = if conversion { Vec::new() } else { self.card(listing) };
        let mut files = Vec::new();
        for &config in &self.configs {
            let found = if conversion {
                converted(&paths, config, self.split)
            } else {
                as_laid_out(&paths, &card, config, self.split)
            };
            match found {
                Found::Files(of_config) => {
                    // Only configs that the benchmark lists are named in its rows.
                    let name = config.filter(|_| !self.benchmark.configs.is_empty());
                    files.extend(of_config.into_iter().map(|file| (file, name)));
                }
                other => return Err((config, other)),
            }
        }
        Ok(files)
    }

    /// The configs that the dataset's card defines. A card that cannot be had defines none.
    fn card(&self, listing: &Listing) -> Vec<layout::CardConfig> {
        if !listing.files.iter().any(|file| file.path == CARD && file.size < 4 << 20) {
            return Vec::new();
        }
        let path = self.hub.file(self.wanted(&listing.commit, CARD), &mut Done::default());
        path.ok()
            .and_then(|path| std::fs::read_to_string(path).ok())
            .map(|card| card_configs(&card))
            .unwrap_or_default()
    }

    fn wanted<'w>(&'w self, commit: &'w str, path: &'w str) -> Wanted<'w> {
        Wanted { repo: self.repo, commit, path }
    }

    /// What to say where neither a conversion nor data files hold the split.
    fn not_found(&self, instead: &[Instead<'b>]) -> HubError {
        let repo = self.repo.to_owned();
        let split = self.split.to_owned();
        for (config, found) in instead {
            match found {
                Found::NoConfig(known) if !known.is_empty() => {
                    let config = config.unwrap_or_default();
                    let known = closest(config, known.clone());
                    return HubError::NoConfig { repo, config: config.to_owned(), known };
                }
                Found::WhichConfig(known) => return HubError::WhichConfig { repo, known: known.clone() },
                Found::NoSplit(known) if !known.is_empty() => {
                    let known = closest(&split, known.clone());
                    return HubError::NoSplit { repo, config: config.map(str::to_owned), split, known };
                }
                _ => {}
            }
        }
        let config = instead.iter().find_map(|(config, _)| *config).map(str::to_owned);
        let looked_for = if let Some(revision) = &self.pin {
            format!("CONFIG/{split}/NNNN.parquet and data files of that split at {revision}")
        } else if instead.iter().any(|(_, found)| *found == Found::Partial) {
            format!(
                "a full Parquet conversion ({CONVERSION} holds only partial-{split}) and data files of that split on {MAIN}"
            )
        } else {
            format!(
                "a Parquet conversion ({CONVERSION}) and data files of that split on {MAIN} (.parquet, .jsonl, .json, .csv)"
            )
        };
        HubError::NoFiles { repo, config, split, looked_for }
    }

    /// What to do when not even the references can be had: tell why, or take what the cache has.
    fn without_refs(&self, failure: Failure, tries: u32) -> Result<Chosen<'b>, HubError> {
        if failure.is_passing()
            && let Ok(chosen) = self.choose_cached()
            && self.is_known_whole(&chosen)
        {
            let why = failure.to_string();
            self.hub.note(Note::FromCache { benchmark: &self.benchmark.name, why: &why });
            return Ok(chosen);
        }
        Err(self.refused(failure, "its references", tries))
    }

    /// An error of the whole repository.
    fn refused(&self, failure: Failure, what: &str, tries: u32) -> HubError {
        let (hub, repo, token) = (self.hub.name(), self.repo.to_owned(), self.hub.has_token());
        match failure {
            // Where it may not say that a repository exists, the Hub answers 401.
            Failure::Status { code: 401 | 404, .. } => {
                let name = repo.rsplit('/').next().unwrap_or(&repo);
                let known = closest(&repo, self.hub.search(name));
                HubError::NoRepo { hub, known: known.into_iter().filter(|known| *known != repo).collect(), repo, token }
            }
            Failure::Status { code: 403, said, .. } => HubError::Closed { hub, repo, said, token },
            other => other.into_error(self.repo, what, tries),
        }
    }

    /// Finds the split among the files that the cache has; else names what is missing.
    fn choose_cached(&self) -> Result<Chosen<'b>, String> {
        let cache = self.hub.cache(self.repo);
        let commit_of = |branch: &str| cache.commit_of(branch).map(|commit| (commit, Some(branch.to_owned())));
        let commits = match self.pin.as_deref() {
            Some(pin) if is_commit(pin) => vec![(pin.to_owned(), None)],
            Some(pin) => commit_of(pin).into_iter().collect(),
            None => [CONVERSION, MAIN].into_iter().filter_map(commit_of).collect(),
        };
        let mut lacking = None;
        for (commit, branch) in commits {
            let listing = self.cached(commit, branch);
            for conversion in [true, false] {
                let applies = match listing.branch.as_deref() {
                    Some(CONVERSION) => conversion,
                    Some(MAIN) => !conversion,
                    _ => true,
                };
                if !applies {
                    continue;
                }
                match self.find(&listing, conversion).map(|files| (self.missing(&files), files)) {
                    Ok((None, files)) => return Ok(Chosen { listing, files, converted: conversion }),
                    Ok((Some(missing), _)) => lacking = Some(missing),
                    Err((Some(config), _)) if conversion => {
                        lacking.get_or_insert(format!("{config}/{}/0000.parquet", self.split));
                    }
                    Err(_) => {}
                }
            }
        }
        let at = self.pin.as_deref().unwrap_or(CONVERSION);
        let first = || match self.configs[..] {
            [Some(config), ..] => format!("{config}/{}/0000.parquet", self.split),
            _ => format!("the first Parquet file of split {}", self.split),
        };
        Err(format!("{} at {at}", lacking.unwrap_or_else(first)))
    }

    /// The files of a commit that the cache has.
    fn cached(&self, commit: String, branch: Option<String>) -> Listing {
        let files = self.hub.cache(self.repo).files(&commit).into_iter().map(Listed::file).collect();
        Listing { commit, branch, files, whole: false }
    }

    /// A commit that the cache has as a whole, whatever its references say.
    fn whole_in_cache(&self) -> Option<String> {
        self.hub.cache(self.repo).commits().into_iter().find(|commit| {
            let listing = self.cached(commit.clone(), None);
            self.find(&listing, true).is_ok_and(|files| self.missing(&files).is_none())
        })
    }

    /// A shard that each config's files show to be missing.
    fn missing(&self, files: &[(String, Option<&'b str>)]) -> Option<String> {
        self.by_config(files).into_iter().find_map(|files| missing_shard(&files))
    }

    fn by_config(&self, files: &[(String, Option<&'b str>)]) -> Vec<Vec<String>> {
        let of = |wanted: Option<&str>| {
            files.iter().filter(|(_, config)| *config == wanted).map(|(file, _)| file.clone()).collect()
        };
        if self.benchmark.configs.is_empty() {
            vec![of(None)]
        } else {
            self.configs.iter().map(|config| of(*config)).collect()
        }
    }

    /// Whether the cache says of each config that there is no further shard.
    fn is_known_whole(&self, chosen: &Chosen<'b>) -> bool {
        let cache = self.hub.cache(self.repo);
        let commit = &chosen.listing.commit;
        chosen.converted
            && self
                .by_config(&chosen.files)
                .iter()
                .all(|files| next_shard(files).is_some_and(|next| cache.is_absent(commit, &next)))
    }

    fn offline(&self, by: &'static str, file: String) -> HubError {
        if let Err((path, error)) = self.hub.cache(self.repo).look() {
            return HubError::Cache { path, error };
        }
        HubError::Offline {
            by,
            repo: self.repo.to_owned(),
            file,
            folder: self.hub.cache(self.repo).folder().to_owned(),
            instead: self.whole_in_cache(),
        }
    }

    fn check_lock(&self, chosen: &Chosen<'b>, at: At<'_>) -> Result<(), HubError> {
        match at {
            At::Locked(locked) if locked != chosen.listing.commit => Err(HubError::Moved {
                repo: self.repo.to_owned(),
                locked: locked.to_owned(),
                now: chosen.listing.commit.clone(),
                branch: chosen.listing.branch.clone().unwrap_or_else(|| "as `revision` says".to_owned()),
            }),
            _ => Ok(()),
        }
    }

    /// Has all files on this machine, and notes in the cache what was learned.
    fn fetch(&self, chosen: Chosen<'b>) -> Result<(Listing, Vec<LocalFile<'b>>), HubError> {
        let Listing { commit, branch, .. } = &chosen.listing;
        let size_of =
            |path: &str| chosen.listing.files.iter().find(|file| file.path == path).map_or(0, |file| file.size);
        let mut done = Done {
            total_files: chosen.files.len(),
            total_bytes: chosen.files.iter().map(|(file, _)| size_of(file)).sum(),
            ..Done::default()
        };
        let mut files = Vec::new();
        for (file, config) in &chosen.files {
            self.hub.show(&done);
            let path = self
                .hub
                .file(self.wanted(commit, file), &mut done)
                .map_err(|(failure, tries)| self.file_failed(failure, &chosen.listing, file, tries))?;
            done.files += 1;
            let format = Format::of(Path::new(file)).ok_or_else(|| HubError::NoFiles {
                repo: self.repo.to_owned(),
                config: config.map(str::to_owned),
                split: self.split.to_owned(),
                looked_for: format!("a format that {file} is in"),
            })?;
            files.push(LocalFile {
                path,
                name: file.clone(),
                shown: format!("{}/{file}", self.repo).into(),
                format,
                config: *config,
            });
        }
        self.hub.show(&done);
        let cache = self.hub.cache(self.repo);
        if chosen.listing.whole {
            // These only help later runs, and a cache that may not be written serves as well.
            if let Some(branch) = branch {
                let _ = cache.note_commit(branch, commit);
            }
            if chosen.converted {
                for next in self.by_config(&chosen.files).iter().filter_map(|files| next_shard(files)) {
                    let _ = cache.note_absent(commit, &next);
                }
            }
        } else if !self.is_known_whole(&chosen) {
            self.hub.note(Note::MaybeMoreShards { benchmark: &self.benchmark.name, files: files.len() });
        }
        let note = Note::Fetched {
            benchmark: &self.benchmark.name,
            repo: self.repo,
            commit,
            branch: branch.as_deref(),
            files: files.len(),
            downloaded_files: done.fetched_files,
            downloaded: done.fetched,
        };
        self.hub.note(note);
        Ok((chosen.listing, files))
    }

    fn file_failed(&self, failure: Failure, listing: &Listing, file: &str, tries: u32) -> HubError {
        let (repo, file) = (self.repo.to_owned(), file.to_owned());
        match failure {
            Failure::Status { code: 401 | 403, said, .. } => {
                HubError::Closed { hub: self.hub.name(), repo, said, token: self.hub.has_token() }
            }
            Failure::Status { code: 404 | 410, .. } => {
                HubError::Gone { repo, file, commit: listing.commit.clone(), why: failure.to_string() }
            }
            Failure::Lie(why) => match self.hub.offline {
                Some(by) => {
                    let path = self.hub.cache(self.repo).snapshot(&listing.commit, &file);
                    HubError::Damaged { by, path, why }
                }
                None => Failure::Lie(why).into_error(self.repo, &file, tries),
            },
            other => other.into_error(self.repo, &file, tries),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_come_first_then_owner_and_name_then_the_config() {
        for (text, repo, config) in [
            ("openai_humaneval", "openai/openai_humaneval", None),
            ("gsm8k/main", "openai/gsm8k", Some("main")),
            ("lukaemon/bbh", "lukaemon/bbh", None),
            ("TIGER-Lab/MMLU-Pro", "TIGER-Lab/MMLU-Pro", None),
            ("cais/mmlu/abstract_algebra", "cais/mmlu", Some("abstract_algebra")),
            ("imdb", "imdb", None),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.repo.as_str(), address.config.as_deref()), (repo, config), "{text}");
            assert_eq!(address.to_string(), text);
        }
        for text in
            ["", "/", "a/", "a//b", "../a", "a/..", "a/b/..", "a/b/c/d", "a b/c", "a/b\\c/d", "a--b/c", "gsm8k/main/x"]
        {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
