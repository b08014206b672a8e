//! Starts the private Postgres again when it has ended by itself: killed, out of memory, or stopped by hand.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use local_postgres::LocalPostgres;

use crate::disk::is_full;

/// How often it is looked after; a look asks the system about one process.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The first pause before it is started again, and the longest: one that ends at once must not be started without end.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// After it has run for so long, the pauses begin anew.
const STEADY_AFTER: Duration = Duration::from_secs(60);
/// Less free space is the reason why it does not start: one file of its write-ahead log, and a little.
const NEEDED_KIB: u64 = 20 << 10;
/// How long the end waits for a start that is under way. Later the process ends, and Postgres with it.
const START_PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);

/// The server, until it is taken to be stopped.
type Kept = Arc<Mutex<Option<LocalPostgres>>>;

/// A private Postgres that is kept running.
pub struct Watched {
    postgres: Kept,
    end: Sender<()>,
}

impl Watched {
    /// Looks after a server from now on.
    pub fn over(postgres: LocalPostgres) -> io::Result<Self> {
        let postgres: Kept = Arc::new(Mutex::new(Some(postgres)));
        let (end, ended) = channel();
        let kept = Arc::clone(&postgres);
        // A thread of its own: the end of the runtime would wait for a start under way.
        thread::Builder::new()
            .name("postgres-watch".to_owned())
            .spawn(move || watch(&kept, &ended))?;
        Ok(Self { postgres, end })
    }

    /// Stops looking after it, and stops it. Blocks.
    pub fn stop(self) -> Result<(), local_postgres::Error> {
        drop(self.end);
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            if let Ok(mut postgres) = self.postgres.try_lock() {
                return postgres.take().map_or(Ok(()), LocalPostgres::stop);
            }
            if Instant::now() > deadline {
                tracing::warn!(
                    "the private Postgres is just being started; it ends with this program"
                );
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
    }
}

fn watch(postgres: &Kept, end: &Receiver<()>) {
    let goes_on = |wait| matches!(end.recv_timeout(wait), Err(RecvTimeoutError::Timeout));
    let (mut pause, mut started) = (PAUSES.0, Instant::now());
    while goes_on(LOOK_EVERY) {
        if !lock(postgres).as_mut().is_some_and(LocalPostgres::has_ended) {
            if started.elapsed() > STEADY_AFTER {
                pause = PAUSES.0;
            }
            continue;
        }
        tracing::warn!("the private Postgres has ended by itself; starting it again");
        if !goes_on(pause) {
            return;
        }
        pause = (pause * 2).min(PAUSES.1);
        // A statement of its own: it gives the lock back.
        let tried = lock(postgres).as_mut().map(LocalPostgres::start_again);
        if let Some(Err(error)) = tried {
            let error = &error as &dyn Error;
            tracing::error!(error, "the private Postgres could not be started again");
            tell_of_full_disk(postgres);
        }
        started = Instant::now();
    }
}

/// Postgres does not start without room for its write-ahead log, and cannot always say so: its own log needs room as well.
fn tell_of_full_disk(postgres: &Kept) {
    let cluster = lock(postgres).as_ref().map(LocalPostgres::cluster);
    if cluster.as_deref().and_then(Path::parent).is_some_and(|base| is_full(base, NEEDED_KIB)) {
        tracing::error!(
            "the disk of the private Postgres is full: it is started again when there is room"
        );
    }
}

fn lock(postgres: &Kept) -> MutexGuard<'_, Option<LocalPostgres>> {
    // What a panic under the lock may leave is looked at again: a server that runs or does not.
    postgres.lock().unwrap_or_else(PoisonError::into_inner)
}
