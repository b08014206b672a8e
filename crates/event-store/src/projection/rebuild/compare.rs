//! Two builds of the same code hold the same rows at the same place in the log: counted and summed over, in snapshots that stand
//! still while both go on; where the sums differ, the rows are named.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use decider::{LogPosition, WorkspaceId};
use serde::{Deserialize, Serialize};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, Row, Transaction};
use tokio::time::sleep;

use super::Workshop;
use super::catch_up::Held;
use super::error::RebuildError;
use crate::projection::checkpoint;
use crate::projection::fold::ProjectionType;
use crate::projection::rows::TableDef;
use crate::projection::store::Store;
use crate::projection::table_sql::{TableSql, keep_tables, safe};

/// So many rows are named; of the others only the fact is told.
const NAMED_MAX: usize = 100;
/// A pause before the next try when the other build was ahead.
const PAUSE: Duration = Duration::from_millis(10);
/// A snapshot that reads whole tables.
const SNAPSHOT: &str = "begin isolation level repeatable read read only; set local enable_seqscan = on; \
                        set local idle_in_transaction_session_timeout = 0; set local jit = off";

/// Keys may be destroyed between the folds of two builds; then they are compared again, at most so many times.
const LOOKS_MAX: u32 = 3;

/// A row that is not as the log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The key of the row, without the workspace: `ticket=…`.
    pub key: String,
    /// What is wrong with it.
    pub what: DifferenceKind,
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The log gives it, and the table does not hold it.
    Missing,
    /// The table holds it, and the log does not give it.
    Extra,
    /// It holds something else than the log gives.
    Changed,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            DifferenceKind::Missing => "is missing",
            DifferenceKind::Extra => "should not be there",
            DifferenceKind::Changed => "differs",
        };
        write!(f, "{}: the row {} {what}", self.table, self.key)
    }
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) rows: u64,
    pub(super) differences: Vec<Difference>,
}

/// A snapshot of one build, and what reads it.
struct Side<'a> {
    transaction: Transaction<'a, Postgres>,
    store: Store,
}

impl Workshop {
    /// Compares what readers see with a build that only this process moves.
    pub(super) async fn compare(
        &self,
        present: ProjectionType,
        built: &mut Held,
        ws: WorkspaceId,
    ) -> Result<Compared, RebuildError> {
        let mut compared = self.compare_once(present, built, ws).await?;
        for _ in 1..LOOKS_MAX {
            if compared.differences.is_empty() || !present.opens {
                break;
            }
            // Who was forgotten between the two folds stands in one of them, until both have come to the event that says so.
            // It came to the log before their keys were destroyed.
            let head = self.reader.head(ws).await?.position;
            self.reach(present, ws, head).await?;
            compared = self.compare_once(present, built, ws).await?;
        }
        Ok(compared)
    }

    async fn compare_once(
        &self,
        projection: ProjectionType,
        built: &mut Held,
        ws: WorkspaceId,
    ) -> Result<Compared, RebuildError> {
        let built_as = built.projection;
        let mut connection = self.pool.acquire().await?;
        loop {
            let mut seen = Side::of(&mut connection, (ws, &projection)).await?;
            let place = seen.place(ws).await?;
            let standing = self.standing(&built_as, ws).await?;
            if standing.position > place {
                seen.transaction.rollback().await?;
                self.reach(projection, ws, standing.position).await?;
                sleep(PAUSE).await;
                continue;
            }
            self.advance_to(built, place).await?;
            let mut other = self.pool.acquire().await?;
            let mut folded = Side::of(&mut other, (ws, &built_as)).await?;
            if folded.place(ws).await? != place {
                continue;
            }
            let mut compared = Compared::default();
            for (index, table) in (projection.tables)().into_iter().enumerate() {
                table_of(&mut seen, &mut folded, (index, table), &mut compared).await?;
            }
            return Ok(compared);
        }
    }
}

impl<'a> Side<'a> {
    async fn of(
        connection: &'a mut PoolConnection<Postgres>,
        (ws, projection): (WorkspaceId, &ProjectionType),
    ) -> Result<Self, RebuildError> {
        let transaction = snapshot(connection, projection).await?;
        Ok(Self { transaction, store: Store::new(ws, projection) })
    }

    /// Where it stands in the log; the first question, with which the snapshot is taken.
    async fn place(&mut self, ws: WorkspaceId) -> Result<LogPosition, RebuildError> {
        let schema = self.store.schema.clone();
        Ok(checkpoint::read(&mut self.transaction, ws, &schema).await?.position)
    }

    fn sql(&self, index: usize) -> Result<TableSql, RebuildError> {
        let sql = self.store.tables.get(index);
        sql.cloned().ok_or(RebuildError::Stopping)
    }
}

/// Begins a transaction whose first question takes a snapshot. The tables are kept from being written anew before that: to an older
/// snapshot a table that was written anew is empty.
pub(super) async fn snapshot<'a>(
    connection: &'a mut PgConnection,
    build: &ProjectionType,
) -> Result<Transaction<'a, Postgres>, sqlx::Error> {
    let mut transaction = sqlx::Connection::begin_with(connection, SNAPSHOT).await?;
    let keep = keep_tables(&build.schema_name(), &(build.tables)());
    sqlx::raw_sql(keep).execute(&mut *transaction).await?;
    Ok(transaction)
}

/// Count and sums of a table or of a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sums {
    rows: i64,
    one: String,
    two: String,
}

impl Sums {
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self { rows: row.try_get("rows")?, one: row.try_get("one")?, two: row.try_get("two")? })
    }
}

async fn table_of(
    seen: &mut Side<'_>,
    folded: &mut Side<'_>,
    (index, table): (usize, TableDef),
    compared: &mut Compared,
) -> Result<(), RebuildError> {
    let (ws, sql) = (seen.store.ws, (seen.sql(index)?, folded.sql(index)?));
    let (here, there) = tokio::try_join!(
        sums(&mut seen.transaction, &sql.0, ws),
        sums(&mut folded.transaction, &sql.1, ws)
    )?;
    compared.rows += here.rows.unsigned_abs();
    if here == there {
        return Ok(());
    }
    let here = parts(&mut seen.transaction, &sql.0, ws).await?;
    let there = parts(&mut folded.transaction, &sql.1, ws).await?;
    let none = Sums::default();
    let all: std::collections::BTreeSet<_> = here.keys().chain(there.keys()).copied().collect();
    for part in all {
        if here.get(&part).unwrap_or(&none) == there.get(&part).unwrap_or(&none) {
            continue;
        }
        let here = rows(&mut seen.transaction, (&sql.0, &table), (ws, part)).await?;
        let there = rows(&mut folded.transaction, (&sql.1, &table), (ws, part)).await?;
        name(table.name, &here, &there, &mut compared.differences);
        if compared.differences.len() >= NAMED_MAX {
            compared.differences.truncate(NAMED_MAX);
            return Ok(());
        }
    }
    Ok(())
}

/// The rows of a part by their keys, each with two hashes.
type Hashes = BTreeMap<String, (i64, i64)>;

fn name(table: &str, here: &Hashes, there: &Hashes, found: &mut Vec<Difference>) {
    let difference =
        |key: &String, what| Difference { table: table.to_owned(), key: key.clone(), what };
    for (key, hash) in here {
        match there.get(key) {
            None => found.push(difference(key, DifferenceKind::Extra)),
            Some(other) if other != hash => found.push(difference(key, DifferenceKind::Changed)),
            Some(_) => {}
        }
    }
    let missing = there.keys().filter(|key| !here.contains_key(*key));
    found.extend(missing.map(|key| difference(key, DifferenceKind::Missing)));
}

async fn sums(
    connection: &mut PgConnection,
    sql: &TableSql,
    ws: WorkspaceId,
) -> Result<Sums, sqlx::Error> {
    let row = sqlx::query(safe(&sql.checksum)).bind(ws.0).fetch_one(connection).await?;
    Sums::read(&row)
}

async fn parts(
    connection: &mut PgConnection,
    sql: &TableSql,
    ws: WorkspaceId,
) -> Result<BTreeMap<i32, Sums>, sqlx::Error> {
    let rows = sqlx::query(safe(&sql.part_checksums)).bind(ws.0).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get("part")?, Sums::read(row)?))).collect()
}

async fn rows(
    connection: &mut PgConnection,
    (sql, table): (&TableSql, &TableDef),
    (ws, part): (WorkspaceId, i32),
) -> Result<Hashes, sqlx::Error> {
    let rows =
        sqlx::query(safe(&sql.part_rows)).bind(ws.0).bind(part).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let key: Vec<String> = row.try_get("key")?;
            Ok((key_text(table, &key), (row.try_get("one")?, row.try_get("two")?)))
        })
        .collect()
}

/// A key as people read it.
pub(super) fn key_text(table: &TableDef, parts: &[String]) -> String {
    let named = table.columns.iter().zip(parts);
    named.map(|(column, part)| format!("{}={part}", column.name)).collect::<Vec<_>>().join(" ")
}
