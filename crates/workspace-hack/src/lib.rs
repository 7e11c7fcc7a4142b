//! Nothing: this crate exists for the features that its Cargo.toml lists.
