//! `erase contact`: forgets a person, and waits until that is done. It works beside a running server, and without one.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use commands::contact::EraseContact;
use commands::erasure::Progress;
use decider::{CommandId, WorkspaceId};
use erasure::{Certificate, Erasing, ErasureError, Step, carry_out, certificate, named, preview};
use events::erasure::{ErasureReason, SharedChoice};
use events::{ContactId, ErasureId};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::shown;
use crate::cli::{CliError, Common, session};
use crate::service::Service;

/// How long is waited for servers that hold keys. A silent one is waited for two minutes.
const DONE_WITHIN: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Whom to forget.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ledgerdesk erase contact 0190f3c2-… --reason request-of-person --dry-run\n\n\
                  What concerns another person, too, stays unless --shared erase, or --also with its id, says otherwise: \
                  the dry run lists it. An erasure cannot be taken back."
)]
pub struct EraseContactArgs {
    /// The contact's id
    id: Uuid,
    /// Why
    #[arg(long, value_enum, default_value_t = ReasonArg::RequestOfPerson)]
    reason: ReasonArg,
    /// What becomes of contents that concern another person, too
    #[arg(long, value_enum, default_value_t = SharedArg::Keep)]
    shared: SharedArg,
    /// One of those, to be erased although the others stay; may be given several times
    #[arg(long, value_name = "ID")]
    also: Vec<Uuid>,
    /// Only say what would be erased and kept
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReasonArg {
    RequestOfPerson,
    Retention,
    ConsentWithdrawn,
    Misplaced,
    Other,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SharedArg {
    Keep,
    Erase,
}

impl From<ReasonArg> for ErasureReason {
    fn from(reason: ReasonArg) -> Self {
        match reason {
            ReasonArg::RequestOfPerson => Self::RequestOfPerson,
            ReasonArg::Retention => Self::Retention,
            ReasonArg::ConsentWithdrawn => Self::ConsentWithdrawn,
            ReasonArg::Misplaced => Self::Misplaced,
            ReasonArg::Other => Self::Other,
        }
    }
}

impl From<SharedArg> for SharedChoice {
    fn from(shared: SharedArg) -> Self {
        match shared {
            SharedArg::Keep => Self::Keep,
            SharedArg::Erase => Self::Erase,
        }
    }
}

pub async fn run(common: &Common, args: EraseContactArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with_views(common, |service, ws| async move {
        let erasing = service.erasing();
        if args.dry_run {
            return dry_run(&service, (&erasing, ws), &args, json).await;
        }
        let command = EraseContact {
            contact_id: ContactId(args.id),
            erasure_id: ErasureId(Uuid::now_v7()),
            reason: args.reason.into(),
            shared: args.shared.into(),
            also: args.also.clone(),
        };
        service.handle(ws, CommandId(Uuid::now_v7()), command).await?;
        let id = named(&erasing, ws, args.id).await?.ok_or_else(|| missing(args.id))?;
        let certificate = finish(&service, (&erasing, ws), id).await?;
        shown::certificate(&certificate, json)?;
        Ok(ExitCode::SUCCESS)
    })
    .await
}

async fn dry_run(
    service: &Service,
    (erasing, ws): (&Erasing, WorkspaceId),
    args: &EraseContactArgs,
    json: bool,
) -> Result<ExitCode, CliError> {
    let known = service.reader.stream(ws, args.id, 0).await?;
    if known.first().is_none_or(|event| event.kind != "contact") {
        return Err(missing(args.id));
    }
    session::await_views(service, ws).await?;
    let choice = (args.shared.into(), args.also.as_slice());
    let plan = preview(erasing, ws, ContactId(args.id), choice).await?;
    shown::plan(&plan, json)?;
    Ok(ExitCode::SUCCESS)
}

/// Takes it as far as it goes, together with a server that runs.
async fn finish(
    service: &Service,
    (erasing, ws): (&Erasing, WorkspaceId),
    id: ErasureId,
) -> Result<Certificate, CliError> {
    session::await_views(service, ws).await?;
    let deadline = Instant::now() + DONE_WITHIN;
    loop {
        let step = carry_out(erasing, ws, id).await;
        let found = certificate(erasing, ws, id).await?.ok_or(ErasureError::Unknown)?;
        if matches!(found.erasure.progress, Progress::Completed { .. }) {
            return Ok(found);
        }
        match step {
            // A server may hold a table at the same moment.
            Err(error) if Instant::now() >= deadline => return Err(error.into()),
            Ok(Step::Waits(_)) if Instant::now() >= deadline => return Ok(found),
            Ok(_) | Err(_) => sleep(LOOK_EVERY).await,
        }
    }
}

fn missing(id: Uuid) -> CliError {
    CliError::Missing { what: "contact", name: id.to_string() }
}
