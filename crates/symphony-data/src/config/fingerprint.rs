//! The fingerprint of a benchmark: a checksum of all settings that decide the content of its store.

use serde_json::json;

use super::Benchmark;
use crate::disk::checksum;

/// Raised when a new version makes a different store from the same source and rule.
const FORMAT: u32 = 2;

impl Benchmark {
    /// `sha256:` and 64 hex digits, over all settings that decide the content of the store: source, identity and rule.
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
        // Only where they are set, so that stores of versions without these keys stay up to date.
        if let Some(rows) = &self.rows {
            covered["rows"] = rows.as_str().into();
        }
        if let Some(columns) = &self.columns {
            covered[columns.key()] = json!(columns.names());
        }
        checksum::sha256_of(covered.to_string().as_bytes())
    }
}
