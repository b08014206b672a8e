//! Views built and compared in the background of this process, and led to. What is under way ends with the process and goes on
//! with the next one that is asked.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_store::projection::ProjectionType;
use event_store::projection::rebuild::{Build, Force, Progress, RebuildError, Workshop};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The pauses before what could not be built is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// The views of this process as they are built anew.
pub(crate) struct Rebuilding {
    workshop: Workshop,
    projections: Vec<ProjectionType>,
    tasks: Mutex<HashMap<&'static str, JoinHandle<()>>>,
    missing: Mutex<Vec<JoinHandle<()>>>,
}

/// What is done in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Rebuild,
    Verify,
}

impl Rebuilding {
    pub fn new(workshop: Workshop, projections: Vec<ProjectionType>) -> Self {
        Self { workshop, projections, tasks: Mutex::default(), missing: Mutex::default() }
    }

    /// The view of a name.
    pub fn view(&self, name: &str) -> Result<ProjectionType, RebuildError> {
        Workshop::view(name, &self.projections)
    }

    /// Every build of the views of this program.
    pub async fn builds(&self) -> Result<Vec<Build>, RebuildError> {
        let mut builds = self.workshop.builds().await?;
        builds.retain(|build| self.projections.iter().any(|known| known.name == build.name));
        Ok(builds)
    }

    pub async fn switch(&self, name: &str, force: Force) -> Result<Build, RebuildError> {
        self.workshop.switch(self.view(name)?, force).await
    }

    pub async fn rollback(&self, name: &str) -> Result<Build, RebuildError> {
        self.workshop.rollback(self.view(name)?).await
    }

    pub async fn abort(&self, name: &str) -> Result<Vec<Build>, RebuildError> {
        self.workshop.abort(self.view(name)?).await
    }

    /// Begins in the background; answers as soon as it is under way, or why it cannot be.
    pub async fn begin(&self, name: &str, work: Work) -> Result<ProjectionType, RebuildError> {
        let projection = self.view(name)?;
        let (begun, mut beginning) = watch::channel(false);
        let (failed, mut failing) = tokio::sync::oneshot::channel();
        let workshop = self.workshop.clone();
        let task = tokio::spawn(async move {
            let told = |_: Progress| {
                begun.send_replace(true);
            };
            let ended = match work {
                Work::Rebuild => workshop.rebuild(projection, &told).await.map(drop),
                Work::Verify => workshop.verify(projection, &told).await.map(drop),
            };
            let Err(error) = ended else { return };
            if *begun.borrow() {
                log(projection, &error);
            } else {
                // Whoever asked may be gone.
                drop(failed.send(error));
            }
        });
        let has_begun = async { drop(beginning.wait_for(|begun| *begun).await) };
        let under_way = tokio::select! {
            // Whoever failed at once has also ended: why it failed counts.
            biased;
            error = &mut failing => error.map_or(Ok(()), Err),
            () = has_begun => Ok(()),
        };
        under_way?;
        lock(&self.tasks).insert(projection.name, task);
        Ok(projection)
    }

    /// Builds views that are not fit to be read yet, and leads readers to them.
    pub fn build_missing(&self, building: &[ProjectionType]) {
        let mut missing = lock(&self.missing);
        for projection in building {
            missing.push(tokio::spawn(build_missing(self.workshop.clone(), *projection)));
        }
    }
}

impl Drop for Rebuilding {
    fn drop(&mut self) {
        // Their connections must not keep the pools from closing.
        lock(&self.tasks).drain().for_each(|(_, task)| task.abort());
        lock(&self.missing).drain(..).for_each(|task| task.abort());
    }
}

async fn build_missing(workshop: Workshop, projection: ProjectionType) {
    let mut pause = PAUSES.0;
    loop {
        match workshop.rebuild(projection, &|_| {}).await {
            Ok(_) | Err(RebuildError::Waiting { .. }) => {
                match workshop.switch(projection, Force::Yes).await {
                    // Another node did.
                    Ok(_) | Err(RebuildError::NotReady { .. }) => return,
                    Err(error) => log(projection, &error),
                }
            }
            // Another node is at it.
            Err(RebuildError::Busy { .. }) => pause = PAUSES.0,
            Err(error) => log(projection, &error),
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

fn log(projection: ProjectionType, error: &RebuildError) {
    let error: &(dyn std::error::Error + 'static) = error;
    tracing::error!(projection = projection.name, error, "a view could not be rebuilt or verified");
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while holding one of these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
