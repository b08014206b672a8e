//! Forward-only migrations of the log and of the operational tables, run over the owner's connection.

use std::borrow::Cow;

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{PgConnection, SqlSafeStr};

/// One migration: version, name, SQL. Versions are unique over all crates.
pub type MigrationSource = (i64, &'static str, &'static str);

/// The log's own migrations.
pub const MIGRATIONS: &[MigrationSource] = &[
    (1, "log", include_str!("../migrations/0001_log.sql")),
    (3001, "append", include_str!("../migrations/0002_append.sql")),
    (3002, "projection engine", include_str!("../migrations/0003_projection.sql")),
    (3003, "append trusts new ids", include_str!("../migrations/0004_append_trusts_new_ids.sql")),
    (9001, "application role", include_str!("../migrations/0009_role.sql")),
    (9012, "commits of the directory", include_str!("../migrations/0011_directory_commits.sql")),
    (9101, "workspace seals", include_str!("../migrations/0010_workspace_seal.sql")),
    (9301, "age of snapshots", include_str!("../migrations/0012_snapshot_age.sql")),
    (15001, "builds of views", include_str!("../migrations/0015_builds.sql")),
    (15002, "append plans once", include_str!("../migrations/0016_append_plans_once.sql")),
];

/// Brings a database up to date: the log's migrations and those of the other crates, in order of version.
///
/// # Errors
/// When a statement fails, or an applied migration was changed afterwards.
pub async fn migrate(
    owner: &mut PgConnection,
    others: &[&[MigrationSource]],
) -> Result<(), MigrateError> {
    let all: Vec<Migration> = MIGRATIONS
        .iter()
        .chain(others.iter().flat_map(|list| list.iter()))
        .map(|(version, name, sql)| {
            Migration::new(
                *version,
                Cow::Borrowed(name),
                MigrationType::Simple,
                sql.into_sql_str(),
                false,
            )
        })
        .collect();
    owner.ensure_migrations_table(TABLE).await.ok();
    let mut migrator = Migrator::with_migrations(all);
    migrator.dangerous_set_table_name(TABLE);
    migrator.run_direct(None, owner, false).await
}

const TABLE: &str = "public.ledgerdesk_migration";
