//! Postgres goes away under load: killed, stopped, out of reach for a while. Requests are told to come again, nothing that
//! was acknowledged is lost, and everything goes on by itself once it is back.

use reqwest::Method;
use testkit::{Client, OwnPostgres, eventually};

use super::chance::Chance;
use super::check;
use super::desk::Desk;
use super::load::{Load, writers};
use super::processes::{self, next_postmaster};
use super::writer::Writer;

const WRITERS: usize = 4;
/// So many acknowledgements at least lie between two faults.
const BETWEEN: u64 = 25;

#[tokio::test(flavor = "multi_thread")]
async fn a_private_postgres_that_ends_is_started_again_and_loses_nothing() {
    let mut chance = Chance::seeded(20_262);
    let desk = Desk::start().await;
    let server = desk.serving().pid();
    let load = Load::start(writers(WRITERS, &mut chance), &desk.client());
    let mut known = None;
    for name in ["KILL", "INT", "KILL"] {
        load.gauge.wait_for_accepted(BETWEEN + chance.below(20) as u64).await;
        let postmaster = next_postmaster(server, known).await;
        processes::signal(postmaster, name);
        known = Some(postmaster);
    }
    load.gauge.wait_for_accepted(BETWEEN).await;
    assert_ne!(processes::postmaster_of(server), known);
    let writers = load.stop().await;
    nothing_is_lost(&desk, writers).await;
    assert!(processes::is_alive(server));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_ones_own_may_stop_and_start_while_the_server_runs() {
    let mut chance = Chance::seeded(20_263);
    let mut postgres = tokio::task::block_in_place(OwnPostgres::start);
    let desk = Desk::on(&postgres.url("ledgerdesk")).await;
    let load = Load::start(writers(WRITERS, &mut chance), &desk.client());
    for end in [OwnPostgres::shut_down, OwnPostgres::kill] {
        load.gauge.wait_for_accepted(BETWEEN + chance.below(20) as u64).await;
        tokio::task::block_in_place(|| end(&mut postgres));
        load.gauge.wait_for_away(2 * WRITERS as u64).await;
        is_up_but_not_ready(&desk.client()).await;
        tokio::task::block_in_place(|| postgres.start_again());
    }
    load.gauge.wait_for_accepted(BETWEEN).await;
    let writers = load.stop().await;
    nothing_is_lost(&desk, writers).await;
    eventually("the server is ready again", || async {
        let client = desk.client();
        client.get("/readyz").await.status.is_success().then_some(())
    })
    .await;
}

/// While the database is away, the process says so instead of hanging, and reads are told to come again as well.
async fn is_up_but_not_ready(client: &Client) {
    client.get("/healthz").await.status(200);
    let readiness = client.get("/readyz").await;
    assert!(readiness.header("retry-after").is_some());
    assert_eq!(readiness.status(503)["log_reachable"], false);
    for path in ["/api/v1/views/open/tickets", "/api/v1/tickets/1"] {
        let answer = client.send(client.request(Method::GET, path)).await;
        assert!(answer.header("retry-after").is_some(), "{path}: {answer:?}");
        assert_eq!(answer.refused(503), "unavailable", "{path}");
    }
}

pub async fn nothing_is_lost(desk: &Desk, mut writers: Vec<Writer>) {
    let client = desk.client();
    for writer in &mut writers {
        writer.settle(&client).await;
    }
    for writer in &writers {
        check::repeats_answer_the_same(&client, &writer.journal).await;
    }
    check::views_count_the_same(&client, &writers).await;
    let tickets = writers.iter().flat_map(|writer| &writer.tickets);
    check::tickets_are_as_acknowledged(&client, tickets).await;
    check::log_holds_each_once(desk, &writers);
    desk.verify();
}
