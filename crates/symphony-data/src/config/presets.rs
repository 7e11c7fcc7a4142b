//! The presets: benchmarks that are configured by their name alone.

use crate::yaml::Node;

/// The presets, by name, in YAML with the keys of a user's benchmark. In their prompts the question comes last, so that it
/// is found again in a log that names no rows.
const PRESETS: [(&str, &str); 6] = [
    ("humaneval", include_str!("presets/humaneval.yaml")),
    ("gsm8k", include_str!("presets/gsm8k.yaml")),
    ("bbh", include_str!("presets/bbh.yaml")),
    ("amc", include_str!("presets/amc.yaml")),
    ("medical_qa", include_str!("presets/medical_qa.yaml")),
    ("amc_length", include_str!("presets/amc_length.yaml")),
];

pub(super) fn preset(name: &str) -> Option<Node> {
    let (_, text) = PRESETS.iter().find(|(known, _)| *known == name)?;
    Node::parse(&format!("preset {name}"), text).ok()
}

pub(super) fn preset_names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}
