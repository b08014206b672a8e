//! The primary keys of a build: made when one of its rows is first looked for, at the latest when all rows are in. Made from sorted
//! rows they cost little; in place while rows come in, they need a page of their own for almost every stream, and from the size of
//! the database's memory on that is most of the work.

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row};

use super::ddl::INDEXING;
use crate::projection::error::is_unique_violation;
use crate::projection::fold::ProjectionType;
use crate::projection::rows::TableDef;
use crate::projection::table_sql::quoted;

/// Whether the rows have keys now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyed {
    Yes,
    /// Two rows have the same.
    Twice,
}

/// Prepares tables that were just made for being filled: without keys, and left alone by autovacuum, which would read all of a
/// table that grows again and again.
pub(super) fn before_filling(projection: &ProjectionType) -> String {
    let alter = |table: TableDef| {
        let (name, key) = (quoted(table.name), constraint(&table));
        format!(
            "alter table {name} drop constraint {key}, \
             set (autovacuum_enabled = false, toast.autovacuum_enabled = false);"
        )
    };
    (projection.tables)().into_iter().map(alter).collect()
}

/// The tables of a build that have no key.
pub(super) async fn missing(
    connection: &mut PgConnection,
    build: &ProjectionType,
) -> Result<Vec<TableDef>, sqlx::Error> {
    let rows = sqlx::query(include_str!("../sql/build_unkeyed.sql"))
        .bind(build.schema_name())
        .fetch_all(connection)
        .await?;
    let names: Vec<String> =
        rows.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?;
    let mut tables = (build.tables)();
    tables.retain(|table| names.iter().any(|name| name == table.name));
    Ok(tables)
}

/// Makes the key of one table.
pub(super) async fn make(
    connection: &mut PgConnection,
    build: &ProjectionType,
    table: &TableDef,
) -> Result<Keyed, sqlx::Error> {
    let columns: Vec<_> =
        table.columns[..table.keys].iter().map(|column| quoted(column.name)).collect();
    let add = format!(
        "{INDEXING}; alter table {}.{} add constraint {} primary key (ws, {})",
        quoted(&build.schema_name()),
        quoted(table.name),
        constraint(table),
        columns.join(", ")
    );
    let mut transaction = connection.begin().await?;
    match sqlx::raw_sql(AssertSqlSafe(add)).execute(&mut *transaction).await {
        Ok(_) => transaction.commit().await.map(|()| Keyed::Yes),
        Err(error) if is_unique_violation(&error) => {
            transaction.rollback().await?;
            Ok(Keyed::Twice)
        }
        Err(error) => Err(error),
    }
}

/// Makes those that are missing.
pub(super) async fn make_all(pool: &PgPool, build: &ProjectionType) -> Result<Keyed, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    for table in missing(&mut connection, build).await? {
        if make(&mut connection, build, &table).await? == Keyed::Twice {
            return Ok(Keyed::Twice);
        }
    }
    Ok(Keyed::Yes)
}

/// Empties a build in which a key is there twice and makes its keys: folded once more, the database refuses the second row at
/// its event.
pub(super) async fn begin_again(pool: &PgPool, build: &ProjectionType) -> Result<(), sqlx::Error> {
    let schema = build.schema_name();
    let place = |table: TableDef| format!("{}.{}", quoted(&schema), quoted(table.name));
    let tables: Vec<_> = (build.tables)().into_iter().map(place).collect();
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let truncate = format!("truncate {}", tables.join(", "));
    sqlx::raw_sql(AssertSqlSafe(truncate)).execute(&mut *transaction).await?;
    for sql in [
        include_str!("../sql/build_forget_checkpoints.sql"),
        include_str!("../sql/build_forget_quarantine.sql"),
    ] {
        sqlx::query(sql).bind(&schema).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    make_all(pool, build).await.map(drop)
}

/// As Postgres names it.
fn constraint(table: &TableDef) -> String {
    quoted(&format!("{}_pkey", table.name))
}
