//! The connection to the database breaks, halts or crawls at every stage of an append, by a proxy between. Whatever the client
//! is told, its request has one effect, and asked again it answers the original.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{Client, Direction, GivenPostgres, Harm, Proxy, Then, Ticket, eventually};

use super::desk::Desk;
use super::send::{Ack, Ask, Outcome};

/// The size of an append differs a little from one to the next; what lies beyond its end is not harmed.
const BEYOND: usize = 4;
/// No answer takes longer than an append may, and a little.
const ANSWER_WITHIN: Duration = Duration::from_secs(11);
const LATE: Duration = Duration::from_millis(300);

/// A server behind a proxy.
struct Behind {
    desk: Desk,
    proxy: Proxy,
    ticket: Ticket,
    count: usize,
    _postgres: GivenPostgres,
}

impl Behind {
    async fn start() -> Self {
        let postgres = GivenPostgres::get().await;
        let proxy = Proxy::before(&postgres.url()).await;
        let desk = Desk::on_two(&proxy.url(), &postgres.owner_url()).await;
        let ticket = desk.client().open_ticket("Printer on fire").await;
        Self { desk, proxy, ticket, count: 0, _postgres: postgres }
    }

    fn comment(&mut self) -> Ask {
        self.count += 1;
        let body = json!({ "text": format!("comment {}", self.count) });
        Ask::post(format!("key {}", self.count), self.ticket.at("/comments"), body)
    }

    /// Sends comments until one travelled on a connection on which the append is prepared; answers what it took there and back.
    async fn measure(&mut self) -> (usize, usize) {
        let client = self.desk.client();
        for _ in 0..3 {
            self.comment().settle(&client).await;
        }
        self.proxy.sizes()
    }

    /// Sends a comment and harms its append; answers what came of it and how long it took.
    async fn harmed(&mut self, harm: Harm) -> (Ask, Outcome, Duration, bool) {
        let (ask, before) = (self.comment(), self.proxy.done());
        self.proxy.arm(harm);
        let started = Instant::now();
        let outcome = ask.send(&self.desk.client()).await;
        let took = started.elapsed();
        self.proxy.disarm();
        (ask, outcome, took, self.proxy.done() > before)
    }

    /// Every comment is there once, and the log is whole.
    async fn each_is_there_once(&self) {
        let client = self.desk.client();
        let items = eventually("all comments are in the thread", || async {
            let thread = client.get(&self.ticket.at("/thread?limit=200")).await.ok();
            let items = thread["items"].as_array().unwrap().clone();
            (items.len() >= self.count).then_some(items)
        })
        .await;
        let said: Vec<_> = items.iter().map(|item| item["text"].as_str().unwrap()).collect();
        let expected: Vec<_> = (1..=self.count).map(|n| format!("comment {n}")).collect();
        assert_eq!(said, expected);
        self.desk.verify();
    }
}

/// The answer to a request, asked again if it was left open; and whether it was.
async fn settled(client: &Client, ask: &Ask, outcome: Outcome) -> (Ack, bool) {
    let (ack, open) = match outcome {
        Outcome::Accepted(ack) => (ack, false),
        Outcome::Away => (ask.settle(client).await, true),
        Outcome::Broken(error) => panic!("{ask:?}: {error:?}"),
    };
    for _ in 0..2 {
        assert_eq!(ask.settle(client).await, ack, "{ask:?}");
    }
    (ack, open)
}

/// Places within so many bytes: every edge, and a few between.
fn places(size: usize) -> Vec<usize> {
    let mut places = vec![0, 1, 4, 5, 6, size / 4, size / 2, 3 * size / 4];
    places.extend((1..=12).map(|back| size.saturating_sub(back)));
    places.push(size + BEYOND);
    places.sort_unstable();
    places.dedup();
    places
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_at_any_stage_of_an_append_changes_no_answer() {
    let mut behind = Behind::start().await;
    let client = behind.desk.client();
    let (up, down) = behind.measure().await;
    assert!(up > 100 && down > 50, "{up} {down}");
    let stages = places(up).into_iter().map(|place| (Direction::Up, place));
    let stages = stages.chain(places(down).into_iter().map(|place| (Direction::Down, place)));
    let (mut cut, mut position) = (0, 0);
    for (towards, after_bytes) in stages {
        let harm = Harm { towards, after_bytes, then: Then::Cut };
        let (ask, outcome, took, done) = behind.harmed(harm).await;
        assert!(took < ANSWER_WITHIN, "{harm:?} took {took:?}");
        let (ack, _) = settled(&client, &ask, outcome).await;
        assert!(position == 0 || ack.position == position + 1, "{harm:?}: {ack:?}");
        position = ack.position;
        cut += usize::from(done);
    }
    assert!(cut >= 30, "{cut} of the stages were within the append or its answer");
    behind.each_is_there_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_comes_late_is_answered_all_the_same() {
    let mut behind = Behind::start().await;
    let client = behind.desk.client();
    behind.measure().await;
    for towards in [Direction::Up, Direction::Down] {
        let harm = Harm { towards, after_bytes: 0, then: Then::Late(LATE) };
        let (ask, outcome, took, done) = behind.harmed(harm).await;
        assert!(done && took >= LATE, "{took:?}");
        let (_, open) = settled(&client, &ask, outcome).await;
        assert!(!open);
    }
    behind.each_is_there_once().await;
}

/// No byte passes any more, and nobody is told: the server gives up in time, and works over another connection.
async fn stalled(towards: Direction, place: impl Fn((usize, usize)) -> usize) {
    let mut behind = Behind::start().await;
    let client = behind.desk.client();
    let after_bytes = place(behind.measure().await);
    let harm = Harm { towards, after_bytes, then: Then::Stall };
    let (ask, outcome, took, done) = behind.harmed(harm).await;
    assert!(done, "{harm:?}");
    assert!(took < ANSWER_WITHIN, "{harm:?} took {took:?}");
    settled(&client, &ask, outcome).await;
    let started = Instant::now();
    behind.comment().settle(&client).await;
    assert!(started.elapsed() < Duration::from_secs(2), "one dead connection holds up the others");
    behind.each_is_there_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_halts_anywhere_is_given_up_in_time() {
    tokio::join!(
        stalled(Direction::Up, |_| 0),
        stalled(Direction::Up, |(up, _)| up / 2),
        stalled(Direction::Down, |_| 0),
        stalled(Direction::Down, |(_, down)| down / 2),
    );
}

/// The end of the statement is not the end of the transaction: what comes after it says "commit", and until then the database
/// holds the workspace's lock for a client that may never speak again.
#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_halts_before_its_commit_does_not_hold_up_the_workspace() {
    const SYNC: usize = 5;
    let mut behind = Behind::start().await;
    let client = behind.desk.client();
    let (up, _) = behind.measure().await;
    let harm = Harm { towards: Direction::Up, after_bytes: up - SYNC, then: Then::Stall };
    let (ask, outcome, took, done) = behind.harmed(harm).await;
    assert!(done && took < ANSWER_WITHIN, "{took:?}");
    settled(&client, &ask, outcome).await;
    behind.comment().settle(&client).await;
    behind.each_is_there_once().await;
}
