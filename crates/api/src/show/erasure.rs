//! Certificates as they are shown, and what an erasure would do.

use commands::erasure::{KnownErasure, Progress};
use erasure::{Certificate, LINGERING, NOT_COVERED, Plan};
use events::erasure::{ErasureCounts, ErasureSubject, SharedContent};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::people::{ActorShown, Wanted};
use super::words::{ContentKindWord, ErasureReasonWord, SharedChoiceWord, word};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;

/// So many contents of one sort are listed.
const LISTED_MAX: usize = 1000;

/// A certificate: what was erased, how far that has come, and what it does not reach.
#[derive(Serialize, ToSchema)]
pub struct CertificateShown {
    /// Its id, which is that of the erasure.
    id: Uuid,
    /// What is erased.
    subject: SubjectShown,
    /// Why.
    #[schema(value_type = ErasureReasonWord)]
    reason: String,
    /// What becomes of contents that concern others, too.
    #[schema(value_type = SharedChoiceWord)]
    shared: String,
    /// Who asked.
    requested_by: ActorShown,
    /// When it was asked for.
    #[schema(format = DateTime)]
    requested_at: String,
    /// `requested`; `destroyed`: the keys are gone, and servers have to confirm that they have dropped them; `completed`.
    state: &'static str,
    /// When the keys were destroyed: nothing of it can be read from the database since.
    #[schema(format = DateTime)]
    destroyed_at: Option<String>,
    /// When it was done.
    #[schema(format = DateTime)]
    completed_at: Option<String>,
    /// How many keys were destroyed; the log names them.
    keys: u64,
    /// How much was erased, once it is done.
    counts: Option<CountsShown>,
    /// Contents that concern others, too, and stay: the first thousand.
    kept: Vec<SharedContentShown>,
    /// How many there are of those.
    kept_total: u64,
    /// Sealed files that were deleted from the object store.
    objects: Option<u64>,
    /// Servers: who has dropped the keys.
    servers: ServersShown,
    /// What it does not reach.
    not_covered: Vec<&'static str>,
    /// Where old bytes may stay for a while, and until when.
    lingering: Vec<&'static str>,
}

/// What is erased.
#[derive(Serialize, ToSchema)]
pub struct SubjectShown {
    /// `contact`, `message`, `comment` or `file`.
    pub kind: &'static str,
    /// The contact, message, comment or file.
    pub id: Uuid,
    /// The ticket of a message, comment or file.
    pub ticket_id: Option<Uuid>,
}

/// How much was, or would be, erased.
#[derive(Serialize, ToSchema)]
pub struct CountsShown {
    /// Persons.
    persons: u64,
    /// Tickets whose name and text properties go.
    ticket_names: u64,
    /// Messages.
    messages: u64,
    /// Comments.
    comments: u64,
    /// Files.
    files: u64,
    /// Original mails.
    originals: u64,
    /// Drafts.
    drafts: u64,
    /// Contents on tickets that the person takes no part in.
    others: u64,
    /// Keys.
    keys: u64,
}

/// A content that concerns another person, too.
#[derive(Serialize, ToSchema)]
pub struct SharedContentShown {
    /// Its ticket, where that is known.
    ticket_id: Option<Uuid>,
    /// The message, comment, draft, or the ticket whose name it is.
    id: Uuid,
    /// What it is.
    #[schema(value_type = ContentKindWord)]
    kind: String,
}

/// Servers of an erasure.
#[derive(Serialize, ToSchema)]
pub struct ServersShown {
    /// Have dropped the keys.
    confirmed: u32,
    /// Run, and have not yet.
    awaited: u32,
    /// Were not heard of. Two minutes after the keys were destroyed they can use none they knew.
    silent: u32,
}

/// What an erasure would do: nothing has been changed.
#[derive(Serialize, ToSchema)]
pub struct ErasurePreview {
    /// How much would be erased.
    counts: CountsShown,
    /// Contents that concern others, too, and would stay: the first thousand.
    kept: Vec<SharedContentShown>,
    /// How many there are of those.
    kept_total: u64,
    /// Contents that concern others, too, and would be erased because that was chosen: the first thousand.
    shared_erased: Vec<SharedContentShown>,
    /// How many there are of those.
    shared_erased_total: u64,
    /// What it would not reach.
    not_covered: Vec<&'static str>,
}

/// Shows a certificate.
pub async fn show(
    app: &App,
    caller: &Caller,
    certificate: Certificate,
) -> Result<CertificateShown, ApiError> {
    let Certificate { id, erasure, standing } = certificate;
    let mut wanted = Wanted::default();
    wanted.actor(erasure.by);
    let people = wanted.find(app, caller).await?;
    let standing = standing.unwrap_or_default();
    let (state, destroyed_at, completed) = match &erasure.progress {
        Progress::Requested => ("requested", None, None),
        Progress::Destroyed(at) => ("destroyed", Some(at.to_string()), None),
        Progress::Completed { destroyed_at, at, outcome } => {
            ("completed", Some(destroyed_at.to_string()), Some((at.to_string(), outcome)))
        }
    };
    let outcome = completed.as_ref().map(|(_, outcome)| *outcome);
    let servers = match outcome {
        Some(outcome) => {
            ServersShown { confirmed: outcome.nodes, awaited: 0, silent: outcome.nodes_silent }
        }
        None => ServersShown {
            confirmed: standing.acknowledged,
            awaited: standing.awaited,
            silent: standing.silent,
        },
    };
    Ok(CertificateShown {
        id: id.0,
        subject: subject(erasure.requested.subject),
        reason: word(&erasure.requested.reason),
        shared: word(&erasure.requested.shared),
        requested_by: people.actor(erasure.by),
        requested_at: erasure.at.to_string(),
        state,
        destroyed_at,
        completed_at: completed.as_ref().map(|(at, _)| at.clone()),
        keys: erasure.keys,
        counts: outcome.map(|outcome| counts(&outcome.counts)),
        kept: outcome.map(|outcome| listed(&outcome.kept)).unwrap_or_default(),
        kept_total: outcome.map_or(0, |outcome| outcome.kept_total),
        objects: outcome.map(|outcome| outcome.objects),
        servers,
        not_covered: not_covered(&erasure),
        lingering: LINGERING.to_vec(),
    })
}

/// Shows what would happen.
pub fn preview(plan: &Plan) -> ErasurePreview {
    ErasurePreview {
        counts: counts(&plan.counts),
        kept: listed(&plan.kept),
        kept_total: plan.kept.len() as u64,
        shared_erased: listed(&plan.shared_erased),
        shared_erased_total: plan.shared_erased.len() as u64,
        not_covered: NOT_COVERED.to_vec(),
    }
}

fn not_covered(erasure: &KnownErasure) -> Vec<&'static str> {
    match erasure.requested.subject {
        ErasureSubject::Contact(_) => NOT_COVERED.to_vec(),
        ErasureSubject::Message { .. }
        | ErasureSubject::Comment { .. }
        | ErasureSubject::File { .. } => Vec::new(),
    }
}

fn subject(subject: ErasureSubject) -> SubjectShown {
    let (kind, id, ticket_id) = match subject {
        ErasureSubject::Contact(contact) => ("contact", contact.0, None),
        ErasureSubject::Message { ticket, message } => ("message", message.0, Some(ticket.0)),
        ErasureSubject::Comment { ticket, comment } => ("comment", comment.0, Some(ticket.0)),
        ErasureSubject::File { ticket, attachment } => ("file", attachment.0, Some(ticket.0)),
    };
    SubjectShown { kind, id, ticket_id }
}

const fn counts(counts: &ErasureCounts) -> CountsShown {
    let ErasureCounts { persons, ticket_names, messages, comments, .. } = *counts;
    let ErasureCounts { files, originals, drafts, others, keys, .. } = *counts;
    CountsShown {
        persons,
        ticket_names,
        messages,
        comments,
        files,
        originals,
        drafts,
        others,
        keys,
    }
}

fn listed(contents: &[SharedContent]) -> Vec<SharedContentShown> {
    let one = |shared: &SharedContent| SharedContentShown {
        ticket_id: shared.ticket.map(|ticket| ticket.0),
        id: shared.content,
        kind: word(&shared.kind),
    };
    contents.iter().take(LISTED_MAX).map(one).collect()
}
