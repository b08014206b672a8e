//! Runs Ledgerdesk and its peers against each other on one private Postgres with fsync on, and prints figures and ratios.
//!
//! `ROUNDS` (7), `SECONDS` per measurement (2), `CALLERS` (1,16,64), `EVENTS` of the catch-up (1000000, 0 leaves it out),
//! `CATCH_UP_SECONDS` (30, at most for each) and `PEERS` (all) change it. `SWEEP=1` looks for the best pool sizes instead.

mod catch_up;
mod figures;
mod machine;
mod peer;
mod postgres;
mod rounds;
mod settings;
mod sweep;

use postgres::Postgres;
use settings::Settings;

fn main() {
    let settings = Settings::from_environment();
    let postgres = Postgres::start();
    println!("{}\n", postgres.describe());
    if settings.sweep {
        sweep::run(&settings, &postgres);
        return;
    }
    rounds::run(&settings, &postgres);
    if settings.events > 0 {
        catch_up::run(&settings, &postgres);
    }
}
