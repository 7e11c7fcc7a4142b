//! Reads what a request leaves out: the tasks of pools, of other experiments, and those that files list.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64;

use super::{DrawError, Stores, select::rows_error};
use crate::{
    disk::DiskError,
    format::compression,
    pool::{find_pool, read_pool},
    request::{Exclude, Experiment, TaskIds},
    row::json_reason,
    store::{StoreError, rejected_name},
    stream::eligible::Excluded,
    task::Layout,
    yaml::walk::nearest_of,
};

/// Tasks as they are listed: by identity, or by the benchmark and number of a row.
#[derive(Default)]
struct Listed {
    excluded: Excluded,
    /// The numbers of rows, by benchmark.
    rows: BTreeMap<String, Vec<u64>>,
}

/// A line of a file that lists tasks.
#[derive(Deserialize)]
struct Line {
    identity: Option<String>,
    source_id: Option<String>,
    benchmark: Option<String>,
    /// That of a task in its store is its `source_id`.
    task_id: Option<String>,
}

impl Stores<'_> {
    /// The tasks that `exclude` stands for.
    pub(super) fn excluded(&self, exclude: &Exclude) -> Result<Arc<Excluded>, DrawError> {
        if let Some(known) = self.known_exclusion(exclude) {
            return Ok(known);
        }
        let excluded = Arc::new(match exclude {
            Exclude::Experiment(experiment) => self.drawn_by(experiment)?,
            Exclude::Path(path) => self.with_rows(listed_in(path)?, &exclude.name())?,
            Exclude::Given(tasks) => {
                let mut listed = Listed::default();
                for ids in tasks.0.iter() {
                    listed.add(ids).map_err(|why| DrawError::Exclude { what: exclude.name(), why })?;
                }
                self.with_rows(listed, &exclude.name())?
            }
        });
        self.remember_exclusion(exclude, excluded.clone());
        Ok(excluded)
    }

    /// What another experiment draws from the same stores.
    fn drawn_by(&self, experiment: &Experiment) -> Result<Excluded, DrawError> {
        let drawn = match self.draw(&experiment.request) {
            // An experiment without tasks leaves nothing out.
            Err(DrawError::NoTasks { .. }) => return Ok(Excluded::default()),
            drawn => drawn?,
        };
        let mut excluded = Excluded::default();
        for draw in &drawn.stream.draws {
            let part = &drawn.parts[draw.benchmark];
            let name = part.benchmark();
            let identity = self.loaded(name)?.identities()?.get(draw.row as usize).copied().unwrap_or_default();
            if self.has_row_numbers(name) {
                excluded.of_benchmark.entry(name.to_owned()).or_default().insert(identity);
            } else {
                excluded.everywhere.insert(identity);
            }
        }
        Ok(excluded)
    }

    /// Whether the identities of a benchmark are those of row numbers.
    fn has_row_numbers(&self, name: &str) -> bool {
        self.config.benchmark(name).is_some_and(|benchmark| benchmark.identity.is_empty())
    }

    /// The listed tasks with the identities of the rows that are listed by number.
    fn with_rows(&self, listed: Listed, what: &str) -> Result<Excluded, DrawError> {
        let Listed { mut excluded, rows } = listed;
        for (name, numbers) in rows {
            // Rows of benchmarks that are not drawn from do not matter, but a name may be misspelt.
            let Ok(loaded) = self.loaded(&name) else {
                if self.config.benchmark(&name).is_none() {
                    let hint = nearest_of(&name, &self.config.names());
                    let rows = numbers.len();
                    let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
                    self.tell([format!("exclude: {what}: {rows} of `{name}`, which is no benchmark here; {hint}")]);
                }
                continue;
            };
            let rejected = self.rejected(&name, loaded.store.meta.rejected_rows)?;
            let identities = loaded.identities()?;
            let own = excluded.of_benchmark.entry(name.clone()).or_default();
            for number in numbers {
                let Err(before) = rejected.binary_search(&number) else { continue };
                let identity = identities.get(number as usize - before).ok_or_else(|| {
                    let rows = identities.len() + rejected.len();
                    let why = format!("{what} lists {name}_{number}, but {name} has {rows} rows, counted from 0");
                    rows_error(&name, why)
                })?;
                own.insert(*identity);
            }
        }
        Ok(excluded)
    }

    /// The numbers of the rows that were set aside when a store was made, ascending.
    fn rejected(&self, name: &str, count: u64) -> Result<Vec<u64>, DrawError> {
        #[derive(Deserialize)]
        struct Rejected {
            row: u64,
        }
        let mut rows = Vec::new();
        if count > 0 {
            let path = self.folder.join(rejected_name(name));
            let text =
                std::fs::read_to_string(&path).map_err(|error| DiskError::new(&path, "read this file", error))?;
            for line in text.lines() {
                let reason = "this file was changed or damaged".to_owned();
                let rejected: Rejected =
                    serde_json::from_str(line).map_err(|_| StoreError::Stale { path: path.clone(), reason })?;
                rows.push(rejected.row);
            }
            rows.sort_unstable();
        }
        Ok(rows)
    }
}

/// The tasks of a pool or of the pools in a folder, or those that a file lists.
fn listed_in(path: &Path) -> Result<Listed, DrawError> {
    let mut listed = Listed::default();
    let pools: Vec<PathBuf> = if path.is_dir() {
        pools_in(path)?
    } else {
        (Layout::by_ending(path) == Some(Layout::Parquet)).then(|| path.to_owned()).into_iter().collect()
    };
    for pool in &pools {
        for task in read_pool(pool)? {
            let task = task?;
            let identity = task.identity.as_ref().and_then(|identity| hex(identity.as_str()));
            let ids = TaskIds {
                benchmark: Some(task.benchmark),
                source_id: task.source_id.map(|id| id.as_str().to_owned()),
                identity,
            };
            listed.add(&ids).map_err(|why| DrawError::Exclude { what: pool.display().to_string(), why })?;
        }
    }
    if !pools.is_empty() {
        return Ok(listed);
    }
    let failed = |error| DiskError::new(path, "read this file", error);
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            let why = "there is no file, no folder and no other experiment of this name".to_owned();
            DrawError::Exclude { what: path.display().to_string(), why }
        }
        _ => failed(error).into(),
    })?;
    let mut raw = BufReader::with_capacity(256 << 10, file);
    let mut reader = compression::decompress(&mut raw).map_err(failed)?;
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(failed)? == 0 {
            return Ok(listed);
        }
        number += 1;
        let text = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        let wrong = |why: String| DrawError::Exclude { what: format!("{}:{number}", path.display()), why };
        let text = std::str::from_utf8(text).map_err(|_| wrong("this line is not UTF-8".to_owned()))?.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        listed.add(&ids_in(text).map_err(&wrong)?).map_err(&wrong)?;
    }
}

/// The pool in a folder, or those in the folders right below it.
fn pools_in(folder: &Path) -> Result<Vec<PathBuf>, DrawError> {
    if let Some(pool) = find_pool(folder) {
        return Ok(vec![pool]);
    }
    let failed = |error| DiskError::new(folder, "list this folder", error);
    let below = std::fs::read_dir(folder).map_err(failed)?.collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
    let mut pools: Vec<PathBuf> = below.iter().filter_map(|entry| find_pool(&entry.path())).collect();
    pools.sort();
    if pools.is_empty() {
        let why = "there is no pool here; name its folder, or a file of identities or source ids".to_owned();
        return Err(DrawError::Exclude { what: folder.display().to_string(), why });
    }
    Ok(pools)
}

/// The ids in a line: an identity, a source id, or a JSON object with them.
fn ids_in(text: &str) -> Result<TaskIds, String> {
    if text.starts_with('{') {
        let line: Line = serde_json::from_str(text).map_err(|error| json_reason(&error))?;
        let identity = match line.identity.as_deref() {
            None => None,
            Some(text) => {
                Some(hex(text).ok_or_else(|| format!("{text:?} is not an identity, which has 16 hex digits"))?)
            }
        };
        let in_store = line.task_id.filter(|id| line.benchmark.as_ref().is_some_and(|name| id.starts_with(name)));
        return Ok(TaskIds { benchmark: line.benchmark, source_id: line.source_id.or(in_store), identity });
    }
    let identity = hex(text);
    Ok(TaskIds { benchmark: None, source_id: identity.is_none().then(|| text.to_owned()), identity })
}

/// An identity of 16 hex digits.
fn hex(text: &str) -> Option<u64> {
    (text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| u64::from_str_radix(text, 16).ok())?
}

impl Listed {
    /// Adds a task.
    fn add(&mut self, ids: &TaskIds) -> Result<(), String> {
        let row = ids.source_id.as_deref().map(|id| {
            let row =
                id.rsplit_once('_').and_then(|(benchmark, number)| Some((benchmark, number.parse::<u64>().ok()?)));
            row.filter(|(benchmark, _)| !benchmark.is_empty()).ok_or_else(|| {
                let id: String = id.chars().take(60).collect();
                format!("{id:?} is neither an identity (16 hex digits) nor a source id, such as humaneval_26")
            })
        });
        match (ids.identity, row.transpose()?) {
            // The identity of a row number tells rows of one benchmark apart, not those of two.
            (Some(identity), Some((benchmark, number))) if identity == xxh3_64(number.to_string().as_bytes()) => {
                let benchmark = ids.benchmark.as_deref().unwrap_or(benchmark);
                self.excluded.of_benchmark.entry(benchmark.to_owned()).or_default().insert(identity);
            }
            (Some(identity), _) => _ = self.excluded.everywhere.insert(identity),
            (None, Some((benchmark, number))) => self.rows.entry(benchmark.to_owned()).or_default().push(number),
            (None, None) => return Err("this task has neither an identity nor a source_id".to_owned()),
        }
        Ok(())
    }
}
