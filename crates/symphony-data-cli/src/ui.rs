//! Progress, notes and warnings, on stderr: bars on a terminal, lines elsewhere.

use std::{
    collections::HashSet,
    fmt,
    io::IsTerminal,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use symphony_data::progress::{Download, Level, Note, Pass, Progress, printable_line};

/// Bars and lines on stderr.
pub struct Ui {
    quiet: bool,
    verbose: bool,
    terminal: bool,
    /// Set by Ctrl-C.
    interrupted: Arc<AtomicBool>,
    /// The warnings so far: a folder without locks, for one, comes up again with each benchmark.
    warned: Mutex<HashSet<String>>,
    /// The bar of the work in progress.
    bar: Mutex<Option<(String, Work, ProgressBar)>>,
}

/// What a bar shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Downloading,
    Reading(Pass),
}

impl Ui {
    pub fn new(quiet: bool, verbose: bool) -> Self {
        let interrupted = Arc::new(AtomicBool::new(false));
        // Where no handler can be set, Ctrl-C ends the program at once, and the next run removes the files it left.
        let _ = ctrlc::set_handler({
            let interrupted = interrupted.clone();
            move || {
                if interrupted.swap(true, Ordering::Relaxed) {
                    std::process::exit(i32::from(crate::error::FAILED));
                }
            }
        });
        let terminal = std::io::stderr().is_terminal();
        Self { interrupted, quiet, verbose, terminal, warned: Mutex::default(), bar: Mutex::new(None) }
    }

    /// Prints a line, unless the user asked for quiet.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            self.line(line);
        }
    }

    /// Prints a line for users who asked for more.
    pub fn detail(&self, line: &str) {
        if self.verbose {
            self.line(line);
        }
    }

    /// Warns, also under --quiet, but never twice of the same.
    pub fn warn(&self, line: &str) {
        if self.warned.lock().is_ok_and(|mut warned| !warned.insert(line.to_owned())) {
            return;
        }
        self.line(&format!("warning: {line}"));
    }

    /// Removes the bar of work that is over.
    pub fn clear(&self) {
        if let Ok(mut bar) = self.bar.lock()
            && let Some((_, _, bar)) = bar.take()
        {
            bar.finish_and_clear();
        }
    }

    fn line(&self, line: &str) {
        let line = printable_line(line);
        match self.bar.lock().as_deref() {
            Ok(Some((_, _, bar))) => bar.suspend(|| eprintln!("{line}")),
            _ => eprintln!("{line}"),
        }
    }

    /// Shows in a bar how far the work is.
    fn show(&self, benchmark: &str, work: Work, done: u64, total: Option<u64>, message: &str) {
        if self.quiet || !self.terminal {
            return;
        }
        let Ok(mut current) = self.bar.lock() else { return };
        if !current.as_ref().is_some_and(|(name, of, _)| name == benchmark && *of == work) {
            if let Some((_, _, bar)) = current.take() {
                bar.finish_and_clear();
            }
            *current = Some((benchmark.to_owned(), work, bar(benchmark, work, total, message)));
        }
        if let Some((_, _, bar)) = current.as_ref() {
            if bar.message() != message {
                bar.set_message(message.to_owned());
            }
            bar.set_position(done);
            if total == Some(done) {
                bar.finish_and_clear();
            }
        }
    }
}

impl Progress for Ui {
    fn cancelled(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn rows(&self, benchmark: &str, pass: Pass, done: u64, total: Option<u64>) {
        self.show(benchmark, Work::Reading(pass), done, total, pass.name());
    }

    fn download(&self, benchmark: &str, download: Download) {
        let Download { files, total_files, bytes, total_bytes } = download;
        self.show(benchmark, Work::Downloading, bytes, Some(total_bytes), &format!("{files}/{total_files} files"));
    }

    fn note(&self, note: Note<'_>) {
        match note.level() {
            Level::Warning => self.warn(&note.to_string()),
            Level::Info => self.say(&note.to_string()),
            Level::Detail => self.detail(&note.to_string()),
        }
    }
}

fn bar(benchmark: &str, work: Work, total: Option<u64>, message: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let template = match (work, total) {
        (Work::Downloading, _) => "{prefix:>12} {msg:11} {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}",
        (_, Some(_)) => "{prefix:>12} {msg:9} {wide_bar} {human_pos}/{human_len} rows  {rate}  {eta}",
        (_, None) => "{prefix:>12} {msg:9} {spinner} {human_pos} rows  {rate}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key("rate", |state: &ProgressState, text: &mut dyn fmt::Write| {
            let _ = write!(text, "{:.0} rows/s", state.per_sec());
        }));
    }
    bar.set_prefix(shortened(&printable_line(benchmark)));
    bar.set_message(message.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// How many characters of a name a bar shows, so that it fits a terminal of 80 columns. A bar that wraps cannot be redrawn
/// in place: each redraw would leave a line behind.
const NAME: usize = 20;

/// A name cut to [`NAME`] characters, with `…` in place of the rest. Tables and messages have the whole name.
fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.to_owned();
    }
    name.chars().take(NAME - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_where_it_shortens_a_name() {
        let names = ["gsm8k", "disambiguation_qa_20", "tracking_shuffled_objects_three_objects"].map(shortened);
        assert_eq!(names, ["gsm8k", "disambiguation_qa_20", "tracking_shuffled_o…"]);
        assert!(names.iter().all(|name| name.chars().count() <= NAME));
    }
}
