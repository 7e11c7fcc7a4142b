//! The rows of the preprocessed benchmarks in a folder, or those of a pool, found by source_id, identity or text.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use crate::{
    config::{Benchmark, Config},
    evidence::EvidenceError,
    preprocess::{Upkeep, open_store},
    progress::Progress,
    row::{FieldSet, identity::IdentityHasher},
    store::{Store, StoreError, preprocessed_in},
    task::{Json, Task, Text},
};

/// The number of rows that are read from a store at once.
pub(in crate::evidence) const ROWS_AT_ONCE: usize = 4096;

type ByIdentity = HashMap<u64, Vec<u32>, foldhash::fast::FixedState>;

/// The preprocessed benchmarks of a folder, each opened on first use; or the benchmarks of a pool, with the rows that it drew.
pub struct Catalogue<'a> {
    config: &'a Config,
    place: Place,
    progress: &'a dyn Progress,
    /// The selected benchmarks that have rows, sorted by name.
    names: Vec<String>,
    open: HashMap<String, Shelf, foldhash::fast::FixedState>,
}

/// Where a catalogue's rows are.
enum Place {
    /// In the stores of a folder. `others` are the benchmarks that have a store but were not selected.
    Stores { folder: PathBuf, others: Vec<String> },
    /// In a pool.
    Pool,
}

/// The rows of a shelf.
enum Contents {
    Store(Box<Store>),
    /// The JSON of each row that a pool drew.
    Pool(Vec<Json>),
}

/// One benchmark of a catalogue.
pub struct Shelf {
    benchmark: String,
    contents: Contents,
    /// The number of rows: those of the store, or the distinct ones of the pool.
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
        let place = Place::Stores { folder: folder.to_owned(), others };
        Ok(Self { config, place, progress, names, open: HashMap::default() })
    }

    /// The rows that a pool drew, each once, in the order of their numbers. Messages name the pool as `pool`.
    ///
    /// # Errors
    /// A task has no source_id or identity, as in pools of the Python program, or no valid one.
    pub fn of_pool(
        config: &'a Config,
        pool: &str,
        tasks: &[Task],
        progress: &'a dyn Progress,
    ) -> Result<Self, EvidenceError> {
        let mut drawn: BTreeMap<&str, BTreeMap<u32, &Task>> = BTreeMap::new();
        for task in tasks {
            let (number, identity) = ids_of(task).map_err(|reason| {
                let (pool, task) = (pool.to_owned(), task.task_id.clone());
                EvidenceError::TaskIds { pool, task, reason }
            })?;
            let known = drawn.entry(&task.benchmark).or_default().entry(number).or_insert(task);
            if known.identity.as_ref().map(Text::as_str) != Some(identity) {
                let reason = format!(
                    "its source_id is that of {}, and its identity is another; give tasks of one store",
                    known.task_id
                );
                return Err(EvidenceError::TaskIds { pool: pool.to_owned(), task: task.task_id.clone(), reason });
            }
        }
        let names = drawn.keys().map(|name| (*name).to_owned()).collect();
        let mut open = HashMap::default();
        for (name, rows) in drawn {
            let identity =
                |task: &&Task| task.identity.as_ref().and_then(|own| u64::from_str_radix(own.as_str(), 16).ok());
            let identities = rows.values().filter_map(identity).collect();
            let contents = Contents::Pool(rows.values().map(|task| task.raw_data.clone()).collect());
            let shelf = Shelf::new(config, name, contents, Some(rows.into_keys().collect()), identities);
            open.insert(name.to_owned(), shelf);
        }
        Ok(Self { config, place: Place::Pool, progress, names, open })
    }

    /// Whether the rows are those of a pool, so that answers to other rows are to be expected.
    pub(super) fn is_pool(&self) -> bool {
        matches!(self.place, Place::Pool)
    }

    /// The names of the selected benchmarks, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a benchmark has a store but was not selected.
    pub(super) fn was_not_asked_for(&self, name: &str) -> bool {
        matches!(&self.place, Place::Stores { others, .. } if others.iter().any(|other| other == name))
    }

    /// The folder of the stores; `None` for the rows of a pool.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Stores { folder, .. } => Some(folder),
            Place::Pool => None,
        }
    }

    /// The configuration of a benchmark; `None` if it is not configured.
    pub fn benchmark(&self, name: &str) -> Option<&'a Benchmark> {
        self.config.benchmark(name)
    }

    /// The benchmark of this name; `None` if it is not among the selected ones. Opens its store on first use, and rebuilds
    /// the store if it is out of date. The rows of a pool are there from the start.
    ///
    /// # Errors
    /// The store cannot be read or rebuilt.
    pub fn shelf(&mut self, name: &str) -> Result<Option<&Shelf>, EvidenceError> {
        if !self.is_pool() && !self.open.contains_key(name) {
            if !self.names.iter().any(|known| known == name) {
                return Ok(None);
            }
            let Place::Stores { folder, .. } = &self.place else { return Ok(None) };
            let shelf = self.opened(name, folder)?;
            self.open.insert(name.to_owned(), shelf);
        }
        Ok(self.open.get(name))
    }

    fn opened(&self, name: &str, folder: &Path) -> Result<Shelf, EvidenceError> {
        let store = open_store(self.config, folder, name, Upkeep::Rebuild, self.progress)?;
        let identities = store.identities()?;
        let numbers = if store.meta.rejected_rows > 0 { Some(numbers_of(&store, identities.len())?) } else { None };
        Ok(Shelf::new(self.config, name, Contents::Store(Box::new(store)), numbers, identities))
    }
}

/// The row number in a task's source_id, and its identity; or what is wrong with them.
fn ids_of(task: &Task) -> Result<(u32, &str), String> {
    let (Some(source_id), Some(identity)) = (&task.source_id, &task.identity) else {
        let reason = "it has no source_id and identity, as in pools of the Python program; draw the pool again by the same \
                      request and seed, which gives the same tasks with ids";
        return Err(reason.to_owned());
    };
    let number = number_in(source_id.as_str(), &task.benchmark)
        .ok_or_else(|| format!("its source_id {:?} is not {}_ and a row number", source_id.as_str(), task.benchmark))?;
    let identity = identity.as_str();
    if identity.len() != 16 || !identity.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("its identity {identity:?} does not have 16 hex digits"));
    }
    Ok((number, identity))
}

/// The row number in a source_id of this benchmark.
fn number_in(source_id: &str, benchmark: &str) -> Option<u32> {
    let digits = source_id.strip_prefix(benchmark)?.strip_prefix('_')?;
    // A store writes no leading zeros: `b_01` is not `b_1`.
    let leads_with_zero = digits.len() > 1 && digits.starts_with('0');
    if digits.is_empty() || leads_with_zero || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
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
    fn new(
        config: &Config,
        benchmark: &str,
        contents: Contents,
        numbers: Option<Vec<u32>>,
        identities: Vec<u64>,
    ) -> Self {
        let mut by_identity = ByIdentity::default();
        for (row, identity) in identities.iter().enumerate() {
            by_identity.entry(*identity).or_default().push(row as u32);
        }
        let mut fields = FieldSet::default();
        let identity = config.benchmark(benchmark).map_or(&[][..], |benchmark| &benchmark.identity);
        let slots = identity.iter().map(|field| fields.add(field)).collect();
        let rows = identities.len();
        Self { benchmark: benchmark.to_owned(), contents, rows, numbers, by_identity, identities, fields, slots }
    }

    /// The benchmark's store; `None` for the rows of a pool.
    pub fn store(&self) -> Option<&Store> {
        match &self.contents {
            Contents::Store(store) => Some(store),
            Contents::Pool(_) => None,
        }
    }

    /// The JSON of a row.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn raw_data(&self, row: u32) -> Result<Option<Json>, StoreError> {
        match &self.contents {
            Contents::Store(store) => Ok(store.fetch(&[row])?.into_iter().next().map(|task| task.raw_data)),
            Contents::Pool(rows) => Ok(rows.get(row as usize).cloned()),
        }
    }

    /// The row of a source_id such as `humaneval_26`; `None` if there is no such row.
    pub fn by_source_id(&self, source_id: &str) -> Option<u32> {
        let number = number_in(source_id, &self.benchmark)?;
        match &self.numbers {
            Some(numbers) => numbers.binary_search(&number).ok().map(|row| row as u32),
            None => Some(number).filter(|row| (*row as usize) < self.rows),
        }
    }

    /// The source_id of a row.
    pub(super) fn source_id(&self, row: u32) -> String {
        let number = self.numbers.as_ref().map_or(row, |numbers| numbers[row as usize]);
        format!("{}_{number}", self.benchmark)
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
