//! `report`: one HTML file about pools, and about models' results on them.

use std::{
    fs,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use symphony_data::{
    disk::Folder,
    report::{Background, Report, Subject, backgrounds, groups, is_report},
    results::{AnsweredPool, Results, ResultsOptions, results},
};

use crate::{
    arguments::{FULL_DIR, IO, ReadArgs, check_full_dir, check_named, examples, inputs, response_files, tell_unmapped},
    error::{CliError, print},
    hint::quoted,
    session::Session,
};

/// Write a report on pools, and on models' results, as one HTML file
#[derive(Debug, clap::Args)]
#[command(after_help = concat!(response_files!(), examples![
    "What is in this pool, and how was it drawn?" =>
        "symphony-data report data/exp1 --output report.html",
    "How well do models do on two pools?" =>
        "symphony-data report data/exp1 data/exp2 --responses answers.jsonl \\\n      --baseline model-0 --output results.html",
]))]
pub struct Args {
    /// Report on these pools (folders, or task_pool files)
    #[arg(value_name = "DIR", required = true)]
    pools: Vec<PathBuf>,
    /// Read responses from these files or folders of logs, each FILE or MODEL=FILE
    #[arg(long, value_name = "FILE", num_args = 1..)]
    responses: Vec<String>,
    /// Compare the other models with this one [default: all pairs; of more than 20, with the best]
    #[arg(long, value_name = "MODEL", requires = "responses")]
    baseline: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
    /// Look for preprocessed benchmarks and calibrations that pools were drawn from in this folder too
    #[arg(long, value_name = "DIR", default_value = FULL_DIR, help_heading = IO)]
    full_dir: PathBuf,
    /// Replace the output file, whatever it is
    #[arg(long, help_heading = IO)]
    force: bool,
    /// Write the report to this file
    #[arg(long, value_name = "FILE", help_heading = IO)]
    output: PathBuf,
}

pub fn run(args: &Args, session: &Session) -> Result<(), CliError> {
    for pool in &args.pools {
        check_named("DIR", "pool", pool, String::new)?;
    }
    check_full_dir(&args.full_dir, session)?;
    let inputs = inputs("--responses", &args.responses)?;
    let place = Place::of(&args.output)?;
    place.check(args.force)?;
    let config = session.config(args.read.demo)?;
    let pools: Vec<AnsweredPool> = args.pools.iter().map(|path| AnsweredPool::read(path)).collect::<Result<_, _>>()?;
    let mut found: Vec<Option<Results>> = Vec::new();
    for pool in &pools {
        if inputs.is_empty() {
            found.push(None);
            continue;
        }
        let options = ResultsOptions {
            baseline: args.baseline.clone(),
            by: groups(pool),
            calibrations: vec![args.full_dir.clone()],
            read: args.read.options(),
            ..ResultsOptions::default()
        };
        let own = results(pool, &inputs, &config, &options, &session.ui)?;
        tell_unmapped(&own.unmapped, session);
        found.push(Some(own));
    }
    let backgrounds: Vec<Vec<Background>> =
        pools.iter().map(|pool| backgrounds(pool, std::slice::from_ref(&args.full_dir))).collect();
    let subjects: Vec<Subject<'_>> = pools
        .iter()
        .zip(&found)
        .zip(&backgrounds)
        .map(|((pool, results), backgrounds)| Subject { pool, results: results.as_ref(), backgrounds })
        .collect();
    let report = Report::of(&subjects, &config)?;
    let html = report.html()?;
    place.write(&html, args.force, session)?;
    let tasks: usize = pools.iter().map(|pool| pool.tasks.len()).sum();
    print(&format!("{}: a report on {tasks} tasks, {} KB\n", quoted(&args.output), html.len().div_ceil(1000)))
}

/// The place of the report.
struct Place<'a> {
    path: &'a Path,
    folder: &'a Path,
    name: &'a str,
}

impl<'a> Place<'a> {
    fn of(path: &'a Path) -> Result<Self, CliError> {
        let refused = |why: &str| CliError::Usage(format!("--output: {}: {why}", path.display()));
        if path.is_dir() {
            return Err(refused("this is a folder; name a file in it, such as report.html"));
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| refused("this does not name a file; write one such as report.html"))?;
        // The parent of a plain file name is empty.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { path, folder, name })
    }

    /// Checks that there is no file yet, or a report, which may be replaced.
    fn check(&self, force: bool) -> Result<(), CliError> {
        let refused = |why: &str| {
            let shown = self.path.display();
            Err(CliError::Verdict(format!("{shown}: {why}; name another file, or replace it with --force")))
        };
        // Only a regular file: reading another kind may never end.
        match self.path.metadata() {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
            _ if force => return Ok(()),
            Ok(there) if there.is_file() => {}
            _ => return refused("there is something else than a report here"),
        }
        let mut head = Vec::new();
        match fs::File::open(self.path).and_then(|file| file.take(1024).read_to_end(&mut head)) {
            Ok(_) if is_report(&head) => Ok(()),
            Ok(_) => refused("this file is not a report of symphony-data"),
            Err(error) => refused(&format!("this file cannot be read ({error})")),
        }
    }

    /// Writes the report whole, or not at all.
    fn write(&self, html: &str, force: bool, session: &Session) -> Result<(), CliError> {
        let folder = Folder::lock(self.folder, &session.ui)?;
        self.check(force)?;
        let file = folder.write_small(self.name, html)?;
        folder.publish(vec![file], true)?;
        Ok(())
    }
}
