//! What the index costs in memory and time, on invented tickets: 5 % open, owners Zipf-distributed over 200 users, 300 tags with
//! a rare one, 12 % of the tickets tagged. `FACETS_TICKETS=1000000 cargo test --release -p projections the_index_costs --
//! --nocapture` says what a million costs.

use std::time::Instant;

use events::value::{Priority, TicketSource};
use events::{StatusId, UserId};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use uuid::Uuid;

use crate::inbox::facets::index::Index;
use crate::inbox::facets::kept::Kept;
use crate::inbox::{Direction, Filter, Sort, StatusRow, Visible};

/// A ticket may not cost more, in bytes, at any size.
const BYTES_MAX: usize = 180;
const DAY: i64 = 86_400_000_000;

struct Chance(TestRng);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.next_u64() % limit
    }

    /// Zipf-like: each next one is half as likely, about.
    fn uneven(&mut self, limit: u64) -> u64 {
        let one = (self.below(1 << 20) + 1) as f64 / f64::from(1 << 20);
        ((limit as f64).powf(one) as u64).saturating_sub(1).min(limit - 1)
    }
}

fn ticket(number: u64, chance: &mut Chance) -> Kept {
    let open = chance.below(20) == 0;
    let created_at = number as i64 * 60_000_000;
    let tags = match chance.below(100) {
        0..12 => vec![format!("tag{}", chance.uneven(299))],
        _ if number.is_multiple_of(9_973) => vec!["rare".to_owned()],
        _ => Vec::new(),
    };
    let status = if open { chance.below(3) } else { 3 + chance.below(2) };
    Kept {
        ticket: Uuid::from_u128(u128::from(number) << 80 | u128::from(chance.0.next_u64())),
        number: number as i64,
        pipeline: Uuid::from_u128(1),
        status: Uuid::from_u128(u128::from(10 + status)),
        priority: chance.below(5) as i16,
        category: (chance.below(3) == 0).then(|| format!("c{}", chance.uneven(20))),
        source: ["email", "manual"][chance.below(2) as usize].to_owned(),
        owner_user: (chance.below(5) > 0).then(|| user(chance.uneven(200)).0),
        owner_team: (chance.below(4) == 0).then(|| Uuid::from_u128(chance.below(12).into())),
        tags,
        created_at,
        last_activity_at: created_at + chance.below(30 * DAY as u64) as i64,
        version: 10,
    }
}

fn user(number: u64) -> UserId {
    UserId(Uuid::from_u128(1_000 + u128::from(number)))
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4_096
}

/// The median and the slowest of so many runs, in microseconds.
fn timed<T>(runs: usize, mut run: impl FnMut(u64) -> T) -> String {
    let mut times: Vec<u128> = (0..runs as u64)
        .map(|n| {
            let started = Instant::now();
            std::hint::black_box(run(n));
            started.elapsed().as_micros()
        })
        .collect();
    times.sort_unstable();
    let (median, p95, last) = (runs / 2, runs * 95 / 100, runs - 1);
    format!("{} µs, p95 {} µs, at most {} µs", times[median], times[p95], times[last])
}

fn filters() -> Vec<(&'static str, Filter)> {
    let all = Filter::default;
    let closed = || (13..15).map(|n| StatusId(Uuid::from_u128(n))).collect::<Vec<_>>();
    let open = || (10..13).map(|n| StatusId(Uuid::from_u128(n))).collect::<Vec<_>>();
    let long_ago = decider::Timestamp::from_micros(0)..=decider::Timestamp::from_micros(DAY);
    vec![
        ("all", all()),
        ("open", Filter { statuses: open(), ..all() }),
        ("closed of one agent", Filter { statuses: closed(), owners: vec![user(150)], ..all() }),
        ("a rare tag", Filter { tags: vec!["rare".to_owned()], ..all() }),
        (
            "open, one category, one source",
            Filter {
                statuses: open(),
                categories: vec!["c19".to_owned()],
                sources: vec![TicketSource::Email],
                ..all()
            },
        ),
        (
            "high or urgent, closed",
            Filter {
                statuses: closed(),
                priorities: vec![Priority::High, Priority::Urgent],
                ..all()
            },
        ),
        ("anybody's", Filter { owned: Some(true), ..all() }),
        ("a day long ago", Filter { created: Some(long_ago), ..all() }),
    ]
}

#[test]
fn the_index_costs_few_bytes_a_ticket() {
    let asked = std::env::var("FACETS_TICKETS").ok().and_then(|count| count.parse().ok());
    let (count, runs) = asked.map_or((20_000, 2), |count: u64| (count, 200));
    let mut chance = Chance(TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let (before, started) = (resident(), Instant::now());
    let mut index = Index::default();
    for status in 0..5_u128 {
        let (id, pipeline) = (Uuid::from_u128(10 + status), Uuid::from_u128(1));
        let category = if status < 3 { "open" } else { "closed" }.to_owned();
        let name = format!("Status {status}");
        index.statuses.insert(id, StatusRow { status: id, pipeline, category, name });
    }
    for number in 1..=count {
        index.push(&ticket(number, &mut chance));
    }
    let pushed = started.elapsed();
    index.sort();
    let (sorted, after) = (started.elapsed() - pushed, resident());
    println!("{count} tickets: {} bytes, {} resident", index.bytes(), after.saturating_sub(before));
    println!("  invented and taken in {pushed:.1?}, sorted {sorted:.1?}");
    for (name, filter) in filters() {
        for sort in [Sort::Activity, Sort::Created, Sort::Priority, Sort::Number] {
            let order = (sort, Direction::Descending);
            let page = timed(runs, |_| {
                let set = index.matching(&filter, Visible::Everything);
                index.page(&set, &filter, order, None, 51).len()
            });
            println!("  first page, {name}, by {sort:?}: {page}");
        }
    }
    let counts = timed(runs, |n| index.counts(user(n), Visible::Everything, 1_000));
    println!("  counts of the default views: {counts}");
    let changes = timed(runs, |_| {
        let number = chance.below(count) as u32;
        let mut kept = index.kept(index.entry(number).unwrap().ticket).unwrap();
        kept.last_activity_at = (count as i64) * 60_000_000 + chance.below(DAY as u64) as i64;
        kept.version += 1;
        index.put(&kept);
    });
    println!("  one change of activity: {changes}");
    let bytes = index.bytes() / usize::try_from(count).unwrap();
    assert!(bytes <= BYTES_MAX, "{bytes} bytes a ticket");
}
