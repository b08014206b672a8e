//! Which pool size is best for which peer: the sizes of a peer side by side, several times over.

use work::measure::Load;

use crate::figures::{Spread, show};
use crate::peer::Peer;
use crate::postgres::Postgres;
use crate::settings::Settings;

const POOLS: [u32; 5] = [5, 10, 20, 40, 64];

pub fn run(settings: &Settings, postgres: &Postgres) {
    let columns: Vec<String> = POOLS.iter().map(ToString::to_string).collect();
    println!("| commands/s with so many connections | callers | {} |", columns.join(" | "));
    println!("|---|---:|{}", "---:|".repeat(POOLS.len()));
    for kind in settings.peers.iter().filter(|kind| kind.pool(1).is_some()) {
        let database = postgres.database(kind.name);
        let mut peer = Peer::start(kind, &database.url(), &database.folder);
        for callers in settings.callers.iter().filter(|callers| **callers > 1) {
            let mut rates = [const { Vec::new() }; POOLS.len()];
            for _ in 0..settings.rounds {
                for (pool, rates) in POOLS.into_iter().zip(&mut rates) {
                    let load = Load { callers: *callers, seconds: settings.seconds, pool };
                    let measured = peer.commands(load);
                    rates.push(measured.commands as f64 / measured.seconds);
                }
            }
            let medians: Vec<String> =
                rates.into_iter().map(|rates| show(Spread::of(rates).median)).collect();
            println!("| {} | {callers} | {} |", kind.title, medians.join(" | "));
        }
    }
}
