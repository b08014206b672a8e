//! Makes the database when it is missing and brings it up to date, one starter at a time.

use std::time::{Duration, Instant};

use decider::WorkspaceId;
use event_store::migrate::MigrationSource;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use super::place::{connect, shown};
use super::{DatabaseError, Starter};

/// The migrations of the crates beside the log.
pub const MIGRATIONS: &[&[MigrationSource]] = &[vault::MIGRATIONS, ops::MIGRATIONS];
/// The oldest major version this program works with.
pub const MAJOR_MIN: i32 = 15;

/// The database every server has, to make others from.
const MAINTENANCE: &str = "postgres";
/// One starter prepares at a time, per database.
const LOCK: i64 = 0x6c64_6b5f_7072_6570;
/// How long a server that is just starting is waited for.
const STARTING_PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(200);

/// Makes the database ready and answers its workspaces, oldest first; makes the first one, unless one is about to be taken in.
pub async fn prepare(
    owner: &PgConnectOptions,
    starter: Starter,
) -> Result<Vec<WorkspaceId>, DatabaseError> {
    let mut connection = reach(owner).await?;
    check_version(&mut connection).await?;
    sqlx::query(include_str!("sql/prepare_lock.sql"))
        .bind(LOCK)
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    let prepared = prepare_locked(&mut connection, starter).await;
    // Closing the session gives the lock back, whatever happened.
    connection.close().await.ok();
    prepared
}

async fn prepare_locked(
    connection: &mut PgConnection,
    starter: Starter,
) -> Result<Vec<WorkspaceId>, DatabaseError> {
    event_store::migrate::migrate(connection, MIGRATIONS).await.map_err(DatabaseError::Migrate)?;
    let known = workspaces(connection).await?;
    if !known.is_empty() || starter == Starter::Taker {
        return Ok(known);
    }
    let first = Uuid::now_v7();
    sqlx::query(include_str!("sql/open_workspace.sql"))
        .bind(first)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(vec![WorkspaceId(first)])
}

async fn workspaces(connection: &mut PgConnection) -> Result<Vec<WorkspaceId>, DatabaseError> {
    let rows = sqlx::query(include_str!("sql/workspaces.sql"))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(|row| row.try_get(0).map(WorkspaceId).map_err(failed)).collect()
}

/// Connects; makes the database when it is missing; waits for a server that is just starting.
async fn reach(owner: &PgConnectOptions) -> Result<PgConnection, DatabaseError> {
    let deadline = Instant::now() + STARTING_PATIENCE;
    loop {
        let source = match PgConnection::connect_with(owner).await {
            Ok(connection) => return Ok(connection),
            Err(source) => source,
        };
        match code(&source).as_deref() {
            Some("3D000") => create(owner).await?,
            Some("57P03") if Instant::now() < deadline => {}
            _ => return Err(DatabaseError::Connect { database: shown(owner), source }),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn create(owner: &PgConnectOptions) -> Result<(), DatabaseError> {
    let Some(name) = owner.get_database() else { return Ok(()) };
    let mut connection = connect(&owner.clone().database(MAINTENANCE)).await?;
    let quoted = name.replace('"', "\"\"");
    let statement = sqlx::AssertSqlSafe(format!(
        "create database \"{quoted}\" encoding 'UTF8' template template0"
    ));
    let made = sqlx::raw_sql(statement).execute(&mut connection).await;
    connection.close().await.ok();
    match made {
        Ok(_) => {
            tracing::info!("the database was made");
            Ok(())
        }
        // Another starter was first.
        Err(error) if matches!(code(&error).as_deref(), Some("42P04" | "23505")) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

async fn check_version(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    let row = sqlx::query(include_str!("sql/server_version.sql"))
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    let number: i32 = row.try_get(0).map_err(failed)?;
    if number / 10_000 >= MAJOR_MIN {
        return Ok(());
    }
    Err(DatabaseError::TooOld { version: row.try_get(1).map_err(failed)? })
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned())
}

fn failed(error: sqlx::Error) -> DatabaseError {
    DatabaseError::Prepare(error)
}
