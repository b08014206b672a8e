//! A client that writes without pause on tickets of its own, keeps a journal of what was acknowledged, and goes on after a
//! fault with the very request whose outcome is open.

use std::sync::Arc;
use std::time::Duration;

use testkit::Client;

use super::act::{Act, Expected};
use super::chance::Chance;
use super::load::Gauge;
use super::send::{Ack, Ask, Outcome};

/// How many tickets a writer makes before it only works on them.
const TICKETS_MAX: usize = 40;
/// One in so many requests makes a ticket.
const CREATES: usize = 6;
/// One in so many requests whose outcome is open is given up.
const GIVES_UP: usize = 4;
/// The pause after a "come again"; shorter than a client would wait, so that more of them are seen.
const PAUSE: Duration = Duration::from_millis(100);

/// A request that was acknowledged, and how.
#[derive(Clone, Debug)]
pub struct Entry {
    pub act: Act,
    pub ask: Ask,
    pub ack: Ack,
}

/// A request whose outcome nobody asked for again, and the ticket it was about.
#[derive(Clone, Debug)]
pub struct GivenUp {
    pub act: Act,
    pub ask: Ask,
    pub ticket: Option<String>,
}

/// A client that writes.
pub struct Writer {
    name: String,
    chance: Chance,
    count: usize,
    /// Sent, and nobody knows whether it was accepted: the act, its ticket, and the request.
    open: Option<(Act, Option<usize>, Ask)>,
    pub tickets: Vec<Expected>,
    pub journal: Vec<Entry>,
    pub given_up: Vec<GivenUp>,
    /// How many requests were sent more than once, counting each time.
    pub asked_again: u64,
}

impl Writer {
    pub fn new(name: String, chance: Chance) -> Self {
        Self {
            name,
            chance,
            count: 0,
            open: None,
            tickets: Vec::new(),
            journal: Vec::new(),
            given_up: Vec::new(),
            asked_again: 0,
        }
    }

    /// Writes until the gauge says stop or the connection breaks.
    pub async fn run(mut self, client: Client, gauge: Arc<Gauge>) -> Self {
        while !gauge.is_over() {
            self.asked_again += u64::from(self.open.is_some());
            let (act, ticket, ask) = self.open.take().unwrap_or_else(|| self.next());
            let outcome = ask.send(&client).await;
            self.open = Some((act, ticket, ask));
            match outcome {
                Outcome::Accepted(ack) => {
                    self.accepted(ack);
                    gauge.accepted();
                }
                Outcome::Away => {
                    gauge.away();
                    tokio::time::sleep(PAUSE).await;
                }
                Outcome::Broken(error) => {
                    assert!(gauge.may_break(), "{:?}: {error:?}", self.open);
                    break;
                }
            }
        }
        self
    }

    /// Sends the request whose outcome is open again, if there is one, until it is settled.
    pub async fn settle(&mut self, client: &Client) {
        if let Some((_, _, ask)) = &self.open {
            self.asked_again += 1;
            let ack = ask.settle(client).await;
            self.accepted(ack);
        }
    }

    /// One time in so many the request whose outcome is open is given up, and its ticket with it: nobody knows how that is.
    pub fn gives_up(&mut self) -> bool {
        if self.open.is_none() || self.chance.below(GIVES_UP) > 0 {
            return false;
        }
        if let Some((act, ticket, ask)) = self.open.take() {
            let ticket = ticket.map(|index| self.tickets.swap_remove(index).id);
            self.given_up.push(GivenUp { act, ask, ticket });
        }
        true
    }

    /// Asks for what was given up after all, which makes it a request like the others.
    pub async fn asks_after_all(&mut self, client: &Client) {
        for GivenUp { act, ask, .. } in std::mem::take(&mut self.given_up) {
            let ack = ask.settle(client).await;
            self.journal.push(Entry { act, ask, ack });
        }
    }

    fn next(&mut self) -> (Act, Option<usize>, Ask) {
        self.count += 1;
        let word = format!("{}-{}", self.name, self.count);
        let makes = self.tickets.is_empty()
            || (self.tickets.len() < TICKETS_MAX && self.chance.below(CREATES) == 0);
        let (act, ticket) = if makes {
            (Act::create(&mut self.chance, &word), None)
        } else {
            let index = self.chance.below(self.tickets.len());
            (Act::choose(&mut self.chance, &self.tickets[index], &word), Some(index))
        };
        let ask = act.ask(format!("key {word}"), ticket.map(|index| &self.tickets[index]));
        (act, ticket, ask)
    }

    fn accepted(&mut self, ack: Ack) {
        let (act, ticket, ask) = self.open.take().expect("an answer belongs to a request");
        match ticket {
            Some(index) => act.apply(&mut self.tickets[index], &ack),
            None => self.tickets.extend(act.made(&ack)),
        }
        self.journal.push(Entry { act, ask, ack });
    }
}
