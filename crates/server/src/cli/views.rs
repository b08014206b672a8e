//! What the commands about views share: the workshop, one view or all, and how far a build is, on stderr.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use event_store::projection::ProjectionType;
use event_store::projection::rebuild::{BuildState, Progress, Workshop};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::CliError;

/// The exit code for a difference.
pub const DIFFERENT: u8 = 3;
/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The view of a name.
pub fn view(name: &str) -> Result<ProjectionType, CliError> {
    Ok(Workshop::view(name, &projections::registry())?)
}

/// The views named, or all.
pub fn views(names: &[String], all: bool) -> Result<Vec<ProjectionType>, CliError> {
    match (names, all) {
        ([], true) => Ok(projections::registry()),
        ([], false) => Err(CliError::Usage("which view? Name it, or say --all")),
        (names, false) => names.iter().map(|name| view(name)).collect(),
        (_, true) => Err(CliError::Usage("either views by name or --all, not both")),
    }
}

/// Shows how far a build is.
pub struct Shown {
    bar: Option<ProgressBar>,
    told: Mutex<Option<(BuildState, Instant)>>,
}

impl Shown {
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg:.bold} {bar:32} {percent}%");
            let bar = ProgressBar::new(1);
            style.map_or(bar.clone(), |style| bar.with_style(style))
        });
        Self { bar, told: Mutex::new(None) }
    }

    pub fn tell(&self, progress: Progress) {
        let text = described(&progress);
        if let Some(bar) = &self.bar {
            bar.set_length(progress.total.max(1));
            bar.set_position(progress.done);
            bar.set_message(text);
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let due =
            told.is_none_or(|(state, at)| state != progress.state || at.elapsed() > LINE_EVERY);
        if due {
            *told = Some((progress.state, Instant::now()));
            eprintln!("{text}");
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn described(progress: &Progress) -> String {
    let Progress { name, state, done, total, per_second, .. } = *progress;
    let what = match state {
        BuildState::Planned => "begins".to_owned(),
        BuildState::Indexing => format!("indexing, {done} of {total} indexes made"),
        BuildState::Copying | BuildState::CatchingUp | BuildState::Checking => {
            let left = progress.seconds_left.filter(|_| done > 0);
            let left =
                left.map(|left| format!(", {} left", HumanDuration(Duration::from_secs(left))));
            let word = state.as_str().replace('_', " ");
            let rate = format!("{per_second:.0} a second");
            format!("{word}, {done} of {total} events, {rate}{}", left.unwrap_or_default())
        }
        BuildState::Verifying
        | BuildState::Ready
        | BuildState::Active
        | BuildState::Aborting
        | BuildState::Retired => state.as_str().to_owned(),
    };
    format!("{name}: {what}")
}
