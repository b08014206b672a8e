//! Ledgerdesk through its library, opened as its server opens it: real commands, names and comments sealed, every command with
//! an identity, events in a hash chain. The load parameter `pool` does not apply: its pools are of a fixed size. Catch-up: the
//! projection engine with the inbox.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use commands::ticket::{
    AddComment, AssignTicket, ChangeStatus, CreateTicket, PropertyInputs, UpdateTicket,
};
use commands::user::AddUser;
use decider::{Actor, CommandId, EventContext, LogPosition, Personal, WorkspaceId};
use event_store::handler::{CommandHandler, Request};
use event_store::projection::{Engine, EngineParts, ProjectionType, prepare};
use events::user::Role;
use events::value::{Owner, Priority, TicketSource};
use events::{CommentId, StatusId, TicketId, UserId};
use projections::inbox::Inbox;
use server::config::{Config, Flags};
use server::database::{PoolSizes, Starter};
use server::seed;
use server::service::Service;
use sqlx::{Connection, PgConnection};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use uuid::Uuid;
use work::domain::{AGENT, Command};
use work::measure::{Desk, Load, Measured, caller, measure};
use work::protocol::{CaughtUp, Peer, database_url, serve};
use work::read_model::Progress;

#[derive(Clone)]
struct Library {
    handler: CommandHandler,
    ws: WorkspaceId,
    closed: StatusId,
}

impl Library {
    async fn handle(&self, command: impl decider::Command) {
        let request = Request {
            ws: self.ws,
            id: CommandId(Uuid::now_v7()),
            body: b"peers".to_vec(),
            actor: Actor::user(AGENT),
            context: EventContext::default(),
            expected: None,
            command: Arc::new(command),
        };
        self.handler.handle(request).await.unwrap();
    }
}

impl Desk for Library {
    async fn send(&mut self, ticket: Uuid, command: Command) -> u64 {
        let ticket_id = TicketId(ticket);
        match command {
            Command::Open { name } => self.handle(open(ticket_id, name)).await,
            Command::Assign { to } => {
                let to = Some(Owner { user: Some(UserId(to)), team: None });
                self.handle(AssignTicket { ticket_id, to, note: None }).await;
            }
            Command::Comment { id, text } => self.handle(comment(ticket_id, id, text)).await,
            Command::Prioritise { .. } => self.handle(urgent(ticket_id)).await,
            Command::Close => {
                let properties = PropertyInputs::default();
                self.handle(ChangeStatus { ticket_id, status_id: self.closed, properties }).await;
            }
        }
        0
    }
}

fn open(ticket_id: TicketId, name: String) -> CreateTicket {
    CreateTicket {
        ticket_id,
        name: Personal(name),
        pipeline_id: None,
        status_id: None,
        source: TicketSource::Api,
        priority: Priority::None,
        category: None,
        owner: None,
        contact_ids: Vec::new(),
        tags: Vec::new(),
        properties: PropertyInputs::default(),
    }
}

fn comment(ticket_id: TicketId, id: Uuid, text: String) -> AddComment {
    AddComment {
        ticket_id,
        comment_id: CommentId(id),
        text: Personal(text),
        html: None,
        mentions: Vec::new(),
        attachments: Vec::new(),
        draft_id: None,
    }
}

fn urgent(ticket_id: TicketId) -> UpdateTicket {
    UpdateTicket {
        ticket_id,
        name: None,
        priority: Some(Priority::Urgent),
        category: None,
        tags: None,
        properties: PropertyInputs::default(),
    }
}

struct Ledgerdesk {
    runtime: Runtime,
    opened: Option<(Service, Library)>,
}

async fn open_service() -> (Service, Library) {
    // Keys and sealed objects; the database is given.
    let folder = PathBuf::from(std::env::var_os("FOLDER").expect("FOLDER"));
    let values: Vec<(&'static str, OsString)> =
        vec![("data", folder.into()), ("database.url", database_url().into())];
    let config = Config::from_layers(&Flags { config: None, values }, []).unwrap();
    let service = Service::open(config, Starter::Server, PoolSizes::SERVER).await.unwrap();
    let ws = service.workspace().unwrap();
    seed::workspace(&service, ws).await.unwrap();
    let directory = service.handler.directory::<commands::Directory>(ws);
    if directory.users().next().is_none() {
        let agent = AddUser {
            user_id: UserId(AGENT),
            name: Personal("Agent".to_owned()),
            email: Personal("agent@desk.example.org".to_owned()),
            role: Role::Agent,
        };
        service.handle(ws, CommandId(Uuid::now_v7()), agent).await.unwrap();
    }
    let closed = directory.pipelines().next().unwrap().1.statuses.last().unwrap().id;
    let library = Library { handler: service.handler.clone(), ws, closed };
    (service, library)
}

impl Peer for Ledgerdesk {
    fn prepare(&mut self) {
        self.opened = Some(self.runtime.block_on(open_service()));
    }

    fn commands(&mut self, load: Load) -> Measured {
        let (_, library) = self.opened.as_ref().unwrap();
        self.runtime.block_on(measure(library, load, tokio::spawn))
    }

    /// Of tickets; a new workspace has a few events of its own.
    fn count(&mut self) -> u64 {
        self.runtime.block_on(async {
            let mut owner = PgConnection::connect(&database_url()).await.unwrap();
            let count: i64 =
                sqlx::query_scalar("select count(*) from es.event where kind = 'ticket'")
                    .fetch_one(&mut owner)
                    .await
                    .unwrap();
            count as u64
        })
    }

    /// All of them through commands: a copied event would break the chain.
    fn fill(&mut self, events: u64) {
        const CALLERS: u64 = 250;
        let (_, library) = self.opened.as_ref().unwrap();
        self.runtime.block_on(async {
            let tickets = events / 5;
            let callers: Vec<_> = (0..CALLERS)
                .map(|number| {
                    let library = library.clone();
                    tokio::spawn(async move {
                        for _ in (number..tickets).step_by(CALLERS as usize) {
                            caller(library.clone(), None).await;
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.await.unwrap();
            }
        });
    }

    fn catch_up(&mut self, at_most: Duration) -> Option<CaughtUp> {
        let (service, library) = self.opened.as_ref().unwrap();
        Some(self.runtime.block_on(async {
            let inbox = ProjectionType::of::<Inbox>();
            prepare(&service.pools.project, &[inbox]).await.unwrap();
            let head = service.reader.head(library.ws).await.unwrap().position;
            let (_running, shutdown) = watch::channel(false);
            let progress = Progress::start(at_most);
            let engine = Engine::start(EngineParts {
                readers: Arc::new(|_| {}),
                projections: vec![inbox],
                reader: service.reader.clone(),
                recent: service.handler.recent().clone(),
                pool: service.pools.project.clone(),
                vault: Some(service.vault.clone()),
                shutdown,
            });
            let folded = || engine.checkpoints().known(library.ws, inbox.name);
            while folded() < head && !progress.is_over() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let LogPosition(events) = folded();
            progress.add(events);
            let so_far = progress.so_far();
            engine.stop().await;
            so_far
        }))
    }
}

fn main() {
    serve(Ledgerdesk { runtime: Runtime::new().unwrap(), opened: None });
}
