//! A database of its own for each test, on the shared throw-away cluster; dropped with the value.

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;

pub struct Database {
    pub pool: PgPool,
    pub folder: tempfile::TempDir,
    name: String,
    admin_url: String,
}

impl Database {
    pub async fn new() -> Self {
        let postgres = tokio::task::spawn_blocking(local_postgres::scratch::shared_for_tests)
            .await
            .unwrap()
            .unwrap();
        let (name, admin_url) =
            (format!("test_{}", Uuid::now_v7().simple()), postgres.url("postgres"));
        run(&admin_url, format!("create database {name}")).await;
        let pool = PgPool::connect(&postgres.url(&name)).await.unwrap();
        for (_, _, sql) in vault::MIGRATIONS.iter().chain(ops::MIGRATIONS) {
            sqlx::raw_sql(*sql).execute(&pool).await.unwrap();
        }
        Self { pool, folder: tempfile::tempdir().unwrap(), name, admin_url }
    }

    /// A node of its own on this database.
    pub async fn vault(&self) -> vault::Vault {
        vault::Vault::open(self.pool.clone(), &self.folder.path().join("keys")).await.unwrap()
    }

    pub async fn ops(&self) -> ops::Ops {
        ops::Ops::new(self.pool.clone(), self.vault().await)
    }

    pub async fn count(&self, table: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

impl Database {
    /// All rows of a table as text, to look for what must not be there.
    pub async fn text(&self, table: &str) -> String {
        let mut connection = self.pool.acquire().await.unwrap();
        // Else bytes would show as hexadecimal, and no text would ever be found in them.
        sqlx::raw_sql("set bytea_output = 'escape'").execute(&mut *connection).await.unwrap();
        let statement = format!("select coalesce(string_agg(t::text, chr(10)), '') from {table} t");
        sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(&mut *connection).await.unwrap()
    }

    /// The keys of all drafts.
    pub async fn draft_keys(&self) -> Vec<Uuid> {
        sqlx::query_scalar("select key_id from vault.assignment where kind = 'draft'")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        let url = self.admin_url.clone();
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(run(&url, statement));
        });
        let _ = dropped.join();
    }
}

async fn run(url: &str, statement: String) {
    let mut admin = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}
