//! `croissant.json`: the dataset's files, columns and licences in Croissant 1.1, which search engines and loaders read.

use serde_json::{Map, Value, json};

use super::{
    About, card,
    dataset::{Config, Names},
    shape::Kind,
};
use crate::TOOL;

/// The context of Croissant 1.1, with the keys that its reference implementation expects.
const CONTEXT: &str = include_str!("templates/croissant_context.json");
/// An export reads no clock, so that the same pool gives the same bytes. Croissant wants a date: this one shows that it is
/// not known. The card says so.
const NO_DATE: &str = "1970-01-01";

/// The description of a dataset.
pub(super) fn text(about: &About<'_>, configs: &[Config], names: &Names) -> String {
    let mut citations: Vec<&str> =
        card::known(about).filter_map(|(_, benchmark)| benchmark.citation.as_deref()).collect();
    citations.dedup();
    let cite_as = if citations.is_empty() {
        format!("{}: {} tasks, written by {TOOL}", about.name, about.tasks)
    } else {
        citations.join("\n\n")
    };
    let files: Vec<Value> = configs.iter().map(file).collect();
    let sets: Vec<Value> = configs.iter().map(|config| record_set(config, names)).collect();
    let context: Value = serde_json::from_str(CONTEXT).unwrap_or_default();
    let text = json!({
        "@context": context,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": about.name,
        "description": card::description(about),
        "license": licenses(about),
        "url": "./",
        "creator": {"@type": "sc:Organization", "name": TOOL},
        "datePublished": NO_DATE,
        "version": "1.0.0",
        "citeAs": cite_as,
        "keywords": card::TAGS,
        "distribution": files,
        "recordSet": sets,
    });
    serde_json::to_string_pretty(&text).unwrap_or_default() + "\n"
}

/// The licences that are known. The card says the rest.
fn licenses(about: &About<'_>) -> Value {
    let mut licenses: Vec<&str> =
        card::known(about).filter_map(|(_, benchmark)| benchmark.license.as_deref()).collect();
    let all = licenses.len() == about.benchmarks().len();
    licenses.sort_unstable();
    licenses.dedup();
    if !all {
        licenses.push("README.md");
    }
    licenses.into()
}

/// No config ends in `.parquet`, so that the ids of files are no ids of fields.
fn file_id(config: &Config) -> String {
    format!("{}.parquet", config.name)
}

fn file(config: &Config) -> Value {
    let sha256 = config.written.checksum.strip_prefix("sha256:").unwrap_or_default();
    json!({
        "@type": "cr:FileObject",
        "@id": file_id(config),
        "name": file_id(config),
        "contentUrl": config.path,
        // The registered name, application/vnd.apache.parquet, is known to no loader.
        "encodingFormat": "application/x-parquet",
        "contentSize": format!("{} B", config.written.bytes),
        "sha256": sha256,
    })
}

fn record_set(config: &Config, names: &Names) -> Value {
    let fields = config.columns.iter().map(|(name, kind)| {
        let id = format!("{}/{}", config.name, id_of(name));
        field(&id, name, kind, &Column { file: file_id(config), name, path: Vec::new() })
    });
    let (key, description) = match &config.benchmark {
        None => ("task_id".to_owned(), "All tasks, in order.".to_owned()),
        Some(benchmark) => (format!("{}/task_id", names.ids), format!("The tasks of {benchmark}, in order.")),
    };
    json!({
        "@type": "cr:RecordSet",
        "@id": config.name,
        "name": config.name,
        "description": description,
        "key": {"@id": format!("{}/{key}", config.name)},
        "field": fields.collect::<Vec<_>>(),
    })
}

/// Where the values of a field stand: a column, and the keys that lead to them in it.
struct Column<'c> {
    file: String,
    name: &'c str,
    path: Vec<&'c str>,
}

fn field<'c>(id: &str, name: &str, kind: &'c Kind, column: &Column<'c>) -> Value {
    let mut field = Map::new();
    field.insert("@type".to_owned(), "cr:Field".into());
    field.insert("@id".to_owned(), id.into());
    field.insert("name".to_owned(), name.into());
    let (mut items, mut dimensions) = (kind, 0);
    while let Kind::List(inner) = items {
        (items, dimensions) = (inner, dimensions + 1);
    }
    if dimensions > 0 {
        field.insert("isArray".to_owned(), true.into());
        field.insert("arrayShape".to_owned(), vec!["-1"; dimensions].join(",").into());
    }
    let data_type = match items {
        Kind::Struct(fields) => {
            let inner = fields.iter().map(|(name, kind)| {
                let path = column.path.iter().copied().chain([name.as_str()]).collect();
                let column = Column { file: column.file.clone(), name: column.name, path };
                self::field(&format!("{id}/{}", id_of(name)), name, kind, &column)
            });
            field.insert("subField".to_owned(), inner.collect());
            return Value::Object(field);
        }
        Kind::Boolean => "sc:Boolean",
        Kind::Integer => "sc:Integer",
        Kind::Float => "sc:Float",
        _ => "sc:Text",
    };
    if *items == Kind::Json {
        field.insert("description".to_owned(), "JSON text.".into());
    }
    field.insert("dataType".to_owned(), data_type.into());
    let mut source = json!({"fileObject": {"@id": column.file}, "extract": {"column": column.name}});
    let steps: Vec<Value> = column.path.iter().map(|key| json!({"jsonPath": json_path(key)})).collect();
    if !steps.is_empty() {
        source["transform"] = steps.into();
    }
    field.insert("source".to_owned(), source);
    Value::Object(field)
}

/// No key has both kinds of quotes: such objects are kept as JSON text.
fn json_path(key: &str) -> String {
    if key.contains('\'') { format!("$[\"{key}\"]") } else { format!("$['{key}']") }
}

/// A name as a part of an id, which ids of other names do not have.
fn id_of(name: &str) -> String {
    let part = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    name.bytes().map(part).collect()
}
