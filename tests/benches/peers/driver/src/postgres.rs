//! One private Postgres for all, as the product starts its own: the same settings, fsync on, a fresh database for each peer.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use local_postgres::{LocalPostgres, Settings};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// More than the product's: the peers may want up to 64 for themselves.
const CONNECTIONS_MAX: u32 = 200;

pub struct Postgres {
    runtime: Runtime,
    // Stopped before its folder goes.
    server: LocalPostgres,
    folder: TempDir,
}

impl Postgres {
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("ledgerdesk-peers").tempdir_in("/var/tmp");
        let folder = folder.expect("a folder in /var/tmp");
        // The server may run as another user than this program.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("a folder that others may enter");
        let mut settings = Settings::new(folder.path().join("data"));
        settings.extra.push(("max_connections".to_owned(), CONNECTIONS_MAX.to_string()));
        let server = local_postgres::open(&settings).expect("a private Postgres");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self { runtime: runtime.expect("a runtime"), server, folder }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Version and the settings that matter, for the record.
    pub fn describe(&self) -> String {
        self.runtime.block_on(async {
            let mut connection = self.connect("postgres").await;
            sqlx::query_scalar(
                "select 'PostgreSQL ' || current_setting('server_version') || ': ' || string_agg(name || ' ' || current_setting(name), ', ')
                 from unnest(array['fsync', 'synchronous_commit', 'full_page_writes', 'wal_compression', 'shared_buffers',
                                   'max_wal_size', 'max_connections', 'jit']) as name",
            )
            .fetch_one(&mut connection)
            .await
            .expect("the settings")
        })
    }

    /// A fresh database and an empty folder.
    pub fn database(&self, name: &str) -> Database<'_> {
        self.run("postgres", &format!("create database \"{name}\""));
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        Database { postgres: self, name: name.to_owned(), folder }
    }

    fn run(&self, database: &str, sql: &str) {
        self.runtime.block_on(async {
            let mut connection = self.connect(database).await;
            let sql = AssertSqlSafe(sql.to_owned());
            sqlx::raw_sql(sql).execute(&mut connection).await.expect("a statement of the driver");
            let _ = connection.close().await;
        });
    }

    async fn connect(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.server.url(database)).await.expect("a connection")
    }
}

/// Dropped, it is gone.
pub struct Database<'a> {
    postgres: &'a Postgres,
    name: String,
    pub folder: PathBuf,
}

impl Database<'_> {
    pub fn url(&self) -> String {
        self.postgres.server.url(&self.name)
    }

    /// After a filling: statistics are there, and what was written is on disk.
    pub fn settle(&self) {
        self.postgres.run(&self.name, "vacuum analyze");
        self.postgres.run(&self.name, "checkpoint");
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let drop = format!("drop database \"{}\" with (force)", self.name);
        self.postgres.run("postgres", &drop);
    }
}
