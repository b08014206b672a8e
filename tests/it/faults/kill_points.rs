//! The server and its Postgres are killed at chance moments under load, one by one and together. Afterwards every acknowledged
//! request is there exactly once, one that nobody asked about again is there whole or not at all, and the views equal the log.
//!
//! What was acknowledged is remembered by this process, which nothing kills.

use std::time::{Duration, Instant};

use super::chance::{Chance, setting};
use super::check;
use super::desk::Desk;
use super::hit::{self, Hit};
use super::load::{Load, writers};
use super::rows;
use super::writer::Writer;

/// How often something is killed, unless `LEDGERDESK_TEST_KILLS` says otherwise.
const KILLS: u64 = 8;
/// How many requests are acknowledged at least, unless `LEDGERDESK_TEST_COMMANDS` says otherwise.
const COMMANDS: u64 = 1_500;
const WRITERS: usize = 16;
/// A kill comes at a moment of this length.
const MOMENT_MAX: Duration = Duration::from_millis(40);
/// After so many kills the whole log is proven.
const PROVE_EVERY: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_each_acknowledged_command_is_there_exactly_once() {
    kill_points(20_301).await;
}

async fn kill_points(seed: u64) {
    let started = Instant::now();
    let mut chance = Chance::seeded(seed);
    let kills = setting("LEDGERDESK_TEST_KILLS").unwrap_or(KILLS);
    let commands = setting("LEDGERDESK_TEST_COMMANDS").unwrap_or(COMMANDS);
    let hits = hit::several(usize::try_from(kills).unwrap(), &mut chance);
    let mut desk = Desk::start().await;
    let mut writers = writers(WRITERS, &mut chance);
    for (done, hit) in hits.iter().enumerate() {
        let share = usize::try_from(commands * 2 / kills.max(1)).unwrap();
        let load = Load::start(std::mem::take(&mut writers), &desk.client());
        load.gauge.wait_for_accepted(1 + chance.below(share) as u64).await;
        tokio::time::sleep(chance.moment(MOMENT_MAX)).await;
        println!("{}: {hit:?} after {:?}", done + 1, started.elapsed());
        writers = survive(*hit, &mut desk, load, &mut chance).await;
        if (done + 1) % PROVE_EVERY == 0 {
            desk.verify();
        }
    }
    let acknowledged = |writers: &[Writer]| -> u64 {
        writers.iter().map(|writer| writer.journal.len() as u64).sum()
    };
    let left = commands.saturating_sub(acknowledged(&writers));
    let load = Load::start(writers, &desk.client());
    load.gauge.wait_for_accepted(left).await;
    let mut writers = load.stop().await;
    let worked = started.elapsed();
    let given_up: usize = writers.iter().map(|writer| writer.given_up.len()).sum();
    nothing_is_lost(&desk, &mut writers).await;
    println!(
        "{} kills {:?}, {} requests acknowledged, {} asked again, {given_up} given up; {worked:?}, checked in {:?}",
        hits.len(),
        hit::shares(&hits),
        acknowledged(&writers),
        writers.iter().map(|writer| writer.asked_again).sum::<u64>(),
        started.elapsed() - worked,
    );
}

/// Strikes under load and waits until work goes on. What each writer had open is asked again, or given up for good.
async fn survive(hit: Hit, desk: &mut Desk, load: Load, chance: &mut Chance) -> Vec<Writer> {
    let mut writers;
    if hit.ends_the_server() {
        load.may_break();
        hit.strike(desk, chance).await;
        writers = load.broken().await;
        desk.serve();
    } else {
        hit.strike(desk, chance).await;
        load.gauge.wait_for_accepted(WRITERS as u64).await;
        writers = load.stop().await;
    }
    let client = desk.client();
    for writer in &mut writers {
        if !writer.gives_up() {
            writer.settle(&client).await;
        }
        let latest = writer.journal.len().saturating_sub(2);
        check::repeats_answer_the_same(&client, &writer.journal[latest..]).await;
    }
    writers
}

async fn nothing_is_lost(desk: &Desk, writers: &mut [Writer]) {
    let client = desk.client();
    for writer in writers.iter_mut() {
        writer.settle(&client).await;
    }
    rows::are_as_folded(&client).await;
    rows::hold_what_was_given_up_once_or_not(&client, writers).await;
    for writer in writers.iter_mut() {
        writer.asks_after_all(&client).await;
    }
    check::log_holds_each_once(desk, writers);
    let journals = writers.iter().map(|writer| &writer.journal);
    let repeats = journals.map(|journal| check::repeats_answer_the_same(&client, journal));
    futures_util::future::join_all(repeats).await;
    rows::are_as_folded(&client).await;
    let tickets = writers.iter().flat_map(|writer| &writer.tickets);
    check::tickets_are_as_acknowledged(&client, tickets).await;
    desk.verify();
}
