//! Why a command did not do what it was asked, and with which exit code it says so.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use event_store::handler::HandleError;
use event_store::log::LogError;
use event_store::log::copy::{CopyError, Fault, TakeError};
use event_store::projection::rebuild::RebuildError;
use ops::OpsError;

use super::heads::RefusedHead;
use crate::config::ConfigError;
use crate::service::ServiceError;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Arguments do not go together.
    #[error("{0}")]
    Usage(&'static str),
    /// The service could not be opened.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The log could not be read.
    #[error("the log could not be read")]
    Log(#[from] LogError),
    /// A command was not accepted.
    #[error(transparent)]
    Handle(#[from] HandleError),
    /// Operational state could not be read or written.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// Something sealed could not be opened.
    #[error("sealed content could not be opened")]
    Vault(#[from] vault::VaultError),
    /// A statement failed.
    #[error("the database did not answer as expected")]
    Database(#[from] sqlx::Error),
    /// A stored event cannot be read.
    #[error("an event cannot be read")]
    Decode(#[from] decider::DecodeError),
    /// A head that was kept elsewhere proves nothing.
    #[error(transparent)]
    Head(#[from] RefusedHead),
    /// The interface refuses what was asked, in its own words.
    #[error("{}", .0.detail())]
    Refused(Box<api::ApiError>),
    /// There is nothing of that name.
    #[error("there is no {what} {name}")]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// As it was named.
        name: String,
    },
    /// The address is taken by another program.
    #[error(
        "cannot listen on {address}: another program uses this port; stop it, or choose another one with --listen"
    )]
    PortTaken {
        /// The address.
        address: std::net::SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    File {
        /// Which.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The terminal or pipe cannot be used.
    #[error("cannot read or write the terminal")]
    Terminal(#[source] io::Error),
    /// Nobody reads the output any more.
    #[error("nobody reads the output")]
    OutputClosed,
    /// An erasure could not go on.
    #[error(transparent)]
    Erasure(#[from] erasure::ErasureError),
    /// The views do not follow the log.
    #[error(
        "the view {0} has not reached the end of the log in time; see `ledgerdesk projection list`"
    )]
    ViewBehind(&'static str),
    /// An import stopped.
    #[error(transparent)]
    Import(#[from] channels::import::ImportError),
    /// A sealed copy could not be made.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A sealed copy was not taken in, or not as a whole.
    #[error("the copy was not taken in as a whole")]
    Take(#[from] TakeError),
    /// A file is no sealed copy that can be taken in.
    #[error("{path} cannot be taken in (line {line}), and nothing was changed")]
    NoCopy {
        /// The file.
        path: String,
        /// The line.
        line: u64,
        /// Why not.
        #[source]
        fault: Fault,
    },
    /// The key file that belongs to a copy is not here.
    #[error(
        "{path} is not the key file of the installation that this copy comes from, and nothing was changed. Put that one there \
         first: natural keys and everything sealed hang on it"
    )]
    NoKeyFile {
        /// Where it has to be.
        path: String,
        /// Why it cannot be used, where it cannot.
        #[source]
        source: Option<vault::KeyFileError>,
    },
    /// Servers of the workspace run.
    #[error("a server of this workspace runs, or was killed a moment ago: stop every one first")]
    ServerRuns,
    /// What was exported is not whole.
    #[error("the export could not be written, and is not whole")]
    Export(#[source] io::Error),
    /// A file would be replaced.
    #[error("{path} is there already")]
    Exists {
        /// The file or folder.
        path: String,
    },
    /// A backup was not made.
    #[error(transparent)]
    Backup(#[from] super::backup::BackupError),
    /// Nothing more could be invented.
    #[error(transparent)]
    Generate(#[from] crate::generate::GenerateError),
    /// A view could not be rebuilt, compared or switched.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    /// JSON could not be written.
    #[error("the answer could not be written as JSON")]
    Json(#[from] serde_json::Error),
    /// No runtime.
    #[error("the program could not be started")]
    Runtime(#[source] io::Error),
    /// It was interrupted, and can go on.
    #[error("stopped; run the same command again to go on: what is in already is passed over")]
    Interrupted,
}

impl From<api::ApiError> for CliError {
    fn from(error: api::ApiError) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl From<api::Unshown> for CliError {
    fn from(error: api::Unshown) -> Self {
        match error {
            api::Unshown::Decode(error) => error.into(),
            api::Unshown::Vault(error) => error.into(),
        }
    }
}

impl CliError {
    /// Tells the person or the script, on stderr, and answers the exit code.
    pub(super) fn report(&self, json: bool) -> ExitCode {
        let code = match self {
            // The reader has seen enough.
            Self::OutputClosed => return ExitCode::SUCCESS,
            Self::Config(_)
            | Self::Usage(_)
            | Self::Head(_)
            | Self::Rebuild(RebuildError::UnknownView { .. }) => 2,
            Self::Refused(error) if error.kind() == api::Kind::Malformed => 2,
            _ => 1,
        };
        if json {
            eprintln!(
                "{}",
                serde_json::json!({ "error": self.to_string(), "causes": causes(self) })
            );
        } else {
            eprintln!("ledgerdesk: {self}");
            for cause in causes(self) {
                eprintln!("  because: {cause}");
            }
            if let Self::Handle(HandleError::Rejected(rejected)) = self {
                for field in &rejected.fields {
                    eprintln!("  {}: {}", field.field, field.message);
                }
            }
        }
        ExitCode::from(code)
    }
}

/// The causes of an error, nearest first. One that repeats its own cause is told once.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut told = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if told.last() != Some(&text) {
            told.push(text);
        }
        next = cause.source();
    }
    told.split_off(1)
}
