//! Repository tasks: `cargo xtask ci | arrows | layout | postgres | soak | soak-hour`.

mod arrows;
mod ci;
mod layout;
mod postgres;
mod run;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask TASK\n
  ci         everything that has to hold before a change goes in
  arrows     which crate may use which
  layout     file headers and sizes
  postgres   find the server programs, or get them
  soak       the random tests with many more cases, then soak-hour
  soak-hour  the program under half its load for an hour (MINUTES)";

fn main() -> ExitCode {
    let task = std::env::args().nth(1).unwrap_or_default();
    let done = match task.as_str() {
        "ci" => ci::all(),
        "arrows" => arrows::check(),
        "layout" => layout::check(),
        "postgres" => postgres::ensure().map(drop),
        "soak" => ci::soak(),
        "soak-hour" => ci::soak_hour(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask {task}: {failure}");
            ExitCode::FAILURE
        }
    }
}
