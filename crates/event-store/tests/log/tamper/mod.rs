//! Whatever somebody who owns the database does to a row of the log is found, and named.

mod attempt;
mod forgery;
pub mod history;
mod table;

use decider::WorkspaceId;
use event_store::log::{Verification, VerifyReport, strangers};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::database::Database;
use attempt::{Done, HOW, attempt};
use table::{Table, run, tables};

/// How many manipulations are tried of each kind on each table, unless `LEDGERDESK_TEST_TAMPERS` says otherwise.
const TAMPERS: usize = 5;
/// Where chance begins, unless `LEDGERDESK_TEST_SEED` says otherwise.
const SEED: u64 = 20_261_122;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// What is found in a transaction: per workspace, and rows of workspaces that nobody knows.
struct Found {
    reports: Vec<(Uuid, VerifyReport)>,
    strangers: Vec<WorkspaceId>,
}

impl Found {
    fn of(&self, ws: Uuid) -> Option<&VerifyReport> {
        self.reports.iter().find(|(known, _)| *known == ws).map(|(_, report)| report)
    }
}

async fn verify(transaction: &mut PgConnection, known: &[Uuid], streams_max: usize) -> Found {
    let mut all: Vec<Uuid> = sqlx::query_scalar("select ws from es.workspace")
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
    all.extend(known);
    all.sort_unstable();
    all.dedup();
    let mut reports = Vec::new();
    for ws in all {
        let verification = Verification { streams_max, ..Verification::of(WorkspaceId(ws)) };
        reports.push((ws, verification.run_in(transaction, |_| {}).await.unwrap()));
    }
    Found { reports, strangers: strangers(transaction).await.unwrap() }
}

/// A log, without the keys that would keep its owner from the coarser manipulations, and a connection of the owner.
pub async fn fixture(database: &Database) -> (PgConnection, [Uuid; 2]) {
    let workspaces = history::write(database).await.map(|ws| ws.0);
    let mut owner = PgConnection::connect(&database.url).await.unwrap();
    let copy =
        "create temporary table before as select ws, no, first_pos, last_pos, hash from es.commit";
    run(&mut owner, copy.to_owned()).await.unwrap();
    (owner, workspaces)
}

/// Every column of every table meets every kind of manipulation that fits it.
fn cases(tables: &[Table], rounds: usize) -> Vec<(usize, Option<usize>, attempt::How)> {
    let mut cases = Vec::new();
    for _ in 0..rounds {
        for (index, table) in tables.iter().enumerate() {
            for how in HOW {
                if how.is_of_a_column() {
                    cases.extend((0..table.columns.len()).map(|column| (index, Some(column), how)));
                } else {
                    cases.push((index, None, how));
                }
            }
        }
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bit_of_any_column_and_any_row_removed_added_or_exchanged_is_found_and_named() {
    let seed = setting("LEDGERDESK_TEST_SEED").unwrap_or(SEED);
    let rounds = setting("LEDGERDESK_TEST_TAMPERS").map_or(TAMPERS, |count| count as usize);
    let mut chance = StdRng::seed_from_u64(seed);
    let database = Database::new().await;
    let (mut owner, workspaces) = fixture(&database).await;
    let tables = tables(&mut owner).await;
    table::drop_keys(&mut owner).await;
    let clean = verify(&mut owner.begin().await.unwrap(), &workspaces, 2).await;
    for (_, report) in &clean.reports {
        assert_eq!(report.findings, [], "nothing was changed yet");
        assert!(report.events > 50 && report.claims > 10, "{report:?}");
    }
    let (mut tried, mut done) = (0, 0);
    for (index, column, how) in cases(&tables, rounds) {
        tried += 1;
        let table = &tables[index];
        let column = column.map(|column| &table.columns[column]);
        let mut transaction = owner.begin().await.unwrap();
        let Some(changed) = attempt(&mut transaction, &mut chance, table, (column, how)).await
        else {
            continue;
        };
        done += 1;
        let streams_max = if chance.random_bool(0.5) { 2 } else { 1_000 };
        let found = verify(&mut transaction, &workspaces, streams_max).await;
        judge(&found, &changed, &workspaces, &format!("seed {seed}, case {tried}: {changed:?}"));
        transaction.rollback().await.unwrap();
    }
    assert!(done > tried * 4 / 5, "{done} of {tried} manipulations could be made");
    drop(owner);
    database.remove().await;
}

/// What was changed must be found where it was, and nothing elsewhere.
fn judge(found: &Found, changed: &Done, workspaces: &[Uuid], case: &str) {
    let last = |ws| found.of(ws).map_or(0, |report| report.commits as i64);
    for ws in workspaces {
        let places: Vec<i64> = changed
            .places
            .iter()
            .filter(|place| place.ws == *ws)
            .map(|place| place.commit)
            .collect();
        let report = found.of(*ws).unwrap();
        if places.is_empty() {
            assert_eq!(report.findings, [], "a false alarm: {case}");
            continue;
        }
        let first = report.findings.first().unwrap_or_else(|| panic!("not found: {case}"));
        let named = places.iter().any(|commit| {
            let (there, named) = ((*commit).clamp(0, last(*ws)), first.commit as i64);
            (there..=there + 1).contains(&named) || named == *commit
        });
        assert!(named, "named elsewhere: {case}: {:?}", report.findings);
        if let Some(position) = changed.position {
            let here = |finding: &event_store::log::Finding| {
                finding.position.is_some_and(|named| named.0 as i64 == position)
            };
            assert!(
                report.findings.iter().any(here),
                "position {position}: {case}: {:?}",
                report.findings
            );
        }
    }
    for place in &changed.places {
        if !workspaces.contains(&place.ws) {
            let stranger = found.strangers.contains(&WorkspaceId(place.ws));
            let suspect = found.of(place.ws).is_some_and(|report| !report.findings.is_empty());
            assert!(stranger || suspect, "rows of nobody: {case}");
        }
    }
}
