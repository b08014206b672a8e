//! How it goes, minute by minute.

use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tokio::sync::watch::Receiver;

use crate::act::Kind;
use crate::desk::Desk;
use crate::http::{Ask, Client};
use crate::journal::{Journal, Took, part};
use crate::judge::{self, Memory, Verdicts};
use crate::load::Load;
use crate::process::{self, Held};
use crate::watch::Watchers;

/// How often memory is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
const LOOKS_PER_MINUTE: u32 = 6;
const MB: f64 = 1_048_576.0;

/// One minute.
pub struct Minute {
    pub took: Took,
    pub errors: u64,
    pub held: Held,
    pub postgres_mb: f64,
    pub folder_mb: f64,
    pub lag: u64,
    /// Connections of the server to Postgres.
    pub backends: i64,
    /// Connections of clients, without those that listen.
    pub clients: usize,
    pub tickets: u64,
    pub machine_load: f64,
    pub yardstick_ms: f64,
}

/// All minutes so far.
pub struct Minutes<'a> {
    pub all: Vec<Minute>,
    pub memory: Vec<Memory>,
    desk: &'a Desk,
    database: PgConnection,
    started: Instant,
}

impl<'a> Minutes<'a> {
    pub async fn begin(desk: &'a Desk) -> Self {
        let database = PgConnection::connect(&desk.database().await).await.unwrap();
        let started = Instant::now();
        Self { all: Vec::new(), memory: Vec::new(), desk, database, started }
    }

    /// Looks until so many minutes are over.
    pub async fn sample(
        &mut self,
        (journal, watchers, load): (&Journal, &Watchers, &Load),
        minutes: u64,
        stop: &mut Receiver<bool>,
    ) {
        self.started = Instant::now();
        let mut before = (0, watchers.told());
        for look in 1.. {
            let next = self.started + LOOK_EVERY * look;
            let stopped = tokio::select! {
                () = tokio::time::sleep_until(next.into()) => false,
                _ = stop.changed() => true,
            };
            self.look().await;
            if stopped || look % LOOKS_PER_MINUTE == 0 {
                let errors = journal.failures().0;
                let minute = self.minute(journal.minute(), errors - before.0, load).await;
                let told = watchers.told();
                self.print(&minute, told - before.1);
                self.all.push(minute);
                before = (errors, told);
            }
            if stopped || self.all.len() as u64 == minutes {
                return;
            }
        }
    }

    /// Judges everything that has to stay as it is.
    pub fn judge(&self, verdicts: &mut Verdicts) {
        judge::memory(verdicts, &self.memory);
        let writes = self.p99s(Kind::is_write);
        let reads = self.p99s(|kind| !kind.is_write());
        judge::latency(verdicts, "latency of writes", &writes);
        judge::latency(verdicts, "latency of reads", &reads);
        let of = |what: fn(&Minute) -> f64| self.all.iter().map(what).collect::<Vec<_>>();
        judge::held(verdicts, "open files", &of(|minute| minute.held.files as f64));
        judge::held(verdicts, "threads", &of(|minute| minute.held.threads as f64));
        judge::held(verdicts, "connections to Postgres", &of(|minute| minute.backends as f64));
    }

    /// The worst percent of each minute, in milliseconds.
    fn p99s(&self, wanted: impl Fn(Kind) -> bool) -> Vec<f64> {
        let p99 = |minute: &Minute| {
            let chosen = minute.took.iter().filter(|(kind, _)| wanted(**kind));
            let mut all: Vec<u32> = chosen.flat_map(|(_, took)| took).copied().collect();
            all.sort_unstable();
            part(&all, 0.99)
        };
        self.all.iter().map(p99).collect()
    }

    /// Memory, and how much of it has a bound by design.
    async fn look(&mut self) {
        let resident = process::held(self.desk.pid()).resident_mb;
        let metrics = self.metrics().await.unwrap_or_default();
        let cache = metric(&metrics, "ledgerdesk_state_cache_bytes").unwrap_or(0.0);
        let index = metric(&metrics, "ledgerdesk_facets_bytes").unwrap_or(0.0);
        self.memory.push(Memory {
            minute: self.started.elapsed().as_secs_f64() / 60.0,
            resident_mb: resident,
            by_design_mb: (cache + index) / MB,
        });
    }

    async fn metrics(&self) -> Result<String, String> {
        let mut client = Client::connect(&self.desk.address).await?;
        let answer = client.send(&Ask::get("/metrics", &self.desk.people.admin.token)).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    async fn minute(&mut self, took: Took, errors: u64, load: &Load) -> Minute {
        let listed = self.desk.ask("/api/v1/admin/projections").await.unwrap_or_default();
        let lags = listed["items"].as_array().into_iter().flatten();
        let lag = lags.filter_map(|view: &Value| view["lag_events"].as_u64()).max().unwrap_or(0);
        let backends = sqlx::query_scalar(include_str!("connections.sql"));
        // It takes a while and must not stand in the way of those who send and take times.
        let (pid, data) = (self.desk.pid(), self.desk.data.clone());
        let slow = tokio::task::spawn_blocking(move || {
            (process::postgres_mb(pid), process::folder_mb(&data), process::yardstick_ms())
        });
        let (postgres_mb, folder_mb, yardstick_ms) = slow.await.unwrap_or_default();
        Minute {
            took,
            errors,
            held: process::held(self.desk.pid()),
            postgres_mb,
            folder_mb,
            lag,
            backends: backends.fetch_one(&mut self.database).await.unwrap_or(0),
            clients: load.connections(),
            tickets: load.tickets(),
            machine_load: process::machine_load(),
            yardstick_ms,
        }
    }

    fn print(&self, minute: &Minute, told: u64) {
        let requests: usize = minute.took.values().map(Vec::len).sum();
        println!(
            "{:>3} min: {requests} requests, {} errors; server {:.0} MB, {} files, {} threads; Postgres {:.0} MB, {} connections; \
             {} clients, {told} live messages; views {} events behind; {} tickets, {:.0} MB of data; \
             machine load {:.1}, yardstick {:.0} ms",
            self.all.len() + 1,
            minute.errors,
            minute.held.resident_mb,
            minute.held.files,
            minute.held.threads,
            minute.postgres_mb,
            minute.backends,
            minute.clients,
            minute.lag,
            minute.tickets,
            minute.folder_mb,
            minute.machine_load,
            minute.yardstick_ms,
        );
        let kind = |(kind, took): (&Kind, &Vec<u32>)| {
            let of = |share| part(took, share);
            let (p50, p95, p99, most) = (of(0.5), of(0.95), of(0.99), of(1.0));
            format!("{} {}: {p50:.1}/{p95:.1}/{p99:.1}/{most:.0}", took.len(), kind.name())
        };
        let kinds: Vec<String> = minute.took.iter().map(kind).collect();
        println!("         ms p50/p95/p99/max, {}", kinds.join("; "));
    }
}

/// The sum of all series of a metric; none if there is no such metric.
fn metric(text: &str, name: &str) -> Option<f64> {
    let lines = text.lines().filter(|line| line.starts_with(name));
    let values: Vec<f64> = lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    (!values.is_empty()).then(|| values.iter().sum())
}
