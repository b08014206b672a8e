//! The work of agents through the library: open a ticket, four more events on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use commands::ticket::PropertyInputs;
use commands::ticket::{AddComment, AssignTicket, ChangeStatus, CreateTicket, UpdateTicket};
use decider::{Command, CommandId, EventContext, Personal};
use event_store::handler::Request;
use events::value::{Owner, Priority, TicketSource};
use events::{CommentId, TicketId};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::processor::Used;
use crate::setup::{Setup, duration};
use crate::table::Table;

impl Setup {
    async fn send(&self, command: impl Command) -> Duration {
        let request = Request {
            ws: self.ws,
            id: CommandId(Uuid::now_v7()),
            body: b"bench".to_vec(),
            actor: self.actor,
            context: EventContext::default(),
            expected: None,
            command: Arc::new(command),
        };
        let sent = Instant::now();
        self.handler.handle(request).await.unwrap();
        sent.elapsed()
    }

    fn create(&self, ticket_id: TicketId, status: usize, owner: Option<Owner>) -> CreateTicket {
        CreateTicket {
            ticket_id,
            name: Personal("The printer on the third floor is on fire again".to_owned()),
            pipeline_id: None,
            status_id: Some(self.statuses[status]),
            source: TicketSource::Api,
            priority: Priority::Medium,
            category: Some("hardware".to_owned()),
            owner,
            contact_ids: Vec::new(),
            tags: vec!["printer".to_owned()],
            properties: PropertyInputs::default(),
        }
    }
}

/// One caller: ticket after ticket, five commands each.
async fn caller(setup: &Setup, started: Instant) -> Vec<Duration> {
    let mut took = Vec::new();
    while started.elapsed() < duration() {
        let ticket_id = TicketId(Uuid::now_v7());
        took.push(setup.send(setup.create(ticket_id, 0, None)).await);
        let to = Some(Owner { user: Some(setup.users[took.len() % 20]), team: None });
        took.push(setup.send(AssignTicket { ticket_id, to, note: None }).await);
        let comment = AddComment {
            ticket_id,
            comment_id: CommentId(Uuid::now_v7()),
            text: Personal("I have called the fire brigade; they know the way by now.".to_owned()),
            html: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            draft_id: None,
        };
        took.push(setup.send(comment).await);
        let update = UpdateTicket {
            ticket_id,
            name: None,
            priority: Some(Priority::Urgent),
            category: None,
            tags: None,
            properties: PropertyInputs::default(),
        };
        took.push(setup.send(update).await);
        let status_id = setup.statuses[3];
        took.push(
            setup
                .send(ChangeStatus { ticket_id, status_id, properties: PropertyInputs::default() })
                .await,
        );
    }
    took
}

pub async fn measure(setup: &Setup, table: &mut Table, callers: usize) {
    measure_as(setup, table, callers, &format!("library, {callers} callers")).await;
}

pub async fn measure_as(setup: &Setup, table: &mut Table, callers: usize, what: &str) {
    let used = Used::now(setup).await;
    let started = Instant::now();
    let took = join_all((0..callers).map(|_| caller(setup, started))).await;
    let commands = took.iter().map(Vec::len).sum();
    report(table, what, "commands/s", started, took);
    used.report(setup, table, what, commands).await;
}

pub fn report(
    table: &mut Table,
    what: &str,
    unit: &'static str,
    started: Instant,
    took: Vec<Vec<Duration>>,
) {
    let elapsed = started.elapsed().as_secs_f64();
    let mut all: Vec<Duration> = took.into_iter().flatten().collect();
    all.sort_unstable();
    let millis = |part: f64| all[((all.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    table.add(what, unit, all.len() as f64 / elapsed);
    table.add(what, "p50 ms", millis(0.50));
    table.add(what, "p99 ms", millis(0.99));
}

/// Many tickets, 5 % of them open, owners Zipf-distributed over the agents, a fifth of the open ones without one.
pub async fn fill(setup: &Setup, tickets: usize, table: &mut Table) {
    eprintln!("filling with {tickets} tickets");
    let started = Instant::now();
    let callers = 128;
    join_all((0..callers).map(|caller| async move {
        for index in (caller..tickets).step_by(callers) {
            let open = index % 20 == 0;
            let status = if open { index / 20 % 3 } else { 3 };
            let rank = zipf(index, setup.users.len());
            let owner = (!open || index % 100 != 0)
                .then(|| Owner { user: Some(setup.users[rank]), team: None });
            setup.send(setup.create(TicketId(Uuid::now_v7()), status, owner)).await;
        }
    }))
    .await;
    table.add(
        "filling, 128 callers",
        "tickets/s",
        tickets as f64 / started.elapsed().as_secs_f64(),
    );
}

/// Rank r with weight 1/(r+1), by a fixed spread of the index.
fn zipf(index: usize, ranks: usize) -> usize {
    let total: f64 = (1..=ranks).map(|rank| 1.0 / rank as f64).sum();
    let mut place = (index.wrapping_mul(2_654_435_761) % 10_000) as f64 / 10_000.0 * total;
    for rank in 0..ranks {
        place -= 1.0 / (rank + 1) as f64;
        if place <= 0.0 {
            return rank;
        }
    }
    ranks - 1
}
