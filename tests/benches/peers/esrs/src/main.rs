//! EventSourcing.rs as its README sets it up: `PgStoreBuilder` with its own migrations, event ids of version 7, an
//! `AggregateManager` with optimistic loads. Catch-up: `PgRebuilder::all_at_once` with a transactional handler.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use esrs::handler::TransactionalEventHandler;
use esrs::manager::AggregateManager;
use esrs::rebuilder::{PgRebuilder, Rebuilder};
use esrs::store::StoreEvent;
use esrs::store::postgres::{PgStore, PgStoreBuilder, PgStoreError, UuidFormat};
use esrs::{Aggregate, AggregateState};
use sqlx08::postgres::PgPoolOptions;
use sqlx08::{PgConnection, PgPool};
use tokio::runtime::Runtime;
use uuid::Uuid;
use work::domain::{Command, Event, Refusal, Ticket};
use work::measure::{Desk, Load, Measured, caller, measure};
use work::protocol::{CaughtUp, Peer, database_url, serve};
use work::read_model::Progress;

struct Desked;

impl Aggregate for Desked {
    const NAME: &'static str = "ticket";
    type State = Ticket;
    type Command = Command;
    type Event = Event;
    type Error = Refusal;

    fn handle_command(ticket: &Ticket, command: Command) -> Result<Vec<Event>, Refusal> {
        ticket.decide(command).map(|event| vec![event])
    }

    fn apply_event(mut ticket: Ticket, event: Event) -> Ticket {
        ticket.evolve(&event);
        ticket
    }
}

#[derive(Clone)]
struct Manager(Arc<AggregateManager<PgStore<Desked>>>);

impl Desk for Manager {
    async fn send(&mut self, ticket: Uuid, command: Command) -> u64 {
        let mut retries = 0;
        loop {
            let state = self.0.load(ticket).await.unwrap();
            let state = state.unwrap_or_else(|| AggregateState::with_id(ticket));
            match self.0.handle_command(state, command.clone()).await {
                Ok(decided) => {
                    decided.unwrap();
                    return retries;
                }
                Err(PgStoreError::Sqlx(sqlx08::Error::Database(error)))
                    if error.is_unique_violation() =>
                {
                    retries += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

struct Lister(Arc<Progress>);

#[async_trait]
impl TransactionalEventHandler<Desked, PgStoreError, PgConnection> for Lister {
    async fn handle(
        &self,
        event: &StoreEvent<Event>,
        transaction: &mut PgConnection,
    ) -> Result<(), PgStoreError> {
        if self.0.is_over() {
            return Err(sqlx08::Error::PoolTimedOut.into());
        }
        list::apply(transaction, event.aggregate_id, &event.payload).await?;
        self.0.add(1);
        Ok(())
    }
}

struct Esrs {
    runtime: Runtime,
}

async fn pool(size: u32) -> PgPool {
    PgPoolOptions::new().max_connections(size).connect(&database_url()).await.unwrap()
}

async fn manager(pool: &PgPool) -> Manager {
    let store = PgStoreBuilder::new(pool.clone()).with_event_id_format(UuidFormat::V7);
    Manager(Arc::new(AggregateManager::new(store.try_build().await.unwrap())))
}

impl Peer for Esrs {
    fn prepare(&mut self) {
        self.runtime.block_on(async {
            manager(&pool(1).await).await;
        });
    }

    fn commands(&mut self, load: Load) -> Measured {
        self.runtime.block_on(async {
            let pool = pool(load.pool).await;
            let measured = measure(&manager(&pool).await, load, tokio::spawn).await;
            pool.close().await;
            measured
        })
    }

    fn count(&mut self) -> u64 {
        self.runtime.block_on(async {
            let count: i64 = sqlx08::query_scalar("select count(*) from ticket_events")
                .fetch_one(&pool(1).await)
                .await
                .unwrap();
            count as u64
        })
    }

    /// One ticket through the library, then copies of it.
    fn fill(&mut self, events: u64) {
        self.runtime.block_on(async {
            let pool = pool(1).await;
            caller(manager(&pool).await, None).await;
            sqlx08::query(
                "insert into ticket_events (id, aggregate_id, payload, occurred_on, sequence_number, version)
                 select gen_random_uuid(), copy.id, payload, occurred_on + copy.number * interval '1 ms', sequence_number, version
                 from (select number, gen_random_uuid() as id from generate_series(2, $1) as number) as copy, ticket_events
                 order by copy.number, sequence_number",
            )
            .bind((events / 5) as i64)
            .execute(&pool)
            .await
            .unwrap();
        });
    }

    fn catch_up(&mut self, at_most: Duration) -> Option<CaughtUp> {
        Some(self.runtime.block_on(async {
            let pool = pool(5).await;
            list::make(&pool).await.unwrap();
            let progress = Arc::new(Progress::start(at_most));
            let rebuilder: PgRebuilder<Desked> = PgRebuilder::new()
                .with_transactional_event_handlers(vec![Box::new(Lister(Arc::clone(&progress)))]);
            let done = rebuilder.all_at_once(pool).await;
            assert!(done.is_ok() || progress.is_over(), "{done:?}");
            progress.so_far()
        }))
    }
}

fn main() {
    serve(Esrs { runtime: Runtime::new().unwrap() });
}
