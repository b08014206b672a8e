//! Threads for computing that lasts: of a lower priority than those that answer requests, so that no reader waits for a rebuild.

use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::task::spawn_blocking;

use super::error::RebuildError;

/// By so much they are nicer than the rest of the process; a step is about a tenth of a busy processor.
const NICER: i32 = 10;
/// One folds while the other decodes.
const THREADS: usize = 2;

/// Cheap to clone. The threads begin with the first work and end when there is none.
#[derive(Clone)]
pub(super) struct Threads(Arc<Background>);

struct Background(Option<Runtime>);

impl Threads {
    pub(super) fn new() -> Self {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(THREADS)
            .thread_name("background")
            .on_thread_start(|| {
                // Linux counts it for the thread alone. Where it is refused, the work is done all the same.
                let _refused = rustix::process::nice(NICER);
            })
            .build();
        Self(Arc::new(Background(runtime.ok())))
    }

    /// Computes something beside.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RebuildError> {
        let task = match &self.0.0 {
            Some(runtime) => runtime.spawn_blocking(work),
            None => spawn_blocking(work),
        };
        task.await.map_err(|_| RebuildError::Stopping)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Waiting for threads is not allowed in every place where this ends.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
