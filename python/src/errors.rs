//! The library's errors as Python's exceptions, which `symphony_data._errors` defines.

use std::io::ErrorKind;

use pyo3::{exceptions::PyKeyboardInterrupt, prelude::*};
use symphony_data::{
    Error, Hint,
    compare::CompareError,
    disk::DiskError,
    draw::{DifficultyError, DrawError},
    evidence::EvidenceError,
    export::ExportError,
    pool::PoolError,
    preprocess::PreprocessError,
    progress::printable,
    report::ReportError,
    results::power::PowerError,
    source::SourceError,
    store::StoreError,
    yaml::{Problem, Problems},
};

/// The name of a configuration or of experiments that were given as a dict. Their problems are named by key alone, as the user
/// has no text with lines.
pub const DICT: &str = "<dict>";

/// The exception `class` of `symphony_data._errors` with this message. Python prints it as it is, so control characters,
/// which could steer a terminal, are escaped here.
pub fn exception(py: Python<'_>, class: &str, message: &str) -> PyErr {
    let made = || -> PyResult<PyErr> {
        let class = py.import("symphony_data._errors")?.getattr(class)?;
        Ok(PyErr::from_value(class.call1((printable(message),))?))
    };
    made().unwrap_or_else(|error| error)
}

/// The problems of a request, as opposed to those of a configuration.
pub fn bad_request(py: Python<'_>, problems: &Problems) -> PyErr {
    exception(py, "RequestError", &lines(problems))
}

/// The exception of an error of the library.
pub fn raised(py: Python<'_>, error: &Error) -> PyErr {
    if error.is_stop() {
        return PyKeyboardInterrupt::new_err(printable(&error.to_string()).into_owned());
    }
    if let Error::Config(problems) = error {
        return exception(py, "ConfigError", &lines(problems));
    }
    let exception = exception(py, class_of(error), &with_hints(error));
    exception.set_cause(py, cause(error).map(|cause| cause.clone_ref(py)));
    exception
}

/// The message of an error with its remedies, in the words of Python.
fn with_hints(error: &Error) -> String {
    let remedies: Vec<String> = error.hints().iter().map(said).collect();
    if remedies.is_empty() { error.to_string() } else { format!("{error}; {}", remedies.join(", or ")) }
}

fn said(hint: &Hint) -> String {
    match hint {
        Hint::Preprocess { folder, force, .. } => {
            let force = if *force { ", force_reprocess=True" } else { "" };
            format!("call preprocess_all_benchmarks({:?}{force})", folder.to_string_lossy())
        }
        Hint::FindDuplicates { folder, .. } => {
            format!("look for them: duplicates(full_dir={:?})", folder.display().to_string())
        }
        Hint::NameConfig => "make the builder from the configuration that it was made with".to_owned(),
        Hint::ReplaceStore { folder, .. } => {
            format!("replace it: preprocess_all_benchmarks({:?})", folder.to_string_lossy())
        }
        Hint::NameStores => "name the folder that has it: full_dir=…".to_owned(),
        Hint::SkipBadRows => "set such rows aside: preprocess with on_bad_row=\"skip\"".to_owned(),
        Hint::Unlock => "leave out locked=True to take the source as it is now".to_owned(),
        Hint::Renew => "take what it has now: preprocess_all_benchmarks(force_reprocess=True)".to_owned(),
        Hint::Demo => "work on generated tasks: a benchmark with `path: synthetic:NAME`, or demo=True".to_owned(),
        Hint::Replace => "name another folder, or replace it: force=True".to_owned(),
        Hint::ReplaceFile => "name another file, or replace it: force=True".to_owned(),
        Hint::Filter(name) => format!("write filter={name:?}"),
        Hint::Metric(name) => format!("write metric={name:?}"),
        Hint::NameModels => {
            "give tables with a column `model`, or files whose names or folders say the model".to_owned()
        }
    }
}

/// The exception of a registered feature, where a row has no score because of it.
fn cause(error: &Error) -> Option<&PyErr> {
    let mut error = match error {
        Error::Preprocess(error) => error,
        Error::Evidence(EvidenceError::Preprocess(error)) => error,
        _ => return None,
    };
    while let PreprocessError::Rebuild { error: inner, .. } | PreprocessError::InShard { error: inner, .. } = error {
        error = inner;
    }
    let PreprocessError::BadRow { fault, .. } = error else { return None };
    fault.cause.as_ref()?.0.downcast_ref()
}

/// A file, a folder or a store that was named and does not exist has one class, whatever it was named for.
fn class_of(error: &Error) -> &'static str {
    match error {
        Error::Compare(CompareError::NoFile { .. })
        | Error::Draw(DrawError::Difficulty(DifficultyError::Absent { .. }))
        | Error::Evidence(EvidenceError::Difficulty(DifficultyError::Absent { .. }))
        | Error::Export(ExportError::Nothing { .. } | ExportError::NoBenchmark { .. })
        | Error::Pool(PoolError::Missing { .. }) => "MissingDataError",
        Error::Store(error) if is_missing(error) => "MissingDataError",
        Error::Disk(error) | Error::Pool(PoolError::Disk(error)) if is_absent(error) => "MissingDataError",
        Error::Evidence(error) => of_evidence(error),
        Error::Export(ExportError::NotAsked { .. } | ExportError::NoPrompt { .. }) => "ConfigError",
        Error::Compare(CompareError::Other(_)) => "SourceError",
        Error::Power(PowerError::NoModel { .. } | PowerError::NoPairs) => "ResponseError",
        Error::Results(_)
        | Error::Compare(_)
        | Error::Draw(_)
        | Error::Export(_)
        | Error::Pool(PoolError::Empty { .. })
        | Error::Power(_)
        | Error::Report(ReportError::NoPool | ReportError::NoFile { .. } | ReportError::InTheWay { .. }) => {
            "RequestError"
        }
        Error::Preprocess(error) => of_preprocessing(error),
        _ => "SymphonyDataError",
    }
}

fn of_evidence(error: &EvidenceError) -> &'static str {
    match error {
        EvidenceError::Store(error) if is_missing(error) => "MissingDataError",
        EvidenceError::Pool(PoolError::Missing { .. }) => "MissingDataError",
        EvidenceError::Disk(error) | EvidenceError::Pool(PoolError::Disk(error)) if is_absent(error) => {
            "MissingDataError"
        }
        EvidenceError::Preprocess(error) => of_preprocessing(error),
        _ => "ResponseError",
    }
}

fn of_preprocessing(error: &PreprocessError) -> &'static str {
    match error {
        PreprocessError::Rule { .. } => "ConfigError",
        PreprocessError::Rebuild { error, .. } | PreprocessError::InShard { error, .. } => of_preprocessing(error),
        PreprocessError::Store(error) if is_missing(error) => "MissingDataError",
        PreprocessError::Store(_) | PreprocessError::Worker { .. } | PreprocessError::Job { .. } => "SymphonyDataError",
        PreprocessError::Source { error: SourceError::NoFile { .. } | SourceError::NoFileAt { .. }, .. } => {
            "MissingSourceError"
        }
        PreprocessError::Source { error: SourceError::Read { error, .. }, .. }
            if error.kind() == ErrorKind::NotFound =>
        {
            "MissingSourceError"
        }
        _ => "SourceError",
    }
}

fn is_missing(error: &StoreError) -> bool {
    match error {
        StoreError::Missing { .. } => true,
        StoreError::Disk(error) => is_absent(error),
        StoreError::Stale { .. } | StoreError::Foreign { .. } => false,
    }
}

fn is_absent(error: &DiskError) -> bool {
    error.error.kind() == ErrorKind::NotFound
}

fn lines(problems: &Problems) -> String {
    let line = |problem: &Problem| {
        let line = problem.to_string();
        if problem.place.file.as_deref() != Some(DICT) {
            return line;
        }
        let line = line.strip_prefix(&problem.place.to_string()).unwrap_or(&line);
        if problem.field.is_empty() { format!("the dict: {line}") } else { line.to_owned() }
    };
    problems.0.iter().map(line).collect::<Vec<_>>().join("\n")
}
