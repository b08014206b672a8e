//! A Postgres of its own with fsync on, one database, one workspace, one node.

use std::time::Duration;

use decider::{DirectoryType, WorkspaceId};
use event_store::handler::{CommandHandler, HandlerSettings};
use event_store::log::{LogReader, RecentCommits};
use event_store::migrate::migrate;
use local_postgres::{LocalPostgres, Settings};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;
use vault::Vault;

use crate::bank;

pub struct Setup {
    pub folder: tempfile::TempDir,
    pub pool: PgPool,
    pub ws: WorkspaceId,
    /// A log of its own for events that no view knows.
    pub scratch: WorkspaceId,
    pub handler: CommandHandler,
    pub accounts: Vec<Uuid>,
    postgres: LocalPostgres,
}

/// What a command of this benchmark writes.
pub const EVENTS_PER_COMMAND: &[usize] = &[1];

/// About what an event of the toy domain weighs, half of them sealed.
pub const PAYLOAD_BYTES: usize = 160;

pub fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// How long one measurement runs.
pub fn duration() -> Duration {
    Duration::from_secs(number("SECONDS", 2))
}

impl Setup {
    pub async fn new() -> Self {
        let folder =
            tempfile::Builder::new().prefix("ledgerdesk-bench").tempdir_in("/var/tmp").unwrap();
        open_to_all(folder.path());
        let settings = Settings::new(folder.path().join("data"));
        let postgres = tokio::task::spawn_blocking(move || local_postgres::open(&settings))
            .await
            .unwrap()
            .unwrap();
        let mut owner = PgConnection::connect(&postgres.url("postgres")).await.unwrap();
        migrate(&mut owner, &[vault::MIGRATIONS]).await.unwrap();
        sqlx::raw_sql(include_str!("baseline.sql")).execute(&mut owner).await.unwrap();
        let pool = PgPoolOptions::new()
            .max_connections(70)
            .connect(&postgres.url("postgres"))
            .await
            .unwrap();
        let ws = WorkspaceId(Uuid::now_v7());
        let scratch = WorkspaceId(Uuid::now_v7());
        for ws in [ws, scratch] {
            sqlx::query("select es.open_workspace($1)").bind(ws.0).execute(&pool).await.unwrap();
        }
        let vault = Vault::open(pool.clone(), &folder.path().join("master.key")).await.unwrap();
        let handler = CommandHandler::new(
            (pool.clone(), LogReader::new(pool.clone())),
            vault,
            RecentCommits::default(),
            (bank::stream_types(), DirectoryType::of::<bank::Rules>()),
            HandlerSettings::default(),
        );
        let accounts: Vec<Uuid> = (0..1000).map(|_| Uuid::now_v7()).collect();
        let setup = Self { folder, pool, ws, scratch, handler, accounts, postgres };
        for (index, id) in setup.accounts.iter().enumerate() {
            setup.send(bank::Bank::open(*id, &index.to_string())).await;
        }
        setup
    }

    pub async fn remove(self) {
        self.pool.close().await;
        tokio::task::spawn_blocking(move || self.postgres.stop()).await.unwrap().unwrap();
    }
}

/// The server may run as another user than this program.
fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
