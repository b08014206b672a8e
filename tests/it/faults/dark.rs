//! The network between server and database swallows everything, and nobody is told: every request is still answered in time, and
//! once there is a way again the server takes it by itself, though its old connections stay dead for ever.

use std::time::{Duration, Instant};

use reqwest::Method;
use testkit::{Client, GivenPostgres, Proxy, eventually};

use super::chance::Chance;
use super::check;
use super::desk::Desk;
use super::load::{Load, writers};
use super::rows;

const WRITERS: usize = 4;
/// No read takes longer, whatever happens to the database.
const READ_WITHIN: Duration = Duration::from_secs(12);
const READYZ_WITHIN: Duration = Duration::from_secs(4);
/// More than the server has connections to read with.
const READS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything_holds_nothing_up_for_ever() {
    let mut chance = Chance::seeded(20_310);
    let postgres = GivenPostgres::get().await;
    let proxy = Proxy::before(&postgres.url()).await;
    let desk = Desk::on_two(&proxy.url(), &postgres.owner_url()).await;
    let client = desk.client();
    let load = Load::start(writers(WRITERS, &mut chance), &client);
    load.gauge.wait_for_accepted(40).await;
    proxy.go_dark();
    let paths = ["/api/v1/tickets/1", "/api/v1/tickets/1/thread", "/api/v1/views/open/tickets"];
    let reads = paths.iter().cycle().take(READS).map(|path| away_in_time(&client, path));
    tokio::join!(futures_util::future::join_all(reads), is_not_ready(&client));
    load.gauge.wait_for_away(1).await;

    proxy.lighten();
    load.gauge.wait_for_accepted(20).await;
    let mut writers = load.stop().await;
    for writer in &mut writers {
        writer.settle(&client).await;
    }
    let reads = paths.iter().cycle().take(READS).map(|path| client.get(path));
    for answer in futures_util::future::join_all(reads).await {
        answer.ok();
    }
    eventually("the server is ready again", || async {
        client.get("/readyz").await.status.is_success().then_some(())
    })
    .await;
    rows::are_as_folded(&client).await;
    for writer in &writers {
        check::repeats_answer_the_same(&client, &writer.journal).await;
    }
    check::log_holds_each_once(&desk, &writers);
    desk.verify();
}

async fn away_in_time(client: &Client, path: &str) {
    let started = Instant::now();
    let answer = client.send(client.request(Method::GET, path)).await;
    let took = started.elapsed();
    assert!(took < READ_WITHIN, "{path} took {took:?}: {}", answer.text());
    assert!(answer.header("retry-after").is_some(), "{path}: {answer:?}");
    answer.status(503);
}

async fn is_not_ready(client: &Client) {
    let started = Instant::now();
    client.get("/healthz").await.status(200);
    let readiness = client.get("/readyz").await.status(503);
    assert_eq!(readiness["log_reachable"], false);
    assert!(started.elapsed() < READYZ_WITHIN, "{:?}", started.elapsed());
}
