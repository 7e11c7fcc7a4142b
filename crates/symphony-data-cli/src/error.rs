//! Errors: the one place that prints them and knows the exit codes.

use symphony_data::{Error, draw::DrawError, progress::printable, yaml::Problems};

use crate::hint::Call;

/// The exit code of a command that failed.
pub const FAILED: u8 = 1;
/// The exit code of wrong usage or configuration.
pub const USAGE: u8 = 2;

/// Why a command ended early.
#[derive(Debug)]
pub enum CliError {
    /// The library's error.
    Library(Error),
    /// Pools that could not be made, while others were.
    Pools(Vec<Error>),
    /// Arguments that do not go together.
    Usage(String),
    /// The command did its work, and the answer is no.
    Verdict(String),
    /// The reader of the output went away: a normal end.
    BrokenPipe,
    /// The output cannot be written.
    Output(std::io::Error),
}

impl CliError {
    /// Prints the error and gives the exit code.
    pub fn report(self, call: &Call) -> u8 {
        let said = |error: &Error| call.with_hints(&error.to_string(), &error.hints());
        let (lines, code) = match self {
            Self::BrokenPipe => return 0,
            Self::Library(Error::Config(Problems(problems))) => {
                (problems.iter().map(ToString::to_string).collect(), USAGE)
            }
            Self::Library(error @ Error::Draw(DrawError::Short { .. })) => (vec![format!("--strict: {error}")], FAILED),
            Self::Library(error) => (vec![said(&error)], FAILED),
            Self::Pools(errors) => (errors.iter().map(said).collect(), FAILED),
            Self::Usage(message) => (vec![message], USAGE),
            Self::Verdict(message) => (vec![message], FAILED),
            Self::Output(error) => (vec![format!("cannot write the output: {error}")], FAILED),
        };
        for line in lines {
            eprintln!("error: {}", in_lines(&line));
        }
        code
    }
}

impl<E: Into<Error>> From<E> for CliError {
    fn from(error: E) -> Self {
        Self::Library(error.into())
    }
}

/// A message that may have several lines, fit for a terminal. Lines after the first are indented, so that no name that a
/// file holds looks like a message of its own.
fn in_lines(message: &str) -> String {
    let indented = |line: &str| if line.starts_with(' ') { line.to_owned() } else { format!("  {line}") };
    let message = printable(message);
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + "\n" + &indented(line))
}

/// Writes text for people to stdout. Characters that could steer their terminal are escaped.
pub fn print(text: &str) -> Result<(), CliError> {
    print_as_it_is(&printable(text))
}

/// Writes text for programs to stdout, as it is.
pub fn print_as_it_is(text: &str) -> Result<(), CliError> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => CliError::BrokenPipe,
        _ => CliError::Output(error),
    })
}

/// Writes a value to stdout as indented JSON.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| CliError::Output(error.into()))?;
    print_as_it_is(&(text + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_after_the_first_cannot_pass_for_messages() {
        assert_eq!(in_lines("one"), "one");
        assert_eq!(in_lines("no task\n  gsm8k: easy"), "no task\n  gsm8k: easy");
        assert_eq!(in_lines("a field\nerror: all is lost\u{1b}[2J"), "a field\n  error: all is lost\\u{1b}[2J");
    }
}
