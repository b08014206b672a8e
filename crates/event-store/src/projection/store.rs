//! The tables of one projection in Postgres: read before a fold, written after it, the checkpoint first.

use std::sync::atomic::{AtomicU32, Ordering};

use decider::WorkspaceId;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, Connection, PgConnection};

use super::checkpoint::{self, Checkpoint};
use super::copy;
use super::error::{Fault, StepError, is_unique_violation, refuses_values};
use super::fold::{Fold, Projection, ProjectionType};
use super::rows::{AnyTable, RowSet};
use super::table_sql::{TableSql, safe};

/// What a lost checkpoint loses with it: its rows. So nothing waits for the disk. Only look-ups by key happen in here.
const BEGIN: &str = "begin; set local synchronous_commit = off; set local enable_seqscan = off; \
                     set local enable_hashjoin = off; set local enable_mergejoin = off";

/// How much of a `copy` is handed over at once.
const COPY_PART_BYTES: usize = 256 << 10;

/// Makes a batch fail before its n-th statement, for tests of "exactly once".
#[derive(Debug)]
pub struct CrashPoint(AtomicU32);

impl CrashPoint {
    /// Never.
    #[must_use]
    pub const fn never() -> Self {
        Self(AtomicU32::new(u32::MAX))
    }

    /// Before the n-th statement (from 0) of the writing transaction, its commit included; one later is right after it.
    #[must_use]
    pub const fn at(statement: u32) -> Self {
        Self(AtomicU32::new(statement))
    }

    fn pass(&self) -> Result<(), sqlx::Error> {
        match self.0.load(Ordering::Relaxed) {
            u32::MAX => Ok(()),
            0 => Err(sqlx::Error::Io(std::io::Error::other("a crash made by a test"))),
            left => {
                self.0.store(left - 1, Ordering::Relaxed);
                Ok(())
            }
        }
    }
}

/// Why rows could not be written.
#[derive(Debug)]
pub(super) enum WriteError {
    /// Another owner was faster.
    Fenced,
    /// A value cannot stand in its column.
    Refused(sqlx::Error),
    /// Anything else.
    Step(StepError),
}

/// The rows of one table, ready to be sent.
pub(super) struct EncodedRows {
    copy: Option<Vec<u8>>,
    updates: Option<PgArguments>,
    deletes: Option<PgArguments>,
}

/// The tables of one projection of one workspace.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) ws: WorkspaceId,
    pub(super) schema: String,
    pub(super) tables: Vec<TableSql>,
}

impl Store {
    pub(super) fn new(ws: WorkspaceId, projection: &ProjectionType) -> Self {
        let schema = projection.schema_name();
        let tables =
            (projection.tables)().iter().map(|table| TableSql::new(&schema, table)).collect();
        Self { ws, schema, tables }
    }

    /// Reads every announced row, one query per table.
    pub(super) async fn prefetch(
        &self,
        connection: &mut PgConnection,
        fold: &mut dyn Fold,
    ) -> Result<(), sqlx::Error> {
        for (index, sql) in self.tables.iter().enumerate() {
            let mut arguments = self.arguments()?;
            let Some(wanted) = fold.tables().get(index).map(|table| table.wanted(&mut arguments))
            else {
                continue;
            };
            if wanted.map_err(sqlx::Error::Encode)? == 0 {
                continue;
            }
            let rows = sqlx::query_with(safe(&sql.prefetch), arguments)
                .fetch_all(&mut *connection)
                .await?;
            if let Some(table) = fold.tables_mut().into_iter().nth(index) {
                table.load(&rows)?;
            }
        }
        Ok(())
    }

    /// Writes checkpoint, newly quarantined streams and rows in one transaction.
    pub(super) async fn write(
        &self,
        connection: &mut PgConnection,
        fold: &dyn Fold,
        (checkpoint, quarantined): (&Checkpoint, &[Fault]),
        crash: &CrashPoint,
    ) -> Result<(), WriteError> {
        let mut transaction = connection.begin_with(BEGIN).await.map_err(step)?;
        self.write_in(&mut transaction, fold, (checkpoint, quarantined), crash).await?;
        crash.pass().map_err(step)?;
        transaction.commit().await.map_err(step)?;
        crash.pass().map_err(step)
    }

    /// The rows of a fold as a rebuild sends them: those that are new by `copy`.
    pub(super) fn encode(&self, fold: &dyn Fold) -> Result<Vec<EncodedRows>, sqlx::Error> {
        fold.tables().into_iter().map(|table| self.encode_table(table)).collect()
    }

    fn encode_table(&self, table: &dyn AnyTable) -> Result<EncodedRows, sqlx::Error> {
        let mut rows = copy::HEADER.to_vec();
        let some = table.copies(self.ws.0, &mut rows).map_err(sqlx::Error::Encode)? > 0;
        rows.extend_from_slice(&copy::TRAILER);
        let mut updates = self.arguments()?;
        let updated = table.updates(&mut updates).map_err(sqlx::Error::Encode)? > 0;
        let mut deletes = self.arguments()?;
        let deleted = table.deletes(&mut deletes).map_err(sqlx::Error::Encode)? > 0;
        Ok(EncodedRows {
            copy: some.then_some(rows),
            updates: updated.then_some(updates),
            deletes: deleted.then_some(deletes),
        })
    }

    /// Writes checkpoint, newly quarantined streams and encoded rows in one transaction.
    pub(super) async fn write_encoded(
        &self,
        connection: &mut PgConnection,
        rows: Vec<EncodedRows>,
        (checkpoint, quarantined): (&Checkpoint, &[Fault]),
    ) -> Result<(), WriteError> {
        let mut transaction = connection.begin_with(BEGIN).await.map_err(step)?;
        self.write_checkpoint(&mut transaction, (checkpoint, quarantined), &CrashPoint::never())
            .await?;
        for (rows, sql) in rows.into_iter().zip(&self.tables) {
            if let Some(rows) = rows.copy {
                copy_new(&mut transaction, &rows, sql).await?;
            }
            for (arguments, sql) in [(rows.updates, &sql.upsert), (rows.deletes, &sql.delete)] {
                let Some(arguments) = arguments else { continue };
                let written =
                    sqlx::query_with(safe(sql), arguments).execute(&mut *transaction).await;
                written.map_err(refused_or_step)?;
            }
        }
        transaction.commit().await.map_err(step)
    }

    /// The same without a trace: whether the database would take the rows.
    pub(super) async fn try_write(
        &self,
        connection: &mut PgConnection,
        fold: &dyn Fold,
        checkpoint: &Checkpoint,
    ) -> Result<(), WriteError> {
        let mut transaction = connection.begin_with(BEGIN).await.map_err(step)?;
        self.write_in(&mut transaction, fold, (checkpoint, &[]), &CrashPoint::never()).await?;
        transaction.rollback().await.map_err(step)
    }

    async fn write_in(
        &self,
        transaction: &mut PgConnection,
        fold: &dyn Fold,
        (checkpoint, quarantined): (&Checkpoint, &[Fault]),
        crash: &CrashPoint,
    ) -> Result<(), WriteError> {
        self.write_checkpoint(transaction, (checkpoint, quarantined), crash).await?;
        for (table, sql) in fold.tables().into_iter().zip(&self.tables) {
            let mut arguments = self.arguments().map_err(step)?;
            if table.upserts(&mut arguments).map_err(|error| step(sqlx::Error::Encode(error)))? > 0
            {
                crash.pass().map_err(step)?;
                let written =
                    sqlx::query_with(safe(&sql.upsert), arguments).execute(&mut *transaction).await;
                written.map_err(refused_or_step)?;
            }
            self.delete(transaction, table, (sql, crash)).await?;
        }
        Ok(())
    }

    async fn write_checkpoint(
        &self,
        transaction: &mut PgConnection,
        (checkpoint, quarantined): (&Checkpoint, &[Fault]),
        crash: &CrashPoint,
    ) -> Result<(), WriteError> {
        crash.pass().map_err(step)?;
        // First: its key decides who owns this view.
        match checkpoint::insert(transaction, self.ws, &self.schema, checkpoint).await {
            Ok(true) => {}
            Ok(false) => return Err(WriteError::Fenced),
            Err(error) if is_unique_violation(&error) => return Err(WriteError::Fenced),
            Err(error) => return Err(step(error)),
        }
        if !quarantined.is_empty() {
            crash.pass().map_err(step)?;
            self.write_quarantine(transaction, quarantined).await.map_err(step)?;
        }
        Ok(())
    }

    async fn delete(
        &self,
        transaction: &mut PgConnection,
        table: &dyn AnyTable,
        (sql, crash): (&TableSql, &CrashPoint),
    ) -> Result<(), WriteError> {
        let mut arguments = self.arguments().map_err(step)?;
        if table.deletes(&mut arguments).map_err(|error| step(sqlx::Error::Encode(error)))? > 0 {
            crash.pass().map_err(step)?;
            let deleted =
                sqlx::query_with(safe(&sql.delete), arguments).execute(&mut *transaction).await;
            deleted.map_err(step)?;
        }
        Ok(())
    }

    async fn write_quarantine(
        &self,
        connection: &mut PgConnection,
        quarantined: &[Fault],
    ) -> Result<(), sqlx::Error> {
        let streams: Vec<_> = quarantined.iter().map(|fault| fault.stream).collect();
        let positions: Vec<_> =
            quarantined.iter().map(|fault| checkpoint::signed(fault.position)).collect();
        let errors: Vec<_> = quarantined.iter().map(|fault| fault.cause.to_string()).collect();
        sqlx::query(include_str!("sql/quarantine_insert.sql"))
            .bind(self.ws.0)
            .bind(&self.schema)
            .bind(streams)
            .bind(positions)
            .bind(errors)
            .execute(connection)
            .await?;
        Ok(())
    }

    fn arguments(&self) -> Result<PgArguments, sqlx::Error> {
        let mut arguments = PgArguments::default();
        arguments.add(self.ws.0).map_err(sqlx::Error::Encode)?;
        Ok(arguments)
    }
}

async fn copy_new(
    transaction: &mut PgConnection,
    rows: &[u8],
    sql: &TableSql,
) -> Result<(), WriteError> {
    let mut copying = transaction.copy_in_raw(&sql.copy).await.map_err(step)?;
    for part in rows.chunks(COPY_PART_BYTES) {
        let sent = copying.send(part).await.map(drop);
        if let Err(error) = sent {
            copying.abort("the rows could not be sent").await.ok();
            return Err(step(error));
        }
    }
    copying.finish().await.map(drop).map_err(refused_or_step)
}

/// All rows of a view of one workspace, as they stand in Postgres: for comparing them with a fold.
///
/// # Errors
/// When the database fails, or a row does not hold what its type says.
pub async fn read_rows<P: Projection>(
    connection: &mut PgConnection,
    ws: WorkspaceId,
) -> Result<P::Rows, sqlx::Error> {
    read_rows_of::<P>(connection, ws, &ProjectionType::of::<P>()).await
}

/// The same of another build.
///
/// # Errors
/// When the database fails, or a row does not hold what its type says.
pub async fn read_rows_of<P: Projection>(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    build: &ProjectionType,
) -> Result<P::Rows, sqlx::Error> {
    let store = Store::new(ws, build);
    let mut rows = P::Rows::default();
    for (table, sql) in rows.tables_mut().into_iter().zip(&store.tables) {
        let found = sqlx::query_with(safe(&sql.read_all), store.arguments()?)
            .fetch_all(&mut *connection)
            .await?;
        table.load(&found)?;
    }
    Ok(rows)
}

fn step(error: sqlx::Error) -> WriteError {
    WriteError::Step(StepError::of_sql(error))
}

fn refused_or_step(error: sqlx::Error) -> WriteError {
    if refuses_values(&error) { WriteError::Refused(error) } else { step(error) }
}
