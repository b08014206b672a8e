//! A database for one test, copied from a template in a fraction of a second and dropped at its end.

use std::sync::atomic::{AtomicU32, Ordering};

use local_postgres::LocalPostgres;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::template::{self, Template};

/// A database of one test. Dropping the value drops the database.
#[derive(Debug)]
pub struct TestDatabase {
    postgres: &'static LocalPostgres,
    name: String,
    /// What the template's service was made with.
    pub(crate) template: Template,
}

impl TestDatabase {
    /// A copy of the template: migrated, with a workspace and an administrator.
    pub async fn create() -> Self {
        let postgres = shared().await;
        let template = template::ensure(postgres).await;
        let name = unique("test");
        let copy =
            format!("create database {name} template {} strategy file_copy", template.database);
        execute(postgres, &copy).await;
        // Rights on a database are not copied with it.
        let grant = format!("grant create, temporary on database {name} to ledgerdesk_app");
        execute(postgres, &grant).await;
        Self { postgres, name, template }
    }

    /// Its URL, for the owner.
    #[must_use]
    pub fn url(&self) -> String {
        self.postgres.url(&self.name)
    }

    /// A connection as the owner, who may do what the application may not.
    pub async fn owner(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.expect("the test's database can be reached")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        drop_database(self.postgres, &self.name);
    }
}

/// A Postgres of somebody's own for the real program: two roles, and no database yet. Dropping the value drops the database
/// if one was made.
#[derive(Debug)]
pub struct GivenPostgres {
    postgres: &'static LocalPostgres,
    name: String,
}

/// Owns the database; may make one, and is no superuser.
const OWNER: &str = "test_owner";
const APPLICATION: &str = "ledgerdesk_app";

impl GivenPostgres {
    /// The throw-away Postgres, seen as somebody's own.
    pub async fn get() -> Self {
        let postgres = shared().await;
        for (role, more) in [(OWNER, "createdb"), (APPLICATION, "")] {
            // Another test may make the same role at the same moment.
            let make = format!(
                "do $$ begin create role {role} login {more}; \
                 exception when duplicate_object or unique_violation then null; end $$"
            );
            execute(postgres, &make).await;
        }
        Self { postgres, name: unique("given") }
    }

    /// What `DATABASE_URL` is set to: the application.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(APPLICATION)
    }

    /// What `DATABASE_OWNER_URL` is set to.
    #[must_use]
    pub fn owner_url(&self) -> String {
        self.url_of(OWNER)
    }

    /// Makes the database, empty, and connects to it as its owner.
    pub async fn made(&self) -> PgConnection {
        execute(self.postgres, &format!("create database {} owner {OWNER}", self.name)).await;
        PgConnection::connect(&self.owner_url()).await.expect("the database can be reached")
    }

    fn url_of(&self, role: &str) -> String {
        self.postgres.url(&self.name).replacen("postgres@", &format!("{role}@"), 1)
    }
}

impl Drop for GivenPostgres {
    fn drop(&mut self) {
        drop_database(self.postgres, &self.name);
    }
}

/// Drops a database with everybody in it.
fn drop_database(postgres: &LocalPostgres, name: &str) {
    let (url, name) = (postgres.url("postgres"), name.to_owned());
    let left = name.clone();
    // A thread of its own: the test's runtime may be ending, and cannot be waited on from here.
    let dropped = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async move {
            let mut connection =
                PgConnection::connect(&url).await.map_err(std::io::Error::other)?;
            let statement = format!("drop database if exists {name} with (force)");
            let dropped = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await;
            dropped.map(drop).map_err(std::io::Error::other)
        })
    });
    if !matches!(dropped.join(), Ok(Ok(()))) {
        eprintln!("the database {left} was left behind");
    }
}

/// The throw-away Postgres of all tests.
pub(crate) async fn shared() -> &'static LocalPostgres {
    let started = tokio::task::spawn_blocking(local_postgres::scratch::shared_for_tests).await;
    started
        .expect("the thread ends")
        .unwrap_or_else(|error| panic!("no Postgres for tests: {error}"))
}

/// Runs a statement on the maintenance database.
pub(crate) async fn execute(postgres: &LocalPostgres, statement: &str) {
    let mut connection = maintenance(postgres).await;
    let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    connection.close().await.ok();
}

/// A connection to the maintenance database.
pub(crate) async fn maintenance(postgres: &LocalPostgres) -> PgConnection {
    PgConnection::connect(&postgres.url("postgres"))
        .await
        .expect("the maintenance database can be reached")
}

/// A name no other test has.
pub(crate) fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!(
        "{what}_{}_{}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed),
        &random[..8]
    )
}
