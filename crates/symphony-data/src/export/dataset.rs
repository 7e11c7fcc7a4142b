//! The Hugging Face Hub: a dataset of Parquet files with its card, Croissant and the tasks that Inspect runs.
//!
//! Each benchmark has a file with its rows' own fields as columns. Everything of ours is in columns whose names begin with
//! `symphony`, which no row has: where one has, underscores follow the word.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::PathBuf,
    sync::Arc,
};

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

use super::{
    About, ExportError, Place, Sample, Source, Writer, card, croissant, eval_yaml,
    shape::{Columns, Kind, RowShape, Value},
};
use crate::{
    TOOL,
    config::check_name,
    disk::{DiskError, NewFile, WrittenFile},
    format::parquet::cannot_write,
    prompt::{Grade, Prompt},
    task::Text,
};

/// How many tasks one record batch holds.
const TASKS_AT_ONCE: usize = 1024;
/// How many bytes of rows end a record batch before that.
const BYTES_AT_ONCE: usize = 32 << 20;
/// How many bytes all files together hold back before they write groups of rows.
const GROUP_BYTES: usize = 256 << 20;
/// How many bytes a file may always hold back.
const LEAST_BYTES: usize = 4 << 20;
/// How many labels of choices are listed in a pattern. With more, any word may be a label.
const MAX_LABELS: usize = 64;

/// Writes `data/*.parquet`, README.md, croissant.json and eval.yaml.
pub(super) struct Hf {
    /// The name of the file of all tasks.
    all: &'static str,
    benchmarks: BTreeMap<String, Part>,
    pool: Option<Table>,
    names: Names,
}

/// The part of one benchmark.
#[derive(Default)]
struct Part {
    shape: RowShape,
    /// Whether its tasks have a question.
    is_asked: bool,
    /// The name of its config and of its file.
    config: String,
    /// The fields of its rows; `None` if only JSON text can hold the rows.
    fields: Option<Vec<(String, Kind)>>,
    /// The columns that are ours.
    ours: Vec<(String, Kind)>,
    table: Option<Table>,
    grading: Option<Grading>,
}

/// How the answers of a benchmark are graded.
#[derive(Debug)]
pub(super) enum Grading {
    /// The same number.
    Number,
    /// The same text.
    Exact,
    /// One of these labels; `None` if there are too many to list.
    Choice(Option<BTreeSet<String>>),
    /// By tests.
    Code,
}

/// The names of our columns.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub ids: String,
    pub input: String,
    pub target: String,
    pub row: String,
}

/// A config of the dataset: a file and its columns.
pub(super) struct Config {
    /// Its name.
    pub name: String,
    /// The benchmark; `None` for all tasks.
    pub benchmark: Option<String>,
    /// Its file, from the folder of the export.
    pub path: String,
    pub columns: Vec<(String, Kind)>,
    pub written: WrittenFile,
    /// How answers are graded, if its tasks have a question.
    pub grading: Option<Grading>,
}

impl Names {
    /// Names that no row of the benchmarks has.
    fn new(benchmarks: &BTreeMap<String, Part>) -> Self {
        let mut ids = "symphony".to_owned();
        loop {
            let of = |what: &str| format!("{ids}_{what}");
            let names = Self { input: of("input"), target: of("target"), row: of("row"), ids: ids.clone() };
            let all = [&names.ids, &names.input, &names.target, &names.row];
            if !benchmarks.values().any(|part| all.into_iter().any(|name| part.shape.has(name))) {
                return names;
            }
            ids.push('_');
        }
    }
}

impl Hf {
    pub fn new(source: &Source) -> Self {
        Self {
            all: if source.is_pool() { "pool" } else { "all" },
            benchmarks: BTreeMap::new(),
            pool: None,
            names: Names::new(&BTreeMap::new()),
        }
    }

    /// Chooses names and columns, and begins the file of all tasks.
    fn begin(&mut self, place: &mut Place<'_>) -> Result<(), ExportError> {
        self.names = Names::new(&self.benchmarks);
        let mut taken: HashSet<String> = ["default", "pool", "all"].map(str::to_owned).into();
        for (benchmark, part) in &mut self.benchmarks {
            part.config = config_name(benchmark, &mut taken);
            part.fields = part.shape.fields();
            if part.fields.is_none() {
                part.ours.push((self.names.row.clone(), Kind::Json));
            }
            part.ours.push((self.names.ids.clone(), ids_kind()));
            if part.is_asked {
                part.ours.push((self.names.input.clone(), Kind::Text));
                part.ours.push((self.names.target.clone(), Kind::Text));
            }
        }
        self.pool = Some(Table::new(
            &[],
            &self.columns(),
            place.create(&format!("data/{}.parquet", self.all))?,
            self.benchmarks.len() + 1,
        )?);
        Ok(())
    }

    /// The columns of the file of all tasks.
    fn columns(&self) -> Vec<(String, Kind)> {
        let text = |name: &str| (name.to_owned(), Kind::Text);
        let json = |name: &str| (name.to_owned(), Kind::Json);
        let float = |name: &str| (name.to_owned(), Kind::Float);
        let mut columns = vec![
            text("task_id"),
            text("benchmark"),
            float("difficulty_score"),
            text("difficulty_bin"),
            text("source_id"),
            text("identity"),
            ("phase".to_owned(), Kind::Integer),
            float("weight"),
            json("raw_data"),
            json("scorer_metadata"),
        ];
        if self.benchmarks.values().any(|part| part.is_asked) {
            columns.extend([text("input"), text("target")]);
        }
        columns
    }
}

impl Writer for Hf {
    fn looks(&self) -> bool {
        true
    }

    fn look(&mut self, sample: &Sample<'_>) -> Result<(), ExportError> {
        let benchmark = sample.task.benchmark;
        if !self.benchmarks.contains_key(benchmark) {
            self.benchmarks.insert(benchmark.to_owned(), Part::default());
        }
        if let Some(part) = self.benchmarks.get_mut(benchmark) {
            part.shape.look(sample.task.raw_data.get());
            // A benchmark that cannot be asked stays so.
            part.is_asked = sample.question().is_ok();
        }
        Ok(())
    }

    fn take(&mut self, sample: &Sample<'_>, place: &mut Place<'_>) -> Result<(), ExportError> {
        if self.pool.is_none() {
            self.begin(place)?;
        }
        let (ids, task) = (sample.ids(), &sample.task);
        let tables = self.benchmarks.len() + 1;
        let question = sample.question().ok();
        let bytes = task.raw_data.get().len() + task.scorer_metadata.get().len();
        if let Some(pool) = &mut self.pool {
            let text = |text| Value::Text(Some(text));
            let task_id = ids.task_id.to_string();
            let values = [
                text(&task_id),
                text(ids.benchmark),
                Value::Float(ids.difficulty_score),
                text(ids.difficulty_bin),
                Value::Text(ids.source_id.map(Text::as_str)),
                Value::Text(ids.identity.map(Text::as_str)),
                Value::Integer(ids.phase.map(i64::from)),
                Value::Float(ids.weight),
                text(task.raw_data.get()),
                text(task.scorer_metadata.get()),
                Value::Text(question.map(|(_, asked)| asked.input.as_str())),
                Value::Text(question.map(|(_, asked)| asked.target.as_str())),
            ];
            pool.take(None, &values, bytes)?;
        }
        let Some(part) = self.benchmarks.get_mut(task.benchmark) else { return Ok(()) };
        if let Some((prompt, asked)) = question {
            let labels = asked.choices.iter().map(|choice| choice.label.as_str());
            part.grading.get_or_insert_with(|| Grading::of(prompt)).add(labels);
        }
        let table = match &mut part.table {
            Some(table) => table,
            none => {
                let file = place.create(&format!("data/{}.parquet", part.config))?;
                none.insert(Table::new(part.fields.as_deref().unwrap_or_default(), &part.ours, file, tables)?)
            }
        };
        let row = task.raw_data.get().trim();
        let ids = serde_json::to_string(&ids).unwrap_or_default();
        let mut values = Vec::with_capacity(4);
        if part.fields.is_none() {
            values.push(Value::Text(Some(row)));
        }
        values.push(Value::Json(&ids));
        if let Some((prompt, asked)) = question {
            values.push(Value::Text(Some(&asked.input)));
            values.push(Value::Text(Some(eval_yaml::plain(&asked.target, &prompt.grade))));
        }
        table.take(part.fields.as_ref().map(|_| row), &values, bytes)
    }

    fn finish(self: Box<Self>, about: &About<'_>, place: &mut Place<'_>) -> Result<String, ExportError> {
        let columns = self.columns();
        let Self { all, benchmarks, pool, names } = *self;
        let mut configs = Vec::new();
        let mut add = |name: &str, benchmark, file: &str, columns, table: Option<Table>, grading| {
            let Some(table) = table else { return Ok(()) };
            let path = format!("data/{file}.parquet");
            let written = place.add(&path, table.finish()?)?;
            configs.push(Config { name: name.to_owned(), benchmark, path, columns, written, grading });
            Ok::<(), ExportError>(())
        };
        add("default", None, all, columns, pool, None)?;
        for (benchmark, part) in benchmarks {
            let columns = part.fields.into_iter().flatten().chain(part.ours).collect();
            add(&part.config, Some(benchmark), &part.config, columns, part.table, part.grading)?;
        }
        let tasks = eval_yaml::text(about, &configs, &names);
        if let Some(tasks) = &tasks {
            place.text("eval.yaml", tasks)?;
        }
        place.text("croissant.json", &croissant::text(about, &configs, &names))?;
        place.text("README.md", &card::text(about, &configs, &names))?;
        Ok(card::UPLOAD.to_owned())
    }
}

impl Grading {
    fn of(prompt: &Prompt) -> Self {
        match prompt.grade {
            Grade::Number => Self::Number,
            Grade::Exact => Self::Exact,
            Grade::Choice => Self::Choice(Some(BTreeSet::new())),
            Grade::Code(_) => Self::Code,
        }
    }

    /// Adds the labels that a task has.
    fn add<'l>(&mut self, labels: impl Iterator<Item = &'l str>) {
        let Self::Choice(known) = self else { return };
        for label in labels {
            let Some(all) = known else { return };
            if !all.contains(label) {
                all.insert(label.to_owned());
            }
            if all.len() > MAX_LABELS {
                *known = None;
            }
        }
    }
}

/// The ids, bin and score of a task, in the order of [`Sample::ids`].
fn ids_kind() -> Kind {
    let text = |name: &str| (name.to_owned(), Kind::Text);
    let float = |name: &str| (name.to_owned(), Kind::Float);
    Kind::Struct(vec![
        text("task_id"),
        text("benchmark"),
        text("source_id"),
        text("identity"),
        text("difficulty_bin"),
        float("difficulty_score"),
        ("phase".to_owned(), Kind::Integer),
        float("weight"),
    ])
}

/// The name of a benchmark's config and file. It is the benchmark's own where file systems, the Hub and Croissant take it;
/// pools of other programs may have any name.
fn config_name(benchmark: &str, taken: &mut HashSet<String>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
    let mut name: String = benchmark.chars().map(plain).take(60).collect();
    if check_name(&name).is_err() || name.ends_with(".parquet") {
        name = format!("b_{}", name.replace('.', "_"));
    }
    // Some file systems take `A` and `a` for one.
    let free = |name: &str| !taken.contains(&name.to_ascii_lowercase());
    let numbered = (2_u64..).map(|number| format!("{name}_{number}"));
    let name = std::iter::once(name.clone()).chain(numbered).find(|name| free(name)).unwrap_or(name);
    taken.insert(name.to_ascii_lowercase());
    name
}

/// A Parquet file that is being written.
struct Table {
    writer: ArrowWriter<NewFile>,
    path: PathBuf,
    schema: SchemaRef,
    /// The columns for the fields of rows.
    fields: Columns,
    /// The columns behind them.
    ours: Columns,
    rows: usize,
    bytes: usize,
    group_bytes: usize,
}

impl Table {
    /// One of so many tables that are written at once.
    fn new(
        fields: &[(String, Kind)],
        ours: &[(String, Kind)],
        file: NewFile,
        tables: usize,
    ) -> Result<Self, DiskError> {
        let (fields, ours) = (Columns::new(fields), Columns::new(ours));
        let all: Vec<Arc<Field>> = fields.fields().iter().chain(ours.fields()).cloned().collect();
        let schema = Arc::new(Schema::new(all));
        let path = file.path().to_owned();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(TOOL.to_owned())
            .build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties));
        let writer = writer.map_err(|error| cannot_write(&path, error))?;
        Ok(Self {
            writer,
            path,
            schema,
            fields,
            ours,
            rows: 0,
            bytes: 0,
            group_bytes: (GROUP_BYTES / tables.max(1)).clamp(LEAST_BYTES, GROUP_BYTES / 4),
        })
    }

    /// Takes a row, and the values behind it; together about so many bytes.
    fn take(&mut self, row: Option<&str>, values: &[Value<'_>], bytes: usize) -> Result<(), ExportError> {
        self.fields.push(row);
        self.ours.add(values);
        self.rows += 1;
        self.bytes += bytes;
        if self.rows == TASKS_AT_ONCE || self.bytes >= BYTES_AT_ONCE.min(self.group_bytes) {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        (self.rows, self.bytes) = (0, 0);
        let failed = |error| cannot_write(&self.path, error);
        let mut columns = self.fields.finish().map_err(|error| failed(error.into()))?;
        columns.extend(self.ours.finish().map_err(|error| failed(error.into()))?);
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(|error| failed(error.into()))?;
        self.writer.write(&batch).map_err(failed)?;
        if self.writer.in_progress_size() > self.group_bytes {
            self.writer.flush().map_err(failed)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<NewFile, DiskError> {
        self.flush()?;
        self.writer.into_inner().map_err(|error| cannot_write(&self.path, error))
    }
}
