//! Version-named schemas: each version of a view has its own, so that two binaries can work side by side.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row};

use super::fold::ProjectionType;
use super::table_sql::quoted;

/// The schemas that readers look in: they use unqualified names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPath(Arc<str>);

impl SearchPath {
    /// Of the schemas of these projections.
    #[must_use]
    pub fn of(projections: &[ProjectionType]) -> Self {
        let names: Vec<_> =
            projections.iter().map(|projection| quoted(&projection.schema_name())).collect();
        Self(names.join(", ").into())
    }

    /// The value of the setting `search_path`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Sets it on a connection; for a pool's `after_connect`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_on(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let sql = format!("set search_path to {}", self.0);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
        Ok(())
    }
}

/// Makes the tables of views that have none yet, and answers where readers find them. Older versions keep their tables for a
/// way back, marked retired.
///
/// # Errors
/// When the database fails or a schema's SQL is wrong.
pub async fn prepare(
    pool: &PgPool,
    projections: &[ProjectionType],
) -> Result<SearchPath, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    sqlx::query(include_str!("sql/build_lock.sql")).execute(&mut *transaction).await?;
    for projection in projections {
        prepare_one(&mut transaction, projection).await?;
    }
    transaction.commit().await?;
    Ok(SearchPath::of(projections))
}

/// The schemas that hold tables of a view: of every version and build, whatever it is for.
///
/// # Errors
/// When the database fails.
pub async fn schemas_of(pool: &PgPool, name: &str) -> Result<Vec<String>, sqlx::Error> {
    let rows =
        sqlx::query(include_str!("sql/build_schemas.sql")).bind(name).fetch_all(pool).await?;
    rows.iter().map(|row| row.try_get("schema_name")).collect()
}

/// Uses the tables of one schema until the end of the transaction.
///
/// # Errors
/// When the database fails.
pub async fn enter_schema(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let sql = format!("set local search_path to {}", quoted(schema));
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

async fn prepare_one(
    connection: &mut PgConnection,
    projection: &ProjectionType,
) -> Result<(), sqlx::Error> {
    let (version, schema) =
        (i32::try_from(projection.version).unwrap_or(i32::MAX), projection.schema_name());
    let found = sqlx::query(include_str!("sql/build_find.sql"))
        .bind(projection.name)
        .bind(version)
        .fetch_optional(&mut *connection)
        .await?;
    match found {
        Some(row) => {
            let schema: String = row.try_get("schema_name")?;
            sqlx::query(include_str!("sql/build_activate.sql"))
                .bind(projection.name)
                .bind(version)
                .bind(schema)
                .execute(&mut *connection)
                .await?;
        }
        None => {
            create(connection, &schema, projection.schema_sql).await?;
            sqlx::query(include_str!("sql/build_insert.sql"))
                .bind(projection.name)
                .bind(version)
                .bind(&schema)
                .execute(&mut *connection)
                .await?;
        }
    }
    sqlx::query(include_str!("sql/build_retire_older.sql"))
        .bind(projection.name)
        .bind(version)
        .execute(connection)
        .await?;
    Ok(())
}

async fn create(
    connection: &mut PgConnection,
    schema: &str,
    sql: &'static str,
) -> Result<(), sqlx::Error> {
    let schema = quoted(schema);
    let before = format!("create schema {schema}; set local search_path to {schema}");
    sqlx::raw_sql(AssertSqlSafe(before)).execute(&mut *connection).await?;
    sqlx::raw_sql(sql).execute(&mut *connection).await?;
    sqlx::raw_sql("set local search_path to default").execute(connection).await?;
    Ok(())
}
