//! Processor time per command, of this process and of Postgres. Where both cores are full this is what limits, and it can be
//! compared even when others use the machine.

use std::fs;

use sqlx::Row;

use crate::setup::Setup;
use crate::table::Table;

/// Processor time used so far, in nanoseconds.
pub struct Used {
    program: u64,
    postgres: u64,
}

impl Used {
    pub async fn now(setup: &Setup) -> Self {
        let backend: i32 =
            sqlx::query("select pg_backend_pid()").fetch_one(&setup.pool).await.unwrap().get(0);
        let postmaster = parent(&backend.to_string()).unwrap();
        let processes = numbers("/proc").into_iter();
        let postgres = processes
            .filter(|pid| *pid == postmaster || parent(pid).as_ref() == Some(&postmaster))
            .map(|pid| nanoseconds(&format!("/proc/{pid}/schedstat")))
            .sum();
        let threads = numbers("/proc/self/task").into_iter();
        let program =
            threads.map(|id| nanoseconds(&format!("/proc/self/task/{id}/schedstat"))).sum();
        Self { program, postgres }
    }

    /// Adds what was used since, divided by the number of commands.
    pub async fn report(&self, setup: &Setup, table: &mut Table, what: &str, commands: usize) {
        let now = Self::now(setup).await;
        let micros = |nanoseconds: u64| nanoseconds as f64 / 1000.0 / commands as f64;
        let program = micros(now.program.saturating_sub(self.program));
        let postgres = micros(now.postgres.saturating_sub(self.postgres));
        table.add(what, "program µs/command", program);
        table.add(what, "Postgres µs/command", postgres);
        table.add(what, "both µs/command", program + postgres);
    }
}

fn numbers(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).collect()
}

/// None for a process that has ended meanwhile.
fn parent(pid: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1).map(str::to_owned)
}

fn nanoseconds(file: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0)
}
