//! Log lines on stderr, as text or JSON. What is logged never carries personal data.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Writes log lines from now on. A second call changes nothing.
pub fn start(config: &LogConfig, least: Least) {
    let filter = match least {
        Least::AsConfigured => config.filter.as_str(),
        Least::Warnings => "warn",
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr);
    // The error means that somebody started it before, which is fine.
    drop(match config.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    });
}

/// What a command shows of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Least {
    /// What the configuration says.
    AsConfigured,
    /// Warnings and errors only: the command speaks for itself.
    Warnings,
}
