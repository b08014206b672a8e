//! The log against what was acknowledged and what was told.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use crate::desk::Desk;
use crate::journal::{Ack, Journal};
use crate::judge::Verdicts;
use crate::watch::{AllHeard, Heard, Watchers};

/// What the log holds.
#[derive(Default)]
struct Log {
    head: u64,
    /// The last position of each command.
    commands: HashMap<Uuid, u64>,
    versions: HashMap<Uuid, i32>,
    /// What everybody may be told: every position, and where each run of a command on a stream ends.
    open: HashSet<u64>,
    ends: Vec<u64>,
    wrong: Vec<String>,
}

pub async fn prove(desk: &Desk, journal: &Journal, watchers: Watchers, verdicts: &mut Verdicts) {
    let mut owner = PgConnection::connect(&desk.database().await).await.unwrap();
    let log = Log::read(&mut owner, desk, watchers.start).await;
    let seen = format!("{} events", log.head);
    let whole = log.wrong.is_empty();
    let seen = if whole { seen } else { format!("{seen}; {}", log.wrong.join("; ")) };
    verdicts.add("no position is missing or doubled, no command is split", whole, seen);
    let acks = journal.acks();
    let lost = log.lost(&mut owner, desk, &acks).await;
    let seen = format!("{} acknowledged, {} not as they were", acks.len(), lost.len());
    verdicts.add("every acknowledged command is in the log once", lost.is_empty(), seen);
    log.told(&watchers.until(log.head).await, verdicts);
    verify(desk, verdicts);
}

/// Every hash, commit, command and claim.
fn verify(desk: &Desk, verdicts: &mut Verdicts) {
    let started = Instant::now();
    let output = tokio::task::block_in_place(|| desk.run(&["log", "verify", "--json"]));
    let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let took = started.elapsed().as_secs_f64();
    let seen = if output.status.success() {
        format!("{took:.0} s")
    } else {
        format!("{}: {told} {}", output.status, String::from_utf8_lossy(&output.stderr))
    };
    verdicts.add("`log verify` passes", output.status.success(), seen);
}

impl Log {
    async fn read(owner: &mut PgConnection, desk: &Desk, start: u64) -> Self {
        let mut log = Self::default();
        let mut run: Option<(Uuid, Uuid)> = None;
        loop {
            let rows = sqlx::query(include_str!("events.sql"))
                .bind(desk.people.ws.0)
                .bind(i64::try_from(log.head).unwrap())
                .fetch_all(&mut *owner)
                .await
                .unwrap();
            if rows.is_empty() {
                return log;
            }
            for row in rows {
                let position = u64::try_from(row.get::<i64, _>("pos")).unwrap();
                let (stream, command) = (row.get("stream"), row.get("cmd"));
                log.event(position, row.get("version"), (stream, command), run);
                if position > start && row.get::<&str, _>("kind") != "draft" {
                    if run == Some((stream, command)) {
                        log.ends.pop();
                    }
                    log.ends.push(position);
                    log.open.insert(position);
                }
                run = Some((stream, command));
                log.head = position;
            }
        }
    }

    fn event(
        &mut self,
        position: u64,
        version: i32,
        (stream, command): (Uuid, Uuid),
        before: Option<(Uuid, Uuid)>,
    ) {
        if position != self.head + 1 {
            self.wrong.push(format!("{position} follows {}", self.head));
        }
        let known = self.versions.insert(stream, version).unwrap_or(0);
        if version != known + 1 {
            self.wrong.push(format!("at {position} version {version} follows {known}"));
        }
        let known = self.commands.insert(command, position);
        if known.is_some() && before.is_none_or(|(_, last)| last != command) {
            self.wrong.push(format!("at {position} a command of before goes on"));
        }
    }

    /// Those that are not in the log as they were acknowledged.
    async fn lost(&self, owner: &mut PgConnection, desk: &Desk, acks: &[Ack]) -> Vec<Uuid> {
        let mut lost = Vec::new();
        for ack in acks.iter().filter(|ack| ack.exact) {
            if self.commands.get(&ack.command) != Some(&ack.position) {
                lost.push(ack.command);
            }
        }
        // Somebody else may have done the same before: accepted, remembered, and nothing to write.
        let unchanged: Vec<Uuid> = sqlx::query_scalar(include_str!("unchanged.sql"))
            .bind(desk.people.ws.0)
            .bind(&lost)
            .fetch_all(owner)
            .await
            .unwrap();
        let unchanged: HashSet<Uuid> = unchanged.into_iter().collect();
        lost.retain(|command| !unchanged.contains(command));
        lost
    }

    /// Whether each of those who listened was told everything that is not a draft, once and in order.
    fn told(&self, heard: &AllHeard, verdicts: &mut Verdicts) {
        for listener in &heard.listeners {
            let known: HashSet<u64> = listener.positions.iter().copied().collect();
            let missed = self.ends.iter().filter(|position| !known.contains(position)).count();
            self.judge(listener, missed, verdicts);
        }
        let known: HashSet<u64> = heard.consumer.positions.iter().copied().collect();
        let missed = self.open.iter().filter(|position| !known.contains(position)).count();
        self.judge(&heard.consumer, missed, verdicts);
    }

    fn judge(&self, heard: &Heard, missed: usize, verdicts: &mut Verdicts) {
        let in_order = heard.positions.is_sorted_by(|one, next| one < next);
        let strange =
            heard.positions.iter().filter(|position| !self.open.contains(position)).count();
        let holds = heard.failure.is_none() && in_order && strange == 0 && missed == 0;
        let order = if in_order { "in order, each once" } else { "not in order or doubled" };
        let mut seen = format!("{} messages, {order}, {missed} missed", heard.positions.len());
        if strange > 0 {
            seen.push_str(&format!(", {strange} not for it"));
        }
        if let Some(failure) = &heard.failure {
            seen.push_str(&format!("; {failure}"));
        }
        verdicts.add(&format!("{} was told every position", heard.who), holds, seen);
    }
}
