//! A machine whose clock can be set.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{SystemTime, UNIX_EPOCH};

use testkit::Program;

use crate::faults::shim::Shim;

const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/faults/clock/shim.c");

/// The clock of a machine.
pub struct Clock {
    shim: Shim,
    file: File,
}

/// Whose clock is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Database,
    Server,
    Both,
}

impl Clock {
    /// One that is right.
    pub fn new() -> Self {
        let shim = Shim::compile(SHIM);
        let file = File::create(shim.path("clock")).unwrap();
        let clock = Self { shim, file };
        clock.set(Whose::Both, 0);
        clock
    }

    /// A program on this machine.
    pub fn program(&self) -> Program {
        Program::fresh()
            .with("LD_PRELOAD", &self.shim.library())
            .with("TEST_CLOCK_FILE", &self.shim.path("clock"))
    }

    /// Sets the clock so many seconds ahead of the right time, or behind it.
    pub fn set(&self, whose: Whose, seconds: i64) {
        let (database, server) = match whose {
            Whose::Database => (seconds, 0),
            Whose::Server => (0, seconds),
            Whose::Both => (seconds, seconds),
        };
        let bytes = [database.to_ne_bytes(), server.to_ne_bytes()].concat();
        self.file.write_all_at(&bytes, 0).unwrap();
    }
}

/// Seconds from now to the beginning of 2090.
pub fn to_2090() -> i64 {
    const YEAR_2090: i64 = 3_786_912_000;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    YEAR_2090 - i64::try_from(now.as_secs()).unwrap()
}
