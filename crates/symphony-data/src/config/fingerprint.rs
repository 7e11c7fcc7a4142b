//! The fingerprint of a benchmark: what decides the content of its store.

use serde_json::json;

use super::Benchmark;
use crate::disk::checksum;

/// Raised when the same source and rule would give another store than before.
const FORMAT: u32 = 2;

impl Benchmark {
    /// `sha256:` over everything in a benchmark's configuration that decides what its store holds: source, identity and rule.
    pub fn fingerprint(&self) -> String {
        let mut covered = json!({
            "format": FORMAT,
            "path": self.source.portable(),
            "split": self.split,
            "configs": self.configs,
            "config_field": self.config_field,
            "revision": self.revision,
            "identity": self.identity,
            "rule": self.rule,
        });
        // Only where they are set, so that stores made before there were such keys stay current.
        if let Some(rows) = &self.rows {
            covered["rows"] = rows.as_str().into();
        }
        if let Some(columns) = &self.columns {
            covered[columns.key()] = json!(columns.names());
        }
        checksum::sha256_of(covered.to_string().as_bytes())
    }
}
