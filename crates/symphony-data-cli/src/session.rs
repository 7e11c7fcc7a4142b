//! What every command starts with: how much to print, and which configuration to use.

use std::path::Path;

use symphony_data::{
    config::{Config, DEFAULT_CONFIG, DEFAULT_EXPERIMENTS, NotAllowed, read_file},
    request::Experiment,
};

use crate::{error::CliError, hint::Call, ui::Ui};

/// The default place of the configuration.
pub const CONFIG: &str = "config/data_config.yaml";
/// The default place of the experiments.
pub const EXPERIMENTS: &str = "config/experiments.yaml";
/// The name of the built-in configuration in messages.
const BUILT_IN_CONFIG: &str = "built-in data_config.yaml";
/// The name of the built-in experiments in messages.
const BUILT_IN_EXPERIMENTS: &str = "built-in experiments.yaml";

/// One call of the program.
pub struct Session {
    /// What every command that a message offers repeats.
    pub call: Call,
    /// What the user sees meanwhile.
    pub ui: Ui,
}

impl Session {
    pub fn new(call: Call, quiet: bool, verbose: bool) -> Self {
        Self { call, ui: Ui::new(quiet, verbose) }
    }

    /// The configuration; with `demo`, of generated rows.
    pub fn config(&self, demo: bool) -> Result<Config, CliError> {
        let (name, text) = self.text(self.call.config.as_deref(), CONFIG, BUILT_IN_CONFIG, DEFAULT_CONFIG)?;
        self.finish(Config::from_yaml(&name, &text)?, demo)
    }

    /// The configuration and its experiments: those of the file named, else those in the configuration itself, else
    /// those of the default place.
    ///
    /// Where the configuration was named and the experiments come from the default place or are built in, they were not
    /// written for it: those that it does not allow are left out, and one line names them. `wanted` are the experiments that
    /// were named, or none for all; leaving one of these out is an error.
    pub fn config_with_experiments(
        &self,
        experiments: Option<&Path>,
        wanted: &[String],
        demo: bool,
    ) -> Result<Config, CliError> {
        let (name, text) = self.text(self.call.config.as_deref(), CONFIG, BUILT_IN_CONFIG, DEFAULT_CONFIG)?;
        if experiments.is_none() && has_experiments(&name, &text) {
            return self.finish(Config::from_yaml(&name, &text)?, demo);
        }
        let (mut file, experiments_text) =
            self.text(experiments, EXPERIMENTS, BUILT_IN_EXPERIMENTS, DEFAULT_EXPERIMENTS)?;
        if is_one_file(&name, &file) {
            // However its path is written, so that each problem in it is reported once.
            file.clone_from(&name);
        }
        let written_for_it = experiments.is_some() || (self.call.config.is_none() && file != BUILT_IN_EXPERIMENTS);
        if written_for_it {
            let both = Config::from_yaml_with_experiments(&name, &text, Some((&file, &experiments_text)))?;
            return self.finish(both, demo);
        }
        let (config, left_out) = Config::from_yaml_with_allowed_experiments(&name, &text, (&file, &experiments_text))?;
        let way_out =
            "write experiments of your own (`experiments:` in the configuration, or --experiments), or use `build`";
        if let Some(named) = left_out.iter().find(|experiment| wanted.contains(&experiment.id)) {
            return Err(CliError::Usage(format!("{file}: {name} does not allow {named}; {way_out}")));
        }
        let listed = left_out.iter().map(NotAllowed::to_string).collect::<Vec<_>>().join(", ");
        if config.experiments.is_empty() && file == BUILT_IN_EXPERIMENTS {
            return Err(CliError::Usage(format!(
                "there is no {EXPERIMENTS} here, and the built-in experiments need benchmarks that {name} does not \
                 enable; write experiments of your own, or use `build`"
            )));
        }
        if config.experiments.is_empty() && !left_out.is_empty() {
            return Err(CliError::Usage(format!("{name} allows no experiment of {file}: {listed}; {way_out}")));
        }
        if wanted.is_empty() && !left_out.is_empty() {
            self.ui.warn(&format!("{name} does not allow all experiments of {file}; left out: {listed}"));
        }
        self.finish(config, demo)
    }

    fn finish(&self, mut config: Config, demo: bool) -> Result<Config, CliError> {
        if demo {
            config.use_synthetic_sources()?;
            self.ui.say("demo: every task is SYNTHETIC: generated in its benchmark's format, not taken from it");
        }
        Ok(config)
    }

    /// A configuration file's name and text: the file that was named, else the one in the default place, else the built-in one.
    fn text(
        &self,
        named: Option<&Path>,
        place: &str,
        built_in_name: &str,
        built_in: &str,
    ) -> Result<(String, String), CliError> {
        // A file that exists and cannot be read, such as a broken link, is not absent.
        if named.is_none() && Path::new(place).symlink_metadata().is_err_and(|error| is_absent(&error)) {
            self.ui.say(&format!("no {place} here; using the {built_in_name} (`symphony-data init` writes it)"));
            return Ok((built_in_name.to_owned(), built_in.to_owned()));
        }
        let path = named.unwrap_or(Path::new(place));
        Ok((path.to_string_lossy().into_owned(), read_file(path)?))
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Whether two paths lead to the same file.
fn is_one_file(a: &str, b: &str) -> bool {
    matches!((std::fs::canonicalize(a), std::fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

/// Whether a configuration defines experiments. One with problems does not: it is read again where they are reported.
fn has_experiments(name: &str, text: &str) -> bool {
    symphony_data::yaml::Node::parse(name, text).is_ok_and(|root| {
        root.map().is_some_and(|keys| keys.iter().any(|(key, value)| key.text == "experiments" && !value.is_null()))
    })
}

/// The experiments with these ids, in this order; all experiments if there are no ids.
pub fn select<'c>(config: &'c Config, ids: &[String]) -> Result<Vec<&'c Experiment>, CliError> {
    if ids.is_empty() {
        return Ok(config.experiments.iter().collect());
    }
    ids.iter()
        .enumerate()
        .map(|(at, id)| {
            if ids[..at].contains(id) {
                return Err(CliError::Usage(format!("the experiment `{id}` is named twice")));
            }
            config.experiments.iter().find(|experiment| experiment.id == *id).ok_or_else(|| {
                let known: Vec<&str> = config.experiments.iter().map(|experiment| experiment.id.as_str()).collect();
                CliError::Usage(format!("there is no experiment `{id}`; known: {}", known.join(", ")))
            })
        })
        .collect()
}
