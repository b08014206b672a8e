//! The same work while somebody holds on to an old state of the database, as a dump does, and without; in turns, since the
//! machine is not the same from one minute to the next.

use crate::domain;
use crate::setup::Setup;
use crate::table::Table;

const CALLERS: usize = 64;
const WITHOUT: &str = "library, 64 callers, no snapshot held";
const WITH: &str = "library, 64 callers, under a snapshot held open";

pub async fn measure(setup: &Setup, table: &mut Table, rounds: u64) {
    for round in 0..rounds {
        eprintln!("pair {} of {rounds}", round + 1);
        if round % 2 == 0 {
            domain::measure_as(setup, table, CALLERS, WITHOUT).await;
            held(setup, table).await;
        } else {
            held(setup, table).await;
            domain::measure_as(setup, table, CALLERS, WITHOUT).await;
        }
    }
}

async fn held(setup: &Setup, table: &mut Table) {
    let mut report = setup.pool.begin_with("begin isolation level repeatable read").await.unwrap();
    let look = "select count(*) from es.commit";
    sqlx::query(look).execute(&mut *report).await.unwrap();
    domain::measure_as(setup, table, CALLERS, WITH).await;
    report.rollback().await.unwrap();
}

pub fn ratio(table: &Table) {
    table.ratio(WITH, WITHOUT, "commands/s");
}
