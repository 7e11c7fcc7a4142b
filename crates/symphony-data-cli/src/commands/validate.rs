//! `validate`: how far difficulty scores foretell which tasks real models fail.

use std::path::PathBuf;

use symphony_data::evidence::{
    responses::{Catalogue, read},
    validation::{Estimate, PoolTasks, ScoredBy, Validation, pool_tasks, validate},
};

use super::{DifficultyArgs, FULL_DIR, List, ResponseArgs};
use crate::{
    error::{CliError, print, print_json},
    session::Session,
    table::{
        Column::{Number, Text},
        fixed, table,
    },
};

/// Compare difficulty scores with how real models did
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    responses: ResponseArgs,
    /// Which benchmarks [default: all that have responses]
    #[arg(long, num_args = 1.., value_name = "a,b", value_parser = super::names)]
    benchmarks: Vec<List<String>>,
    /// Pools whose tasks are looked at too: their folders, or task_pool files
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pool: Vec<PathBuf>,
    #[command(flatten)]
    difficulty: DifficultyArgs,
    /// Where the preprocessed benchmarks are
    #[arg(long, value_name = "DIR", default_value = FULL_DIR)]
    full_dir: PathBuf,
    /// Print all that was found as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    super::check_full_dir(&args.full_dir, session)?;
    args.pool.iter().try_for_each(|pool| super::check_named("--pool", "file or folder", pool, String::new))?;
    let config = session.config(args.responses.demo)?;
    let mut catalogue = Catalogue::of(&config, &args.full_dir, &List::all(&args.benchmarks), &session.ui)?;
    let mut pools = Vec::new();
    for pool in &args.pool {
        pools.push((pool.display().to_string(), pool_tasks(pool)?));
    }
    let gathered = read(&args.responses.inputs()?, &mut catalogue, &args.responses.options(), &session.ui)?;
    let mut pools: Vec<PoolTasks<'_>> = pools
        .iter_mut()
        .map(|(name, (tasks, measured))| PoolTasks { name: name.clone(), measured: measured.take(), tasks })
        .collect();
    let DifficultyArgs { difficulty, min_responses } = &args.difficulty;
    let by = ScoredBy { difficulty: difficulty.clone(), min_responses: *min_responses };
    let report = validate(gathered, &mut pools, &mut catalogue, &config, &by, &session.ui)?;
    super::tell_unmapped(&report.unmapped, session);
    if args.json {
        return print_json(&report);
    }
    let columns = [
        Text("benchmark"),
        Text("tasks"),
        Number("rows"),
        Number("models"),
        Number("rho"),
        Text("95 %"),
        Number("r"),
        Number("ceiling"),
        Number("error easy"),
        Number("medium"),
        Number("hard"),
        Number("gap"),
        Text("95 %"),
        Number("ties easy"),
        Number("ties hard"),
        Text(""),
    ];
    print(&table(&columns, report.validations.iter().map(line)))?;
    let configs: Vec<Vec<String>> = report.validations.iter().flat_map(within).collect();
    if !configs.is_empty() {
        let columns = [Text("within"), Text("config"), Number("rows"), Number("rho"), Number("error")];
        print("\n")?;
        print(&table(&columns, configs))?;
    }
    print("\n")?;
    print(&report.validations.iter().map(said).collect::<String>())
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| fixed(value, 2))
}

fn interval(estimate: Estimate) -> String {
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => format!("{} to {}", fixed(low, 2), fixed(high, 2)),
        _ => "-".to_owned(),
    }
}

fn line(found: &Validation) -> Vec<String> {
    vec![
        found.benchmark.clone(),
        found.pool.clone().unwrap_or_else(|| "all".to_owned()),
        found.rows.to_string(),
        found.models.len().to_string(),
        number(found.spearman.value),
        interval(found.spearman),
        number(found.pearson.value),
        number(found.ceiling),
        number(found.bins.easy.error),
        number(found.bins.medium.error),
        number(found.bins.hard.error),
        number(found.gap.value),
        interval(found.gap),
        found.ties.easy.to_string(),
        found.ties.hard.to_string(),
        if found.in_sample { "IN-SAMPLE" } else { "" }.to_owned(),
    ]
}

fn within(found: &Validation) -> Vec<Vec<String>> {
    let of_config = |config: &symphony_data::evidence::validation::Within| {
        let pool = found.pool.as_ref().map(|pool| format!(" ({pool})")).unwrap_or_default();
        let (rows, rho, error) = (config.rows.to_string(), number(config.spearman), number(config.error));
        vec![format!("{}{pool}", found.benchmark), config.name.clone(), rows, rho, error]
    };
    found.within.iter().map(of_config).collect()
}

/// What a person should take away.
fn said(found: &Validation) -> String {
    let of =
        found.pool.as_ref().map_or_else(|| found.benchmark.clone(), |pool| format!("{} in {pool}", found.benchmark));
    let mut text = format!("{of}: {}\n", found.sentence);
    if let Some(rho) = found.spearman_within {
        let rho = fixed(rho, 2);
        text += &format!("{of}: within its configs rho is {rho} on average; the rest is between them\n");
    }
    if found.in_sample {
        text +=
            &format!("{of}: IN-SAMPLE: these models' own answers made the score, so that these numbers flatter it\n");
    } else if !found.left_out.is_empty() {
        text += &format!("{of}: left out, as their answers made the score: {}\n", found.left_out.join(", "));
    }
    text
}
