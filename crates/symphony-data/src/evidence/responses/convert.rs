//! Writes responses of any form in our own.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use serde::Serialize;

use super::{
    catalogue::Catalogue,
    folder,
    read::{Gathered, Input, ReadOptions, read_into},
    sink::{Taken, Tap, Unmapped},
};
use crate::{
    TOOL,
    disk::{DiskError, Folder, NewFile},
    evidence::EvidenceError,
    format::{Format, compression, parquet::cannot_write},
    progress::Progress,
};

/// The number of answers in a batch of Parquet.
const ANSWERS_AT_ONCE: usize = 8192;
/// The level of Zstandard; 3 is its own default.
const ZSTD_LEVEL: i32 = 3;

/// How a file of our own form is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnForm {
    table: Table,
    compression: Option<compression::Compression>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Jsonl,
    Csv,
    Parquet,
}

impl OwnForm {
    /// The form by the ending of a file's name: `.jsonl`, `.csv` or `.parquet`; the first two may be followed by `.gz` or
    /// `.zst`. `None` for any other ending.
    pub fn of(path: &Path) -> Option<Self> {
        let table = match Format::of(path)? {
            Format::Jsonl => Table::Jsonl,
            Format::Csv => Table::Csv,
            Format::Parquet => Table::Parquet,
            _ => return None,
        };
        let compression = compression::Compression::named(path);
        (table != Table::Parquet || compression.is_none()).then_some(Self { table, compression })
    }
}

/// The answers to one benchmark that were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConvertedBenchmark {
    /// The benchmark.
    pub benchmark: String,
    /// The number of models.
    pub models: usize,
    /// The number of rows with answers.
    pub rows: usize,
    /// The number of answers, each on a line of its own.
    pub answers: u64,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// The benchmarks, sorted by name.
    pub benchmarks: Vec<ConvertedBenchmark>,
    /// The answers that could not be mapped to a row, by reason. They were not written.
    pub unmapped: Vec<Unmapped>,
}

/// Reads responses of any form and writes them to `output` in our own form, one line for each answer as it was read, in the
/// order of the inputs. The file is written whole or not at all.
///
/// # Errors
/// As for [`read()`](super::read()); also if the ending of `output` is unknown, `output` is one of the inputs, or the file
/// cannot be written.
pub fn convert(
    inputs: &[Input],
    catalogue: &mut Catalogue<'_>,
    options: &ReadOptions,
    output: &Path,
    progress: &dyn Progress,
) -> Result<Converted, EvidenceError> {
    let form = OwnForm::of(output).ok_or_else(|| EvidenceError::OutputForm { path: output.to_owned() })?;
    let expanded = folder::expanded(inputs, catalogue.names(), progress)?;
    if let Ok(existing) = output.canonicalize() {
        let is_output = |input: &Input| matches!(input, Input::File { path, .. } if path.canonicalize().is_ok_and(|path| path == existing));
        if expanded.inputs.iter().any(is_output) {
            return Err(EvidenceError::OutputIsInput { path: output.to_owned() });
        }
        // The files of a store begin with its benchmark and `_full`.
        let folder = catalogue.folder().and_then(|folder| folder.canonicalize().ok());
        let name = output.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_store =
            |benchmark: &String| name.strip_prefix(benchmark.as_str()).is_some_and(|rest| rest.starts_with("_full"));
        if existing.parent() == folder.as_deref() && catalogue.names().iter().any(is_store) {
            return Err(EvidenceError::OutputIsStore { path: output.to_owned() });
        }
        if existing.is_dir() {
            let error = io::ErrorKind::IsADirectory.into();
            return Err(DiskError::writing(output, "write this file", error).into());
        }
    }
    let mut writer = Writer { output: output.to_owned(), form, progress, open: None, answers: BTreeMap::new() };
    let gathered = read_into(Some(&mut writer), expanded, catalogue, options, progress)?;
    let Gathered { benchmarks, unmapped, .. } = gathered;
    let answers = writer.finish()?;
    let benchmarks = benchmarks.iter().map(|responses| ConvertedBenchmark {
        benchmark: responses.benchmark().to_owned(),
        models: responses.models().len(),
        rows: (0..responses.rows()).filter(|row| responses.answers(*row).len() > 0).count(),
        answers: answers.get(responses.benchmark()).copied().unwrap_or_default(),
    });
    Ok(Converted { benchmarks: benchmarks.collect(), unmapped })
}

/// A line of our own form.
#[derive(Serialize)]
struct Line<'l> {
    benchmark: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_id: Option<String>,
    identity: String,
    model: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<&'l str>,
    score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<f64>,
}

/// The columns of our own form, in order.
const COLUMNS: [&str; 9] =
    ["benchmark", "source_id", "identity", "model", "family", "score", "tries", "cost", "tokens"];

impl<'l> Line<'l> {
    fn of(answer: &Taken<'l>) -> Self {
        let Taken { benchmark, shelf, rows, found } = answer;
        // Without a source_id, an identity stands for all copies of a task.
        let source_id = if let [row] = rows { Some(shelf.source_id(*row)) } else { None };
        Self {
            benchmark,
            source_id,
            identity: rows.first().map(|row| shelf.identity(*row)).unwrap_or_default(),
            model: found.model,
            family: found.family,
            score: found.score,
            tries: found.tries,
            cost: found.cost,
            tokens: found.tokens,
        }
    }

    /// The line as CSV.
    fn csv(&self) -> String {
        let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        let cells = [
            quoted(self.benchmark),
            quoted(self.source_id.as_deref().unwrap_or_default()),
            self.identity.clone(),
            quoted(self.model),
            quoted(self.family.unwrap_or_default()),
            self.score.to_string(),
            self.tries.map(|tries| tries.to_string()).unwrap_or_default(),
            number(self.cost),
            number(self.tokens),
        ];
        cells.join(",") + "\n"
    }
}

/// A cell of CSV, in quotes where it needs them.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// Writes the answers of the second pass.
struct Writer<'w> {
    output: PathBuf,
    form: OwnForm,
    progress: &'w dyn Progress,
    open: Option<(Folder, Out)>,
    /// The number of answers to each benchmark.
    answers: BTreeMap<String, u64>,
}

/// A file that is being written.
enum Out {
    Text(Box<Text>),
    Parquet(Box<Parquet>),
}

/// The bytes of a text, compressed or not.
enum Text {
    Plain(NewFile),
    Gzip(flate2::write::GzEncoder<NewFile>),
    Zstd(zstd::Encoder<'static, NewFile>),
}

impl Text {
    fn of(file: NewFile, compression: Option<compression::Compression>) -> io::Result<Self> {
        Ok(match compression {
            None => Self::Plain(file),
            Some(compression::Compression::Gzip) => {
                Self::Gzip(flate2::write::GzEncoder::new(file, flate2::Compression::default()))
            }
            Some(compression::Compression::Zstd) => Self::Zstd(zstd::Encoder::new(file, ZSTD_LEVEL)?),
        })
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(bytes),
            Self::Gzip(file) => file.write_all(bytes),
            Self::Zstd(file) => file.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<NewFile> {
        match self {
            Self::Plain(file) => Ok(file),
            Self::Gzip(file) => file.finish(),
            Self::Zstd(file) => file.finish(),
        }
    }
}

/// Answers on their way to a Parquet file, column by column.
struct Parquet {
    writer: Option<ArrowWriter<NewFile>>,
    file: Option<NewFile>,
    columns: Columns,
}

#[derive(Default)]
struct Columns {
    benchmark: Vec<String>,
    source_id: Vec<Option<String>>,
    identity: Vec<String>,
    model: Vec<String>,
    family: Vec<Option<String>>,
    score: Vec<f64>,
    tries: Vec<Option<u32>>,
    cost: Vec<Option<f64>>,
    tokens: Vec<Option<f64>>,
}

impl Columns {
    fn push(&mut self, line: Line<'_>) {
        self.benchmark.push(line.benchmark.to_owned());
        self.source_id.push(line.source_id);
        self.identity.push(line.identity);
        self.model.push(line.model.to_owned());
        self.family.push(line.family.map(str::to_owned));
        self.score.push(line.score);
        self.tries.push(line.tries);
        self.cost.push(line.cost);
        self.tokens.push(line.tokens);
    }

    fn batch(self) -> Result<RecordBatch, arrow_schema::ArrowError> {
        let arrays: [ArrayRef; 9] = [
            Arc::new(StringArray::from(self.benchmark)),
            Arc::new(StringArray::from(self.source_id)),
            Arc::new(StringArray::from(self.identity)),
            Arc::new(StringArray::from(self.model)),
            Arc::new(StringArray::from(self.family)),
            Arc::new(Float64Array::from(self.score)),
            Arc::new(UInt32Array::from(self.tries)),
            Arc::new(Float64Array::from(self.cost)),
            Arc::new(Float64Array::from(self.tokens)),
        ];
        RecordBatch::try_from_iter_with_nullable(COLUMNS.iter().zip(arrays).map(|(name, array)| (*name, array, true)))
    }
}

impl Parquet {
    /// Writes the gathered answers; also creates the writer, which needs the schema.
    fn flush(&mut self, path: &Path) -> Result<(), DiskError> {
        let failed = |error| cannot_write(path, error);
        let batch = std::mem::take(&mut self.columns).batch().map_err(|error| failed(error.into()))?;
        if let Some(file) = self.file.take() {
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::default()))
                .set_created_by(TOOL.to_owned())
                .build();
            self.writer = Some(ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(failed)?);
        }
        self.writer.as_mut().map_or(Ok(()), |writer| writer.write(&batch)).map_err(failed)
    }
}

impl Tap for Writer<'_> {
    fn begin(&mut self) -> Result<(), EvidenceError> {
        let parent = self.output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = self.output.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let folder = Folder::lock(parent, self.progress)?;
        let file = folder.create_large(name)?;
        let out = if self.form.table == Table::Parquet {
            Out::Parquet(Box::new(Parquet { writer: None, file: Some(file), columns: Columns::default() }))
        } else {
            let text = Text::of(file, self.form.compression).map_err(|error| self.failed(error))?;
            Out::Text(Box::new(text))
        };
        self.open = Some((folder, out));
        if self.form.table == Table::Csv {
            self.put(&(COLUMNS.join(",") + "\n"))?;
        }
        Ok(())
    }

    fn take(&mut self, answer: &Taken<'_>) -> Result<(), EvidenceError> {
        let line = Line::of(answer);
        match self.answers.get_mut(line.benchmark) {
            Some(answers) => *answers += 1,
            None => _ = self.answers.insert(line.benchmark.to_owned(), 1),
        }
        match &mut self.open {
            Some((_, Out::Parquet(parquet))) => {
                parquet.columns.push(line);
                if parquet.columns.score.len() == ANSWERS_AT_ONCE {
                    parquet.flush(&self.output)?;
                }
                Ok(())
            }
            _ => {
                let text = match self.form.table {
                    Table::Csv => line.csv(),
                    // A line has finite numbers and texts, so it can always be written.
                    _ => serde_json::to_string(&line).unwrap_or_default() + "\n",
                };
                self.put(&text)
            }
        }
    }
}

impl Writer<'_> {
    fn failed(&self, error: io::Error) -> EvidenceError {
        DiskError::writing(&self.output, "write this file", error).into()
    }

    fn put(&mut self, text: &str) -> Result<(), EvidenceError> {
        let put = match &mut self.open {
            Some((_, Out::Text(out))) => out.put(text.as_bytes()),
            _ => Ok(()),
        };
        put.map_err(|error| self.failed(error))
    }

    /// Puts the file in its place, and gives the number of answers to each benchmark.
    fn finish(mut self) -> Result<BTreeMap<String, u64>, EvidenceError> {
        if let Some((folder, out)) = self.open.take() {
            let file = match out {
                Out::Text(text) => text.finish().map_err(|error| self.failed(error))?,
                Out::Parquet(mut parquet) => {
                    parquet.flush(&self.output)?;
                    let Parquet { writer, .. } = *parquet;
                    let Some(writer) = writer else { return Ok(self.answers) };
                    writer.into_inner().map_err(|error| cannot_write(&self.output, error))?
                }
            };
            folder.publish(vec![file], true)?;
        }
        Ok(self.answers)
    }
}
