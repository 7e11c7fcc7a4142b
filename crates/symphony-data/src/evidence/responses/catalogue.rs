//! The rows of the preprocessed benchmarks in a folder, found by source_id, identity or text.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use crate::{
    config::{Benchmark, Config},
    evidence::EvidenceError,
    preprocess::{Upkeep, open_store},
    progress::Progress,
    row::{FieldSet, identity::IdentityHasher},
    store::{Store, StoreError, preprocessed_in},
};

/// The number of rows that are read from a store at once.
pub(in crate::evidence) const ROWS_AT_ONCE: usize = 4096;

type ByIdentity = HashMap<u64, Vec<u32>, foldhash::fast::FixedState>;

/// The preprocessed benchmarks of a folder; each is opened on first use.
pub struct Catalogue<'a> {
    config: &'a Config,
    folder: PathBuf,
    progress: &'a dyn Progress,
    /// The selected benchmarks that have a store, sorted by name.
    names: Vec<String>,
    /// The benchmarks that have a store but were not selected.
    others: Vec<String>,
    open: HashMap<String, Shelf, foldhash::fast::FixedState>,
}

/// One benchmark of a catalogue.
pub struct Shelf {
    /// The benchmark's store.
    pub store: Store,
    /// The number of rows in the store.
    pub rows: usize,
    /// The number of each row in its source, ascending; `None` if no rows were set aside, so that no numbers are missing.
    numbers: Option<Vec<u32>>,
    by_identity: ByIdentity,
    /// The identity of each row.
    identities: Vec<u64>,
    /// Finds the identity fields in a row.
    pub(super) fields: FieldSet,
    /// The index of each identity field in `fields`, in the order of the configuration.
    pub(super) slots: Vec<usize>,
}

impl<'a> Catalogue<'a> {
    /// The benchmarks that are preprocessed in `folder`; if `only` is not empty, only the ones that it names.
    ///
    /// # Errors
    /// The folder cannot be listed or has no preprocessed benchmarks, or a benchmark in `only` is not among them.
    pub fn of(
        config: &'a Config,
        folder: &Path,
        only: &[String],
        progress: &'a dyn Progress,
    ) -> Result<Self, EvidenceError> {
        let missing = |benchmark: &str| {
            EvidenceError::Store(StoreError::Missing { benchmark: benchmark.to_owned(), folder: folder.to_owned() })
        };
        let names = preprocessed_in(folder).map_err(EvidenceError::Disk)?;
        if let Some(absent) = only.iter().find(|name| !names.contains(name)) {
            if config.benchmark(absent).is_some() {
                return Err(missing(absent));
            }
            let reason = format!("no such benchmark is configured; {} has {}", folder.display(), names.join(", "));
            return Err(EvidenceError::Insufficient { benchmark: absent.clone(), reason });
        }
        if names.is_empty() {
            let enabled: Vec<&str> = config.enabled().map(|benchmark| benchmark.name.as_str()).collect();
            return Err(missing(&enabled.join(",")));
        }
        let (names, others) = names.into_iter().partition(|name| only.is_empty() || only.contains(name));
        Ok(Self { config, folder: folder.to_owned(), progress, names, others, open: HashMap::default() })
    }

    /// The names of the selected benchmarks, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a benchmark has a store but was not selected.
    pub(super) fn was_not_asked_for(&self, name: &str) -> bool {
        self.others.iter().any(|other| other == name)
    }

    /// The folder of the stores.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The configuration of a benchmark; `None` if it is not configured.
    pub fn benchmark(&self, name: &str) -> Option<&'a Benchmark> {
        self.config.benchmark(name)
    }

    /// The benchmark of this name; `None` if it is not among the selected ones. Opens its store on first use, and rebuilds
    /// the store if it is out of date.
    ///
    /// # Errors
    /// The store cannot be read or rebuilt.
    pub fn shelf(&mut self, name: &str) -> Result<Option<&Shelf>, EvidenceError> {
        if !self.open.contains_key(name) {
            if !self.names.iter().any(|known| known == name) {
                return Ok(None);
            }
            let shelf = self.opened(name)?;
            self.open.insert(name.to_owned(), shelf);
        }
        Ok(self.open.get(name))
    }

    fn opened(&self, name: &str) -> Result<Shelf, EvidenceError> {
        let store = open_store(self.config, &self.folder, name, Upkeep::Rebuild, self.progress)?;
        let mut by_identity = ByIdentity::default();
        let identities = store.identities()?;
        for (row, identity) in identities.iter().enumerate() {
            by_identity.entry(*identity).or_default().push(row as u32);
        }
        let rows = identities.len();
        let numbers = if store.meta.rejected_rows > 0 { Some(numbers_of(&store, rows)?) } else { None };
        let mut fields = FieldSet::default();
        let identity = self.config.benchmark(name).map_or(&[][..], |benchmark| &benchmark.identity);
        let slots = identity.iter().map(|field| fields.add(field)).collect();
        Ok(Shelf { store, rows, numbers, by_identity, identities, fields, slots })
    }
}

/// The number of each row in its source, from the tasks' ids.
fn numbers_of(store: &Store, rows: usize) -> Result<Vec<u32>, StoreError> {
    let all: Vec<u32> = (0..rows as u32).collect();
    let mut numbers = Vec::with_capacity(rows);
    for some in all.chunks(ROWS_AT_ONCE) {
        let tasks = store.fetch(some)?;
        numbers.extend(tasks.iter().filter_map(|task| task.task_id.as_str().rsplit('_').next()?.parse::<u32>().ok()));
    }
    Ok(numbers)
}

impl Shelf {
    /// The row of a source_id such as `humaneval_26`; `None` if there is no such row.
    pub fn by_source_id(&self, source_id: &str) -> Option<u32> {
        let digits = source_id.strip_prefix(self.store.meta.benchmark.as_str())?.strip_prefix('_')?;
        // A store writes no leading zeros: `b_01` is not `b_1`.
        let leads_with_zero = digits.len() > 1 && digits.starts_with('0');
        if digits.is_empty() || leads_with_zero || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u32 = digits.parse().ok()?;
        match &self.numbers {
            Some(numbers) => numbers.binary_search(&number).ok().map(|row| row as u32),
            None => Some(number).filter(|row| (*row as usize) < self.rows),
        }
    }

    /// The source_id of a row.
    pub(super) fn source_id(&self, row: u32) -> String {
        let number = self.numbers.as_ref().map_or(row, |numbers| numbers[row as usize]);
        format!("{}_{number}", self.store.meta.benchmark)
    }

    /// The identity of a row, as 16 hex digits.
    pub(super) fn identity(&self, row: u32) -> String {
        format!("{:016x}", self.identities[row as usize])
    }

    /// The rows of an identity of 16 hex digits; several if the benchmark has copies of a task.
    pub fn by_identity(&self, identity: &str) -> &[u32] {
        let identity = u64::from_str_radix(identity, 16).ok().filter(|_| identity.len() == 16);
        identity.and_then(|identity| self.by_identity.get(&identity)).map_or(&[], Vec::as_slice)
    }

    /// The rows whose identity fields have these texts, given in the order of the fields in the configuration.
    pub fn by_texts<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> &[u32] {
        let mut identity = IdentityHasher::default();
        texts.into_iter().for_each(|text| identity.field(text));
        self.by_identity.get(&identity.finish()).map_or(&[], Vec::as_slice)
    }
}
