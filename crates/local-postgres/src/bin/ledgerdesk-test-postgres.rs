//! Keeps the throw-away Postgres that test processes share, until nobody uses it any more.
//!
//! `ledgerdesk-test-postgres FOLDER [IDLE_SECONDS [LIFETIME_SECONDS]]`; see `local_postgres::scratch`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use local_postgres::scratch::{Limits, keep};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: ledgerdesk-test-postgres FOLDER [IDLE_SECONDS [LIFETIME_SECONDS]]");
        return ExitCode::from(2);
    };
    let mut seconds = || arguments.next()?.to_str()?.parse().ok().map(Duration::from_secs);
    let usual = Limits::default();
    let limits = Limits {
        idle: seconds().unwrap_or(usual.idle),
        lifetime: seconds().unwrap_or(usual.lifetime),
    };
    match keep(&folder, limits) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(reason) = cause {
                eprintln!("because: {reason}");
                cause = reason.source();
            }
            ExitCode::FAILURE
        }
    }
}
