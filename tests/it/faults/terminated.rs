//! SIGTERM under load: what was begun is finished, within ten seconds, and nothing is left behind.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::chance::Chance;
use super::check;
use super::desk::Desk;
use super::load::{Load, writers};
use super::processes;

const WRITERS: usize = 6;
const ENDS_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_told_to_stop_under_load_loses_nothing_and_leaves_nothing_running() {
    let mut chance = Chance::seeded(20_265);
    let mut desk = Desk::start().await;
    let mut writers = writers(WRITERS, &mut chance);
    for _ in 0..2 {
        let (server, load) = (desk.serving().pid(), Load::start(writers, &desk.client()));
        let postmaster = processes::next_postmaster(server, None).await;
        load.gauge.wait_for_accepted(40 + chance.below(40) as u64).await;
        load.may_break();
        let (serving, asked) = (desk.take(), Instant::now());
        let status = tokio::task::block_in_place(|| serving.terminate());
        let took = asked.elapsed();
        assert_eq!(status.code(), Some(0));
        assert!(took < ENDS_WITHIN, "it took {took:?}");
        assert!(!processes::is_alive(postmaster), "Postgres is still there");
        writers = load.broken().await;
        desk.serve();
        let client = desk.client();
        for writer in &mut writers {
            writer.settle(&client).await;
            check::repeats_answer_the_same(&client, &writer.journal).await;
        }
    }
    check::views_count_the_same(&desk.client(), &writers).await;
    check::log_holds_each_once(&desk, &writers);
    desk.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_half_there_when_the_signal_comes_is_still_answered() {
    let mut desk = Desk::start().await;
    let address = desk.serving().url.strip_prefix("http://").unwrap().to_owned();
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(ENDS_WITHIN)).unwrap();
    let body = r#"{"name":"Sent in two halves"}"#;
    let head = format!(
        "POST /api/v1/tickets HTTP/1.1\r\nhost: desk\r\ncontent-type: application/json\r\n\
         authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        desk.token(),
        body.len()
    );
    let (first, rest) = body.split_at(10);
    connection.write_all(format!("{head}{first}").as_bytes()).unwrap();
    // Another request on a connection of its own is answered: by then the first one has been taken up too.
    desk.client().get("/api/v1/me").await.ok();
    let serving = desk.take();
    let ending = std::thread::spawn(move || serving.terminate());
    connection.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    drop(connection.read_to_string(&mut answer));
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(tokio::task::block_in_place(|| ending.join().unwrap()).code(), Some(0));
    desk.serve();
    let shown = desk.client().get("/api/v1/tickets/1").await.ok();
    assert_eq!(shown["name"], "Sent in two halves");
}
