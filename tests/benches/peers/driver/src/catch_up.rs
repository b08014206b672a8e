//! Catch-up: each peer folds a log of its own into a read model, one after another, at most so long.

use work::protocol::CaughtUp;

use crate::figures::show;
use crate::peer::{Kind, OURS, Peer};
use crate::postgres::Postgres;
use crate::settings::Settings;

pub fn run(settings: &Settings, postgres: &Postgres) {
    let mut rows: Vec<(&Kind, Option<CaughtUp>)> = Vec::new();
    for kind in &settings.peers {
        rows.push((kind, catch_up(kind, settings, postgres)));
    }
    let rate = |caught_up: &CaughtUp| caught_up.events as f64 / caught_up.seconds;
    let ours = rows.iter().find(|(kind, _)| kind.name == OURS);
    let ours = ours.and_then(|(_, caught_up)| caught_up.as_ref()).map(rate);
    println!(
        "| catch-up over {} events | events folded | seconds | events/s | Ledgerdesk / peer |",
        show(settings.events as f64)
    );
    println!("|---|---:|---:|---:|---:|");
    for (kind, caught_up) in &rows {
        let Some(caught_up) = caught_up else {
            println!("| {} | not offered | | | |", kind.title);
            continue;
        };
        let ratio = ours.filter(|_| kind.name != OURS).map(|ours| show(ours / rate(caught_up)));
        println!(
            "| {} | {} | {} | {} | {} |",
            kind.title,
            show(caught_up.events as f64),
            show(caught_up.seconds),
            show(rate(caught_up)),
            ratio.unwrap_or_else(|| "–".to_owned()),
        );
    }
}

/// Filled by one process and folded by another, so that nothing of the filling is left in memory.
fn catch_up(kind: &'static Kind, settings: &Settings, postgres: &Postgres) -> Option<CaughtUp> {
    eprintln!("catch-up of {}", kind.name);
    let database = postgres.database(&format!("{} catch-up", kind.name));
    let mut peer = Peer::start(kind, &database.url(), &database.folder);
    peer.fill(settings.events);
    let filled = peer.count();
    drop(peer);
    if filled == 0 {
        return None;
    }
    database.settle();
    let mut peer = Peer::start(kind, &database.url(), &database.folder);
    peer.catch_up(settings.catch_up_seconds)
}
