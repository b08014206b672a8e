//! Who works at the desk: made through the library before the program starts, each with a token.

use std::ffi::OsString;
use std::path::Path;

use commands::user::AddUser;
use decider::{CommandId, Personal, WorkspaceId};
use events::user::Role;
use events::{TokenId, UserId};
use ops::NewApiToken;
use server::config::{Config, Flags};
use server::database::{PoolSizes, Starter};
use server::seed;
use server::service::{Service, now};
use uuid::Uuid;

/// How many agents write.
const AGENTS: usize = 20;
/// How many people only listen.
const LISTENERS: usize = 3;

/// Somebody with a token.
#[derive(Clone)]
pub struct Person {
    pub id: UserId,
    pub token: String,
}

/// Everybody.
pub struct People {
    pub ws: WorkspaceId,
    /// Reads the log, the views' state and every event; writes nothing.
    pub admin: Person,
    pub agents: Vec<Person>,
    pub listeners: Vec<Person>,
}

impl People {
    pub async fn make(data: &Path) -> Self {
        let values: Vec<(&'static str, OsString)> = vec![("data", data.into())];
        let config = Config::from_layers(&Flags { config: None, values }, []).unwrap();
        let service = Service::open(config, Starter::Server, PoolSizes::SERVER).await.unwrap();
        let ws = service.workspace().unwrap();
        seed::workspace(&service, ws).await.unwrap();
        let admin = person(&service, ws, "admin", Role::SuperAdmin).await;
        let (mut agents, mut listeners) = (Vec::new(), Vec::new());
        for index in 0..AGENTS {
            agents.push(person(&service, ws, &format!("agent{index}"), Role::Agent).await);
        }
        for index in 0..LISTENERS {
            listeners.push(person(&service, ws, &format!("ear{index}"), Role::Agent).await);
        }
        service.stop().await;
        Self { ws, admin, agents, listeners }
    }
}

async fn person(service: &Service, ws: WorkspaceId, name: &str, role: Role) -> Person {
    let user_id = UserId(Uuid::now_v7());
    let email = Personal(format!("{name}@desk.example.org"));
    let add = AddUser { user_id, name: Personal(name.to_owned()), email, role };
    service.handle(ws, CommandId(Uuid::now_v7()), add).await.unwrap();
    let id = TokenId(Uuid::now_v7()).0;
    let token = NewApiToken { ws, id, user: user_id.0, label: "soak".to_owned() };
    let token = service.ops.tokens.create(&token, now()).await.unwrap().expose().to_owned();
    Person { id: user_id, token }
}
