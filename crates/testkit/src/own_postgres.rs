//! A Postgres of one test's own, for what must not happen to the shared one: being stopped and killed.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use local_postgres::{LocalPostgres, Settings};
use tempfile::TempDir;

/// How long a clean stop may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// A durable Postgres that is not the service's own. Dropping the value ends it and removes its files.
#[derive(Debug)]
pub struct OwnPostgres {
    // Dropped in this order: the server ends before its folder goes.
    postgres: LocalPostgres,
    _folder: TempDir,
}

impl OwnPostgres {
    /// A fresh one, running.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more settings of Postgres.
    #[must_use]
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Where this runs as root, the server is another user, who has to get through to its cluster.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let extra = settings.iter().map(own).collect();
        let settings = Settings { extra, ..Settings::new(folder.path()) };
        let postgres = local_postgres::open(&settings).unwrap();
        Self { postgres, _folder: folder }
    }

    /// The URL of one of its databases, which need not exist yet.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.postgres.url(database)
    }

    /// Shuts it down as an operator would: clients are cut off, everything is written.
    pub fn shut_down(&mut self) {
        let pid = self.postgres.postmaster_pid().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(sent.success());
        let deadline = Instant::now() + PATIENCE;
        while !self.postgres.has_ended() {
            assert!(Instant::now() < deadline, "Postgres does not shut down");
            std::thread::sleep(PAUSE);
        }
    }

    /// Ends its first process as a crash would; the others follow.
    pub fn kill(&mut self) {
        self.postgres.kill().unwrap();
    }

    /// Starts it again, at the same address.
    pub fn start_again(&mut self) {
        self.postgres.start_again().unwrap();
    }
}
