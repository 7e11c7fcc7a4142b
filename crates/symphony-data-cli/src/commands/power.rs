//! What `plan --power` adds: the smallest difference of two models that a pool can show.

use std::{collections::BTreeMap, path::Path};

use symphony_data::{
    config::Config,
    evidence::responses::{Catalogue, Gathered, ReadOptions, read},
    request::Request,
    results::power::{LEVEL, POWER, Power, PowerOptions, Source},
};

use crate::{
    arguments::{List, inputs, names, tell_unmapped},
    error::CliError,
    session::Session,
};

/// What two models are compared by.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Power")]
pub struct PowerArgs {
    /// Add the smallest difference of two models that the pool can show
    #[arg(long)]
    pub power: bool,
    /// Say how many tasks this difference of accuracies needs [default: 0.02]
    #[arg(long, value_name = "0..1", allow_negative_numbers = true, requires = "power")]
    delta: Option<f64>,
    /// Read from these responses how often models disagree, each FILE or MODEL=FILE
    #[arg(long, num_args = 1.., value_name = "FILE", requires = "power")]
    responses: Vec<String>,
    /// Compare these two models [default: all pairs, by their median]
    #[arg(long, num_args = 1.., value_name = "A,B", value_parser = names, requires = "responses")]
    models: Vec<List<String>>,
    /// Use this filter of a log that has several, such as strict-match
    #[arg(long, value_name = "NAME", requires = "responses")]
    filter: Option<String>,
    /// Use this metric of a log that has several, such as acc_norm or SCORER.KEY
    #[arg(long, value_name = "NAME", requires = "responses")]
    metric: Option<String>,
}

impl PowerArgs {
    /// Checks what can be checked before anything is read.
    pub fn check(&self) -> Result<(), CliError> {
        let typed = PowerOptions { delta: self.delta, ..PowerOptions::default() };
        self.pair().map(drop).and(typed.check().map_err(|error| CliError::Usage(format!("--{error}"))))
    }

    fn pair(&self) -> Result<Option<(String, String)>, CliError> {
        match &List::all(&self.models)[..] {
            [] => Ok(None),
            [first, second] if first == second => {
                Err(CliError::Usage(format!("--models: {first} is named twice; name two models")))
            }
            [first, second] => Ok(Some((first.clone(), second.clone()))),
            _ => Err(CliError::Usage("--models: write two models, such as A,B".to_owned())),
        }
    }

    /// The responses to the benchmarks of these requests; `None` if none were given.
    pub fn gathered<'r>(
        &self,
        config: &Config,
        full_dir: &Path,
        requests: impl Iterator<Item = &'r Request>,
        session: &Session,
    ) -> Result<Option<Gathered>, CliError> {
        if self.responses.is_empty() {
            return Ok(None);
        }
        let inputs = inputs("--responses", &self.responses)?;
        let mut benchmarks: Vec<String> = requests.flat_map(Request::benchmarks).collect();
        benchmarks.sort();
        benchmarks.dedup();
        let mut catalogue = Catalogue::of(config, full_dir, &benchmarks, &session.ui)?;
        let options = ReadOptions { filter: self.filter.clone(), metric: self.metric.clone() };
        let gathered = read(&inputs, &mut catalogue, &options, &session.ui)?;
        tell_unmapped(&gathered.unmapped, session);
        Ok(Some(gathered))
    }

    /// What the power of each pool is computed from.
    pub fn options<'r>(&self, gathered: Option<&'r Gathered>) -> Result<PowerOptions<'r>, CliError> {
        let responses = gathered.map_or(&[][..], |gathered| &gathered.benchmarks);
        let options = PowerOptions { delta: self.delta, responses, models: self.pair()? };
        options.check()?;
        Ok(options)
    }
}

/// The power of each pool in words.
pub fn text(powers: &BTreeMap<String, Power>, models: &PowerOptions<'_>) -> String {
    powers.iter().map(|(pool, power)| of_pool(pool, power, models)).collect()
}

fn of_pool(pool: &str, power: &Power, options: &PowerOptions<'_>) -> String {
    let how = format!("{:.0} % power, paired, {:.0} %", 100.0 * POWER, 100.0 * LEVEL);
    let tasks = match power.distinct {
        distinct if distinct == power.tasks => counted(distinct, "distinct task"),
        distinct => format!("{} ({distinct} distinct)", counted(power.tasks, "task")),
    };
    let mut text = match power.detectable {
        Some(delta) => format!("\n{pool}: {tasks} can show a difference of {} ({how})\n", points(delta)),
        None => format!("\n{pool}: {tasks} are too few to show any difference ({how})\n"),
    };
    text += &format!("  A difference of {} needs {}.\n", points(power.delta), counted(power.needed, "distinct task"));
    if power.needed > power.rows {
        text += &beyond_all_rows(power);
    }
    if let Some(delta) = power.detectable_without_repeats.filter(|_| power.distinct < power.tasks) {
        text += &format!(
            "  Repeats cost: the pool tells as much as {:.0} distinct tasks; {} would show {}.\n",
            power.effective_n,
            counted(power.tasks, "distinct task"),
            points(delta)
        );
    }
    let or_more = if differs_by_more(power) { ", or as often as they differ where that is more" } else { "" };
    text += &format!("  Two models are taken to disagree on {} of the tasks{or_more}:\n", percent(power.discordance));
    for part in &power.benchmarks {
        let source = match (part.source, &options.models) {
            (Source::Responses, Some((first, second))) => format!("as {first} and {second} do"),
            (Source::Responses, None) => format!("the median of {} pairs of models", part.pairs),
            (Source::ExpectedError, _) => "at most, by how often models fail each row".to_owned(),
            (Source::Assumed, _) => "assumed".to_owned(),
        };
        text += &format!("    {}: {}, {source}\n", part.benchmark, percent(part.discordance));
    }
    let (mut distinct, mut shown) = ("  distinct tasks".to_owned(), "  points        ".to_owned());
    for point in &power.curve {
        distinct += &format!("{:>7}", point.tasks);
        shown += &format!("{:>7}", point.detectable.map_or("-".to_owned(), |delta| format!("{:.1}", 100.0 * delta)));
    }
    text + &distinct + "\n" + &shown + "\n"
}

/// That the benchmarks have fewer rows than a difference needs, and what these show.
fn beyond_all_rows(power: &Power) -> String {
    let rows = counted(power.rows, "row");
    let there = match &power.benchmarks[..] {
        [one] => format!("{} has {rows} to draw from", one.benchmark),
        _ => format!("These benchmarks have {rows} to draw from together"),
    };
    match power.detectable_with_all_rows {
        Some(delta) => format!("  {there}, which can show differences from {} on.\n", points(delta)),
        None => format!("  {there}, which are too few to show any difference.\n"),
    }
}

/// Whether a difference in the text is larger than the discordance, so that it is computed with a larger one.
fn differs_by_more(power: &Power) -> bool {
    let shown = [Some(power.delta), power.detectable, power.detectable_without_repeats, power.detectable_with_all_rows];
    let of_curve = power.curve.iter().map(|point| point.detectable);
    shown.into_iter().chain(of_curve).flatten().any(|delta| delta > power.discordance)
}

fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn points(delta: f64) -> String {
    format!("{:.1} points", 100.0 * delta)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}
