//! Progress on stderr: a bar for people at a terminal, a line now and then otherwise.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far something is.
pub struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: u64,
    begun: Instant,
    told: Instant,
}

impl Progress {
    /// Of so many steps of something.
    pub fn new(what: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{bar:32} {pos}/{len} {msg}, {per_sec}, {eta}");
            let bar = ProgressBar::new(total).with_message(what);
            style.map_or(bar.clone(), |style| bar.with_style(style))
        });
        let now = Instant::now();
        Self { bar, what, total, begun: now, told: now }
    }

    /// Now so many are done.
    pub fn reach(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            let rate = done as f64 / self.begun.elapsed().as_secs_f64().max(f64::EPSILON);
            eprintln!("{done} of {} {}, {rate:.0}/s", self.total, self.what);
        }
    }

    /// The end: a bar makes room for what follows.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
