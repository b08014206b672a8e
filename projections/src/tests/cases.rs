//! How many cases of a random test: fewer where each of them writes to Postgres.

use proptest::test_runner::{Config, TestRunner};

/// A runner of random cases that take a hundred times as long as those in memory. Where `PROPTEST_CASES` asks for many, as a soak
/// does, a tenth of that: minutes instead of an hour.
pub fn on_postgres(cases: u32, source_file: &'static str) -> TestRunner {
    let config = Config::default();
    let asked_for = std::env::var_os("PROPTEST_CASES").map(|_| (config.cases / 10).max(1));
    let cases = asked_for.unwrap_or(cases);
    TestRunner::new(Config { cases, source_file: Some(source_file), ..config })
}
