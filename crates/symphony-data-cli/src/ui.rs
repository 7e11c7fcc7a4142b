//! What a person sees while the library works: bars on a terminal, lines otherwise, all of it on stderr.

use std::{
    fmt,
    io::IsTerminal,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use symphony_data::progress::{Note, Pass, Progress};

/// Bars and lines on stderr.
pub struct Ui {
    quiet: bool,
    verbose: bool,
    terminal: bool,
    /// Set by Ctrl-C.
    interrupted: Arc<AtomicBool>,
    /// The bar of the pass that is under way.
    bar: Mutex<Option<(String, Pass, ProgressBar)>>,
}

impl Ui {
    pub fn new(quiet: bool, verbose: bool) -> Self {
        let interrupted = Arc::new(AtomicBool::new(false));
        // Where no handler can be set, Ctrl-C ends the program at once, and the next run sweeps what it left.
        let _ = ctrlc::set_handler({
            let interrupted = interrupted.clone();
            move || {
                if interrupted.swap(true, Ordering::Relaxed) {
                    std::process::exit(i32::from(crate::error::FAILED));
                }
            }
        });
        Self { interrupted, quiet, verbose, terminal: std::io::stderr().is_terminal(), bar: Mutex::new(None) }
    }

    /// Says something, unless asked to be quiet.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            self.line(line);
        }
    }

    /// Says something to those who asked for more.
    pub fn detail(&self, line: &str) {
        if self.verbose {
            self.line(line);
        }
    }

    /// Warns, always.
    pub fn warn(&self, line: &str) {
        self.line(&format!("warning: {line}"));
    }

    fn line(&self, line: &str) {
        match self.bar.lock().as_deref() {
            Ok(Some((_, _, bar))) => bar.suspend(|| eprintln!("{line}")),
            _ => eprintln!("{line}"),
        }
    }
}

impl Progress for Ui {
    fn cancelled(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn rows(&self, benchmark: &str, pass: Pass, done: u64, total: Option<u64>) {
        if self.quiet || !self.terminal {
            return;
        }
        let Ok(mut current) = self.bar.lock() else { return };
        if !current.as_ref().is_some_and(|(name, of, _)| name == benchmark && *of == pass) {
            if let Some((_, _, bar)) = current.take() {
                bar.finish_and_clear();
            }
            *current = Some((benchmark.to_owned(), pass, bar(benchmark, pass, total)));
        }
        if let Some((_, _, bar)) = current.as_ref() {
            bar.set_position(done);
            if total == Some(done) {
                bar.finish_and_clear();
            }
        }
    }

    fn note(&self, note: Note<'_>) {
        match note {
            Note::Waiting(folder) => self.say(&format!("another run works in {}; waiting for it", folder.display())),
            Note::Building { benchmark, reason: Some(reason) } => {
                self.say(&format!("{benchmark}: rebuilding its store: {reason}"));
            }
            Note::Building { benchmark, reason: None } => self.detail(&format!("{benchmark}: preprocessing")),
            Note::Cached(benchmark) => self.detail(&format!("{benchmark}: up to date")),
            Note::SourceGone(benchmark) => {
                self.say(&format!("{benchmark}: its source files are gone; its store serves"));
            }
            Note::Stale { benchmark, reason } => self.warn(&format!(
                "{benchmark}: these are the numbers of a store that no longer fits: {reason}; `preprocess` and `run` rebuild it"
            )),
        }
    }
}

fn bar(benchmark: &str, pass: Pass, total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let template = match total {
        Some(_) => "{prefix:>12} {msg:8} {bar:32} {human_pos}/{human_len} rows  {rate}  {eta}",
        None => "{prefix:>12} {msg:8} {spinner} {human_pos} rows  {rate}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key("rate", |state: &ProgressState, text: &mut dyn fmt::Write| {
            let _ = write!(text, "{:.0} rows/s", state.per_sec());
        }));
    }
    bar.set_prefix(benchmark.to_owned());
    bar.set_message(match pass {
        Pass::Score => "scoring",
        Pass::Write => "writing",
    });
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
