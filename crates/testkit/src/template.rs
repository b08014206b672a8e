//! The database all test databases are copied from: made once for each state of the schema, under a lock.

use std::path::Path;

use commands::user::{AddUser, CreateToken, RecordPasswordSet};
use decider::{CommandId, Personal};
use events::user::Role;
use events::{AnyEvent, TokenId, UserId};
use local_postgres::LocalPostgres;
use ops::{Login, NewApiToken};
use server::config::{Config, Flags};
use server::database::{MIGRATIONS, PoolSizes, Starter};
use server::seed;
use server::service::{Service, now};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use uuid::Uuid;

use crate::database::{execute, maintenance, unique};
use crate::helpdesk::{ADMIN_EMAIL, ADMIN_PASSWORD};

/// Raise it when what this file puts into the template changes.
const VERSION: u32 = 1;
/// One makes the template, the others wait.
const LOCK: i64 = 0x6c64_6b5f_7465_6d70;

/// What a copy of the template has to know.
#[derive(Clone, Debug)]
pub struct Template {
    /// The template's name.
    pub database: String,
    /// The content of its key file.
    pub key_file: Vec<u8>,
    /// The administrator's token.
    pub token: String,
    /// The administrator.
    pub admin: UserId,
}

/// The template, made if there is none yet for this state of the schema.
pub async fn ensure(postgres: &LocalPostgres) -> Template {
    static READY: tokio::sync::OnceCell<Template> = tokio::sync::OnceCell::const_new();
    READY.get_or_init(|| find_or_make(postgres)).await.clone()
}

async fn find_or_make(postgres: &LocalPostgres) -> Template {
    let name = format!("template_{}", state_of_schema());
    let mut lock = maintenance(postgres).await;
    sqlx::query("select pg_advisory_lock($1)").bind(LOCK).execute(&mut lock).await.unwrap();
    let found = sqlx::query(
        "select shobj_description(oid, 'pg_database') from pg_database where datname = $1",
    )
    .bind(&name)
    .fetch_optional(&mut lock)
    .await
    .unwrap();
    let template = match found {
        Some(row) => read(&name, row.get::<Option<String>, _>(0).as_deref().unwrap_or_default()),
        None => make(postgres, &name).await,
    };
    lock.close().await.ok();
    template
}

/// What a copy has to know stands in the comment of the database: the two cannot get apart.
fn read(name: &str, comment: &str) -> Template {
    let facts: serde_json::Value =
        serde_json::from_str(comment).expect("the template describes itself");
    let text = |field: &str| facts[field].as_str().unwrap_or_default().to_owned();
    Template {
        database: name.to_owned(),
        key_file: text("key_file").into_bytes(),
        token: text("token"),
        admin: text("admin").parse().expect("the administrator's id"),
    }
}

async fn make(postgres: &LocalPostgres, name: &str) -> Template {
    let draft = unique("draft");
    execute(postgres, &format!("create database {draft}")).await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &postgres.url(&draft));
    let key_file = config.key_file.clone();
    let service = Service::open(config, Starter::Server, PoolSizes::TEST).await.unwrap();
    let prepared =
        event_store::projection::prepare(&service.pools.project, &projections::registry()).await;
    prepared.expect("the views' tables can be made");
    let (admin, token) = administrator(&service).await;
    service.stop().await;
    let key_file = std::fs::read_to_string(key_file).unwrap();
    let facts =
        serde_json::json!({ "key_file": key_file, "token": token, "admin": admin }).to_string();
    let mut connection = maintenance(postgres).await;
    let quoted = facts.replace('\'', "''");
    for statement in [
        format!("comment on database {draft} is '{quoted}'"),
        format!("alter database {draft} with allow_connections false"),
        format!("alter database {draft} rename to {name}"),
    ] {
        rename_when_free(&mut connection, statement).await;
    }
    connection.close().await.ok();
    read(name, &facts)
}

/// Connections that were just closed are still there for a moment.
async fn rename_when_free(connection: &mut PgConnection, statement: String) {
    for _ in 0..100 {
        match sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *connection).await {
            Ok(_) => return,
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55006") => {}
            Err(error) => panic!("{statement}: {error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{statement}: the database stays in use");
}

async fn administrator(service: &Service) -> (UserId, String) {
    let ws = service.workspace().unwrap();
    seed::workspace(service, ws).await.unwrap();
    let (user_id, token_id) = (UserId(Uuid::now_v7()), TokenId(Uuid::now_v7()));
    let add = AddUser {
        user_id,
        name: Personal("Ada Admin".to_owned()),
        email: Personal(ADMIN_EMAIL.to_owned()),
        role: Role::SuperAdmin,
    };
    let send = |command| service.handle(ws, CommandId(Uuid::now_v7()), command);
    send(add).await.unwrap();
    let login = Login { ws, user: user_id.0 };
    service.ops.credentials.set_password(login, ADMIN_EMAIL, ADMIN_PASSWORD, now()).await.unwrap();
    let record = RecordPasswordSet { user_id };
    service.handle(ws, CommandId(Uuid::now_v7()), record).await.unwrap();
    let create = CreateToken { user_id, token_id, label: Some("tests".to_owned()) };
    service.handle(ws, CommandId(Uuid::now_v7()), create).await.unwrap();
    let token = NewApiToken { ws, id: token_id.0, user: user_id.0, label: "tests".to_owned() };
    let secret = service.ops.tokens.create(&token, now()).await.unwrap();
    (user_id, secret.expose().to_owned())
}

/// A configuration for a data folder and a database, whatever the environment says.
pub fn config(data: &Path, url: &str) -> Config {
    let values = vec![
        ("data", data.as_os_str().to_owned()),
        ("listen", "127.0.0.1:0".into()),
        ("database.url", url.into()),
    ];
    Config::from_layers(&Flags { config: None, values }, []).unwrap()
}

/// Changes with every migration, view table and event type.
fn state_of_schema() -> String {
    let mut hash = Sha256::new();
    let ours = event_store::migrate::MIGRATIONS
        .iter()
        .chain(MIGRATIONS.iter().flat_map(|list| list.iter()));
    for (version, name, sql) in ours {
        hash.update(format!("{version} {name} {sql}"));
    }
    for projection in projections::registry() {
        hash.update(format!(
            "{} {} {}",
            projection.name, projection.version, projection.schema_sql
        ));
    }
    hash.update(format!("{:?} {VERSION}", AnyEvent::KINDS));
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
