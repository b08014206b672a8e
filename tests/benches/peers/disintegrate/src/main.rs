//! Disintegrate as its README sets it up: `PgEventStore` with JSON, `decision_maker` without snapshots, no listener while
//! commands are measured. Catch-up: its `PgEventListener`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use disintegrate::serde::json::Json;
use disintegrate::{
    Decision, DecisionError, EventListener, NoSnapshot, PersistedEvent, StateMutate, StateQuery,
    StreamQuery, query,
};
use disintegrate_postgres::{
    Error as StoreError, PgDecisionMaker, PgEventId, PgEventListener, PgEventListenerConfig,
    PgEventStore, decision_maker,
};
use serde::{Deserialize, Serialize};
use sqlx08::PgPool;
use sqlx08::postgres::PgPoolOptions;
use tokio::runtime::Runtime;
use uuid::Uuid;
use work::domain::{Command, Event, Priority, Refusal, Ticket};
use work::measure::{Desk, Load, Measured, caller, measure};
use work::protocol::{CaughtUp, Peer, database_url, serve};
use work::read_model::Progress;

/// The events of the domain, in the form that the library's macro asks for.
#[derive(Clone, Debug, PartialEq, Eq, disintegrate::Event, Serialize, Deserialize)]
#[stream(TicketEvent, [Opened, Assigned, Commented, PriorityChanged, StatusChanged])]
enum DeskEvent {
    Opened {
        #[id]
        ticket_id: Uuid,
        name: String,
        pipeline: Uuid,
        status: Uuid,
        source: String,
    },
    Assigned {
        #[id]
        ticket_id: Uuid,
        from: Option<Uuid>,
        to: Uuid,
        reason: String,
    },
    Commented {
        #[id]
        ticket_id: Uuid,
        comment: Uuid,
        author: Uuid,
        text: String,
        mentions: Vec<Uuid>,
    },
    PriorityChanged {
        #[id]
        ticket_id: Uuid,
        from: Priority,
        to: Priority,
    },
    StatusChanged {
        #[id]
        ticket_id: Uuid,
        pipeline: Uuid,
        from: Uuid,
        to: Uuid,
    },
}

fn of_ticket(ticket_id: Uuid, event: Event) -> TicketEvent {
    match event {
        Event::Opened { name, pipeline, status, source } => {
            TicketEvent::Opened { ticket_id, name, pipeline, status, source }
        }
        Event::Assigned { from, to, reason } => {
            TicketEvent::Assigned { ticket_id, from, to, reason }
        }
        Event::Commented { comment, author, text, mentions } => {
            TicketEvent::Commented { ticket_id, comment, author, text, mentions }
        }
        Event::PriorityChanged { from, to } => TicketEvent::PriorityChanged { ticket_id, from, to },
        Event::StatusChanged { pipeline, from, to } => {
            TicketEvent::StatusChanged { ticket_id, pipeline, from, to }
        }
    }
}

fn of_domain(event: TicketEvent) -> (Uuid, Event) {
    match event {
        TicketEvent::Opened { ticket_id, name, pipeline, status, source } => {
            (ticket_id, Event::Opened { name, pipeline, status, source })
        }
        TicketEvent::Assigned { ticket_id, from, to, reason } => {
            (ticket_id, Event::Assigned { from, to, reason })
        }
        TicketEvent::Commented { ticket_id, comment, author, text, mentions } => {
            (ticket_id, Event::Commented { comment, author, text, mentions })
        }
        TicketEvent::PriorityChanged { ticket_id, from, to } => {
            (ticket_id, Event::PriorityChanged { from, to })
        }
        TicketEvent::StatusChanged { ticket_id, pipeline, from, to } => {
            (ticket_id, Event::StatusChanged { pipeline, from, to })
        }
    }
}

#[derive(Clone, Default, StateQuery, Serialize, Deserialize)]
#[state_query(TicketEvent)]
struct TicketState {
    #[id]
    ticket_id: Uuid,
    ticket: Ticket,
}

impl StateMutate for TicketState {
    fn mutate(&mut self, event: Self::Event) {
        self.ticket.evolve(&of_domain(event).1);
    }
}

struct Asked {
    ticket_id: Uuid,
    command: Command,
}

impl Decision for Asked {
    type Event = DeskEvent;
    type StateQuery = TicketState;
    type Error = Refusal;

    fn state_query(&self) -> TicketState {
        TicketState { ticket_id: self.ticket_id, ticket: Ticket::default() }
    }

    fn process(&self, state: &TicketState) -> Result<Vec<DeskEvent>, Refusal> {
        let event = state.ticket.decide(self.command.clone())?;
        Ok(vec![of_ticket(self.ticket_id, event).into()])
    }
}

type Store = PgEventStore<DeskEvent, Json<DeskEvent>>;

#[derive(Clone)]
struct Maker(PgDecisionMaker<DeskEvent, Json<DeskEvent>, NoSnapshot>);

impl Desk for Maker {
    /// While others write, a reader sees events only up to where the oldest of them began, so a caller may not see yet what it
    /// has just written itself: the rules refuse, and the command begins again as after a refused append.
    async fn send(&mut self, ticket: Uuid, command: Command) -> u64 {
        for retries in 0..RETRIES_MAX {
            let asked = Asked { ticket_id: ticket, command: command.clone() };
            match self.0.make(asked).await {
                Ok(_) => return retries,
                Err(DecisionError::Domain(_)) => {}
                Err(DecisionError::StateStore(error)) if begins_again(&*error) => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("refused {RETRIES_MAX} times: {command:?}");
    }
}

/// After this something is wrong.
const RETRIES_MAX: u64 = 10_000;

/// Another append came between, or Postgres could not put the transactions in an order.
fn begins_again(error: &(dyn std::error::Error + 'static)) -> bool {
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::Concurrency) => true,
        Some(StoreError::Database(sqlx08::Error::Database(error))) => {
            error.code().as_deref() == Some("40001")
        }
        _ => false,
    }
}

struct Lister {
    query: StreamQuery<PgEventId, TicketEvent>,
    pool: PgPool,
    progress: Arc<Progress>,
}

#[async_trait]
impl EventListener<PgEventId, TicketEvent> for Lister {
    type Error = sqlx08::Error;

    fn id(&self) -> &'static str {
        "ticket_list"
    }

    fn query(&self) -> &StreamQuery<PgEventId, TicketEvent> {
        &self.query
    }

    async fn handle(&self, event: PersistedEvent<PgEventId, TicketEvent>) -> sqlx08::Result<()> {
        let (ticket, event) = of_domain(event.into_inner());
        list::apply(&self.pool, ticket, &event).await?;
        self.progress.add(1);
        Ok(())
    }
}

struct Disintegrate {
    runtime: Runtime,
}

async fn pool(size: u32) -> PgPool {
    PgPoolOptions::new().max_connections(size).connect(&database_url()).await.unwrap()
}

/// Over tables that are there.
fn store(pool: &PgPool) -> Store {
    PgEventStore::new_uninitialized(pool.clone(), Json::default())
}

/// Its own migrations stop half-way on a Postgres before 16, which reads no hexadecimal numbers; there the rest is done as its
/// documentation allows, by hand, with that number in decimal.
async fn make_tables(pool: &PgPool) {
    let made =
        PgEventStore::<DeskEvent, Json<DeskEvent>>::try_new(pool.clone(), Json::default()).await;
    let version: i32 =
        sqlx08::query_scalar("select current_setting('server_version_num')::integer")
            .fetch_one(pool)
            .await
            .unwrap();
    if version < 160_000 {
        sqlx08::raw_sql(BEFORE_16).execute(pool).await.unwrap();
    } else {
        made.unwrap();
    }
}

const BEFORE_16: &str = "
create or replace function event_store_begin_epoch() returns void as $$
declare
    id bigint;
    db_id int;
begin
    select last_value into id from seq_event_event_id;
    select oid into db_id from pg_database where datname = current_database();
    perform pg_try_advisory_xact_lock_shared(db_id, 0);
    perform pg_try_advisory_xact_lock_shared(1, (id & 4294967295)::bit(32)::integer);
    perform pg_try_advisory_xact_lock_shared(2, (id >> 32)::bit(32)::integer);
end;
$$ language plpgsql;
alter table event add column if not exists ticket_id uuid;
create index if not exists idx_event_ticket_id on event (ticket_id) where ticket_id is not null";

impl Peer for Disintegrate {
    fn prepare(&mut self) {
        self.runtime.block_on(async {
            make_tables(&pool(1).await).await;
        });
    }

    fn commands(&mut self, load: Load) -> Measured {
        self.runtime.block_on(async {
            let pool = pool(load.pool).await;
            let desk = Maker(decision_maker(store(&pool), NoSnapshot));
            let measured = measure(&desk, load, tokio::spawn).await;
            pool.close().await;
            measured
        })
    }

    fn count(&mut self) -> u64 {
        self.runtime.block_on(async { count(&pool(1).await).await })
    }

    /// One ticket through the library, then copies of it.
    fn fill(&mut self, events: u64) {
        self.runtime.block_on(async {
            let pool = pool(1).await;
            caller(Maker(decision_maker(store(&pool), NoSnapshot)), None).await;
            sqlx08::query(
                "insert into event (event_type, payload, ticket_id)
                 select event_type,
                        convert_to(replace(convert_from(payload, 'UTF8'), ticket_id::text, copy.id::text), 'UTF8'),
                        copy.id
                 from (select number, gen_random_uuid() as id from generate_series(2, $1) as number) as copy, event
                 order by copy.number, event_id",
            )
            .bind((events / 5) as i64)
            .execute(&pool)
            .await
            .unwrap();
        });
    }

    fn catch_up(&mut self, at_most: Duration) -> Option<CaughtUp> {
        Some(self.runtime.block_on(async {
            let pool = pool(10).await;
            list::make(&pool).await.unwrap();
            let (events, store) = (count(&pool).await, store(&pool));
            let progress = Arc::new(Progress::start(at_most));
            let lister =
                Lister { query: query!(TicketEvent), pool, progress: Arc::clone(&progress) };
            let watched = Arc::clone(&progress);
            let enough = async move {
                while watched.events() < events && !watched.is_over() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let config = PgEventListenerConfig::poller(Duration::from_secs(5)).with_notifier();
            let listener = PgEventListener::builder(store).register_listener(lister, config);
            listener.start_with_shutdown(enough).await.unwrap();
            progress.so_far()
        }))
    }
}

async fn count(pool: &PgPool) -> u64 {
    let count: i64 =
        sqlx08::query_scalar("select count(*) from event").fetch_one(pool).await.unwrap();
    count as u64
}

fn main() {
    serve(Disintegrate { runtime: Runtime::new().unwrap() });
}
