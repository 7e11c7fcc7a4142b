//! The address of a dataset: the part of a path that follows `datasets:`.

use std::fmt;

use crate::yaml::Refusal;

/// Names from the time when datasets had no owners, and the repositories that have these datasets now.
const OLD_NAMES: [(&str, &str); 20] = [
    ("ai2_arc", "allenai/ai2_arc"),
    ("boolq", "google/boolq"),
    ("commonsense_qa", "tau/commonsense_qa"),
    ("drop", "ucinlp/drop"),
    ("glue", "nyu-mll/glue"),
    ("gsm8k", "openai/gsm8k"),
    ("hellaswag", "Rowan/hellaswag"),
    ("math_qa", "allenai/math_qa"),
    ("mbpp", "google-research-datasets/mbpp"),
    ("openai_humaneval", "openai/openai_humaneval"),
    ("openbookqa", "allenai/openbookqa"),
    ("piqa", "ybisk/piqa"),
    ("race", "ehovy/race"),
    ("sciq", "allenai/sciq"),
    ("squad", "rajpurkar/squad"),
    ("squad_v2", "rajpurkar/squad_v2"),
    ("super_glue", "aps/super_glue"),
    ("trivia_qa", "mandarjoshi/trivia_qa"),
    ("truthful_qa", "truthfulqa/truthful_qa"),
    ("winogrande", "allenai/winogrande"),
];

/// A dataset's repository and, if it has several configs, one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As the user wrote it.
    text: String,
    /// The repository, as `owner/name`; without an owner if the name is an old one that is not known here.
    pub repo: String,
    /// The config.
    pub config: Option<String>,
}

impl Address {
    /// Reads `REPO[/CONFIG]`: an old name first, then `OWNER/NAME`, then `OWNER/NAME/CONFIG`.
    ///
    /// # Errors
    /// The text is not a valid address.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let hint = "write datasets:OWNER/NAME or datasets:OWNER/NAME/CONFIG, such as datasets:openai/gsm8k/main";
        let fits = |part: &str| {
            (1..=96).contains(&part.len())
                && !part.contains("..")
                && !part.starts_with(['.', '-'])
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let config_fits = |part: &str| {
            !matches!(part, "" | "." | "..") && !part.contains('\\') && !part.chars().any(char::is_control)
        };
        let parts: Vec<&str> = text.split('/').collect();
        let old = OLD_NAMES.iter().find(|(name, _)| *name == parts[0]).map(|(_, repo)| (*repo).to_owned());
        let (repo, config) = match (old, &parts[..]) {
            (Some(repo), [_]) => (repo, None),
            (Some(repo), [_, config]) => (repo, Some(*config)),
            (None, [name]) => ((*name).to_owned(), None),
            (None, [owner, name]) => (format!("{owner}/{name}"), None),
            (None, [owner, name, config]) => (format!("{owner}/{name}"), Some(*config)),
            _ => return Err(Refusal::new(format!("`{text}` has too many parts"), hint)),
        };
        if !repo.split('/').all(fits) || repo.contains("--") || config.is_some_and(|config| !config_fits(config)) {
            return Err(Refusal::new(format!("`{text}` is not a valid dataset name"), hint));
        }
        Ok(Self { text: text.to_owned(), repo, config: config.map(str::to_owned) })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_come_first_then_owner_and_name_then_the_config() {
        for (text, repo, config) in [
            ("openai_humaneval", "openai/openai_humaneval", None),
            ("gsm8k/main", "openai/gsm8k", Some("main")),
            ("lukaemon/bbh", "lukaemon/bbh", None),
            ("TIGER-Lab/MMLU-Pro", "TIGER-Lab/MMLU-Pro", None),
            ("cais/mmlu/abstract_algebra", "cais/mmlu", Some("abstract_algebra")),
            ("imdb", "imdb", None),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.repo.as_str(), address.config.as_deref()), (repo, config), "{text}");
            assert_eq!(address.to_string(), text);
        }
        for text in
            ["", "/", "a/", "a//b", "../a", "a/..", "a/b/..", "a/b/c/d", "a b/c", "a/b\\c/d", "a--b/c", "gsm8k/main/x"]
        {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
