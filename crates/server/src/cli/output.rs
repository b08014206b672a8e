//! Writing to stdout: a reader that has seen enough ends the command without a complaint.

use std::io::{self, Write};

use serde::Serialize;

use super::CliError;

/// Writes one line.
pub fn line(text: &str) -> Result<(), CliError> {
    write(|out| writeln!(out, "{text}"))
}

/// Writes text as it is.
pub fn text(text: &str) -> Result<(), CliError> {
    write(|out| write!(out, "{text}"))
}

/// Writes a value as one line of JSON.
pub fn json_line(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string(value)?;
    line(&text)
}

/// Writes a value as JSON for people.
pub fn json_pretty(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value)?;
    line(&text)
}

fn write(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    write(&mut out).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::OutputClosed,
        _ => CliError::Terminal(error),
    })
}
