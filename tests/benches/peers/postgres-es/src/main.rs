//! cqrs-es with postgres-es, as its README sets it up: the tables of its `db/init.sql`, `postgres_cqrs` without snapshots,
//! no query attached while commands are measured. Catch-up: `QueryReplay` into its `GenericQuery`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{GenericQuery, QueryReplay};
use cqrs_es::{Aggregate, AggregateError, DomainEvent, EventEnvelope, Query, View};
use postgres_es::{PostgresCqrs, PostgresEventRepository, PostgresViewRepository, postgres_cqrs};
use serde::{Deserialize, Serialize};
use sqlx08::PgPool;
use sqlx08::postgres::PgPoolOptions;
use tokio::runtime::Runtime;
use uuid::Uuid;
use work::domain::{Command, Event, Refusal, Ticket};
use work::measure::{Desk, Load, Measured, caller, measure};
use work::protocol::{CaughtUp, Peer, database_url, serve};
use work::read_model::Progress;

/// Of the crate's `db/init.sql`, without its sample rows.
const SCHEMA: &str = "
create table if not exists events (
    aggregate_type text not null,
    aggregate_id text not null,
    sequence bigint check (sequence >= 0) not null,
    event_type text not null,
    event_version text not null,
    payload json not null,
    metadata json not null,
    primary key (aggregate_type, aggregate_id, sequence)
);
create table if not exists ticket_view (
    view_id text not null,
    version bigint check (version >= 0) not null,
    payload json not null,
    primary key (view_id)
)";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Stored(Event);

impl DomainEvent for Stored {
    fn event_type(&self) -> String {
        self.0.type_name().to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Desked(Ticket);

impl Aggregate for Desked {
    const TYPE: &'static str = "ticket";
    type Command = Command;
    type Event = Stored;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        let event = self.0.decide(command)?;
        sink.write(Stored(event), self).await;
        Ok(())
    }

    fn apply(&mut self, event: Stored) {
        self.0.evolve(&event.0);
    }
}

/// What a list shows of a ticket.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Listed {
    name: String,
    ticket: Ticket,
}

impl View<Desked> for Listed {
    fn update(&mut self, event: &EventEnvelope<Desked>) {
        if let Event::Opened { name, .. } = &event.payload.0 {
            self.name.clone_from(name);
        }
        self.ticket.evolve(&event.payload.0);
    }
}

#[derive(Clone)]
struct Cqrs(Arc<PostgresCqrs<Desked>>);

impl Desk for Cqrs {
    async fn send(&mut self, ticket: Uuid, command: Command) -> u64 {
        let mut retries = 0;
        loop {
            match self.0.execute(&ticket.to_string(), command.clone()).await {
                Ok(()) => return retries,
                Err(AggregateError::AggregateConflict) => retries += 1,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// The library's query, counted.
struct Counted {
    query: GenericQuery<PostgresViewRepository<Listed, Desked>, Listed, Desked>,
    progress: Arc<Progress>,
}

#[async_trait]
impl Query<Desked> for Counted {
    async fn dispatch(&self, id: &str, events: &[EventEnvelope<Desked>]) {
        self.query.dispatch(id, events).await;
        self.progress.add(events.len() as u64);
    }
}

struct PostgresEs {
    runtime: Runtime,
}

async fn pool(size: u32) -> PgPool {
    PgPoolOptions::new().max_connections(size).connect(&database_url()).await.unwrap()
}

impl Peer for PostgresEs {
    fn prepare(&mut self) {
        self.runtime.block_on(async {
            sqlx08::raw_sql(SCHEMA).execute(&pool(1).await).await.unwrap();
        });
    }

    fn commands(&mut self, load: Load) -> Measured {
        self.runtime.block_on(async {
            let pool = pool(load.pool).await;
            let desk = Cqrs(Arc::new(postgres_cqrs(pool.clone(), Vec::new(), ())));
            let measured = measure(&desk, load, tokio::spawn).await;
            pool.close().await;
            measured
        })
    }

    fn count(&mut self) -> u64 {
        self.runtime.block_on(async {
            let count: i64 = sqlx08::query_scalar("select count(*) from events")
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
            caller(Cqrs(Arc::new(postgres_cqrs(pool.clone(), Vec::new(), ()))), None).await;
            sqlx08::query(
                "insert into events
                 select aggregate_type, copy.id, sequence, event_type, event_version, payload, metadata
                 from (select gen_random_uuid()::text as id from generate_series(2, $1)) as copy, events",
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
            let views = Arc::new(PostgresViewRepository::new("ticket_view", pool.clone()));
            let mut query = GenericQuery::new(views);
            query.use_error_handler(Box::new(|error| panic!("{error}")));
            let progress = Arc::new(Progress::start(at_most));
            let query = Counted { query, progress: Arc::clone(&progress) };
            let replay = QueryReplay::new(PostgresEventRepository::new(pool), query);
            tokio::select! {
                done = replay.replay_all() => done.unwrap(),
                () = tokio::time::sleep(at_most) => {}
            }
            progress.so_far()
        }))
    }
}

fn main() {
    serve(PostgresEs { runtime: Runtime::new().unwrap() });
}
