//! A service on a private Postgres with fsync on.

use std::ffi::OsString;
use std::time::Duration;

use commands::user::AddUser;
use decider::{Actor, CommandId, Personal, WorkspaceId};
use event_store::handler::CommandHandler;
use events::user::Role;
use events::{StatusId, TokenId, UserId};
use ops::NewApiToken;
use server::config::{Config, Flags};
use server::database::{PoolSizes, Starter};
use server::seed;
use server::service::{Service, now};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use crate::served::Served;

pub struct Setup {
    pub folder: tempfile::TempDir,
    /// The owner's connections, for the plain tables.
    pub pool: PgPool,
    pub ws: WorkspaceId,
    /// A log of its own for events that no view knows.
    pub scratch: WorkspaceId,
    pub handler: CommandHandler,
    pub actor: Actor,
    pub statuses: Vec<StatusId>,
    pub users: Vec<UserId>,
    token: String,
    service: Service,
}

/// What the five commands of this benchmark write: a ticket opens with its priority, category and tags.
pub const EVENTS_PER_COMMAND: &[usize] = &[4, 1, 1, 1, 1];

/// What an event of theirs weighs on average, sealed.
pub const PAYLOAD_BYTES: usize = 155;

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
        let values: Vec<(&'static str, OsString)> =
            vec![("data", folder.path().join("data").into())];
        let config = Config::from_layers(&Flags { config: None, values }, []).unwrap();
        let service = Service::open(config, Starter::Server, PoolSizes::SERVER).await.unwrap();
        let ws = service.workspace().unwrap();
        seed::workspace(&service, ws).await.unwrap();
        let postgres = local_postgres::attach(&service.config.data).unwrap();
        let url = postgres.url("ledgerdesk");
        let mut owner = PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(include_str!("../../../event-store/benches/log/baseline.sql"))
            .execute(&mut owner)
            .await
            .unwrap();
        let pool = PgPoolOptions::new().max_connections(66).connect(&url).await.unwrap();
        let scratch = WorkspaceId(Uuid::now_v7());
        let open = sqlx::query("select es.open_workspace($1)").bind(scratch.0);
        open.execute(&pool).await.unwrap();
        let (users, token) = people(&service, ws).await;
        let directory = service.handler.directory::<commands::Directory>(ws);
        let statuses = directory
            .pipelines()
            .next()
            .unwrap()
            .1
            .statuses
            .iter()
            .map(|status| status.id)
            .collect();
        let handler = service.handler.clone();
        Self {
            folder,
            pool,
            ws,
            scratch,
            handler,
            actor: Actor::user(users[0].0),
            statuses,
            users,
            token,
            service,
        }
    }

    /// Stops the service in this process and starts the program on the same data.
    pub async fn serve(self) -> Served {
        self.forget_scratch().await;
        self.pool.close().await;
        self.service.stop().await;
        Served::start(self.folder, self.token, self.statuses).await
    }

    /// Views are built over every log of the database, and a build stops at an event the program does not know. The log
    /// refuses to lose anything, so its guards are set aside.
    async fn forget_scratch(&self) {
        let mut owner = self.pool.begin().await.unwrap();
        sqlx::raw_sql("set local session_replication_role = replica")
            .execute(&mut *owner)
            .await
            .unwrap();
        for delete in [
            "delete from es.event where ws = $1",
            "delete from es.commit where ws = $1",
            "delete from es.command where ws = $1",
            "delete from es.claim where ws = $1",
            "delete from es.workspace where ws = $1",
        ] {
            sqlx::query(delete).bind(self.scratch.0).execute(&mut *owner).await.unwrap();
        }
        owner.commit().await.unwrap();
    }
}

/// Twenty agents; the first is an administrator with a token.
async fn people(service: &Service, ws: WorkspaceId) -> (Vec<UserId>, String) {
    let users: Vec<UserId> = (0..20).map(|_| UserId(Uuid::now_v7())).collect();
    for (index, user_id) in users.iter().enumerate() {
        let add = AddUser {
            user_id: *user_id,
            name: Personal(format!("Agent {index}")),
            email: Personal(format!("agent{index}@desk.example.org")),
            role: if index == 0 { Role::SuperAdmin } else { Role::Agent },
        };
        service.handle(ws, CommandId(Uuid::now_v7()), add).await.unwrap();
    }
    let token = NewApiToken {
        ws,
        id: TokenId(Uuid::now_v7()).0,
        user: users[0].0,
        label: "bench".to_owned(),
    };
    let secret = service.ops.tokens.create(&token, now()).await.unwrap();
    (users, secret.expose().to_owned())
}

/// The server may run as another user than this program.
fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
