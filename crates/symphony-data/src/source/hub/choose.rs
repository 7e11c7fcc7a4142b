//! Which commit and which files of a repository hold the split that a benchmark asks for.

use super::{
    address::Address,
    cache::is_commit,
    client::{Hub, Listed, Refs},
    download::{Done, RepoFile},
    error::{Failure, HubError, closest},
    layout::{CardConfig, Found, as_laid_out, card_configs, converted, missing_shard, next_shard},
};
use crate::{
    progress::{Note, Progress},
    source::At,
    source::Wanted,
};

/// The branch of the Hub's own Parquet conversion.
const CONVERSION: &str = "refs/convert/parquet";
/// The branch that authors work on.
const MAIN: &str = "main";
/// The dataset card, which may define configs.
const CARD: &str = "README.md";
/// The largest card that is read, in bytes.
const MAX_CARD: u64 = 4 << 20;

/// The split of a dataset that one benchmark asks for.
pub(super) struct DatasetSplit<'p, 'b> {
    pub hub: Hub<'p>,
    pub repo: &'b str,
    /// The configs to read; `None` for the only one.
    configs: Vec<Option<&'b str>>,
    /// Whether the benchmark lists its configs. Only those that it lists are named in its rows.
    names_configs: bool,
    pub name: &'b str,
    /// The benchmark's name, for notes.
    pub benchmark: &'b str,
    /// The commit, branch or tag to read; `None` for the current one.
    pin: Option<String>,
}

/// A file to read, and the config that it is named with in the rows.
pub(super) type ConfigFile<'b> = (String, Option<&'b str>);

/// The files of one commit.
pub(super) struct Listing {
    pub commit: String,
    /// The branch that the commit was found by.
    pub branch: Option<String>,
    pub files: Vec<Listed>,
    /// Whether the Hub listed them, and so all of them, rather than the cache, which may have some.
    pub whole: bool,
}

/// The files to read.
pub(super) struct Chosen<'b> {
    pub listing: Listing,
    pub files: Vec<ConfigFile<'b>>,
    /// Whether they are of the Hub's own conversion.
    pub converted: bool,
}

/// A config, and the search result that is not a list of its files.
type Instead<'b> = (Option<&'b str>, Found);

impl<'p, 'b: 'p> DatasetSplit<'p, 'b> {
    pub fn new(
        address: &'b Address,
        wanted: Wanted<'b>,
        at: At<'_>,
        progress: &'p dyn Progress,
    ) -> Result<Self, HubError> {
        let names_configs = !wanted.configs.is_empty();
        let configs = if names_configs {
            wanted.configs.iter().map(|config| Some(config.as_str())).collect()
        } else {
            vec![address.config.as_deref()]
        };
        let hub = Hub::new(wanted.name, progress)?;
        let pin = wanted.revision.map(str::to_owned).or_else(|| match at {
            At::Commit(commit) => Some(commit.to_owned()),
            // Offline, the current commit is unknown; the lock is about the recorded one.
            At::Locked(commit) if hub.offline.is_some() => Some(commit.to_owned()),
            At::Locked(_) | At::Now => None,
        });
        Ok(Self { hub, pin, repo: &address.repo, configs, names_configs, name: wanted.split, benchmark: wanted.name })
    }

    /// Finds the commit and the files that hold the split.
    pub fn choose(&self) -> Result<Chosen<'b>, HubError> {
        if let Some(by) = self.hub.offline {
            return self.choose_cached().map_err(|file| self.offline(by, file));
        }
        // A commit never changes: if all of it is in the cache, there is no need to ask the Hub.
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

    /// Finds the split in the Hub's conversion, or else on the branch that its authors work on.
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

    /// The commit that `revision` means, and the branch or tag if it is one.
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
            let failure = Failure::Strange("a commit is not 40 hex digits".to_owned());
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

    /// The files of all configs in a listing, or the first config whose split is not in it.
    fn find(&self, listing: &Listing, conversion: bool) -> Result<Vec<ConfigFile<'b>>, Instead<'b>> {
        let paths: Vec<String> = listing.files.iter().map(|file| file.path.clone()).collect();
        let card = if conversion { Vec::new() } else { self.card(listing) };
        let mut files = Vec::new();
        for &config in &self.configs {
            let found = if conversion {
                converted(&paths, config, self.name)
            } else {
                as_laid_out(&paths, &card, config, self.name)
            };
            match found {
                Found::Files(of_config) => {
                    let name = config.filter(|_| self.names_configs);
                    files.extend(of_config.into_iter().map(|file| (file, name)));
                }
                other => return Err((config, other)),
            }
        }
        Ok(files)
    }

    /// The configs that the dataset card defines; none if the card cannot be read.
    fn card(&self, listing: &Listing) -> Vec<CardConfig> {
        if !listing.files.iter().any(|file| file.path == CARD && file.size < MAX_CARD) {
            return Vec::new();
        }
        let path = self.hub.file(self.file(&listing.commit, CARD), &mut Done::default());
        path.ok()
            .and_then(|path| std::fs::read_to_string(path).ok())
            .map(|card| card_configs(&card))
            .unwrap_or_default()
    }

    pub fn file<'f>(&'f self, commit: &'f str, path: &'f str) -> RepoFile<'f> {
        RepoFile { repo: self.repo, commit, path }
    }

    /// The error if neither a conversion nor data files hold the split.
    fn not_found(&self, instead: &[Instead<'b>]) -> HubError {
        let repo = self.repo.to_owned();
        let split = self.name.to_owned();
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

    /// Without the references: takes the split from the cache if all of it is there, else says why they are missing.
    fn without_refs(&self, failure: Failure, tries: u32) -> Result<Chosen<'b>, HubError> {
        if failure.is_passing()
            && let Ok(chosen) = self.choose_cached()
            && self.is_known_whole(&chosen)
        {
            let why = failure.to_string();
            self.hub.note(Note::FromCache { benchmark: self.benchmark, why: &why });
            return Ok(chosen);
        }
        Err(self.refused(failure, "its references", tries))
    }

    /// A failure that concerns the whole repository, as an error.
    fn refused(&self, failure: Failure, what: &str, tries: u32) -> HubError {
        let (hub, repo, token) = (self.hub.name(), self.repo.to_owned(), self.hub.has_token());
        match failure {
            // The Hub also answers 401 if the repository does not exist.
            Failure::Status { code: 401 | 404, .. } => {
                let name = repo.rsplit('/').next().unwrap_or(&repo);
                let known = closest(&repo, self.hub.search(name));
                HubError::NoRepo { hub, known: known.into_iter().filter(|known| *known != repo).collect(), repo, token }
            }
            Failure::Status { code: 403, said, .. } => HubError::Closed { hub, repo, said, token },
            other => other.into_error(self.repo, what, tries),
        }
    }

    /// Finds the split among the files in the cache; else names the first file that is missing.
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
                        lacking.get_or_insert(format!("{config}/{}/0000.parquet", self.name));
                    }
                    Err(_) => {}
                }
            }
        }
        let at = self.pin.as_deref().unwrap_or(CONVERSION);
        let first = || match self.configs[..] {
            [Some(config), ..] => format!("{config}/{}/0000.parquet", self.name),
            _ => format!("the first Parquet file of split {}", self.name),
        };
        Err(format!("{} at {at}", lacking.unwrap_or_else(first)))
    }

    /// The files of a commit that are in the cache.
    fn cached(&self, commit: String, branch: Option<String>) -> Listing {
        let files = self.hub.cache(self.repo).files(&commit).into_iter().map(Listed::file).collect();
        Listing { commit, branch, files, whole: false }
    }

    /// A commit with the whole split in the cache, of any branch.
    fn whole_in_cache(&self) -> Option<String> {
        self.hub.cache(self.repo).commits().into_iter().find(|commit| {
            let listing = self.cached(commit.clone(), None);
            self.find(&listing, true).is_ok_and(|files| self.missing(&files).is_none())
        })
    }

    /// A shard that is missing between the others of its config.
    fn missing(&self, files: &[ConfigFile<'b>]) -> Option<String> {
        self.by_config(files).into_iter().find_map(|files| missing_shard(&files))
    }

    fn by_config(&self, files: &[ConfigFile<'b>]) -> Vec<Vec<String>> {
        let of = |wanted: Option<&str>| {
            files.iter().filter(|(_, config)| *config == wanted).map(|(file, _)| file.clone()).collect()
        };
        if self.names_configs { self.configs.iter().map(|config| of(*config)).collect() } else { vec![of(None)] }
    }

    /// The shard after the last one of each config: the path that a further one would have.
    pub fn next_shards(&self, chosen: &Chosen<'b>) -> Vec<Option<String>> {
        self.by_config(&chosen.files).iter().map(|files| next_shard(files)).collect()
    }

    /// Whether the cache knows of each config that there is no further shard.
    pub fn is_known_whole(&self, chosen: &Chosen<'b>) -> bool {
        let cache = self.hub.cache(self.repo);
        let is_absent = |next: &String| cache.is_absent(&chosen.listing.commit, next);
        chosen.converted && self.next_shards(chosen).iter().all(|next| next.as_ref().is_some_and(is_absent))
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

    /// Checks that the chosen commit is the one that `at` allows.
    pub fn check_lock(&self, chosen: &Chosen<'b>, at: At<'_>) -> Result<(), HubError> {
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
}
