//! The server is killed at random moments under load. Afterwards every acknowledged request is there exactly once.

use std::time::Duration;

use super::chance::{Chance, setting};
use super::check;
use super::desk::Desk;
use super::load::{Load, writers};

/// How often it is killed, unless `LEDGERDESK_TEST_KILLS` says otherwise.
const KILLS: u64 = 8;
const WRITERS: usize = 6;
/// A kill comes after so many acknowledgements at most, and a moment.
const ACKNOWLEDGED_MAX: usize = 120;
const MOMENT_MAX: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_exactly_once_however_often_the_server_is_killed() {
    let mut chance = Chance::seeded(20_261);
    let mut desk = Desk::start().await;
    let mut writers = writers(WRITERS, &mut chance);
    for _ in 0..setting("LEDGERDESK_TEST_KILLS").unwrap_or(KILLS) {
        let journalled: Vec<_> = writers.iter().map(|writer| writer.journal.len()).collect();
        let load = Load::start(writers, &desk.client());
        load.gauge.wait_for_accepted(1 + chance.below(ACKNOWLEDGED_MAX) as u64).await;
        tokio::time::sleep(chance.moment(MOMENT_MAX)).await;
        load.may_break();
        desk.kill();
        writers = load.broken().await;
        desk.serve();
        let client = desk.client();
        for (writer, before) in writers.iter_mut().zip(journalled) {
            writer.settle(&client).await;
            check::repeats_answer_the_same(&client, &writer.journal[before..]).await;
        }
        check::views_count_the_same(&client, &writers).await;
        desk.verify();
    }
    let client = desk.client();
    for writer in &writers {
        check::repeats_answer_the_same(&client, &writer.journal).await;
    }
    let acknowledged: usize = writers.iter().map(|writer| writer.journal.len()).sum();
    println!("{acknowledged} requests were acknowledged");
    let tickets = writers.iter().flat_map(|writer| &writer.tickets);
    check::tickets_are_as_acknowledged(&client, tickets).await;
    check::log_holds_each_once(&desk, &writers);
}
