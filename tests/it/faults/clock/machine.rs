//! A machine whose clock can be set: a small library, compiled here, that goes between a program and the system.

use std::fs::{File, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use testkit::Program;

const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/faults/clock/shim.c");

/// The clock of a machine.
pub struct Clock {
    folder: TempDir,
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
        let folder = tempfile::tempdir().unwrap();
        // Postgres may be another user.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let library = folder.path().join("shim.so");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(&library)
            .arg(SHIM)
            .status();
        assert!(compiled.expect("a C compiler").success());
        let file = File::create(folder.path().join("clock")).unwrap();
        let clock = Self { folder, file };
        clock.set(Whose::Both, 0);
        clock
    }

    /// A program on this machine.
    pub fn program(&self) -> Program {
        let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        Program::fresh()
            .with("LD_PRELOAD", &path("shim.so"))
            .with("TEST_CLOCK_FILE", &path("clock"))
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
