//! Reports: made once, and then shown and written as often as the caller wants.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use pyo3::prelude::*;
use symphony_data::{
    Error,
    config::Config,
    evidence::responses::{Input, ReadOptions},
    report::{Background, Place, Report, Subject, backgrounds, results_on},
    results::{AnsweredPool, Results, ResultsOptions},
};

use crate::{
    progress::PyProgress,
    stream::{described_by, listening, to_library},
};

/// A pool as the caller gives it.
pub enum GivenPool {
    Path(PathBuf),
    Tasks(AnsweredPool),
}

impl GivenPool {
    /// The pool that the caller knows as `parameter`: a path, or tasks, which messages call `name`.
    pub fn of(parameter: &str, name: &str, pool: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(path) = pool.extract() {
            return Ok(Self::Path(path));
        }
        // A stream that was drawn, or a part of one, knows whose responses set its difficulty.
        Ok(Self::Tasks(AnsweredPool::of_tasks(name, to_library(parameter, pool)?, described_by(pool).as_ref())))
    }

    /// Pools in order. Tasks are called `pool`; of several pools, with the place as a number.
    pub fn several(parameter: &str, pools: &[Bound<'_, PyAny>]) -> PyResult<Vec<Self>> {
        let name = |at: usize| if pools.len() > 1 { format!("pool-{}", at + 1) } else { "pool".to_owned() };
        pools.iter().enumerate().map(|(at, pool)| Self::of(parameter, &name(at), pool)).collect()
    }

    /// The pool with its tasks.
    pub fn read(self) -> Result<AnsweredPool, Error> {
        match self {
            Self::Path(path) => Ok(AnsweredPool::read(&path)?),
            Self::Tasks(pool) => Ok(pool),
        }
    }
}

/// What a report is about, and where it is written.
pub struct Asked {
    pub pools: Vec<GivenPool>,
    pub responses: Vec<Input>,
    pub baseline: Option<String>,
    pub full_dir: PathBuf,
    pub read: ReadOptions,
    pub output: Option<PathBuf>,
    pub svg: Option<PathBuf>,
    pub png: Option<PathBuf>,
    pub force: bool,
}

/// What a report is made of. A report borrows all of it, so it is made from this whenever something of it is asked for.
struct Parts {
    pools: Vec<AnsweredPool>,
    results: Vec<Option<Results>>,
    backgrounds: Vec<Vec<Background>>,
    config: Config,
}

impl Parts {
    fn with<T>(&self, work: impl FnOnce(&Report<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let all = self.pools.iter().zip(&self.results).zip(&self.backgrounds);
        let subjects: Vec<Subject<'_>> = all
            .map(|((pool, results), backgrounds)| Subject { pool, results: results.as_ref(), backgrounds })
            .collect();
        work(&Report::of(&subjects, &self.config)?)
    }
}

/// A report, for `symphony_data.Report`.
#[pyclass(module = "symphony_data._core", frozen)]
pub struct MadeReport {
    parts: Arc<Parts>,
    /// The form for notebooks, which they ask for at once.
    small: String,
    /// The page, once it was asked for.
    html: Arc<OnceLock<String>>,
}

/// Makes a report, and writes it to the places that are named.
pub fn make(asked: Asked, config: Config, progress: &PyProgress) -> Result<MadeReport, Error> {
    let Asked { pools, responses, baseline, full_dir, read, output, svg, png, force } = asked;
    // What is in the way is said before the work.
    let place = output.map(|path| Place::of(&path, force)).transpose()?;
    let pools: Vec<AnsweredPool> = pools.into_iter().map(GivenPool::read).collect::<Result<_, _>>()?;
    let options = ResultsOptions { baseline, calibrations: vec![full_dir.clone()], read, ..ResultsOptions::default() };
    let results = results_on(&pools, &responses, &config, &options, progress)?;
    let backgrounds = pools.iter().map(|pool| backgrounds(pool, std::slice::from_ref(&full_dir))).collect();
    let parts = Parts { pools, results, backgrounds, config };
    let html = OnceLock::new();
    let small = parts.with(|report| {
        report.write_pictures(svg.as_deref(), png.as_deref(), force, progress)?;
        if let Some(place) = &place {
            let page = report.html()?;
            place.write(page.as_bytes(), progress)?;
            let _ = html.set(page);
        }
        Ok(report.small()?)
    })?;
    Ok(MadeReport { parts: Arc::new(parts), small, html: Arc::new(html) })
}

/// The page, which is made once.
fn page<'h>(parts: &Parts, html: &'h OnceLock<String>) -> Result<&'h str, Error> {
    if let Some(page) = html.get() {
        return Ok(page);
    }
    let page = parts.with(|report| Ok(report.html()?))?;
    // Where another thread was first, its page is the same.
    Ok(html.get_or_init(|| page))
}

#[pymethods]
impl MadeReport {
    /// How many tasks, pools and models it is about.
    fn counts(&self) -> (usize, usize, usize) {
        let Parts { pools, results, .. } = &*self.parts;
        let models = results.iter().flatten().flat_map(|found| &found.models).map(|own| own.model.as_str());
        let models: BTreeSet<&str> = models.collect();
        (pools.iter().map(|pool| pool.tasks.len()).sum(), pools.len(), models.len())
    }

    /// The form for notebooks.
    fn small(&self) -> &str {
        &self.small
    }

    fn html(&self, py: Python<'_>) -> PyResult<String> {
        let (parts, html) = (self.parts.clone(), self.html.clone());
        listening(py, move |_| Ok(page(&parts, &html)?.to_owned()))
    }

    /// The pictures, each with its name.
    fn pictures(&self, py: Python<'_>) -> PyResult<Vec<(String, String)>> {
        let parts = self.parts.clone();
        let pictures = listening(py, move |_| parts.with(|report| Ok(report.pictures()?)))?;
        Ok(pictures.into_iter().map(|own| (own.name, own.svg)).collect())
    }

    fn save(&self, py: Python<'_>, path: PathBuf, force: bool) -> PyResult<()> {
        let (parts, html) = (self.parts.clone(), self.html.clone());
        listening(py, move |run| {
            let place = Place::of(&path, force)?;
            Ok(place.write(page(&parts, &html)?.as_bytes(), run)?)
        })
    }

    fn save_svg(&self, py: Python<'_>, folder: PathBuf, force: bool) -> PyResult<()> {
        let parts = self.parts.clone();
        listening(py, move |run| parts.with(|report| Ok(report.write_pictures(Some(&folder), None, force, run)?)))
    }

    fn save_png(&self, py: Python<'_>, folder: PathBuf, force: bool) -> PyResult<()> {
        let parts = self.parts.clone();
        listening(py, move |run| parts.with(|report| Ok(report.write_pictures(None, Some(&folder), force, run)?)))
    }
}
