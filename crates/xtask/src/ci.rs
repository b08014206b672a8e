//! Everything that has to hold before a change goes in, cheapest first; the tests' own words come last.

use std::process::Command;

use crate::run::{Failure, answers, cargo, run};
use crate::{arrows, layout, postgres};

/// How many cases the random tests try in a soak, a tenth of it where each writes to Postgres; the usual number is 256 or less.
const SOAK_CASES: &str = "20000";
/// How many histories each simulation goes through in a soak; the usual number is 40 to 100.
const SOAK_SEEDS: &str = "5000";
/// How often each client of several servers asks in a soak.
const SOAK_ROUNDS: &str = "1500";
/// How often each kind of manipulation is tried on each column of the log in a soak; the usual number is 5.
const SOAK_TAMPERS: &str = "200";

/// How many rounds of tickets each node writes while others listen and come back; the usual number is 12.
const SOAK_LIVE_ROUNDS: &str = "400";

/// How often something is killed in a soak, over so many requests; usually 8 and 1,500.
const SOAK_KILLS: &str = "120";
const SOAK_COMMANDS: &str = "24000";

fn run_checks() -> Result<(), Failure> {
    run(cargo(&["fmt", "--all", "--", "--check"]))?;
    layout::check()?;
    arrows::check()?;
    run(cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

pub fn all() -> Result<(), Failure> {
    let programs = postgres::ensure()?;
    run_checks()?;
    // The tests start these beside themselves.
    run(cargo(&["build", "--package", "server", "--package", "local-postgres"]))?;
    let with_postgres = |mut command: Command| {
        command.env("LEDGERDESK_PG_BIN", &programs);
        command
    };
    if answers("cargo", &["nextest", "--version"]) {
        run(with_postgres(cargo(&["test", "--workspace", "--doc", "--quiet"])))?;
        return run(with_postgres(cargo(&["nextest", "run", "--workspace"])));
    }
    run(with_postgres(cargo(&["test", "--workspace"])))
}

pub fn soak() -> Result<(), Failure> {
    let programs = postgres::ensure()?;
    let mut command = cargo(&["test", "--workspace", "--release"]);
    command.env("PROPTEST_CASES", SOAK_CASES).env("LEDGERDESK_PG_BIN", programs);
    command.env("LEDGERDESK_TEST_TAMPERS", SOAK_TAMPERS);
    command.env("LEDGERDESK_TEST_LIVE_ROUNDS", SOAK_LIVE_ROUNDS);
    command.env("LEDGERDESK_TEST_KILLS", SOAK_KILLS).env("LEDGERDESK_TEST_COMMANDS", SOAK_COMMANDS);
    command.env("LEDGERDESK_TEST_SEEDS", SOAK_SEEDS);
    command.env("LEDGERDESK_TEST_ROUNDS", SOAK_ROUNDS);
    run(cargo(&["build", "--release", "--package", "server", "--package", "local-postgres"]))?;
    run(command)?;
    soak_hour()
}

/// The program under half its load for an hour, or as long as `MINUTES` says.
pub fn soak_hour() -> Result<(), Failure> {
    let programs = postgres::ensure()?;
    let mut command = cargo(&["bench", "--package", "server", "--bench", "soak"]);
    command.env("LEDGERDESK_PG_BIN", programs);
    run(command)
}
