//! Eventually as its documentation sets it up: its own migrations, an `EventStore` on one connection, a `Repository` over it.
//! The store knows no pool: of N connections each has a store of its own, and callers take them in turn. Catch-up: a
//! `Projector` over a persistent subscription.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use eventually::aggregate::{Aggregate, AggregateRootBuilder};
use eventually::inmemory::Projector;
use eventually::store::Persisted;
use eventually::sync::RwLock;
use eventually::{Projection, Repository};
use eventually_postgres::{EventStore, EventStoreBuilder, EventSubscriber, PersistentBuilder};
use futures::future::BoxFuture;
use tokio_postgres05::{Client, NoTls, Statement};
use tokio02::runtime::{Builder, Runtime};
use uuid::Uuid;
use work::domain::{Command, Event, Refusal, Ticket};
use work::measure::{Desk, Load, Measured, caller, measure};
use work::protocol::{CaughtUp, Peer, database_url, serve};
use work::read_model::{
    ASSIGNED, COMMENTED, OPENED, PRIORITY_CHANGED, Progress, STATUS_CHANGED, TABLE,
};

/// Also the channel of its notifications.
const TYPE: &str = "ticket";

#[derive(Clone)]
struct Desked;

impl Aggregate for Desked {
    type Id = String;
    type State = Ticket;
    type Event = Event;
    type Command = Command;
    type Error = Refusal;

    fn apply(mut ticket: Ticket, event: Event) -> Result<Ticket, Refusal> {
        ticket.evolve(&event);
        Ok(ticket)
    }

    fn handle<'a, 's: 'a>(
        &'a self,
        _: &'s String,
        ticket: &'s Ticket,
        command: Command,
    ) -> BoxFuture<'a, Result<Option<Vec<Event>>, Refusal>> {
        Box::pin(async move { ticket.decide(command).map(|event| Some(vec![event])) })
    }
}

type Store = EventStore<String, Event>;

/// Repositories, each on a connection of its own, and the one that this caller has.
struct Desks {
    all: Arc<Vec<Repository<Desked, Store>>>,
    next: Arc<AtomicUsize>,
    mine: Repository<Desked, Store>,
}

impl Desks {
    async fn open(connections: u32) -> Self {
        let mut all = Vec::new();
        for _ in 0..connections {
            let store = store(connect().await).await;
            all.push(Repository::new(AggregateRootBuilder::from(Desked), store));
        }
        Self { mine: all[0].clone(), all: Arc::new(all), next: Arc::default() }
    }
}

impl Clone for Desks {
    fn clone(&self) -> Self {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.all.len();
        let (all, next) = (Arc::clone(&self.all), Arc::clone(&self.next));
        Self { mine: self.all[turn].clone(), all, next }
    }
}

impl Desk for Desks {
    async fn send(&mut self, ticket: Uuid, command: Command) -> u64 {
        let mut root = self.mine.get(ticket.to_string()).await.unwrap();
        root.handle(command).await.unwrap();
        self.mine.add(root).await.unwrap();
        0
    }
}

/// Writes the read model, with statements prepared once.
struct Lister {
    client: Client,
    opened: Statement,
    assigned: Statement,
    commented: Statement,
    priority: Statement,
    status: Statement,
    progress: Arc<Progress>,
}

impl Lister {
    async fn new(progress: Arc<Progress>) -> Self {
        let client = connect().await;
        client.batch_execute(TABLE).await.unwrap();
        client.batch_execute("truncate ticket_list").await.unwrap();
        // Ids travel as text: this driver knows an older type of them.
        let prepare = |statement: &str, ids: &[&str]| {
            let mut statement = statement.to_owned();
            for id in ids {
                statement = statement.replace(id, &format!("{id}::text::uuid"));
            }
            let client = &client;
            async move { client.prepare(&statement).await.unwrap() }
        };
        Self {
            opened: prepare(OPENED, &["$1", "$3"]).await,
            assigned: prepare(ASSIGNED, &["$1", "$2"]).await,
            commented: prepare(COMMENTED, &["$1"]).await,
            priority: prepare(PRIORITY_CHANGED, &["$1"]).await,
            status: prepare(STATUS_CHANGED, &["$1", "$2"]).await,
            client,
            progress,
        }
    }

    async fn write(&self, ticket: &str, event: Event) -> Result<u64, tokio_postgres05::Error> {
        let run = |statement, values| self.client.execute(statement, values);
        match event {
            Event::Opened { name, status, .. } => {
                run(&self.opened, &[&ticket, &name, &status.to_string()]).await
            }
            Event::Assigned { to, .. } => run(&self.assigned, &[&ticket, &to.to_string()]).await,
            Event::Commented { .. } => run(&self.commented, &[&ticket]).await,
            Event::PriorityChanged { to, .. } => {
                run(&self.priority, &[&ticket, &format!("{to:?}")]).await
            }
            Event::StatusChanged { to, .. } => run(&self.status, &[&ticket, &to.to_string()]).await,
        }
    }
}

impl Projection for Lister {
    type SourceId = String;
    type Event = Event;
    type Error = tokio_postgres05::Error;

    fn project<'a>(
        &'a mut self,
        event: Persisted<String, Event>,
    ) -> BoxFuture<'a, Result<(), Self::Error>> {
        Box::pin(async move {
            let ticket = event.source_id().clone();
            self.write(&ticket, event.take()).await?;
            self.progress.add(1);
            Ok(())
        })
    }
}

async fn connect() -> Client {
    let (client, connection) = tokio_postgres05::connect(&database_url(), NoTls).await.unwrap();
    tokio02::spawn(async move { connection.await.unwrap() });
    client
}

async fn store(mut client: Client) -> Store {
    let builder = EventStoreBuilder::migrate_database(&mut client).await.unwrap();
    builder.builder(Arc::new(client)).build(TYPE).await.unwrap()
}

async fn count() -> u64 {
    let row = connect().await.query_one("select count(*) from events", &[]).await.unwrap();
    row.get::<_, i64>(0) as u64
}

struct Eventually {
    runtime: Runtime,
}

impl Peer for Eventually {
    fn prepare(&mut self) {
        self.runtime.block_on(async {
            store(connect().await).await;
        });
    }

    fn commands(&mut self, load: Load) -> Measured {
        self.runtime.block_on(async {
            let desks = Desks::open(load.pool).await;
            measure(&desks, load, tokio02::spawn).await
        })
    }

    fn count(&mut self) -> u64 {
        self.runtime.block_on(count())
    }

    /// One ticket through the library, then copies of it, in the order in which one after another would have written them.
    fn fill(&mut self, events: u64) {
        self.runtime.block_on(async {
            caller(Desks::open(1).await, None).await;
            let client = connect().await;
            let copies = (events / 5) as i64;
            client.batch_execute("create temporary table sample as select * from events").await.unwrap();
            let insert = format!(
                "with copy as (select number, gen_random_uuid()::text as id from generate_series(1, {copies} - 1) as number),
                      aggregate as (
                          insert into aggregates (id, aggregate_type_id, version) select id, '{TYPE}', 5 from copy returning id)
                 insert into events (aggregate_id, version, sequence_number, event)
                 select aggregate.id, sample.version, copy.number * 5 + sample.version - 1, sample.event
                 from copy join aggregate on aggregate.id = copy.id cross join sample
                 order by copy.number, sample.version"
            );
            // The events refer to the aggregates: both in one statement, checked at its end.
            client.batch_execute(&insert).await.unwrap();
            let offset = format!("update aggregate_types set \"offset\" = {copies} * 5 - 1");
            client.batch_execute(&offset).await.unwrap();
        });
    }

    /// The subscription streams the log on one connection and saves its position on another: on one and the same the answer to
    /// the second would wait for the end of the first.
    fn catch_up(&mut self, at_most: Duration) -> Option<CaughtUp> {
        Some(self.runtime.block_on(async {
            let events = count().await;
            let store = store(connect().await).await;
            let subscriber = EventSubscriber::new(&database_url(), TYPE).await.unwrap();
            let builder = PersistentBuilder::new(Arc::new(connect().await), store, subscriber);
            let subscription = builder.get_or_create("ticket_list".to_owned()).await.unwrap();
            let progress = Arc::new(Progress::start(at_most));
            let lister = Lister::new(Arc::clone(&progress)).await;
            let watched = Arc::clone(&progress);
            let projecting = tokio02::spawn(async move {
                let mut projector = Projector::new(Arc::new(RwLock::new(lister)), subscription);
                projector.run().await.unwrap();
            });
            while watched.events() < events && !watched.is_over() {
                tokio02::time::delay_for(Duration::from_millis(1)).await;
            }
            let so_far = progress.so_far();
            drop(projecting);
            so_far
        }))
    }
}

fn main() {
    let runtime = Builder::new().threaded_scheduler().enable_all().build().unwrap();
    serve(Eventually { runtime });
}
