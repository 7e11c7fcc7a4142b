//! `validate`: how well difficulty scores predict which tasks real models fail.

use std::path::PathBuf;

use symphony_data::{
    bin::PerBin,
    evidence::{
        responses::{Catalogue, read},
        validation::{ModelError, PoolTasks, ScoredBy, Validation, pool_tasks, validate},
    },
};

use crate::{
    arguments::{
        DifficultyArgs, FULL_DIR, IO, List, ResponseArgs, check_full_dir, check_named, examples, names, response_files,
        tell_unmapped,
    },
    error::{CliError, print, print_json},
    session::Session,
    table::{
        Column::{Number, Text},
        fixed, interval, number, table,
    },
};

/// With more models than this, the table of models is left out.
const MOST_MODELS: usize = 20;
/// The most names of models in a sentence.
const MOST_NAMES: usize = 10;

/// Compare difficulty scores with how often real models fail the tasks
#[derive(Debug, clap::Args)]
#[command(after_help = concat!(response_files!(), examples![
    "How well do the scores of each benchmark predict failure?" =>
        "symphony-data validate --responses answers.jsonl",
    "And those of the tasks that a pool drew?" =>
        "symphony-data validate --responses answers.jsonl --pool data/exp1",
]))]
pub struct Args {
    #[command(flatten)]
    responses: ResponseArgs,
    /// Use only these benchmarks [default: all that have responses]
    #[arg(long, num_args = 1.., value_name = "a,b", value_parser = names)]
    benchmarks: Vec<List<String>>,
    /// Also validate the tasks of these pools (their folders, or task_pool files)
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pool: Vec<PathBuf>,
    #[command(flatten)]
    difficulty: DifficultyArgs,
    /// Read the preprocessed benchmarks from this folder
    #[arg(long, value_name = "DIR", default_value = FULL_DIR, help_heading = IO)]
    full_dir: PathBuf,
    /// Print the report as JSON
    #[arg(long, help_heading = IO)]
    json: bool,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    check_full_dir(&args.full_dir, session)?;
    args.pool.iter().try_for_each(|pool| check_named("--pool", "file or folder", pool, String::new))?;
    let config = session.config(args.responses.read.demo)?;
    let mut catalogue = Catalogue::of(&config, &args.full_dir, &List::all(&args.benchmarks), &session.ui)?;
    let mut pools = Vec::new();
    for pool in &args.pool {
        pools.push((pool.display().to_string(), pool_tasks(pool)?));
    }
    let gathered = read(&args.responses.inputs()?, &mut catalogue, &args.responses.read.options(), &session.ui)?;
    let mut pools: Vec<PoolTasks<'_>> = pools
        .iter_mut()
        .map(|(name, (tasks, measured))| PoolTasks { name: name.clone(), measured: measured.take(), tasks })
        .collect();
    let DifficultyArgs { difficulty, min_responses } = &args.difficulty;
    let by = ScoredBy { difficulty: difficulty.clone(), min_responses: *min_responses };
    let report = validate(gathered, &mut pools, &mut catalogue, &config, &by, &session.ui)?;
    tell_unmapped(&report.unmapped, session);
    if args.json {
        return print_json(&report);
    }
    print(&text(&report.validations))
}

/// How the scores go together with failure, then how often models fail the tasks of each bin, and what follows.
fn text(found: &[Validation]) -> String {
    let columns = [
        Text("benchmark"),
        Text("tasks"),
        Text("difficulty"),
        Number("rows"),
        Number("models"),
        Number("rho"),
        Number("95 %"),
        Number("r"),
        Number("ceiling"),
    ];
    let mut text = "How scores go together with failure\n".to_owned() + &table(&columns, found.iter().map(correlation));
    let columns = [
        Text("benchmark"),
        Text("tasks"),
        Number("easy"),
        Number("medium"),
        Number("hard"),
        Number("gap"),
        Number("95 %"),
        Number("ties easy"),
        Number("ties hard"),
    ];
    text += "\nShare of tasks that models fail, by bin\n";
    text += &table(&columns, found.iter().map(bins));
    let few = |found: &&Validation| found.models.len() <= MOST_MODELS;
    let models: Vec<Vec<String>> = found.iter().filter(few).flat_map(by_model).collect();
    if models.len() > found.len() {
        let columns = [
            Text("benchmark"),
            Text("tasks"),
            Text("model"),
            Number("rows"),
            Number("easy"),
            Number("medium"),
            Number("hard"),
        ];
        text += "\nShare of tasks that each model fails, by bin\n";
        text += &table(&columns, models);
    }
    if !found.iter().all(|found| few(&found)) {
        text += &format!("\n(--json has each model's share where there are more than {MOST_MODELS} models)\n");
    }
    let configs: Vec<Vec<String>> = found.iter().flat_map(within).collect();
    if !configs.is_empty() {
        let columns = [Text("benchmark"), Text("config"), Number("rows"), Number("rho"), Number("failed")];
        text += "\nWithin each config\n";
        text += &table(&columns, configs);
    }
    text + "\n" + &found.iter().map(said).collect::<String>()
}

/// Which tasks were looked at.
fn tasks(found: &Validation) -> String {
    let tasks = found.pool.as_deref().unwrap_or("all");
    if found.in_sample { format!("{tasks} (IN-SAMPLE)") } else { tasks.to_owned() }
}

fn correlation(found: &Validation) -> Vec<String> {
    vec![
        found.benchmark.clone(),
        tasks(found),
        found.difficulty.clone(),
        found.rows.to_string(),
        found.models.len().to_string(),
        number(found.spearman.value),
        interval(found.spearman),
        number(found.pearson.value),
        number(found.ceiling),
    ]
}

fn bins(found: &Validation) -> Vec<String> {
    vec![
        found.benchmark.clone(),
        tasks(found),
        number(found.bins.easy.error),
        number(found.bins.medium.error),
        number(found.bins.hard.error),
        number(found.gap.value),
        interval(found.gap),
        found.ties.easy.to_string(),
        found.ties.hard.to_string(),
    ]
}

fn by_model(found: &Validation) -> Vec<Vec<String>> {
    let of_model = |own: &ModelError| {
        let PerBin { easy, medium, hard } = own.bins;
        let [easy, medium, hard] = [easy, medium, hard].map(|bin| number(bin.error));
        vec![found.benchmark.clone(), tasks(found), own.model.clone(), own.rows.to_string(), easy, medium, hard]
    };
    found.by_model.iter().map(of_model).collect()
}

fn within(found: &Validation) -> Vec<Vec<String>> {
    let of_config = |config: &symphony_data::evidence::validation::Within| {
        let pool = found.pool.as_ref().map(|pool| format!(" ({pool})")).unwrap_or_default();
        let (rows, rho, error) = (config.rows.to_string(), number(config.spearman), number(config.error));
        vec![format!("{}{pool}", found.benchmark), config.name.clone(), rows, rho, error]
    };
    found.within.iter().map(of_config).collect()
}

/// The names, or the first few of many.
fn listed(names: &[String]) -> String {
    if names.len() <= MOST_NAMES {
        return names.join(", ");
    }
    format!("{} and {} more (--json has all)", names[..MOST_NAMES].join(", "), names.len() - MOST_NAMES)
}

/// What follows from the numbers, in words.
fn said(found: &Validation) -> String {
    let of =
        found.pool.as_ref().map_or_else(|| found.benchmark.clone(), |pool| format!("{} in {pool}", found.benchmark));
    let mut text = format!("{of}: {}\n", found.sentence);
    for remark in &found.remarks {
        text += &format!("{of}: {remark}\n");
    }
    if let Some(rho) = found.spearman_within.filter(|_| !found.only_between) {
        let rho = fixed(rho, 2);
        text += &format!("{of}: within its configs rho is {rho} on average; the rest is between configs\n");
    }
    if found.in_sample {
        text += &format!(
            "{of}: IN-SAMPLE: the score was fitted to these models' own responses, so these numbers flatter it\n"
        );
    } else if !found.left_out.is_empty() {
        text +=
            &format!("{of}: left out, because the score was fitted to their responses: {}\n", listed(&found.left_out));
    }
    text
}
