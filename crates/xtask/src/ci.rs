//! Everything that has to hold before a change goes in, cheapest first; the tests' own words come last.

use std::process::Command;

use crate::run::{Failure, answers, cargo, run};
use crate::{arrows, layout, postgres};

/// How many cases the random tests try in a soak; the usual number is 256 or less.
const SOAK_CASES: &str = "20000";
/// How often each kind of manipulation is tried on each column of the log in a soak; the usual number is 5.
const SOAK_TAMPERS: &str = "200";

/// How many rounds of tickets each node writes while others listen and come back; the usual number is 12.
const SOAK_LIVE_ROUNDS: &str = "400";

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
    run(cargo(&["build", "--release", "--package", "server", "--package", "local-postgres"]))?;
    run(command)
}
