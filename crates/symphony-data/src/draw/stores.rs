//! Holds the preprocessed benchmarks that requests draw from; each is read once.

use std::{collections::BTreeMap, path::Path};

use rayon::prelude::*;

use super::{
    DrawError, Drawn, DrawnPart, Joined,
    difficulty::{self, Choice, Used},
};
use crate::{
    bin::{Bin, Bins, Cut, PerBin, Thresholds},
    config::Config,
    pool::statistics::Repeats,
    preprocess::{Upkeep, open_store, rebuild},
    progress::{Note, Progress},
    request::{Difficulty, Request},
    store::{Store, StoreError, index_name},
    stream::{self, Candidates, sample::sampler},
};

/// The preprocessed benchmarks that some requests draw from, each read once.
pub struct Stores<'a> {
    config: &'a Config,
    folder: &'a Path,
    upkeep: Upkeep,
    progress: &'a dyn Progress,
    /// Whether any request needs identities: its sampler reads them, or a measured difficulty is joined by them.
    by_identity: bool,
    loaded: BTreeMap<String, Loaded>,
    /// The names of stores that were rebuilt because they turned out to be damaged.
    renewed: Vec<String>,
}

struct Loaded {
    store: Store,
    /// The surface score of every row.
    scores: Vec<f64>,
    /// The identity of every row; empty if no request needs identities and no row is a copy.
    identities: Vec<u64>,
    /// The measured difficulties that requests draw by.
    joined: Vec<(Used, Joined)>,
    /// The rows by bin, for each difficulty and cut that a request draws by.
    sorted: Vec<Sorted>,
}

/// The rows of a benchmark by bin.
struct Sorted {
    /// The requested difficulty and cut.
    wanted: (Difficulty, Cut),
    /// Those that are used.
    choice: Choice,
    bins: Bins,
}

impl Loaded {
    fn of(store: Store, by_identity: bool) -> Result<Self, StoreError> {
        let scores = store.scores()?;
        // Without copies, the row number identifies a task.
        let needed = by_identity || store.meta.copies.is_some();
        let identities = if needed { store.identities()? } else { Vec::new() };
        Ok(Self { store, scores, identities, joined: Vec::new(), sorted: Vec::new() })
    }

    fn joined(&self, used: &Used) -> Option<&Joined> {
        self.joined.iter().find(|(known, _)| known == used).map(|(_, joined)| joined)
    }

    fn sorted(&self, difficulty: &Difficulty, cut: Cut) -> Option<&Sorted> {
        self.sorted.iter().find(|sorted| sorted.wanted.0 == *difficulty && sorted.wanted.1 == cut)
    }
}

impl<'a> Stores<'a> {
    /// Opens the stores in `folder` that `requests` draw from, rebuilds them if they are out of date and `upkeep` allows it,
    /// and sorts their rows into bins.
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
        let requests: Vec<&Request> = requests.into_iter().collect();
        let (loaded, renewed) = (BTreeMap::new(), Vec::new());
        let by_identity = requests.iter().any(|request| {
            sampler(request.sampler).reads_identities()
                || request.parts.iter().any(|part| part.difficulty != Difficulty::Surface)
        });
        let mut stores = Self { config, folder, upkeep, progress, by_identity, loaded, renewed };
        for request in &requests {
            let parts = request.parts.iter();
            difficulty::check_folder(parts.map(|part| (part.benchmark.as_str(), &part.difficulty)))?;
        }
        let parts: Vec<_> = requests.into_iter().flat_map(|request| &request.parts).collect();
        let mut names: Vec<&str> = Vec::new();
        for part in &parts {
            if !names.contains(&part.benchmark.as_str()) {
                names.push(&part.benchmark);
            }
        }
        // Stores are opened one after the other, because a rebuild takes the folder's lock, and then read in parallel.
        let opened: Vec<_> = names.iter().map(|name| open_store(config, folder, name, upkeep, progress)).collect();
        let opened: Vec<Result<Loaded, DrawError>> =
            opened.into_par_iter().map(|store| Ok(Loaded::of(store?, by_identity)?)).collect();
        let mut missing: Vec<String> = Vec::new();
        for (name, opened) in names.into_iter().zip(opened) {
            match opened {
                Ok(loaded) => _ = stores.loaded.insert(name.to_owned(), loaded),
                Err(DrawError::Store(StoreError::Missing { benchmark, .. })) => missing.push(benchmark),
                Err(DrawError::Store(StoreError::Stale { path, reason })) if upkeep == Upkeep::Rebuild => {
                    // The store opened well, but reading it found damage.
                    rebuild(config, folder, name, format!("{}: {reason}", path.display()), progress)?;
                    let loaded = Loaded::of(open_store(config, folder, name, upkeep, progress)?, by_identity)?;
                    stores.loaded.insert(name.to_owned(), loaded);
                }
                Err(error) => return Err(error),
            }
        }
        if !missing.is_empty() {
            return Err(StoreError::Missing { benchmark: missing.join(","), folder: folder.to_owned() }.into());
        }
        for part in parts {
            match stores.cut(&part.benchmark, &part.difficulty, part.cut) {
                // Rows that a difficulty is predicted for are read here, and may turn out to be damaged.
                Err(DrawError::Store(StoreError::Stale { path, reason })) if stores.renew(&path, &reason)? => {
                    stores.cut(&part.benchmark, &part.difficulty, part.cut)?;
                    // Nothing has been drawn yet, so no warning has been reported.
                    stores.renewed.clear();
                }
                done => done?,
            }
        }
        Ok(stores)
    }

    /// Draws the stream of `request`, one of the requests that the stores were opened for.
    ///
    /// # Errors
    /// No task can be drawn.
    pub fn draw<'l>(&'l self, request: &'l Request) -> Result<Drawn<'l>, DrawError> {
        let mut parts = Vec::with_capacity(request.parts.len());
        let mut warnings = request.warnings.clone();
        for part in &request.parts {
            let loaded = self.loaded.get(&part.benchmark);
            let sorted = loaded.and_then(|loaded| loaded.sorted(&part.difficulty, part.cut));
            let (Some(loaded @ Loaded { store, .. }), Some(Sorted { choice, bins, .. })) = (loaded, sorted) else {
                return Err(
                    StoreError::Missing { benchmark: part.benchmark.clone(), folder: self.folder.to_owned() }.into()
                );
            };
            warnings.extend(choice.warnings.iter().cloned());
            parts.push(DrawnPart {
                store,
                joined: loaded.joined(&choice.used),
                bins,
                asked: PerBin::default(),
                got: PerBin::default(),
                repeats: Repeats::default(),
                repeats_by_bin: PerBin::default(),
            });
        }
        let candidate = |part: &DrawnPart<'l>| {
            let loaded = self.loaded.get(part.benchmark());
            let surface = loaded.map_or(&[][..], |loaded| &loaded.scores);
            Candidates {
                benchmark: &part.store.meta.benchmark,
                bins: part.bins,
                scores: part.joined.map_or(surface, |joined| &joined.scores),
                identities: loaded.map_or(&[], |loaded| &loaded.identities),
            }
        };
        let candidates: Vec<Candidates<'_>> = parts.iter().map(candidate).collect();
        let stream = stream::draw(request, &candidates);
        if stream.draws.is_empty() {
            let why = stream.shortfalls.iter().map(|short| {
                let part = parts.iter().find(|part| part.benchmark() == short.benchmark);
                let ends = part.map(|part| part.bins.thresholds).map(|Thresholds { easy, hard }| {
                    format!(" (easy: scores up to {easy:.3}; hard: other scores from {hard:.3})")
                });
                format!("{short}{}", ends.unwrap_or_default())
            });
            return Err(DrawError::NoTasks { experiment: None, why: why.collect() });
        }
        for (at, (part, asked)) in parts.iter_mut().zip(&stream.allocation).enumerate() {
            part.asked = *asked;
            let identities = self.loaded.get(part.benchmark()).map_or(&[][..], |l| &l.identities);
            let (mut counts, mut all) = (PerBin::<BTreeMap<u64, u64>>::default(), BTreeMap::new());
            for draw in stream.draws.iter().filter(|draw| draw.benchmark == at) {
                part.got[draw.bin] += 1;
                // Copies count as one task.
                let identity = identities.get(draw.row as usize).copied().unwrap_or(u64::from(draw.row));
                *counts[draw.bin].entry(identity).or_insert(0) += 1;
                *all.entry(identity).or_insert(0) += 1;
            }
            part.repeats = Repeats::of(all.into_values());
            for bin in Bin::ALL {
                part.repeats_by_bin[bin] = Repeats::of(counts[bin].values().copied());
            }
        }
        warnings.extend(stream.shortfalls.iter().map(ToString::to_string));
        Ok(Drawn { request, stream, parts, warnings })
    }

    /// Sorts a benchmark's rows into bins, by surface scores or by a measured difficulty.
    fn cut(&mut self, name: &str, difficulty: &Difficulty, cut: Cut) -> Result<(), DrawError> {
        let Some(loaded) = self.loaded.get_mut(name) else { return Ok(()) };
        if loaded.sorted(difficulty, cut).is_some() {
            return Ok(());
        }
        let choice = Choice::of(self.config, &loaded.store, &loaded.identities, difficulty, cut);
        if loaded.joined(&choice.used).is_none() {
            let joined = choice.used.join(&loaded.store, &loaded.identities, self.progress)?;
            loaded.joined.extend(joined.map(|joined| (choice.used.clone(), joined)));
        }
        let bins = match loaded.joined(&choice.used) {
            None => Bins::of(&loaded.scores, choice.cut).ok_or_else(|| StoreError::Stale {
                path: loaded.store.path().to_owned(),
                reason: "this store has no tasks".to_owned(),
            })?,
            Some(joined) => Bins::of_eligible(&joined.scores, choice.cut, |row| joined.is_eligible(row))
                .ok_or_else(|| choice.used.too_few_responses(name))?,
        };
        loaded.sorted.push(Sorted { wanted: (difficulty.clone(), cut), choice, bins });
        Ok(())
    }

    /// Rebuilds the store whose file or index is at `path`, but only once; `false` if it cannot or was already rebuilt.
    fn renew(&mut self, path: &Path, reason: &str) -> Result<bool, DrawError> {
        let is_it = |(name, loaded): &(&String, &Loaded)| {
            path == loaded.store.path() || *path == self.folder.join(index_name(name))
        };
        let Some(name) = self.loaded.iter().find(is_it).map(|(name, _)| name.clone()) else { return Ok(false) };
        if self.upkeep == Upkeep::Report || self.renewed.contains(&name) {
            return Ok(false);
        }
        rebuild(self.config, self.folder, &name, format!("{}: {reason}", path.display()), self.progress)?;
        let loaded =
            Loaded::of(open_store(self.config, self.folder, &name, self.upkeep, self.progress)?, self.by_identity)?;
        let sorted = self.loaded.insert(name.clone(), loaded).into_iter().flat_map(|old| old.sorted);
        let wanted: Vec<(Difficulty, Cut)> = sorted.map(|sorted| sorted.wanted).collect();
        self.renewed.push(name.clone());
        wanted.into_iter().try_for_each(|(difficulty, cut)| self.cut(&name, &difficulty, cut))?;
        Ok(true)
    }

    /// Reports warnings, but not again after a rebuild, when the same requests are drawn again.
    pub(super) fn tell(&self, warnings: impl IntoIterator<Item = String>) {
        if self.renewed.is_empty() {
            warnings.into_iter().for_each(|warning| self.progress.note(Note::Warning(&warning)));
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
