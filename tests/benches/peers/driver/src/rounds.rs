//! Commands: round by round every peer at every number of callers, the order turned by one each round.

use work::measure::{Load, Measured};

use crate::figures::{Spread, show};
use crate::machine::durable_writes_per_second;
use crate::peer::{OURS, Peer};
use crate::postgres::Postgres;
use crate::settings::Settings;

/// What one peer gave at one number of callers, round by round.
struct Row {
    peer: usize,
    callers: usize,
    rounds: Vec<Measured>,
}

impl Row {
    fn rates(&self) -> impl Iterator<Item = f64> {
        self.rounds.iter().map(|measured| measured.commands as f64 / measured.seconds)
    }
}

pub fn run(settings: &Settings, postgres: &Postgres) {
    let databases: Vec<_> =
        settings.peers.iter().map(|kind| postgres.database(kind.name)).collect();
    let mut peers: Vec<Peer> = settings
        .peers
        .iter()
        .zip(&databases)
        .map(|(kind, database)| Peer::start(kind, &database.url(), &database.folder))
        .collect();
    let mut rows: Vec<Row> = Vec::new();
    for callers in &settings.callers {
        let row = |peer| Row { peer, callers: *callers, rounds: Vec::new() };
        rows.extend((0..peers.len()).map(row));
    }
    let (mut writes, mut acknowledged) = (Vec::new(), vec![0; peers.len()]);
    for round in 0..settings.rounds {
        eprintln!("commands, round {} of {}", round + 1, settings.rounds);
        writes.push(durable_writes_per_second(postgres.folder()));
        for callers in &settings.callers {
            for turn in 0..peers.len() {
                let index = (turn + round) % peers.len();
                let peer = &mut peers[index];
                let pool = peer.kind.pool(*callers).unwrap_or_default();
                let load = Load { callers: *callers, seconds: settings.seconds, pool };
                let measured = peer.commands(load);
                acknowledged[index] += measured.events;
                let found =
                    rows.iter_mut().find(|row| row.peer == index && row.callers == *callers);
                found.expect("its row").rounds.push(measured);
            }
        }
    }
    println!("Write 8 KiB and fdatasync: {} per second\n", Spread::of(writes));
    for callers in &settings.callers {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.callers == *callers).collect();
        print_rows(*callers, &rows, &peers);
    }
    for (peer, acknowledged) in peers.iter_mut().zip(acknowledged) {
        let counted = peer.count();
        let name = peer.kind.name;
        assert_eq!(counted, acknowledged, "{name}: events in the log, events acknowledged");
    }
    println!("Every acknowledged event of every peer was found in its log.\n");
}

fn print_rows(callers: usize, rows: &[&Row], peers: &[Peer]) {
    println!(
        "| {callers} callers | commands/s | p50 ms | p99 ms | begun again | connections | Ledgerdesk / peer |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let ours = rows.iter().find(|row| peers[row.peer].kind.name == OURS);
    let mut best: Option<(&Row, Spread)> = None;
    for row in rows {
        let kind = peers[row.peer].kind;
        let of = |part: fn(&Measured) -> f64| Spread::of(row.rounds.iter().map(part)).median;
        let ratio = ours.filter(|ours| ours.peer != row.peer).map(|ours| {
            Spread::of(ours.rates().zip(row.rates()).map(|(ours, theirs)| ours / theirs))
        });
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            kind.title,
            Spread::of(row.rates()),
            show(of(|measured| measured.p50_ms)),
            show(of(|measured| measured.p99_ms)),
            row.rounds.iter().map(|measured| measured.retries).sum::<u64>(),
            kind.pool(callers).map_or_else(|| "fixed".to_owned(), |pool| pool.to_string()),
            ratio.map_or_else(|| "–".to_owned(), |ratio| ratio.to_string()),
        );
        if let Some(ratio) =
            ratio.filter(|ratio| best.is_none_or(|best| ratio.median < best.1.median))
        {
            best = Some((row, ratio));
        }
    }
    if let Some((row, ratio)) = best {
        let title = peers[row.peer].kind.title;
        println!("\nLedgerdesk / the best peer at {callers} callers, {title}: {ratio}");
    }
    println!();
}
