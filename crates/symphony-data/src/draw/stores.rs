//! Holds the preprocessed benchmarks that requests draw from; each is read once.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use rayon::prelude::*;

use super::{
    DrawError, Joined,
    difficulty::{self, Used},
    select::{Selected, Wanted},
    spans::is_drawn_in_spans,
};
use crate::{
    config::Config,
    preprocess::{Upkeep, open_store, rebuild},
    progress::{Note, Progress},
    request::{Difficulty, Exclude, Request},
    store::{Duplicates, Label, Store, StoreError, are_row_numbers},
    stream::{eligible::Excluded, sample::sampler},
};

/// The preprocessed benchmarks that some requests draw from, each read once.
pub struct Stores<'a> {
    pub(super) config: &'a Config,
    pub(super) folder: &'a Path,
    upkeep: Upkeep,
    pub(super) progress: &'a dyn Progress,
    /// Whether any request needs identities: its sampler reads them, a measured difficulty is joined by them, or they say which
    /// rows it may draw.
    by_identity: bool,
    loaded: BTreeMap<String, Loaded>,
    /// The names of stores that were rebuilt because they turned out to be damaged.
    renewed: Vec<String>,
    /// What requests leave out.
    excluded: Mutex<Vec<(Exclude, Arc<Excluded>)>>,
    /// The warnings that were reported.
    told: Mutex<HashSet<String>>,
}

/// A preprocessed benchmark, and what was derived from it so far.
pub(super) struct Loaded {
    pub store: Store,
    /// The surface score of every row, once a request has asked for it.
    scores: OnceLock<Vec<f64>>,
    /// The same of identities.
    identities: OnceLock<Vec<u64>>,
    /// Whether any request needs identities, or a row is a copy. Without copies, the row number identifies a task.
    by_identity: bool,
    /// The measured difficulties that requests draw by.
    joined: Mutex<Vec<(Used, Arc<Joined>)>>,
    /// The labels that requests name.
    labels: Mutex<Vec<Arc<Label>>>,
    /// The duplicates that were found, once they were asked for.
    duplicates: Mutex<Looked>,
    /// The rows that parts of requests may draw.
    selected: Mutex<Vec<(Wanted, Arc<Selected>)>>,
}

/// What is known of a benchmark's duplicates.
#[derive(Clone, Debug, Default)]
enum Looked {
    /// Nothing was asked for yet.
    #[default]
    NotYet,
    /// What was found in the folder.
    Found(Option<Arc<Duplicates>>),
}

/// The value behind a lock. A thread that panicked left it whole: values are only added.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Loaded {
    fn of(store: Store, by_identity: bool) -> Self {
        Self {
            by_identity: by_identity || store.meta.copies.is_some(),
            store,
            scores: OnceLock::new(),
            identities: OnceLock::new(),
            joined: Mutex::default(),
            labels: Mutex::default(),
            duplicates: Mutex::default(),
            selected: Mutex::default(),
        }
    }

    /// The same with scores and identities in memory.
    fn gathered(store: Store, by_identity: bool) -> Result<Self, StoreError> {
        let loaded = Self::of(store, by_identity);
        loaded.scores()?;
        loaded.identities()?;
        Ok(loaded)
    }

    /// The surface score of every row.
    pub fn scores(&self) -> Result<&[f64], StoreError> {
        if let Some(known) = self.scores.get() {
            return Ok(known);
        }
        let scores = self.store.scores()?;
        Ok(self.scores.get_or_init(|| scores))
    }

    /// The identity of every row; empty if no request needs identities and no row is a copy.
    pub fn identities(&self) -> Result<&[u64], StoreError> {
        if let Some(known) = self.identities.get() {
            return Ok(known);
        }
        let identities = if self.by_identity { self.store.identities()? } else { Vec::new() };
        Ok(self.identities.get_or_init(|| identities))
    }

    /// The difficulty that is used, joined to the rows; `None` for surface scores.
    pub fn joined(&self, used: &Used, progress: &dyn Progress) -> Result<Option<Arc<Joined>>, DrawError> {
        let known = lock(&self.joined).iter().find(|(known, _)| known == used).map(|(_, joined)| joined.clone());
        if known.is_some() {
            return Ok(known);
        }
        let joined = used.join(&self.store, self.identities()?, progress)?.map(Arc::new);
        lock(&self.joined).extend(joined.iter().map(|joined| (used.clone(), joined.clone())));
        Ok(joined)
    }

    /// The label of this name, if the store has it.
    pub fn label(&self, name: &str) -> Result<Option<Arc<Label>>, StoreError> {
        let known = lock(&self.labels).iter().find(|label| label.name == name).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let label = self.store.label(name)?.map(Arc::new);
        lock(&self.labels).extend(label.clone());
        Ok(label)
    }

    pub fn known(&self, wanted: &Wanted) -> Option<Arc<Selected>> {
        lock(&self.selected).iter().find(|(known, _)| known == wanted).map(|(_, selected)| selected.clone())
    }

    pub fn remember(&self, wanted: Wanted, selected: Arc<Selected>) {
        lock(&self.selected).push((wanted, selected));
    }
}

impl<'a> Stores<'a> {
    /// Opens the stores in `folder` that `requests` draw from, and rebuilds them if they are out of date and `upkeep` allows it.
    ///
    /// # Errors
    /// A store is missing or cannot be rebuilt, or a calibration cannot be used.
    pub fn open<'r>(
        config: &'a Config,
        folder: &'a Path,
        requests: impl IntoIterator<Item = &'r Request>,
        upkeep: Upkeep,
        progress: &'a dyn Progress,
    ) -> Result<Self, DrawError> {
        let requests: Vec<&Request> = requests.into_iter().flat_map(Request::with_excluded).collect();
        let stretches = || requests.iter().flat_map(|request| request.stretches());
        let parts = || requests.iter().copied().chain(stretches()).flat_map(|request| &request.parts);
        let by_identity = requests.iter().any(|request| sampler(request.sampler).reads_identities())
            || parts().any(|part| part.difficulty != Difficulty::Surface || part.rows.reads_identities());
        let mut stores = Self {
            config,
            folder,
            upkeep,
            progress,
            // The tasks of a request that another leaves out are told apart by identity.
            by_identity,
            loaded: BTreeMap::new(),
            renewed: Vec::new(),
            excluded: Mutex::default(),
            told: Mutex::default(),
        };
        for request in &requests {
            let parts = request.parts.iter();
            difficulty::check_folder(parts.map(|part| (part.benchmark.as_str(), &part.difficulty)))?;
        }
        let mut names: Vec<&str> = Vec::new();
        for part in parts() {
            if !names.contains(&part.benchmark.as_str()) {
                names.push(&part.benchmark);
            }
        }
        // Stores are opened one after the other, because a rebuild takes the folder's lock, and then read in parallel.
        let opened: Vec<_> = names.iter().map(|name| open_store(config, folder, name, upkeep, progress)).collect();
        let gathers = requests.iter().any(|request| !is_drawn_in_spans(request));
        let load =
            |store| if gathers { Loaded::gathered(store, by_identity) } else { Ok(Loaded::of(store, by_identity)) };
        let opened: Vec<Result<Loaded, DrawError>> = opened.into_par_iter().map(|store| Ok(load(store?)?)).collect();
        let mut missing: Vec<String> = Vec::new();
        for (name, opened) in names.into_iter().zip(opened) {
            match opened {
                Ok(loaded) => _ = stores.loaded.insert(name.to_owned(), loaded),
                Err(DrawError::Store(StoreError::Missing { benchmark, .. })) => missing.push(benchmark),
                Err(DrawError::Store(StoreError::Stale { path, reason })) if upkeep == Upkeep::Rebuild => {
                    // The store opened well, but reading it found damage.
                    rebuild(config, folder, name, format!("{}: {reason}", path.display()), progress)?;
                    let loaded = load(open_store(config, folder, name, upkeep, progress)?)?;
                    stores.loaded.insert(name.to_owned(), loaded);
                }
                Err(error) => return Err(error),
            }
        }
        if !missing.is_empty() {
            return Err(StoreError::Missing { benchmark: missing.join(","), folder: folder.to_owned() }.into());
        }
        Ok(stores)
    }

    /// The benchmark of this name, one of those that the stores were opened for.
    pub(super) fn loaded(&self, name: &str) -> Result<&Loaded, DrawError> {
        let missing = || StoreError::Missing { benchmark: name.to_owned(), folder: self.folder.to_owned() };
        Ok(self.loaded.get(name).ok_or_else(missing)?)
    }

    /// The duplicates that were found in a benchmark; `None` if none were looked for.
    pub(super) fn duplicates(&self, loaded: &Loaded, name: &str) -> Result<Option<Arc<Duplicates>>, DrawError> {
        if let Looked::Found(known) = lock(&loaded.duplicates).clone() {
            return Ok(known);
        }
        let mut found = Duplicates::read(self.folder, name)?.map(Arc::new);
        let (meta, identities) = (&loaded.store.meta, loaded.identities()?);
        if let Some(other) = found.take_if(|found| !found.belong_to(meta, identities)) {
            let changed = format!("{name}: its rows changed since its duplicates were looked for");
            // Identities tell the same rows again; row numbers do not.
            if are_row_numbers(identities, meta) {
                self.tell([format!("{changed}, so these do not count; look again")]);
            } else {
                self.tell([format!("{changed}; look again to find those of the new rows")]);
                found = Some(other);
            }
        }
        *lock(&loaded.duplicates) = Looked::Found(found.clone());
        Ok(found)
    }

    /// The duplicates that a request needs.
    pub(super) fn needed_duplicates(
        &self,
        loaded: &Loaded,
        name: &str,
        key: &'static str,
    ) -> Result<Arc<Duplicates>, DrawError> {
        let none = || DrawError::NoDuplicates { benchmark: name.to_owned(), folder: self.folder.to_owned(), key };
        self.duplicates(loaded, name)?.ok_or_else(none)
    }

    pub(super) fn known_exclusion(&self, exclude: &Exclude) -> Option<Arc<Excluded>> {
        lock(&self.excluded).iter().find(|(known, _)| known == exclude).map(|(_, excluded)| excluded.clone())
    }

    pub(super) fn remember_exclusion(&self, exclude: &Exclude, excluded: Arc<Excluded>) {
        lock(&self.excluded).push((exclude.clone(), excluded));
    }

    /// Rebuilds the store whose file or index is at `path`, but only once; `false` if it cannot or was already rebuilt.
    fn renew(&mut self, path: &Path, reason: &str) -> Result<bool, DrawError> {
        let is_it = |(_, loaded): &(&String, &Loaded)| loaded.store.has(path);
        let Some(name) = self.loaded.iter().find(is_it).map(|(name, _)| name.clone()) else { return Ok(false) };
        if self.upkeep == Upkeep::Report || self.renewed.contains(&name) {
            return Ok(false);
        }
        rebuild(self.config, self.folder, &name, format!("{}: {reason}", path.display()), self.progress)?;
        let store = open_store(self.config, self.folder, &name, self.upkeep, self.progress)?;
        let loaded = Loaded::of(store, self.by_identity);
        self.loaded.insert(name.clone(), loaded);
        // What other experiments draw may depend on it.
        lock(&self.excluded).clear();
        self.renewed.push(name);
        Ok(true)
    }

    /// Reports warnings, but none twice: after a rebuild, the same requests are drawn again.
    pub(super) fn tell(&self, warnings: impl IntoIterator<Item = String>) {
        for warning in warnings {
            if lock(&self.told).insert(warning.clone()) {
                self.progress.note(Note::Warning(&warning));
            }
        }
    }
}

/// Opens the stores that `requests` draw from with [`Stores::open`], and passes them to `work`. A draw reads only the rows that
/// it draws; if these turn out to be damaged, the store is rebuilt and `work` runs again.
///
/// # Errors
/// Those of [`Stores::open`] and of `work`.
pub fn with_stores<'r, T>(
    config: &Config,
    folder: &Path,
    requests: impl IntoIterator<Item = &'r Request>,
    progress: &dyn Progress,
    mut work: impl FnMut(&Stores<'_>) -> Result<T, DrawError>,
) -> Result<T, DrawError> {
    let mut stores = Stores::open(config, folder, requests, Upkeep::Rebuild, progress)?;
    loop {
        match work(&stores) {
            Err(DrawError::Store(StoreError::Stale { path, reason })) => {
                if !stores.renew(&path, &reason)? {
                    return Err(StoreError::Stale { path, reason }.into());
                }
            }
            done => return done,
        }
    }
}
