//! Why a view could not be rebuilt, compared, or switched.

use crate::log::LogError;
use crate::projection::error::{StepError, StopReason};

/// Why a view could not be rebuilt, compared, or switched. Readers of the present build are never concerned.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// There is no view of that name.
    #[error("there is no view {name}; there are: {known}")]
    UnknownView {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// It is rebuilt or compared already.
    #[error(
        "the view {name} is being rebuilt or verified already; wait for its end, or give it up with `ledgerdesk projection abort {name}`"
    )]
    Busy {
        /// The view.
        name: &'static str,
    },
    /// A build that is complete waits for its switch.
    #[error(
        "build {build} of the view {name} is ready: switch to it with `ledgerdesk projection switch {name}`, or give it up with `ledgerdesk projection abort {name}`"
    )]
    Waiting {
        /// The view.
        name: &'static str,
        /// The build.
        build: u32,
    },
    /// There is no complete build to switch to.
    #[error(
        "no build of the view {name} is ready; make one with `ledgerdesk projection rebuild {name}`"
    )]
    NotReady {
        /// The view.
        name: &'static str,
    },
    /// The build is complete and differs from what readers see.
    #[error(
        "build {build} of the view {name} is not the same as the present one: {problem}. Switch all the same with --force"
    )]
    Differs {
        /// The view.
        name: &'static str,
        /// The build.
        build: u32,
        /// What differs.
        problem: String,
    },
    /// There is no earlier build to go back to.
    #[error("the view {name} has no earlier build to go back to")]
    NoWayBack {
        /// The view.
        name: &'static str,
    },
    /// There is nothing to give up.
    #[error("the view {name} is not being rebuilt")]
    NothingToAbort {
        /// The view.
        name: &'static str,
    },
    /// The way back is not to be closed so soon.
    #[error(
        "build {build} of the view {name} was in use until {minutes} minutes ago and stays for a way back; drop it now with --now"
    )]
    TooSoon {
        /// The view.
        name: &'static str,
        /// The build.
        build: u32,
        /// How long ago it was in use.
        minutes: u64,
    },
    /// Readers see nothing yet that could be compared.
    #[error(
        "the view {name} has no build in use; build it with `ledgerdesk projection rebuild {name}`"
    )]
    NotActive {
        /// The view.
        name: &'static str,
    },
    /// Somebody gave the build up.
    #[error("the build was given up")]
    Aborted,
    /// The disk of the database is full.
    #[error(
        "the disk of the database is full: make room and run the same command again to go on, or give the build up with `ledgerdesk projection abort`; the present view is not concerned"
    )]
    DiskFull(#[source] sqlx::Error),
    /// An event or the log is in the way.
    #[error("the build stopped; the present view is not concerned")]
    Stopped(#[from] StopReason),
    /// The build that readers see does not follow the log, so there is nothing to compare with.
    #[error("the present build of the view {name} does not follow the log")]
    LiveStands {
        /// The view.
        name: &'static str,
    },
    /// The database is away; the same command goes on later.
    #[error("the database did not answer; run the same command again to go on")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A thread ended early.
    #[error("the program is stopping")]
    Stopping,
}

impl From<sqlx::Error> for RebuildError {
    fn from(error: sqlx::Error) -> Self {
        Self::from(StepError::of_sql(error))
    }
}

impl From<LogError> for RebuildError {
    fn from(error: LogError) -> Self {
        Self::from(StepError::of_log(error))
    }
}

impl From<StepError> for RebuildError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Stopped(reason) => Self::Stopped(reason),
            // Whoever goes on with it saw the build given up by this process.
            StepError::Fenced => Self::Aborted,
            StepError::Transient(error) => match error.downcast::<sqlx::Error>() {
                Ok(error) if is_full(&error) => Self::DiskFull(*error),
                Ok(error) => Self::Database(error),
                Err(error) => Self::Database(error),
            },
        }
    }
}

fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "53100")
}
